"""Successive halving within each loss: losses never compete for training time with each other."""

import math
from collections.abc import Mapping, Sequence

SHARES = (0.1, 0.25, 0.5)  # of the epochs: where members are compared
KEEP = 1 / 3  # of each loss's members go on from a rung


def rungs(epochs: int) -> list[int]:
    """The epochs at which members of one loss are compared, the last one being the end: 20 -> [2, 5, 10, 20]."""
    return sorted({min(max(round(epochs * share), 1), epochs) for share in SHARES} | {epochs})


def survivors(values: Mapping[int, float], earlier: Sequence[float], *, higher_is_better: bool) -> list[int]:
    """Which members (number -> value at this rung) of one loss go on.

    `earlier` are the values at the same age of members of this loss that trained before: a newcomer goes on when it is
    in the best third of all that were ever compared here. Where nobody trained before, at least one goes on.
    A value that is not a number ranks last.
    """
    sign = 1.0 if higher_is_better else -1.0

    def rank(value: float) -> float:
        return -math.inf if math.isnan(value) else sign * value

    everyone = sorted([*map(rank, values.values()), *map(rank, earlier)], reverse=True)
    cut = everyone[max(math.ceil(KEEP * len(everyone)), 1) - 1]
    best = sorted(values, key=lambda number: rank(values[number]), reverse=True)
    kept = [number for number in best if rank(values[number]) >= cut]
    room = max(math.ceil(KEEP * len(values)), 1)
    return kept[:room] if not earlier else kept
