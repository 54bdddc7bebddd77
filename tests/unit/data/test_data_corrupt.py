"""Spoiled targets: how many, which, and how far."""

import pytest
import torch

from losslab.data.corrupt import corrupt, corrupt_text

ROWS = torch.arange(100, 400)


def test_classes_become_another_class_at_the_rows_only():
    y = torch.arange(500) % 4
    spoiled = corrupt(y, ROWS, 0.3, 1, "multiclass", ("a", "b", "c", "d"))
    changed = (spoiled != y).nonzero().flatten()
    assert len(changed) == 90
    assert changed.min() >= 100
    assert changed.max() < 400
    assert set(spoiled.tolist()) == {0, 1, 2, 3}


def test_each_other_class_is_equally_likely():
    y = torch.full((9000,), 2)
    spoiled = corrupt(y, torch.arange(9000), 0.999, 0, "multiclass", 4)
    counts = torch.bincount(spoiled, minlength=4)
    assert counts[2] == 9
    assert counts[[0, 1, 3]].float().sub(2997).abs().max() < 200  # standard deviation 45


def test_binary_labels_flip():
    y = torch.tensor([0, 1] * 50)
    spoiled = corrupt(y, torch.arange(100), 0.2, 0, "binary", 2)
    assert (spoiled != y).sum() == 20
    assert set(spoiled.tolist()) == {0, 1}


def test_outliers_lie_five_to_ten_deviations_above_the_mean_of_the_rows():
    y = torch.randn(500) * 3 + 20
    y[400:] = 1e6  # not among the rows: must not count
    spoiled = corrupt(y, ROWS, 0.2, 4, "regression", ())
    changed = spoiled != y
    assert changed.sum() == 60
    assert not changed[:100].any()
    assert not changed[400:].any()
    distance = (spoiled[changed] - y[ROWS].mean()) / y[ROWS].std(correction=0)
    assert 5 <= distance.min() < 5.5
    assert 9.5 < distance.max() <= 10


def test_seeds_and_the_original():
    y = torch.randn(500)
    before = y.clone()
    first, again, other = (corrupt(y, ROWS, 0.1, seed, "regression", ()) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(y, before)
    assert torch.equal(corrupt(y, ROWS, 0, 3, "regression", ()), y)


def test_integer_rows_may_come_in_any_order():
    y = torch.arange(50) % 5
    spoiled = corrupt(y, torch.tensor([40, 3, 17]), 0.99, 0, "multiclass", 5)
    assert (spoiled != y).nonzero().flatten().tolist() == [3, 17, 40]


@pytest.mark.parametrize("share", [-0.1, 1.0, 20])
def test_a_share_that_is_none(share):
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        corrupt(torch.arange(9) % 3, torch.arange(9), share, 0, "multiclass", 3)


def test_words():
    assert corrupt_text(0.2, "regression").startswith("20 % of the training and validation targets")
    assert "another class" in corrupt_text(0.3, "binary")
