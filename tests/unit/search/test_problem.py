"""Configurations become members in units of what their own fold sees."""

import numpy as np
import pytest
import torch

from losslab.catalog import CATALOGUE
from losslab.data.load import load
from losslab.data.split import split
from losslab.metrics.registry import get
from losslab.search.problem import Folds, Problem
from losslab.search.space import Configuration


@pytest.fixture(scope="module")
def folds():
    table = load("diabetes")
    problem = Problem(table, split(table, 0), get("rmse", "regression"), table.y)
    train = problem.split.train
    return Folds.of(problem, [train[:150], train[100:]])


@pytest.mark.parametrize("fold", [0, 1])
def test_a_length_on_the_targets_axis_is_in_median_deviations_of_its_fold(folds, fold):
    y = folds.problem.table.y[folds.rows[fold]].double().numpy()
    seen = (y - y.mean()) / y.std()
    mad = np.median(np.abs(seen - np.median(seen)))
    assert mad < 0.95  # a factor that is left out must show
    configuration = Configuration(7, "huber_loss", {"delta": 2.5}, hyper={"lr": 0.01})
    member = folds.member(configuration, CATALOGUE["huber_loss"], number=3, seed=5, fold=fold, batch_size=32, epochs=9)
    assert member.params["delta"] == pytest.approx(2.5 * mad, rel=1e-5)
    assert (member.number, member.seed, member.fold, member.batch_size, member.epochs) == (3, 5, fold, 32, 9)


def test_a_number_without_a_unit_stays_and_searched_sizes_win(folds):
    configuration = Configuration(7, "quantile_loss", {"quantile": 0.3}, hyper={"lr": 0.01}, batch_size=16, epochs=4)
    member = folds.member(configuration, CATALOGUE["quantile_loss"], number=7, seed=0, fold=1, batch_size=32, epochs=9)
    assert member.params == {"quantile": 0.3}
    assert (member.batch_size, member.epochs) == (16, 4)


def test_predictions_come_back_in_the_targets_own_unit_of_each_fold(folds):
    configuration = Configuration(0, "mse_loss", {}, hyper={"lr": 0.01})
    members = [
        folds.member(configuration, CATALOGUE["mse_loss"], number=fold, seed=0, fold=fold, batch_size=32, epochs=9)
        for fold in (1, 0)
    ]
    read = folds.read(members, torch.tensor([[[0.0], [1.0]], [[0.0], [-2.0]]]), "value")
    for row, fold, steps in ((read[0], 1, (0, 1)), (read[1], 0, (0, -2))):
        y = folds.problem.table.y[folds.rows[fold]].double().numpy()
        assert row.tolist() == pytest.approx([y.mean() + step * y.std() for step in steps], rel=1e-5)
