"""Focal and asymmetric losses against plain loops, each other, and worked corners."""

import math

import pytest
import torch
import torch.nn.functional as F

import losslab.functional as L
from losslab.catalog import CATALOGUE

INF = math.inf


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def gradient(loss, x, *args, **options):
    x = x.clone().requires_grad_()
    value = loss(x, *args, **options)
    return value.detach(), torch.autograd.grad(value.sum(), x)[0]


def same(found, expected):
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def batch(soft=False):
    x = torch.tensor([-3.0, -0.7, 0.2, 1.9, 4.5, -6.0, 2.5], dtype=torch.float64)
    y = torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0], dtype=torch.float64)
    return x, torch.tensor([0.9, 0.2, 0.5, 0.0, 0.75, 0.1, 1.0], dtype=torch.float64) if soft else y


def mean(loss, x, y):
    return math.fsum(loss(1 / (1 + math.exp(-a)), b) for a, b in zip(x.tolist(), y.tolist(), strict=True)) / len(x)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2.0), (0.8, 0.3), (0.6, 0.0), (1.0, 5.0)])
def test_sigmoid_focal_by_a_plain_loop(soft, alpha, gamma):
    def one(p, y):
        right = p * y + (1 - p) * (1 - y)
        share = alpha * y + (1 - alpha) * (1 - y)
        return share * (1 - right) ** gamma * -(y * math.log(p) + (1 - y) * math.log(1 - p))

    x, y = batch(soft)
    assert L.sigmoid_focal_loss(x, y, alpha=alpha, gamma=gamma).item() == pytest.approx(mean(one, x, y), rel=1e-12)
    tensors = {"alpha": double(alpha), "gamma": double(gamma)}
    same(
        gradient(L.sigmoid_focal_loss, x, y, **tensors), gradient(L.sigmoid_focal_loss, x, y, alpha=alpha, gamma=gamma)
    )


@pytest.mark.parametrize(("neg", "pos", "clip"), [(4.0, 1.0, 0.05), (2.0, 0.5, 0.3), (0.0, 3.0, 0.15), (1.5, 0.0, 0.0)])
def test_asymmetric_by_a_plain_loop(neg, pos, clip):
    def one(p, y):
        shifted = max(p - clip, 0.0)
        return (1 - p) ** pos * -math.log(p) if y else shifted**neg * -math.log(1 - shifted) if shifted else 0.0

    x, y = batch()
    options = {"gamma_neg": neg, "gamma_pos": pos, "clip": clip}
    assert L.asymmetric_loss(x, y, **options).item() == pytest.approx(mean(one, x, y), rel=1e-12)
    tensors = {name: double(value) for name, value in options.items()}
    same(gradient(L.asymmetric_loss, x, y, **tensors), gradient(L.asymmetric_loss, x, y, **options))


@pytest.mark.parametrize("soft", [False, True])
def test_asymmetric_without_powers_and_clip_is_log_loss(soft):
    x, y = batch(soft)
    x = torch.cat((x, double([100.0, -100.0, 1000.0, -1000.0])))
    y = torch.cat((y, double([0.0, 1.0, 0.5, 0.0])))
    off = {"gamma_neg": 0.0, "gamma_pos": 0.0, "clip": 0.0}
    same(gradient(L.asymmetric_loss, x, y, **off), gradient(L.binary_cross_entropy_with_logits, x, y))


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("gamma", [0.5, 3.0])
def test_asymmetric_with_equal_powers_is_twice_the_balanced_focal_loss(soft, gamma):
    x, y = batch(soft)
    asymmetric = gradient(L.asymmetric_loss, x, y, gamma_neg=gamma, gamma_pos=gamma, clip=0.0)
    same(asymmetric, gradient(lambda *a: 2 * L.sigmoid_focal_loss(*a, alpha=0.5, gamma=gamma), x, y))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_sigmoid_focal_is_focal_on_two_scores(gamma):
    x, y = batch()

    def two(t):
        return L.focal_loss(torch.stack((-0.3 * t, 0.7 * t), 1), y.long(), gamma=gamma)

    def one(t):
        return 2 * L.sigmoid_focal_loss(t, y, alpha=0.5, gamma=gamma)

    same(gradient(two, x), gradient(one, x))


def test_no_power_is_the_log_loss():
    x, y = batch(soft=True)
    one = gradient(lambda *a: 2 * L.sigmoid_focal_loss(*a, alpha=0.5, gamma=0.0), x, y)
    same(one, gradient(F.binary_cross_entropy_with_logits, x, y))
    scores, labels = torch.randn(6, 4).double(), torch.tensor([3, 0, 1, 2, 2, 0])
    weight = double([0.5, 2.0, 0.0, 1.0])
    focal = gradient(L.focal_loss, scores, labels, gamma=0.0, weight=weight)
    same(focal, gradient(F.cross_entropy, scores, labels, weight))


@pytest.mark.parametrize("gamma", [0.4, 3.0])
def test_focal_by_a_plain_loop(gamma):
    scores, labels = torch.randn(6, 4).double(), [3, 0, 1, -100, 2, 0]
    weight = [0.5, 2.0, 0.3, 1.0]
    total = counted = 0.0
    for row, label in zip(scores.tolist(), labels, strict=True):
        if label >= 0:
            p = math.exp(row[label]) / math.fsum(map(math.exp, row))
            total += weight[label] * (1 - p) ** gamma * -math.log(p)
            counted += weight[label]
    found = L.focal_loss(scores, torch.tensor(labels), gamma=gamma, weight=double(weight))
    assert found.item() == pytest.approx(total / counted, rel=1e-12)


# logit of a yes, gamma, (1 - p)^g (-ln p) and its slope
HARD = [
    (0.0, 2.0, 0.17328679513998633, -0.29828679513998633),
    (0.0, 0.5, 0.49012907173427360, -0.47608565852684216),
    (5.0, 0.5, 0.00054938162662339, -0.00082039345295395),
    (100.0, 0.5, 0.0, 0.0),
    (1000.0, 0.0, 0.0, 0.0),
    (-1000.0, 2.0, 1000.0, -1.0),
    (-INF, 0.5, INF, -1.0),
    (INF, 0.5, 0.0, 0.0),
]


@pytest.mark.parametrize(("logit", "gamma", "value", "slope"), HARD)
@pytest.mark.parametrize("tensor", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_hard_logits(logit, gamma, value, slope, tensor, dtype):
    power = torch.tensor(gamma, dtype=dtype) if tensor else gamma
    rel = 1e-5 if dtype == torch.float32 else 1e-11
    losses = [
        lambda t: 2 * L.sigmoid_focal_loss(t, torch.ones_like(t), alpha=0.5, gamma=power),
        lambda t: 2 * L.sigmoid_focal_loss(-t, torch.zeros_like(t), alpha=0.5, gamma=power),
        lambda t: L.asymmetric_loss(t, torch.ones_like(t), gamma_pos=power),
        lambda t: L.asymmetric_loss(-t, torch.zeros_like(t), gamma_neg=power, clip=0.0),
    ]
    if logit != INF:  # the softmax of an infinite score is not defined
        losses.append(lambda t: L.focal_loss(torch.stack((t, torch.zeros_like(t)), 1), torch.tensor([0]), gamma=power))
    for loss in losses:
        found, found_slope = gradient(loss, torch.tensor([logit], dtype=dtype))
        assert found.item() == pytest.approx(value, rel=rel, abs=1e-30)
        assert found_slope.item() == pytest.approx(slope, rel=rel, abs=1e-30)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_second_derivatives_are_finite_where_nothing_is_left_to_learn(gamma):
    power = torch.tensor(gamma, requires_grad=True)
    x = torch.tensor([[60.0, 0.0], [1000.0, 0.0], [40.0, 0.0], [17.0, 0.0]], requires_grad=True)
    focal = L.focal_loss(x, torch.zeros(4, dtype=torch.long), gamma=power, reduction="sum")
    sigmoid = L.sigmoid_focal_loss(x[:, 0], torch.ones(4), gamma=power, reduction="sum")
    asymmetric = L.asymmetric_loss(x[:, 0], torch.ones(4), gamma_pos=power, reduction="sum")
    for loss in (focal, sigmoid, asymmetric):
        slope, by_power = torch.autograd.grad(loss, (x, power), create_graph=True)
        second = torch.autograd.grad(slope.sum() + by_power, (x, power), allow_unused=True)
        for part in (slope, by_power, *second):
            assert part is None or part.isfinite().all()


def test_a_clipped_no_stops_pulling():
    # far above the clip the loss of a no levels off at (1 - m)^g (-ln m); below it, nothing
    x = torch.tensor([-4.0, 1e4, INF])
    found, slope = gradient(L.asymmetric_loss, x, torch.zeros(3), gamma_neg=2.0, clip=0.1, reduction="none")
    assert found.tolist() == pytest.approx([0.0, 0.81 * -math.log(0.1), 0.81 * -math.log(0.1)], rel=1e-6)
    assert slope.tolist() == [0.0, 0.0, 0.0]


def test_the_kink_is_the_logit_of_the_clip():
    kinks = CATALOGUE["asymmetric_loss"].kinks
    assert kinks(4.0, 1.0, 0.2) == (pytest.approx(-math.log(4)),)
    assert kinks(4.0, 1.0, 0.0) == ()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sigmoid_focal_loss", {"alpha": -1.0}),
        ("sigmoid_focal_loss", {"gamma": -0.5}),
        ("asymmetric_loss", {"clip": 1.0}),
        ("asymmetric_loss", {"gamma_pos": -1.0}),
    ],
)
def test_parameters_out_of_bounds(name, options):
    with pytest.raises(ValueError, match="out of bounds"):
        CATALOGUE[name](torch.zeros(2), torch.ones(2), **options)


def test_a_far_wrong_answer_keeps_its_last_digits():
    x = torch.tensor([-21.0, -24.0], dtype=torch.float64)
    found = L.asymmetric_loss(x, torch.ones(2, dtype=torch.float64), gamma_pos=0.0, reduction="none")
    expected = [21 + math.log1p(math.exp(-21)), 24 + math.log1p(math.exp(-24))]
    assert found.tolist() == pytest.approx(expected, rel=1e-15, abs=0)
