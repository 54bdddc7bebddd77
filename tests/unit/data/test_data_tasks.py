"""Targets of several columns, counts, positive amounts and ordered classes: read, refused in words, scaled, spoiled."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from losslab.data.corrupt import corrupt
from losslab.data.load import load
from losslab.data.scale import own_unit, scale_target
from losslab.data.table import Prepared
from losslab.data.target import read_target
from losslab.search.space import in_target_unit
from losslab.train.lookup import find_loss

X = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)


def test_columns_of_yes_and_no_are_labels_and_others_numbers():
    both = np.stack([np.arange(60) % 2, np.arange(60) % 3 == 0], axis=1).astype(int)
    table = load((X, both))
    assert (table.task, table.targets, tuple(table.y.shape)) == ("multilabel", ("y0", "y1"), (60, 2))
    assert load((X, both * [1, 7])).task == "multioutput"
    assert load((X, both), task="multioutput").task == "multioutput"
    with pytest.raises(ValueError, match=r"wants 0 and 1; target column 'y1' holds 7 in row 0"):
        load((X, both * [1, 7]), task="multilabel")


def test_a_class_in_columns_is_refused_unless_meant():
    one_hot = np.eye(3, dtype=int)[np.arange(60) % 3]
    with pytest.raises(ValueError, match=r"exactly one 1.*y.argmax\(1\)"):
        load((X, one_hot))
    assert load((X, one_hot), task="multilabel").width == 3


@pytest.mark.parametrize(
    ("raw", "task", "words"),
    [
        (np.array([3.0, 0, -2, 4, -1]), "count", r"'y' is -2 in row 2.*in 2 rows"),
        (np.array([3.0, 1, 2.5, 4]), "count", r"'y' is 2.5 in row 2.*or use task 'positive'"),
        (np.array([3.0, 0.0, 2.5]), "positive", r"numbers above 0; the target 'y' is 0 in row 1"),
        (np.array(["low", "high", "mid"], object), "ordinal", r"order is not known.*pd.Categorical\(.*ordered=True"),
        (np.array([0, 1, 1, 0]), "ordinal", r"has 2: use task 'binary'"),
        (np.array([0.5, 1.5, 2.0]), "multioutput", r"wants several target columns; 'y' is one: use task 'regression'"),
        (np.array([[0, 1], [1, 0], [1, 1]]), "count", r"wants one target column, found 2"),
        (np.array([[0, 1.5], [0, 2.5], [0, 3.5]]), None, r"target column 'y0' is 0 in all 3 rows"),
        (np.array([["a", 1], ["b", 2]], object), None, r"target column 'y0' is text \(a, b\)"),
    ],
)
def test_what_is_no_such_target_is_said(raw, task, words):
    with pytest.raises(ValueError, match=words):
        read_target(raw, "y", task)


def test_the_order_of_classes_is_that_of_a_categorical_or_of_numbers():
    grades = pd.Categorical(["mid", "low", "high"] * 20, categories=["low", "mid", "top", "high"], ordered=True)
    table = load((X, pd.Series(grades, name="grade")))
    assert (table.task, table.classes) == ("ordinal", ("low", "mid", "high"))
    assert table.y[:3].tolist() == [1, 0, 2]
    assert "no row has top" in table.why_task
    numbers = load((X, np.array([10, 2, 7] * 20)), task="ordinal")
    assert (numbers.classes, numbers.y[:3].tolist()) == (("2", "7", "10"), [2, 0, 1])
    assert load((X, np.array([10, 2, 7] * 20))).task == "multiclass"  # never inferred from numbers


def test_targets_are_scaled_by_the_training_rows_of_their_column():
    y = torch.tensor([[1.0, 10.0], [3.0, 50.0], [8.0, 0.0]])
    found = scale_target(y, torch.tensor([0, 1]), "multioutput")
    assert found.mean.tolist() == [2.0, 30.0]
    assert found.scale.tolist() == [1.0, 20.0]
    assert found.y[2].tolist() == [6.0, -1.5]
    assert found.mad.tolist() == [1.0, 1.0]
    back = own_unit(found.y[None], Prepared(y, y, found.mean, found.scale))
    torch.testing.assert_close(back[0].float(), y)


def test_counts_are_divided_by_their_mean_and_predicted_from_the_smallest_on():
    y = torch.tensor([2.0, 6.0, 4.0, 40.0])
    found = scale_target(y, torch.tensor([0, 1, 2]), "count")
    assert (found.mean, found.scale, found.least, found.mad) == (0.0, 4.0, 2.0, 0.5)
    assert found.y.tolist() == [0.5, 1.5, 1.0, 10.0]
    prepared = Prepared(y, found.y, found.mean, found.scale, found.mad, y_least=found.least)
    assert own_unit(torch.tensor([-3.0, 0.25, 2.0]), prepared).tolist() == [2.0, 2.0, 8.0]
    assert scale_target(torch.tensor([0.0, 8.0]), torch.tensor([0, 1]), "count").least == 0.004


@pytest.mark.parametrize(("name", "power"), [("poisson_nll_loss", 1), ("gamma_nll_loss", 0), ("tweedie_loss", 0.5)])
def test_dividing_by_the_mean_changes_a_loss_with_a_log_link_by_a_factor(name, power):
    """So it favours none: in log m the slopes are those on the target as it is, divided by mean^power."""
    y = torch.tensor([1.0, 4.0, 7.0])
    scaled = scale_target(y, torch.arange(3), "positive")
    assert scaled.scale == 4.0
    log_m = torch.tensor([0.3, -0.4, 1.1], requires_grad=True)
    loss = find_loss(name, "positive").form
    (own,) = torch.autograd.grad(loss(log_m + math.log(4.0), y), log_m)
    (seen,) = torch.autograd.grad(loss(log_m, scaled.y), log_m)
    torch.testing.assert_close(seen, own / 4.0**power, rtol=1e-5, atol=1e-7)


def test_a_dispersion_is_one_over_the_unit_of_the_target():
    """The negative binomial on y / 4 with dispersion 2 is, in its slopes, that on y with 1/2; divided by 4."""
    y, record = torch.tensor([1.0, 4.0, 7.0]), find_loss("negative_binomial_nll_loss", "count")
    assert in_target_unit({"dispersion": 2.0}, record, 0.3, 4.0) == {"dispersion": 0.5}
    log_m = torch.tensor([0.3, -0.4, 1.1], requires_grad=True)
    (own,) = torch.autograd.grad(record.form(log_m + math.log(4.0), y, dispersion=0.5), log_m)
    (seen,) = torch.autograd.grad(record.form(log_m, y / 4, dispersion=2.0), log_m)
    torch.testing.assert_close(seen, own / 4, rtol=1e-5, atol=1e-7)


def test_labels_turn_around_and_grades_go_one_up_or_down():
    rows, labels = torch.arange(40), (torch.rand(40, 3) < 0.4).float()
    changed = corrupt(labels, rows, 0.25, 0, "multilabel", ())
    assert ((changed != labels).sum(1) == 3).sum() == 10
    grades = torch.arange(40) % 4
    moved = corrupt(grades, rows, 0.5, 0, "ordinal", 4) - grades
    assert moved.abs().sum() == 20
    assert moved.abs().max() == 1
    counts = corrupt(torch.arange(40.0), rows, 0.1, 0, "count", ())
    assert (counts == counts.round()).all()
    assert (counts > 39).sum() == 4
