"""Files by what their names end in."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from losslab.data.arrow import FEATHER, PARQUET, read_arrow
from losslab.data.csv import read_csv
from losslab.data.words import some

TABLES = (".csv", *PARQUET, *FEATHER)
ARRAYS = (".npz",)
KINDS = (".csv", ".parquet", ".feather", ".npz")  # as messages name them


def is_file_name(data: Any) -> bool:
    """Whether it is a path that `load` reads."""
    return isinstance(data, str | Path) and Path(data).suffix.lower() in (*TABLES, *ARRAYS)


def is_table(path: Path) -> bool:
    return path.suffix.lower() in TABLES


def read_frame(path: Path, text: Collection[str] = ()) -> tuple[Any, tuple[str, ...]]:
    """A file with named columns as a pandas DataFrame, and notes for people. text: as in `read_csv`."""
    if not is_table(path):
        raise ValueError(f"{path}: a table is wanted, which ends in {some(TABLES)}")
    return read_csv(path, text) if path.suffix.lower() == ".csv" else read_arrow(path)
