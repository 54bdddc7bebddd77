"""Thresholds fitted on validation rows: exact search, ties, shrinkage, and nothing of the test part in it."""

import inspect
import math
from itertools import pairwise

import pytest
import sklearn.metrics as sk
import torch
from torch.nn.functional import one_hot

from losslab.metrics import METRICS, default_threshold, fit_threshold, get
from losslab.metrics import threshold as module
from losslab.metrics.links import to_label

LABEL_METRICS = ("accuracy", "balanced_accuracy", "macro_f1")
ONE_COLUMN = [name for name, metric in METRICS.items() if metric.tasks != ("multilabel",)]


def binary(members, rows, share, bias=0.0, slope=2.0, seed=0):
    """Scores that are the log odds of class 1, plus a bias; a target of its own for each member."""
    source = torch.Generator().manual_seed(seed)
    target = (torch.rand(members, rows, generator=source) < share).long()
    x = torch.randn(members, rows, generator=source, dtype=torch.float64) + slope * target
    return slope * x - slope**2 / 2 + math.log(share / (1 - share)) + bias, target


def on_new_rows(metric, threshold, score, target):
    """Mean gain of the fitted threshold over the default one, in points."""
    gain = metric.value(threshold.apply(score), target) - metric.value(to_label(score), target)
    return 100 * gain.mean().item()


@pytest.mark.parametrize("name", LABEL_METRICS)
@pytest.mark.parametrize("ties", [False, True])
def test_the_search_finds_the_best_cut_nearest_to_zero(name, ties):
    score, target = binary(4, 30, 0.3, bias=0.7)
    score = score.round() if ties else score
    count = torch.randint(0, 2, target.shape)
    found = module._search(score, target, count, METRICS[name].of_confusion, True)
    oracle = {"macro_f1": lambda y, p: sk.f1_score(y, p, average="macro", zero_division=0)}.get(
        name, sk.accuracy_score if name == "accuracy" else sk.balanced_accuracy_score
    )
    for k in range(4):
        rows = count[k].bool()
        s, y = score[k][rows], target[k][rows]
        ordered = sorted(score[k].tolist())
        cuts = [0.0] + [(a + b) / 2 for a, b in pairwise(ordered)]
        values = [oracle(y.numpy(), (s > cut).long().numpy()) for cut in cuts]
        best = min((cut for cut, v in zip(cuts, values, strict=True) if v > max(values) - 1e-12), key=abs)
        assert found[k].item() == pytest.approx(best, abs=1e-12)


def test_the_best_of_given_cuts_among_classes():
    members, rows, classes = 3, 25, 3
    gap, cuts = torch.randn(members, rows).round(decimals=1), torch.linspace(-1, 1, 9).expand(members, 9).contiguous()
    below, target = torch.randint(0, classes, (2, members, rows))
    count = torch.randint(0, 3, (members, rows))
    above = torch.full_like(below, 2)
    found = module._best_cut(gap, cuts, above, below, target, count, METRICS["macro_f1"].of_confusion, classes)
    for k in range(members):
        times = torch.arange(rows).repeat_interleave(count[k])
        values = []
        for cut in cuts[k]:
            label = torch.where(gap[k] > cut, above[k], below[k])[times]
            values.append(sk.f1_score(target[k][times], label, average="macro"))
        best = [cut for cut, v in zip(cuts[k].tolist(), values, strict=True) if v > max(values) - 1e-12]
        assert found[k].item() == pytest.approx(min(best, key=abs))


def test_the_default_wins_a_tie():
    score = torch.tensor([[-3.0, -1.0, 1.0, 3.0, -2.0, 2.0, -4.0, 4.0, -5.0, 5.0]])
    threshold = fit_threshold(score, (score[0] > 0).long(), METRICS["accuracy"])
    assert threshold.value.tolist() == [0.0]


@pytest.mark.parametrize("name", LABEL_METRICS)
def test_a_biased_score_is_put_right(name):
    score, target = binary(6, 400, 0.5, bias=2.0)
    threshold = fit_threshold(score, target, METRICS[name])
    assert threshold.value.shape == (6,)
    assert (threshold.value - 2.0).abs().max() < 0.8
    assert on_new_rows(METRICS[name], threshold, *binary(6, 2000, 0.5, bias=2.0, seed=1)) > 7


def test_a_metric_that_is_to_be_made_small():
    def cost(prediction, target):
        return ((prediction == 0) & (target == 1)).double().mean() * 9 + (
            (prediction == 1) & (target == 0)
        ).double().mean()

    cost.higher_is_better = False
    score, target = binary(3, 300, 0.5)
    threshold = fit_threshold(score, target, get(cost, "binary"))
    assert threshold.value.tolist() == pytest.approx([-math.log(9)] * 3, abs=0.9)


def test_calibrated_scores_lose_little_and_rare_classes_gain_much():
    accuracy, balanced = METRICS["accuracy"], METRICS["balanced_accuracy"]
    score, target = binary(150, 100, 0.5)
    fitted, new = fit_threshold(score, target, accuracy), binary(150, 1000, 0.5, seed=1)
    best = module.Threshold(module._search(score, target, torch.ones_like(target), accuracy.of_confusion, True))
    assert -0.3 < on_new_rows(accuracy, fitted, *new) < 0
    assert on_new_rows(accuracy, best, *new) < -0.5  # what it would lose without leaving rows out and drawing back
    fitted = fit_threshold(*binary(60, 360, 0.1), balanced)
    assert on_new_rows(balanced, fitted, *binary(60, 1000, 0.1, seed=1)) > 10


@pytest.mark.parametrize("classes", [3, 6])
def test_classes_get_a_shift(classes):
    bias = torch.zeros(classes, dtype=torch.float64)
    bias[1] = 3.0

    def draw(seed, rows):
        source = torch.Generator().manual_seed(seed)
        target = torch.randint(0, classes, (5, rows), generator=source)
        x = torch.randn(5, rows, classes, generator=source, dtype=torch.float64)
        return (3 * (x + 3 * one_hot(target, classes)) + bias).log_softmax(-1), target

    threshold = fit_threshold(*draw(0, 300), METRICS["accuracy"])
    assert threshold.value.shape == (5, classes)
    assert (threshold.value[:, 1] < threshold.value[:, [0, 2]].min(1).values).all()
    score, target = draw(1, 2000)
    assert on_new_rows(METRICS["accuracy"], threshold, score, target) > 0.5
    torch.testing.assert_close(threshold.apply(score), (score + threshold.value[:, None]).argmax(-1))


def test_members_do_not_see_each_other():
    score, target = binary(3, 80, 0.2, bias=1.0)
    together = fit_threshold(score, target, METRICS["macro_f1"]).value
    alone = [fit_threshold(score[k : k + 1], target[k], METRICS["macro_f1"]).value.item() for k in range(3)]
    assert together.tolist() == pytest.approx(alone, abs=1e-12)


def test_nothing_of_the_test_part_reaches_the_fit():
    assert list(inspect.signature(fit_threshold).parameters) == ["score", "target", "metric"]
    score, target = binary(2, 100, 0.3, bias=1.0)
    threshold = fit_threshold(score, target, METRICS["accuracy"])
    before = threshold.value.clone()
    for test_scores in (torch.randn(2, 50), torch.randn(2, 50) + 100):
        label = threshold.apply(test_scores)
        assert torch.equal(label, (test_scores > before[:, None]).long())
    assert torch.equal(threshold.value, before)
    assert list(inspect.signature(threshold.apply).parameters) == ["score"]


def test_nan_keeps_the_default():
    score, target = binary(2, 60, 0.5, bias=2.0)
    score[0, 3] = math.nan
    threshold = fit_threshold(score, target, METRICS["accuracy"])
    assert threshold.value[0] == 0
    assert threshold.value[1] > 1
    assert threshold.apply(score)[0, 3] == -1


def test_few_rows_and_many_classes_keep_the_default():
    assert fit_threshold(torch.randn(2, 4), torch.tensor([0, 1, 0, 1]), METRICS["accuracy"]).value.tolist() == [0, 0]
    score, target = torch.randn(2, 50, 21), torch.randint(0, 21, (50,))
    assert not fit_threshold(score, target, METRICS["accuracy"]).value.any()


@pytest.mark.parametrize("score", [torch.randn(2, 12), torch.randn(2, 12, 3)])
def test_one_class_only_is_no_error(score):
    assert fit_threshold(score, torch.zeros(12, dtype=torch.int64), METRICS["macro_f1"]).value.isfinite().all()


def test_metrics_without_a_threshold_are_refused():
    for name in set(ONE_COLUMN) - {*LABEL_METRICS, "rank_mae", "quadratic_kappa"}:
        assert not METRICS[name].thresholded
        with pytest.raises(ValueError, match=f"'{name}' does not depend on a threshold"):
            fit_threshold(torch.randn(1, 9), torch.randint(0, 2, (9,)), METRICS[name])


def test_reprs():
    assert repr(module.Threshold(torch.tensor([0.123456, -1.0]))) == "Threshold(score > 0.123, -1)"
    assert repr(module.Threshold(torch.tensor([[0.0, 1.5, -2.25]]))) == "Threshold(score + [0, 1.5, -2.25])"
    assert repr(default_threshold(torch.zeros(5, 9))) == "Threshold(score > 0, 0, 0, 0, ... (5 members))"
