"""Is the difference real? Intervals and p-values from test rows and retrainings.

The unit of inference is the test row (or group): runs are averaged first, and the variance has a row and a run part
(`spread.py`). Student's t with Satterthwaite's degrees of freedom gives interval and p-value. A metric that is no mean
over rows is computed on resampled rows, and these values play the part of the rows.

What keeps "better" from being said too often: rows with a long tail on one side are judged by t and by Hall's
transformation of it, and the more careful of the two counts (t alone is wrong 8 % of the time there, Hall's alone with
long tails on both sides). Few differing rows are no proof: see `Coarse`, and k rows that differ, up to 40, never give
a p-value under 2^(1-k), the sign test's smallest.
The true difference is that of these configurations, trained on these data, on new rows and new runs.
`benchmarks/inference_simulation.py` measures how often all this is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from losslab.search.spread import Array, Coarse, Sampling, Spread, draw_spread, row_spread

LEVEL = 0.05  # two-sided: of every interval, and of p-values after Holm
POWER = 0.8
DRAWS = 500  # the error of the draws is then known to 3 %, and its degrees of freedom say so
LEAST_DRAWS = 20
MAX_SIGNS = 40  # with more rows that differ, the sign test's smallest p-value says nothing any more
BATCH = 1_000_000  # numbers that one call of a metric handles at a time
UNLIMITED = (-math.inf, math.inf)


@dataclass(frozen=True)
class Comparison:
    """A loss against the default on the test part, in the metric's own unit and sign. Intervals: 95 %, unadjusted.

    Where a retraining gave no finite value, the numbers are NaN, `p` is 1 and `note` says why.
    """

    test: float  # the metric, mean over runs
    test_low: float
    test_high: float
    difference: float  # this loss minus the default
    low: float
    high: float
    standard_error: float
    p: float  # two-sided, unadjusted: below 0.05 exactly where the interval leaves out zero
    p_holm: float | None  # adjusted over the family; None for the default and for what is outside the family
    detectable: float  # the true difference that is shown 80 % of the time at the family's strictest level
    note: str = ""

    @property
    def comparable(self) -> bool:
        return math.isfinite(self.difference)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment, in the order given: at most 5 % of tables have a true null below 0.05."""
    adjusted, largest = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def compare_rows(
    values: ArrayLike | Tensor,
    *,
    default: int = 0,
    root: bool = False,
    groups: ArrayLike | Tensor | None = None,
    strata: ArrayLike | Tensor | None = None,
    family: Sequence[int] | None = None,
    limits: tuple[float, float] = UNLIMITED,
) -> list[Comparison]:
    """Compares L losses by a metric that is a mean over rows. One comparison per loss; the default's own is zero.

    `values` (L, R, N): what loss l gives in run r on test row n. `root`: the metric is the root of the mean (rmse of
    squared errors): a difference of roots is that of the means divided by the sum of the roots, run by run.
    `groups` (N,): rows that belong together. `strata` (N,): the classes of a stratified test part; needed where
    classes weigh differently (balanced accuracy). `family`: the losses that Holm adjusts over (all but the default).
    `limits` of the metric cut its own interval, not that of the difference. ValueError: fewer than two runs or rows,
    or shapes that do not fit.
    """
    given = np.asarray(values, dtype=np.float64)
    check_shape(given.shape, default)
    sampling = Sampling.of(given.shape[2], groups, strata)
    usable = np.all(np.isfinite(given), axis=2, keepdims=True)[:, :, 0]
    roots = np.sqrt(given.mean(2, keepdims=True)) if root else None
    right = None if root else right_or_wrong(given[usable.all(1)], sampling)
    family = challengers(family, len(given), default)

    def one(index: int) -> Comparison:
        rows = given[index] if roots is None else linear_root(given[index], roots[index])
        mean, own = float(rows.mean()), row_spread(rows, sampling)
        share = right is not None and bool((right == 1).all())
        test = share_interval(mean, own, sampling.units) if share else value_interval(mean, own, limits=limits)
        if index == default:
            return itself(test)
        d = given[index] - given[default]
        if roots is not None:
            both = roots[index] + roots[default]
            d = d / np.where(both > 0, both, 1.0)
        coarse = Coarse() if right is None else coarse_rows(d.mean(0), right, sampling)
        differing = count_units(np.any(given[index] != given[default], axis=0), sampling)
        return against(test, float(d.mean()), row_spread(d, sampling), coarse, differing, len(family))

    return compare(one, usable, default, family)


def compare_bootstrap(
    value: Callable[..., Tensor],
    predictions: Tensor,
    target: Tensor,
    *,
    default: int = 0,
    groups: ArrayLike | Tensor | None = None,
    family: Sequence[int] | None = None,
    limits: tuple[float, float] = UNLIMITED,
    draws: int = DRAWS,
    seed: int = 0,
) -> list[Comparison]:
    """Compares L losses by any metric: `value(prediction (K, N, ...), target (N,), weight=(B, 1, N)) -> (B, K)`.

    `predictions` (L, R, N, ...), `target` (N,). Rows (or groups) are resampled `draws` times; `weight` counts how often
    each row was drawn, the same for all losses and runs. The error is that of the draws, with t as for rows: it needs
    fewer draws than percentiles, and small p-values are not cut off. A draw on which the metric does not exist (a class
    is missing) is left out. The same seed gives the same numbers. Other arguments as in `compare_rows`.
    """
    check_shape(predictions.shape[:3], default)
    L, R, N = predictions.shape[:3]
    sampling = Sampling.of(N, groups, None)
    family = challengers(family, L, default)
    members = predictions.reshape(L * R, *predictions.shape[2:])

    def values(weight: Tensor, target: Tensor = target) -> Array:
        found = value(members, target, weight=weight[:, None, :]).to(torch.float64).cpu().numpy()
        return found.reshape(len(weight), L, R).transpose(1, 2, 0)

    full = values(torch.ones(1, N))[:, :, 0]
    usable = np.isfinite(full)
    drawn = resampled(values, sampling, draws, seed, usable.all(1), members[0].numel() * L * R)
    labels = not predictions.dtype.is_floating_point
    step = 0.0 if target.dtype.is_floating_point else one_row(values, full, target, usable)
    step *= sampling.per_unit

    def one(index: int) -> Comparison:
        own = draw_spread(full[index], drawn[index], sampling)
        coarse = Coarse(step) if labels or own.variance == 0 else Coarse()
        test = value_interval(float(full[index].mean()), own, coarse, limits)
        if index == default:
            return itself(test)
        spread = draw_spread(full[index] - full[default], drawn[index] - drawn[default], sampling)
        coarse = Coarse(step) if spread.variance == 0 else Coarse()
        if labels:
            right = (predictions[[index, default]] == target).double().mean(1).numpy()
            coarse = Coarse.of(unit_means(right[0] - right[1], sampling), step)
        differs = (predictions[index] != predictions[default]).transpose(0, 1).reshape(N, -1).any(1).numpy()
        difference = float((full[index] - full[default]).mean())
        return against(test, difference, spread, coarse, count_units(differs, sampling), len(family))

    return compare(one, usable, default, family)


def against(
    test: tuple[float, float, float], difference: float, spread: Spread, coarse: Coarse, differing: int, family: int
) -> Comparison:
    """The comparison of one loss with the default, before Holm."""
    freedom, error = spread.freedom, math.sqrt(spread.variance + coarse.variance)
    factor = power_factor(freedom, LEVEL / max(family, 1))
    detectable = max(factor * error, coarse.reached(factor))
    skew = spread.third / error**3 if error > 0 else 0.0
    low, high, error, p = judge(difference, error, freedom, differing, skew)
    return Comparison(*test, difference, low, high, error, p, None, detectable)


def judge(
    difference: float, error: float, freedom: float, differing: int, skew: float = 0.0
) -> tuple[float, float, float, float]:
    """(low, high, standard error, p-value); the error is raised where `differing` rows allow no p-value so small.

    `skew` is that of the difference's own distribution.
    """
    from scipy.special import stdtr  # scipy comes with scikit-learn; its import takes long

    down, up = reach(freedom, skew)
    low, high = difference - down * error, difference + up * error
    if difference == 0 or differing == 0:
        return low, high, error, 1.0
    p = 0.0
    if error > 0:
        t = difference / error
        p = max(2 * float(stdtr(freedom, -abs(statistic))) for statistic in (t, hall(t, skew)))
    least = 2.0 ** (1 - differing) if differing <= MAX_SIGNS else 0.0
    if p >= least:
        return low, high, error, p
    error = abs(difference) / max(quantile(freedom, 1 - least / 2), 0.5)
    wide = error * quantile(freedom, 1 - LEVEL / 2)
    return min(low, difference - wide), max(high, difference + wide), error, least


def hall(t: float, skew: float) -> float:
    """Hall's transformation of t (1992, "On the removal of skewness by transformation"), which rises with t."""
    return t + skew * t**2 / 3 + skew**2 * t**3 / 27 + skew / 6


def reach(freedom: float, skew: float) -> tuple[float, float]:
    """How many errors the interval goes down and up: t's quantile, or Hall's where that is farther."""
    t = quantile(freedom, 1 - LEVEL / 2)
    if abs(skew) < 1e-6:
        return t, t
    ends = [3 / skew * (float(np.cbrt(1 + skew * (end - skew / 6))) - 1) for end in (t, -t)]
    return max(t, ends[0]), max(t, -ends[1])


def quantile(freedom: float, probability: float) -> float:
    """Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, probability))


def power_factor(freedom: float, level: float) -> float:
    """The true difference, in standard errors, that a two-sided t at `level` shows with 80 % power."""
    from scipy.special import nctdtrinc

    return float(nctdtrinc(freedom, 1 - POWER, quantile(freedom, 1 - level / 2)))


def value_interval(
    value: float, spread: Spread, coarse: Coarse | None = None, limits: tuple[float, float] = UNLIMITED
) -> tuple[float, float, float]:
    """(value, low, high)"""
    error = math.sqrt(spread.variance + (coarse.variance if coarse else 0.0))
    down, up = reach(spread.freedom, spread.third / error**3 if error > 0 else 0.0)
    return value, max(value - down * error, min(limits[0], value)), min(value + up * error, max(limits[1], value))


def share_interval(value: float, spread: Spread, units: int) -> tuple[float, float, float]:
    """(value, low, high), Wilson's for a share: on as many rows as the variance is worth, at most those there are."""
    t = quantile(spread.freedom, 1 - LEVEL / 2)
    chance = value * (1 - value)
    n = min(chance / spread.variance, units) if spread.variance > 0 and chance > 0 else units
    centre = (value + t**2 / (2 * n)) / (1 + t**2 / n)
    half = t * math.sqrt(chance / n + t**2 / (4 * n**2)) / (1 + t**2 / n)
    return value, min(max(centre - half, 0.0), value), max(min(centre + half, 1.0), value)


def right_or_wrong(values: Array, sampling: Sampling) -> Array | None:
    """What a right row counts, (N,), where each stratum's rows are zero or one same number; else None."""
    right = np.ones(values.shape[-1])
    for stratum in range(int(sampling.stratum.max()) + 1):
        members = sampling.stratum == stratum
        found = np.unique(values[..., members])
        if len(found) > 2 or (len(found) == 2 and found[0] != 0):
            return None
        right[members] = found[-1] if len(found) and found[-1] > 0 else 1.0
    return right


def coarse_rows(differences: Array, right: Array, sampling: Sampling) -> Coarse:
    step = math.sqrt(float(np.mean(right**2))) * sampling.per_unit / len(right)
    return Coarse.of(unit_means(differences / right, sampling), step)


def unit_means(rows: Array, sampling: Sampling) -> Array:
    return sampling.sums(rows) / (np.bincount(sampling.group) if sampling.grouped else 1)


def count_units(differs: NDArray[np.bool_], sampling: Sampling) -> int:
    return len(np.unique(sampling.group[differs]))


def linear_root(rows: Array, root: Array) -> Array:
    """Rows (R, N) whose mean is `root` (R, 1), the root of the rows' mean, by the delta method."""
    return root + (rows - root**2) / np.where(root > 0, 2 * root, 1.0)


def resampled(
    values: Callable[[Tensor], Array], sampling: Sampling, draws: int, seed: int, usable: Any, size: int
) -> Array:
    """(L, R, B): the metric on B resamples of the rows, without those on which it does not exist."""
    rng = np.random.default_rng(seed)
    chosen = rng.integers(sampling.units, size=(draws, sampling.units))
    counts = np.stack([np.bincount(row, minlength=sampling.units) for row in chosen])[:, sampling.group]
    weights = torch.as_tensor(counts, dtype=torch.float64)
    drawn = np.concatenate([values(part) for part in weights.split(max(1, BATCH // size))], axis=2)
    drawn = drawn[:, :, np.isfinite(drawn[usable]).all((0, 1))]
    if drawn.shape[2] < LEAST_DRAWS:
        raise ValueError(
            f"the metric exists on {drawn.shape[2]} of {draws} resamples of the {len(sampling.group)} test rows (an "
            f"interval needs {LEAST_DRAWS}): a class has too few rows; use a larger test part or another metric"
        )
    return drawn


def one_row(values: Callable[..., Array], full: Array, target: Tensor, usable: NDArray[np.bool_]) -> float:
    """How much one row moves the metric: the first row of each class gets another class; root mean square."""
    classes, counts = torch.unique(target, return_counts=True)
    squares = 0.0
    for position, label in enumerate(classes):
        other = target.clone()
        other[int((target == label).nonzero()[0])] = classes[(position + 1) % len(classes)]
        moved = np.abs(values(torch.ones(1, len(target)), other)[:, :, 0] - full)[usable]
        moved = moved[np.isfinite(moved)]
        squares += float(counts[position]) / len(target) * (float(moved.mean()) ** 2 if moved.size else 0.0)
    return math.sqrt(squares)


def check_shape(shape: Sequence[int], default: int) -> None:
    if len(shape) != 3:
        raise ValueError(f"expected (losses, runs, rows), found shape {tuple(shape)}")
    L, R, N = shape
    if R < 2 or N < 2:
        raise ValueError(f"an interval needs two retrainings and two test rows or more; found {R} and {N}")
    if not 0 <= default < L:
        raise ValueError(f"default: no loss {default} among {L}")


def challengers(family: Sequence[int] | None, losses: int, default: int) -> list[int]:
    return [i for i in (range(losses) if family is None else family) if i != default]


def itself(test: tuple[float, float, float]) -> Comparison:
    return Comparison(*test, 0.0, 0.0, 0.0, 0.0, 1.0, None, math.nan)


def compare(
    one: Callable[[int], Comparison], usable: NDArray[np.bool_], default: int, family: Sequence[int]
) -> list[Comparison]:
    """One comparison per loss, with Holm over the family; a loss with a failed retraining is not compared."""
    made = []
    for index, runs in enumerate(usable):
        if runs.all() and usable[default].all():
            made.append(one(index))
            continue
        failed, whose = (default, " of the default") if runs.all() else (index, "")
        note = f"{int((~usable[failed]).sum())} of {len(runs)} retrainings{whose} gave no finite value"
        nan = math.nan
        made.append(Comparison(nan, nan, nan, nan, nan, nan, nan, 1.0, None, nan, note))
    for index, adjusted in zip(family, holm([made[i].p for i in family]), strict=True):
        made[index] = replace(made[index], p_holm=adjusted)
    return made
