"""Every metric equals scikit-learn's on the rows that its weights stand for, member by member."""

import warnings

import numpy as np
import pytest
import sklearn
import sklearn.metrics as sk
import torch
from packaging.version import Version

from losslab.metrics import METRICS

K, N = 3, 41
LABELS = {
    "accuracy": sk.accuracy_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "macro_f1": lambda y, p: sk.f1_score(y, p, average="macro", zero_division=0),
}
VALUES = {
    "mae": sk.mean_absolute_error,
    "rmse": lambda y, p: sk.mean_squared_error(y, p) ** 0.5,
    "r2": sk.r2_score,
    "median_ae": sk.median_absolute_error,
    "pinball": lambda y, p: sk.mean_pinball_loss(y, p, alpha=0.5),
}


def brier(y, p):
    if p.shape[1] == 2:
        return sk.brier_score_loss(y, p[:, 1])
    return np.mean([sum((p[i, c] - (y[i] == c)) ** 2 for c in range(p.shape[1])) for i in range(len(y))])


def ece(y, p):
    total = 0.0
    for b in range(15):
        inside = [i for i in range(len(y)) if b / 15 < p[i].max() <= (b + 1) / 15]
        if inside:
            right = np.mean([p[i].argmax() == y[i] for i in inside])
            total += len(inside) / len(y) * abs(right - np.mean([p[i].max() for i in inside]))
    return total


def log_loss(y, p):
    return sk.log_loss(y, p, labels=list(range(p.shape[1])))


PROBABILITIES = {"log_loss": log_loss, "brier": brier, "ece": ece}
SCORES = {
    "roc_auc": lambda y, s: sk.roc_auc_score(y, s, multi_class="ovr", average="macro"),
    "average_precision": lambda y, s: sk.average_precision_score(y, s, average="macro"),
}


def weights(kind):
    """Whole counts, many of them zero, as a bootstrap draws them."""
    shape = {"none": None, "rows": (N,), "member": (K, N), "resamples": (4, 1, N)}[kind]
    return None if shape is None else torch.randint(0, 3, shape)


def check(name, oracle, prediction, target, weight):
    got = METRICS[name].value(prediction, target, weight)
    assert got.dtype == torch.float64
    counts = torch.ones(N, dtype=torch.int64) if weight is None else weight
    shape = torch.broadcast_shapes(counts.shape, (K, N))
    assert got.shape == shape[:-1]
    got = got.reshape(-1, K)
    for b, count in enumerate(counts.expand(shape).reshape(-1, K, N)):
        for k in range(K):
            rows = torch.arange(N).repeat_interleave(count[k])
            y = (target if target.ndim == 1 else target[k])[rows].numpy()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = oracle(y, prediction[k][rows].numpy())
            assert got[b, k].item() == pytest.approx(expected, abs=1e-6, rel=1e-6), (name, b, k)


def targets(classes, per_member):
    """Uneven classes, all of them present often enough to survive a resample."""
    y = torch.arange(N) % (classes + 2)
    y = torch.where(y >= classes, 0, y)
    return torch.stack([y.roll(k) for k in range(K)]) if per_member else y


@pytest.mark.parametrize("kind", ["none", "rows", "member", "resamples"])
@pytest.mark.parametrize("per_member", [False, True])
class TestAgainstSklearn:
    @pytest.mark.parametrize("classes", [2, 3, 7])
    @pytest.mark.parametrize("name", LABELS)
    def test_labels(self, name, classes, kind, per_member):
        target = targets(classes, per_member)
        prediction = torch.where(torch.rand(K, N) < 0.6, target, torch.randint(0, classes, (K, N)))
        check(name, LABELS[name], prediction, target, weights(kind))

    @pytest.mark.parametrize("name", LABELS)
    def test_labels_with_absent_classes(self, name, kind, per_member):
        target = targets(6, per_member)
        target = torch.where((target == 2) | (target == 5), 0, target)  # 2 and 5 are in no target, 5 in no label either
        prediction = torch.where(torch.rand(K, N) < 0.6, target, torch.randint(0, 5, (K, N)))
        check(name, LABELS[name], prediction, target, weights(kind))

    @pytest.mark.parametrize("classes", [2, 3, 7])
    @pytest.mark.parametrize("name", PROBABILITIES)
    def test_probabilities(self, name, classes, kind, per_member):
        target = targets(classes, per_member)
        prediction = (3 * torch.randn(K, N, classes, dtype=torch.float64)).softmax(-1)
        prediction[:, :2] = torch.eye(classes, dtype=torch.float64)[0]  # certain, and for some rows wrong
        check(name, PROBABILITIES[name], prediction, target, weights(kind))

    @pytest.mark.parametrize("ties", [False, True])
    @pytest.mark.parametrize("name", SCORES)
    def test_binary_scores(self, name, ties, kind, per_member):
        target = targets(2, per_member)
        score = torch.randn(K, N) + target
        check(name, SCORES[name], (2 * score).round() if ties else score, target, weights(kind))

    @pytest.mark.parametrize("ties", [False, True])
    @pytest.mark.parametrize("name", SCORES)
    @pytest.mark.parametrize("classes", [3, 4])
    def test_class_scores(self, name, classes, ties, kind, per_member):
        target = targets(classes, per_member)
        score = torch.randn(K, N, classes, dtype=torch.float64)
        score = (score.round() if ties else score).softmax(-1)
        check(name, SCORES[name], score, target, weights(kind))

    @pytest.mark.parametrize("name", VALUES)
    def test_values(self, name, kind, per_member):
        target = 300 + 20 * torch.randn((K, N) if per_member else (N,))
        check(name, VALUES[name], target + 5 * torch.randn(K, N) + 1, target, weights(kind))


@pytest.mark.parametrize("rows", [40, 41])
def test_median_of_even_and_odd_numbers_of_rows(rows):
    target, prediction = torch.randn(rows), torch.randn(1, rows)
    expected = sk.median_absolute_error(target.numpy(), prediction[0].numpy())
    assert METRICS["median_ae"].value(prediction, target).item() == pytest.approx(expected, abs=1e-6)


def test_r2_of_a_constant_target():
    target = torch.tensor([2.0, 2.0, 2.0])
    prediction = torch.tensor([[2.0, 2.0, 2.0], [2.0, 2.0, 3.0]])
    expected = [sk.r2_score(target.numpy(), row.numpy()) for row in prediction]
    assert METRICS["r2"].value(prediction, target).tolist() == expected == [1.0, 0.0]


def test_log_loss_of_a_certain_error_in_float32_is_clipped_as_in_sklearn():
    prediction = torch.tensor([[[1.0, 0.0], [0.25, 0.75]]])
    target = torch.tensor([1, 1])
    expected = sk.log_loss(target.numpy(), prediction[0].numpy(), labels=[0, 1])
    assert METRICS["log_loss"].value(prediction, target).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.skipif(Version(sklearn.__version__) < Version("1.7"), reason="its Brier score is binary before 1.7")
def test_brier_of_three_classes_is_sklearns():
    prediction = torch.randn(2, 9, 3, dtype=torch.float64).softmax(-1)
    target = torch.tensor([0, 1, 2, 0, 0, 2, 1, 1, 0])
    expected = [sk.brier_score_loss(target.numpy(), row.numpy(), labels=[0, 1, 2]) for row in prediction]
    assert METRICS["brier"].value(prediction, target).tolist() == pytest.approx(expected, abs=1e-12)
