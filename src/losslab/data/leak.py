"""Columns that give the target away: one of them alone foretells it nearly without error, on training rows.

Each column is cut into bins, or taken by its values, and the bins' answers are fitted on one half of the rows and
counted on the other, both ways. Classes weigh equally. What is found is said, never dropped: a person knows whether the
column could be known before the target.
"""

import numpy as np
import torch
from torch import Tensor

from losslab.data.table import CLASSES, Table

NEARLY = 0.95  # of rows right, at the lower end of an interval; of the variance of ranks
SURE, SURER = 1.96, 2.58  # errors to that lower end: for a column of few values, and for one cut into bins
MOST_ROWS = 10_000
BINS = 64
PER_BIN = 5  # rows
LIKELY = 0.8  # of rows right: below, a column is not looked at further


def leak_notes(table: Table, rows: Tensor) -> list[str]:
    """A note for each column that gives the target (or one of several targets) away on these training rows."""
    if not table.tabular:
        return []
    chosen = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:MOST_ROWS]
    X, y = table.X[rows[chosen]].numpy(), table.y[rows[chosen]].numpy()
    named = list(zip(table.targets, y.T, strict=True)) if y.ndim == 2 else [("", y)]
    targets = [(f" {name!r}" * bool(name), _Target(values, table.task)) for name, values in named]
    notes = []
    for name, column in columns(table, X):
        for which, target in targets:
            found = target.given_away(column)
            if found is not None:
                notes.append(
                    f"{name} alone gives the target{which} away: {found}. Was it known before the target was? If not, "
                    "leave it out (drop)"
                )
    return notes


def columns(table: Table, X: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """What is looked at, with its name: each column as the user had it, a category as its places (-1: missing), and
    where numbers are missing in some rows only, whether they are."""
    found: list[tuple[str, np.ndarray]] = []
    made = [(c.name, len(c.made), c.kind) for c in table.encoding.columns] if table.encoding else []
    place = 0
    for name, width, kind in made or [(name, 1, "number") for name in table.columns]:
        block = X[:, place : place + width]
        place += width
        if kind == "one-hot":
            found.append((f"column {name}", block @ np.arange(1, width + 1)))
            continue
        gaps = np.isnan(block[:, 0])
        if gaps.any() and not gaps.all():
            found.append((f"whether column {name} is missing", gaps.astype(np.float32)))
        if not gaps.all():
            found.append((f"column {name}", block[:, 0]))
    return found


class _Target:
    """Training targets (n,), to be foretold from one column: classes, or the ranks of numbers."""

    def __init__(self, y: np.ndarray, task: str) -> None:
        self.classes = task in CLASSES or task == "multilabel"
        if self.classes:
            _, self.label, sizes = np.unique(y, return_inverse=True, return_counts=True)
            self.count = len(sizes)
            self.weight = (1 / (self.count * sizes))[self.label]
        else:
            self.rank = (_ranks(y) + 0.5) / len(y)
        self.halves = [np.arange(len(y)) % 2 == half for half in (0, 1)]

    def given_away(self, column: np.ndarray) -> str | None:
        """How well the column alone foretells the target, in words; None where that is nothing special."""
        place, values = _places(column)
        if values < 2 or (self.classes and self.count < 2):
            return None
        few = self.classes and values <= 2 * self.count + 2
        bins = values if few else min(values, BINS, max(len(column) // PER_BIN, 2))
        place = place if bins == values else place * bins // values
        if not self.classes:
            share = self._explained(place, bins)
            return f"it explains {share:.1%} of the variance of its ranks" if share >= NEARLY else None
        right = self._right(place, bins)
        if not few and right > LIKELY and self._separates(column):
            right, few = 1.0, True
        size = 1 / float(np.sum(self.weight**2))
        if not (few and right > 1 - 1e-9) and _least(right, size, SURE if few else SURER) < NEARLY:
            return None
        return f"it tells {right:.1%} of rows right, each class counted alike (a guess: {1 / self.count:.1%})"

    def _right(self, place: np.ndarray, bins: int) -> float:
        """The balanced accuracy of the likeliest class in each bin, fitted on the other half."""
        right = 0.0
        for half in self.halves:
            cells = np.bincount((place * self.count + self.label)[~half], self.weight[~half], bins * self.count)
            answer = cells.reshape(bins, self.count).argmax(1)
            right += float(self.weight[half][answer[place[half]] == self.label[half]].sum())
        return right

    def _separates(self, column: np.ndarray) -> bool:
        """Whether the column, all different, runs through the classes one after the other without an exception.

        Where values repeat, some are few, and a measure of 30 rows a class may well do so by chance.
        """
        order = np.argsort(column)
        different = bool((np.diff(column[order]) > 0).all())  # False where one is NaN
        return different and (np.diff(self.label[order]) != 0).sum() == self.count - 1

    def _explained(self, place: np.ndarray, bins: int) -> float:
        """The share of the variance of ranks that the means of the bins explain, fitted on the other half."""
        left = 0.0
        for half in self.halves:
            size = np.bincount(place[~half], minlength=bins)
            total = np.bincount(place[~half], self.rank[~half], bins)
            met = np.flatnonzero(size)
            mean = np.interp(np.arange(bins), met, total[met] / size[met])  # a bin without rows: as its neighbours
            left += float(((self.rank - mean[place])[half] ** 2).sum())
        return 1 - left / float(((self.rank - self.rank.mean()) ** 2).sum())


def _places(column: np.ndarray) -> tuple[np.ndarray, int]:
    """The place of each value among the sorted different ones, NaN the last, spread as often as they are met; and how
    many places there are. Few values keep theirs."""
    values, place, sizes = np.unique(column, return_inverse=True, return_counts=True)
    if len(values) <= BINS:
        return place, len(values)
    return (np.cumsum(sizes) - sizes)[place], len(column)


def _ranks(y: np.ndarray) -> np.ndarray:
    """0 for the smallest; equal values share the mean of theirs."""
    _, place, sizes = np.unique(y, return_inverse=True, return_counts=True)
    return (np.cumsum(sizes) - (sizes + 1) / 2)[place]


def _least(share: float, size: float, errors: float) -> float:
    """The lower end of Wilson's interval of a share of `size` rows."""
    z = errors**2 / size
    return (share + z / 2 - errors * np.sqrt(share * (1 - share) / size + z / 4 / size)) / (1 + z)
