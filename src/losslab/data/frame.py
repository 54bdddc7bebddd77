"""One column of a DataFrame as numbers, as words or as days, each told apart from the others."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

MOSTLY_NUMBERS = 0.9  # a text column with at least this share of numbers (or of dates) is read as numbers (or dates)
FIRST_WORDS = 200  # of a text column, tried as dates before all of them are
WRITTEN = re.compile(r"[$€£¥]? ?[+-]?(\d{1,3}([,' ]\d{3})+|\d+)([.,]\d+)? ?[%$€£¥]?")
DAY = 86_400e6  # microseconds
_TIMES = ("", " %H:%M", " %H:%M:%S")
_DAYS = ("%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y")
ZONE = re.compile(r"(:\d\d(?:\.\d+)?)\s*(?:Z|[+-]\d\d(?::?\d\d)?)$")  # what follows a time
FORMS = ("ISO8601", *(day + time for day in _DAYS for time in _TIMES))


def parse_numbers(column: Any) -> tuple[np.ndarray | None, np.ndarray]:
    """Text that is mostly numbers as float64 with NaN, and the rows whose text is none; (None, ...) for other text."""
    import pandas as pd

    column = pd.Series(column)
    values, wrong = read_numbers(column, booleans=False)
    return (values if len(wrong) <= (1 - MOSTLY_NUMBERS) * column.notna().sum() else None), wrong


def read_numbers(column: Any, booleans: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """The column as float64, NaN where it is missing or no number, and the rows that hold something that is none.

    booleans: whether True and False among other things are 1 and 0.
    """
    import pandas as pd
    from pandas.api import types

    column = pd.Series(column)
    if types.is_numeric_dtype(column) or types.is_bool_dtype(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan), np.array([], np.int64)
    codes, found = _distinct(column)
    truth = [isinstance(value, bool | np.bool_) for value in found]
    words = [
        value if not true else float(value) if booleans else "bool" for value, true in zip(found, truth, strict=True)
    ]
    parsed = pd.to_numeric(pd.Series([*words, None], dtype=object), errors="coerce")
    values = parsed.to_numpy(dtype=np.float64, na_value=np.nan)[codes]  # a missing one has code -1
    return values, np.flatnonzero((codes >= 0) & np.isnan(values))


def _distinct(column: Any) -> tuple[np.ndarray, np.ndarray]:
    """The place of each row's value among the different ones, -1 where it is missing or blank, and these values."""
    import pandas as pd

    try:
        codes, found = pd.factorize(column)
    except TypeError:  # lists and other things that cannot be counted
        codes, found = pd.factorize(column.map(str, na_action="ignore"))
    found = np.asarray(found, dtype=object)
    blank = np.array([*(isinstance(value, str) and not value.strip() for value in found), False])
    return np.where(blank[codes], -1, codes), found


def read_words(column: Any) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Categories: a place (N,) in the words, -1 where missing; the counts of the words; and these, all different."""
    codes, found = _distinct(column)
    words = [str(word).strip() for word in found]
    places = {word: place for place, word in enumerate(dict.fromkeys(filter(None, words)))}
    turn = np.array([*(places.get(word, -1) for word in words), -1], np.int64)  # the last is reached by code -1
    codes = turn[codes]
    return codes, np.bincount(codes[codes >= 0], minlength=len(places)), list(places)


def read_days(column: Any, form: str) -> tuple[np.ndarray, np.ndarray]:
    """Days since 1970, NaN where there is none, and the wrong rows. form: how text writes dates, read as UTC; "" is for
    dates by the clock on the wall. Dates in place of text, and text in place of dates, are read in the same way."""
    import pandas as pd

    if holds_dates(column):
        codes, stamps = np.where(column.isna(), -1, 0), as_dates(column, utc=bool(form)).to_numpy()
    else:
        codes, found = _distinct(column)
        words = [str(word).strip() for word in found]
        text = pd.Index([*(words if form else (ZONE.sub(r"\1", word) for word in words)), None], dtype=object)
        # Text with and without a time zone may be mixed: all is read as UTC.
        read = pd.to_datetime(text, format=form or "ISO8601", errors="coerce", utc=True)
        stamps = read.tz_localize(None).to_numpy()[codes]
    stamps = stamps.astype("datetime64[us]")
    days = np.where(np.isnat(stamps), np.nan, stamps.astype(np.int64) / DAY)
    return days, np.flatnonzero((codes >= 0) & np.isnan(days))


def as_dates(column: Any, utc: bool = False) -> Any:
    """A column of dates of any kind without its time zone: the clock on the wall counts, or that of UTC."""
    import pandas as pd

    if isinstance(column.dtype, pd.PeriodDtype):
        return column.dt.to_timestamp()
    if column.dtype == object and not utc:  # each may have a zone of its own
        column = column.map(lambda date: date.replace(tzinfo=None) if getattr(date, "tzinfo", None) else date)
    column = pd.to_datetime(column, utc=utc)
    return column.dt.tz_localize(None) if getattr(column.dt, "tz", None) is not None else column


def holds_dates(column: Any) -> bool:
    """Whether the values are dates (not text that looks like dates)."""
    import pandas as pd
    from pandas.api import types

    if types.is_datetime64_any_dtype(column) or isinstance(column.dtype, pd.PeriodDtype):
        return True
    return column.dtype == object and types.infer_dtype(column, skipna=True) in ("date", "datetime", "datetime64")


def forms_of(words: Sequence[str]) -> list[str]:
    """How these words write dates, as pandas takes it: none where they are no dates, two where day and month are in
    doubt."""
    import pandas as pd

    def share(form: str, some: Sequence[str]) -> float:
        found = pd.to_datetime(pd.Index(some, dtype=object), format=form, errors="coerce", utc=True)
        return float(found.notna().mean())

    likely = [word for word in words[:FIRST_WORDS] if len(word) >= 8 and sum(letter.isdigit() for letter in word) >= 6]
    if len(likely) < MOSTLY_NUMBERS * len(words[:FIRST_WORDS]):
        return []
    tried = [form for form in FORMS if share(form, likely) > 0]
    return [form for form in tried if share(form, words) >= MOSTLY_NUMBERS]


def looks_written(words: Sequence[str]) -> bool:
    """Whether text is mostly numbers as people write them: with thousands separators, percent or currency signs."""
    some = words[:FIRST_WORDS]
    return sum(bool(WRITTEN.fullmatch(word)) for word in some) >= max(MOSTLY_NUMBERS * len(some), 1)
