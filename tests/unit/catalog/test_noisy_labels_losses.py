"""Generalised cross-entropy against a plain loop and its two ends."""

import math

import pytest
import torch
import torch.nn.functional as F

import losslab.functional as L

X = torch.tensor([[0.3, -1.0, 2.0], [1.5, 0.0, -0.5], [0.1, 0.2, -3.0], [4.0, 1.0, 0.0]], dtype=torch.float64)
Y = torch.tensor([1, 0, 2, -100])


def gradient(loss, *args, **options):
    x = X.clone().requires_grad_()
    value = loss(x, *args, **options)
    return value.detach(), torch.autograd.grad(value.sum(), x)[0]


@pytest.mark.parametrize("q", [0.05, 0.7, 1.0])
@pytest.mark.parametrize("weight", [None, [0.25, 3.0, 1.5]])
def test_by_a_plain_loop(q, weight):
    total = counted = 0.0
    for row, label in zip(X.tolist(), Y.tolist(), strict=True):
        if label >= 0:
            own = 1.0 if weight is None else weight[label]
            p = math.exp(row[label]) / math.fsum(map(math.exp, row))
            total += own * (1 - p**q) / q
            counted += own
    weight = None if weight is None else torch.tensor(weight, dtype=torch.float64)
    for power in (q, torch.tensor(q, dtype=torch.float64)):
        found = L.generalized_cross_entropy(X, Y, q=power, weight=weight)
        assert found.item() == pytest.approx(total / counted, rel=1e-12)


def test_its_ends():
    near = gradient(L.generalized_cross_entropy, Y, q=1e-9)
    for found, expected in zip(near, gradient(F.cross_entropy, Y), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-8)
    error = 1 - X.softmax(1)[:3].gather(1, Y[:3, None]).mean()
    torch.testing.assert_close(L.generalized_cross_entropy(X, Y, q=1.0), error)


def test_a_hopeless_row_costs_a_bounded_amount():
    x = torch.tensor([[0.0, -math.inf], [0.0, -1e4]], requires_grad=True)
    value = L.generalized_cross_entropy(x, torch.tensor([1, 1]), q=0.5, reduction="none")
    assert value.tolist() == [2.0, 2.0]
    assert (torch.autograd.grad(value.sum(), x)[0] == 0).all()


@pytest.mark.parametrize("q", [0.0, 1.1, -0.5])
def test_powers_out_of_bounds(q):
    with pytest.raises(ValueError, match=r"q = .* must lie in \(0, 1\]"):
        L.generalized_cross_entropy(X, Y, q=q)
