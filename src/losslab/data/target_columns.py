"""Several target columns: each a yes or no of its own (multilabel), or each a quantity (multioutput)."""

from collections.abc import Sequence

import numpy as np

from losslab.data.words import count, some


def read_columns(raw: np.ndarray, names: Sequence[str], task: str | None) -> tuple[np.ndarray, str, str]:
    """(N, T) float32, the task, and how it was found.

    raw: (N, T) numbers or booleans without gaps. Columns that hold 0 and 1 alone are labels, anything else quantities,
    unless `task` says it. Rows with exactly one 1 each are refused unless `task` says that they are labels: they are
    one class spelled in columns. Raises ValueError naming the column, and the first row where there is one.
    """
    if task not in (None, "multilabel", "multioutput"):
        raise ValueError(
            f"task {task!r} wants one target column, found {raw.shape[1]} ({some(list(names), 5)}); several columns "
            "are multilabel (0 and 1) or multioutput (numbers)"
        )
    with np.errstate(over="ignore"):
        values = raw.astype(np.float32)
    zero_one = np.isin(values, (0.0, 1.0))
    if task == "multilabel" and not zero_one.all():
        row, column = (int(place) for place in np.argwhere(~zero_one)[0])
        raise ValueError(
            f"task 'multilabel' wants 0 and 1; target column {names[column]!r} holds {raw[row, column]:g} in row {row} "
            "(counted from 0)"
        )
    if task is None and zero_one.all() and (values.sum(1) == 1).all():
        raise ValueError(
            f"each row of the {raw.shape[1]} target columns has exactly one 1: that is one class in columns. Pass "
            "class indices, y.argmax(1); task='multilabel' (--task multilabel) takes the columns as labels of their own"
        )
    if np.isinf(values).any():
        row, column = (int(place) for place in np.argwhere(np.isinf(values))[0])
        raise ValueError(
            f"target column {names[column]!r} is too large for 32-bit numbers in row {row} (counted from 0)"
        )
    same = [names[column] for column in range(values.shape[1]) if np.ptp(values[:, column]) == 0]
    if same:
        found = values[0, list(names).index(same[0])]
        raise ValueError(
            f"target column {same[0]!r} is {found:g} in all {count(len(values), 'row')}: nothing to learn; drop "
            f"{some(same, 5)}"
        )
    if task is not None:
        return values, task, "as given"
    kind = "multilabel" if zero_one.all() else "multioutput"
    holding = "0 and 1" if zero_one.all() else "numbers"
    return values, kind, f"from {values.shape[1]} target columns of {holding}"
