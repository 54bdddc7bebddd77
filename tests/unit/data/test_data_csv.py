"""Files and DataFrames with a target column."""

import numpy as np
import pandas as pd
import pytest
import torch

from losslab.data.load import load
from losslab.data.split import split

CITIES = ["Rome", "Oslo", None]


@pytest.fixture
def frame():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"age": rng.normal(40, 9, 60).round(1), "city": CITIES * 20, "member": [True, False] * 30})
    table.loc[[4, 9], "age"] = np.nan
    table["id"] = [f"n{i}" for i in range(60)]
    table["zip"] = [f"z{i % 25}" for i in range(60)]
    table["price"] = rng.normal(size=60)
    return table


def test_columns_are_encoded_and_said(tmp_path, frame):
    path = tmp_path / "my.csv"
    frame.to_csv(path, index=False)
    table = load(path, target="price")
    assert table.name == "my.csv"
    assert (table.target, table.task) == ("price", "regression")
    assert table.columns == ("age", "city=Oslo", "city=Rome", "city missing", "member", "zip")
    # of 25 zips, z0 to z9 are met three times and come first; then z10, z11, z12, ..., in the order of their letters
    assert table.X[:3, 1:].tolist() == [[0, 1, 0, 1, 1], [1, 0, 0, 0, 2], [0, 0, 1, 1, 3]]
    assert (table.X[10, 5], table.levels) == (11, {5: 26})
    assert torch.nonzero(table.X.isnan()).tolist() == [[4, 0], [9, 0]]
    assert np.allclose(table.y, frame["price"], rtol=1e-6)
    said = " | ".join(table.notes)
    for words in ("id: text, mostly different", "zip (26)", "city (3)", "age (2)"):
        assert words in said


def test_a_frame_and_its_file_are_the_same_data(tmp_path, frame):
    frame.to_csv(tmp_path / "my.csv", index=False)
    ours, theirs = load(frame, target="price"), load(str(tmp_path / "my.csv"), target="price")
    assert ours.checksum == theirs.checksum
    pair = load((frame.drop(columns="price"), frame["price"]))
    assert (pair.checksum, pair.target) == (ours.checksum, "price")


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_and_row_numbers(tmp_path, frame, separator):
    frame.to_csv(tmp_path / "my.csv", sep=separator)
    table = load(tmp_path / "my.csv", target="price")
    assert table.columns[0] == "age"
    assert any("row numbers" in note for note in table.notes)


def test_a_question_mark_among_numbers_is_missing(frame):
    frame["age"] = frame["age"].fillna(1).astype(str)
    frame.loc[17, "age"] = "?"
    table = load(frame, target="price")
    assert torch.nonzero(table.X.isnan()).tolist() == [[17, 0]]
    assert "column age: 1 value is no number (first: '?' in row 17) and counts as missing" in table.notes


def test_text_target(frame):
    table = load(frame.assign(price=["low", "mid", "top", "mid"] * 15), target="price")
    assert table.classes == ("low", "mid", "top")
    assert table.y[:4].tolist() == [0, 1, 2, 1]


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({}, {}, ["which column is the target", "age, city"]),
        ({}, {"target": "prices"}, ["no column 'prices'", "nearest: price"]),
        ({}, {"target": "price", "split_column": "cities"}, ["no column 'cities'", "nearest: city"]),
        ({}, {"target": "price", "split_column": "city"}, ["'Rome' in row 0", "train, validation, test"]),
        ({"age": np.inf}, {"target": "price"}, ["column age", "60 values are infinite", "row 0"]),
        ({"price": [np.nan, *range(58), None]}, {"target": "price"}, ["'price'", "2 rows", "row 0"]),
        ({"price": [*["a"] * 30, *["b"] * 29, None]}, {"target": "price"}, ["'price'", "1 row", "row 59"]),
    ],
)
def test_bad_tables_are_named(frame, change, options, words):
    with pytest.raises(ValueError, match=r".") as error:
        load(frame.assign(**change), **options)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "cannot be read"), (b"a,y\n1,2\n1,2,3,4\n", "line 3: 4 fields, too many"), (b"a,y\n\xff\xfe,2\n", "UTF-8"),
     (b"a,y\n", "0 rows"), (b"a,a,y\n", "two columns are called 'a' in the header line")],
)  # fmt: skip
def test_files_that_are_no_tables(tmp_path, content, words):
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        load(tmp_path / "bad.csv", target="y")


def test_a_misspelt_file(tmp_path):
    (tmp_path / "houses.csv").write_text("a,y\n")
    with pytest.raises(ValueError, match=r"no file .*house\.csv; nearest: houses\.csv"):
        load(tmp_path / "house.csv", target="y")


def test_split_column(frame):
    parts = ["train"] * 40 + ["Val"] * 12 + ["test"] * 8
    table = load(frame.assign(part=parts), target="price", split_column="part")
    found = split(table, seed=5)
    assert found.train.tolist() == list(range(40))
    assert found.validation.tolist() == list(range(40, 52))
    assert found.test.tolist() == list(range(52, 60))
    assert "part" not in " ".join(table.columns)


def test_own_test_file_has_the_same_columns_in_any_order(tmp_path, frame):
    frame[:50].to_csv(tmp_path / "a.csv", index=False)
    frame[50:][list(reversed(frame.columns))].to_csv(tmp_path / "b.csv", index=False)
    table = load(tmp_path / "a.csv", test=tmp_path / "b.csv", target="price")
    assert torch.equal(table.X.nan_to_num(), load(frame, target="price").X.nan_to_num())
    found = split(table)
    assert (len(found.train), len(found.validation), found.test.tolist()) == (38, 12, list(range(50, 60)))
    assert found.how == "test as given, the rest random, seed 0"
    frame[50:].drop(columns="age").to_csv(tmp_path / "c.csv", index=False)
    with pytest.raises(ValueError, match=r"test=c\.csv lacks age"):
        load(tmp_path / "a.csv", test=tmp_path / "c.csv", target="price")


def test_codes_keep_their_zeros_where_a_file_holds_no_other_text(tmp_path):
    """In the second file the shop is digits alone, which would be read as the numbers 7 and 12."""
    train = pd.DataFrame({"shop": ["007", "012", "A1"] * 20, "size": np.arange(60) % 7, "y": np.arange(60) % 2})
    train.to_csv(tmp_path / "a.csv", index=False)
    pd.DataFrame({"shop": ["007", "012"] * 5, "size": range(10), "y": [0, 1] * 5}).to_csv(
        tmp_path / "b.csv", index=False
    )
    table = load(tmp_path / "a.csv", test=tmp_path / "b.csv", target="y")
    assert table.columns == ("shop=007", "shop=012", "shop=A1", "size")
    assert table.X[60:62].tolist() == [[1, 0, 0, 0], [0, 1, 0, 1]]
