"""Losses of one output against torch, plain loops and the table of hard values."""

import math

import pytest
import torch
import torch.nn.functional as F

import losslab.functional as L
from losslab import nn
from losslab.testing.claims import quiet

INF = math.inf


def double(values):
    return torch.tensor(values, dtype=torch.float64)


SHAPES = [(), (6,), (4, 3), (2, 3, 2)]


def gradient(loss, x, *args, **options):
    x = x.clone().requires_grad_()
    value = loss(x, *args, **options)
    return value.detach(), torch.autograd.grad(value.sum(), x)[0]


def agree(ours, theirs, x, y, **options):
    for found, expected in zip(gradient(ours, x, y, **options), gradient(theirs, x, y, **options), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def batch(shape, soft):
    x = 3 * torch.randn(shape, dtype=torch.float64)
    y = torch.rand(shape, dtype=torch.float64)
    return x, y if soft else (y < 0.4).double()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_equal_to_torch(shape, soft, weighted):
    x, y = batch(shape, soft)
    weight = torch.rand(shape, dtype=torch.float64) if weighted else None
    for reduction in ("mean", "sum", "none"):
        agree(L.binary_cross_entropy, F.binary_cross_entropy, x.sigmoid(), y, weight=weight, reduction=reduction)
        for pos_weight in (None, torch.tensor(3.5, dtype=torch.float64)):
            options = {"weight": weight, "pos_weight": pos_weight, "reduction": reduction}
            agree(L.binary_cross_entropy_with_logits, F.binary_cross_entropy_with_logits, x, y, **options)


def test_weights_that_broadcast():
    x, y = batch((4, 3), True)
    column, each = double([0.5, 3.0, 1.0]), double([[2.0], [0.0], [1.0], [0.25]])
    for weight in (column, each):
        agree(L.binary_cross_entropy, F.binary_cross_entropy, x.sigmoid(), y, weight=weight)
        for reduction in ("mean", "none"):
            options = {"weight": weight, "pos_weight": column, "reduction": reduction}
            agree(L.binary_cross_entropy_with_logits, F.binary_cross_entropy_with_logits, x, y, **options)
    same = nn.BCEWithLogitsLoss(pos_weight=column)(x, y)
    torch.testing.assert_close(same, torch.nn.BCEWithLogitsLoss(pos_weight=column)(x, y))
    torch.testing.assert_close(nn.BCELoss(column)(x.sigmoid(), y), torch.nn.BCELoss(column)(x.sigmoid(), y))


def test_gradient_by_the_target_equals_torch():
    x, y = batch((5,), False)
    ours = gradient(lambda t: L.binary_cross_entropy_with_logits(x, t), y)[1]
    theirs = gradient(lambda t: F.binary_cross_entropy_with_logits(x, t), y)[1]
    torch.testing.assert_close(ours, theirs)


def test_required_value():
    found = L.binary_cross_entropy(torch.tensor([0.7, 0.2, 0.9, 0.7]), torch.tensor([1.0, 0.0, 1.0, 0.0]))
    assert found.item() == pytest.approx(0.4723, abs=5e-5)


def test_pos_weight_by_a_plain_loop():
    x, y = batch((7,), True)
    total = 0.0
    for logit, target in zip(x.tolist(), y.tolist(), strict=True):
        p = 1 / (1 + math.exp(-logit))
        total -= 2.5 * target * math.log(p) + (1 - target) * math.log(1 - p)
    assert L.binary_cross_entropy_with_logits(x, y, pos_weight=2.5).item() == pytest.approx(total / 7, rel=1e-12)


# logit, target, value, slope
HARD_LOGITS = [
    (0.0, 1.0, 0.6931471805599453, -0.5),
    (0.0, 0.0, 0.6931471805599453, 0.5),
    (10.0, 1.0, 4.5398899216864646e-05, -4.5397868702434395e-05),
    (10.0, 0.0, 10.000045398899217, 1 - 4.5397868702434395e-05),
    (20.0, 1.0, 2.0611536203143807e-09, -2.061153618190204e-09),
    (20.0, 0.0, 20.000000002061154, 1 - 2.06e-09),
    (50.0, 1.0, 1.928749847963918e-22, -1.928749847963918e-22),
    (50.0, 0.0, 50.0, 1.0),
    (100.0, 1.0, 3.720075976020836e-44, -3.720075976020836e-44),
    (100.0, 0.0, 100.0, 1.0),
    (-1e9, 1.0, 1e9, -1.0),
    (-1e9, 0.0, 0.0, 0.0),
    (INF, 1.0, 0.0, 0.0),
    (INF, 0.0, INF, 1.0),
    (-INF, 1.0, INF, -1.0),
    (-INF, 0.0, 0.0, 0.0),
    (-INF, 0.9, INF, -0.9),
    (INF, 0.9, INF, 0.1),
]


@pytest.mark.parametrize(("logit", "target", "value", "slope"), HARD_LOGITS)
def test_hard_logits(logit, target, value, slope):
    x, y = torch.tensor([logit], dtype=torch.float64), torch.tensor([target], dtype=torch.float64)
    found, found_slope = gradient(L.binary_cross_entropy_with_logits, x, y, reduction="none")
    assert found.item() == pytest.approx(value, rel=1e-14, abs=0)
    assert found_slope.item() == pytest.approx(slope, rel=1e-10, abs=0)


def test_single_precision_keeps_small_losses():
    found = L.binary_cross_entropy_with_logits(torch.tensor([10.0]), torch.tensor([1.0])).item()
    assert found == pytest.approx(4.5398899216864646e-05, rel=2.4e-7)


def test_nan_is_not_hidden():
    x, y = torch.tensor([math.nan, 1.0]), torch.tensor([1.0, 0.0])
    for loss in (L.binary_cross_entropy_with_logits, L.sigmoid_focal_loss, L.asymmetric_loss):
        assert quiet(loss, x, y).isnan()


# probability, target, value, slope
HARD_PROBABILITIES = [
    (0.0, 0.0, 0.0, 1.0),
    (1.0, 1.0, 0.0, -1.0),
    (0.0, 1.0, 100.0, -1e12),
    (1.0, 0.0, 100.0, 1e12),
    (1e-13, 0.0, 1e-13, 1.0),
    (1e-30, 1.0, 69.0775527898214, -1e30),
    (0.25, 0.25, 0.5623351446188083, 0.0),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("p", "target", "value", "slope"), HARD_PROBABILITIES)
def test_hard_probabilities(p, target, value, slope, dtype):
    x, y = torch.tensor([p], dtype=dtype), torch.tensor([target], dtype=dtype)
    found, found_slope = gradient(L.binary_cross_entropy, x, y, reduction="none")
    assert found.item() == pytest.approx(value, rel=1e-6, abs=0)
    assert found_slope.item() == pytest.approx(slope, rel=1e-6, abs=0)


@pytest.mark.parametrize(("dtype", "reach"), [(torch.float32, 80), (torch.float64, 700)])
def test_the_slope_survives_a_far_sigmoid(dtype, reach):
    x = torch.linspace(-reach, reach, 41, dtype=dtype)
    y = torch.ones_like(x)
    found = gradient(lambda t: L.binary_cross_entropy(t.sigmoid(), y, reduction="sum"), x)[1]
    left = x <= 0  # right of 0 the sigmoid itself rounds towards 1
    torch.testing.assert_close(found[left], (x.sigmoid() - y)[left], rtol=1e-5, atol=0)


def test_second_derivatives():
    p = torch.tensor([0.3, 0.9], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([1.0, 0.25], dtype=torch.float64)
    assert torch.autograd.gradgradcheck(lambda t: L.binary_cross_entropy(t, y), (p,))
    slope = torch.autograd.grad(L.binary_cross_entropy(p, y, reduction="sum"), p, create_graph=True)[0]
    # y / p^2 + (1 - y) / (1 - p)^2
    expected = [1 / 0.09, 0.25 / 0.81 + 0.75 / 0.01]
    assert torch.autograd.grad(slope.sum(), p)[0].tolist() == pytest.approx(expected, rel=1e-12)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")  # torch's own warning, at its first use of jvp
def test_forward_mode():
    x, y = double([0.3, 0.9]), double([1.0, 0.25])
    _, found = torch.func.jvp(lambda t: L.binary_cross_entropy(t, y), (x,), (double([1.0, -2.0]),))
    # halves of -1/.3 and -2 (.9 - .25) / .09
    assert found.item() == pytest.approx((-1 / 0.3 - 2 * 0.65 / 0.09) / 2, rel=1e-12)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")
def test_second_derivatives_by_function_transforms():
    y = double([1.0, 0.25])
    found = torch.func.hessian(lambda t: L.binary_cross_entropy(t, y, reduction="sum"))(double([0.3, 0.9]))
    expected = torch.diag(double([1 / 0.09, 0.25 / 0.81 + 0.75 / 0.01]))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_probabilities_out_of_range_are_named():
    with pytest.raises(ValueError, match=r"binary_cross_entropy: input must lie in \[0, 1\]"):
        L.binary_cross_entropy(torch.tensor([0.5, 1.2]), torch.tensor([0.0, 1.0]))
    with pytest.raises(ValueError, match="target must lie"):
        L.binary_cross_entropy_with_logits(torch.tensor([0.5, 1.2]), torch.tensor([-1.0, 1.0]))
    with pytest.raises(ValueError, match="pos_weight"):
        L.binary_cross_entropy_with_logits(torch.tensor([0.5]), torch.tensor([1.0]), pos_weight=-1.0)
