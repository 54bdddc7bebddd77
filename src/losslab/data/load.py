"""One call for whatever a person has: a name, a file, arrays, a DataFrame."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, Dataset

from losslab.data.arrays import raw_arrays
from losslab.data.checks import make_table
from losslab.data.files import KINDS, is_file_name, is_table, read_frame
from losslab.data.kinds import as_pandas, is_frame, is_polars, text_columns
from losslab.data.named import NAMES, from_name
from losslab.data.raw import PARTS, Raw, join
from losslab.data.roles import Roles, as_name, from_frame, role_values
from losslab.data.table import Table
from losslab.data.words import nearest


def load(
    data: Any, *, target: str | Sequence[str] | None = None, task: str | None = None, validation: Any = None,
    test: Any = None, split_column: str | None = None, drop: str | Sequence[str] = (), group: Any = None,
    weight: Any = None, time_column: Any = None,
) -> Table:  # fmt: skip
    """Data in memory, checked, its task inferred.

    `data` is a name ("digits", ...), the path of a .csv, .parquet, .feather or .npz file, `(X, y)` of arrays, tensors,
    DataFrames or Series, a DataFrame of pandas or polars, or a torch Dataset or DataLoader. `target` names the target
    column of a file or DataFrame, or several; of a .npz file its array. The user's own parts are `validation` and
    `test` (of any of these kinds), or a `split_column` with the values train, validation and test; a part not given is
    left empty in `Table.split`, and `split` draws it from the training rows.

    Columns that are no features: those to `drop`; `group`, whose rows with the same value stay in one part; `weight`,
    how much a row counts in the training loss; `time_column`, numbers or dates in whose order the parts follow each
    other. These three may be values too, one for each row. Raises ValueError, naming what was found and where, for
    anything that cannot be learned from.
    """
    if isinstance(data, Table):
        return data
    if split_column is not None and (validation is not None or test is not None):
        raise ValueError("the parts are given twice: by split_column= and by validation= or test=; leave one out")
    roles = Roles(*(as_name(value) for value in (target, drop, group, weight, time_column, split_column)))
    given = {"train": data, "validation": validation, "test": test}
    if isinstance(data, Dataset | DataLoader):
        from losslab.data.dataset import from_dataset

        named = [*roles.given(), *(part for part in ("validation", "test") if given[part] is not None)]
        if named:
            raise ValueError(f"{'=, '.join(named)}= cannot be used with a Dataset: pass (X, y)")
        return from_dataset(data, task=task)
    if (validation is not None or test is not None) and any(
        value is not None and not isinstance(value, str) for value in (group, weight, time_column)
    ):
        raise ValueError("group=, weight= and time_column= as values do not go with validation= or test=: name columns")
    sources = {"train": _read(data, roles)}
    text = text_columns(sources["train"].X)
    sources |= {part: _read(given[part], roles, text) for part in PARTS[1:] if given[part] is not None}
    return make_table(join(sources), task)


def _read(data: Any, roles: Roles, text: Collection[str] = ()) -> Raw:
    """text: columns that are text in the training rows."""
    if is_file_name(data):
        path = Path(data)
        if is_table(path):
            frame, notes = read_frame(path, text)
            return from_frame(frame, roles, path.name, notes)
        from losslab.data.npz import raw_npz

        return raw_npz(path, roles)
    if is_polars(data):
        data = as_pandas(data)
    if is_frame(data):
        return from_frame(data, roles)
    if isinstance(data, tuple | list) and len(data) == 2:
        for option, value in (("target", roles.target), ("split_column", roles.split)):
            if value is not None and not (option == "split_column" and is_frame(as_pandas(data[0]))):
                raise ValueError(f"{option}= names a column of a file or a DataFrame; a pair (X, y) has none")
        return raw_arrays(data[0], data[1], roles)
    if isinstance(data, str | Path):
        if str(data) not in NAMES:
            raise ValueError(
                f"no data named {str(data)!r}{nearest(str(data), NAMES)}; "
                f"names: {', '.join(NAMES)}; a file must end in {', '.join(KINDS[:-1])} or {KINDS[-1]}"
            )
        for option, value in roles.given().items():
            if isinstance(value, str) or option in ("target", "drop"):
                raise ValueError(f"{option}= names a column of a file or a DataFrame; {data} has none")
        raw = from_name(str(data))
        return replace(raw, **role_values(roles, {}, len(raw.y), raw.name))
    size = f" of {len(data)}" if isinstance(data, tuple | list) else ""
    raise ValueError(
        f"data is of type {type(data).__name__}{size}; a name, a file ({', '.join(KINDS)}), "
        "a pair (X, y), a DataFrame or a Dataset is wanted"
    )
