"""The parts: sizes, disjoint, the same mix of classes, every class in every part."""

import numpy as np
import pytest
import torch

from losslab.data.load import load
from losslab.data.split import split
from losslab.data.table import Table


def table_of(y, task="multiclass"):
    return Table("t", torch.zeros(len(y), 2), torch.as_tensor(y), task, "")


def parts_of(found):
    return found.train, found.validation, found.test


@pytest.mark.parametrize(
    ("name", "sizes"), [("digits", (1078, 359, 360)), ("diabetes", (265, 88, 89)), ("iris", (90, 30, 30))]
)
def test_sizes_and_every_row_once(name, sizes):
    found = split(load(name))
    assert tuple(map(len, parts_of(found))) == sizes
    assert torch.cat(parts_of(found)).sort().values.tolist() == list(range(sum(sizes)))


def test_classes_have_their_share_to_within_a_row():
    y = np.repeat([0, 1, 2, 3], [400, 57, 31, 12])
    found = split(table_of(y), seed=3, fractions=(0.5, 0.3, 0.2))
    for part, share in zip(parts_of(found), (0.5, 0.3, 0.2), strict=True):
        counts = np.bincount(y[part.numpy()], minlength=4)
        assert np.all(np.abs(counts - share * np.array([400, 57, 31, 12])) <= 1)


def test_no_class_is_favoured_by_rounding():
    """Six classes of seven rows: 0.6 of 42 is 25, so one class has five training rows and the others four each."""
    y = np.arange(42) % 6
    found = split(table_of(y))
    assert sorted(np.bincount(y[found.train.numpy()]).tolist()) == [4, 4, 4, 4, 4, 5]


def test_a_small_class_beside_a_large_one_is_rounded_to_the_nearest():
    y = np.repeat([0, 1], [1000, 12])
    found = split(table_of(y), fractions=(0.7, 0.15, 0.15))
    assert [int((y[part.numpy()] == 1).sum()) for part in parts_of(found)] == [8, 2, 2]


@pytest.mark.parametrize("seed", range(5))
def test_small_classes_reach_every_part(seed):
    y = np.repeat([0, 1, 2, 3, 4], [40, 3, 3, 4, 3])
    found = split(table_of(y), seed=seed)
    assert tuple(map(len, parts_of(found))) == (32, 11, 10)
    for part in parts_of(found):
        assert set(y[part.numpy()]) == {0, 1, 2, 3, 4}


def test_many_equal_small_classes_reach_every_part():
    y = np.arange(500) % 100
    for part in parts_of(split(table_of(y))):
        assert set(y[part.numpy()]) == set(range(100))


def test_seeds():
    table = load("iris")
    first, again, other = split(table, 1), split(table, 1), split(table, 2)
    assert torch.equal(first.test, again.test)
    assert not torch.equal(first.test, other.test)
    assert first.how == "stratified, seed 1"


def test_regression_rows_are_drawn_evenly():
    y = torch.arange(50.0)
    hits = sum(torch.bincount(split(table_of(y, "regression"), seed).test, minlength=50) for seed in range(400))
    assert hits.sum() == 400 * 10
    assert hits.min() > 40  # 80 expected, standard deviation 8
    assert hits.max() < 120


def test_only_the_missing_part_is_drawn():
    table = load(
        (np.random.default_rng(0).normal(size=(40, 2)), np.arange(40.0)), validation=(np.ones((9, 2)), range(9))
    )
    found = split(table, seed=7)
    assert found.validation.tolist() == list(range(40, 49))
    assert (len(found.train), len(found.test)) == (30, 10)
    assert found.how == "validation as given, the rest random, seed 7"


@pytest.mark.parametrize("fractions", [(0.6, 0.4, 0.0), (0.6, 0.3, 0.2), (0.8, 0.2)])
def test_fractions_that_do_not_fit(fractions):
    with pytest.raises(ValueError, match="three positive numbers"):
        split(load("iris"), fractions=fractions)
