import math

import pytest
import torch
import torch.nn.functional as TF

import losslab
from losslab.report.curve_data import SIDE, curve, sliders, stops
from losslab.report.curves import curves
from losslab.spec.interval import Interval
from losslab.spec.record import Parameter

# As they are declared here: other tests declare more. Those of several tensors have a test of their own.
NAMES = [name for name, record in losslab.losses().items() if record.layout is None]
COUNTS = torch.tensor([10.0, 90.0, 30.0], dtype=torch.float64)
SIZES = {"msle_loss", "log_ratio_loss", "mape_loss", "smape_loss"}  # drawn for the target 1: nothing is a share of 0
SIZES |= {"poisson_nll_loss", "gamma_nll_loss", "tweedie_loss", "negative_binomial_nll_loss"}
SIZES |= {"adaptive_wing_loss"}  # sharpest there


def batch(one):
    """The inputs and targets that a curve stands for, written down anew."""
    x, kind = one.x, one.subject.axis
    if kind == "residual":
        return x + one.target, torch.full_like(x, one.target)
    if kind in ("logit", "probability"):
        no = -1.0 if one.subject.record.target == "sign" else 0.0
        return x.clone(), torch.full_like(x, one.target if one.target else no)
    rest = torch.zeros_like(x) if kind == "score" else torch.log((1 - x.exp()) / (one.subject.classes - 1))
    return torch.stack([x, *[rest] * (one.subject.classes - 1)], 1), torch.zeros(len(x), dtype=torch.int64)


def of_the_form(one):
    """Value and gradient of the functional form."""
    input, target = batch(one)
    input.requires_grad_()
    counts = dict.fromkeys(one.subject.record.per_class, COUNTS[: one.subject.classes])
    value = one.subject.record(input, target, reduction="none", **counts, **one.subject.params)
    (gradient,) = torch.autograd.grad(value.sum(), input)
    return value.detach(), gradient if gradient.ndim == 1 else gradient[:, 0]


def same(one):
    value, gradient = of_the_form(one)
    torch.testing.assert_close(one.value, value, rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(one.gradient, gradient, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_curves_are_the_functional_form_and_its_gradient(name):
    record = losslab.losses()[name]
    for task in record.tasks:
        drawn = curves(name, task=task)
        usual = [1] if name in SIZES else [1, 0] if task == "binary" and record.outputs == "one" else [0]
        assert [one.target for one in drawn.curves] == usual
        for one in drawn.curves:
            assert one.value.dtype == one.gradient.dtype == torch.float64
            assert one.x.diff().min() > 0
            assert one.value.isfinite().all()
            assert one.gradient.isfinite().all()
            same(one)


@pytest.mark.parametrize("name", NAMES)
def test_what_sliders_show_is_the_form_at_their_values(name):
    drawn = curves(name)
    subject = drawn.subjects[0]
    moved = sliders(subject, drawn.targets(subject))
    searched = {key for key, one in subject.record.parameters.items() if one.search}
    assert (set(moved.values) if moved else set()) == searched
    if moved is None:
        return
    assert len(moved.frames) == math.prod(map(len, moved.values.values()))
    for place in range(0, len(moved.frames), 17):
        rest, expected = place, {}
        for key in reversed(list(moved.values)):
            rest, at = divmod(rest, len(moved.values[key]))
            expected[key] = moved.values[key][at]
        for one in moved.frames[place]:
            assert one.subject.params == {**subject.params, **expected}
            same(one)


@pytest.mark.parametrize(
    ("text", "theirs"),
    [
        ("mse_loss", TF.mse_loss),
        ("huber_loss:delta=0.3", lambda x, y: TF.huber_loss(x, y, delta=0.3)),
        ("smooth_l1_loss:beta=2.5", lambda x, y: TF.smooth_l1_loss(x, y, beta=2.5)),
        ("binary_cross_entropy", TF.binary_cross_entropy),
        (
            "binary_cross_entropy_with_logits:pos_weight=3",
            lambda x, y: TF.binary_cross_entropy_with_logits(x, y, pos_weight=torch.tensor(3.0)),
        ),
        ("cross_entropy:label_smoothing=0.2", lambda x, y: TF.cross_entropy(x, y, label_smoothing=0.2)),
        ("nll_loss", TF.nll_loss),
        ("multi_margin_loss:margin=2,p=2", lambda x, y: TF.multi_margin_loss(x, y, p=2, margin=2.0)),
    ],
)
def test_curves_are_torchs(text, theirs):
    for one in curves(text).curves:
        input, target = batch(one)
        for i in range(3, len(one.x) - 3, 50):
            row = input[i : i + 1].clone().requires_grad_()
            value = theirs(row, target[i : i + 1])
            value.backward()
            assert one.value[i].item() == pytest.approx(value.item(), rel=1e-12)
            assert one.gradient[i].item() == pytest.approx(row.grad.flatten()[0].item(), rel=1e-10, abs=1e-14)


def test_a_target_of_ones_own():
    one = curves("huber_loss:delta=2", target=5.0, span=8).curves[0]
    assert (one.x[0], one.x[-1]) == (-8, 8)
    assert (one.prediction[0], one.prediction[-1]) == (-3, 13)
    assert one.value[0] == 14  # 2 (8 - 1)
    half = curves("binary_cross_entropy_with_logits", target=0.25).curves
    assert [one.target for one in half] == [0.25]
    assert half[0].gradient[half[0].x == 0].item() == 0.25  # 1/2 - 1/4


@pytest.mark.parametrize(
    ("text", "kinks", "at", "beside"),
    [
        ("l1_loss", [0], [0], [(-1, 1)]),
        ("huber_loss:delta=0.3", [-0.3, 0.3], [-0.3, 0.3], [(-0.3, -0.3), (0.3, 0.3)]),
        ("quantile_loss:quantile=0.9", [0], [0], [(-0.9, 0.1)]),
    ],
)
def test_kinks_lie_on_the_grid_with_a_point_on_either_side(text, kinks, at, beside):
    one = curves(text).curves[0]
    for kink, own, (left, right) in zip(kinks, at, beside, strict=True):
        place = (one.x == kink).nonzero().item()
        assert one.gradient[place].item() == own
        assert one.x[place + 1] - one.x[place - 1] == pytest.approx(2 * SIDE * 4, rel=1e-6)
        assert one.gradient[place - 1].item() == pytest.approx(left, abs=1e-7)
        assert one.gradient[place + 1].item() == pytest.approx(right, abs=1e-7)


def test_kinks_of_a_logit_move_with_their_parameter():
    for clip in (0.05, 0.2):
        no = curves(f"asymmetric_loss:clip={clip}").curves[1]
        kink = math.log(clip / (1 - clip))
        place = (no.x - kink).abs().argmin()
        assert no.x[place] == kink
        assert no.value[place - 2] == 0
        assert no.value[place + 3] > 0


def test_leaps_that_no_record_names_are_found():
    # margin .7, of two other classes at 0 out of three: the slope leaps from -2/3 to 0 at x = .7
    one = curves("multi_margin_loss:margin=0.7").curves[0]
    place = (one.x - 0.7).abs().argmin()
    near = one.x[(one.x - 0.7).abs() < 1e-7]
    assert len(near) == 2
    assert near.diff() < SIDE * 6
    assert {round(g, 12) for g in one.gradient.tolist()} == {round(-2 / 3, 12), 0.0}
    assert one.value[place] < 1e-8
    smooth = curves("multi_margin_loss:p=2").curves[0]
    assert len(smooth.x) == 257


def test_grids():
    assert curves("mse_loss").curves[0].x.tolist() == [i / 32 for i in range(-128, 129)]
    probability = curves("binary_cross_entropy").curves[0].x
    assert (probability[0], probability[-1], len(probability)) == (1 / 256, 255 / 256, 255)
    log_p = curves("nll_loss", span=4).curves[0].x
    assert (log_p[0], log_p[-1]) == (-4, -4 / 256)


def test_log_probabilities_are_of_one_distribution():
    one = curves(lambda x, y: x.exp().sum(-1).mean(), axis="log-probability").curves[0]
    torch.testing.assert_close(one.value, torch.ones_like(one.x), rtol=1e-14, atol=0)
    torch.testing.assert_close(one.gradient, one.x.exp(), rtol=1e-14, atol=0)
    spread = curves(lambda x, y: (x[:, 1] - x[:, 2]).mean(), axis="log-probability").curves[0]
    assert spread.value.abs().max() == 0


def test_two_classes_where_the_task_is_binary():
    two, three = curves("cross_entropy", task="binary").curves[0], curves("cross_entropy").curves[0]
    middle = two.x == 0
    assert two.value[middle].item() == pytest.approx(math.log(2), rel=1e-14)
    assert three.value[middle].item() == pytest.approx(math.log(3), rel=1e-14)
    assert three.gradient[middle].item() == pytest.approx(-2 / 3, rel=1e-14)


def test_the_stops_of_a_slider():
    log = Parameter(Interval(0), search=Interval(0.01, 100), log=True)
    assert stops(log, 2.5, 5) == [0.01, 0.1, 1, 2.5, 10, 100]
    assert stops(Parameter(Interval(), search=Interval(-1, 3)), 1.0, 5) == [-1, 0, 1, 2, 3]


def test_the_slider_starts_at_the_setting_that_was_asked_for():
    drawn = curves("huber_loss:delta=1.2345")
    moved = sliders(drawn.subjects[0], [0.0])
    at = moved.values["delta"].index(1.2345)
    torch.testing.assert_close(moved.frames[at][0].value, curve(drawn.subjects[0], 0.0, 64).value, rtol=0, atol=0)
