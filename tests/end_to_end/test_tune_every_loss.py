"""Every loss that is not marked otherwise is tuned once, from data to a row of the table, on a task that it fits."""

import math

import numpy as np
import pytest

import losslab
from losslab.catalog import CATALOGUE
from losslab.train.lookup import is_raw

TASKS = ("regression", "binary", "multiclass", "multilabel", "multioutput", "count", "positive", "ordinal")


def data(task):
    """Positive real targets, so that losses for positive numbers fit too, or classes by the first column."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(240, 4)).astype(np.float32)
    noise = 0.3 * rng.normal(size=240)
    if task in ("regression", "positive"):
        return X, np.exp(0.3 * X[:, 0] + noise).astype(np.float32)
    if task == "count":
        return X, rng.poisson(np.exp(1 + 0.5 * X[:, 0]))
    if task == "multilabel":
        return X, (X[:, :3] + noise[:, None] > [-0.5, 0.0, 0.5]).astype(int)
    if task == "multioutput":
        return X, X[:, :2] * [1.0, 100.0] + noise[:, None]
    return X, np.digitize(X[:, 0] + noise, [0.0] if task == "binary" else [-0.5, 0.5])


def tunable(task):
    return list(CATALOGUE.filter(task=task, tunable=True).values())


@pytest.mark.parametrize("task", TASKS)
def test_every_tunable_loss_is_tuned(task):
    raw = [record for record in tunable(task) if is_raw(record)]
    names = [record.name for record in raw]
    result = losslab.tune("linear", data(task), task=task, losses=names, trials=2 * len(raw), epochs=2, runs=2)
    rows = {row.loss: row for row in result.table if row.role == "loss"}
    groups = {record.group for record in raw}
    assert {CATALOGUE[name].group for name in rows} == groups
    for name, row in rows.items():
        assert math.isfinite(row.validation), name
        assert set(row.params) == {*CATALOGUE[name].parameters, *CATALOGUE[name].per_class}, name


@pytest.mark.parametrize("task", TASKS)
def test_what_reads_no_raw_outputs_has_a_spelling_that_does(task):
    groups = {record.group for record in tunable(task) if is_raw(record)}
    for record in tunable(task):
        assert record.group in groups, f"{record.name} is neither tunable nor marked with what it needs"


def test_every_loss_is_tunable_or_says_what_it_needs():
    for record in CATALOGUE.values():
        assert record.untunable or set(record.tasks) <= set(TASKS), record.name
        assert set(record.tunable_as) <= set(record.tasks), record.name
