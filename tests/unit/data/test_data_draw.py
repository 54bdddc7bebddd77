"""Groups stay together, times follow each other, and what the parts have in common is said."""

import numpy as np
import pandas as pd
import pytest
import torch

from losslab.data.load import load
from losslab.data.parts import part_notes, row_keys
from losslab.data.split import split
from losslab.data.table import Split, Table

PARTS = ("train", "validation", "test")


def table_of(y, task="multiclass", **roles):
    roles = {name: torch.as_tensor(value) for name, value in roles.items()}
    X = torch.arange(2.0 * len(y)).reshape(-1, 2)
    return Table("t", X, torch.as_tensor(y), task, "", classes=tuple(map(str, range(int(max(y)) + 1))), **roles)


def rows_of(found):
    return [getattr(found, part).tolist() for part in PARTS]


@pytest.mark.parametrize("seed", range(4))
def test_groups_stay_together_and_classes_are_spread(seed):
    rng = np.random.default_rng(seed)
    groups = np.sort(rng.integers(0, 120, 900))
    y = (rng.random(900) < 0.05 + 0.3 * (groups % 4 == 0)).astype(np.int64)
    table = table_of(y, "binary", groups=groups)
    found = split(table, seed)
    rows = rows_of(found)
    assert sorted(row for part in rows for row in part) == list(range(900))
    owners = [set(groups[part]) for part in rows]
    assert len(set.union(*owners)) == sum(map(len, owners))
    assert [len(part) for part in rows] == pytest.approx([540, 180, 180], abs=6)
    assert [y[part].mean() for part in rows] == pytest.approx([y.mean()] * 3, abs=0.012)
    assert found.how == f"whole groups, stratified, seed {seed}"


def test_groups_depend_on_the_seed_alone():
    table = table_of(np.arange(300) % 3, groups=np.arange(300) // 5)
    assert rows_of(split(table, 1)) == rows_of(split(table, 1)) != rows_of(split(table, 2))
    values = table_of(np.arange(300) % 7 * 0.5, "regression", groups=np.arange(300) // 5)
    assert split(values, 2).how == "whole groups, random, seed 2"


def test_a_group_larger_than_a_part_is_said():
    """Of 100 rows one group has 60, and four have 10 each: the large one trains, two small ones are each other part."""
    table = table_of(np.arange(100) % 2, "binary", groups=np.minimum(np.arange(100) // 10, 4))
    found = split(table)
    assert list(map(len, rows_of(found))) == [60, 20, 20]
    assert part_notes(table, found)[:2] == [
        "groups: 1 in train, 2 in validation, 2 in test",
        "one group is 60 of 60 train rows",
    ]


def test_more_than_half_of_a_part_is_a_large_group():
    """8 of 15 training rows are of one group; 4 of 8 test rows are not more than half."""
    groups = np.array([0] * 8 + [1, 2, 3, 4, 5, 6, 7] + [8, 9, 10, 11] + [12] * 4 + [13, 14, 15, 16])
    parts = Split(*torch.arange(27).split([15, 4, 8]), how="")
    notes = part_notes(table_of(np.arange(27.0), "regression", groups=groups), parts)
    assert notes == ["groups: 8 in train, 4 in validation, 5 in test", "one group is 8 of 15 train rows"]


@pytest.mark.parametrize("seed", range(6))
def test_each_class_reaches_each_part_where_groups_allow(seed):
    """Class 2 stands in three small groups, class 3 in two: the training part has it."""
    groups = np.repeat(np.arange(40), 10)
    y = np.arange(400) % 2
    y[[5, 105, 305]] = 2
    y[[17, 217]] = 3
    found = split(table_of(y, groups=groups), seed)
    for part in rows_of(found):
        assert set(y[part]) >= {0, 1, 2}
    assert 3 in y[found.train.numpy()]
    assert 3 in y[found.validation.numpy()] or 3 in y[found.test.numpy()]


def test_a_class_in_one_group_is_trained_on_and_said():
    y = np.repeat([0, 1, 0, 1, 0, 2], 10)
    table = table_of(y, groups=np.arange(60) // 10)
    found = split(table)
    assert 2 in y[found.train.numpy()]
    notes = part_notes(table, found)
    for part in PARTS[1:]:
        assert any("no row of class" in note and f"'2' is in the {part} part" in note for note in notes)


def test_four_equal_groups_fill_three_parts_and_the_test_part_has_two():
    found = split(table_of(np.arange(60.0) % 7, "regression", groups=np.arange(60) % 4))
    assert list(map(len, rows_of(found))) == [15, 15, 30]
    with pytest.raises(ValueError, match="3 groups cannot fill 3 parts: each needs at least one, the last two"):
        split(table_of(np.arange(60.0), "regression", groups=np.arange(60) % 3))


def test_times_by_hand():
    """Ten rows, unsorted; rows of one time stay together: cuts after 6 and 8 rows move to where the time changes."""
    time = np.array([5.0, 1, 2, 2, 3, 9, 4, 4, 4, 8])
    found = split(table_of(np.arange(10.0), "regression", time=time))
    # in order: 1 2 2 3 4 4 4 | 5 | 8 9: the cut after 6 rows lies among the 4s, 7 is nearer than 4
    assert rows_of(found) == [[1, 2, 3, 4, 6, 7, 8], [0], [5, 9]]
    assert found.how == "by time"


def test_few_times():
    """Nearly all rows in the first time: each part has one all the same."""
    time = np.repeat([1.0, 2, 3], [58, 1, 1])
    found = split(table_of(np.arange(60.0), "regression", time=time))
    assert list(map(len, rows_of(found))) == [58, 1, 1]
    late = split(table_of(np.arange(60.0), "regression", time=np.sort(4 - time)))
    assert list(map(len, rows_of(late))) == [1, 1, 58]
    with pytest.raises(ValueError, match="2 different times cannot fill 3 parts"):
        split(table_of(np.arange(60.0), "regression", time=time.clip(max=2)))


def test_times_do_not_depend_on_the_seed_and_are_named():
    table = Table("t", torch.zeros(50, 1), torch.arange(50.0), "regression", "",
                  time=torch.arange(50.0).flip(0).double(), time_name="sold on")  # fmt: skip
    assert rows_of(split(table, 1)) == rows_of(split(table, 2))
    assert split(table).test.tolist() == list(range(10))
    assert split(table).how == "by time, sold on"
    assert any("no random sample" in note for note in part_notes(table, split(table)))


def test_a_given_test_part_and_times():
    own = Split(torch.arange(40), torch.tensor([], dtype=torch.int64), torch.arange(40, 50), "test as given")
    table = Table("t", torch.zeros(50, 1), torch.arange(50.0), "regression", "", split=own, time=torch.arange(50.0))
    found = split(table)
    assert found.validation.tolist() == list(range(30, 40))
    assert found.how == "test as given, the rest by time"


def test_groups_and_times_together_are_refused():
    with pytest.raises(ValueError, match="groups and times cannot both shape the parts"):
        split(table_of(np.arange(60.0), "regression", groups=np.arange(60), time=np.arange(60.0)))


def test_frequent_combinations_of_labels_are_spread():
    y = np.repeat([[1, 0, 0], [0, 1, 1], [1, 1, 1]], [60, 30, 10], axis=0).astype(np.float32)
    table = Table("t", torch.zeros(100, 1), torch.from_numpy(y), "multilabel", "")
    found = split(table, 4)
    for part, sizes in zip(rows_of(found), ((36, 18, 6), (12, 6, 2), (12, 6, 2)), strict=True):
        assert tuple(np.unique(y[part], axis=0, return_counts=True)[1]) == (sizes[1], sizes[0], sizes[2])
    assert found.how == "stratified, seed 4"


def test_rows_that_stand_in_two_parts_are_counted():
    table = table_of(np.arange(40.0) % 3, "regression")
    parts = split(table, 0)
    train, test = parts.train, parts.test
    table.X[test[:2]] = table.X[train[:2]]
    table.y[test[:2]] = table.y[train[:2]]
    table.X[test[2]] = table.X[train[2]]  # the same features, another target
    table.y[test[2]] = table.y[train[2]] + 1
    assert part_notes(table, parts) == ["2 of 8 test rows stand in the training part too"]


def test_keys_of_rows():
    X = np.array([[1.0, np.nan], [1, np.nan], [np.nan, 1], [1, 2], [2, 1], [-0.0, 0], [0, 0]], np.float32)
    keys = row_keys(X, np.array([0, 0, 0, 0, 0, 1, 1]))
    assert keys[0] == keys[1]
    assert keys[5] == keys[6]
    assert len(np.unique(keys)) == 5
    assert len(np.unique(row_keys(np.array([[1e-30], [2e-30], [0]])))) == 3
    grid = np.stack(np.meshgrid(np.arange(300.0), np.arange(300.0)), -1).reshape(-1, 2)
    assert len(np.unique(row_keys(grid))) == 90_000


def test_the_time_column_of_a_frame_is_named():
    frame = pd.DataFrame({"x": np.sin(np.arange(40.0)), "sold": pd.date_range("2024-01-01", periods=40)[::-1]})
    found = split(load(frame.assign(y=np.arange(40.0) * 0.3), target="y", time_column="sold"))
    assert found.how == "by time, sold"
    assert found.test.tolist() == list(range(8))
