"""Hard values of the regression losses, and how they hang together."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_pinball_loss
from torch.nn import functional as F

from losslab.catalog.regression import huber_loss, l1_loss, log_cosh_loss, mse_loss, quantile_loss, smooth_l1_loss

INF = math.inf


def slope(loss, r, **options):
    x = torch.tensor(r, requires_grad=True)
    value = loss(x, torch.zeros_like(x), reduction="sum", **options)
    value.backward()
    return value.item(), x.grad.tolist()


@pytest.mark.parametrize(
    ("loss", "r", "options", "value", "gradient"),
    [
        (huber_loss, [INF], {"delta": 2.0}, INF, [2.0]),
        (huber_loss, [-INF], {"delta": 2.0}, INF, [-2.0]),
        (huber_loss, [3.0, -4.0], {"delta": INF}, 12.5, [3.0, -4.0]),
        (huber_loss, [2.0, -2.0], {"delta": 2.0}, 4.0, [2.0, -2.0]),
        (smooth_l1_loss, [1e-5, -3.0, 0.0], {"beta": 0}, 3.00001, [1.0, -1.0, 0.0]),
        (smooth_l1_loss, [0.0, 2.0], {"beta": 1e-45}, 2.0, [0.0, 1.0]),
        (smooth_l1_loss, [INF, -INF], {"beta": 0.5}, INF, [1.0, -1.0]),
        (log_cosh_loss, [1e-4], {}, 4.9999999916666667e-09, [9.9999999666666668e-05]),
        (log_cosh_loss, [1.0], {}, 0.43378083048302719, [0.76159415595576489]),
        (log_cosh_loss, [-100.0], {}, 99.306852819440055, [-1.0]),
        (log_cosh_loss, [1e4], {}, 9999.3068528194401, [1.0]),
        (log_cosh_loss, [INF], {"scale": 3.0}, INF, [3.0]),
        (log_cosh_loss, [0.0], {}, 0.0, [0.0]),
        (quantile_loss, [0.0], {"quantile": 0.9}, 0.0, [0.0]),
        (quantile_loss, [-INF], {"quantile": 0.9}, INF, [-0.9]),
        (l1_loss, [0.0, -2.0], {}, 2.0, [0.0, -1.0]),
    ],
)
def test_hard_values_in_float32(loss, r, options, value, gradient):
    found, gradients = slope(loss, r, **options)
    assert found == pytest.approx(value, rel=1e-6)
    assert gradients == pytest.approx(gradient, rel=1e-6)


def test_mse_of_half_precision_does_not_overflow():
    x = torch.tensor([300.0], dtype=torch.float16, requires_grad=True)
    loss = mse_loss(x, torch.zeros_like(x))
    loss.backward()
    assert loss.item() == 90000
    assert x.grad.item() == 600


@pytest.mark.parametrize("loss", [huber_loss, smooth_l1_loss, log_cosh_loss, mse_loss])
def test_the_second_derivative_at_a_perfect_fit(loss):
    wanted = {"huber_loss": 1.0, "smooth_l1_loss": 1.0, "log_cosh_loss": 1.0, "mse_loss": 2.0}[loss.name]
    x = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(loss(x, torch.zeros((), dtype=torch.float64)), x, create_graph=True)
    assert torch.autograd.grad(first, x)[0].item() == pytest.approx(wanted)


def test_smooth_l1_is_huber_over_its_width():
    x, y = torch.randn(50), torch.randn(50)
    torch.testing.assert_close(smooth_l1_loss(x, y, beta=0.3), huber_loss(x, y, delta=0.3) / 0.3)


def test_the_limits_of_the_robust_losses():
    x, y = torch.randn(50, dtype=torch.float64), torch.randn(50, dtype=torch.float64)
    half_mse, mae = mse_loss(x, y) / 2, l1_loss(x, y)
    torch.testing.assert_close(huber_loss(x, y, delta=1e3), half_mse)
    torch.testing.assert_close(log_cosh_loss(x, y, scale=1e4), half_mse)
    torch.testing.assert_close(log_cosh_loss(x, y, scale=1e-6) / 1e-6, mae, rtol=1e-5, atol=0)
    torch.testing.assert_close(quantile_loss(x, y), mae / 2)


@pytest.mark.parametrize("quantile", [0.05, 0.5, 0.8])
def test_quantile_is_scikit_learns_pinball(quantile):
    x, y = torch.randn(40), torch.randn(40)
    wanted = mean_pinball_loss(y.numpy(), x.numpy(), alpha=quantile)
    assert quantile_loss(x, y, quantile=quantile).item() == pytest.approx(wanted, rel=1e-5)


def test_the_best_constant_of_a_quantile_is_the_quantile():
    y = torch.tensor([0.0, 1.0, 2.0, 3.0, 10.0])
    grid = np.arange(0.0, 10.5, 0.5)
    losses = [quantile_loss(torch.full_like(y, c), y, quantile=0.7).item() for c in grid]
    assert grid[int(np.argmin(losses))] == 3.0


def test_a_quantile_for_each_column():
    x, y = torch.zeros(2, 2), torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
    each = quantile_loss(x, y, quantile=torch.tensor([0.1, 0.75]), reduction="none")
    torch.testing.assert_close(each, torch.tensor([[0.1, 0.75], [0.9, 0.25]]))


@pytest.mark.parametrize(("loss", "theirs"), [(l1_loss, F.l1_loss), (mse_loss, F.mse_loss), (huber_loss, F.huber_loss)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_element_weights_are_torchs(loss, theirs, reduction):
    x, y, w = torch.randn(3, 4), torch.randn(3, 4), torch.rand(3, 4)
    found = loss(x, y, weight=w, reduction=reduction)
    torch.testing.assert_close(found, theirs(x, y, weight=w, reduction=reduction))


def test_complex_numbers():
    x = torch.tensor([3 + 4j, -1 - 2j, 2 + 0j], requires_grad=True)
    y = torch.tensor([0j, 1 + 0j, 2.0])
    torch.testing.assert_close(l1_loss(x, y), F.l1_loss(x, y))
    loss = mse_loss(x, y, reduction="sum")
    loss.backward()
    assert loss.item() == 25 + 8
    torch.testing.assert_close(x.grad, 2 * (x - y).detach())
    torch.testing.assert_close(mse_loss(x, torch.tensor([1.0, 1.0, 1.0])), torch.tensor((20 + 8 + 1) / 3))


def test_small_differences_keep_their_digits():
    r = torch.logspace(-6, 2, 60)
    exact = torch.from_numpy(np.logaddexp(r.double().numpy(), -r.double().numpy()) - np.log(2))
    small = r < 1e-2
    exact[small] = (r.double()[small] ** 2 / 2) - r.double()[small] ** 4 / 12
    found = log_cosh_loss(r, torch.zeros_like(r), reduction="none").double()
    torch.testing.assert_close(found, exact, rtol=1e-6, atol=0)


def test_units_and_search_ranges():
    for record, name in ((huber_loss, "delta"), (smooth_l1_loss, "beta"), (log_cosh_loss, "scale")):
        parameter = record.parameters[name]
        assert (parameter.unit, parameter.log, parameter.default) == ("target", True, 1.0)
    assert quantile_loss.parameters["quantile"].unit == "none"
    assert smooth_l1_loss.group == huber_loss.group != log_cosh_loss.group
    assert quantile_loss.group != l1_loss.group  # it is that one at a quantile of one half only
    assert not quantile_loss.by_default
