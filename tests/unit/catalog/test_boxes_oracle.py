"""Losses on boxes against plain loops over their definitions, and boxes that are equal, apart, or without area."""

import math
import random

import pytest
import torch

import losslab.functional as L

STEP = 1e-6
PLAIN = ["iou_loss", "giou_loss", "diou_loss", "ciou_loss", "eiou_loss", "siou_loss", "alpha_iou_loss"]
PULLS = PLAIN[1:6]  # those that have a gradient where boxes are apart


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def iou_and_union(a, b, eps):
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / (union + eps), union


def hull_of(a, b):
    return max(a[2], b[2]) - min(a[0], b[0]), max(a[3], b[3]) - min(a[1], b[1])


def gaps(a, b):
    return abs(a[0] + a[2] - b[0] - b[2]) / 2, abs(a[1] + a[3] - b[1] - b[3]) / 2


def centres(a, b, eps):
    (dx, dy), (width, height) = gaps(a, b), hull_of(a, b)
    return (dx * dx + dy * dy) / (width * width + height * height + eps)


def plain(a, b, eps):
    return 1 - iou_and_union(a, b, eps)[0]


def giou(a, b, eps):
    iou, union = iou_and_union(a, b, eps)
    width, height = hull_of(a, b)
    return 1 - (iou - (width * height - union) / (width * height + eps))


def diou(a, b, eps):
    return 1 - (iou_and_union(a, b, eps)[0] - centres(a, b, eps))


def shapes(a, b):
    angles = [math.atan((box[2] - box[0]) / (box[3] - box[1])) for box in (a, b)]
    return 4 / math.pi**2 * (angles[0] - angles[1]) ** 2


def trade_off(a, b, eps):
    v = shapes(a, b)
    return v / (1 - iou_and_union(a, b, eps)[0] + v + eps)


def ciou(a, b, eps, alpha=None):
    alpha = trade_off(a, b, eps) if alpha is None else alpha
    return diou(a, b, eps) + alpha * shapes(a, b)


def eiou(a, b, eps):
    cost = diou(a, b, eps)
    for side, across in enumerate(hull_of(a, b)):
        cost += ((a[2 + side] - a[side]) - (b[2 + side] - b[side])) ** 2 / (across**2 + eps)
    return cost


def siou(a, b, eps, theta):
    dx, dy = gaps(a, b)
    sine = dy / math.hypot(dx, dy)
    angle = 1 - 2 * math.sin(math.asin(sine) - math.pi / 4) ** 2
    distance = shape = 0.0
    for side, (gap, across) in enumerate(zip((dx, dy), hull_of(a, b), strict=True)):
        distance += 1 - math.exp(-(2 - angle) * (gap / across) ** 2)
        mine, other = a[2 + side] - a[side], b[2 + side] - b[side]
        shape += (1 - math.exp(-abs(mine - other) / max(mine, other))) ** theta
    assert eps == 0
    return plain(a, b, eps) + (distance + shape) / 2


def alpha_iou(a, b, eps, alpha):
    return 1 - iou_and_union(a, b, eps)[0] ** alpha


DEFINITIONS = {
    "iou_loss": (plain, [{"eps": 0.0}, {"eps": 0.3}]),
    "giou_loss": (giou, [{"eps": 0.0}, {"eps": 0.3}]),
    "diou_loss": (diou, [{"eps": 0.0}, {"eps": 0.3}]),
    "ciou_loss": (ciou, [{"eps": 0.0}, {"eps": 0.3}]),
    "eiou_loss": (eiou, [{"eps": 0.0}, {"eps": 0.3}]),
    "siou_loss": (siou, [{"eps": 0.0, "theta": 4.0}, {"eps": 0.0, "theta": 1.5}]),
    "alpha_iou_loss": (alpha_iou, [{"eps": 0.0, "alpha": 3.0}, {"eps": 0.3, "alpha": 0.6}]),
}


def pairs(count, seed):
    """Boxes that overlap, lie within each other, and are apart."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        a, b = (
            [x := rng.uniform(-2, 2), y := rng.uniform(-2, 2), x + rng.uniform(0.1, 3), y + rng.uniform(0.1, 3)]
            for _ in range(2)
        )
        found.append((a, b))
    return [*found, ([0.1, 0.2, 5.0, 4.0], [1.0, 2.0, 1.5, 3.5]), ([1e-3, 2e-3, 2e-3, 4e-3], [1.4e-3, 0.0, 3e-3, 3e-3])]


def gradient(loss, x, *args, **options):
    x = x.clone().requires_grad_()
    value = loss(x, *args, reduction="none", **options)
    return value.detach(), torch.autograd.grad(value.sum(), x)[0]


@pytest.mark.parametrize("name", PLAIN)
def test_the_definition(name):
    definition, settings = DEFINITIONS[name]
    for seed, params in enumerate(settings):
        boxes = pairs(40, seed)
        a, b = double([one for one, _ in boxes]), double([other for _, other in boxes])
        value, slope = gradient(getattr(L, name), a, b, **params)
        for row, (box, other) in enumerate(boxes):
            held = {"alpha": trade_off(box, other, params["eps"])} if name == "ciou_loss" else {}
            expected = definition(box, other, **params)
            assert value[row].item() == pytest.approx(expected, rel=1e-12, abs=1e-12)
            step = STEP * (box[2] - box[0])
            for side in range(4):
                up, down = ([*box[:side], box[side] + move, *box[side + 1 :]] for move in (step, -step))
                derived = definition(up, other, **params, **held) - definition(down, other, **params, **held)
                assert slope[row, side].item() == pytest.approx(derived / (2 * step), rel=1e-6, abs=1e-6)


def test_identities():
    boxes = pairs(30, 9)
    a, b = double([one for one, _ in boxes]), double([other for _, other in boxes])
    for name in PLAIN:
        loss = getattr(L, name)
        for first, second in ((3 * a + 5, 3 * b + 5), (a[:, [1, 0, 3, 2]], b[:, [1, 0, 3, 2]]), (b, a)):
            torch.testing.assert_close(loss(first, second, reduction="none"), loss(a, b, reduction="none"))
    plain_loss = gradient(L.iou_loss, a, b)
    torch.testing.assert_close(gradient(L.alpha_iou_loss, a, b, alpha=1), plain_loss)
    same_shape = torch.cat([a[:, :2], a[:, :2] + b[:, 2:] - b[:, :2]], 1)
    torch.testing.assert_close(gradient(L.ciou_loss, same_shape, b), gradient(L.diou_loss, same_shape, b))
    torch.testing.assert_close(gradient(L.eiou_loss, same_shape, b)[0], gradient(L.diou_loss, same_shape, b)[0])


@pytest.mark.parametrize("name", PLAIN)
def test_equal_boxes_cost_nothing(name):
    boxes = [
        [0, 0, 2, 1],
        [1e-4, 1e-4, 2e-4, 3e-4],
        [3, 3, 3, 3],
        [0, 0, 0, 0],
        [1, 2, 1, 5],
        [1, 2, 4, 2],
        [0, 0, 9e3, 9e3],
    ]
    for dtype in (torch.float32, torch.float64):
        a = torch.tensor(boxes, dtype=dtype)
        value, slope = gradient(getattr(L, name), a, a.clone())
        assert value.tolist() == pytest.approx([0] * len(boxes), abs=1e-6 if dtype == torch.float32 else 1e-14)
        assert slope.isfinite().all()
        assert not slope[2:4].any()  # points have no way to go


@pytest.mark.parametrize("name", PLAIN)
def test_boxes_without_area(name):
    point, line, other = [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 2.0, 0.0], [5.0, 1.0, 5.0, 1.0]
    box = [0.5, 0.5, 3.0, 2.5]
    pairs_of = [(point, box), (box, point), (point, other), (line, box), (line, other), (line, [0.5, 0.0, 3.0, 0.0])]
    for dtype in (torch.float32, torch.float64):
        a = torch.tensor([one for one, _ in pairs_of], dtype=dtype).requires_grad_()
        b = torch.tensor([two for _, two in pairs_of], dtype=dtype)
        value = getattr(L, name)(a, b, reduction="none")
        assert (value >= 1).all()
        assert (value <= 4).all()
        (slope,) = torch.autograd.grad(value.sum(), a, create_graph=True)
        assert slope.isfinite().all()
        assert torch.autograd.grad(slope.square().sum(), a, allow_unused=True)[0].isfinite().all()


def test_boxes_apart():
    a, b = double([[0.0, 0.0, 1.0, 1.0]]), double([[2.0, 0.0, 3.0, 1.0]])
    value, slope = gradient(L.iou_loss, a, b)
    assert (value.item(), slope.abs().max().item()) == (1, 0)
    value, slope = gradient(L.giou_loss, a, b)
    assert value.item() == pytest.approx(1.3333333333333333, rel=1e-15)
    assert slope.any()
    for name in PULLS:
        far = double([[1e3, 1e3, 1e3 + 1, 1e3 + 2]])
        slope = gradient(getattr(L, name), a, far)[1]
        assert slope.sum() < 0, name  # moved as it is along the diagonal, the box comes nearer
        near = getattr(L, name)(a + 10, far)
        assert near < getattr(L, name)(a, far)


def test_ciou_of_flat_boxes_and_of_no_mistake():
    """alpha is 0 / 0 where the IoU is 1 and the shapes agree; width over height divides by 0 where a box is flat."""
    a = double([[0.0, 0.0, 2.0, 1.0], [0.0, 0.0, 2.0, 0.0]])
    b = double([[0.0, 0.0, 2.0, 1.0], [0.0, 0.0, 2.0, 2.0]])
    value, slope = gradient(L.ciou_loss, a, b)
    v = 4 / math.pi**2 * (math.pi / 4 - math.pi / 2) ** 2
    assert value.tolist() == pytest.approx([0, 1 + 1 / 8 + v**2 / (1 + v)], abs=1e-15)
    assert slope.isfinite().all()


def test_the_eps_of_torchvision_hides_small_boxes():
    """A box of 0.001 x 0.001 of an image, found exactly."""
    box = double([[0.5, 0.5, 0.501, 0.501]])
    assert L.iou_loss(box, box).item() == pytest.approx(0, abs=1e-12)
    assert L.iou_loss(box, box, eps=1e-7).item() == pytest.approx(1e-7 / 1.1e-6, rel=1e-6)


def test_corners_the_wrong_way_round_are_refused():
    good = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.5, 0.5, 0.25, 0.25]])
    for name in PLAIN:
        with pytest.raises(ValueError, match=rf"{name}: input must hold corners .* at \[1\] .* For centre"):
            getattr(L, name)(good, good.sort()[0])


def test_a_left_out_box_may_be_anything():
    a = double([[0.0, 0.0, 2.0, 2.0], [math.nan, 0.0, -1.0, math.inf]])
    b = double([[1.0, 0.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]])
    for name in PLAIN:
        value, slope = gradient(getattr(L, name), a, b, mask=torch.tensor([True, False]))
        assert value[1] == 0
        assert not slope[1].any()
        assert value[0] == getattr(L, name)(a[:1], b[:1])


def test_distribution_focal_by_a_plain_loop():
    rng = random.Random(5)
    for bins in (2, 5, 17):
        scores = [[rng.gauss(0, 2) for _ in range(bins)] for _ in range(12)]
        targets = [rng.uniform(0, bins - 1) for _ in range(9)] + [0.0, 1.0, float(bins - 1)]
        expected, slopes = [], []
        for row, y in zip(scores, targets, strict=True):
            total = sum(math.exp(s) for s in row)
            shares = [max(0.0, 1 - abs(y - k)) for k in range(bins)]
            expected.append(-sum(t * math.log(math.exp(s) / total) for t, s in zip(shares, row, strict=True)))
            slopes.append([math.exp(s) / total - t for t, s in zip(shares, row, strict=True)])
        value, slope = gradient(L.distribution_focal_loss, double(scores), double(targets))
        assert value.tolist() == pytest.approx(expected, rel=1e-12)
        torch.testing.assert_close(slope, double(slopes))
        shape = double(scores).reshape(3, 4, bins), double(targets).reshape(3, 4)
        assert L.distribution_focal_loss(*shape).item() == pytest.approx(sum(expected) / 12, rel=1e-12)


def test_distribution_focal_at_whole_targets_and_beyond():
    x, whole = double([[0.5, -1.0, 2.0], [1.0, 0.25, -3.0]]), torch.tensor([2, 0])
    found = gradient(L.distribution_focal_loss, x, whole.double())
    torch.testing.assert_close(found, gradient(L.cross_entropy, x, whole))
    shut = double([[1.0, -math.inf, 2.0]])
    assert L.distribution_focal_loss(shut, double([2.0])).item() == pytest.approx(math.log(1 + math.exp(-1)))
    with pytest.raises(ValueError, match=r"target has 2\.5, but the last of 3 bins is 2: use target\.clamp\(max=2\)"):
        L.distribution_focal_loss(x, double([2.5, 0.0]))
    with pytest.raises(ValueError, match="target must lie in"):
        L.distribution_focal_loss(x, double([-0.5, 0.0]))
