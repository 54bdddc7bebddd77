"""What the search and the thresholds may see: training and validation rows, and nothing of the test part."""

import numpy as np
import pytest
import torch
from small_studies import SMALL, SMALL_REGRESSION, diabetes, iris, two_classes

import losslab
import losslab.search.reading
from losslab.data.load import load
from losslab.data.split import split
from losslab.metrics.registry import get
from losslab.search.options import Options
from losslab.search.study import Study
from losslab.search.tune import finish

BINARY = {"trials": 8, "epochs": 3, "runs": 3, "engine": "stacked"}


def parts_of(X, y, seed=0):
    found = split(load((X, y)), seed)
    return {part: getattr(found, part).numpy() for part in ("train", "validation", "test")}


def given(X, y, parts):
    """The table with these parts, so that they stay the same whatever becomes of the targets."""
    import pandas as pd

    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]).assign(y=y)
    for part, rows in parts.items():
        frame.loc[rows, "part"] = part
    return {"data": frame, "target": "y", "split_column": "part"}


def before_the_reading(result):
    """All that is decided before the test part is read."""
    rows = [row for row in result.table if row.role != "baseline"]
    return (
        [(t.loss, t.params, t.optimizer, t.state, t.curve) for t in result.trials],
        [(row.loss, row.params, row.optimizer, row.validation, row.threshold) for row in rows],
        result.learning_curves,
    )


@pytest.fixture(scope="module")
def honest():
    X, y = two_classes()
    parts = parts_of(X, y)
    return X, y, parts, losslab.tune("mlp:8", metric="balanced_accuracy", **given(X, y, parts), **BINARY)


def test_other_test_targets_change_the_test_metrics_and_nothing_else(honest):
    X, y, parts, result = honest
    other = y.copy()
    other[parts["test"]] = np.random.default_rng(1).permutation(y[parts["test"]])
    assert (other != y).any()
    changed = losslab.tune("mlp:8", metric="balanced_accuracy", **given(X, other, parts), **BINARY)
    assert before_the_reading(changed) == before_the_reading(result)
    assert [row.test for row in changed.table] != [row.test for row in result.table]
    assert any(row.threshold for row in result.table)


def test_other_test_features_change_no_scaler_no_search_and_no_threshold(honest):
    X, y, parts, result = honest
    other = X.copy()
    other[parts["test"]] = 1000 * other[parts["test"]] + 77
    changed = losslab.tune("mlp:8", metric="balanced_accuracy", **given(other, y, parts), **BINARY)
    assert before_the_reading(changed) == before_the_reading(result)


def test_other_test_targets_of_a_regression_change_no_scale():
    X, y = diabetes()
    parts = parts_of(X, y)
    other = y.copy()
    other[parts["test"]] *= 50
    options = {**SMALL_REGRESSION, "engine": "stacked"}
    one, two = (losslab.tune("linear", **given(X, target, parts), **options) for target in (y, other))
    assert before_the_reading(one) == before_the_reading(two)
    assert two.table[0].test > 20 * one.table[0].test


def test_the_scaler_is_fitted_on_the_rows_that_a_member_trains_on():
    X, y = two_classes()
    study = Study(load((X, y)), get("accuracy", "binary"), "linear", Options(trials=6, epochs=1, runs=2))
    confirmation = study.confirm(study.search())
    train = study.problem.split.train
    assert not set(train.tolist()) & {*study.problem.split.test.tolist(), *study.problem.split.validation.tolist()}
    pairs = [(study.folds, [train]), (confirmation.folds, confirmation.folds.rows)]
    for folds, rows in pairs:
        for prepared, own in zip(folds.prepared, rows, strict=True):
            assert set(own.tolist()) <= set(train.tolist())
            np.testing.assert_allclose(prepared.fitted["mean"], X[own].astype(float).mean(0), rtol=1e-6)
            np.testing.assert_allclose(prepared.fitted["scale"], X[own].astype(float).std(0), rtol=1e-6)
            assert not np.allclose(prepared.fitted["mean"], X.astype(float).mean(0), rtol=1e-3)


def test_thresholds_are_fitted_on_validation_targets(monkeypatch):
    X, y = two_classes()
    parts = parts_of(X, y)
    seen, fit = [], losslab.search.reading.thresholds_for

    def watched(metric, score, target):
        seen.append((score.shape[1], target))
        return fit(metric, score, target)

    monkeypatch.setattr(losslab.search.reading, "thresholds_for", watched)
    result = losslab.tune("linear", metric="balanced_accuracy", **given(X, y, parts), **BINARY)
    assert len(seen) > len(result.table)  # one for each line, and more for the watched metrics of labels
    for rows, target in seen:
        assert rows == len(parts["validation"])
        assert target.tolist() == y[parts["validation"]].tolist()


def test_every_loss_has_a_threshold_of_its_own_and_the_default_has_one_too(honest):
    *_, result = honest
    found = {row.loss: row.threshold for row in result.table if row.role == "loss"}
    assert all(threshold is not None for threshold in found.values())
    steps = [step["step"] for step in result.waterfall]
    assert steps == ["untuned", "tuned", "threshold", "loss"]


def test_spoiled_targets_are_those_of_training_and_validation():
    X, y = iris()
    options = Options(**SMALL, corrupt_train=0.3, out=None)
    study = Study(load((X, y)), get("accuracy", "multiclass"), "linear", options)
    parts, seen = study.problem.split, study.problem.y_seen
    assert torch.equal(seen[parts.test], torch.tensor(y)[parts.test])
    rows = torch.cat([parts.train, parts.validation])
    assert int((seen[rows] != torch.tensor(y)[rows]).sum()) == round(0.3 * len(rows))
    assert torch.equal(study.table.y, torch.tensor(y))
    result = finish(study)
    assert any("30" in note for note in result.notes)


def test_predictions_of_the_test_part_do_not_depend_on_who_else_is_in_it(honest):
    X, y, parts, _ = honest
    table = load(**given(X, y, parts))
    fewer = {**parts, "test": parts["test"][:7]}
    kept = np.sort(np.concatenate(list(fewer.values())))
    place = {row: number for number, row in enumerate(kept)}
    smaller = load(**given(X[kept], y[kept], {part: [place[row] for row in rows] for part, rows in fewer.items()}))
    outputs = []
    for data in (table, smaller):
        study = Study(data, get("accuracy", "binary"), "linear", Options(**BINARY, losses=["focal_loss"]))
        outputs.append(study.confirm(study.search()).retrained["focal_loss"].outputs("test")[:, :7])
    torch.testing.assert_close(*outputs)
