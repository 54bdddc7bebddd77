"""What the records say beside the value: rows, direction, scale, undefined values."""

import math

import pytest
import torch

from losslab.metrics import METRICS, get

K, N = 2, 6
ONE_COLUMN = [name for name, metric in METRICS.items() if metric.tasks != ("multilabel",)]
Y = torch.tensor([0, 0, 1, 0, 0, 1])


def example(metric):
    """A prediction that is good for the first member and bad for the second, and its target."""
    good = torch.stack((Y, 1 - Y))
    if metric.needs == "label":
        return good, Y
    if metric.needs == "score":
        return good.double() + 0.1 * torch.rand(K, N), Y
    if metric.needs == "probability":
        p = 0.8 * good + 0.1 + 0.05 * torch.rand(K, N, dtype=torch.float64)
        return torch.stack((1 - p, p), -1), Y
    target = torch.tensor([1.0, 4.0, 2.0, 8.0, 5.0, 7.0])
    return target + torch.tensor([[0.1], [2.0]]) * torch.randn(K, N), target


@pytest.mark.parametrize("name", ONE_COLUMN)
def test_a_good_member_is_better_than_a_bad_one(name):
    metric = METRICS[name]
    good, bad = metric.value(*example(metric)).tolist()
    assert (good > bad) is metric.higher_is_better
    assert metric.direction == ("higher is better" if good > bad else "lower is better")
    assert metric.summary


@pytest.mark.parametrize("per_member", [False, True])
@pytest.mark.parametrize("name", ONE_COLUMN)
def test_the_mean_of_rows_is_the_metric(name, per_member):
    metric = METRICS[name]
    prediction, target = example(metric)
    target = torch.stack((target, target.roll(1))) if per_member else target
    if name in {"macro_f1", "ece", "roc_auc", "average_precision", "r2", "median_ae", "quadratic_kappa"}:
        assert metric.rows is None
        return
    rows = metric.rows(prediction, target)
    assert rows.shape == (K, N)
    mean = rows.mean(-1).sqrt() if metric.root else rows.mean(-1)
    torch.testing.assert_close(mean, metric.value(prediction, target), rtol=1e-12, atol=1e-12)
    assert metric.root is (name in ("rmse", "rmsle"))


def test_rows_of_balanced_accuracy_by_hand():
    rows = METRICS["balanced_accuracy"].rows(torch.tensor([[0, 1, 1, 0]]), torch.tensor([0, 0, 0, 3]))
    assert rows[0].tolist() == pytest.approx([4 / (2 * 3), 0, 0, 0])  # classes 1 and 2 have no rows: C = 2


def test_a_row_without_an_answer_is_wrong():
    prediction, target = torch.tensor([[-1, 0, 1, 1]]), torch.tensor([0, 0, 1, 0])
    assert METRICS["accuracy"].value(prediction, target).item() == 0.5
    assert METRICS["balanced_accuracy"].value(prediction, target).item() == pytest.approx((1 / 3 + 1) / 2)
    # class 0: precision 1, recall 1/3; class 1: precision 1/2, recall 1
    assert METRICS["macro_f1"].value(prediction, target).item() == pytest.approx((0.5 + 2 / 3) / 2)


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_ranks_are_not_defined_without_a_positive_row_or_with_nan(name):
    value = METRICS[name].value
    assert math.isnan(value(torch.tensor([[0.3, 0.1]]), torch.tensor([0, 0])))
    scores = torch.tensor([[0.3, math.nan, 0.9], [0.3, 0.2, 0.9]])
    assert value(scores, torch.tensor([0, 0, 1])).isnan().tolist() == [True, False]
    classes = scores.unsqueeze(-1).expand(2, 3, 3)
    assert value(classes, torch.tensor([0, 1, 2])).isnan().tolist() == [True, False]


def test_a_class_without_rows_is_left_out_of_the_mean_of_ranks():
    target = torch.tensor([0, 0, 1, 1])
    score = torch.tensor([[[0.9, 0.1, 0.5], [0.2, 0.3, 0.1], [0.5, 0.2, 0.9], [0.1, 0.8, 0.3]]])
    # class 0: pairs (.9, .2) above (.5, .1): 3 of 4; class 1: pairs (.2, .8) above (.1, .3): 3 of 4; class 2: no rows
    assert METRICS["roc_auc"].value(score, target).item() == pytest.approx(0.75)
    # class 0: ranks 1 and 3, (1 + 2/3) / 2; class 1: ranks 1 and 3
    assert METRICS["average_precision"].value(score, target).item() == pytest.approx(5 / 6)


def test_regression_scales_are_the_metric_of_the_best_constant():
    target = torch.tensor([1.0, 2.0, 3.0, 10.0, 14.0])
    assert METRICS["rmse"].scale(target) == pytest.approx(math.sqrt((25 + 16 + 9 + 16 + 64) / 5))  # around 6
    assert METRICS["mae"].scale(target) == pytest.approx((2 + 1 + 0 + 7 + 11) / 5)  # around 3
    assert METRICS["median_ae"].scale(target) == 2.0
    assert METRICS["pinball"].scale(target) == pytest.approx(2.1)
    assert get("pinball:0.75", "regression").scale(target) == pytest.approx(
        (0.25 * (9 + 8 + 7) + 0.75 * 4) / 5
    )  # at 10
    assert METRICS["r2"].scale(target) == 1.0


def test_scales_of_classes():
    target = torch.tensor([0, 0, 0, 1])
    assert METRICS["accuracy"].scale(target) == METRICS["roc_auc"].scale(target) == METRICS["ece"].scale(target) == 1.0
    assert METRICS["log_loss"].scale(target) == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert METRICS["brier"].scale(target) == pytest.approx(0.75 * 0.25)
    assert METRICS["brier"].scale(torch.tensor([0, 1, 2, 2])) == pytest.approx(1 - (1 + 1 + 4) / 16)


def test_differences_of_rates_are_shown_in_points():
    points = {name for name, metric in METRICS.items() if metric.points}
    more = {"quadratic_kappa", "micro_f1", "hamming_accuracy", "subset_accuracy"}
    assert points == {"accuracy", "balanced_accuracy", "macro_f1", "ece", "roc_auc", "average_precision"} | more
