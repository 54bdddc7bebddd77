"""What computes a loss is never seen: "auto" and "rule" agree in value, gradients, types, errors and warnings."""

from dataclasses import replace

import pytest
import torch
from backend_calls import Call, drawn
from backend_outcomes import differences

from losslab.catalog import CATALOGUE
from losslab.kernels.crossover import below
from losslab.kernels.library import library, status

ROUNDS = 8
TWO_TENSORS = [record for record in CATALOGUE.values() if record.kind != "set"]


@pytest.fixture(autouse=True)
def _kernels():
    return library() or pytest.skip(status())


@pytest.mark.parametrize("record", TWO_TENSORS, ids=[record.name for record in TWO_TENSORS])
def test_random_calls_right_and_wrong(record):
    for seed in range(ROUNDS):
        call = drawn(record, seed)
        assert not differences(record, call), f"seed {seed}: {call}"


@pytest.mark.parametrize("name", [record.name for record in TWO_TENSORS if below(record.name)])
def test_sizes_around_the_crossover(name):
    middle = below(name)
    for seed in range(ROUNDS, 2 * ROUNDS):
        call = drawn(CATALOGUE[name], seed, (middle - 1, middle, middle + 1))
        assert not differences(CATALOGUE[name], call), f"seed {seed}: {call}"


X, SOFT = torch.linspace(-1, 2, 12).view(4, 3), torch.tensor([[0.5, 0.25, 0.25]]).repeat(4, 1)
MINUS = torch.complex(torch.zeros(4), torch.tensor([-1.0, -2.0, -0.5, -3.0])).conj().imag  # a view in another sign
SELDOM = {
    "two weights": Call([X, SOFT], {"weight": SOFT + 1, "sample_weight": X + 2}),
    "a class ignored among distributions": Call([X, SOFT], {"ignore_index": 2}),
    "a class of no rows": Call([X, torch.tensor([0, 1, 2, 1])], {"class_counts": torch.tensor([3, 0, 2])}),
    "a view in another sign": Call([X, torch.tensor([0, 1, 2, 1])], {"sample_weight": MINUS}),
    "nothing": Call([X[:0], SOFT[:0]], {"reduction": "none"}),
}
OF = {
    "two weights": "binary_cross_entropy_with_logits", "a class ignored among distributions": "cross_entropy",
    "a class of no rows": "balanced_softmax_loss", "a view in another sign": "focal_loss", "nothing": "mse_loss",
}  # fmt: skip


@pytest.mark.parametrize("what", SELDOM)
@pytest.mark.parametrize("late", [False, True])
def test_what_chance_seldom_draws(what, late):
    call = replace(SELDOM[what], leaves={"input": SELDOM[what].args[0]}, late=late)
    assert not differences(CATALOGUE[OF[what]], call)
