"""The soft F score by a loop, by scikit-learn's on certain predictions, and at its corners."""

import math

import pytest
import torch
from sklearn.metrics import fbeta_score

import losslab.functional as L


def batch():
    generator = torch.Generator().manual_seed(11)
    x = 2 * torch.randn((7, 3), generator=generator, dtype=torch.float64)
    y = (torch.rand((7, 3), generator=generator, dtype=torch.float64) < 0.4).double()
    y[0] = 1
    return x, y


def column(x, y, beta=1.0):
    p = [1 / (1 + math.exp(-s)) for s in x]
    right = math.fsum(a * b for a, b in zip(p, y, strict=True))
    missed = math.fsum((1 - a) * b for a, b in zip(p, y, strict=True))
    false = math.fsum(a * (1 - b) for a, b in zip(p, y, strict=True))
    return 1 - (1 + beta**2) * right / ((1 + beta**2) * right + beta**2 * missed + false)


@pytest.mark.parametrize("beta", [1.0, 0.5, 3.0])
def test_by_a_loop(beta):
    x, y = batch()
    x.requires_grad_()
    found = L.soft_f1_loss(x, y, beta=beta, reduction="none")
    for c in range(3):
        scores, answers = x[:, c].tolist(), y[:, c].tolist()
        assert found[c].item() == pytest.approx(column(scores, answers, beta), rel=1e-12)
        (slope,) = torch.autograd.grad(found[c], x, retain_graph=True)
        ends = [column([scores[0], scores[1] + step, *scores[2:]], answers, beta) for step in (1e-6, -1e-6)]
        assert slope[1, c].item() == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-8)


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_certain_predictions_have_the_score_of_scikit_learn(beta):
    x, y = batch()
    found = L.soft_f1_loss(1e3 * x, y, beta=beta)
    expected = fbeta_score(y.numpy(), (x > 0).numpy(), beta=beta, average="macro", zero_division=0)
    assert found.item() == pytest.approx(1 - expected)


def test_a_column_without_a_yes_does_not_count():
    x, y = batch()
    y[:, 1] = 0
    each = L.soft_f1_loss(x, y, reduction="none")
    assert each[1].item() == 0
    torch.testing.assert_close(L.soft_f1_loss(x, y), (each[0] + each[2]) / 2)
