"""Which parameters mattered in a search: how much of the differences between trials each explains alone."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from losslab.search.space import Outcome, Space, to_values

FEWEST = 20  # trials with a value; fewer say nothing
GROUP = 8  # trials or more in each of the groups that are compared
MOST_GROUPS = 10
Array = NDArray[np.float64]


def importance(
    outcomes: Sequence[Outcome], spaces: Mapping[str, Space], higher_is_better: bool
) -> dict[str, dict[str, float]]:
    """loss -> parameter -> share (0 to 1) of the variance of the trials' ranks, the largest first; {} of few trials.

    A trial ranks by how far halving let it come, and there by its metric, so that trials of different age are never
    compared by value. The share is that of groups of trials with similar values of the parameter: the main effect of a
    functional analysis of variance (Hutter et al., An efficient approach for assessing hyperparameter importance, ICML
    2014) with steps for a forest, less what groups drawn at random would explain (omega squared). What two parameters
    do together only counts for neither, so shares need not add up to one.
    """
    found = {}
    for loss, space in spaces.items():
        mine = [one for one in outcomes if one.configuration.loss == loss and rankable(one)]
        if len(mine) >= FEWEST:
            found[loss] = of_one(mine, space, higher_is_better)
    return found


def rankable(outcome: Outcome) -> bool:
    return outcome.state != "failed" and bool(outcome.curve) and math.isfinite(outcome.curve[-1][1])


def of_one(outcomes: Sequence[Outcome], space: Space, higher_is_better: bool) -> dict[str, float]:
    """The share of each parameter of one loss; one that only some trials have is judged among those."""
    ranks = ranked(outcomes, higher_is_better)
    values = [to_values(outcome.configuration, space) for outcome in outcomes]
    shares = {}
    for name in space:
        there = [place for place, one in enumerate(values) if one.get(name) is not None]
        column = [values[place][name] for place in there]
        if len(there) >= FEWEST and len(set(column)) > 1:
            shares[name] = explained(groups_of(column), ranks[there])
    return dict(sorted(shares.items(), key=lambda pair: -pair[1]))


def ranked(outcomes: Sequence[Outcome], higher_is_better: bool) -> Array:
    """0 for the worst, equal values with their mean rank."""
    sign = 1 if higher_is_better else -1
    keys = np.array([(one.curve[-1][0], sign * one.curve[-1][1]) for one in outcomes])
    _, place, times = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(times) - (times + 1) / 2)[place.reshape(-1)], dtype=np.float64)


def groups_of(column: Sequence[object]) -> NDArray[np.int64]:
    """A group for each trial: equally many with neighbouring numbers, or one for each choice where there are few."""
    choices = sorted(set(column), key=repr)
    if len(choices) <= 4 or not all(isinstance(one, int | float) for one in choices):
        return np.array([choices.index(one) for one in column])
    count = min(max(len(column) // GROUP, 2), MOST_GROUPS)
    order = np.argsort(np.asarray(column, dtype=np.float64), kind="stable")
    groups = np.empty(len(column), dtype=np.int64)
    groups[order] = np.arange(len(column)) * count // len(column)
    return groups


def explained(groups: NDArray[np.int64], ranks: Array) -> float:
    """Omega squared: the share of the variance between groups, without what chance alone puts there; at least 0."""
    names = np.unique(groups)
    total = float(((ranks - ranks.mean()) ** 2).sum())
    within = sum(float(((ranks[groups == one] - ranks[groups == one].mean()) ** 2).sum()) for one in names)
    free = len(ranks) - len(names)
    if total == 0 or free <= 0:
        return 0.0
    noise = within / free
    return max((total - within - (len(names) - 1) * noise) / (total + noise), 0.0)
