"""Damaged files of each kind: refused with the file's name, or read as what they hold now, never in part."""

import random

import numpy as np
import pandas as pd
import pytest

from losslab.data.files import read_frame
from losslab.data.load import load
from losslab.data.npz import raw_npz
from losslab.data.roles import Roles

ROWS, EACH = 60, 20
KINDS = ["csv", "parquet", "pq", "feather", "npz"]  # .pq: Parquet with sums of check
DAMAGES = ["cut", "flip", "delete", "repeat", "zeros"]


def _frame():
    rng = np.random.default_rng(5)
    text = [f'{word}, "{i % 7}"' if i % 3 else word for i, word in enumerate(["Rome", "Oslo", "Zürich"] * 20)]
    frame = pd.DataFrame({"age": rng.normal(40, 9, ROWS).round(3), "city": text, "count": rng.integers(0, 500, ROWS)})
    frame["long"] = ["two\nlines" if i % 9 == 4 else "one line" for i in range(ROWS)]
    return frame.assign(y=rng.integers(0, 2, ROWS))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a whole file of each kind, and the frame that they hold."""
    frame, folder = _frame(), tmp_path_factory.mktemp("whole")
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_parquet(folder / "t.parquet")
    frame.to_parquet(folder / "t.pq", write_page_checksum=True)
    frame.to_feather(folder / "t.feather")
    np.savez(folder / "t.npz", X=frame[["age", "count"]].to_numpy(), y=frame["y"].to_numpy())
    return {kind: (folder / f"t.{kind}").read_bytes() for kind in KINDS}, frame


def _damaged(content, damage, rng):
    """The bytes after one damage."""
    place = rng.randrange(len(content))
    length = rng.choice([1, 3, 17, 60, 200])
    chunk = content[place : place + length]
    if damage == "cut":
        return content[:place]
    if damage == "flip":
        return content[:place] + bytes([content[place] ^ (1 << rng.randrange(8))]) + content[place + 1 :]
    if damage == "delete":
        return content[:place] + content[place + length :]
    if damage == "repeat":
        return content[:place] + chunk + content[place:]
    return content[:place] + bytes(len(chunk)) + content[place + len(chunk) :]


def _records(text):
    """The records of a CSV text, read one character after the other."""
    found, record, field, quoted, was_quoted, place = [], [], "", False, False, 0
    while place < len(text):
        sign, after = text[place], text[place + 1 : place + 2]
        if quoted:
            if sign == '"' and after == '"':
                field, place = field + '"', place + 1
            elif sign == '"':
                quoted = False
            else:
                field += sign
        elif sign == '"' and not field and not was_quoted:
            quoted = was_quoted = True
        elif sign in ",\r\n":
            record, field, was_quoted = [*record, field], "", False
            if sign != ",":
                found, record = [*found, record], []
                place += sign == "\r" and after == "\n"
        elif sign != " " or field:  # spaces after a comma do not count
            field += sign
        place += 1
    found += [[*record, field]] if record or field or was_quoted else []
    return [record for record in found if record != [""]]


def _holds(frame, content):
    """Whether a frame is what a CSV text says, cell by cell."""
    header, *rows = _records(content.decode())
    assert list(frame.columns) == [name.strip() or f"column {place}" for place, name in enumerate(header, 1)]
    assert len(frame) == len(rows)
    for place, name in enumerate(frame.columns):
        cells, values = [row[place] for row in rows], frame[name]
        if values.dtype.kind in "biuf":
            assert np.allclose(values, [float(cell or "nan") for cell in cells], rtol=1e-12, atol=0, equal_nan=True)
        else:
            assert values.fillna("").tolist() == cells


def _read(path):
    """What a file holds as a frame, and the notes; None and the words where it is refused."""
    try:
        if path.suffix != ".npz":
            return read_frame(path)
        raw = raw_npz(path, Roles())
    except ValueError as error:
        return None, str(error)
    return pd.DataFrame(raw.X, columns=["age", "count"]).assign(y=raw.y), raw.notes


def _load(path):
    """As a person would; what is in it now may still be refused, but in words."""
    try:
        return load(path, target="y")
    except ValueError as error:
        return str(error)


def _check_words(words, path):
    assert str(path) in words
    assert len(words) < 200 + 2 * len(str(path)) + 200


def _columns_that_differ(found, whole):
    pairs = zip(found.columns, whole.columns, strict=True)
    return sum(found[ours].astype(str).tolist() != whole[theirs].astype(str).tolist() for ours, theirs in pairs)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_csv_file_is_refused_or_read_as_what_it_holds_now(whole, damage, tmp_path):
    """Accepted: a byte changed in a cell; a part without which each line still has its fields; an end at a line's end.

    None of these can be seen. Each record that is in the file is in the frame, and what ends inside a line is said.
    """
    content, path = whole[0]["csv"], tmp_path / "t.csv"
    rng = random.Random(damage)
    refused = 0
    for _ in range(EACH):
        bytes_now = _damaged(content, damage, rng)
        path.write_bytes(bytes_now)
        found, said = _read(path)
        if found is None:
            refused += 1
            _check_words(said, path)
            continue
        _holds(found, bytes_now)
        assert bytes_now.endswith(b"\n") or any("without a line end" in note for note in said) or not len(found)
        if damage == "flip":
            assert len(found) == ROWS
        _load(path)
    assert refused >= {"cut": EACH // 2, "zeros": EACH}.get(damage, 1)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", ["parquet", "pq", "feather"])
def test_a_damaged_arrow_file_is_refused_or_differs_in_one_column(whole, kind, damage, tmp_path):
    """Without sums of check a changed value cannot be seen; rows are never lost."""
    content, path = whole[0][kind], tmp_path / f"t.{kind}"
    rng = random.Random(f"{kind} {damage}")
    refused = 0
    for _ in range(EACH):
        path.write_bytes(_damaged(content, damage, rng))
        found, said = _read(path)
        if found is None:
            refused += 1
            _check_words(said, path)
            continue
        assert len(found) == ROWS
        assert len(found.columns) == len(whole[1].columns)
        assert _columns_that_differ(found, whole[1]) <= (kind != "pq")
        _load(path)
    assert refused >= (EACH if damage == "cut" else 1)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_npz_file_is_refused_or_the_same(whole, damage, tmp_path):
    content, path = whole[0]["npz"], tmp_path / "t.npz"
    same = whole[1][["age", "count", "y"]].astype({"age": "float32", "count": "float32"})
    rng = random.Random(damage)
    refused = 0
    for _ in range(EACH):
        path.write_bytes(_damaged(content, damage, rng))
        found, said = _read(path)
        if found is None:
            refused += 1
            _check_words(said, path)
        assert found is None or found.equals(same)
    assert refused >= EACH // 2


def test_a_feather_file_whose_index_leaves_something_out(whole, tmp_path):
    content, path = whole[0]["feather"], tmp_path / "t.feather"
    said = set()
    for place in range(len(content) - 200, len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 2]) + content[place + 1 :])
        found, words = _read(path)
        assert found is None or (len(found), len(found.columns)) == (ROWS, len(whole[1].columns))
        said |= {"index does not fit" in words} if found is None else set()
    assert said == {True, False}
