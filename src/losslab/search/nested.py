"""Comparison over redrawn outer splits: the search is repeated inside each, so that training data vary too."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from losslab.search.inference import MAX_SIGNS, holm, judge


@dataclass(frozen=True)
class NestedComparison:
    """A loss against the default over K outer splits; the interval is 95 %, unadjusted."""

    difference: float
    low: float
    high: float
    standard_error: float
    p: float
    p_holm: float


def compare_nested(differences: ArrayLike, n_train: int, n_test: int) -> list[NestedComparison]:
    """Nadeau and Bengio's corrected t (2003, "Inference for the generalization error"). Nothing else may use it.

    `differences` (L, K): test metric of each challenger minus that of the default on K splits drawn anew at random,
    each with its own search. `n_train` counts all rows that are not in the split's test part (validation rows too),
    `n_test` those that are. Splits share training rows, so the variance of the mean over splits is that of one split
    times (1 / K + n_test / n_train); t with K - 1 degrees of freedom; Holm over the L challengers. On one fixed test
    part the formula is wrong: there the splits share all that the test rows have in common. ValueError: fewer than two
    splits, no rows, or numbers that are not finite.
    """
    found = np.asarray(differences, dtype=np.float64)
    if found.ndim != 2 or found.shape[1] < 2:
        raise ValueError(f"compare_nested: expected (losses, splits) with two splits or more, found {found.shape}")
    if n_train < 1 or n_test < 1:
        raise ValueError(f"compare_nested: {n_train} training and {n_test} test rows; both must be 1 or more")
    if not np.isfinite(found).all():
        bad = int(np.flatnonzero(~np.isfinite(found).all(0))[0])
        raise ValueError(f"compare_nested: split {bad} gave a difference that is not finite; leave that split out")
    K = found.shape[1]
    made = []
    for row in found:
        mean, deviation = float(row.mean()), float(row.std(ddof=1))
        same = deviation <= 1e-12 * abs(mean)  # no spread at all: the sign test's smallest p-value is what is left
        error = 0.0 if same else deviation * math.sqrt(1 / K + n_test / n_train)
        made.append((mean, *judge(mean, error, K - 1, K if same else MAX_SIGNS)))
    adjusted = holm([numbers[-1] for numbers in made])
    return [NestedComparison(*numbers, p) for numbers, p in zip(made, adjusted, strict=True)]
