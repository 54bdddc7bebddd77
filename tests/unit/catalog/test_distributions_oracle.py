"""Distances between distributions by plain loops, scipy and torch.distributions; identities; hard corners."""

import math

import pytest
import torch
from scipy import stats
from scipy.spatial.distance import jensenshannon
from torch.distributions import Categorical, kl_divergence

import losslab.functional as L

LOSSES = [
    "js_divergence_loss",
    "total_variation_loss",
    "hellinger_loss",
    "renyi_divergence_loss",
    "wasserstein_1d_loss",
]


def batch(classes=5):
    generator = torch.Generator().manual_seed(2)
    x, t = torch.randn((2, 6, classes), generator=generator, dtype=torch.float64) * 2
    return x, t.softmax(1)


def with_zeros():
    """Targets without a chance for some classes, certain ones, and rows that the prediction meets."""
    x, t = batch()
    t[0] = torch.tensor([0.0, 0.5, 0.0, 0.5, 0.0])
    t[1] = torch.tensor([0.0, 0.0, 0.0, 0.0, 1.0])
    t[2] = x[2].softmax(0)
    return x, t


def softmax(scores):
    parts = [math.exp(s - max(scores)) for s in scores]
    return [part / math.fsum(parts) for part in parts]


def kl(a, b):
    return math.fsum(p * math.log(p / q) for p, q in zip(a, b, strict=True) if p > 0)


def js(p, t, beta=0.5):
    m = [beta * b + (1 - beta) * a for a, b in zip(p, t, strict=True)]
    return beta * kl(t, m) + (1 - beta) * kl(p, m)


def total_variation(p, t):
    return math.fsum(abs(a - b) for a, b in zip(p, t, strict=True)) / 2


def hellinger(p, t, squared=True):
    value = math.fsum((math.sqrt(a) - math.sqrt(b)) ** 2 for a, b in zip(p, t, strict=True)) / 2
    return value if squared else math.sqrt(value)


def renyi(p, t, alpha=0.5):
    return math.log(math.fsum(b**alpha * a ** (1 - alpha) for a, b in zip(p, t, strict=True))) / (alpha - 1)


def wasserstein(p, t, power=1.0):
    gap, total = 0.0, 0.0
    for a, b in zip(p, t, strict=True):
        gap += a - b
        total += abs(gap) ** power
    return total


CASES = [
    ("js_divergence_loss", js, {}),
    ("js_divergence_loss", js, {"beta": 0.1}),
    ("js_divergence_loss", js, {"beta": 0.93}),
    ("total_variation_loss", total_variation, {}),
    ("hellinger_loss", hellinger, {}),
    ("hellinger_loss", hellinger, {"squared": False}),
    ("renyi_divergence_loss", renyi, {}),
    ("renyi_divergence_loss", renyi, {"alpha": 0.2}),
    ("renyi_divergence_loss", renyi, {"alpha": 3.0}),
    ("wasserstein_1d_loss", wasserstein, {}),
    ("wasserstein_1d_loss", wasserstein, {"power": 2.0}),
    ("wasserstein_1d_loss", wasserstein, {"power": 1.3}),
]


@pytest.mark.parametrize(("name", "oracle", "options"), CASES)
def test_by_a_plain_loop(name, oracle, options):
    x, t = with_zeros()
    x.requires_grad_()
    found = getattr(L, name)(x, t, reduction="none", **options)
    expected = [oracle(softmax(a), b, **options) for a, b in zip(x.tolist(), t.tolist(), strict=True)]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-10, atol=1e-12)
    (slope,) = torch.autograd.grad(found.sum(), x)
    assert slope.isfinite().all()
    for row in (0, 1, 3, 5):
        for c in range(5):
            ends = []
            for step in (1e-6, -1e-6):
                scores = x[row].tolist()
                scores[c] += step
                ends.append(oracle(softmax(scores), t[row].tolist(), **options))
            assert slope[row, c].item() == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7)


def test_by_scipy_and_torch():
    x, t = batch()
    p = x.softmax(1)
    root = jensenshannon(p.numpy(), t.numpy(), axis=1)
    torch.testing.assert_close(L.js_divergence_loss(x, t, reduction="none"), torch.as_tensor(root**2))
    steps = range(5)
    moved = [stats.wasserstein_distance(steps, steps, a, b) for a, b in zip(p.numpy(), t.numpy(), strict=True)]
    found = L.wasserstein_1d_loss(x, t, reduction="none")
    torch.testing.assert_close(found, torch.tensor(moved, dtype=torch.float64))
    near = L.renyi_divergence_loss(x, t, alpha=1 + 1e-7, reduction="none")
    torch.testing.assert_close(near, kl_divergence(Categorical(t), Categorical(p)), rtol=1e-5, atol=1e-7)


def test_identities():
    x, t = batch()
    none = {"reduction": "none"}
    square = L.hellinger_loss(x, t, **none)
    torch.testing.assert_close(L.hellinger_loss(x, t, squared=False, **none).square(), square)
    torch.testing.assert_close(L.renyi_divergence_loss(x, t, **none), -2 * (1 - square).log())
    torch.testing.assert_close(
        L.js_divergence_loss(t.log(), x.softmax(1), beta=0.3), L.js_divergence_loss(x, t, beta=0.7)
    )
    small = L.js_divergence_loss(x, t, beta=1e-6, **none) / 1e-6
    torch.testing.assert_close(small, L.kl_div(x.log_softmax(1), t, **none).sum(1), rtol=1e-3, atol=1e-4)
    variation = L.total_variation_loss(x, t, **none)
    assert (square <= variation).all()
    assert (variation <= (2 * square).sqrt()).all()
    assert (L.js_divergence_loss(x, t, **none) <= math.log(2) * variation).all()
    two = L.wasserstein_1d_loss(x[:, :2], t[:, :2] / t[:, :2].sum(1, keepdim=True), **none)
    torch.testing.assert_close(two, L.total_variation_loss(x[:, :2], t[:, :2] / t[:, :2].sum(1, keepdim=True), **none))


@pytest.mark.parametrize("name", LOSSES)
def test_log_probabilities_are_scores(name):
    x, t = with_zeros()
    torch.testing.assert_close(getattr(L, name)(x.log_softmax(1), t), getattr(L, name)(x, t))


@pytest.mark.parametrize("name", LOSSES)
def test_nothing_and_no_slope_where_both_agree(name):
    x, _ = batch()
    x.requires_grad_()
    value = getattr(L, name)(x, x.detach().softmax(1))
    (slope,) = torch.autograd.grad(value, x)
    assert abs(value.item()) < 1e-12
    assert slope.abs().max() < 1e-7 or name in ("total_variation_loss", "wasserstein_1d_loss")


@pytest.mark.parametrize("name", LOSSES)
def test_a_certain_prediction_of_the_wrong_class_stays_finite(name):
    x = torch.tensor([[-math.inf, 0.0, -2e5]], requires_grad=True)
    value = getattr(L, name)(x, torch.tensor([[0.25, 0.0, 0.75]]))
    assert not value.isnan()
    if name != "renyi_divergence_loss":
        expected = {"js": math.log(2), "total": 1.0, "hellinger": 1.0, "wasserstein": 1.0}
        assert value.item() == pytest.approx(expected[name.partition("_")[0]], rel=1e-6)


def test_the_root_of_nothing_has_no_slope():
    x = torch.zeros(2, 2, requires_grad=True)
    value = L.hellinger_loss(x, torch.full((2, 2), 0.5), squared=False)
    (slope,) = torch.autograd.grad(value, x)
    assert value.item() == 0
    assert not slope.any()


def test_what_is_wrong_is_said():
    x, t = batch()
    with pytest.raises(ValueError, match=r"js_divergence_loss: target rows must sum to one"):
        L.js_divergence_loss(x, 2 * t)
    with pytest.raises(ValueError, match=r"alpha = 1 is the limit.*kl_div"):
        L.renyi_divergence_loss(x, t, alpha=1.0)
    with pytest.raises(ValueError, match=r"beta = 1 is out of bounds"):
        L.js_divergence_loss(x, t, beta=1.0)
    with pytest.raises(ValueError, match=r"power = 0.5 is out of bounds"):
        L.wasserstein_1d_loss(x, t, power=0.5)
