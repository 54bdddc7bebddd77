"""Losses of several tensors as lines: one number of a hand-worked case moves."""

from math import hypot

import pytest

import losslab
from losslab.catalog import CATALOGUE


def test_a_triplet_by_the_number_with_the_steepest_slope():
    (drawn,) = losslab.curves("triplet_margin_loss").curves
    assert drawn.subject.params == {"margin": 10.0, "p": 2.0, "eps": 0.0}
    assert drawn.subject.record.summary == "negative[0, 1]"
    for x, value, slope in zip(drawn.x.tolist(), drawn.value.tolist(), drawn.gradient.tolist(), strict=True):
        far = hypot(5, 12 + x)
        assert value == pytest.approx(max(0, 5 - far + 10), abs=1e-9)
        if abs(far - 15) > 1e-6:
            assert slope == pytest.approx(-(12 + x) / far if far < 15 else 0, abs=1e-9)


def test_settings_take_the_place_of_the_cases():
    (drawn,) = losslab.curves("triplet_margin_loss:margin=12").curves
    assert drawn.value[drawn.x == 0].item() == pytest.approx(4)


@pytest.mark.parametrize("name", [name for name, record in CATALOGUE.items() if record.kind == "set"])
def test_every_loss_of_several_tensors_is_drawn(name):
    (drawn,) = losslab.curves(name).curves
    assert drawn.value.isfinite().all()
    assert drawn.gradient.any()
    case = next(case for case in CATALOGUE[name].cases if case.gradient)
    if case.options.get("reduction") == "sum":
        assert drawn.value[drawn.x == 0].item() == pytest.approx(float(case.value), abs=1e-4)
