"""Metrics of several columns, sizes and ordered classes equal scikit-learn's on the rows that weights stand for."""

import numpy as np
import pytest
import sklearn.metrics as sk
import torch

from losslab.metrics import fit_threshold, get, predictions

K, N, T = 2, 41, 3
LABELS = {
    "macro_f1": lambda y, p: sk.f1_score(y, p, average="macro", zero_division=0),
    "micro_f1": lambda y, p: sk.f1_score(y, p, average="micro", zero_division=0),
    "hamming_accuracy": lambda y, p: 1 - sk.hamming_loss(y, p),
    "subset_accuracy": sk.accuracy_score,
}
SCORES = {
    "average_precision": lambda y, s: sk.average_precision_score(y, s, average="macro"),
    "roc_auc": lambda y, s: sk.roc_auc_score(y, s, average="macro"),
}
NUMBERS = {
    "r2": sk.r2_score,
    "mae": sk.mean_absolute_error,
    "rmse": lambda y, p: np.mean(np.sqrt(sk.mean_squared_error(y, p, multioutput="raw_values"))),
    "median_ae": sk.median_absolute_error,
    "pinball:0.8": lambda y, p: sk.mean_pinball_loss(y, p, alpha=0.8),
}
SIZES = {
    ("count", "poisson_deviance"): sk.mean_poisson_deviance,
    ("positive", "gamma_deviance"): sk.mean_gamma_deviance,
    ("count", "rmsle"): lambda y, p: sk.mean_squared_log_error(y, p) ** 0.5,
    ("positive", "mape"): sk.mean_absolute_percentage_error,
}
ORDERED = {
    "rank_mae": sk.mean_absolute_error,
    "quadratic_kappa": lambda y, p: sk.cohen_kappa_score(y, p, weights="quadratic"),
}


def check(metric, oracle, prediction, target):
    """Unweighted, and with the counts of two resamples that all members share."""
    counts = torch.randint(0, 3, (2, 1, N), generator=torch.Generator().manual_seed(5))
    plain, drawn = metric.value(prediction, target), metric.value(prediction, target, counts)
    assert plain.dtype == drawn.dtype == torch.float64
    assert plain.shape == (K,)
    assert drawn.shape == (2, K)
    for k in range(K):
        assert plain[k].item() == pytest.approx(oracle(target.numpy(), prediction[k].numpy()), rel=1e-6)
        for b in range(2):
            rows = torch.arange(N).repeat_interleave(counts[b, 0])
            assert drawn[b, k].item() == pytest.approx(
                oracle(target[rows].numpy(), prediction[k, rows].numpy()), rel=1e-6
            )
    if metric.rows is not None:
        mean = metric.rows(prediction, target).mean(-1)
        torch.testing.assert_close(mean.sqrt() if metric.root else mean, plain, rtol=1e-9, atol=1e-12)


@pytest.fixture
def labels():
    g = torch.Generator().manual_seed(1)
    target = (torch.rand(N, T, generator=g) < torch.tensor([0.5, 0.3, 0.7])).float()
    return torch.randn(K, N, T, generator=g, dtype=torch.float64) + target, target


@pytest.mark.parametrize("name", LABELS)
def test_labels(name, labels):
    check(get(name, "multilabel"), LABELS[name], (labels[0] > 0.5).long(), labels[1])


@pytest.mark.parametrize("name", SCORES)
def test_scores_of_labels(name, labels):
    check(get(name, "multilabel"), SCORES[name], (4 * labels[0]).round(), labels[1])


def test_log_loss_of_labels(labels):
    def oracle(y, p):
        return np.mean([sk.log_loss(y[:, t], p[:, t], labels=[0, 1]) for t in range(T)])

    check(get("log_loss", "multilabel"), oracle, labels[0].sigmoid(), labels[1])


@pytest.mark.parametrize("name", NUMBERS)
def test_several_numbers(name):
    g = torch.Generator().manual_seed(2)
    target = torch.randn(N, T, generator=g, dtype=torch.float64) * torch.tensor([1.0, 100.0, 5.0])
    prediction = 0.7 * target + torch.randn(K, N, T, generator=g, dtype=torch.float64) + 1
    check(get(name, "multioutput"), NUMBERS[name], prediction, target)


@pytest.mark.parametrize(("task", "name"), SIZES)
def test_sizes(task, name):
    rng = np.random.default_rng(3)
    target = torch.tensor(rng.poisson(2.0, N) if task == "count" else rng.gamma(2.0, 3.0, N)).double()
    prediction = torch.tensor(rng.gamma(4.0, 0.7, (K, N)))
    check(get(name, task), SIZES[task, name], prediction, target)


@pytest.mark.parametrize("name", ORDERED)
def test_ordered_classes(name):
    g = torch.Generator().manual_seed(4)
    target = torch.randint(0, 5, (N,), generator=g)
    prediction = (target + torch.randint(-1, 3, (K, N), generator=g)).clamp(0, 4)
    check(get(name, "ordinal"), ORDERED[name], prediction, target)


def test_no_answer_is_the_farthest_class_and_the_ranked_probability_score_by_hand():
    none, target = torch.tensor([[-1, 2, -1]]), torch.tensor([0, 3, 2])  # 3 + 1 + 2 classes off
    assert get("rank_mae", "ordinal").value(none, target).item() == 2.0
    # (1/2, 1/4, 1/4): below 0 and 1: 1/2 and 3/4, against 0 and 1 for class 1, and against 0 and 0 for class 2
    p = torch.tensor([[[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]]])
    value = get("ranked_probability_score", "ordinal").value(p, torch.tensor([1, 2]))
    assert value.item() == pytest.approx((5 / 32 + 13 / 32) / 2)


def test_outputs_on_thresholds_are_chances_to_lie_above_them():
    odds = torch.tensor([[[3.0, 1.0, 0.25], [1.0, 3.0, 0.25]]])  # above with 3/4, 1/2 and 1/5; the second ones cross
    found = predictions(odds.log(), "cumulative", "probability")
    assert found is not None
    torch.testing.assert_close(
        found, torch.tensor([[[0.25, 0.25, 0.3, 0.2]] * 2], dtype=torch.float64), rtol=1e-6, atol=0
    )
    assert predictions(odds.log(), "cumulative", "label").tolist() == [[2, 2]]
    far = predictions(torch.tensor([[[60.0, 59.0]]]), "cumulative", "probability")
    assert far[0, 0, 1].item() == pytest.approx(np.exp(-59) - np.exp(-60), rel=1e-9, abs=0)


def test_the_probability_of_a_label_is_that_of_a_yes():
    found = predictions(torch.tensor([[[3.0, 0.25], [1.0, 4.0]]]).log(), "sigmoid", "probability", columns=True)
    torch.testing.assert_close(found, torch.tensor([[[0.75, 0.2], [0.5, 0.8]]], dtype=torch.float64))


def test_each_label_has_a_threshold_of_its_own():
    g = torch.Generator().manual_seed(6)
    target = (torch.rand(400, 2, generator=g) < 0.3).float()
    score = (torch.randn(1, 400, 2, generator=g) + 3 * target + torch.tensor([2.0, -4.0])).double()
    metric = get("macro_f1", "multilabel")
    threshold = fit_threshold(score, target, metric)
    assert threshold.value.shape == (1, 2)
    assert 2.5 < threshold.value[0, 0] < 4.5
    assert -3.5 < threshold.value[0, 1] < -1.5
    assert metric.value(threshold.apply(score), target) > 0.85 > metric.value((score > 0).long(), target)
