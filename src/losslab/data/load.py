"""One call for whatever a person has: a name, a file, arrays, a DataFrame."""

from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, Dataset

from losslab.data.arrays import is_frame, raw_arrays
from losslab.data.checks import make_table
from losslab.data.csv import from_csv, from_frame
from losslab.data.named import NAMES, from_name
from losslab.data.raw import Raw, join
from losslab.data.table import Table
from losslab.data.words import nearest


def load(
    data: Any,
    *,
    target: str | None = None,
    task: str | None = None,
    validation: Any = None,
    test: Any = None,
    split_column: str | None = None,
) -> Table:
    """Data in memory, checked, its task inferred.

    `data` is a name ("digits", ...), the path of a .csv file, `(X, y)` of arrays, tensors, DataFrames or Series, a
    DataFrame, or a torch Dataset or DataLoader. `target` names the target column of a file or DataFrame. The user's own
    parts are `validation` and `test` (of the same kind as `data`), or a `split_column` with the values train,
    validation and test; a part not given is left empty in `Table.split`, and `split` draws it from the training rows.
    Raises ValueError, naming what was found and where, for anything that cannot be learned from.
    """
    if isinstance(data, Table):
        return data
    if split_column is not None and (validation is not None or test is not None):
        raise ValueError("the parts are given twice: by split_column= and by validation= or test=; leave one out")
    given = {"train": data, "validation": validation, "test": test}
    if isinstance(data, Dataset | DataLoader):
        from losslab.data.dataset import from_dataset

        if any(option is not None for option in (target, validation, test, split_column)):
            raise ValueError("target=, validation=, test= and split_column= do not go with a Dataset: pass (X, y)")
        return from_dataset(data, task=task)
    sources = {
        part: _read(source, target, split_column)
        for part, source in given.items()
        if part == "train" or source is not None
    }
    return make_table(join(sources), task)


def _read(data: Any, target: str | None, split_column: str | None) -> Raw:
    if isinstance(data, str | Path) and str(data).lower().endswith(".csv"):
        return from_csv(Path(data), target, split_column)
    if is_frame(data):
        return from_frame(data, target, split_column)
    for option, value in (("target", target), ("split_column", split_column)):
        if value is not None:
            raise ValueError(f"{option}= names a column of a .csv file or a DataFrame; other data has none")
    if isinstance(data, str | Path):
        if str(data) not in NAMES:
            raise ValueError(
                f"no data named {str(data)!r}{nearest(str(data), NAMES)}; "
                f"names: {', '.join(NAMES)}; a file must end in .csv"
            )
        return from_name(str(data))
    if isinstance(data, tuple | list) and len(data) == 2:
        return raw_arrays(*data)
    size = f" of {len(data)}" if isinstance(data, tuple | list) else ""
    raise ValueError(
        f"data is of type {type(data).__name__}{size}; "
        "a name, a path ending in .csv, a pair (X, y), a DataFrame or a Dataset is wanted"
    )
