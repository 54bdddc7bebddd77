"""Retrainings and intervals draw whole groups, where there are some."""

import numpy as np
import pytest
import torch

from losslab.data.split import split
from losslab.data.table import Table
from losslab.metrics.registry import METRICS
from losslab.search.confirm import Confirmation
from losslab.search.problem import Folds, Problem
from losslab.search.reading import Reading, compare


def problem_of(groups, y=None, metric="rmse"):
    rng = np.random.default_rng(0)
    y = torch.from_numpy(rng.normal(size=400).astype(np.float32)) if y is None else y
    task = "regression" if y.dtype == torch.float32 else "binary"
    table = Table("t", torch.from_numpy(rng.normal(size=(400, 2)).astype(np.float32)), y, task, "",
                  classes=("no", "yes") if task == "binary" else (), groups=groups)  # fmt: skip
    return Problem(table, split(table), METRICS[metric], y)


def rows_of(problem, run):
    return Confirmation(problem, None, {}, {"mse_loss": None}, 3)._rows(run)


def test_retrainings_draw_nine_tenths_of_the_groups():
    problem = problem_of(torch.arange(400) // 5)
    groups, train = problem.table.groups, problem.split.train
    seen = []
    for run in range(5):
        rows = rows_of(problem, run)
        kept = set(groups[rows].tolist())
        assert len(kept) == round(0.9 * len(set(groups[train].tolist())))
        assert rows.tolist() == [row for row in train.tolist() if int(groups[row]) in kept]
        seen.append(frozenset(kept))
    assert len(set(seen)) == 5
    assert torch.equal(rows_of(problem, 1), rows_of(problem, 1))


def test_a_class_in_one_group_stays():
    y = torch.zeros(400, dtype=torch.int64)
    y[:5] = 1
    problem = problem_of(torch.arange(400) // 5, y, "accuracy")
    assert all(1 in problem.table.y[rows_of(problem, run)] for run in range(30))


def test_rows_without_groups_are_drawn_as_ever():
    problem = problem_of(None)
    assert len(rows_of(problem, 0)) == 216


@pytest.mark.parametrize("metric", ["rmse", "median_ae"])
def test_an_effect_that_groups_share_has_a_wider_interval(metric):
    """All rows of a group are off by the same: 40 groups of 10 rows tell as much as 40 rows do."""

    def width(groups):
        problem = problem_of(groups, metric=metric)
        test = problem.split.test
        target = problem.table.y[test].double()
        shift = torch.sin(1.0 + (test // 10) * 2.3) * 0.5
        runs = torch.linspace(0.99, 1.01, 4).unsqueeze(1)
        readings = [Reading("a", target + 0.3 * runs, runs[:, 0], runs[:, 0]),
                    Reading("b", target + 0.3 * runs + shift, runs[:, 0], runs[:, 0])]  # fmt: skip
        compare(Folds(problem, [], []), readings, [1])
        return readings[1].comparison.standard_error, len(set((test // 10).tolist())), len(test)

    alone, _, _ = width(None)
    together, groups, rows = width(torch.arange(400) // 10)
    assert together > 1.5 * alone
    assert rows == 10 * groups
