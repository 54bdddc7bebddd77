"""Losses that know the counts of the classes, by plain loops over their definitions."""

import math

import pytest
import torch
import torch.nn.functional as F

import losslab.functional as L
from losslab import nn

COUNTS = [40.0, 3.0, 700.0, 12.0]


def batch():
    x = torch.randn(9, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2
    return x, torch.tensor([0, 1, 2, 3, 2, 2, 0, 1, 3])


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def cross_entropy(scores, label):
    top = max(scores)
    return top + math.log(math.fsum(math.exp(s - top) for s in scores)) - scores[label]


def class_balanced(scores, label, *, counts, beta=0.999):
    weights = [(1 - beta) / (1 - beta**n) for n in counts]
    return weights[label] * len(counts) / math.fsum(weights) * cross_entropy(scores, label)


def logit_adjusted(scores, label, *, counts, tau=1.0):
    prior = [n / math.fsum(counts) for n in counts]
    return cross_entropy([s + tau * math.log(p) for s, p in zip(scores, prior, strict=True)], label)


def ldam(scores, label, *, counts, max_margin=0.5, scale=30.0):
    margins = [n**-0.25 for n in counts]
    margins = [m * max_margin / max(margins) for m in margins]
    return cross_entropy([scale * (s - margins[c] * (c == label)) for c, s in enumerate(scores)], label)


CASES = [
    ("class_balanced_loss", class_balanced, {}),
    ("class_balanced_loss", class_balanced, {"beta": 0.9}),
    ("class_balanced_loss", class_balanced, {"beta": 0.0}),
    ("class_balanced_loss", class_balanced, {"beta": 0.999999}),
    ("balanced_softmax_loss", logit_adjusted, {}),
    ("logit_adjusted_loss", logit_adjusted, {}),
    ("logit_adjusted_loss", logit_adjusted, {"tau": 1.7}),
    ("logit_adjusted_loss", logit_adjusted, {"tau": 0.0}),
    ("ldam_loss", ldam, {}),
    ("ldam_loss", ldam, {"max_margin": 1.3, "scale": 2.0}),
    ("ldam_loss", ldam, {"max_margin": 0.0, "scale": 1.0}),
]


@pytest.mark.parametrize(("name", "oracle", "options"), CASES)
def test_by_a_plain_loop(name, oracle, options):
    x, y = batch()
    x.requires_grad_()
    found = getattr(L, name)(x, y, class_counts=double(COUNTS), reduction="none", **options)
    expected = [oracle(row, label, counts=COUNTS, **options) for row, label in zip(x.tolist(), y.tolist(), strict=True)]
    torch.testing.assert_close(found, double(expected), rtol=1e-10, atol=1e-12)
    (slope,) = torch.autograd.grad(found.sum(), x)
    step = 1e-6
    for row in range(3):
        for c in range(4):
            ends = []
            for sign in (1, -1):
                scores = x[row].tolist()
                scores[c] += sign * step
                ends.append(oracle(scores, y[row].item(), counts=COUNTS, **options))
            assert slope[row, c].item() == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-6)


def test_the_mean_is_over_rows():
    x, y = batch()
    options = {"class_counts": double(COUNTS), "beta": 0.99}
    each = L.class_balanced_loss(x, y, reduction="none", **options)
    torch.testing.assert_close(L.class_balanced_loss(x, y, **options), each.mean())


def test_what_they_are_without_their_parameter():
    x, y = batch()
    counts, plain = double(COUNTS), F.cross_entropy(*batch(), reduction="none")
    same = {"class_counts": counts, "reduction": "none"}
    torch.testing.assert_close(L.class_balanced_loss(x, y, beta=0.0, **same), plain)
    torch.testing.assert_close(L.logit_adjusted_loss(x, y, tau=0.0, **same), plain)
    torch.testing.assert_close(L.ldam_loss(x, y, max_margin=0.0, scale=1.0, **same), plain)
    torch.testing.assert_close(L.balanced_softmax_loss(x, y, **same), L.logit_adjusted_loss(x, y, **same))


@pytest.mark.parametrize("name", ["balanced_softmax_loss", "logit_adjusted_loss", "ldam_loss", "class_balanced_loss"])
def test_equal_counts_teach_no_class_more_than_another(name):
    """A permutation of the classes changes nothing, and shares serve as well as counts where only ratios matter."""
    x, y = batch()
    equal = {"class_counts": double([5.0] * 4), "reduction": "none"}
    turned = getattr(L, name)(x.roll(1, 1), (y + 1) % 4, **equal)
    torch.testing.assert_close(turned, getattr(L, name)(x, y, **equal))
    if name != "class_balanced_loss":
        shares = double(COUNTS) / sum(COUNTS)
        found = getattr(L, name)(x, y, class_counts=shares)
        torch.testing.assert_close(found, getattr(L, name)(x, y, class_counts=double(COUNTS)))


def test_beta_near_one_weighs_by_one_over_the_counts_in_single_precision():
    x, y = torch.zeros(4, 4), torch.arange(4)
    found = L.class_balanced_loss(x, y, class_counts=torch.tensor(COUNTS), beta=1 - 1e-9, reduction="none")
    inverse = [1 / n for n in COUNTS]
    expected = [math.log(4) * 4 * w / math.fsum(inverse) for w in inverse]
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", ["balanced_softmax_loss", "logit_adjusted_loss"])
def test_far_scores_keep_what_the_counts_add(name):
    x = torch.tensor([[-1e6, 1e6, 1e6]])
    found = getattr(L, name)(x, torch.tensor([1]), class_counts=torch.tensor([1.0, 10.0, 30.0]))
    assert found.item() == pytest.approx(math.log(4), rel=1e-6)


def test_counts_stay_with_the_module():
    x, y = batch()
    module = nn.LogitAdjustedLoss(class_counts=torch.tensor([40, 3, 700, 12]), tau=0.5)
    assert module.state_dict()["class_counts"].tolist() == COUNTS
    expected = L.logit_adjusted_loss(x, y, class_counts=double(COUNTS), tau=0.5)
    torch.testing.assert_close(module(x, y), expected)
    with pytest.raises(TypeError, match=r"class_counts is missing.*torch.bincount"):
        nn.LogitAdjustedLoss(tau=0.5)
    with pytest.raises(ValueError, match=r"positive numbers, found 0 at \[1\].*clamp\(min=1\)"):
        L.ldam_loss(x, y, class_counts=torch.tensor([40, 0, 700, 12]))
