"""What computes a loss is never seen: "auto" and "rule" agree in value, gradients, types, errors and warnings."""

import pytest
from backend_calls import drawn
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
