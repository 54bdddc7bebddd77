"""Data as it was found, before anything is inferred or encoded; several parts joined into one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Raw:
    """`X` is a float32 array (N, ...) or a pandas DataFrame, `y` an array of numbers, booleans or objects.

    y: (N,), or (N, T) where there are several targets. `groups` (N,) is of anything hashable, `weight` (N,) float64 and
    `time` (N,) float64 (dates as seconds) are without gaps.
    """

    name: str
    X: Any
    y: np.ndarray
    columns: tuple[str, ...] = ()  # of an array, where they have names
    classes: tuple[str, ...] = ()  # names of the labels 0, 1, ..., where they are known
    target: str = "target"
    parts: np.ndarray | None = None  # (N,) of "train", "validation", "test"
    notes: tuple[str, ...] = ()
    changing: Any = None  # see Table
    targets: tuple[str, ...] = ()  # names of the T columns of y, where there are several
    ordered: bool = False  # the target's values have an order, which is that of `classes`
    groups: np.ndarray | None = None
    weight: np.ndarray | None = None
    time: np.ndarray | None = None
    time_name: str = ""

    @property
    def is_frame(self) -> bool:
        return not isinstance(self.X, np.ndarray)


def join(sources: Mapping[str, Raw]) -> Raw:
    """One `Raw` with all rows of the parts, in the order given; the first part's names count."""
    first = next(iter(sources.values()))
    if len(sources) == 1:
        return first
    for part, raw in sources.items():
        _check_alike(first, raw, part)
    if first.is_frame:
        import pandas as pd

        X = pd.concat([raw.X[list(first.X.columns)] for raw in sources.values()], ignore_index=True)
    else:
        X = np.concatenate([raw.X for raw in sources.values()])
    y = np.concatenate([raw.y for raw in sources.values()])
    parts = np.repeat(list(sources), [len(raw.y) for raw in sources.values()])
    notes = tuple(dict.fromkeys(note for raw in sources.values() for note in raw.notes))
    roles: dict[str, Any] = {
        role: _joined([getattr(raw, role) for raw in sources.values()]) for role in ("groups", "weight", "time")
    }
    return replace(first, X=X, y=y, parts=parts, notes=notes, **roles)


def _joined(values: list[np.ndarray | None]) -> np.ndarray | None:
    given = [value for value in values if value is not None]
    return np.concatenate(given) if len(given) == len(values) else None


def _check_alike(first: Raw, other: Raw, part: str) -> None:
    if first.is_frame != other.is_frame:
        raise ValueError(f"the data and {part}= must be of one kind: both tables (files, DataFrames) or both arrays")
    if first.is_frame:
        ours, theirs = set(map(str, first.X.columns)), set(map(str, other.X.columns))
        if ours != theirs:
            missing, extra = sorted(ours - theirs), sorted(theirs - ours)
            found = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has {', '.join(extra)} too"] * bool(extra)
            raise ValueError(f"{part}={other.name} {' and '.join(found)}: its columns must be those of {first.name}")
    elif first.X.shape[1:] != other.X.shape[1:]:
        raise ValueError(
            f"{part}= has X of shape {other.X.shape}, the data {first.X.shape}: all but the first size must agree"
        )
    if first.y.shape[1:] != other.y.shape[1:]:
        raise ValueError(
            f"the data has y of shape {first.y.shape}, {part}= {other.y.shape}: all but the rows must agree"
        )
    if first.ordered and (not other.ordered or first.classes != other.classes):
        raise ValueError(f"the target's categories or their order differ: {first.name}, {part}={other.name}")
    if (first.y.dtype.kind in "OUS") != (other.y.dtype.kind in "OUS"):
        raise ValueError(f"the target is numbers in one and text in the other of: {first.name}, {part}={other.name}")
