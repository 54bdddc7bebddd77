"""Quality focal loss by a plain loop, against the focal loss that it generalizes, and at its corners."""

import math

import pytest
import torch

import losslab.functional as L

X = [-3.0, -0.7, 0.2, 1.9, 4.5, 0.0]
Y = [0.9, 0.0, 0.5, 1.0, 0.75, 0.1]


def one(x, y, beta=2.0):
    p = 1 / (1 + math.exp(-x))
    return abs(y - p) ** beta * -(y * math.log(p) + (1 - y) * math.log(1 - p))


@pytest.mark.parametrize("beta", [2.0, 1.0, 3.3])
def test_by_a_plain_loop(beta):
    x = torch.tensor(X, dtype=torch.float64, requires_grad=True)
    found = L.quality_focal_loss(x, torch.tensor(Y, dtype=torch.float64), beta=beta, reduction="none")
    rows = list(zip(X, Y, strict=True))
    torch.testing.assert_close(found, torch.tensor([one(*row, beta) for row in rows], dtype=torch.float64))
    (slope,) = torch.autograd.grad(found.sum(), x)
    for place, (a, b) in enumerate(rows):
        step = 1e-6
        expected = (one(a + step, b, beta) - one(a - step, b, beta)) / (2 * step)
        assert slope[place].item() == pytest.approx(expected, abs=1e-7)


def test_on_yes_and_no_it_is_twice_the_even_focal_loss():
    x, y = torch.tensor(X), torch.tensor([1.0, 0.0, 0.0, 1.0, 0.0, 1.0])
    for gamma in (1.0, 2.5):
        even = L.sigmoid_focal_loss(x, y, alpha=0.5, gamma=gamma, reduction="none")
        torch.testing.assert_close(L.quality_focal_loss(x, y, beta=gamma, reduction="none"), 2 * even)


def test_a_quality_that_is_met_costs_nothing_and_pulls_nowhere():
    target = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
    x = target.logit().requires_grad_()
    value = L.quality_focal_loss(x, target, reduction="sum")
    (slope,) = torch.autograd.grad(value, x)
    assert value.item() == pytest.approx(0, abs=1e-15)
    assert slope.abs().max() < 1e-15


def test_far_scores():
    found = L.quality_focal_loss(torch.tensor([1000.0, -1000.0]), torch.tensor([0.0, 0.0]), reduction="none")
    assert found.tolist() == [1000.0, 0.0]
    with pytest.raises(ValueError, match=r"target must lie in \[0, 1\]"):
        L.quality_focal_loss(torch.zeros(2), torch.tensor([0.5, 1.5]))
