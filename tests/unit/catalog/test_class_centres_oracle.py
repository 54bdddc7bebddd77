"""Losses with class centres and proxies against plain loops over angles, and straight on the centres."""

import math

import pytest
import torch

import losslab.functional as L
from losslab import nn
from losslab.catalog.class_centres import angle

LABELS = torch.tensor([2, 0, 2, 1, 0])
MODULES = {
    "arcface_loss": nn.ArcFaceLoss,
    "cosface_loss": nn.CosFaceLoss,
    "sphereface_loss": nn.SphereFaceLoss,
    "sub_center_arcface_loss": nn.SubCenterArcFaceLoss,
    "proxy_nca_loss": nn.ProxyNCALoss,
    "proxy_anchor_loss": nn.ProxyAnchorLoss,
    "soft_triple_loss": nn.SoftTripleLoss,
    "center_loss": nn.CenterLoss,
}
SEVERAL = ("sub_center_arcface_loss", "soft_triple_loss")


def dot(a, b):
    return sum(p * q for p, q in zip(a, b, strict=True))


def cosine(a, b):
    return dot(a, b) / torch.sqrt(dot(a, a) * dot(b, b))


def entropy(scores, label):
    return torch.log(sum(torch.exp(s) for s in scores)) - scores[label]


def arc(cos, margin):
    theta = torch.acos(cos)
    return torch.cos(theta + margin) if theta + margin < math.pi else cos - margin * math.sin(margin)


def arcface(x, w, y, scale=64.0, margin=0.5):
    return entropy([scale * (arc(cosine(x, c), margin) if k == y else cosine(x, c)) for k, c in enumerate(w)], y)


def cosface(x, w, y, scale=64.0, margin=0.35):
    return entropy([scale * (cosine(x, c) - margin * (k == y)) for k, c in enumerate(w)], y)


def sphereface(x, w, y, scale=1.0, margin=4.0):
    def psi(cos):
        turned = margin * torch.acos(cos)
        k = math.floor(turned.item() / math.pi)
        return (-1) ** k * torch.cos(turned) - 2 * k

    size = scale * torch.sqrt(dot(x, x))
    return entropy([size * (psi(cosine(x, c)) if k == y else cosine(x, c)) for k, c in enumerate(w)], y)


def sub_center(x, w, y, scale=64.0, margin=0.5):
    best = [max((cosine(x, c) for c in centres), key=lambda one: one.item()) for centres in w]
    return entropy([scale * (arc(s, margin) if k == y else s) for k, s in enumerate(best)], y)


def squared(a, b):
    a, b = a / torch.sqrt(dot(a, a)), b / torch.sqrt(dot(b, b))
    return dot(a - b, a - b)


def proxy_nca(x, w, y, scale=1.0, with_own=False):
    rivals = sum(torch.exp(-scale * squared(x, c)) for k, c in enumerate(w) if k != y or with_own)
    return scale * squared(x, w[y]) + torch.log(rivals)


def soft_triple(x, w, y, scale=20.0, gamma=0.1, margin=0.01):
    scores = []
    for k, centres in enumerate(w):
        own = [cosine(x, c) for c in centres]
        shares = [torch.exp(s / gamma) for s in own]
        scores.append(scale * (sum(a * s for a, s in zip(shares, own, strict=True)) / sum(shares) - margin * (k == y)))
    return entropy(scores, y)


def center(x, w, y):
    return dot(x - w[y], x - w[y]) / 2


ORACLES = {
    "arcface_loss": (arcface, [{}, {"scale": 3.0, "margin": 0.9}, {"scale": 10.0, "margin": 0.0}]),
    "cosface_loss": (cosface, [{}, {"scale": 3.0, "margin": 0.9}]),
    "sphereface_loss": (sphereface, [{}, {"scale": 0.5, "margin": 2.0}, {"margin": 2.6}, {"margin": 1.0}]),
    "sub_center_arcface_loss": (sub_center, [{}, {"scale": 3.0, "margin": 0.9}]),
    "proxy_nca_loss": (proxy_nca, [{}, {"scale": 4.0}, {"scale": 0.3, "with_own": True}]),
    "soft_triple_loss": (soft_triple, [{}, {"scale": 3.0, "gamma": 0.5, "margin": 0.2}]),
    "center_loss": (center, [{}]),
}


def batch(name):
    weight = torch.randn(3, 2, 4, dtype=torch.float64) if name in SEVERAL else torch.randn(3, 4, dtype=torch.float64)
    return torch.randn(5, 4, dtype=torch.float64), weight


def both(loss, *tensors, **options):
    leaves = [t.detach().clone().requires_grad_() for t in tensors]
    value = loss(*leaves, **options)
    return value.detach(), torch.autograd.grad(value.sum(), leaves)


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("seed", range(3))
def test_the_definition_by_a_plain_loop(name, seed):
    torch.manual_seed(seed)
    oracle, settings = ORACLES[name]
    for options in settings:
        x, w = batch(name)
        found = both(lambda x, w, o=options: getattr(L, name)(x, w, LABELS, reduction="none", **o), x, w)

        def loop(x, w, o=options):
            return torch.stack([oracle(row, w, y, **o) for row, y in zip(x, LABELS.tolist(), strict=True)])

        torch.testing.assert_close(found, both(loop, x, w), rtol=1e-9, atol=1e-11)


def proxy_anchor(x, w, y, margin=0.1, alpha=32.0):
    pull, push, seen = 0.0, 0.0, 0
    for k, proxy in enumerate(w):
        own = [torch.exp(-alpha * (cosine(row, proxy) - margin)) for row, label in zip(x, y, strict=True) if label == k]
        rest = [torch.exp(alpha * (cosine(row, proxy) + margin)) for row, label in zip(x, y, strict=True) if label != k]
        seen += bool(own)
        pull += torch.log(1 + sum(own) + 0 * x[0, 0])
        push += torch.log(1 + sum(rest) + 0 * x[0, 0])
    return pull / seen + push / len(w)


@pytest.mark.parametrize("options", [{}, {"margin": 0.4, "alpha": 3.0}])
@pytest.mark.parametrize("labels", [[2, 0, 2, 1, 0], [2, 0, 2, 0, 0], [1, 1, 1, 1, 1]])
def test_proxy_anchor_by_a_plain_loop(options, labels):
    x, w = batch("proxy_anchor_loss")
    found = both(lambda x, w: L.proxy_anchor_loss(x, w, torch.tensor(labels), **options), x, w)
    wanted = both(lambda x, w: proxy_anchor(x, w, labels, **options), x, w)
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)


def test_angles_are_exact_near_the_centre_and_opposite_it():
    turns = torch.tensor([1e-9, 1e-5, 0.3, math.pi - 1e-5], dtype=torch.float64)
    direction = torch.stack([turns.cos(), turns.sin()], -1).requires_grad_()
    cos, sin = angle(direction, torch.tensor([[1.0, 0.0]], dtype=torch.float64).expand(4, 2))
    torch.testing.assert_close(sin, turns.sin(), rtol=1e-9, atol=0)
    torch.testing.assert_close(torch.atan2(sin, cos), turns, rtol=1e-9, atol=0)
    (slope,) = torch.autograd.grad(sin.sum(), direction)
    assert slope.abs().max() <= 1 + 1e-9


@pytest.mark.parametrize("name", [name for name in MODULES if name not in SEVERAL])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_straight_on_a_centre_opposite_it_and_nowhere(name, dtype):
    w = torch.tensor([[0.3, -1.7, 0.2], [1.0, 0.1, 0.0], [0.0, 0.5, 2.0]], dtype=dtype)
    x = torch.cat([w, 7 * w, -w, 1e-20 * w, 0 * w])
    value, slopes = both(lambda x, w: getattr(L, name)(x, w, torch.tensor([0, 1, 2] * 5), reduction="sum"), x, w)
    assert value.isfinite()
    for slope in slopes:
        assert slope.isfinite().all()
    assert not slopes[0][-3:].any() or name == "center_loss"


def test_straight_on_a_centre_the_margin_is_felt_by_the_value():
    w = torch.eye(3, dtype=torch.float64)[:2]
    wanted = math.log1p(math.exp(-10 * math.cos(0.4)))
    for x in (5 * w, w):
        value = L.arcface_loss(x, w, torch.tensor([0, 1]), scale=10.0, margin=0.4)
        assert value.item() == pytest.approx(wanted, rel=1e-12)
    value = L.arcface_loss(-w, w, torch.tensor([0, 1]), scale=10.0, margin=0.4, reduction="none")
    assert value.tolist() == pytest.approx([math.log1p(math.exp(10 + 4 * math.sin(0.4)))] * 2, rel=1e-12)
    value = L.sphereface_loss(-3 * w, w, torch.tensor([0, 1]), margin=2.5)  # 2.5 half turns: cos(pi / 2) - 4
    assert value.item() == pytest.approx(math.log1p(math.exp(12.0)), rel=1e-12)


def test_sphereface_is_continuous_and_falls_with_the_angle():
    turns = torch.linspace(0, math.pi, 1001, dtype=torch.float64)
    x, w = torch.stack([turns.cos(), turns.sin()], -1), torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    for margin in (1.0, 1.7, 3.0, 4.0):
        value = L.sphereface_loss(x, w, torch.zeros(1001, dtype=torch.long), margin=margin, reduction="none")
        own = turns.sin() - torch.log(torch.expm1(value))  # the score of the class itself
        assert own.diff().max() <= 1e-9
        assert own.diff().abs().max() < 1.01 * margin * math.pi / 1000
        assert own[-1].item() == pytest.approx(
            (-1) ** math.floor(margin) * math.cos(margin * math.pi) - 2 * math.floor(margin)
            if margin % 1
            else 1 - 2 * margin,
            abs=1e-6,
        )


def test_identities():
    x, w = batch("cosface_loss")
    direction, centres = x / x.norm(dim=-1, keepdim=True), w / w.norm(dim=-1, keepdim=True)
    plain = torch.nn.functional.cross_entropy(7 * direction @ centres.T, LABELS)
    for name in ("arcface_loss", "cosface_loss"):
        torch.testing.assert_close(getattr(L, name)(x, w, LABELS, scale=7.0, margin=0.0), plain, rtol=1e-12, atol=0)
    sphere = L.sphereface_loss(7 * direction, w, LABELS, margin=1.0)
    torch.testing.assert_close(sphere, plain, rtol=1e-12, atol=0)
    nca = L.proxy_nca_loss(x, w, LABELS, scale=3.5, with_own=True)
    torch.testing.assert_close(nca, plain, rtol=1e-12, atol=0)
    one = w.unsqueeze(1)
    torch.testing.assert_close(
        L.sub_center_arcface_loss(x, one, LABELS), L.arcface_loss(x, w, LABELS), rtol=1e-12, atol=0
    )
    torch.testing.assert_close(
        L.soft_triple_loss(x, one, LABELS, scale=9.0, margin=0.2),
        L.cosface_loss(x, w, LABELS, scale=9.0, margin=0.2), rtol=1e-12, atol=0,
    )  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_modules_own_centres_that_learn(name):
    sizes = (4, 3, 2) if name in SEVERAL else (4, 3)
    torch.manual_seed(1)
    loss = MODULES[name](*sizes)
    assert [key for key, _ in loss.named_parameters()] == ["weight"]
    assert loss.weight.shape == ((3, 2, 4) if name in SEVERAL else (3, 4))
    assert len({tuple(row) for row in loss.weight.detach().reshape(-1, 4).tolist()}) == loss.weight.numel() // 4
    x = torch.randn(5, 4)
    before = loss(x, LABELS)
    assert before.item() == getattr(L, name)(x, loss.weight, LABELS).item()
    before.backward()
    with torch.no_grad():
        loss.weight -= 1e-3 * loss.weight.grad
    assert loss(x, LABELS) < before
    with pytest.raises(TypeError, match="num_classes is missing"):
        MODULES[name](4)


def test_one_proxy_has_nothing_to_be_told_from():
    x, w = torch.randn(2, 4), torch.randn(1, 4)
    with pytest.raises(ValueError, match="weight holds one proxy"):
        L.proxy_nca_loss(x, w, torch.zeros(2, dtype=torch.long))
    assert L.proxy_nca_loss(x, w, torch.zeros(2, dtype=torch.long), with_own=True).item() == 0


def test_labels_of_no_centre_are_refused():
    with pytest.raises(ValueError, match=r"arcface_loss: target 3 at \[1\] is out of range"):
        L.arcface_loss(torch.randn(2, 4), torch.randn(3, 4), torch.tensor([0, 3]))
