"""Parts that are not drawn row by row: groups stay together, and times follow each other."""

import numpy as np

from losslab.data.words import count


def draw_groups(
    classes: np.ndarray, groups: np.ndarray, shares: np.ndarray, rng: np.random.Generator
) -> list[np.ndarray]:
    """Indices (n,) of each part: whole groups, each class spread over the parts as well as groups allow.

    classes, groups: (N,) of numbers. Groups are dealt out from the largest to the smallest, each to the part where it
    brings the counts of the classes nearest to what its share asks for (chi-squared). Then every part gets a group, and
    every class, where a group can be spared; the last part gets two, as intervals over one group do not exist. Raises
    ValueError where that is not possible.
    """
    _, group = np.unique(groups, return_inverse=True)
    _, label = np.unique(classes, return_inverse=True)
    counts = np.zeros((group.max() + 1, label.max() + 1))
    np.add.at(counts, (group, label), 1)
    if len(counts) <= len(shares):
        raise ValueError(
            f"{count(len(counts), 'group')} cannot fill {len(shares)} parts: each needs at least one, the last two"
        )
    wanted = shares[:, None] / shares.sum() * counts.sum(0)
    found = np.zeros_like(wanted)
    part = np.empty(len(counts), np.int64)
    shuffled = rng.permutation(len(counts))
    for one in shuffled[np.argsort(-counts.sum(1)[shuffled], kind="stable")]:
        cost = (counts[one] * (2 * (found - wanted) + counts[one]) / wanted).sum(1)
        part[one] = cost.argmin()
        found[part[one]] += counts[one]
    _fill(part, counts, len(shares))
    return [np.flatnonzero(part[group] == number) for number in range(len(shares))]


def _fill(part: np.ndarray, counts: np.ndarray, parts: int) -> None:
    """Moves groups, the smallest that will do, until no part is empty and no class is lacking that could be there.

    A class in fewer groups than parts stays in the first parts: the training part has every class.
    """
    sizes = counts.sum(1)

    def alone(one: int, kinds: np.ndarray) -> bool:
        """Whether the group is the only one in its part, or the only one there with one of these classes."""
        mine = part == part[one]
        return mine.sum() < 2 or any((mine & (counts[:, kind] > 0)).sum() < 2 for kind in kinds)

    for kind in range(-1, counts.shape[1]):  # -1: any class at all
        has = counts[:, kind] > 0 if kind >= 0 else sizes > 0
        for number in range(parts):
            if (has & (part == number)).any():
                continue
            every = np.array([], int) if number == 0 or kind < 0 else np.arange(counts.shape[1])
            spare = [one for one in np.flatnonzero(has).tolist() if not alone(one, every[counts[one][every] > 0])]
            if spare:
                part[min(spare, key=lambda one: sizes[one])] = number
    if (part == parts - 1).sum() < 2:
        most = np.bincount(part).argmax()
        part[min(np.flatnonzero(part == most), key=lambda one: sizes[one])] = parts - 1


def draw_time(time: np.ndarray, shares: np.ndarray) -> list[np.ndarray]:
    """Indices (n,) of each part, the earliest rows in the first; rows of one time stay together.

    Sizes are those of the shares, moved to the nearest place where the time changes. Raises ValueError where there are
    fewer different times than parts.
    """
    order = np.argsort(time, kind="stable")
    changes = np.flatnonzero(np.diff(time[order]) > 0) + 1
    if len(changes) < len(shares) - 1:
        raise ValueError(
            f"{count(len(changes) + 1, 'different time')} cannot fill {len(shares)} parts: each needs at least one"
        )
    cuts: list[int] = []
    for number, share in enumerate(np.cumsum(shares / shares.sum())[:-1]):
        left = len(shares) - 2 - number  # cuts still to come, which need a place of their own
        open_places = changes[np.searchsorted(changes, cuts[-1] if cuts else 0, side="right") : len(changes) - left]
        cuts.append(int(open_places[np.abs(open_places - round(share * len(time))).argmin()]))
    return [np.sort(rows) for rows in np.split(order, cuts)]
