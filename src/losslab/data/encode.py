"""How the columns of a table become numbers: found once, written down, and done again for new rows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from losslab.data.frame import read_days, read_numbers, read_words
from losslab.data.words import count, nearest, some

Kind = Literal["number", "one-hot", "codes", "date", "duration"]
CYCLES = {"month": 12, "weekday": 7, "hour": 24}


@dataclass(frozen=True)
class Column:
    """One column of a frame and the columns that it becomes, `made`.

    levels: the words of a category, in the order of their columns, or of their codes 1, 2, ... (0 is any other word or
    none). gaps: the words that count as missing among numbers or dates. form: how text writes dates. origin: the day,
    counted from 1970, that dates are counted from.
    """

    name: str
    kind: Kind
    made: tuple[str, ...]
    levels: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    form: str = ""
    origin: int = 0

    def values(self, column: Any, notes: list[str]) -> np.ndarray:
        """(N, columns made) float64 from a pandas Series; NaN for missing numbers. Raises ValueError for others."""
        if self.kind in ("one-hot", "codes"):
            return self._categories(column, notes)
        if self.kind == "duration":
            return duration_days(column)[:, None]
        if self.kind == "number":
            found, wrong = read_numbers(column)
        else:
            found, wrong = read_days(column, self.form)
        for row in wrong:
            if str(column.iloc[row]).strip() not in self.gaps:
                what = "number" if self.kind == "number" else "date" + f" such as {self.form}" * bool(self.form)
                raise ValueError(
                    f"column {self.name}: {column.iloc[row]!r} in row {row} (counted from 0) is no {what}, "
                    "as the model was trained on"
                )
        return found[:, None] if self.kind == "number" else self._parts(found)

    def _categories(self, column: Any, notes: list[str]) -> np.ndarray:
        codes, counts, words = read_words(column)
        known = {word: place for place, word in enumerate(self.levels)}
        unknown = len(self.levels)
        place = np.array([*(_place(word, known) for word in words), unknown], np.int64)
        new = [word for word, where in zip(words, place, strict=False) if where == unknown]
        if new:
            rows = int(counts[place[:-1] == unknown].sum())
            taken = "the code for others" if self.kind == "codes" else "none of the known ones"
            notes.append(
                f"column {self.name}: {count(rows, 'value')} that the model does not know ({some(new, 3)}): {taken}"
            )
        if (codes < 0).any() and self.kind == "one-hot" and len(self.made) == unknown:
            missing = count(int((codes < 0).sum()), "value")
            notes.append(f"column {self.name}: {missing} missing, and never so in training: none of the known ones")
        if self.kind == "codes":
            return ((place[codes] + 1) % (unknown + 1)).astype(np.float64)[:, None]
        found = place[codes][:, None] == np.arange(unknown)
        gaps = [(codes < 0)[:, None]] * (len(self.made) - unknown)
        return np.hstack([found, *gaps]).astype(np.float64)

    def _parts(self, days: np.ndarray) -> np.ndarray:
        """Days since the origin, and where each cycle stands: the sine and cosine of its angle, 0 where missing."""
        made = {f"{self.name} days": days - self.origin}
        for cycle, place in cycles(days).items():
            angle = 2 * np.pi * place / CYCLES[cycle]
            made[f"{self.name} {cycle} sin"] = np.nan_to_num(np.sin(angle))
            made[f"{self.name} {cycle} cos"] = np.nan_to_num(np.cos(angle))
        return np.stack([made[name] for name in self.made], axis=1)


@dataclass(frozen=True)
class Encoding:
    """How the columns of a frame became those of X. `ignored` columns stood in the data and are not used."""

    columns: tuple[Column, ...]
    ignored: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns of X."""
        return tuple(name for column in self.columns for name in column.made)

    @property
    def levels(self) -> dict[int, int]:
        """The columns of X that hold codes 0..L-1, and L."""
        places = {name: place for place, name in enumerate(self.names)}
        return {places[c.made[0]]: len(c.levels) + 1 for c in self.columns if c.kind == "codes"}

    def apply(self, frame: Any, notes: list[str] | None = None) -> np.ndarray:
        """New rows, (N, D) float32, in the order given; the same rows give the same numbers as before.

        frame: a pandas DataFrame whose columns may stand in any order. Columns that are not known are left out, and
        `notes` is told so, as of words that no category has. Raises ValueError for a column that is not there or is of
        another kind, and for infinite values.
        """
        notes = [] if notes is None else notes
        frame = with_text_names(frame)
        given = list(frame.columns)
        lacking = [column.name for column in self.columns if column.name not in given]
        if lacking:
            near = nearest(lacking[0], given)
            raise ValueError(
                f"no column {some([repr(name) for name in lacking])}, which the model was trained on{near}"
            )
        known = {*(column.name for column in self.columns), *self.ignored}
        extra = [name for name in given if name not in known]
        if extra:
            notes.append(f"not used by the model and left out: {some(extra)}")
        X = as_float32([column.values(frame[column.name], notes) for column in self.columns], len(frame))
        wrong = np.isinf(X)
        if wrong.any():
            row, place = np.argwhere(wrong)[0]
            raise ValueError(
                f"column {self.names[place]}: the value in row {row} (counted from 0) is infinite or too large"
            )
        return X

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Encoding":
        """The inverse. Raises KeyError or TypeError for what is no encoding."""
        lists = ("made", "levels", "gaps")
        columns = [Column(**{**one, **{name: tuple(one[name]) for name in lists}}) for one in content["columns"]]
        return cls(tuple(columns), tuple(content["ignored"]))


def as_float32(blocks: list[np.ndarray], rows: int) -> np.ndarray:
    """(N, D) of blocks (N, d). What is too large becomes infinite."""
    with np.errstate(over="ignore"):
        return np.hstack([np.empty((rows, 0)), *blocks]).astype(np.float32)


def cycles(days: np.ndarray) -> dict[str, np.ndarray]:
    """Where days since 1970 stand in the year (month 0 to 11), the week (Monday is 0) and the day (hour 0 to 24)."""
    whole = np.floor(days)
    dates = np.where(np.isnan(whole), 0, whole).astype(np.int64).astype("datetime64[D]")
    month = dates.astype("datetime64[M]").astype(np.int64) % 12
    return {
        "month": np.where(np.isnan(days), np.nan, month),
        "weekday": (whole + 3) % 7,  # 1970 began on a Thursday
        "hour": (days - whole) * 24,
    }


def duration_days(column: Any) -> np.ndarray:
    """(N,) float64 of a column of durations. Raises ValueError for any other."""
    import pandas as pd

    try:
        length = pd.to_timedelta(column) / pd.Timedelta(days=1)
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {column.name} holds no durations, as the model was trained on: {error}") from None
    return np.asarray(length.to_numpy(dtype=np.float64, na_value=np.nan))


def with_text_names(frame: Any) -> Any:
    """The frame, its columns called by text. Raises ValueError where two are called alike."""
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two columns are called {twice!r}; rename one")
    return frame if names == list(frame.columns) else frame.set_axis(names, axis=1)


def _place(word: str, known: Mapping[str, int]) -> int:
    """The word's place, or that of the same value written otherwise: a column reads as fractions (7.0 for 7) where some
    are missing, and files read true and TRUE as True. One place after the last, where it is not known."""
    truth = [word.lower(), word.upper(), word.title()] if word.lower() in ("true", "false") else []
    return next((known[text] for text in (word, word.removesuffix(".0"), *truth) if text in known), len(known))
