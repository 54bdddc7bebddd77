"""Metrics by name and by function."""

import functools
import math

import numpy as np
import pytest
import sklearn.metrics as sk
import torch

from losslab.metrics import METRICS, Metric, default_metric, fitting, get, secondary
from losslab.metrics.classification import confusion

TASKS = ("binary", "multiclass", "regression", "multilabel", "multioutput", "count", "positive", "ordinal")


def test_by_name():
    assert get("roc_auc", "binary") is METRICS["roc_auc"]
    assert get(METRICS["mae"], "regression") is METRICS["mae"]
    assert all(metric.name == name for name, metric in METRICS.items())


@pytest.mark.parametrize("task", TASKS)
def test_defaults_fit_their_task(task):
    for name in (default_metric(task), *secondary(task)):
        assert get(name, task).name == name
        assert name in fitting(task)


def test_unknown_and_unfit_names_say_what_there_is():
    with pytest.raises(ValueError, match=r"no metric 'acuracy'; nearest: accuracy"):
        get("acuracy", "binary")
    with pytest.raises(ValueError, match=r"no metric 'zzz'; there are: accuracy, .*pinball"):
        get("zzz", "binary")
    with pytest.raises(ValueError, match=r"'mae' does not fit a multiclass task; these fit: accuracy, .*roc_auc"):
        get("mae", "multiclass")
    with pytest.raises(ValueError, match=r"'log_loss' does not fit a regression task; these fit: mae, rmse"):
        get("log_loss", "regression")
    with pytest.raises(TypeError, match=r"expected a name or a function .* found 3"):
        get(3, "binary")


def test_pinball_with_its_level():
    metric = get("pinball:0.9", "regression")
    assert metric.name == "pinball:0.9"
    y, p = torch.tensor([1.0, 5.0]), torch.tensor([[2.0, 1.0]])
    assert metric.value(p, y).item() == pytest.approx((0.1 * 1 + 0.9 * 4) / 2)
    assert metric.value(p, y).item() == pytest.approx(sk.mean_pinball_loss(y.numpy(), p[0].numpy(), alpha=0.9))
    for bad in ("pinball:1.0", "pinball:x", "pinball:", "pinball:nan"):
        with pytest.raises(ValueError, match=f"{bad}.*between 0 and 1"):
            get(bad, "regression")
    with pytest.raises(ValueError, match="does not fit a binary task"):
        get("pinball:0.9", "binary")


def over(prediction, target):
    """How much the prediction exceeds the target: not the same with its arguments swapped."""
    return (prediction - target).mean()


def test_a_function_is_called_member_by_member_with_the_prediction_first():
    metric = get(over, "regression")
    assert metric.name == "over"
    assert metric.higher_is_better
    assert "set its attribute higher_is_better" in metric.summary
    value = metric.value(torch.tensor([[1.0, 2.0], [5.0, 3.0]]), torch.tensor([0.0, 1.0]))
    assert value.tolist() == [1.0, 3.5]
    each = metric.value(torch.tensor([[1.0, 2.0], [5.0, 3.0]]), torch.tensor([[0.0, 1.0], [5.0, 3.0]]))
    assert each.tolist() == [1.0, 0.0]


def test_direction_of_a_function():
    assert not get(over, "regression", higher_is_better=False).higher_is_better

    def cost(prediction, target):
        return float((prediction != target).sum())

    cost.higher_is_better = False
    assert not get(cost, "binary").higher_is_better
    assert get(cost, "binary", higher_is_better=True).higher_is_better
    assert not get(sk.mean_absolute_error, "regression").higher_is_better
    assert get(sk.r2_score, "regression").higher_is_better


def test_a_scikit_learn_function_gets_the_target_first():
    y = torch.tensor([1.0, 4.0, 2.0, 8.0])
    p = torch.tensor([[1.5, 3.0, 2.5, 9.0]])
    metric = get(sk.r2_score, "regression")
    assert metric.value(p, y).item() == pytest.approx(sk.r2_score(y.numpy(), p[0].numpy()))
    assert metric.value(p, y).item() != pytest.approx(sk.r2_score(p[0].numpy(), y.numpy()))

    f2 = get(functools.partial(sk.fbeta_score, beta=2), "binary")
    label, target = torch.tensor([[1, 1, 0, 1, 0]]), torch.tensor([1, 0, 0, 0, 1])
    assert f2.name == "fbeta_score"
    assert f2.value(label, target).item() == pytest.approx(sk.fbeta_score(target, label[0], beta=2))

    auc = get(sk.roc_auc_score, "binary")
    assert auc.needs == "score"
    assert auc.value(torch.tensor([[0.1, 0.9, 0.5]]), torch.tensor([0, 1, 1])).item() == 1.0


def test_needs_of_a_function():
    def confidence(prediction, target):
        assert prediction.shape == (2, 3)
        return prediction.max(-1).values.mean()

    confidence.needs = "probability"
    metric = get(confidence, "multiclass")
    assert metric.needs == "probability"
    assert metric.value(
        torch.tensor([[[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]]), torch.tensor([0, 1])
    ).item() == pytest.approx(0.65)
    confidence.needs = "probabilities"
    with pytest.raises(ValueError, match=r"'confidence': needs = 'probabilities'.*label, probability, score, value"):
        get(confidence, "multiclass")


def test_weights_of_a_function_repeat_rows():
    metric = get(over, "regression")
    p, y = torch.tensor([[1.0, 2.0], [5.0, 3.0]]), torch.tensor([0.0, 1.0])
    assert metric.value(p, y, torch.tensor([3, 1])).tolist() == [1.0, (3 * 5 + 2) / 4]
    assert metric.value(p, y, torch.tensor([[1, 0], [0, 1]])).tolist() == [1.0, 2.0]
    assert metric.value(p, y, torch.tensor([[[2, 0]], [[1, 1]], [[0, 1]]])).shape == (3, 2)
    with pytest.raises(ValueError, match=r"'over'.*whole"):
        metric.value(p, y, torch.tensor([0.5, 1.0]))


def test_a_function_must_return_one_number():
    p, y = torch.zeros(1, 3), torch.zeros(3)
    with pytest.raises(ValueError, match=r"'<?lambda>?' returned a tensor of shape \(3,\); it must return one number"):
        get(lambda prediction, target: prediction - target, "regression").value(p, y)
    with pytest.raises(ValueError, match="must return one number"):
        get(lambda prediction, target: None, "regression").value(p, y)
    for number in (torch.tensor([2.0]), np.float32(2), 2):
        assert get(lambda prediction, target, number=number: number, "regression").value(p, y).tolist() == [2.0]


def test_scale_of_a_function_is_its_value_for_the_mean():
    target = torch.tensor([1.0, 2.0, 3.0, 6.0])
    assert get(sk.mean_absolute_error, "regression").scale(target) == pytest.approx(1.5)
    assert get(sk.r2_score, "regression").scale(target) == 1.0
    assert get(lambda prediction, target: math.nan, "regression").scale(target) == 1.0
    assert get(over, "binary").scale(torch.tensor([0, 1])) == 1.0


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_of_confusion_of_a_function_is_its_value(task):
    def cost(prediction, target):
        return float((5.0 * ((prediction == 0) & (target == 1)) + ((prediction == 1) & (target == 0))).mean())

    metric = get(cost, task)
    assert isinstance(metric, Metric)
    assert metric.thresholded is (task == "binary")
    if task == "multiclass":
        assert metric.of_confusion is None
        return
    label, target = torch.randint(-1, 2, (4, 20)), torch.randint(0, 2, (20,))
    torch.testing.assert_close(metric.of_confusion(confusion(label, target)), metric.value(label, target))
