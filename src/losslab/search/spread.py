"""The variance of a mean over runs and test rows, in its parts.

Each loss was trained R times (run r: the same seed and training rows for all losses) and predicted the same N test
rows. A value then varies with the row and with the run,

    v[r, n] = truth + a[r] + b[n] + e[r, n]        with variances s_a, s_b, s_e,

and its mean over all runs and rows has the variance s_a / R + s_b / N + s_e / (R N). Three sums of squares estimate it:

    row     variance of the rows' means (over runs) / N     expects  s_b / N + s_e / (R N)
    run     variance of the runs' means (over rows) / R     expects  s_a / R + s_e / (R N)
    both    variance of what is left over / (R N)           expects  s_e / (R N)

so `row + run - both` counts the left-over once. By chance it may fall below the larger of its first two parts, which
the truth cannot: that larger part is the floor. Runs share the test rows, so runs alone say nothing about other rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Sampling:
    """How the test rows were drawn: one by one, in groups that count as one observation, and within strata.

    `group` and `stratum` are (N,) in 0..count-1. Strata (classes of a stratified split) have fixed sizes, so only the
    spread within each of them counts; a stratum of one row is taken about the mean of all.
    """

    group: Labels
    stratum: Labels
    grouped: bool

    @classmethod
    def of(cls, n_rows: int, groups: ArrayLike | Tensor | None, strata: ArrayLike | Tensor | None) -> Sampling:
        group = np.arange(n_rows) if groups is None else numbered(groups, n_rows, "groups")
        stratum = np.zeros(n_rows, np.int64) if strata is None else numbered(strata, n_rows, "strata")
        if group.max() < 1:
            raise ValueError("groups: all test rows are in one group; an interval needs two groups or more")
        return cls(group, stratum, groups is not None)

    @property
    def units(self) -> int:
        """The number of independent observations: groups, or rows."""
        return int(self.group.max()) + 1

    @property
    def per_unit(self) -> float:
        """Rows in a typical group (root mean square, since groups enter by their squares)."""
        return math.sqrt(float(np.mean(np.bincount(self.group) ** 2.0)))

    def centred(self, rows: Array) -> Array:
        """(..., N) minus the means of the strata; squares summed are then unbiased for the variance of a sum."""
        out = np.array(rows)
        sizes = np.bincount(self.stratum)
        out[..., (sizes == 1)[self.stratum]] -= rows.mean(-1, keepdims=True)
        for stratum in np.flatnonzero(sizes > 1):
            members = self.stratum == stratum
            within = rows[..., members] - rows[..., members].mean(-1, keepdims=True)
            out[..., members] = within * (1.0 if self.grouped else math.sqrt(sizes[stratum] / (sizes[stratum] - 1)))
        return out * (math.sqrt(self.units / (self.units - 1)) if self.grouped else 1.0)

    def sums(self, rows: Array) -> Array:
        """(..., N) -> (..., units): sums within each group."""
        if not self.grouped:
            return rows
        total = np.zeros((self.units, *rows.shape[:-1]))
        np.add.at(total, self.group, np.moveaxis(rows, -1, 0))
        return np.moveaxis(total, 0, -1)


def numbered(labels: ArrayLike | Tensor, n_rows: int, name: str) -> Labels:
    found = np.asarray(labels)
    if found.shape != (n_rows,):
        raise ValueError(f"{name}: shape {found.shape} for {n_rows} test rows; give one label per row")
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True)
class Spread:
    """The three parts of the variance, the degrees of freedom behind two of them, and the skew that rows bring."""

    row: float
    run: float
    both: float
    row_freedom: float
    run_freedom: float
    third: float  # the third cumulant of the mean

    @property
    def variance(self) -> float:
        return max(self.row + self.run - self.both, self.row, self.run)

    @property
    def freedom(self) -> float:
        """Satterthwaite's, kept between the smaller and the sum of the parts' own."""
        parts = (
            self.row**2 / self.row_freedom
            + self.run**2 / self.run_freedom
            + self.both**2 / (self.row_freedom * self.run_freedom)
        )
        least, most = min(self.row_freedom, self.run_freedom), self.row_freedom + self.run_freedom
        return min(max(self.variance**2 / parts, least), most) if parts > 0 else self.row_freedom


def row_spread(values: Array, sampling: Sampling) -> Spread:
    """The spread of the mean of `values` (R, N) over runs and rows."""
    R, N = values.shape
    rows = sampling.sums(sampling.centred(values.mean(0)))
    left = sampling.sums(sampling.centred(values - values.mean(0)))
    return Spread(
        row=float(np.sum(rows**2)) / N**2,
        run=float(values.mean(1).var(ddof=1)) / R,
        both=float(np.sum(left**2)) / ((R - 1) * R * N**2),
        row_freedom=sampling.units - 1,
        run_freedom=R - 1,
        third=float(np.sum(rows**3)) / N**3,
    )


def draw_spread(values: Array, draws: Array, sampling: Sampling) -> Spread:
    """The spread of the mean of `values` (R,) over runs, from the same values on resampled rows: `draws` (R, B)."""
    R, B = draws.shape
    means = draws.mean(0)
    left = draws - means - draws.mean(1, keepdims=True) + draws.mean()
    many = sampling.units / (sampling.units - 1)  # a resample of n rows varies as n - 1 do
    return Spread(
        row=many * float(means.var(ddof=1)),
        run=float(values.var(ddof=1)) / R,
        both=many * float(np.sum(left**2)) / ((R - 1) * (B - 1) * R),
        row_freedom=1 / (1 / (sampling.units - 1) + 1 / (B - 1)),
        run_freedom=R - 1,
        third=float(np.mean((means - means.mean()) ** 3)),
    )


@dataclass(frozen=True)
class Coarse:
    """What is added where rows are only right or wrong, since few rows that differ understate the variance.

    Two rows of disagreement, one each way (Bonett and Price 2012, "Adjusted Wald confidence interval for a difference
    of binomial proportions based on paired data"). `step`: how much one row (or group) moves the metric. `size`: what
    is left of a row's disagreement after averaging runs, 1 where all runs agree.
    """

    step: float = 0.0
    size: float = 1.0

    @classmethod
    def of(cls, rows: Array, step: float) -> Coarse:
        """From the run-averaged differences in right (1) and wrong (0), (N,). Without evidence the size is 1."""
        return cls(step, (1 + float(np.sum(rows**2))) / (1 + float(np.sum(np.abs(rows)))))

    @property
    def variance(self) -> float:
        return 2 * (self.size * self.step) ** 2

    def reached(self, factor: float) -> float:
        """The least difference d with d >= factor * error: rows that differ by d have a variance of their own."""
        slope = factor**2 * self.size * self.step
        return (slope + math.sqrt(slope**2 + 4 * factor**2 * self.variance)) / 2
