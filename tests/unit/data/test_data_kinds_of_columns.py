"""Columns as files, pandas, Arrow and polars hold them: the same values, the same numbers."""

import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from losslab.data.columns import encode
from losslab.data.frame import looks_written, read_days

ROME, TOKYO = ZoneInfo("Europe/Rome"), ZoneInfo("Asia/Tokyo")


def encoded(values):
    X, encoding, notes = encode(pd.DataFrame({"c": values, "other": np.arange(len(values)) % 7 * 0.5}))
    return X[:, :-1], encoding, notes


def again(encoding, values):
    notes = []
    return encoding.apply(pd.DataFrame({"c": values, "other": 0.5}), notes)[:, :-1], notes


@pytest.mark.parametrize(
    ("values", "kind", "wanted"),
    [
        (pd.array([True, None, False], dtype="bool[pyarrow]"), "number", [1, np.nan, 0]),
        (pd.array([True, None, False], dtype="boolean"), "number", [1, np.nan, 0]),
        (pd.array([7, None, 2], dtype="int32[pyarrow]"), "number", [7, np.nan, 2]),
        (pd.array([pd.Timedelta("36h"), None, pd.Timedelta("6h")], dtype="duration[us][pyarrow]"), "duration",
         [1.5, np.nan, 0.25]),
        (pd.array([datetime.date(2024, 1, 2), None, datetime.date(2024, 1, 5)], dtype="date32[pyarrow]"), "date",
         [0, np.nan, 3]),
        (pd.array([pd.Timestamp("2024-01-01 21:00Z"), None, pd.Timestamp("2024-01-02 15:00Z")],
                  dtype=pd.ArrowDtype(pa.timestamp("us", "Asia/Tokyo"))), "date", [0.25, np.nan, 1]),
    ],
)  # fmt: skip
def test_kinds_of_arrow(values, kind, wanted):
    X, encoding, _ = encoded(values)
    assert encoding.columns[0].kind == kind
    assert X[:, 0].tolist() == pytest.approx(wanted, nan_ok=True)


def test_blank_text_is_missing_as_in_a_file():
    X, encoding, _ = encoded(["x", "", " ", "y", None])
    assert encoding.columns[0].made == ("c=x", "c=y", "c missing")
    assert X.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 1, 0], [0, 0, 1]]
    assert "column c is empty: not used" in encoded(["", " ", ""])[2]
    X, encoding, _ = encoded(["1", " ", "2.5"])
    assert X[:, 0].tolist() == pytest.approx([1, np.nan, 2.5], nan_ok=True)
    assert np.isnan(again(encoding, ["", "4"])[0][0])
    X, encoding, _ = encoded(["2024-01-02", "", "2024-01-04"])
    assert X[:, 0].tolist() == pytest.approx([0, np.nan, 2], nan_ok=True)
    assert np.isnan(again(encoding, [" ", "2024-01-09"])[0][0, 0])


@pytest.mark.parametrize(("trained", "given"), [("true", "True"), ("TRUE", "True"), ("True", "true"), ("7", "7.0")])
def test_a_value_written_otherwise_is_known(trained, given):
    _, encoding, _ = encoded([trained, "other", trained])
    found, notes = again(encoding, [given, "other"])
    place = encoding.columns[0].levels.index(trained)
    assert found[:, place].tolist() == [1, 0]
    assert notes == []


def test_a_gap_that_training_did_not_have_is_said():
    _, encoding, _ = encoded(["a", "b", "a"])
    found, notes = again(encoding, [None, "b", ""])
    assert found.tolist() == [[0, 0], [0, 1], [0, 0]]
    assert notes == ["column c: 2 values missing, and never so in training: none of the known ones"]
    _, encoding, _ = encoded(["a", None, "b"])
    assert again(encoding, [None, "b"])[1] == []


def test_dates_with_zones_of_their_own_count_by_the_clock_on_the_wall():
    dates = [datetime.datetime(2024, 1, 2, 6, tzinfo=ROME), datetime.datetime(2024, 7, 2, 18, tzinfo=TOKYO), None]
    X, encoding, _ = encoded(pd.Series(dates, dtype=object))
    assert X[:, 0].tolist() == pytest.approx([0.25, 182.75, np.nan], nan_ok=True)
    assert np.array_equal(again(encoding, pd.Series(dates[1:], dtype=object))[0], X[1:], equal_nan=True)


def test_dates_and_their_text_are_read_alike():
    """A column of dates with summer time, then as a CSV file holds it; and dates where text was trained on."""
    dates = pd.to_datetime(["2024-01-02 03:00", "2024-07-02 09:30"]).tz_localize("Europe/Rome")
    X, encoding, _ = encoded(dates)
    found, _ = again(encoding, ["2024-01-02 03:00:00+01:00", "2024-07-02 09:30:00+02:00"])
    assert np.array_equal(found, X)
    assert np.array_equal(again(encoding, ["2024-01-02T03:00:00.000Z", "2024-07-02 09:30"])[0], X)
    with pytest.raises(ValueError, match="column c: 'later' in row 1"):
        again(encoding, ["2024-01-02", "later"])
    X, encoding, _ = encoded(["31/12/2023", "01/02/2024"])
    assert np.array_equal(again(encoding, pd.to_datetime(["2023-12-31", "2024-02-01"]))[0], X)


def test_text_is_read_as_utc():
    values = pd.Series(["2024-01-02 03:00+01:00", "2024-01-02 02:00Z"])
    assert read_days(values, "ISO8601")[0].tolist() == [19724 + 2 / 24] * 2
    dates = pd.Series([datetime.datetime(2024, 1, 2, 3, tzinfo=ROME), datetime.datetime(2024, 1, 2, 11, tzinfo=TOKYO)])
    assert read_days(dates.astype(object), "ISO8601")[0].tolist() == [19724 + 2 / 24] * 2


@pytest.mark.parametrize(
    ("words", "written"),
    [
        (["1,234", "5", "1,000,001.5"], True), (["12%", "7.5 %"], True), (["$3", "€ 1'200"], True),
        (["12 kg", "3 kg"], False), (["1.2.3", "4.5.6"], False), ([], False), (["low", "1,234"], False),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them_are_told(words, written):
    assert looks_written(words) == written


@pytest.mark.parametrize(
    ("words", "sign"),
    [(["12", "1,234"] * 9, "1,234"), (["12%", "7.5 %"] * 9, "12%"), ([*"?????", *map(str, range(20))], "?")],
)
def test_why_numbers_are_taken_as_text_is_said(words, sign):
    wanted = f"column c looks like numbers, but holds text (first: {sign!r}): write 1234.5, and nothing for none"
    assert any(wanted in note for note in encoded(words)[2])


def test_lists_in_cells_are_refused_as_in_files():
    with pytest.raises(ValueError, match=r"a cell must hold one value.*: c \(list\)"):
        encoded(pd.Series([None, [1], [2, 3]], dtype=object))


def test_what_32_bits_cannot_tell_apart_is_not_used():
    _, encoding, notes = encoded([2.0**60, 2.0**60 + 4096, 2.0**60 + 8192])
    assert encoding.names == ("other",)
    assert "column c varies too little around 1.15292e+18 for 32-bit numbers (subtract that): not used" in notes


def test_a_word_among_dates_is_a_gap_and_objects_may_be_no_dates():
    days = [f"2024-01-{day:02}" for day in range(1, 29)]
    X, encoding, notes = encoded([*days, "?"])
    assert encoding.columns[0].kind == "date"
    assert X[:, 0].tolist() == pytest.approx([*range(28), np.nan], nan_ok=True)
    assert "column c: 1 value is no date (first: '?' in row 28) and counts as missing" in notes
    assert encoded(pd.Series(["a", 1, 2.5, None], dtype=object))[1].columns[0].made == (
        "c=1", "c=2.5", "c=a", "c missing",
    )  # fmt: skip


def test_categories_of_numbers_are_categories():
    _, encoding, notes = encoded(pd.Categorical([10, 20, 10, None]))
    assert encoding.columns[0].made == ("c=10", "c=20", "c missing")
    assert not any("looks like" in note for note in notes)
