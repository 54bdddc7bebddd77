"""From raw data to a checked table: encoding, task, parts, and what cannot be learned from."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from losslab.data.columns import encode
from losslab.data.parts import repeated, row_keys
from losslab.data.raw import PARTS, Raw
from losslab.data.roles import role_notes, role_tensors
from losslab.data.table import CLASSES, Split, Table
from losslab.data.target import read_target
from losslab.data.words import count, some

MIN_ROWS = 30


def make_table(raw: Raw, task: str | None = None) -> Table:
    """Encodes, infers the task and checks; raises ValueError naming what was found and where."""
    if len(raw.y) < MIN_ROWS:
        raise ValueError(f"{raw.name} has {count(len(raw.y), 'row')}: too few; at least {MIN_ROWS} are needed")
    encoding, notes = None, list[str]()
    if raw.is_frame:
        X, encoding, notes = encode(raw.X)
        columns = encoding.names
    else:
        X, columns = raw.X, raw.columns or _numbered(raw.X)
    _check_features(X, columns, missing=raw.is_frame)
    found = read_target(raw.y, raw.target, task, raw.classes, ordered=raw.ordered, targets=raw.targets)
    roles = role_tensors(raw)
    table = Table(
        raw.name, torch.from_numpy(X), found.y, found.task, found.why, columns, found.classes, raw.target,
        tabular=X.ndim == 2, split=_split(raw), checksum=_checksum(X, found.y.numpy(), roles), changing=raw.changing,
        encoding=encoding, levels=encoding.levels if encoding else {}, targets=found.targets, **roles,
    )  # fmt: skip
    _check_parts(table)
    return replace(table, notes=(*raw.notes, *role_notes(raw), *notes, *_repeats(table, raw.is_frame)))


def _numbered(X: np.ndarray) -> tuple[str, ...]:
    return tuple(f"x{i}" for i in range(X.shape[1])) if X.ndim == 2 else ()


def _check_features(X: np.ndarray, columns: tuple[str, ...], missing: bool) -> None:
    """Refuses infinite values, and NaN where it is no sign for a missing value."""
    if X.ndim < 2 or 0 in X.shape:
        raise ValueError(f"X has shape {X.shape}: there is nothing in it")
    fix = "; fill them, remove these rows, or pass a pandas DataFrame, whose missing values are filled"
    for what, wrong, then in (("infinite or too large", np.isinf(X), ""), ("NaN", np.isnan(X), fix)):
        if wrong.any() and not (missing and what == "NaN"):
            rows = wrong.reshape(len(X), -1).any(1)
            row = int(rows.argmax())
            places = np.flatnonzero(wrong.any(0)) if X.ndim == 2 else np.array([], int)
            where = f"column {some([columns[place] for place in places], 5)}" if len(places) else "X"
            raise ValueError(
                f"{where}: {count(int(wrong.sum()), 'value')} {'is' if wrong.sum() == 1 else 'are'} {what}; "
                f"first in row {row} (counted from 0){then}"
            )


def _split(raw: Raw) -> Split | None:
    if raw.parts is None:
        return None
    rows = {part: torch.from_numpy(np.flatnonzero(raw.parts == part)) for part in PARTS}
    if not len(rows["train"]):
        raise ValueError("the split column marks no row as train")
    own = [part for part in PARTS[1:] if len(rows[part])]
    return Split(**rows, how=f"{' and '.join(own)} as given" if own else "as given")


def _check_parts(table: Table) -> None:
    """Every class, and for numbers more than one value, must reach every part that is drawn from the training rows."""
    split = table.split
    rows = split.train if split else torch.arange(len(table.y))
    drawn = 1 + sum(not len(part) for part in (split.validation, split.test)) if split else len(PARTS)
    if table.task not in CLASSES:
        names = table.targets or (table.target,)
        for name, column in zip(names, table.y[rows].reshape(len(rows), -1).unbind(-1), strict=True):
            if len(torch.unique(column)) < 2:
                raise ValueError(f"the target {name!r} is {column[0]:g} in all training rows")
        return
    sizes = torch.bincount(table.y[rows], minlength=len(table.classes))
    for label, size in enumerate(sizes.tolist()):
        if size < drawn:
            place = f"(first: row {int((table.y == label).nonzero()[0])}, counted from 0)"
            few = f"{count(size, 'row')}{' among the training rows' if split else ''}"
            more = sum(int(other) < drawn for other in sizes) - 1
            too = f"; {count(more, 'other class', 'other classes')} too" if more else ""
            raise ValueError(
                f"class {table.classes[label]!r} of {table.target!r} has {few}{too} {place}; at least {drawn} are "
                "needed for every part to get one. Remove the class, merge it with another, or add rows"
            )


def _repeats(table: Table, frame: bool) -> list[str]:
    """Notes on rows that stand in the data twice, and in the user's own validation or test part and in training."""
    notes = []
    if frame:
        again = len(table.y) - len(np.unique(row_keys(table.X.numpy(), table.y.numpy())))
        notes += [f"{count(again, 'row')} {'repeats' if again == 1 else 'repeat'} an earlier one"] * bool(again)
    if table.split is None:
        return notes
    return notes + repeated(table, table.split, [part for part in PARTS[1:] if len(getattr(table.split, part))])


def _checksum(X: np.ndarray, y: np.ndarray, roles: Mapping[str, Any]) -> str:
    """Of all that a study reads: features, targets, and the groups, weights and times that there are."""
    digest = hashlib.sha256(np.ascontiguousarray(X).tobytes())
    digest.update(y.tobytes())
    for name, values in sorted(roles.items()):
        if isinstance(values, torch.Tensor):
            digest.update(name.encode() + values.numpy().tobytes())
    return digest.hexdigest()[:12]
