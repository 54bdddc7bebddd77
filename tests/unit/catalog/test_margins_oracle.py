"""Losses on margins against their definitions in forty digits, scikit-learn, torch, and each other."""

import math
import random

import mpmath
import pytest
import torch
from sklearn import metrics

import losslab.functional as L
from losslab import nn
from losslab.catalog import CATALOGUE
from losslab.spec import policy
from losslab.testing.claims import quiet

INF = math.inf


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def gradient(loss, x, *args, **options):
    x = x.clone().requires_grad_()
    value = loss(x, *args, **options)
    return value.detach(), torch.autograd.grad(value.sum(), x)[0]


def of_both(margin_loss):
    """The mean over a yes, which wants the score high, and a no, which wants it low."""
    return lambda x, y, **options: y * margin_loss(x, **options) + (1 - y) * margin_loss(-x, **options)


def modified_huber(z):
    return 0 if z >= 1 else (1 - z) ** 2 if z >= -1 else -4 * z


def hinge_embedding(x, y, margin):
    return x if y == 1 else max(0, margin - x)


SIGNED = {
    "soft_margin_loss": lambda x, y: mpmath.log1p(mpmath.exp(-y * x)),
    "hinge_embedding_loss": hinge_embedding,
}
ANSWERED = {
    "hinge_loss": of_both(lambda z, margin: max(0, margin - z)),
    "squared_hinge_loss": of_both(lambda z, margin: max(0, margin - z) ** 2),
    "modified_huber_loss": of_both(modified_huber),
    "exponential_loss": of_both(lambda z: mpmath.exp(-z)),
}
EXTREMES = [0.0, 1e-9, -1e-9, 20.0, -20.0, 24.0, -24.0, 37.0, -37.0, 45.0, -45.0, 60.0, -60.0, 69.0, -69.0]
FAR = [500.0, -500.0, 1e4, -1e4, 1e9, -1e9]  # where nothing grows faster than a power


@pytest.mark.parametrize("name", [*SIGNED, *ANSWERED])
@pytest.mark.parametrize("margin", [1.0, 0.3, 2.75])
def test_the_definition_in_forty_digits(name, margin):
    takes = "margin" in CATALOGUE[name].parameters
    if margin != 1.0 and not takes:
        return
    options = {"margin": margin} if takes else {}
    rng = random.Random(7)
    points = [rng.gauss(0, 2.5) for _ in range(25)] + EXTREMES + (FAR if name != "exponential_loss" else [])
    if name == "hinge_embedding_loss":
        points = [abs(x) for x in points if x]
    points = [x for x in points if all(abs(abs(x) - kink) > 1e-6 for kink in (margin, 1.0))]
    definition = {**SIGNED, **ANSWERED}[name]
    for y in (1.0, -1.0) if name in SIGNED else (1.0, 0.0, 0.375):
        value, slope = gradient(
            getattr(L, name), double(points), double([y] * len(points)), reduction="none", **options
        )
        with mpmath.workdps(40):
            for at, x in enumerate(points):
                own = {key: mpmath.mpf(number) for key, number in options.items()}
                expected = definition(mpmath.mpf(x), mpmath.mpf(y), **own)
                derived = mpmath.diff(
                    lambda t, y=y, own=own: definition(t, mpmath.mpf(y), **own), mpmath.mpf(x), h=1e-13
                )
                assert value[at].item() == pytest.approx(float(expected), rel=1e-13, abs=0), (x, y)
                assert slope[at].item() == pytest.approx(float(derived), rel=1e-10, abs=1e-300), (x, y)


def test_soft_margin_hard_cases():
    for dtype, tolerance in ((torch.float32, 5e-7), (torch.float64, 1e-14)):
        x = torch.tensor([-100.0, 20.0, 100.0, -1e4, INF, -INF], dtype=dtype)
        value, slope = gradient(L.soft_margin_loss, x, torch.ones_like(x), reduction="none")
        expected = [100.0, 2.0611536203143807e-09, 3.720075976020836e-44, 1e4, 0.0, INF]
        assert value.tolist() == pytest.approx(expected, rel=tolerance, abs=1e-44 if dtype == torch.float32 else 0)
        pulls = [-1.0, -2.061153618190204e-09, -3.720075976020836e-44, -1.0, 0.0, -1.0]
        assert slope.tolist() == pytest.approx(pulls, rel=tolerance, abs=1e-44 if dtype == torch.float32 else 0)
    policy.forget()
    with pytest.warns(UserWarning, match=r"soft_margin_loss: target must hold -1 and \+1, but holds 0 and 1"):
        value, slope = gradient(L.soft_margin_loss, double([-5.0, 0.0, 7.0]), double([0.0, 0.0, 0.0]), reduction="none")
    assert value.tolist() == pytest.approx([math.log(2)] * 3, rel=1e-15)
    assert slope.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("shape", [(), (6,), (4, 3)])
@pytest.mark.filterwarnings("ignore:.*target must hold")
def test_equal_to_torch_for_signs_and_for_what_is_none(shape):
    for labels in ([-1.0, 1.0], [0.0, 1.0], [-1.0, 0.5, 1.0, 2.0]):
        y = double(labels)[torch.randint(len(labels), shape)]
        for reduction in ("none", "mean", "sum"):
            x = 3 * torch.randn(shape, dtype=torch.float64)
            for ours, theirs, options in (
                (L.soft_margin_loss, torch.nn.functional.soft_margin_loss, {}),
                (L.hinge_embedding_loss, torch.nn.functional.hinge_embedding_loss, {"margin": 1.75}),
                (L.hinge_embedding_loss, torch.nn.functional.hinge_embedding_loss, {}),
            ):
                found = gradient(ours, x, y, reduction=reduction, **options)
                wanted = gradient(theirs, x, y, reduction=reduction, **options)
                torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-14)
    x, y = double([0.4, 1.9, 0.7]), double([1.0, -1.0, -1.0])
    assert nn.HingeEmbeddingLoss(2.5)(x, y) == torch.nn.HingeEmbeddingLoss(2.5)(x, y)
    assert L.hinge_embedding_loss(x, y, 0.5) == torch.nn.functional.hinge_embedding_loss(x, y, 0.5)


def test_soft_margin_is_the_log_loss():
    x, y = 4 * torch.randn(30, dtype=torch.float64), (torch.randn(30) > 0).double()
    found = gradient(L.soft_margin_loss, x, 2 * y - 1)
    torch.testing.assert_close(found, gradient(L.binary_cross_entropy_with_logits, x, y), rtol=1e-13, atol=0)


def test_a_hinge_is_two_classes_of_the_others():
    x, y = 2 * torch.randn(30, 2, dtype=torch.float64), torch.randint(2, (30,))
    score = x[:, 1] - x[:, 0]
    for margin in (1.0, 0.4, 3.0):
        hinge = L.hinge_loss(score, y.double(), margin=margin)
        torch.testing.assert_close(L.crammer_singer_loss(x, y, margin=margin), hinge, rtol=1e-13, atol=0)
        torch.testing.assert_close(2 * L.multi_margin_loss(x, y, margin=margin), hinge, rtol=1e-13, atol=0)
        squared = L.squared_hinge_loss(score, y.double(), margin=margin)
        torch.testing.assert_close(2 * L.multi_margin_loss(x, y, p=2, margin=margin), squared, rtol=1e-13, atol=0)
    near = score.clamp(-1, 1)
    torch.testing.assert_close(L.modified_huber_loss(near, y.double()), L.squared_hinge_loss(near, y.double()))


def test_of_all_rivals_torchs_sums_and_crammer_and_singers_takes_the_best():
    x, y = double([[0.5, 0.75, 0.0, -2.0]]), torch.tensor([0])
    assert L.crammer_singer_loss(x, y).item() == 1.25
    assert L.multi_margin_loss(x, y).item() == (1.25 + 0.5) / 4
    assert torch.nn.functional.multi_margin_loss(x, y).item() == (1.25 + 0.5) / 4


def test_crammer_singer_by_a_plain_loop():
    rng = random.Random(3)
    rows = [[rng.gauss(-1, 2) for _ in range(5)] for _ in range(40)]
    labels = [rng.randrange(5) for _ in rows]
    for margin in (1.0, 0.35, 4.0):
        total, slopes = [], []
        for row, label in zip(rows, labels, strict=True):
            rival = max((c for c in range(5) if c != label), key=lambda c, row=row: row[c])
            short = margin - row[label] + row[rival]
            total.append(max(short, 0.0))
            slopes.append([float(short > 0) * ((c == rival) - (c == label)) for c in range(5)])
        value, slope = gradient(
            L.crammer_singer_loss, double(rows), torch.tensor(labels), margin=margin, reduction="none"
        )
        assert value.tolist() == pytest.approx(total, rel=1e-13)
        assert slope.tolist() == slopes
    tied = gradient(L.crammer_singer_loss, double([2.0, 0.5, 2.0]), torch.tensor(1))
    assert (tied[0].item(), tied[1].tolist()) == (2.5, [0.5, -1.0, 0.5])
    assert L.crammer_singer_loss(double([3.0, -INF]), torch.tensor(0)).item() == 0
    assert L.crammer_singer_loss(double([[7.0]]), torch.tensor([0])).item() == 0  # nothing to confuse it with


def test_equal_to_scikit_learn():
    y = torch.randint(2, (50,))
    score = 1.5 * torch.randn(50, dtype=torch.float64)
    assert L.hinge_loss(score, y.double()).item() == pytest.approx(metrics.hinge_loss(y, score), rel=1e-13)
    labels, x = torch.randint(4, (50,)), torch.randn(50, 4, dtype=torch.float64) - 3
    found = L.crammer_singer_loss(x, labels).item()
    assert found == pytest.approx(metrics.hinge_loss(labels, x, labels=[0, 1, 2, 3]), rel=1e-13)


def test_kinks_have_the_slope_of_the_quiet_side():
    for name in ("hinge_loss", "squared_hinge_loss"):
        slope = gradient(getattr(L, name), double([2.0, -2.0]), double([1.0, 0.0]), margin=2.0)[1]
        assert slope.tolist() == [0.0, 0.0]
    assert gradient(L.hinge_embedding_loss, double([1.5]), double([-1.0]), margin=1.5)[1].item() == 0
    assert gradient(L.modified_huber_loss, double([1.0, -1.0]), double([1.0, 1.0]), reduction="sum")[1].tolist() == [
        0,
        -4,
    ]


def test_the_exponential_goes_on_along_its_tangent():
    for dtype in (torch.float32, torch.float64):
        x = torch.tensor([-70.0, -72.5, 1e4, 70.0], dtype=dtype)
        value, slope = gradient(L.exponential_loss, x, torch.tensor([1.0, 1.0, 0.0, 1.0]), reduction="none")
        ends = [math.exp(70), 3.5 * math.exp(70), 9931 * math.exp(70), math.exp(-70)]
        assert value.tolist() == pytest.approx(ends, rel=1e-5 if dtype == torch.float32 else 1e-12, abs=0)
        pulls = [-math.exp(70), -math.exp(70), math.exp(70), -math.exp(-70)]
        assert slope.tolist() == pytest.approx(pulls, rel=1e-5 if dtype == torch.float32 else 1e-12, abs=0)


@pytest.mark.parametrize("name", ANSWERED)
def test_infinite_scores(name):
    loss = getattr(L, name)
    value, slope = gradient(loss, double([INF, -INF]), double([1.0, 0.0]), reduction="none")
    assert value.tolist() == [0, 0]
    assert slope.tolist() == [0, 0]
    value, slope = gradient(loss, double([INF, -INF, INF]), double([0.0, 1.0, 0.5]), reduction="none")
    assert value.tolist() == [INF, INF, INF]
    assert slope[0] == -slope[1] == 2 * slope[2] > 0
    assert quiet(loss, double([math.nan]), double([1.0])).isnan()


def test_what_a_score_says():
    told = {name: CATALOGUE[name].link for name in [*SIGNED, *ANSWERED, "crammer_singer_loss"]}
    assert told.pop("soft_margin_loss") == "sigmoid"  # its best score is the log odds
    assert told.pop("hinge_embedding_loss") == "identity"
    assert set(told.values()) == {"arg-max"}  # a margin is not a probability
