"""Training, validation and test rows: drawn once, or the user's own."""

import numpy as np
import torch
from torch import Tensor

from losslab.data.draw import draw_groups, draw_time
from losslab.data.raw import PARTS
from losslab.data.table import CLASSES, Split, Table

OFTEN = 5  # rows of a combination of labels that is spread evenly over the parts


def split(table: Table, seed: int = 0, fractions: tuple[float, float, float] = (0.6, 0.2, 0.2)) -> Split:
    """Random parts of the sizes `fractions`, with the same mix of classes in each where there are classes.

    Every class of at least three rows reaches every part that has room for all classes. Rows of one group
    (`Table.groups`) stay in one part. Where there are times (`Table.time`), the parts follow each other: the training
    part is the earliest, and rows of one time stay together. Parts the user gave (`Table.split`) stay as they are; one
    that is empty is drawn from the training rows. Raises ValueError where groups or times are too few for the parts.
    """
    if len(fractions) != len(PARTS) or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-9:
        raise ValueError(f"fractions are {fractions}; three positive numbers that sum to 1 are wanted")
    if table.groups is not None and table.time is not None:
        raise ValueError(
            "groups and times cannot both shape the parts: a group may span the times of several parts. Leave one out, "
            "or mark the parts yourself in a split column"
        )
    own = table.split
    rows = own.train if own else torch.arange(len(table.y))
    drawn = {part for part in PARTS[1:] if own is None or not len(getattr(own, part))}
    if own is not None and not drawn:
        return own
    shares = {part: share for part, share in zip(PARTS, fractions, strict=True) if part == "train" or part in drawn}
    places, how = _places(table, rows, np.array(list(shares.values())), seed)
    found = {part: rows[place].sort().values for part, place in zip(shares, places, strict=True)}
    if own is None:
        return Split(**found, how=how)
    given = {part: getattr(own, part) for part in PARTS if part not in found}
    return Split(**found, **given, how=f"{own.how}, the rest {how}" if given else how)


def _places(table: Table, rows: Tensor, shares: np.ndarray, seed: int) -> tuple[list[Tensor], str]:
    """Places in `rows` for each part, and how they were found."""
    if table.time is not None:
        found = draw_time(table.time[rows].numpy(), shares)
        return [torch.from_numpy(place) for place in found], "by time" + f", {table.time_name}" * bool(table.time_name)
    classes, rng = strata(table, rows), np.random.default_rng(seed)
    how = f"{'random' if len(np.unique(classes)) < 2 else 'stratified'}, seed {seed}"
    if table.groups is not None:
        found = draw_groups(classes, table.groups[rows].numpy(), shares, rng)
        return [torch.from_numpy(place) for place in found], f"whole groups, {how}"
    return _draw(classes, list(shares), rng), how


def strata(table: Table, rows: Tensor) -> np.ndarray:
    """What is spread evenly over the parts, (n,) int64: classes, or the frequent combinations of several labels."""
    if table.task in CLASSES:
        return table.y[rows].numpy()
    if table.task != "multilabel":
        return np.zeros(len(rows), np.int64)
    _, combination, sizes = np.unique(table.y[rows].numpy(), axis=0, return_inverse=True, return_counts=True)
    combination = combination.reshape(-1)
    return np.where(sizes[combination] >= OFTEN, combination + 1, 0)


def _draw(classes: np.ndarray, shares: list[float], rng: np.random.Generator) -> list[Tensor]:
    """Indices of each part. All sizes but the last are rounded; the last takes the rest."""
    size = len(classes)
    sizes = [round(size * share / sum(shares)) for share in shares[:-1]]
    sizes.append(size - sum(sizes))
    # Each class is spread evenly over [0, 1) and the line is cut: a class has its share of each part, to within a row.
    place, tie = np.empty(size), rng.random(size)
    for label in np.unique(classes):
        mine = rng.permutation(np.flatnonzero(classes == label))
        place[mine] = (np.arange(len(mine)) + 0.5) / len(mine)
    part = np.empty(size, np.int64)
    part[np.lexsort((tie, place))] = np.repeat(np.arange(len(sizes)), sizes)
    _reach_all(classes, part, len(sizes), rng)
    return [torch.from_numpy(np.flatnonzero(part == number)) for number in range(len(sizes))]


def _reach_all(classes: np.ndarray, part: np.ndarray, parts: int, rng: np.random.Generator) -> None:
    """Swaps rows until each class has one in every part, where it has enough rows; sizes of parts stay."""

    def members(label: int, number: int) -> np.ndarray:
        return np.flatnonzero((classes == label) & (part == number))

    labels = np.unique(classes)
    for label in labels:
        for number in range(parts):
            donor = max(range(parts), key=lambda other: len(members(label, other)))
            if len(members(label, number)) or len(members(label, donor)) < 2:
                continue
            largest = max(labels, key=lambda other: len(members(other, number)))
            if len(members(largest, number)) < 2:
                continue
            mine, theirs = rng.choice(members(label, donor)), rng.choice(members(largest, number))
            part[mine], part[theirs] = number, donor
