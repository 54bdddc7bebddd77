"""A CSV file as a DataFrame."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from losslab.data.csv_layout import SAMPLE, Layout, check_bytes, guess, line_of, scan
from losslab.data.frame import parse_numbers
from losslab.data.memory import PER_TEXT, check_memory
from losslab.data.words import count, nearest

SURELY_NUMBERS = 100  # a text column that starts with so many numbers was meant to be one


def read_csv(path: Path, text: Collection[str] = ()) -> tuple[Any, tuple[str, ...]]:
    """The table as a DataFrame, and notes; raises ValueError naming the line where the file is damaged.

    Commas, semicolons, tabs and bars are told apart by the first lines. Each record must have as many fields as the
    header line. A file that was cut off exactly at the end of a line looks whole. `text`: columns that are text, though
    these rows may hold numbers alone: 007 stays 007.
    """
    import pandas as pd

    check_there(path)
    check_bytes(path)
    layout, sample = guess(path)
    told = _memory(path, layout, sample)
    layout = scan(path, layout)
    try:
        frame = pd.read_csv(
            path, sep=layout.separator, decimal=layout.decimal, header=0, names=list(layout.names), index_col=False,
            skipinitialspace=True, low_memory=False, encoding="utf-8-sig",
            dtype={name: "str" for name in text if name in layout.names},
        )  # fmt: skip
    except (pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise ValueError(f"{path} cannot be read as a table: {error}") from None
    if len(frame) != layout.rows:
        raise ValueError(
            f"{path} cannot be read as a table: it has {count(layout.rows, 'record')}, and {len(frame):,} were read; "
            "look for quotes that are not closed and for single carriage returns"
        )
    frame, notes = _without_row_numbers(frame)
    return frame, (*told, *layout.notes, *notes, *_changes(path, layout, frame))


def check_there(path: Path) -> None:
    """Raises ValueError where no file is at the path, naming those with similar names."""
    if not path.is_file():
        near = [file.name for file in path.parent.glob(f"*{path.suffix}")] if path.parent.is_dir() else []
        raise ValueError(f"{path} is a folder" if path.is_dir() else f"no file {path}{nearest(path.name, near)}")


def _memory(path: Path, layout: Layout, sample: list[list[str]]) -> tuple[str, ...]:
    """Told before the file is read, by its first records."""
    size = path.stat().st_size
    if size < SAMPLE or not sample:
        return ()
    each = sum(sum(len(cell) + 1 for cell in record) for record in sample) / len(sample)
    rows = int(size / each)
    numbers = [all(_number(cell) for cell in column) for column in zip(*sample, strict=False)]
    text = len(numbers) - sum(numbers)
    return check_memory(path.name, rows, len(layout.names), text=rows * text * PER_TEXT)


def _number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True


def _without_row_numbers(frame: Any) -> tuple[Any, list[str]]:
    """A first column without a name that numbers the rows is no feature; an empty one without a name is none either."""
    notes = []
    first, last = frame.iloc[:, 0], frame.iloc[:, -1]
    if frame.columns[0] == "column 1" and len(frame.columns) > 1 and first.dtype.kind in "iu" and first.is_unique:
        frame = frame.iloc[:, 1:]
        notes.append("the first column has no name and is taken for row numbers: not used")
    if frame.columns[-1] == f"column {len(frame.columns)}" and len(frame.columns) > 1 and last.isna().all():
        frame = frame.iloc[:, :-1]
        notes.append("the last column has no name and is empty: not used")
    return frame, notes


def _changes(path: Path, layout: Layout, frame: Any) -> list[str]:
    """Notes on text columns that start as numbers, where too little of them is a number to read them as such."""
    notes = []
    for name in frame.columns:
        column = frame[name]
        if column.dtype.kind in "biuf":
            continue
        _, wrong = parse_numbers(column.iloc[:SURELY_NUMBERS])
        if len(wrong) or column.iloc[:SURELY_NUMBERS].isna().all():
            continue
        values, wrong = parse_numbers(column)
        if values is None and len(wrong) and np.count_nonzero(column.iloc[: wrong[0]].notna()) >= SURELY_NUMBERS:
            line = line_of(path, layout, int(wrong[0]))
            notes.append(
                f"column {name} holds numbers up to line {line - 1:,}, then text in {count(len(wrong), 'row')} "
                f"(first: {column.iloc[wrong[0]]!r} in line {line:,}): taken as text"
            )
    return notes
