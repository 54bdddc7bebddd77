"""What becomes of each column of a table: numbers as they are, categories and dates encoded, the rest left out."""

import hashlib
from typing import Any

import numpy as np

from losslab.data.encode import CYCLES, Column, Encoding, as_float32, cycles, with_text_names
from losslab.data.frame import forms_of, holds_dates, looks_written, parse_numbers, read_days, read_words
from losslab.data.kinds import refuse_nested
from losslab.data.words import count, some

MAX_LEVELS = 20  # a category with more values than this has codes, one column for all
MAX_CODES = 1000  # one with more than this is not encoded
MOST_GAPS = 20  # words among numbers that are remembered as a sign for a missing one


def encode(frame: Any) -> tuple[np.ndarray, Encoding, list[str]]:
    """(N, D) float32, how it was made, and notes for people.

    Numbers and booleans stay one column. Text with at most `MAX_LEVELS` values becomes one column per value
    ("city=Rome"), a missing one counting as a value of its own; with more values it becomes codes. Dates become days
    and the place in the year, the week and the day; durations days. What is constant, says the same as another column,
    or differs in most rows is left out, which the notes say.
    """
    frame = with_text_names(frame)
    columns: list[Column] = []
    blocks: list[np.ndarray] = []
    notes: list[str] = []
    seen: dict[bytes, str] = {}
    for name in frame.columns:
        if frame[name].isna().all():
            notes.append(f"column {name} is empty: not used")
            continue
        column, note = _column(frame[name])
        notes += [note] * bool(note)
        if column is None:
            continue
        block = column.values(frame[name], [])
        reason = _useless(block, name, seen)
        if reason:
            notes.append(f"column {name} {reason}: not used")
            continue
        notes += [_counting(block, name)] * bool(_counting(block, name))
        columns.append(column)
        blocks.append(block)
    if not columns:
        raise ValueError("no column is left to learn from" + (": " + "; ".join(notes) if notes else ""))
    used = {column.name for column in columns}
    encoding = Encoding(tuple(columns), tuple(name for name in frame.columns if name not in used))
    return as_float32(blocks, len(frame)), encoding, notes + _made(columns, blocks)


def _column(column: Any) -> tuple[Column | None, str]:
    """How a column is encoded, or None; and a note."""
    import pandas as pd
    from pandas.api import types

    name = str(column.name)
    if types.is_complex_dtype(column):
        return None, f"column {name} is complex: not used"
    if types.is_numeric_dtype(column) or types.is_bool_dtype(column):
        return Column(name, "number", (name,)), ""
    if column.dtype.kind == "m":
        return Column(name, "duration", (f"{name} days",)), ""
    if holds_dates(column):
        return _date(column, "")
    if not isinstance(column.dtype, pd.CategoricalDtype):
        values, wrong = parse_numbers(column)
        if values is not None and not np.isnan(values).all():
            gaps, note = _gaps(column, wrong, "number")
            return Column(name, "number", (name,), gaps=gaps), note
    _refuse_lists(column)
    codes, counts, words = read_words(column)
    if not words:
        return None, f"column {name} is empty: not used"
    forms = forms_of(words)
    if len(forms) == 1:
        return _date(column, forms[0])
    found, note = _category(name, codes, counts, words)
    doubt = ""
    if forms:
        doubt = f"column {name} looks like dates, but day and month are in doubt: write 2026-12-31"
    signs = parse_numbers(words)[1]  # none where categories are numbers
    if not forms and len(signs) and looks_written(words):
        sign = words[signs[0]]
        doubt = (
            f"column {name} looks like numbers, but holds text (first: {sign!r}): write 1234.5, and nothing for none"
        )
    return found, "; ".join(filter(None, (doubt, note)))


def _refuse_lists(column: Any) -> None:
    """As files and polars frames with lists in their cells are refused."""
    from pandas.api import types

    first = column.iloc[int(column.notna().to_numpy().argmax())]
    if types.is_list_like(first):
        refuse_nested([f"{column.name} ({type(first).__name__})"], "the data")


def _date(column: Any, form: str) -> tuple[Column, str]:
    """A column of dates: those cycles of which more than one place is met."""
    days, wrong = read_days(column, form)
    known = days[~np.isnan(days)]
    gaps, note = _gaps(column, wrong, "date")
    varies = [cycle for cycle, place in cycles(known).items() if len(np.unique(place)) > 1]
    made = [f"{column.name} days", *(f"{column.name} {cycle} {wave}" for cycle in varies for wave in ("sin", "cos"))]
    return Column(str(column.name), "date", tuple(made), (), gaps, form, int(np.floor(known.min()))), note


def _gaps(column: Any, wrong: np.ndarray, what: str) -> tuple[tuple[str, ...], str]:
    """The words among numbers or dates that count as missing, and a note."""
    if not len(wrong):
        return (), ""
    words = dict.fromkeys(str(word).strip() for word in column.iloc[wrong])
    return tuple(words)[:MOST_GAPS], (
        f"column {column.name}: {count(len(wrong), 'value')} {'is' if len(wrong) == 1 else 'are'} no {what} "
        f"(first: {column.iloc[wrong[0]]!r} in row {wrong[0]}) and count{'s' * (len(wrong) == 1)} as missing"
    )


def _category(name: str, codes: np.ndarray, counts: np.ndarray, words: list[str]) -> tuple[Column | None, str]:
    """One 0/1 column for each value where these are few, else codes; None and the reason for too many."""
    if len(words) <= MAX_LEVELS:
        levels = tuple(sorted(words))
        gap = (f"{name} missing",) if (codes < 0).any() else ()
        return Column(name, "one-hot", (*(f"{name}={level}" for level in levels), *gap), levels), ""
    if len(words) > (codes >= 0).sum() / 2:
        return None, f"column {name}: text, mostly different in each row: not used"
    often = sorted((-int(times), word) for times, word in zip(counts, words, strict=True) if times > 1)
    if len(words) > MAX_CODES:
        return None, f"column {name}: {len(words):,} categories, more than {MAX_CODES:,}: not used"
    return Column(name, "codes", (name,), tuple(word for _, word in often)), ""


def _useless(block: np.ndarray, name: str, seen: dict[bytes, str]) -> str:
    """Why the columns made from one column tell nothing: constant, or those of another one again."""
    if np.isfinite(block).all():
        if bool((block == block[0]).all()):
            return "is the same in each row"
        with np.errstate(over="ignore"):
            if np.ptp(block.astype(np.float32), axis=0).max() == 0:
                return f"varies too little around {block[0, 0]:g} for 32-bit numbers (subtract that)"
    key = hashlib.sha256(np.ascontiguousarray(block).tobytes()).digest() + bytes([block.shape[1] % 256])
    other = seen.setdefault(key, name)
    return f"says the same as column {other} in each row" if other != name else ""


def _counting(block: np.ndarray, name: str) -> str:
    """A note where a column counts the rows, in any order."""
    if block.shape[1] > 1 or not np.isfinite(block).all() or len(block) < 2:
        return ""
    if np.ptp(block[:, 0]) != len(block) - 1 or not (np.diff(np.sort(block[:, 0])) == 1).all():  # sorting takes long
        return ""
    return f"column {name} counts the rows, each number once: if it only numbers them, leave it out (drop)"


def _made(columns: list[Column], blocks: list[np.ndarray]) -> list[str]:
    """Notes on what was made of categories, dates and missing numbers."""
    kinds = {
        "categories, one column for each value": [
            f"{c.name} ({len(c.made)})" for c in columns if c.kind == "one-hot"
        ],
        f"categories of more than {MAX_LEVELS} values, as codes to embed (0: any other, and what is met once)": [
            f"{c.name} ({len(c.levels) + 1})" for c in columns if c.kind == "codes"
        ],
        "dates, as days from the first, and the place in": [
            f"{c.name} ({', '.join(cycle for cycle in CYCLES if f'{c.name} {cycle} sin' in c.made) or 'nothing else'})"
            for c in columns if c.kind == "date"
        ],
        "durations, as days": [c.name for c in columns if c.kind == "duration"],
    }  # fmt: skip
    notes = [f"{what}: {some(names)}" for what, names in kinds.items() if names]
    gaps = [(column.name, int(np.isnan(block[:, 0]).sum())) for column, block in zip(columns, blocks, strict=True)]
    missing = [f"{name} ({number:,})" for name, number in gaps if number]
    if missing:
        notes.append(
            f"missing numbers are filled with the training rows' median and marked in a column of their own: "
            f"{some(missing)}"
        )
    return notes
