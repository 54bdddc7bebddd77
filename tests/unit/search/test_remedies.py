"""Remedies for uneven classes: by hand, and logit adjustment against true log odds."""

from collections import Counter

import numpy as np
import pytest
import torch

from losslab.data.load import load
from losslab.data.split import split
from losslab.metrics.registry import get
from losslab.search import remedies
from losslab.search.confirm import Retrained
from losslab.search.options import Options
from losslab.search.problem import Folds, Problem
from losslab.search.remedies import adjusted, balanced_rows, class_weights, wanted
from losslab.search.space import Configuration
from losslab.search.study import Study
from losslab.search.tune import finish
from losslab.spec.declare import CATALOGUE
from losslab.train.member import Member
from losslab.train.objective import objective_of

BCE = "binary_cross_entropy_with_logits"


def problem_of(y, X=None, metric="balanced_accuracy"):
    y = np.asarray(y)
    X = np.random.default_rng(1).normal(size=(len(y), 2)).astype(np.float32) if X is None else X
    table = load((X, y))
    return Problem(table, split(table, 0), get(metric, table.task), table.y)


def member_of(name, classes, fold=0, **params):
    return Member(0, objective_of(CATALOGUE[name], classes), params=params, fold=fold)


def test_class_weights_by_hand():
    problem = problem_of([0] * 12 + [1] * 6 + [2] * 16)
    rows = torch.tensor([0, 1, 2, 3, 4, 5, 12, 13, 18, 19, 20, 21])  # 6, 2 and 4 of the classes
    weights = class_weights(problem, rows)
    assert [round(float(weights[row]), 6) for row in (0, 12, 18)] == [round(12 / 18, 6), 2.0, 1.0]
    assert float(weights[rows].sum()) == pytest.approx(12)


def test_balanced_rows_by_hand():
    problem = problem_of([0] * 18 + [1] * 2 + [0] * 9 + [1] * 5)
    rows = torch.arange(3, 20)  # 15 and 2
    found = balanced_rows(problem, rows, 5)
    counts = Counter(found.tolist())
    assert len(found) == 17
    assert sum(counts[row] for row in (18, 19)) == 8
    assert sorted(counts[row] for row in (18, 19)) == [4, 4]
    assert max(counts[row] for row in range(3, 18)) == 1  # a large class is never repeated
    assert not torch.equal(found, balanced_rows(problem, rows, 6))
    assert torch.equal(found, balanced_rows(problem, rows, 5))


def test_rows_weighed_and_rows_drawn_follow_each_other():
    problem = problem_of([0] * 30 + [1] * 10)
    folds = Folds.of(problem, [torch.arange(0, 40, 2), torch.arange(20, 40)])
    both = remedies.remedied(folds, 0)
    weighed, drawn = both.training()[:2], both.training()[2:]
    assert [float(fold.weight[39]) for fold in weighed] == [20 / (2 * 5), 20 / (2 * 10)]
    assert [fold.weight for fold in drawn] == [None, None]
    assert [torch.bincount(problem.y_seen[fold.rows]).tolist() for fold in drawn] == [[10, 10], [10, 10]]
    assert set(drawn[1].rows.tolist()) <= set(range(20, 40))


@pytest.mark.parametrize("link", ["sigmoid", "softmax"])
def test_adjusting_a_calibrated_model_is_shifting_its_log_odds_by_the_log_prior(link):
    """1:20, normal columns, shift 1.5: the log odds of the balanced problem are known in closed form."""
    rng = np.random.default_rng(0)
    y = (np.arange(4200) % 21 == 0).astype(int)
    x = rng.normal(size=4200) + 1.5 * y
    problem = problem_of(y, x[:, None].astype(np.float32))
    folds = Folds.of(problem, [problem.split.train])
    share = float(problem.y_seen[problem.split.train].double().mean())
    even = torch.from_numpy(1.5 * x - 1.5**2 / 2)  # log odds of the two densities
    odds = even + np.log(share / (1 - share))
    output = odds[:, None] if link == "sigmoid" else torch.stack([torch.zeros_like(odds) + 3, odds + 3], 1)
    name = BCE if link == "sigmoid" else "cross_entropy"
    test, member = problem.split.test, member_of(name, 2)
    assert member.objective.link == link
    one = Retrained(Configuration(0, name), [member], [output], [output[test]])
    found = adjusted(folds, one)
    shifted = found.test[0].squeeze(-1) if link == "sigmoid" else found.test[0][:, 1] - found.test[0][:, 0]
    torch.testing.assert_close(shifted, even[test], rtol=0, atol=1e-9)
    value = problem.metric.value
    target = problem.table.y[test]
    assert value((shifted > 0).long()[None], target) > value((odds[test] > 0).long()[None], target) + 0.1


def test_half_of_it_and_a_weight_that_was_searched():
    problem = problem_of([0] * 30 + [1] * 10)
    folds = Folds.of(problem, [torch.arange(20, 40), torch.arange(40)])  # priors 1:1 and 3:1
    output = torch.tensor([0.5, -2.0])
    members = [member_of(BCE, 2, fold, pos_weight=weight) for fold, weight in ((0, 1.0), (1, 1.0), (1, 4.0))]
    one = Retrained(Configuration(0, BCE), members, [output] * 3, [output] * 3)
    found = torch.stack(adjusted(folds, one).test) - output
    log3, log4 = np.log(3), np.log(4)
    np.testing.assert_allclose(found[:, 0], [0, log3, log3 - log4], atol=1e-6)
    assert torch.equal(torch.stack(adjusted(folds, one).validation) - output, found)
    np.testing.assert_allclose(torch.stack(adjusted(folds, one, tau=0.5).test)[1] - output, log3 / 2, atol=1e-6)
    assert [float(row[0]) for row in one.test] == [0.5] * 3


def test_without_probabilities_there_is_nothing_to_shift():
    problem = problem_of([0] * 30 + [1] * 10)
    one = Retrained(Configuration(0, "multi_margin_loss"), [member_of("multi_margin_loss", 2)], [], [])
    assert adjusted(Folds.of(problem, [torch.arange(40)]), one) is None


def test_when_they_take_part():
    even, uneven = problem_of([0, 1] * 20), problem_of([0] * 75 + [1] * 25)
    rare = problem_of([0] * 80 + [1] * 20)
    plain, focal = ({name: CATALOGUE[name]} for name in ("cross_entropy", "focal_loss"))
    counting = {"balanced_softmax_loss": CATALOGUE["balanced_softmax_loss"]}
    assert not wanted(even, plain, named=True)
    assert not wanted(even, focal, named=False)  # it takes part by default
    assert wanted(even, focal, named=True)
    assert wanted(even, counting, named=True)
    assert not wanted(uneven, plain, named=False)  # exactly half of its even share
    assert wanted(rare, plain, named=False)
    assert not wanted(problem_of(np.linspace(0, 1, 40, dtype=np.float32), metric="rmse"), focal, named=True)


def rare(rows=240):
    rng = np.random.default_rng(3)
    y = (np.arange(rows) % 12 == 0).astype(int)
    return (rng.normal(size=(rows, 3)) + y[:, None]).astype(np.float32), y


def run(**more):
    options = Options(trials=8, epochs=2, runs=3, losses=["sigmoid_focal_loss"], engine="stacked", **more)
    table = load(rare())
    return finish(Study(table, get("balanced_accuracy", "binary"), "linear", options))


def test_their_lines_stand_below_and_change_no_other_number():
    full, without = run(), run(baselines=False)
    lines = {row.loss: row for row in full.table if row.role == "baseline"}
    for remedy in (remedies.WEIGHTS, remedies.SAMPLING, remedies.ADJUSTMENT):
        row = lines[f"{BCE} + {remedy}"]
        assert row.p_value is None
        assert len(row.runs) == 3
        assert row.difference_low <= row.difference <= row.difference_high
    own = [row for row in full.table if row.role != "baseline"]
    assert own == without.table
    assert full.verdict == without.verdict


def test_weights_of_one_train_the_default_itself(monkeypatch):
    monkeypatch.setattr(remedies, "class_weights", lambda problem, rows: torch.ones(len(problem.y_seen)))
    monkeypatch.setattr(remedies, "unweighted", lambda configuration: configuration)
    rows = {row.loss: row for row in run().table if row.role != "untuned"}
    assert rows[f"{BCE} + class weights"].runs == pytest.approx(rows[BCE].runs, abs=1e-6)
    assert rows[f"{BCE} + class weights"].secondary == pytest.approx(rows[BCE].secondary, abs=1e-4)
