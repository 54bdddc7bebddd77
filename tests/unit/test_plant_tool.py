"""The planter of faults: it sees what the tests catch, what they miss, and what changes nothing."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch

from losslab.catalog import CATALOGUE
from losslab.spec.declare import Catalogue, loss
from losslab.spec.record import Case, LossRecord

TOOLS = Path(__file__).parents[2] / "tools"
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="faults are planted in forks")


def beyond(size, far=100.0):
    return torch.relu(size - far)


@pytest.fixture
def toy() -> Iterator[LossRecord]:
    """Steeper beyond 100, where no case looks."""

    @loss(
        kind="pointwise", task="regression", uses=(beyond,),
        cases=(
            Case([3.0, -1.0], [1.0, 1.5], 6.75, {"factor": 3.0}, [1.5, -1.5]),
            Case([3.0, -1.0], [1.0, 1.5], [4.0, 5.0], {"reduction": "none"}),
        ),
    )  # fmt: skip
    def toy_of_planting(input, target, *, factor=2.0):
        """Twice the absolute error."""
        size = (input - target).abs().clamp(min=-1.0)
        return factor * size + beyond(size)

    yield toy_of_planting
    del CATALOGUE._records["toy_of_planting"]


CAUGHT = (
    "size = (input + target).abs().clamp(min=-1.0)",
    "size = (input - target).clamp(min=-1.0)",
    "return size + beyond(size)",
    "return factor + beyond(size)",
    "factor = 2.0",
    "factor=2.2",
    "return mean_everywhere(factor * size + beyond(size))",
)
SURVIVES, EQUIVALENT = "return factor * size - beyond(size)", "size = (input - target).abs()"


def test_what_is_caught_what_survives_and_what_is_equivalent(monkeypatch, toy):
    monkeypatch.syspath_prepend(TOOLS)
    import plant

    catalogue = Catalogue({toy.name: toy})
    plans = {plan.mutant.change.rpartition(" -> ")[2]: plan for plan in plant.plans(catalogue, [], None, tests=False)}
    assert "return size - far" in plans, "the helper has faults too"
    asked = [*CAUGHT, SURVIVES, EQUIVALENT]
    found = dict(plant.run([partial(plant.judge, plans[change], catalogue) for change in asked], jobs=1))
    verdicts = {change: found[number] for number, change in enumerate(asked)}
    assert {change: verdicts[change][0] for change in asked} == {
        **dict.fromkeys(CAUGHT, "caught"),
        SURVIVES: "survived",
        EQUIVALENT: "equivalent",
    }
    assert verdicts["return size + beyond(size)"][1].startswith("cases of toy_of_planting: toy_of_planting: case")
    assert toy(torch.tensor([200.0]), torch.tensor([0.0])) == 500, "a fault stays in its process"


def test_the_faults_of_a_rule(monkeypatch):
    monkeypatch.syspath_prepend(TOOLS)
    from mutants import mutants

    found = {mutant.change.rpartition(" -> ")[2] for mutant in mutants(beyond)}
    assert found >= {"return torch.relu(size + far)", "return torch.relu(size)", "return size - far"}
    for name, wrong in {
        "focal_loss": "gamma = 2.0",
        "huber_loss": "delta=1.1",
        "sigmoid_focal_loss": "near = input",
        "brier_loss": "weight = None",
    }.items():
        changes = {mutant.change.rpartition(" -> ")[2] for mutant in mutants(CATALOGUE[name].rule)}
        assert wrong in changes, name


def test_what_crashes_or_does_not_end_is_caught(monkeypatch):
    monkeypatch.syspath_prepend(TOOLS)
    import plant

    monkeypatch.setattr(plant, "LONGEST", 1)

    def never() -> None:
        while True:
            pass

    works = [never, lambda: os._exit(3), lambda: "fine"]
    assert dict(plant.run(works, jobs=2)) == {0: None, 1: None, 2: "fine"}


@pytest.mark.parametrize(
    ("params", "concerns"),
    [
        ({"loss": "huber_loss", "mode": "sum"}, True),
        ({"loss": "huber", "other": "cauchy_loss"}, True),
        ({"loss": "cauchy_loss"}, False),
        ({"loss": CATALOGUE["cauchy"].form}, False),
        ({"loss": CATALOGUE["huber"].form}, True),
        ({"reduction": "mean", "size": 3}, True),
    ],
)
def test_tests_that_name_other_losses_only_are_left_out(monkeypatch, params, concerns):
    monkeypatch.syspath_prepend(TOOLS)
    import plant

    call = type("Call", (), {"params": params})
    assert plant.TestsOf({"huber_loss"}).concerns(call) is concerns
