"""The target: which task it asks for, and its values as class indices or real numbers."""

from dataclasses import dataclass
from typing import Any, cast, get_args

import numpy as np
import torch
from torch import Tensor

from losslab.data.frame import parse_numbers
from losslab.data.table import Task
from losslab.data.target_columns import read_columns
from losslab.data.target_kinds import check_amounts, read_ordered
from losslab.data.words import count, nearest, some

FEW = 20  # whole numbers with at most this many values are classes
AMOUNTS = ("regression", "count", "positive")
MANY = 1000  # labels 0, 1, ... without a gap are classes up to this many values


@dataclass(frozen=True)
class Target:
    """y: (N,) int64 class indices or float32 numbers, or (N, T) float32."""

    y: Tensor
    task: Task
    why: str
    classes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()  # names of the T columns


def read_target(
    raw: np.ndarray, name: str, task: str | None = None, classes: tuple[str, ...] = (), *, ordered: bool = False,
    targets: tuple[str, ...] = (),
) -> Target:  # fmt: skip
    """Infers the task from the values unless `task` says it; labels of any kind become 0..C-1 in sorted order.

    Text and booleans are classes. Whole numbers are classes where there are few of them (at most 20 values, each five
    times on average, or labels 0, 1, ... without a gap, each ten times), else a quantity. Fractions are a quantity.
    Several columns (N, T), called `targets`, are labels where they hold 0 and 1 alone, else quantities. Counts,
    positive amounts and ordered classes are never inferred from numbers; `ordered` says that `classes` are in an order.
    """
    if task is not None and task not in get_args(Task):
        raise ValueError(f"no task {task!r}{nearest(task, get_args(Task))}; tasks: {', '.join(get_args(Task))}")
    if raw.ndim == 2:
        return _several(raw, targets or tuple(f"y{place}" for place in range(raw.shape[1])), task)
    if task in ("multilabel", "multioutput"):
        one = "binary" if task == "multilabel" else "regression"
        raise ValueError(f"task {task!r} wants several target columns; {name!r} is one: use task {one!r}")
    values = _values(raw, name)
    levels, codes = np.unique(values, return_inverse=True)
    if task == "ordinal" or (ordered and task is None and len(levels) > 2):
        each = [_label(value) for value in values]
        y, names, found = read_ordered(values, name, classes if ordered else (), each)
        return Target(torch.from_numpy(y), "ordinal", found if task is None else f"as given: {found}", names)
    if task in ("count", "positive"):
        check_amounts(values, name, task)
    inferred, why = _infer(values, levels, task)
    if len(levels) < 2:
        raise ValueError(
            f"the target {name!r} is {_label(levels[0])!r} in all {count(len(values), 'row')}: nothing to learn"
        )
    if inferred in AMOUNTS:
        return Target(_real(values, name), inferred, why)
    if ordered:  # two classes: the order says which of them is the first
        y, labels, _ = read_ordered(values, name, classes, [_label(value) for value in values], least=2)
        return Target(torch.from_numpy(y), inferred, why, labels)
    labels = classes if len(classes) == len(levels) else tuple(_label(level) for level in levels)
    return Target(torch.from_numpy(codes.reshape(-1).astype(np.int64)), inferred, why, labels)


def _several(raw: np.ndarray, names: tuple[str, ...], task: str | None) -> Target:
    """(N, T) columns, each read as a target of its own would be."""
    columns = [_values(raw[:, place], name) for place, name in enumerate(names)]
    for column, name in zip(columns, names, strict=True):
        if column.dtype.kind not in "biuf":
            raise ValueError(
                f"target column {name!r} is text ({some(sorted(set(column)), 3)}): pass 0 and 1, or numbers"
            )
    y, found, why = read_columns(np.stack([column.astype(np.float64) for column in columns], axis=1), names, task)
    return Target(torch.from_numpy(y), cast(Task, found), why, targets=names)


def _infer(values: np.ndarray, levels: np.ndarray, task: str | None) -> tuple[Task, str]:
    text = values.dtype.kind == "O"
    size = len(levels)
    if task in AMOUNTS:
        if text:
            raise ValueError(f"the target is text ({some([_label(level) for level in levels], 3)}): no {task}")
        return cast(Task, task), "as given"
    if task == "binary" and size != 2:
        found = some([_label(level) for level in levels], 5)
        raise ValueError(f"task 'binary' wants two classes; the target has {size} different values: {found}")
    if text and size > max(FEW, len(values) / 5):
        raise ValueError(
            f"the target is text with {size:,} different values in {count(len(values), 'row')}: these are no classes"
        )
    if task is not None:
        return cast(Task, task), "as given"

    classes: Task = "binary" if size == 2 else "multiclass"
    if text:
        return classes, f"from a text target with {size} different values"
    if values.dtype.kind == "b":
        return classes, "from a true/false target"
    whole = values.dtype.kind in "iu" or bool(np.all(values == np.round(values)))
    if not whole:
        return "regression", f"from a numeric target with {size:,} different values"
    counted = size <= MANY and bool(np.array_equal(levels, np.arange(size)))  # labels as classifiers number them
    if counted and (size <= 2 or len(values) >= (5 if size <= FEW else 10) * size):
        return classes, "from an integer target"
    if size <= 2 or (size <= FEW and len(values) >= 5 * size):
        return (
            classes,
            f"from whole numbers with {size} different values; task=regression would take them as a quantity",
        )
    hint = "; task=multiclass would take them as classes" if size <= len(values) / 5 else ""
    return "regression", f"from whole numbers with {size:,} different values{hint}"


def _values(raw: np.ndarray, name: str) -> np.ndarray:
    """Numbers, booleans, or an object array of strings; missing and infinite values are refused."""
    if raw.dtype.kind in "biu":
        return raw
    if raw.dtype.kind == "f":
        _refuse(np.isnan(raw), name, "missing (NaN)")
        _refuse(np.isinf(raw), name, "infinite")
        return raw
    if raw.dtype.kind not in "OUS":
        raise ValueError(f"the target {name!r} holds {raw.dtype}: numbers, booleans or text are wanted")
    items: list[Any] = raw.tolist()
    _refuse(np.array([_is_missing(item) for item in items], dtype=bool), name, "missing")
    kinds = {type(item) for item in items}
    if kinds <= {bool, np.bool_}:
        return np.array(items, dtype=bool)
    if all(issubclass(kind, int | float | np.number) for kind in kinds):
        return _values(np.array(items), name)
    words = np.array([str(item).strip() for item in items], dtype=object)
    numbers, wrong = parse_numbers(words)
    if numbers is not None and len(np.unique(numbers)) > FEW:
        if len(wrong):
            raise ValueError(
                f"the target {name!r} holds numbers, and text in {count(len(wrong), 'row')}; "
                f"first: {words[wrong[0]]!r} in row {wrong[0]} (counted from 0). Correct or remove these rows"
            )
        return _values(numbers, name)
    return words


def _real(values: np.ndarray, name: str) -> Tensor:
    with np.errstate(over="ignore"):
        real = values.astype(np.float32)
    _refuse(np.isinf(real), name, "too large for 32-bit numbers")
    if len(np.unique(real)) < 2:
        raise ValueError(f"the target {name!r} varies too little around {real[0]:g} for 32-bit numbers: subtract it")
    return torch.from_numpy(real)


def _refuse(wrong: np.ndarray, name: str, what: str) -> None:
    if wrong.any():
        raise ValueError(
            f"the target {name!r} is {what} in {count(int(wrong.sum()), 'row')}; first: row {int(wrong.argmax())} "
            "(counted from 0). Remove or correct these rows"
        )


def _is_missing(item: Any) -> bool:
    # None, NaN, and pandas' NA and NaT, which are the only values that are not equal to themselves or say so by name
    return item is None or type(item).__name__ in ("NAType", "NaTType") or bool(item != item)


def _label(level: Any) -> str:
    if isinstance(level, float | np.floating) and float(level).is_integer():
        return str(int(level))
    return str(level)
