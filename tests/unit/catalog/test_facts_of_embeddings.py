"""The facts of losses over embeddings, drawn: the general suites for facts see losses of input and target only."""

import math

import pytest
import torch

from losslab.catalog import CATALOGUE
from losslab.testing.set_samples import draw, predicted, value_and_gradients

FAMILIES = ("metric_learning", "class_centres", "proxies", "contrastive_views", "self_supervised")
LOSSES = [name for name in CATALOGUE if CATALOGUE[name].rule.__module__.rpartition(".")[2] in FAMILIES]
STATED = [name for name in LOSSES if CATALOGUE[name].facts is not None]
QUIET = pytest.mark.filterwarnings("ignore::losslab.spec.policy.LossWarning")


def batches(record, count=30):
    """Drawn batches, some far and some near, some equal and some opposite."""
    for seed in range(count):
        batch = draw(record, seed=seed)
        for key in predicted(record, batch):
            batch[key] = batch[key] * 10.0 ** ((seed % 5) - 2)
            if seed % 4 == 3:
                batch[key] = batch[key][:1] * torch.tensor([1.0, -1.0]).repeat(9)[: len(batch[key])].reshape(
                    -1, *[1] * (batch[key].ndim - 1)
                )
        yield batch


def names():
    assert len(LOSSES) == 26
    assert set(LOSSES) - set(STATED) == {"barlow_twins_loss"}
    return STATED


@QUIET
@pytest.mark.parametrize("name", names())
def test_values_lie_where_they_are_said_to(name):
    record = CATALOGUE[name]
    interval = record.facts.at(**record.defaults).values
    for batch in batches(record):
        value = record(**batch, reduction="none")
        assert (value >= interval.low - 1e-12).all()
        assert (value <= interval.high + 1e-12).all()


@pytest.mark.parametrize(
    ("name", "operands"),
    [
        ("byol_loss", [{"prediction": [[1.0, 0.0]], "target": [[s, 0.0]]} for s in (2.0, -1.0)]),
        ("simsiam_loss", [{"prediction": [[1.0, 0.0]], "target": [[s, 0.0]]} for s in (-3.0, 1.0)][::-1]),
        ("koleo_loss", [{"input": [[1.0, 0.0], [s, 0.0]]} for s in (-1.0, 1.0)]),
    ],
)
@QUIET
def test_the_ends_are_reached(name, operands):
    record = CATALOGUE[name]
    interval = record.facts.at(**record.defaults).values
    for batch, end in zip(operands, (interval.low, interval.high), strict=True):
        tensors = {key: torch.tensor(rows, dtype=torch.float64) for key, rows in batch.items()}
        assert record(**tensors).item() == pytest.approx(end, abs=1e-9)


@pytest.mark.parametrize("name", [name for name in STATED if CATALOGUE[name].facts.convex])
def test_convex_along_every_chord(name):
    record = CATALOGUE[name]
    for seed in range(20):
        one, other = draw(record, seed=seed), draw(record, seed=100 + seed)
        free = predicted(record, one)
        other = {**one, **{key: other[key] for key in free}}
        middle = {**one, **{key: 0.5 * (one[key] + other[key]) for key in free}}
        ends = 0.5 * (record(**one, reduction="none") + record(**other, reduction="none"))
        assert (record(**middle, reduction="none") <= ends + 1e-10).all()


@pytest.mark.parametrize("name", [name for name in STATED if CATALOGUE[name].facts.lipschitz is not None])
def test_no_gradient_is_longer_than_said_and_one_is_as_long(name):
    record = CATALOGUE[name]
    bound = record.facts.at(**record.defaults).lipschitz
    longest = 0.0
    for batch in batches(record):
        for row in range(len(batch[record.tensors[0]])):
            one = torch.zeros(len(batch[record.tensors[0]]), dtype=torch.float64)
            one[row] = 1
            _, slopes = value_and_gradients(record, batch, sample_weight=one.reshape(-1), reduction="sum")
            longest = max(longest, math.sqrt(sum(s.square().sum().item() for s in slopes.values())))
    assert 0.9 * bound <= longest <= bound + 1e-9


@QUIET
@pytest.mark.parametrize("name", [n for n in STATED if CATALOGUE[n].facts.lipschitz is None])
def test_where_no_bound_is_said_gradients_grow_without_one(name):
    record = CATALOGUE[name]
    longest = []
    for size in (1.0, 1e-5, 1e5):
        batch = draw(record, seed=2)
        for place, key in enumerate(predicted(record, batch)):
            batch[key] = batch[key] * (size if place == 0 else 1 / size)
        _, slopes = value_and_gradients(record, batch, reduction="sum")
        longest.append(max(slope.abs().max().item() for slope in slopes.values()))
    assert max(longest[1:]) > 100 * longest[0]
