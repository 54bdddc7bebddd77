"""The columns of a table as numbers: categories one-hot encoded, missing numbers kept as NaN."""

from typing import Any

import numpy as np

from losslab.data.words import count, some

MAX_LEVELS = 20  # more categories than this are not encoded
MOSTLY_NUMBERS = 0.9  # a text column with at least this share of numbers is read as numbers


def encode(frame: Any) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
    """(N, D) float32, the names of the D columns, and notes for people.

    Numbers and booleans stay one column. A text column with at most `MAX_LEVELS` values becomes one column per value
    ("city=Rome"), a missing one counting as a value of its own. Other text and dates are dropped, which the notes say.
    """
    blocks: dict[str, np.ndarray] = {}
    notes: list[str] = []
    one_hot: list[str] = []
    missing: list[str] = []
    for name in frame.columns:
        column = frame[name]
        if column.isna().all():
            notes.append(f"column {name} is empty: not used")
            continue
        values, note = _numbers(column)
        if values is not None:
            blocks[name] = values
            gaps = int(np.isnan(values).sum())
            missing += [f"{name} ({gaps:,})"] * bool(gaps)
        elif not note:
            levels, note = _levels(column)
            blocks |= levels
            one_hot += [f"{name} ({len(levels)})"] * bool(levels)
        notes += [note] * bool(note)
    if one_hot:
        notes.append(f"categories, one column for each value: {some(one_hot)}")
    if missing:
        notes.append(
            f"missing numbers are filled with the training rows' median and marked in a column of their own: "
            f"{some(missing)}"
        )
    if not blocks:
        raise ValueError("no column is left to learn from" + (": " + "; ".join(notes) if notes else ""))
    with np.errstate(over="ignore"):
        return np.stack(list(blocks.values()), axis=1).astype(np.float32), tuple(blocks), notes


def _numbers(column: Any) -> tuple[np.ndarray | None, str]:
    """The column as float64, or None where it is no column of numbers; and a note."""
    import pandas as pd
    from pandas.api import types

    if types.is_complex_dtype(column):
        return None, f"column {column.name} is complex: not used"
    if types.is_numeric_dtype(column):  # booleans too
        return column.to_numpy(dtype=np.float64, na_value=np.nan), ""
    if types.is_datetime64_any_dtype(column) or types.is_timedelta64_dtype(column):
        return None, f"column {column.name} holds dates: not used (pass numbers, such as days since a day)"
    if isinstance(column.dtype, pd.CategoricalDtype):
        return None, ""
    values, wrong = parse_numbers(column)
    if values is None:
        return None, ""
    if not len(wrong):
        return values, ""
    return values, (
        f"column {column.name}: {count(len(wrong), 'value')} {'is' if len(wrong) == 1 else 'are'} no number "
        f"(first: {column.iloc[wrong[0]]!r} in row {wrong[0]}) and count as missing"
    )


def parse_numbers(column: Any) -> tuple[np.ndarray | None, np.ndarray]:
    """Text that is mostly numbers as float64 with NaN, and the rows whose text is none; (None, ...) for other text."""
    import pandas as pd

    column = pd.Series(column)
    text = column.map(lambda value: isinstance(value, bool)).to_numpy(dtype=bool)
    values = pd.to_numeric(column.where(~text, "bool"), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    given = column.notna().to_numpy()
    wrong = np.flatnonzero(given & np.isnan(values))
    return (values if len(wrong) <= (1 - MOSTLY_NUMBERS) * given.sum() else None), wrong


def _levels(column: Any) -> tuple[dict[str, np.ndarray], str]:
    """One 0/1 column for each value, or none and the reason."""
    given = column.notna().to_numpy()
    words = column.astype(object).where(column.notna(), None).map(lambda word: str(word).strip()).to_numpy(dtype=object)
    levels = sorted(set(words[given]))
    if len(levels) > MAX_LEVELS:
        mostly = len(levels) > given.sum() / 2
        why = "text, mostly different in each row" if mostly else f"{len(levels)} categories, more than {MAX_LEVELS}"
        return {}, f"column {column.name}: {why}: not used"
    blocks = {f"{column.name}={level}": (given & (words == level)).astype(np.float64) for level in levels}
    if not given.all():
        blocks[f"{column.name} missing"] = (~given).astype(np.float64)
    return blocks, ""
