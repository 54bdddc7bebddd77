"""The mean of nothing, and what a mean divides by."""

import pytest
import torch
from spec_standins import row_loss, scores, width_loss

import losslab.functional
from losslab.spec import policy
from losslab.spec.policy import EmptyLossWarning
from losslab.spec.reduction import reduce


@pytest.fixture(autouse=True)
def _anew():
    policy.forget()


def test_weights_20_and_10_with_losses_4000_and_0():
    value, weight = torch.tensor([4000.0, 0.0]), torch.tensor([20.0, 10.0])
    assert reduce("x", value, weight, None, "mean", "weight", "zero").item() == pytest.approx(133.3333, abs=1e-3)
    assert reduce("x", value, weight, None, "mean", "count", "zero").item() == 2000
    assert reduce("x", value, weight, None, "sum", "weight", "zero").item() == 4000
    assert reduce("x", value, weight, None, "none", "weight", "zero").tolist() == [4000, 0]


def test_everything_ignored_gives_zero_with_a_gradient_and_one_warning():
    x = scores(2).requires_grad_()
    y = torch.tensor([-100, -100])
    with pytest.warns(EmptyLossWarning, match="row_loss: nothing to average") as seen:
        loss = row_loss(x, y) + row_loss(x, y)
    loss.backward()
    assert len(seen) == 1
    assert x.grad.tolist() == [[0.0] * 4] * 2


@pytest.mark.parametrize("shape", [(0,), (0, 3), (4, 0)])
def test_an_empty_batch(shape):
    x, y = torch.ones(shape, requires_grad=True), torch.ones(shape)
    with pytest.warns(EmptyLossWarning):
        loss = width_loss(x, y)
    loss.backward()
    assert loss.item() == 0
    assert x.grad.shape == shape
    assert width_loss(x, y, empty="nan").isnan()
    assert width_loss(x, y, reduction="sum", empty="raise").item() == 0
    assert width_loss(x, y, reduction="none").shape == shape
    with pytest.raises(ValueError, match=r'width_loss: nothing to average.*empty="zero"'):
        width_loss(x, y, empty="raise")


def test_weights_that_are_all_zero_are_nothing():
    x, y = torch.tensor([1.0, 2.0], requires_grad=True), torch.zeros(2)
    none = torch.zeros(2)
    with pytest.warns(EmptyLossWarning):
        width_loss(x, y, sample_weight=none).backward()
    assert x.grad.tolist() == [0, 0]
    assert width_loss(x, y, sample_weight=none, empty="nan").isnan()
    assert width_loss(x, y, sample_weight=none, normalize="count").item() == 0


def test_no_warning_where_something_is_kept():
    y = torch.tensor([-100, 2])
    assert row_loss(scores(2), y, empty="raise").isfinite()


def test_every_batch_of_nothing_is_counted():
    batch = torch.tensor([[-1.0, -2.0], [-3.0, -0.5]]), torch.tensor([-100, -100])
    with pytest.warns(EmptyLossWarning):
        losslab.functional.nll_loss(*batch)
    losslab.functional.nll_loss(*batch)
    losslab.functional.nll_loss(*batch)
    losslab.functional.nll_loss(torch.tensor([[-1.0, -2.0]]), torch.tensor([1]))
    assert losslab.empty_batches() == {"nll_loss": 3}
