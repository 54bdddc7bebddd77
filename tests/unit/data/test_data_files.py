"""The same table from every kind of file and frame, and what is refused before it is read."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from losslab.data import memory
from losslab.data.files import read_frame
from losslab.data.load import load

ROWS = 60


@pytest.fixture
def frame():
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"age": rng.normal(40, 9, ROWS), "town": ["Oslo", "Rome", None] * 20})
    table.loc[7, "age"] = np.nan
    return table.assign(member=[True, False] * 30, price=rng.normal(size=ROWS))


@pytest.fixture
def folder(tmp_path, frame):
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_feather(tmp_path / "t.feather")
    pl.from_pandas(frame).write_ipc(tmp_path / "t.arrow")
    pl.from_pandas(frame).write_parquet(tmp_path / "t.pq")
    return tmp_path


@pytest.mark.parametrize("kind", ["csv", "parquet", "feather", "arrow", "pq"])
def test_every_file_gives_the_table_of_the_frame(folder, frame, kind):
    table, same = load(folder / f"t.{kind}", target="price"), load(frame, target="price")
    assert table.name == f"t.{kind}"
    assert table.columns == ("age", "town=Oslo", "town=Rome", "town missing", "member")
    assert (table.checksum, table.notes) == (same.checksum, same.notes)


def test_polars_frames_and_series(frame):
    same, polars = load(frame, target="price"), pl.from_pandas(frame)
    assert load(polars, target="price").checksum == same.checksum
    pair = load((polars.drop("price"), polars["price"]))
    assert (pair.checksum, pair.target) == (same.checksum, "price")
    levels = pl.Series(["low", "mid", "top"] * 20, dtype=pl.Enum(["low", "mid", "top"]))
    assert load((polars.drop("price"), levels)).classes == ("low", "mid", "top")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda f: pl.from_pandas(f).lazy(), ["LazyFrame", "collect()"]),
        (lambda f: pl.from_pandas(f).with_columns(pair=pl.concat_list("price", "age")), ["lists", "pair (List"]),
        (lambda f: (f["age"], f["price"]), ["X is one column", "X.to_frame()"]),
        (lambda f: (f[["age"]], f["price"][::-1]), ["y.loc[X.index]"]),
        (lambda f: (np.ma.masked_less(f[["age"]].fillna(0).to_numpy(), 30), f["price"]), ["X is a masked array"]),
    ],
)
def test_frames_that_need_a_word_are_told_it(frame, made, words):
    data = made(frame)
    with pytest.raises(ValueError, match=r".") as error:
        load(data, target=None if isinstance(data, tuple) else "price")
    for word in words:
        assert word in str(error.value)


def test_an_index_as_target_and_several_columns_as_targets(frame):
    by_index = load((frame[["age"]], pd.Index(frame["price"])))
    assert torch.equal(by_index.y, load((frame[["age"]], frame["price"])).y)
    two = load((frame[["town"]], frame[["price", "member"]].astype(float)))
    assert (two.task, two.targets) == ("multioutput", ("price", "member"))


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_the_index_that_was_saved(tmp_path, frame, kind):
    def write(table):
        if kind == "feather":
            import pyarrow as pa
            import pyarrow.feather

            pa.feather.write_feather(pa.Table.from_pandas(table), tmp_path / "t.feather")
        else:
            table.to_parquet(tmp_path / "t.parquet")
        return read_frame(tmp_path / f"t.{kind}")

    named, notes = write(frame.set_index("age"))
    assert (sorted(named.columns), notes) == (["age", "member", "price", "town"], ())
    unnamed, notes = write(frame.set_axis([f"r{i}" for i in range(ROWS)]))
    assert list(unnamed.columns) == list(frame.columns)
    assert notes == ("the index of the frame that was saved has no name: not used",)


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_columns_of_lists_are_named(tmp_path, frame, kind):
    nested = frame.assign(path=[[1, 2]] * ROWS, place=[{"x": 1}] * ROWS)
    getattr(nested, f"to_{kind}")(tmp_path / f"t.{kind}")
    with pytest.raises(ValueError, match=r"path \(list.*place \(struct"):
        load(tmp_path / f"t.{kind}", target="price")


X, Y = np.arange(ROWS * 2.0).reshape(ROWS, 2), np.arange(ROWS) % 3


@pytest.mark.parametrize(
    ("arrays", "options", "note"),
    [
        ({"X": X, "y": Y, "more": X}, {}, ""),
        ({"data": X, "target": Y}, {}, "'data' is taken for X and 'target' for y"),
        ({"inputs": X, "outcome": Y}, {}, "'inputs' is taken for X and 'outcome' for y"),
        ({"X": X, "y": -Y, "z": Y, "v": X}, {"target": "z"}, "'X' is taken for X and 'z' for y"),
        ({"pictures": X, "z": Y}, {"target": "z"}, "'pictures' is taken for X and 'z' for y"),
    ],
)
def test_arrays_of_a_file(tmp_path, arrays, options, note):
    np.savez_compressed(tmp_path / "t.npz", **arrays)
    table = load(tmp_path / "t.npz", **options)
    assert torch.equal(table.X, torch.tensor(X, dtype=torch.float32))
    assert table.y.tolist() == Y.tolist()
    assert note in " ".join(table.notes)
    assert bool(note) == bool(table.notes)


def test_a_target_array_gives_the_target_its_name(tmp_path):
    np.savez(tmp_path / "t.npz", X=X, y=Y, price=X[:, 0])
    assert load(tmp_path / "t.npz").target == "target"
    assert load(tmp_path / "t.npz", target="price").target == "price"


@pytest.mark.parametrize("name", ["t.parquet", "t.feather", "t.csv"])
def test_an_empty_file_is_said_to_be_empty(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match=rf"{name}.* is empty"):
        load(tmp_path / name, target="y")


def test_arrays_for_groups_and_weights(tmp_path):
    np.savez(tmp_path / "t.npz", X=X, y=Y, who=Y[::-1], w=np.arange(ROWS), when=np.arange(ROWS).astype("M8[D]"))
    table = load(tmp_path / "t.npz", group="who", weight="w", time_column="when")
    assert table.groups[:4].tolist() == [0, 1, 2, 0]
    assert table.weight[-1] == 59
    assert table.time[2] == 2 * 86_400


@pytest.mark.parametrize(
    ("arrays", "options", "words"),
    [
        ({"X": X, "y": np.array(["a", "b", None] * 20, dtype=object)}, {}, ["'y'", "unpickled", "run code"]),
        ({"a": X, "b": X, "c": Y}, {}, ["X (rows first) and y are wanted", "a (60, 2), b (60, 2), c (60,)"]),
        ({"X": X}, {}, ["X (rows first) and y are wanted"]),
        ({"X": X, "y": Y}, {"target": "z"}, ["no array 'z'", "X (60, 2), y (60,)"]),
        ({"X": X, "y": Y}, {"group": "g"}, ["no array 'g'"]),
        ({"X": X, "y": Y}, {"drop": "g"}, ["drop= names columns"]),
        ({"X": X, "y": Y[:-1]}, {}, ["60 and 59 rows"]),
        ({}, {}, ["no arrays"]),
    ],
)
def test_arrays_that_cannot_be_used_are_named(tmp_path, arrays, options, words):
    np.savez(tmp_path / "t.npz", **arrays)
    with pytest.raises(ValueError, match=r".") as error:
        load(tmp_path / "t.npz", **options)
    for word in ["t.npz", *words]:
        assert word in str(error.value)


@pytest.mark.parametrize("name", ["no.parquet", "no.feather", "no.npz", "no.csv"])
def test_files_that_are_not_there(tmp_path, name):
    (tmp_path / name.replace("no", "not")).write_bytes(b"")
    with pytest.raises(ValueError, match=rf"no file .*{name}; nearest: {name.replace('no', 'not')}"):
        load(tmp_path / name, target="y")
    (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match="is a folder"):
        load(tmp_path / name, target="y")


def test_a_file_of_another_kind(tmp_path, frame):
    frame.to_csv(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"t\.parquet cannot be read as a Parquet file; damaged, cut off or another"):
        load(tmp_path / "t.parquet", target="price")


@pytest.mark.parametrize("kind", ["csv", "parquet", "npz"])
def test_memory_is_told_before_a_file_is_read(folder, monkeypatch, kind):
    np.savez(folder / "t.npz", X=X, y=Y)
    monkeypatch.setattr("losslab.data.csv.SAMPLE", 1)
    monkeypatch.setattr(memory, "free_memory", lambda: 1000)
    with pytest.raises(ValueError, match=rf"t\.{kind}: about .* need .* GB of memory; 0\.0 GB are free"):
        load(folder / f"t.{kind}", target=None if kind == "npz" else "price")
    monkeypatch.setattr(memory, "free_memory", lambda: 10**9)
    monkeypatch.setattr(memory, "TOLD", 1000)
    notes = load(folder / f"t.{kind}", target=None if kind == "npz" else "price").notes
    assert sum("GB are free)" in note for note in notes) == 1


def test_what_a_table_needs_is_counted_in_cells():
    assert memory.check_memory("t", 10**6, 20) == ()
    (note,) = memory.check_memory("t", 10**6, 25, text=10**9)
    assert note.startswith("t: about 1,000,000 rows of 25 columns need 2.0 GB of memory")
    with pytest.raises(
        ValueError, match=r"1,000,000,000 rows of 1,000 columns need 40,000\.0 GB of memory; .*Take a sample"
    ):
        memory.check_memory("t", 10**9, 1000)
