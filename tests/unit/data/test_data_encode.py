"""Columns become numbers in the same way for new rows as for those of training."""

import datetime
import json

import numpy as np
import pandas as pd
import pytest
import torch

from losslab.data.columns import MAX_CODES, encode
from losslab.data.encode import Encoding
from losslab.data.load import load


def column_of(values, name="c"):
    """The one column's block, its names, and the notes."""
    X, encoding, notes = encode(pd.DataFrame({name: values, "other": np.arange(len(values)) % 7 * 0.5}))
    return X[:, :-1], encoding.names[:-1], notes


@pytest.fixture
def frame():
    """Every kind of column, 60 rows."""
    rng = np.random.default_rng(3)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(60) * 30, unit="h")
    frame = pd.DataFrame({
        "size": rng.normal(size=60), "city": ["Rome", "Oslo", None] * 20, "zip": [f"z{i % 25}" for i in range(60)],
        "when": days, "text": days.strftime("%d/%m/%Y %H:%M"), "wait": pd.to_timedelta(np.arange(60) % 9, unit="h"),
        "yes": [True, False, False] * 20, "mark": [*["?"] * 2, *map(str, range(58))],
    })  # fmt: skip
    frame.loc[7, ["size", "when"]] = None
    return frame


def test_the_same_rows_give_the_same_numbers_in_any_order_of_columns(frame):
    X, encoding, _ = encode(frame)
    again = Encoding.from_json(json.loads(json.dumps(encoding.to_json())))
    assert again == encoding
    notes = []
    found = again.apply(frame[list(reversed(frame.columns))].assign(more=1).iloc[::-1], notes)
    assert found.dtype == np.float32
    assert np.array_equal(found, X[::-1], equal_nan=True)
    assert notes == ["not used by the model and left out: more"]


def test_one_row_alone_is_encoded_as_among_others(frame):
    X, encoding, _ = encode(frame)
    for row in (0, 7, 31):
        assert np.array_equal(encoding.apply(frame.iloc[[row]]), X[[row]], equal_nan=True)


def test_dates_by_hand():
    days = ["2024-03-01 06:00", "2024-03-04 18:00", None, "2024-06-05 00:00"]
    for values in (pd.to_datetime(days), days, [None if day is None else day + "+00:00" for day in days]):
        block, names, _ = column_of(values)
        assert names == (
            "c days",
            *(f"c {part} {wave}" for part in ("month", "weekday", "hour") for wave in ("sin", "cos")),
        )
        assert block[:, 0].tolist() == pytest.approx([0.25, 3.75, np.nan, 96], nan_ok=True)
        # March is the month 2 of 0 to 11: 60 degrees; June 5: 150 degrees
        assert block[[0, 3], 1].tolist() == pytest.approx([0.8660254, 0.5])
        assert block[[0, 3], 2].tolist() == pytest.approx([0.5, -0.8660254])
        # 2024-03-01 was a Friday (4 of 7), 2024-03-04 a Monday (0)
        assert block[:2, 3].tolist() == pytest.approx([np.sin(8 * np.pi / 7), 0])
        assert block[:2, 4].tolist() == pytest.approx([np.cos(8 * np.pi / 7), 1])
        assert block[[0, 1, 3], 5].tolist() == pytest.approx([1, -1, 0], abs=1e-7)  # 6, 18 and 0 o'clock
        assert block[2, 1:].tolist() == [0] * 6


def test_cycles_that_do_not_vary_are_left_out():
    block, names, notes = column_of(["2024-01-01", "2024-01-08", "2024-01-15"] * 9)
    assert names == ("c days",)
    assert block[:3, 0].tolist() == [0, 7, 14]
    assert "dates, as days from the first, and the place in: c (nothing else)" in notes


@pytest.mark.parametrize(
    ("values", "days"),
    [
        (["31/01/2024", "01/02/2024", "02/02/2024"], [0, 1, 2]),
        (["01/31/2024", "02/01/2024", "02/02/2024"], [0, 1, 2]),
        (["1.2.2024", "2.2.2024", "1.3.2024"], [0, 1, 29]),
        ([datetime.date(2024, 1, 2), None, datetime.date(2024, 1, 5)], [0, np.nan, 3]),
        (pd.to_datetime(["2024-01-02 00:30", "2024-01-03 00:30"]).tz_localize("Asia/Tokyo"), [0.0208333, 1.0208333]),
        (pd.period_range("2024-01", periods=3, freq="M"), [0, 31, 60]),
    ],
)
def test_how_dates_are_written(values, days):
    assert column_of(values)[0][:, 0].tolist() == pytest.approx(days, nan_ok=True, rel=1e-5)


def test_day_and_month_in_doubt_are_said():
    values = ["01/02/2024", "03/04/2024", "05/06/2023"] * 9
    _, names, notes = column_of(values)
    assert names[0] == "c=01/02/2024"
    assert "column c looks like dates, but day and month are in doubt: write 2026-12-31" in notes


def test_durations_are_days():
    assert column_of(pd.to_timedelta([36, None, -12], unit="h"))[0][:, 0].tolist() == pytest.approx(
        [1.5, np.nan, -0.5], nan_ok=True
    )


def test_codes_by_hand():
    """Most frequent first, equals in the order of their letters; what is met once, unknown or missing is 0."""
    words = [f"w{i:02}" for i in range(21)]
    values = [*words * 2, "w05", "w05", "w03", "once", None]
    X, encoding, notes = encode(pd.DataFrame({"a": np.arange(len(values)) / 3, "c": values}))
    assert encoding.levels == {1: 22}
    assert encoding.columns[1].levels[:4] == ("w05", "w03", "w00", "w01")
    assert X[:4, 1].tolist() == [3, 4, 5, 2]
    assert X[-5:, 1].tolist() == [1, 1, 2, 0, 0]
    assert any("c (22)" in note for note in notes)
    said = []
    new = pd.DataFrame({"c": ["w03", "new", None, "new"], "a": [0.0, 1, 2, 3]})
    assert encoding.apply(new, said)[:, 1].tolist() == [2, 0, 0, 0]
    assert said == ["column c: 2 values that the model does not know (new): the code for others"]


def test_too_many_categories_are_not_used():
    values = [f"v{i % (MAX_CODES + 1)}" for i in range(2 * MAX_CODES + 2)]
    _, names, notes = column_of(values)
    assert names == ()
    assert "column c: 1,001 categories, more than 1,000: not used" in notes


def test_an_unknown_word_has_no_column_and_numbers_read_as_fractions_are_words():
    _, encoding, _ = encode(pd.DataFrame({"a": [0.5, 1, 2] * 3, "k": ["7", "8", "x"] * 3}))
    notes = []
    found = encoding.apply(pd.DataFrame({"a": [1, 1, 1, 1], "k": [7.0, 8.0, 9.0, np.nan]}), notes)
    assert found[:, 1:].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert notes == [
        "column k: 1 value that the model does not know (9.0): none of the known ones",
        "column k: 1 value missing, and never so in training: none of the known ones",
    ]


def test_a_boolean_column_with_gaps_in_new_rows():
    _, encoding, _ = encode(pd.DataFrame({"a": [True, False, True], "b": [1.5, 2, 4]}))
    found = encoding.apply(pd.DataFrame({"a": [True, None, False], "b": [1, 2, 3]}))
    assert found[:, 0].tolist() == pytest.approx([1, np.nan, 0], nan_ok=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size": "big"}, ["column size", "'big' in row 0", "no number"]),
        ({"mark": [*range(59), "!"]}, ["column mark", "'!' in row 59", "no number"]),
        ({"text": ["2024-01-05"] * 60}, ["column text", "'2024-01-05' in row 0", "no date such as %d/%m/%Y %H:%M"]),
        ({"wait": "long"}, ["column wait", "no durations"]),
        ({"size": [*[0.0] * 4, np.inf, *[1e39] * 55]}, ["column size", "row 4", "infinite"]),
    ],
)
def test_columns_of_another_kind_are_named(frame, change, words):
    _, encoding, _ = encode(frame)
    with pytest.raises(ValueError, match=r".") as error:
        encoding.apply(frame.assign(**change))
    for word in words:
        assert word in str(error.value)


def test_a_column_that_is_not_there(frame):
    _, encoding, _ = encode(frame)
    with pytest.raises(ValueError, match="no column 'city', which the model was trained on; nearest: cities"):
        encoding.apply(frame.rename(columns={"city": "cities"}))


def test_what_counted_as_missing_in_training_does_so_again(frame):
    X, encoding, notes = encode(frame.drop(columns="text"))
    assert "column mark: 2 values are no number (first: '?' in row 0) and count as missing" in notes
    place = encoding.names.index("mark")
    assert np.isnan(X[:2, place]).all()
    assert np.isnan(encoding.apply(frame.assign(mark=["?"] * 59 + ["4"]))[:-1, place]).all()


def test_constant_and_repeated_columns_are_left_out_and_named(frame):
    more = frame.assign(one=1.0, same=frame["size"], town=frame["city"], only="x", gaps=[None, *[2.0] * 59])
    _, encoding, notes = encode(more)
    assert encoding.names == (*encode(frame)[1].names, "gaps")
    assert encoding.ignored == ("one", "same", "town", "only")
    for note in ("column one is the same in each row: not used", "column only is the same in each row: not used",
                 "column same says the same as column size in each row: not used",
                 "column town says the same as column city in each row: not used"):  # fmt: skip
        assert note in notes
    with pytest.raises(ValueError, match="no column is left"):
        encode(frame[["size"]].assign(size=2))


@pytest.mark.parametrize("values", [np.arange(40), np.random.default_rng(0).permutation(40) + 7])
def test_a_column_that_counts_the_rows(values):
    _, names, notes = column_of(values)
    assert names == ("c",)
    assert any("column c counts the rows" in note for note in notes)
    assert not any("counts" in note for note in column_of(values * 2)[2])


def test_two_columns_of_one_name():
    with pytest.raises(ValueError, match="two columns are called '1'"):
        encode(pd.DataFrame([[1, 2], [3, 4]], columns=[1, "1"]))


def test_a_table_knows_its_encoding(frame):
    table = load(frame.assign(y=np.arange(60) * 0.37), target="y")
    assert np.array_equal(table.encoding.apply(frame), table.X.numpy(), equal_nan=True)
    assert table.levels == {4: 26}
    assert torch.equal(table.X[:3, 4], torch.tensor([1.0, 2, 3]))
    assert load("iris").encoding is None
