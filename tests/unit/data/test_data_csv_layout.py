"""CSV files line by line: separators, quotes, headers, and where they are damaged."""

import numpy as np
import pandas as pd
import pytest

from losslab.data.files import read_frame


@pytest.fixture
def read(tmp_path):
    def from_text(text, encoding="utf-8"):
        path = tmp_path / "t.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return read_frame(path)

    return from_text


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ('"price, EUR";name\n1;"a;b"\n2;c\n', ["price, EUR", "name"], [[1, "a;b"], [2, "c"]]),
        ('"a;b;c",n\n1,x\n', ["a;b;c", "n"], [[1, "x"]]),
        ("a\tb\n1\tx, y\n2\tz\n", ["a", "b"], [[1, "x, y"], [2, "z"]]),
        ("a|b\n1|2\n", ["a", "b"], [[1, 2]]),
        ('a,b\n"two\nlines, ""q""",1\n5" pipe,2\n', ["a", "b"], [['two\nlines, "q"', 1], ['5" pipe', 2]]),
        ("a, b\r\n1, 2\r\n", ["a", "b"], [[1, 2]]),
        ("a;b\n1,5;x\n-2,25;y\n", ["a", "b"], [[1.5, "x"], [-2.25, "y"]]),
        ("0,1,2\n5,6,7\n", ["0", "1", "2"], [[5, 6, 7]]),
        (",a\n0,x\n1,y\n", ["a"], [["x"], ["y"]]),
        ("a,b,\n1,2,\n3,4,\n", ["a", "b"], [[1, 2], [3, 4]]),
        ("a,,b\n1,x,2\n", ["a", "column 2", "b"], [[1, "x", 2]]),
    ],
)  # fmt: skip
def test_tables_are_read_as_they_are_meant(read, text, columns, rows):
    frame, _ = read(text)
    assert list(frame.columns) == columns
    assert frame.to_numpy(dtype=object).tolist() == rows


def test_a_mark_at_the_start_is_no_part_of_a_name(read):
    frame, notes = read("price,y\n1,2\n", "utf-8-sig")
    assert list(frame.columns) == ["price", "y"]
    assert notes == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b,c\n1,2,3\n\n4,5\n6,7,8\n", "line 4: 2 fields, too few: the header line has 3"),
        ('a,b\n"x\ny",1\n2,3,4\n', "line 4: 3 fields, too many: the header line has 2"),
        ("a,b,c\n1,2,3\n4,5", "line 3: 2 fields, too few: the header line has 3; the file ends in this line: it was"),
        ('a,b\n1,2\n3,"4\n5,6\n7,8\n', "line 3: a quote is opened here and not closed"),
        ('a,b\n1,2\n3,"4\n5,"6"\n', "line 3: a quote is closed (in line 4) and text follows"),
        ("a,b\n1,2\n3,\x004\n", "line 3: a NUL byte"),
        (b"a,b\n1,2\n3,caf\xe9\n", "line 3, is not UTF-8 text (unexpected end of data)"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16 text: save it as UTF-8"),
        (b"PAR1\x00\x01", "a Parquet file: call it .parquet"),
        (b"PK\x03\x04abc", "a ZIP archive"),
        ("a,b,a\n1,2,3\n", "two columns are called 'a' in the header line"),
        ("5.1,3.5,0\n4.9,3.0,1\n", "the header line holds only numbers (5.1, 3.5, 0)"),
        ("a;b\n1;2\n3\n", "line 3: 1 field, too few: the header line has 2"),
        ("", "it is empty"),
        ("\n \n", "it is empty"),
    ],
)
def test_damage_is_named_with_its_line(read, tmp_path, text, words):
    with pytest.raises(ValueError, match=r".") as error:
        read(text)
    assert words in str(error.value)
    assert str(tmp_path / "t.csv") in str(error.value)


@pytest.mark.parametrize("chunk", [1, 2, 5, 7])
def test_lines_are_counted_over_parts_of_a_file(read, monkeypatch, chunk):
    monkeypatch.setattr("losslab.data.csv_layout.CHUNK", chunk)
    assert len(read("a,b\n1,é\n2,ü\n")[0]) == 2
    with pytest.raises(ValueError, match="line 4, is not UTF-8"):
        read(b"a,b\n1,\xc3\xa9\n2,x\n3,\xff\n5,6\n")
    with pytest.raises(ValueError, match="line 3: a NUL"):
        read(b"a,b\n1,\xc3\xa9\n2,\x00\n")


def test_blank_lines_and_a_missing_end_are_said(read):
    frame, notes = read("a,b\n1,2\n\n3,4\n5,6")
    assert frame["b"].tolist() == [2, 4, 6]
    assert notes[0] == "1 blank line skipped; first: line 3"
    assert "t.csv ends without a line end" in notes[1]
    assert "line 5" in notes[1]
    assert read("a,b\n1,2\n3,4\n\n\n")[1] == ()


@pytest.mark.parametrize(("start", "line"), [("", 12_002), ("\n", 12_003), ('"two\nlines",0\n', 12_004)])
def test_a_column_that_changes_late_is_named_with_the_line(read, start, line):
    rows = [f"{i},{'?' if i >= 12_000 and i % 2 == 0 else i / 8}" for i in range(16_000)]
    first = start if start == "\n" else ""
    text = f"{first}a,b\n{'' if first else start}" + "\n".join(rows) + "\n"
    frame, notes = read(text)
    assert len(frame) == 16_000 + (start.startswith('"'))
    (note,) = [note for note in notes if "column b" in note]
    assert note.startswith(f"column b holds numbers up to line {line - 1:,}, then text in 2,000 rows")
    assert f"(first: '?' in line {line:,}): taken as text" in note


def test_a_few_words_among_numbers_count_as_missing_and_keep_their_rows(tmp_path):
    from losslab.data.load import load

    frame = pd.DataFrame({"b": np.arange(12_000) / 8, "y": np.arange(12_000) % 7 / 3}).astype({"b": object})
    frame.loc[11_000, "b"] = "broken"
    frame.to_csv(tmp_path / "t.csv", index=False)
    table = load(tmp_path / "t.csv", target="y")
    assert table.X[:, 0].isnan().nonzero().tolist() == [[11_000]]
    assert any("'broken' in row 11000" in note for note in table.notes)
