"""Losses of a mean and a variance against their definitions in thirty digits, the integral of the CRPS, and scipy."""

import math

import mpmath
import pytest
import torch
from scipy import integrate, stats

import losslab.functional as F
from losslab import nn

NAMES = ("gaussian_nll_loss", "beta_nll_loss", "crps_gaussian_loss")
POINTS = [
    (1.0, 3.0, 4.0),
    (-2.0, -2.0, 0.3),
    (0.5, -1e4, 2.0),
    (7.0, 7.0 + 1e-5, 1e-5),
    (1e3, -1e3, 1e8),
    (0.1, 9.0, 0.01),
]


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def likelihood(m, y, v):
    return (mpmath.log(v) + (y - m) ** 2 / v) / 2


def crps(m, y, v):
    s = mpmath.sqrt(v)
    z = (y - m) / s
    return s * (z * (2 * mpmath.ncdf(z) - 1) + 2 * mpmath.npdf(z) - 1 / mpmath.sqrt(mpmath.pi))


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("name", ["gaussian_nll_loss", "crps_gaussian_loss"])
def test_the_definition_and_its_slopes_in_thirty_digits(name, point):
    define = likelihood if name == "gaussian_nll_loss" else crps
    m, y, v = (double([number]).requires_grad_() for number in point)
    value = getattr(F, name)(m, y, v, reduction="sum")
    slopes = torch.autograd.grad(value, (m, y, v))
    with mpmath.workdps(30):
        at = tuple(mpmath.mpf(number) for number in point)
        assert value.item() == pytest.approx(float(define(*at)), rel=1e-11)
        for place, slope in enumerate(slopes):
            order = tuple(int(k == place) for k in range(3))
            assert slope.item() == pytest.approx(float(mpmath.diff(define, at, order)), rel=1e-8, abs=1e-15)


@pytest.mark.parametrize(("m", "y", "v"), [(0.0, 0.7, 1.0), (1.0, -2.0, 4.0), (3.0, 3.0, 0.25)])
def test_the_crps_is_the_area_between_two_distributions(m, y, v):
    cdf = stats.norm(m, math.sqrt(v)).cdf
    below, above = (integrate.quad(f, a, b)[0] for f, a, b in (
        (lambda t: cdf(t) ** 2, m - 40, y), (lambda t: (cdf(t) - 1) ** 2, y, m + 40),
    ))  # fmt: skip
    found = F.crps_gaussian_loss(double([m]), double([y]), double([v])).item()
    assert found == pytest.approx(below + above, rel=1e-7)


@pytest.mark.parametrize(("beta", "weight"), [(0.0, 1.0), (0.5, 3.0), (1.0, 9.0)])
def test_beta_weighs_value_and_gradient_and_is_no_way_to_learn(beta, weight):
    m, v = double([2.0]).requires_grad_(), double([9.0]).requires_grad_()
    value = F.beta_nll_loss(m, double([5.0]), v, beta=beta, reduction="sum")
    plain = F.gaussian_nll_loss(m, double([5.0]), v, reduction="sum")
    assert value.item() == pytest.approx(weight * plain.item(), rel=1e-14)
    for found, wanted in zip(*(torch.autograd.grad(one, (m, v)) for one in (value, plain)), strict=True):
        torch.testing.assert_close(found, weight * wanted, rtol=1e-13, atol=0)


def test_at_beta_1_the_mean_learns_as_by_squares():
    m, y, v = torch.randn(3, 20, dtype=torch.float64)
    m = m.requires_grad_()
    (found,) = torch.autograd.grad(F.beta_nll_loss(m, y, v.exp(), beta=1.0, reduction="sum"), m)
    torch.testing.assert_close(found, (m - y).detach())


def test_minus_the_log_density():
    m, y, v = torch.randn(3, 20, dtype=torch.float64)
    wanted = -stats.norm(m.numpy(), v.exp().sqrt().numpy()).logpdf(y.numpy())
    found = F.gaussian_nll_loss(m, y, v.exp(), True, 1e-12, "none")
    torch.testing.assert_close(found, torch.as_tensor(wanted))


def test_the_crps_is_least_at_the_true_mean_and_variance():
    y = torch.as_tensor(stats.norm(3.0, 2.0).ppf((torch.arange(4000.0) + 0.5).numpy() / 4000))
    at = {
        (m, v): F.crps_gaussian_loss(torch.full_like(y, m), y, v).item()
        for m in (2.8, 3.0, 3.2)
        for v in (3.0, 4.0, 5.0)
    }
    assert min(at, key=at.get) == (3.0, 4.0)


VARIANCES = {
    "a number": (2.0, lambda x: torch.full_like(x, 2.0)),
    "a whole number": (2, lambda x: torch.full_like(x, 2.0)),
    "one for each row": (double([[1.0, 2.0], [0.5, 4.0]]), None),
    "one size of 1": (double([[[1.0], [2.0]], [[0.5], [4.0]]]), None),
    "one size of 1 inside": (double([[[1.0, 2.0, 3.0]], [[0.5, 4.0, 8.0]]]), None),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("spelling", VARIANCES)
def test_every_spelling_of_the_variance_that_torch_takes(name, spelling):
    x, y = torch.randn(2, 2, 2, 3, dtype=torch.float64)
    var, _ = VARIANCES[spelling]
    if isinstance(var, torch.Tensor):
        full = (var.unsqueeze(-1) if var.ndim == 2 else var).expand(2, 2, 3)
        var = var.clone().requires_grad_()
    else:
        full = torch.full_like(x, var)
    loss = getattr(F, name)
    found = loss(x, y, var, reduction="none")
    torch.testing.assert_close(found, loss(x, y, full, reduction="none"), rtol=0, atol=0)
    if name == "gaussian_nll_loss":
        theirs = torch.nn.functional.gaussian_nll_loss(x, y, float(var) if isinstance(var, int) else var)
        torch.testing.assert_close(found.mean(), theirs)
    if isinstance(var, torch.Tensor):
        (slope,) = torch.autograd.grad(found.sum(), var)
        whole = full.clone().requires_grad_()
        (each,) = torch.autograd.grad(loss(x, y, whole, reduction="sum"), whole)
        torch.testing.assert_close(
            slope.flatten(), each.sum_to_size((2, 1, 3) if var.shape[-1] == 3 else (2, 2, 1)).flatten()
        )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(3,), (2, 2), (1, 1), (2, 3, 1), (2, 1, 3)])
def test_other_shapes_of_the_variance_are_refused(name, shape):
    with pytest.raises(ValueError, match=rf"input has shape \(2, 3\).*var \({shape[0]},"):
        getattr(F, name)(torch.zeros(2, 3), torch.zeros(2, 3), torch.ones(shape))


@pytest.mark.parametrize("name", NAMES)
def test_negative_variances_are_refused_wherever_they_are(name):
    for var in (-1.0, torch.tensor([1.0, -1e-3])):
        with pytest.raises(ValueError, match=r"var.* -"):
            getattr(F, name)(torch.zeros(2), torch.zeros(2), var)


@pytest.mark.parametrize("name", NAMES)
def test_a_variance_below_the_least_counts_as_the_least_and_still_learns(name):
    loss, x, y = getattr(F, name), double([1.0]), double([2.0])
    low, least = double([0.01]).requires_grad_(), double([0.25]).requires_grad_()
    found, wanted = (loss(x, y, v, eps=0.25, reduction="sum") for v in (low, least))
    assert found.item() == wanted.item()
    assert torch.autograd.grad(found, low)[0] == torch.autograd.grad(wanted, least)[0] != 0


@pytest.mark.parametrize("name", NAMES)
def test_the_least_variance_is_a_millionth(name):
    x = double([0.0, 3.0])
    found, wanted = (
        getattr(F, name)(x, x, var, reduction="sum", **more) for var, more in ((0.0, {}), (1e-6, {"eps": 1e-9}))
    )
    assert found.item() == pytest.approx(wanted.item(), rel=1e-12)


def test_the_module_takes_the_variance_in_its_call():
    x, y, v = torch.randn(3, 5)
    theirs = torch.nn.GaussianNLLLoss(full=True, eps=1e-3)(x, y, v.exp())
    torch.testing.assert_close(nn.GaussianNLLLoss(full=True, eps=1e-3)(x, y, v.exp()), theirs)
    torch.testing.assert_close(nn.CrpsGaussianLoss()(x, y, 4.0), F.crps_gaussian_loss(x, y, torch.full((5,), 4.0)))
