"""When values are looked at."""

import pytest
import torch
from spec_standins import probability_loss

from losslab.spec import policy
from losslab.spec.policy import FIRST_CALLS, checks

BAD, LABEL = torch.tensor([1.5]), torch.tensor([1.0])


@pytest.fixture(autouse=True)
def _anew():
    policy.forget()
    before = policy._POLICY.mode
    yield
    checks(before)


def test_always_looks_at_every_call():
    for _ in range(FIRST_CALLS + 2):
        with pytest.raises(ValueError, match=r"\[0, 1\]"):
            probability_loss(BAD, LABEL)


def test_first_looks_at_the_first_calls_only():
    checks("first")
    for _ in range(FIRST_CALLS):
        with pytest.raises(ValueError, match=r"\[0, 1\]"):
            probability_loss(BAD, LABEL)
    assert probability_loss(BAD, LABEL).item() == 0.25


def test_off_never_looks_but_shapes_are_still_checked():
    with checks("off"):
        assert probability_loss(BAD, LABEL).item() == 0.25
        with pytest.raises(ValueError, match="must be the same"):
            probability_loss(BAD, torch.ones(1, 1))
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        probability_loss(BAD, LABEL)


def test_the_block_gives_the_earlier_mode_back_after_an_error():
    checks("first")
    with pytest.raises(RuntimeError), checks("off"):
        raise RuntimeError
    assert policy._POLICY.mode == "first"


def test_a_transform_is_not_looked_into():
    slopes = torch.func.vmap(torch.func.grad(lambda x: probability_loss(x, LABEL[0])))(torch.tensor([1.5, 0.5]))
    assert slopes.tolist() == [1.0, -1.0]


def test_another_mode_is_refused():
    with pytest.raises(ValueError, match='"always", "first" or "off"'):
        checks("sometimes")
