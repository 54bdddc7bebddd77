"""Tasks that are never inferred, since it would surprise: counts, positive amounts and classes in an order."""

from collections.abc import Sequence

import numpy as np

from losslab.data.words import count, some

ONLY = {"count": "whole numbers from 0 on", "positive": "numbers above 0"}
MOST_ORDERED = 100  # ordered classes: more are a quantity


def check_amounts(values: np.ndarray, name: str, task: str) -> None:
    """Raises ValueError, naming the first row, where a count or a positive amount is none."""
    if values.dtype.kind not in "biuf":
        raise ValueError(f"task {task!r} wants {ONLY[task]}; the target {name!r} is text")
    wrong = (values < 0) | (values != np.round(values)) if task == "count" else values <= 0
    if wrong.any():
        row = int(wrong.argmax())
        other = "positive" if task == "count" and values.min() > 0 else "regression"
        raise ValueError(
            f"task {task!r} wants {ONLY[task]}; the target {name!r} is {values[row]:g} in row {row} (counted from 0), "
            f"and no such number in {count(int(wrong.sum()), 'row')}. Correct these rows, or use task {other!r}"
        )


def read_ordered(
    values: np.ndarray, name: str, order: Sequence[str], label_of: Sequence[str], least: int = 3
) -> tuple[np.ndarray, tuple[str, ...], str]:
    """Codes (N,) int64 of ordered classes, their names in order, and what was found in words.

    Numbers are ordered by size; text needs `order`, the names from the lowest on, of which those without a row are
    left out. label_of: the name of each value. Raises ValueError in words.
    """
    labels = np.asarray(label_of, dtype=object)
    text = values.dtype.kind == "O"
    if text and not order:
        raise ValueError(
            f"the target {name!r} is text ({some(sorted(set(labels)), 3)}), whose order is not known. Pass a pandas "
            f"Categorical: pd.Categorical(y, categories=[lowest, ..., highest], ordered=True); or numbers 0, 1, 2, ..."
        )
    if order:
        present = set(labels)
        unknown = sorted(present - set(order))
        if unknown:
            raise ValueError(f"the target {name!r} holds {unknown[0]!r}, which is not in its order {some(order, 5)}")
        classes = tuple(label for label in order if label in present)
        empty = [label for label in order if label not in present]
        found = f"{len(classes)} classes in the order given" + f"; no row has {some(empty, 5)}" * bool(empty)
    else:
        levels, first = np.unique(values, return_index=True)
        classes = tuple(labels[first])
        found = f"{len(levels)} classes in the order of their numbers"
    if not least <= len(classes) <= MOST_ORDERED:
        hint = "use task 'binary'" if len(classes) < 3 else "use task 'regression'"
        raise ValueError(
            f"task 'ordinal' wants 3 to {MOST_ORDERED} classes; the target {name!r} has {len(classes):,}: {hint}"
        )
    place = {label: code for code, label in enumerate(classes)}
    return np.array([place[label] for label in labels], dtype=np.int64), classes, found
