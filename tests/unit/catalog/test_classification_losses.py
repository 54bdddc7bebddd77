"""Losses over classes against torch, plain loops and worked corners."""

import dis
import itertools
import math

import pytest
import torch
import torch.nn.functional as F

import losslab.functional as L
from losslab.catalog import CATALOGUE
from losslab.catalog.classification import guarded, log_probabilities

INF = math.inf
SHAPES = [(5,), (4, 5), (4, 5, 3), (2, 5, 3, 2)]


def gradient(loss, x, *args, **options):
    x = x.clone().requires_grad_()
    value = loss(x, *args, **options)
    return value.detach(), torch.autograd.grad(value.sum(), x)[0]


def agree(ours, theirs, x, y, **options):
    for found, expected in zip(gradient(ours, x, y, **options), gradient(theirs, x, y, **options), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def scores(shape):
    return 3 * torch.randn(shape, dtype=torch.float64)


def labels(shape):
    return torch.randint(5, shape[:1] + shape[2:] if len(shape) > 1 else ())


def softmax(row):
    top = max(row)
    total = math.fsum(math.exp(v - top) for v in row)
    return [math.exp(v - top) / total for v in row]


WEIGHTS = [None, torch.tensor([0.3, 2.0, 0.0, 1.1, 0.7], dtype=torch.float64)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("smoothing", [0.0, 0.13, 1.0])
def test_cross_entropy_equals_torch_over_classes(shape, weight, smoothing):
    x, y = scores(shape), labels(shape)
    y.view(-1)[0] = 3
    for reduction, ignore in itertools.product(("mean", "sum", "none"), (-100, 1)):
        options = {"weight": weight, "reduction": reduction, "ignore_index": ignore, "label_smoothing": smoothing}
        agree(L.cross_entropy, F.cross_entropy, x, y, **options)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("smoothing", [0.0, 0.13])
def test_cross_entropy_equals_torch_over_distributions(shape, weight, smoothing):
    x, target = scores(shape), scores(shape).softmax(min(len(shape) - 1, 1))
    for reduction in ("mean", "sum", "none"):
        options = {"weight": weight, "reduction": reduction, "label_smoothing": smoothing}
        agree(L.cross_entropy, F.cross_entropy, x, target, **options)
        swapped = [lambda t, a, loss=loss, **o: loss(a, t, **o) for loss in (L.cross_entropy, F.cross_entropy)]
        agree(*swapped, target, x, **options)


def test_cross_entropy_by_a_plain_loop():
    x, y, weight, e = scores((6, 5)), torch.tensor([4, 0, 1, -100, 3, 0]), WEIGHTS[1].tolist(), 0.2
    total = counted = 0.0
    for row, label in zip(x.tolist(), y.tolist(), strict=True):
        if label >= 0:
            cost = [-math.log(p) for p in softmax(row)]
            total += (1 - e) * weight[label] * cost[label]
            total += e / 5 * math.fsum(w * c for w, c in zip(weight, cost, strict=True))
            counted += weight[label]
    found = L.cross_entropy(x, y, WEIGHTS[1], label_smoothing=e)
    assert found.item() == pytest.approx(total / counted, rel=1e-12)


def test_required_values():
    assert L.cross_entropy(torch.tensor([0.1, 0.2, 0.3]), torch.tensor(1)).item() == pytest.approx(1.1019, abs=5e-5)
    two = torch.tensor([[1.5, 2.0, 0.5], [0.5, 1.0, 1.5]])
    assert L.cross_entropy(two, torch.tensor([1, 2])).item() == pytest.approx(0.6422, abs=5e-5)


@pytest.mark.parametrize(("classes", "least"), [(2, 0.1985152433), (10, 0.5002880351)])
def test_smoothing_has_its_known_minimum(classes, least):
    # at the minimum, softmax is the smoothed target: .95, .05 for two classes and .91, .01, ... for ten
    share = torch.full((classes,), 0.1 / classes, dtype=torch.float64)
    share[0] += 0.9
    found, slope = gradient(L.cross_entropy, share.log(), torch.tensor(0), label_smoothing=0.1)
    assert found.item() == pytest.approx(least, abs=1e-10)
    assert slope.abs().max() < 1e-15


@pytest.mark.parametrize("smoothing", [0.0, 0.3, torch.tensor(0.0), torch.tensor(0.3)])
@pytest.mark.parametrize("classes", [2, 50_000])
def test_equal_scores_cost_log_classes(smoothing, classes):
    found = L.cross_entropy(torch.full((classes,), 7.0), torch.tensor(1), label_smoothing=smoothing)
    assert found.item() == pytest.approx(math.log(classes), rel=1e-6)


LOG_LOSSES = ("cross_entropy", "focal_loss", "poly1_cross_entropy")
OFF = {"cross_entropy": "label_smoothing", "focal_loss": "gamma", "poly1_cross_entropy": "epsilon"}


@pytest.mark.parametrize("name", LOG_LOSSES)
@pytest.mark.parametrize("tensor", [False, True])
def test_infinite_logits(name, tensor):
    options = {OFF[name]: torch.tensor(0.0) if tensor else 0.0}
    loss, x = CATALOGUE[name].form, torch.tensor([[0.0, -INF], [0.0, -INF]])
    found, slope = gradient(loss, x, torch.tensor([0, 1]), reduction="none", **options)
    assert found.tolist() == [0.0, INF]
    assert slope.tolist() == [[0.0, 0.0], [1.0, -1.0]]


def test_smoothing_over_an_impossible_class_is_infinite_and_its_slope_is_not():
    found, slope = gradient(L.cross_entropy, torch.tensor([0.0, -INF]), torch.tensor(0), label_smoothing=0.2)
    assert found == INF
    torch.testing.assert_close(slope, torch.tensor([0.1, -0.1]))


def test_a_distribution_may_leave_out_impossible_classes():
    x = torch.tensor([[0.0, -INF, math.log(3)], [0.0, -INF, 0.0]])
    target = torch.tensor([[0.25, 0.0, 0.75], [0.5, 0.5, 0.0]])
    found, slope = gradient(L.cross_entropy, x, target, reduction="none")
    assert found[0].item() == pytest.approx(0.25 * math.log(4) + 0.75 * math.log(4 / 3), rel=1e-6)
    assert found[1] == INF
    torch.testing.assert_close(slope, torch.tensor([[0.0, 0.0, 0.0], [0.0, -0.5, 0.5]]))


def test_a_class_of_weight_zero_may_be_impossible():
    x, y = torch.tensor([[0.0, -INF, math.log(3)]] * 2), torch.tensor([1, 2])
    for smoothing in (0.0, 0.4):
        options = {"weight": torch.tensor([1.0, 0.0, 2.0]), "label_smoothing": smoothing}
        found, slope = gradient(L.cross_entropy, x, y, **options)
        assert found.isfinite()
        assert slope.isfinite().all()
    one = L.nll_loss(torch.tensor([-INF, -0.5]), torch.tensor(0), torch.tensor([0.0, 1.0]), reduction="sum")
    assert one == 0


@pytest.mark.parametrize("classes", [1, 2, 15, 16, 40])
def test_any_number_of_classes(classes):
    x, y = torch.randn(3, classes, 2, dtype=torch.float64), torch.randint(classes, (3, 2))
    agree(L.cross_entropy, F.cross_entropy, x, y)
    agree(L.cross_entropy, F.cross_entropy, x, y, label_smoothing=0.2)
    torch.testing.assert_close(log_probabilities(x.transpose(1, 2)), x.transpose(1, 2).log_softmax(2))


def test_far_scores():
    found, slope = gradient(L.cross_entropy, torch.tensor([10.0, 0.0, -100.0], dtype=torch.float64), torch.tensor(2))
    assert found.item() == pytest.approx(110.0000453988992, abs=1e-12)
    assert slope.tolist() == pytest.approx([1 / (1 + math.exp(-10)), 1 / (1 + math.exp(10)), -1.0], abs=1e-15)
    assert gradient(L.cross_entropy, torch.tensor([1e4, 0.0]), torch.tensor(1))[0] == 1e4


def test_guarded_takes_out_only_what_zero_meets():
    value = torch.tensor([INF, -INF, 2.0, math.nan])
    assert guarded(value, 0.0)[:3].tolist() == [0.0, 0.0, 2.0]
    assert guarded(value, 0.0)[3].isnan()
    assert guarded(value, torch.tensor([1.0, 0.0, 0.0, 1.0]))[:2].tolist() == [INF, 0.0]


def test_the_slope_by_smoothing_is_right_at_zero_too():
    e = torch.zeros((), dtype=torch.float64, requires_grad=True)
    x = torch.tensor([0.0, math.log(2), math.log(5)], dtype=torch.float64)
    (slope,) = torch.autograd.grad(L.cross_entropy(x, torch.tensor(1), label_smoothing=e), e)
    # (ln 8 + ln 4 + ln 1.6) / 3 - ln 4
    assert slope.item() == pytest.approx((math.log(8) + math.log(1.6) - 2 * math.log(4)) / 3, rel=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weight", WEIGHTS)
def test_nll_equals_torch(shape, weight):
    x, y = scores(shape).log_softmax(min(len(shape) - 1, 1)), labels(shape)
    y.view(-1)[0] = 3
    for reduction, ignore in itertools.product(("mean", "sum", "none"), (-100, 1)):
        agree(L.nll_loss, F.nll_loss, x, y, weight=weight, reduction=reduction, ignore_index=ignore)


@pytest.mark.parametrize("shape", SHAPES[:2])
@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize(("p", "margin"), [(1, 1.0), (2, 1.0), (1, 0.4), (2, 3.5)])
def test_multi_margin_equals_torch(shape, weight, p, margin):
    x, y = scores(shape), labels(shape)
    for reduction in ("mean", "sum", "none"):
        agree(L.multi_margin_loss, F.multi_margin_loss, x, y, p=p, margin=margin, weight=weight, reduction=reduction)
    by_place = L.multi_margin_loss(x, y, p, margin, weight)
    torch.testing.assert_close(by_place, F.multi_margin_loss(x, y, p, margin, weight))


def test_multi_margin_by_a_plain_loop_with_a_power_that_torch_lacks():
    x, y, weight = scores((6, 5)), torch.tensor([4, 0, 1, -100, 3, 0]), WEIGHTS[1]
    total = 0.0
    for row, label in zip(x.tolist(), y.tolist(), strict=True):
        if label >= 0:
            short = [max(0.0, 2.2 - row[label] + v) ** 1.5 for c, v in enumerate(row) if c != label]
            total += weight[label].item() * math.fsum(short) / 5
    assert L.multi_margin_loss(x, y, 1.5, 2.2, weight).item() == pytest.approx(total / 5, rel=1e-12)
    tensor = L.multi_margin_loss(x, y, torch.tensor(1.5), torch.tensor(2.2), weight)
    assert tensor.item() == pytest.approx(total / 5, rel=1e-6)


def test_multi_margin_at_an_impossible_class():
    x = torch.tensor([[0.0, -INF, 0.5], [-INF, 1.0, 2.0]])
    found, slope = gradient(L.multi_margin_loss, x, torch.tensor([2, 0]), reduction="none")
    assert found.tolist() == [pytest.approx(0.5 / 3), INF]
    torch.testing.assert_close(slope, torch.tensor([[1.0, 0.0, -1.0], [-2.0, 1.0, 1.0]]) / 3)


def test_poly1_by_a_plain_loop_and_without_its_term():
    x, y, weight = scores((6, 5)), torch.tensor([4, 0, 1, -100, 3, 0]), WEIGHTS[1]
    total = counted = 0.0
    for row, label in zip(x.tolist(), y.tolist(), strict=True):
        if label >= 0:
            p = softmax(row)[label]
            total += weight[label].item() * (-math.log(p) + 2.5 * (1 - p))
            counted += weight[label].item()
    found = L.poly1_cross_entropy(x, y, epsilon=2.5, weight=weight)
    assert found.item() == pytest.approx(total / counted, rel=1e-12)
    agree(lambda *a: L.poly1_cross_entropy(*a, epsilon=0.0), F.cross_entropy, x, y)


@pytest.mark.parametrize("name", ["cross_entropy", "poly1_cross_entropy", "multi_margin_loss", "nll_loss"])
def test_an_ignored_row_counts_for_nothing(name):
    x, y = scores((5, 3)), torch.tensor([2, 7, 0, 1, 7])
    x = x.log_softmax(1) if name == "nll_loss" else x
    bad = x.clone()
    bad[1], bad[4] = -INF, math.nan
    found, slope = gradient(CATALOGUE[name].form, bad, y, ignore_index=7)
    keep = y != 7
    expected, expected_slope = gradient(CATALOGUE[name].form, x[keep], y[keep])
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(slope[keep], expected_slope)
    assert (slope[~keep] == 0).all()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cross_entropy", {"label_smoothing": -0.1}),
        ("cross_entropy", {"label_smoothing": 1.1}),
        ("poly1_cross_entropy", {"epsilon": -1.5}),
        ("multi_margin_loss", {"p": 3}),
        ("multi_margin_loss", {"margin": -1.0}),
    ],
)
def test_parameters_out_of_bounds(name, options):
    with pytest.raises(ValueError, match="out of bounds"):
        CATALOGUE[name](torch.zeros(2, 3), torch.tensor([0, 1]), **options)


def test_hand_worked_cases_know_the_facts():
    for record in CATALOGUE.values():
        if record.outputs == "classes" and record.layout is None:
            assert record.kind == "rowwise"
            assert record.tasks in (("binary", "multiclass"), ("ordinal",))
    assert {name for name, record in CATALOGUE.items() if record.group == "log_loss"} == {
        "cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "soft_margin_loss",
        "multilabel_soft_margin_loss", "linear_cross_entropy",
    }  # fmt: skip
    assert CATALOGUE["nll_loss"].link == "exp"
    assert CATALOGUE["multi_margin_loss"].link == "arg-max"


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_rule_stands_on_torch_and_its_helpers_only(name):
    record = CATALOGUE[name]
    given = {"torch": torch, "F": F, "Tensor": torch.Tensor} | {helper.__name__: helper for helper in record.uses}
    for function in (record.rule, *record.uses):
        words = {step.argval for step in dis.get_instructions(function) if step.opname == "LOAD_GLOBAL"}
        for word in words & function.__globals__.keys():
            meant = function.__globals__[word]
            assert meant is given.get(word) or meant in CATALOGUE.values(), f"{function.__name__} uses {word}"
