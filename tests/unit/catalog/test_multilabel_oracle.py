"""Losses of several labels against loops over their definitions."""

import math
from itertools import product

import mpmath
import pytest
import torch

import losslab
import losslab.functional as F
from losslab import nn
from losslab.spec import policy
from losslab.testing.claims import quiet


@pytest.fixture(autouse=True)
def _anew():
    policy.forget()


def margins(scores, listed):
    """The value and the slopes, by the definition."""
    own = []
    for label in listed:
        if label < 0:
            break
        own.append(label)
    value, slope = 0.0, [0.0] * len(scores)
    for j, i in product(own, range(len(scores))):
        gap = 1 - (scores[j] - scores[i])
        if i not in own and gap > 0:
            value += gap / len(scores)
            slope[j] -= 1 / len(scores)
            slope[i] += 1 / len(scores)
    return value, slope


LISTS = [[1, -1, 0, 2], [3, 0, 2, -1], [-1, 1, 2, 3], [0, 1, 2, 3], [2, 0, -1, -1], [3, 3, -1, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_margins_by_the_definition(dtype):
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(len(LISTS), 4, generator=generator, dtype=dtype).requires_grad_()
    with losslab.checks("off"):
        found = F.multilabel_margin_loss(x, torch.tensor(LISTS), reduction="none")
    (slope,) = torch.autograd.grad(found.sum(), x)
    for row, listed in enumerate(LISTS):
        value, wanted = margins(x[row].tolist(), listed)
        assert found[row].item() == pytest.approx(value, rel=1e-5 if dtype == torch.float32 else 1e-13, abs=1e-7)
        assert slope[row].tolist() == pytest.approx(wanted)
    torch.testing.assert_close(
        found, torch.nn.functional.multilabel_margin_loss(x, torch.tensor(LISTS), reduction="none")
    )


def test_margins_of_infinite_scores():
    x = torch.tensor([[math.inf, 0.0, -math.inf], [0.0, math.inf, 1.0]], requires_grad=True)
    found = F.multilabel_margin_loss(x, torch.tensor([[0, 1, -1], [0, -1, 2]]), reduction="none")
    assert found.tolist() == [0.0, math.inf]
    (slope,) = torch.autograd.grad(found[0], x)
    assert not slope.isnan().any()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ([[0, 4, -1]], r"label 4 at \[0, 1\] is out of range: input has 3 classes"),
        ([[0, -2, 1]], r"label -2 at \[0, 1\]"),
        ([[0, 1]], r"input has shape \(1, 3\) and target \(1, 2\)"),
    ],
)
def test_lists_that_are_none_are_refused(target, words):
    with pytest.raises(ValueError, match=words):
        F.multilabel_margin_loss(torch.zeros(1, 3), torch.tensor(target))
    with pytest.raises(TypeError, match="class indices"):
        F.multilabel_margin_loss(torch.zeros(1, 3), torch.zeros(1, 3))


def test_flags_in_the_place_of_a_list_are_warned_of():
    with pytest.warns(policy.LossWarning, match=r"lists a class twice: \[1, 0, 1\].*multilabel_soft_margin_loss"):
        F.multilabel_margin_loss(torch.zeros(2, 3), torch.tensor([[0, 1, -1], [1, 0, 1]]))
    policy.forget()
    rows = torch.tensor([[0, -1, 0], [2, 1, 0]])
    F.multilabel_margin_loss(torch.zeros(2, 3), rows)
    F.multilabel_margin_loss(torch.zeros(2, 3), torch.tensor([[0, 0, 0], [2, 1, 0]]), mask=torch.tensor([False, True]))


FAR = [0.0, 0.3, -2.0, 30.0, -30.0, 800.0, -800.0]


@pytest.mark.parametrize("weight", [None, [0.5, 3.0, 2.0]])
def test_soft_margins_in_thirty_digits(weight):
    x = torch.tensor([FAR[k : k + 3] for k in range(5)], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([[1.0, 0.0, 0.25]] * 3 + [[0.0, 1.0, 0.0]] * 2, dtype=torch.float64)
    w = None if weight is None else torch.tensor(weight, dtype=torch.float64)
    found = F.multilabel_soft_margin_loss(x, y, w, reduction="none")
    (slope,) = torch.autograd.grad(found.sum(), x)
    with mpmath.workdps(30):
        for row in range(len(x)):
            parts = list(zip(x[row].tolist(), y[row].tolist(), weight or [1.0] * 3, strict=True))
            yes = [mpmath.log1p(mpmath.exp(-mpmath.mpf(s))) for s, _, _ in parts]
            value = sum(w * (t * a + (1 - t) * (a + s)) for a, (s, t, w) in zip(yes, parts, strict=True)) / 3
            assert found[row].item() == pytest.approx(float(value), rel=1e-12)
            slopes = [w * (1 / (1 + mpmath.exp(-mpmath.mpf(s))) - t) / 3 for s, t, w in parts]
            assert slope[row].tolist() == pytest.approx([float(s) for s in slopes], rel=1e-11, abs=1e-16)


def test_soft_margins_are_the_mean_of_yes_and_no():
    x, y = torch.randn(6, 4, dtype=torch.float64), torch.rand(6, 4, dtype=torch.float64).round()
    mean = F.binary_cross_entropy_with_logits(x, y)
    torch.testing.assert_close(F.multilabel_soft_margin_loss(x, y), mean)
    weight = torch.tensor([1.0, 2.0, 3.0, 0.5], dtype=torch.float64)
    ours, theirs = (place.MultiLabelSoftMarginLoss(weight) for place in (nn, torch.nn))
    torch.testing.assert_close(ours(x, y), theirs(x, y))
    torch.testing.assert_close(ours(x[0], y[0]), theirs(x[0], y[0]))


def test_soft_margins_at_infinite_scores():
    x = torch.tensor([[math.inf, -math.inf], [math.inf, 1.0], [-math.inf, math.inf]])
    y = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 1.0]])
    assert F.multilabel_soft_margin_loss(x, y, reduction="none").tolist() == [0.0, math.inf, math.inf]
    nothing = torch.tensor([[math.nan, 0.0]])
    assert quiet(F.multilabel_soft_margin_loss, nothing, y[:1], reduction="none").isnan().all()


def test_a_sigmoid_before_soft_margins_is_warned_of():
    x, y = torch.rand(16, 4) * 0.9 + 0.05, torch.ones(16, 4)
    with pytest.warns(policy.LossWarning, match="sigmoid was applied already"):
        F.multilabel_soft_margin_loss(x, y)
    policy.forget()
    F.multilabel_soft_margin_loss(x - 0.5, y)
    F.multilabel_soft_margin_loss(x[:2], y[:2])
    with pytest.raises(ValueError, match=r"weight \(3,\); they must be \(..., C\) and \(C,\)"):
        F.multilabel_soft_margin_loss(x, y, torch.ones(3))
