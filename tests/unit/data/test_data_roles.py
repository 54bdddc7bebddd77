"""What columns are for: targets, groups, weights, times, and what is left out."""

import datetime
import hashlib

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from losslab.data.load import load

ROWS = 60


@pytest.fixture
def frame():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"age": rng.normal(40, 9, ROWS), "id": [f"n{i}" for i in range(ROWS)]})
    table["town"] = [["Oslo", "Rome", "Bari"][i % 3] for i in range(ROWS)]
    table["counts"] = np.arange(ROWS) / 4
    table["day"] = pd.date_range("1970-01-02", periods=ROWS)
    return table.assign(price=rng.normal(size=ROWS), rain=np.arange(ROWS) % 2, snow=np.arange(ROWS) // 2 % 2)


def test_columns_with_a_role_are_no_features(frame):
    table = load(
        frame, target="price", drop=["id", "rain", "snow"], group="town", weight="counts", time_column="day"
    )  # fmt: skip
    assert table.columns == ("age",)
    assert table.groups.tolist() == [0, 1, 2] * 20
    assert table.weight.dtype == torch.float32
    assert table.weight[:5].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert table.time[:3].tolist() == [86_400, 2 * 86_400, 3 * 86_400]
    assert any("weights from 0 to 14.75, 1 row of them 0" in note for note in table.notes)


def test_only_parts_that_are_drawn_keep_groups_whole(frame):
    whole = load(frame, target="price", group="town", drop="id")
    assert "3 groups: all rows of a group are in the same part" in whole.notes
    frame["part"] = ["train", "validation", "test"] * 20
    given = load(frame, target="price", group="town", drop="id", split_column="part")
    assert "3 groups" in given.notes


def test_the_checksum_is_of_all_that_a_study_reads(frame):
    def checksum(**roles):
        return load((frame[["age"]].to_numpy(), frame["price"]), **roles).checksum

    table = load((frame[["age"]].to_numpy(), frame["price"]))
    plain = hashlib.sha256(table.X.numpy().tobytes() + table.y.numpy().tobytes()).hexdigest()[:12]
    ones, twos = np.ones(ROWS), np.r_[2, np.ones(ROWS - 1)]
    numbers = [checksum(**{role: v}) for role in ("group", "weight", "time_column") for v in (twos, twos[::-1])]
    assert len({checksum(), *numbers}) == 7
    assert checksum() == plain
    assert checksum(weight=ones) == checksum(weight=ones.tolist()) != plain


def test_columns_may_be_called_by_numbers():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(ROWS, 6)))
    frame[3], frame[4] = np.arange(ROWS) % 7, np.arange(ROWS) + 1
    table = load(frame, target=0, drop=2, group=3, weight=np.int64(4), time_column=None)
    assert table.columns == ("1", "5")
    assert torch.equal(table.y, torch.tensor(frame[0].to_numpy(np.float32)))
    assert table.groups[:9].tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 1]
    assert table.weight[:3].tolist() == [1, 2, 3]
    assert load(frame, target=[0, 1]).targets == ("0", "1")


def test_values_stand_for_columns(frame):
    pair = (frame[["age"]], frame["price"])
    named = load(frame[["age", "price", "town", "counts"]], target="price", group="town", weight="counts")
    given = load(pair, group=frame["town"].tolist(), weight=torch.tensor(frame["counts"]))
    arrays = load((frame[["age"]].to_numpy(), frame["price"]), group=frame["town"], time_column=pl.Series(range(ROWS)))
    assert torch.equal(named.groups, given.groups)
    assert torch.equal(named.weight, given.weight)
    assert torch.equal(named.groups, arrays.groups)
    assert arrays.time[:3].tolist() == [0, 1, 2]
    from_pair = load((frame[["age", "town", "id"]], frame["price"]), group="town", drop="id")
    assert (from_pair.columns, from_pair.groups.tolist()) == (("age",), named.groups.tolist())


@pytest.mark.parametrize("target", ["rain,snow", ["rain", "snow"], "rain, snow", ("rain", "snow")])
def test_several_targets(frame, target):
    table = load(frame, target=target, drop="id,day")
    assert (table.task, table.targets) == ("multilabel", ("rain", "snow"))
    assert table.y[:4].tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]
    assert not set(table.targets) & set(table.columns)


def test_a_column_called_with_a_comma_is_one_column(frame):
    table = load(frame.rename(columns={"price": "rain,snow"}), target="rain,snow", drop="id,day,rain")
    assert (table.task, table.target) == ("regression", "rain,snow")


@pytest.mark.parametrize(
    ("values", "first", "last"),
    [
        ([str(i) for i in range(ROWS)], 0, 59),
        ([f"2024-01-01 00:00:{i:02}" for i in range(ROWS)], 1_704_067_200, 1_704_067_259),
        ([f"{1 + i % 28:02}.{1 + i // 28:02}.1970" for i in range(ROWS)], 0, 62 * 86_400),  # 4 March
        ([datetime.date(1970, 1, 1) + datetime.timedelta(i) for i in range(ROWS)], 0, 59 * 86_400),
        (pd.date_range("1970-01-01 01:00", periods=ROWS, tz="Europe/Rome"), 0, 59 * 86_400),
        (pd.to_timedelta(range(ROWS), unit="h"), 0, 59 * 3600),
        (-np.arange(ROWS) / 2, 0, -29.5),
    ],
)
def test_times(frame, values, first, last):
    time = load(frame.assign(day=values), target="price", time_column="day").time
    assert time.dtype == torch.float64
    assert (time[0].item(), time[-1].item()) == (first, last)


def _with(value, place=7, of=ROWS):
    return [value if i == place else float(i + 1) for i in range(of)]


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({}, {"group": "twon"}, ["no column 'twon'", "nearest: town"]),
        ({}, {"weight": "count"}, ["no column 'count'", "nearest: counts"]),
        ({}, {"drop": ["id", "wage"]}, ["no column 'wage'", "nearest: age"]),
        ({}, {"target": "rain,snwo"}, ["no column 'snwo'", "nearest: snow"]),
        ({}, {"target": ["price", "rain"], "drop": "rain"}, ["'rain' cannot be both the target 'rain' and a dropped"]),
        ({}, {"group": "day", "time_column": "day"}, ["'day' cannot be both the group column and the time column"]),
        ({}, {"drop": ["age", "id", "town", "counts", "day", "rain", "snow"]}, ["to learn from; columns: age, id"]),
        ({"counts": _with(-2.0)}, {"weight": "counts"}, ["'counts' is negative in 1 row", "-2.0 in row 7"]),
        ({"counts": _with(np.nan)}, {"weight": "counts"}, ["missing or no number in 1 row", "row 7"]),
        ({"counts": _with(np.inf)}, {"weight": "counts"}, ["not finite in 1 row", "row 7"]),
        ({"counts": 0}, {"weight": "counts"}, ["'counts' is 0 in all rows"]),
        ({"town": _with(None)}, {"group": "town"}, ["'town' is missing in 1 row", "row 7", "might belong to any"]),
        ({"day": _with(np.nan)}, {"time_column": "day"}, ["'day' is missing in 1 row", "row 7"]),
        ({"day": _with(np.inf)}, {"time_column": "day"}, ["'day' is infinite in 1 row", "row 7"]),
        ({}, {"time_column": "town"}, ["'town' is no date and no number in 60 rows", "'Oslo' in row 0"]),
        ({"day": "03/04/2024"}, {"time_column": "day"}, ["day and month are in doubt", "2024-12-31"]),
        ({}, {"weight": [1.0] * 59}, ["weight= has shape (59,)", "60 rows"]),
    ],
)  # fmt: skip
def test_what_cannot_be_a_role_is_named(frame, change, options, words):
    with pytest.raises(ValueError, match=r".") as error:
        load(frame.assign(**change), **{"target": "price", **options})
    for word in words:
        assert word in str(error.value)


def test_parts_in_other_files_have_their_own_roles(frame, tmp_path):
    frame[:50].to_parquet(tmp_path / "a.parquet")
    frame[50:].to_csv(tmp_path / "b.csv", index=False)
    table = load(
        tmp_path / "a.parquet", test=tmp_path / "b.csv", target="price", drop="id,day", group="town", weight="counts"
    )
    whole = load(frame, target="price", drop="id,day", group="town", weight="counts")
    assert torch.equal(table.X, whole.X)
    assert table.groups.tolist() == whole.groups.tolist()
    assert table.weight[-1] == 14.75
    assert table.split.test.tolist() == list(range(50, 60))
    with pytest.raises(ValueError, match=r"b\.csv: no column 'towns'"):
        load(frame.rename(columns={"town": "towns"}), test=tmp_path / "b.csv", target="price", group="towns")
    with pytest.raises(ValueError, match="name columns"):
        load(frame, test=tmp_path / "b.csv", target="price", group=frame["town"])
