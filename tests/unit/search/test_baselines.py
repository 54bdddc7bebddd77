"""What a network is measured against, on data whose right answer is known."""

import numpy as np
import pytest
import torch

from losslab.data.load import load
from losslab.data.split import split
from losslab.metrics.registry import default_metric, get
from losslab.search import baselines as module
from losslab.search.baselines import LINEAR, baselines, full_log_probabilities, linear, straightened
from losslab.search.problem import Problem


def problem_of(X, y, task=None):
    table = load((X.astype(np.float32), y), task=task)
    return Problem(table, split(table, 0), get(default_metric(table.task), table.task), table.y)


def draw(rows=300, columns=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng, rng.normal(size=(rows, columns)) * [1.0, 30.0, 0.1, 1.0] + [0, 500, 0, -2]


def fit(problem):
    found, notes = linear(problem, problem.prepare(problem.split.train), 0)
    return found[0], notes


def test_linear_finds_a_plane_whatever_the_scale_of_the_columns():
    _, X = draw()
    y = 3 * X[:, 0] - 0.2 * X[:, 1] + 5 * X[:, 2] + 70
    problem = problem_of(X, y.astype(np.float32))
    one, notes = fit(problem)
    target = problem.table.y[problem.split.test]
    assert (one.test[:, 0] - target).abs().max() < 0.02 * target.std()
    assert one.link == "identity"
    assert one.name == LINEAR
    assert not notes


def test_linear_reads_the_penalty_from_validation():
    """Labels that are noise: the strongest penalty predicts best; a clean plane wants the weakest."""
    rng, X = draw(seed=1)
    noise, clean = problem_of(X, rng.integers(0, 2, 300)), problem_of(X, (X[:, 0] > 0).astype(int))
    odds = [(one.test[:, 1] - one.test[:, 0]).abs().mean() for one in (fit(noise)[0], fit(clean)[0])]
    assert odds[0] < 0.5
    assert odds[1] > 3


def test_linear_equals_the_best_of_four_fits():
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.preprocessing import StandardScaler

    rng, X = draw(seed=2)
    y = (X[:, 0] + rng.normal(size=300) > 0).astype(int) + 2 * (rng.random(300) < 0.2)
    problem = problem_of(X, y)
    train, validation, test = (getattr(problem.split, part) for part in ("train", "validation", "test"))
    Z = StandardScaler().fit(X[train]).transform(X)
    models = [LogisticRegression(C=C, max_iter=200).fit(Z[train], y[train]) for C in (10, 1, 0.1, 0.01)]
    best = min(models, key=lambda m: log_loss(y[validation], m.predict_proba(Z[validation]), labels=m.classes_))
    np.testing.assert_allclose(fit(problem)[0].test.exp(), best.predict_proba(Z[test]), atol=2e-4)


def test_linear_of_counts_is_on_a_log_scale():
    rng, X = draw(rows=900, seed=3)
    rate = np.exp(0.8 * X[:, 0] + 0.5)
    problem = problem_of(X, rng.poisson(rate).astype(np.float32), "count")
    one, _ = fit(problem)
    ratio = one.test[:, 0] / torch.from_numpy(rate).float()[problem.split.test]
    assert ratio.log().abs().mean() < 0.15
    assert float(one.test.min()) > 0


def test_several_labels_are_read_apart():
    rng, X = draw(seed=4)
    y = np.stack([X[:, 0] > 0, X[:, 3] > -2, np.zeros(300, bool)], 1).astype(np.float32)
    y[:, 2] = rng.random(300) < 0.02
    problem = problem_of(X, y, "multilabel")
    found, _ = baselines(problem)
    target = problem.table.y[problem.split.test] > 0
    for one in found[:2]:
        assert one.link == "sigmoid"
        assert ((one.test[:, :2] > 0) == target[:, :2]).float().mean() > 0.85
    shares = problem.table.y[problem.split.train].mean(0)
    torch.testing.assert_close(found[2].test[0].sigmoid(), shares)


def test_codes_become_a_column_each():
    X = torch.tensor([[0.0, 2.0], [4.0, 0.0], [8.0, 1.0], [0.0, 2.0]])
    wide = straightened(X, {1: 3}, torch.arange(3))
    assert wide.shape == (4, 4)
    np.testing.assert_allclose(wide[:3].mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(wide[0], wide[3])
    assert wide[1, 1] == wide[:, 1].max() == pytest.approx(2**0.5)  # level 0, one row of three


def test_a_large_table_is_sampled_and_a_wide_one_left_out(monkeypatch):
    rng, X = draw(rows=2000)
    problem = problem_of(X, (X[:, 0] + rng.normal(size=2000)).astype(np.float32))
    monkeypatch.setattr(module, "MOST_LINEAR", 2400)
    one, notes = fit(problem)
    assert notes == ["the linear baseline was fitted on 600 of 1,200 training rows, drawn at random"]
    assert torch.equal(one.test, fit(problem)[0].test)
    monkeypatch.setattr(module, "MOST_LINEAR", 400)
    found, notes = linear(problem, problem.prepare(problem.split.train), 0)
    assert not found
    assert "4 columns are too many" in notes[0]


def test_a_class_that_the_training_part_lacks_has_a_column_of_its_own():
    found = full_log_probabilities(np.array([[0.25, 0.75]]), np.array([0, 2]), 3).exp()
    np.testing.assert_allclose(found, [[0.25, 1e-12, 0.75]], rtol=1e-6)
