"""What a person should know of the parts: rows that stand in two of them, large groups, lacking classes, times."""

from itertools import pairwise

import numpy as np
import torch

from losslab.data.raw import PARTS
from losslab.data.table import CLASSES, Split, Table
from losslab.data.words import count, some

LARGE = 0.5  # of a part in one group: its metric is nearly that group's


def part_notes(table: Table, parts: Split) -> list[str]:
    """Notes on parts that were drawn; of those that the user gave, the table's own notes speak."""
    given = table.split
    drawn = [part for part in PARTS[1:] if given is None or not len(getattr(given, part))]
    notes = repeated(table, parts, drawn) if table.tabular else []
    return notes + _group_notes(table, parts) + _class_notes(table, parts) + _time_notes(table, parts)


def repeated(table: Table, parts: Split, which: list[str]) -> list[str]:
    """A note for each of these parts with rows that stand, target and all, in the training part too."""
    keys = row_keys(table.X.numpy(), table.y.numpy())
    notes = []
    for part in which:
        rows = getattr(parts, part)
        again = int(np.isin(keys[rows.numpy()], keys[parts.train.numpy()]).sum())
        if again:
            notes.append(f"{again:,} of {count(len(rows), part + ' row')} stand in the training part too")
    return notes


def row_keys(*arrays: np.ndarray) -> np.ndarray:
    """A number (N,) uint64 for each row of arrays (N, ...) of numbers: the same for equal rows, NaN beside NaN."""
    key = np.zeros(len(arrays[0]), np.uint64)
    for array in arrays:
        for column in array.reshape(len(array), -1).T:
            bits = np.ascontiguousarray(column.astype(np.float64) + 0.0).view(np.uint64)  # -0 and 0 are one number
            key = (key ^ np.where(np.isnan(column), np.uint64(0x7FF8 << 48), bits)) * np.uint64(0x9E3779B97F4A7C15)
            key ^= key >> np.uint64(29)
    return key


def _group_notes(table: Table, parts: Split) -> list[str]:
    if table.groups is None:
        return []
    groups = {part: table.groups[getattr(parts, part)] for part in PARTS}
    sizes = {part: torch.unique(found, return_counts=True)[1] for part, found in groups.items()}
    notes = ["groups: " + ", ".join(f"{len(sizes[part]):,} in {part}" for part in PARTS)]
    for part in PARTS:
        largest = int(sizes[part].max()) if len(sizes[part]) else 0
        if largest > LARGE * len(groups[part]):
            notes.append(f"one group is {largest:,} of {count(len(groups[part]), part + ' row')}")
    for part in PARTS[1:]:
        shared = np.intersect1d(groups["train"].numpy(), groups[part].numpy())
        if len(shared):
            notes.append(f"{count(len(shared), 'group')} of the {part} part stand in the training part too")
    return notes


def _class_notes(table: Table, parts: Split) -> list[str]:
    if table.task not in CLASSES:
        return []
    notes = []
    for part in PARTS:
        sizes = torch.bincount(table.y[getattr(parts, part)], minlength=len(table.classes))
        lacking = [repr(table.classes[label]) for label in torch.nonzero(sizes == 0).flatten().tolist()]
        if lacking:
            notes.append(f"no row of class {some(lacking)} is in the {part} part")
    return notes


def _time_notes(table: Table, parts: Split) -> list[str]:
    if table.time is None:
        return []
    ends = [table.time[getattr(parts, part)] for part in PARTS]
    if any(bool(before.max() >= after.min()) for before, after in pairwise(ends)):
        return ["the parts that were given overlap in time"]
    return [
        "the test part is the latest in time, no random sample: intervals and p-values speak of rows like these, not "
        "of times still to come"
    ]
