import math

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from losslab.metrics.classification import BALANCED_ACCURACY
from losslab.metrics.ranking import ROC_AUC
from losslab.metrics.regression import MAE, MEDIAN_AE
from losslab.search.inference import compare_bootstrap, compare_rows
from losslab.search.spread import Sampling, draw_spread

PLAIN = Sampling.of(36, None, None)


def draw(shape, seed=0, row=1.0, run=0.5, both=0.7):
    rng = np.random.default_rng(seed)
    L, R, N = shape
    effects = row * rng.normal(size=(L, 1, N)) + run * rng.normal(size=(L, R, 1)) + both * rng.normal(size=shape)
    return effects + rng.normal(size=N)


def scores(L=3, R=4, N=80, seed=0):
    np.random.default_rng(seed)
    target = (np.arange(N) % 4 == 0).astype(np.int64)
    return torch.as_tensor(1.5 * target + draw((L, R, N), seed, 0.3, 0.2, 0.3)), torch.as_tensor(target)


def test_bootstrap_of_a_mean_is_the_rows():
    values = torch.as_tensor(draw((3, 4, 60), seed=10, row=0.5))
    target = torch.zeros(60, dtype=torch.float64)
    for groups in (None, np.arange(60) // 4):
        by_draws = compare_bootstrap(MAE.value, values, target, draws=4000, groups=groups)
        by_rows = compare_rows(values.abs(), groups=groups)
        for a, b in zip(by_draws[1:], by_rows[1:], strict=True):
            assert a.difference == pytest.approx(b.difference)
            assert a.standard_error == pytest.approx(b.standard_error, rel=0.05)
            assert a.p == pytest.approx(b.p, abs=0.03)


def test_bootstrap_values_are_means_of_the_metric_over_runs():
    predictions, target = scores()
    found = compare_bootstrap(ROC_AUC.value, predictions, target, draws=200)
    expected = [np.mean([roc_auc_score(target, run) for run in loss.numpy()]) for loss in predictions]
    assert [c.test for c in found] == pytest.approx(expected)
    assert found[2].difference == pytest.approx(expected[2] - expected[0])
    labels = (predictions > 0.7).long()
    found = compare_bootstrap(BALANCED_ACCURACY.value, labels, target, draws=200)
    assert found[1].test == pytest.approx(np.mean([balanced_accuracy_score(target, run) for run in labels[1]]))


def test_bootstrap_spread_is_near_delongs():
    predictions, target = scores(N=200, R=2)
    predictions[:, 1] = predictions[:, 0]
    both = predictions[:2, 0].numpy()
    positive, negative = both[:, target == 1], both[:, target == 0]
    wins = (positive[:, :, None] > negative[:, None, :]).astype(float)
    d = wins[1] - wins[0]
    delong = d.mean(1).var(ddof=1) / len(d) + d.mean(0).var(ddof=1) / d.shape[1]
    found = compare_bootstrap(ROC_AUC.value, predictions, target, draws=2000)[1]
    assert found.standard_error == pytest.approx(math.sqrt(delong), rel=0.1)


def test_balanced_accuracy_by_rows_and_by_draws_agree():
    predictions, target = scores(N=160, L=2)
    labels = (predictions > 0.7).long()
    rows = BALANCED_ACCURACY.rows(labels.flatten(0, 1), target).reshape(2, 4, 160)
    by_rows = compare_rows(rows, strata=target)[1]
    by_draws = compare_bootstrap(BALANCED_ACCURACY.value, labels, target, draws=2000)[1]
    assert by_rows.difference == pytest.approx(by_draws.difference)
    assert by_rows.standard_error == pytest.approx(by_draws.standard_error, rel=0.1)
    assert by_rows.test_low == pytest.approx(by_draws.test_low, abs=0.01)


def test_labels_that_agree_still_leave_room():
    target = torch.arange(36) % 3
    labels = target.expand(2, 4, 36).clone()
    found = compare_bootstrap(BALANCED_ACCURACY.value, labels, target, draws=100)[1]
    assert (found.difference, found.p) == (0.0, 1.0)
    assert -0.12 < found.low < -0.05
    assert 0.85 < found.test_low < 0.95


def test_draw_spread_parts():
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(5, 400)) + 2 * rng.normal(size=400) + np.arange(5.0)[:, None]
    spread = draw_spread(np.arange(5.0), draws, PLAIN)
    assert spread.row == pytest.approx(36 / 35 * (4 + 1 / 5), rel=0.1)
    assert spread.both == pytest.approx(36 / 35 / 5, rel=0.1)
    assert spread.run == pytest.approx(2.5 / 5)


def test_bootstrap_repeats_with_its_seed_and_draws_of_a_missing_class_are_left_out():
    predictions, target = scores(N=24)
    target = (torch.arange(24) < 2).long()  # 12 % of the draws have no positive row
    first, again, other = (compare_bootstrap(ROC_AUC.value, predictions, target, draws=300, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first[1].p != other[1].p
    assert all(math.isfinite(c.p) and math.isfinite(c.standard_error) for c in first)
    with pytest.raises(ValueError, match="exists on 0 of 100 resamples"):
        compare_bootstrap(rarely, predictions, target, draws=100)


def rarely(prediction, target, weight):
    """A metric that exists on the rows as they are only."""
    return torch.where((weight == 1).all(-1), prediction.mean(-1), torch.nan)


def test_bootstrap_says_a_failed_retraining():
    predictions, target = scores()
    predictions[1, 2, 5] = math.nan
    found = compare_bootstrap(MEDIAN_AE.value, predictions, target.double(), draws=60)
    assert not found[1].comparable
    assert found[2].comparable
