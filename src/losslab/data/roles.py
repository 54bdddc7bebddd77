"""What each column of a table is for: target, features, group, weight, time, split, or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from losslab.data.frame import forms_of, holds_dates, read_days, read_numbers, read_words
from losslab.data.kinds import ordered_levels, series_values
from losslab.data.raw import PARTS, Raw
from losslab.data.words import count, nearest, some

SECONDS = 86_400  # of a day
_SPELLINGS = {"training": "train", "val": "validation", "valid": "validation", "dev": "validation", "testing": "test"}


@dataclass(frozen=True)
class Roles:
    """Names of columns; `group`, `weight` and `time` may be the values themselves, one for each row."""

    target: str | Sequence[str] | None = None
    drop: str | Sequence[str] = ()
    group: Any = None
    weight: Any = None
    time: Any = None
    split: str | None = None

    def given(self) -> dict[str, Any]:
        """Those that are said, as the arguments of `load` call them."""
        named = {
            "target": self.target, "drop": self.drop, "group": self.group, "weight": self.weight,
            "time_column": self.time, "split_column": self.split,
        }  # fmt: skip
        return {name: value for name, value in named.items() if value is not None and not _nothing(value)}


def as_name(value: Any) -> Any:
    """The name of a column that is called by a number, as a frame made of an array has them; else as it is."""
    return str(value) if isinstance(value, int | np.integer) and not isinstance(value, bool) else value


def from_frame(frame: Any, roles: Roles, name: str = "data", notes: tuple[str, ...] = ()) -> Raw:
    """A pandas DataFrame: the columns with a role are taken out, the rest are features."""
    columns = [str(column) for column in frame.columns]
    if len(set(columns)) < len(columns):
        twice = next(column for column in columns if columns.count(column) > 1)
        raise ValueError(f"{name}: two columns are called {twice!r}; rename one")
    frame = frame.set_axis(columns, axis=1).reset_index(drop=True)
    if roles.target is None or not len(roles.target):
        raise ValueError(f"{name}: which column is the target? Say target= (--target); columns: {some(columns, 20)}")
    targets = _names(roles.target, columns)
    X = _features(frame, roles, {f"the target {target!r}": target for target in targets}, name)
    target = frame[targets[0]]
    order = ordered_levels(target) if len(targets) == 1 else ()
    return Raw(
        name, X, series_values(target) if len(targets) == 1 else several(frame[targets]), classes=order,
        ordered=bool(order), target=", ".join(targets), targets=tuple(targets) if len(targets) > 1 else (),
        notes=notes, **role_values(roles, frame, len(frame), name),
    )  # fmt: skip


def with_roles(raw: Raw, roles: Roles) -> Raw:
    """A `Raw` whose X is a DataFrame, with the columns that have a role taken out of it."""
    frame = raw.X.set_axis([str(column) for column in raw.X.columns], axis=1).reset_index(drop=True)
    X = _features(frame, roles, {}, raw.name)
    return replace(raw, X=X, **role_values(roles, frame, len(frame), raw.name))


def _features(frame: Any, roles: Roles, taken: dict[str, str], name: str) -> Any:
    """The columns without a role. taken: what has one already, and the column's name."""
    columns = list(frame.columns)
    drop = _names(roles.drop, columns)
    given = {"group": roles.group, "weight": roles.weight, "time": roles.time, "split": roles.split}
    taken = taken | {f"the {role} column": value for role, value in given.items() if isinstance(value, str)}
    for column in (*taken.values(), *drop):
        if column not in columns:
            raise ValueError(f"{name}: no column {column!r}{nearest(column, columns)}; columns: {some(columns, 20)}")
    _once(taken, drop, name)
    X = frame.drop(columns=[*taken.values(), *drop])
    if not len(X.columns):
        raise ValueError(f"{name}: no column is left to learn from; columns: {some(columns, 20)}")
    return X


def role_values(roles: Roles, named: Any, rows: int, name: str) -> dict[str, Any]:
    """Groups, weights, times and parts (N,), checked. named: holds the values of what is given by name."""
    found: dict[str, Any] = {"parts": _parts(named[roles.split], roles.split, name) if roles.split else None}
    found["time_name"] = roles.time if isinstance(roles.time, str) else ""
    readers = {"groups": (roles.group, _groups), "weight": (roles.weight, _weights), "time": (roles.time, _times)}
    for role, (value, read) in readers.items():
        if value is None:
            found[role] = None
            continue
        said = f"{name}: the {role.removesuffix('s')} column {value!r}" if isinstance(value, str) else f"{role}="
        values = _one_dimension(named[value] if isinstance(value, str) else value, rows, said)
        found[role] = read(values, said)
    return found


def role_tensors(raw: Raw) -> dict[str, Any]:
    """Groups numbered from 0 in the order in which they come, weights and times, as a `Table` has them."""
    import torch

    found: dict[str, Any] = {}
    if raw.groups is not None:
        import pandas as pd

        found["groups"] = torch.from_numpy(pd.factorize(raw.groups)[0].astype(np.int64))
    if raw.weight is not None:
        found["weight"] = torch.from_numpy(raw.weight.astype(np.float32))
    if raw.time is not None:
        found |= {"time": torch.from_numpy(raw.time.copy()), "time_name": raw.time_name}
    return found


def role_notes(raw: Raw) -> list[str]:
    """What a person should know of groups and weights; the split says how it was made."""
    notes = []
    if raw.groups is not None:
        kept = ": all rows of a group are in the same part" if raw.parts is None else ""
        notes.append(f"{count(len(set(raw.groups.tolist())), 'group')}{kept}")
    if raw.weight is not None:
        none = int((raw.weight == 0).sum())
        unused = f", {count(none, 'row')} of them 0" if none else ""
        notes.append(
            f"weights from {raw.weight.min():g} to {raw.weight.max():g}{unused}: they count in the training loss only; "
            "metrics count each row once"
        )
    return notes


def _names(given: str | Sequence[str], columns: Sequence[str]) -> list[str]:
    """Names of columns; one text with commas is several, unless a column is called so."""
    if isinstance(given, str):
        parts = [part.strip() for part in given.split(",")]
        given = [given] if given in columns or not all(parts) else parts
    return list(dict.fromkeys(str(column) for column in given))


def _once(taken: dict[str, str], drop: Sequence[str], name: str) -> None:
    seen: dict[str, str] = {}
    for role, column in [*taken.items(), *(("a dropped column", column) for column in drop)]:
        if column in seen:
            raise ValueError(f"{name}: column {column!r} cannot be both {seen[column]} and {role}")
        seen[column] = role


def _nothing(value: Any) -> bool:
    return isinstance(value, str | tuple | list) and not len(value)


def several(frame: Any) -> np.ndarray:
    """(N, T), of numbers or booleans where all targets are, else of objects."""
    columns = [series_values(frame[column]) for column in frame.columns]
    plain = {values.dtype.kind for values in columns} <= set("biuf")
    return np.stack(columns if plain else [values.astype(object) for values in columns], axis=1)


def _parts(values: Any, label: str, name: str) -> Any:
    import pandas as pd

    column = pd.Series(values).reset_index(drop=True)
    words = column.astype(object).where(column.notna(), "").astype(str).str.strip().str.lower().replace(_SPELLINGS)
    wrong = ~words.isin(PARTS)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise ValueError(
            f"{name}: the split column {label!r} holds {column[row]!r} in row {row} (counted from 0); "
            f"only {', '.join(PARTS)} are known"
        )
    return words.to_numpy(dtype=object)


def _one_dimension(values: Any, rows: int, said: str) -> Any:
    """A pandas Series (N,)."""
    import pandas as pd

    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    elif type(values).__module__.startswith("polars"):
        values = values.to_pandas()
    shape = np.shape(values)
    if shape != (rows,):
        raise ValueError(f"{said} has shape {shape}; one value for each of the {count(rows, 'row')} is wanted")
    return pd.Series(values).reset_index(drop=True)


def _groups(values: Any, said: str) -> np.ndarray:
    missing = values.isna().to_numpy()
    if missing.any():
        raise ValueError(
            f"{said} is missing in {count(int(missing.sum()), 'row')}; first: row {int(missing.argmax())} (counted "
            "from 0). Fill them: a row without a group might belong to any"
        )
    return values.to_numpy(dtype=object)


def _weights(values: Any, said: str) -> np.ndarray:
    found = _numbers(values, said)
    _refuse(~np.isfinite(found), values, said, "not finite")
    _refuse(found < 0, values, said, "negative")
    if not found.any():
        raise ValueError(f"{said} is 0 in all rows: nothing would be learned")
    return found


def _times(values: Any, said: str) -> np.ndarray:
    """Numbers as they are, dates as seconds since 1970, durations as seconds."""
    from pandas.api import types

    _refuse(values.isna().to_numpy(), values, said, "missing")
    if values.dtype.kind == "m":
        return values.dt.total_seconds().to_numpy(dtype=np.float64)
    if holds_dates(values):
        days, wrong = read_days(values, "ISO8601")  # by UTC, as text is: the order counts
    else:
        found, wrong = read_numbers(values, booleans=False)
        if not len(wrong) and not types.is_bool_dtype(values):
            _refuse(~np.isfinite(found), values, said, "infinite")
            return found
        days, wrong = read_days(values, _form(values, said))
    _refuse(np.isin(np.arange(len(values)), wrong), values, said, "no date")
    return days * SECONDS


def _form(values: Any, said: str) -> str:
    """How all of the texts write dates; refused where they do not, or where day and month are in doubt."""
    _, _, words = read_words(values)
    forms = forms_of(words)
    if not forms:
        _refuse(np.ones(len(values), bool), values, said, "no date and no number")
    if len(forms) > 1:
        raise ValueError(f"{said}: day and month are in doubt ({some(words, 3)}): write dates as 2024-12-31")
    return forms[0]


def _numbers(values: Any, said: str) -> np.ndarray:
    import pandas as pd

    found = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    _refuse(np.isnan(found), values, said, "missing or no number")
    return found


def _refuse(wrong: np.ndarray, values: Any, said: str, what: str) -> None:
    if wrong.any():
        row = int(wrong.argmax())
        value = values.iloc[row]
        value = value.item() if isinstance(value, np.generic) else value
        raise ValueError(
            f"{said} is {what} in {count(int(wrong.sum()), 'row')}; first: {value!r} in row {row} (counted "
            "from 0). Correct or remove these rows"
        )
