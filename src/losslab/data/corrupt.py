"""Spoiling a share of the targets on purpose, to see what losses make of it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from losslab.data.table import NUMBERS, Task

NEAREST, FARTHEST = 5.0, 10.0  # standard deviations from the mean


def corrupt(y: Tensor, rows: Tensor, share: float, seed: int, task: Task, classes: Sequence[str] | int) -> Tensor:
    """A copy of `y` (N,) or (N, T) in which round(share * len(rows)) of the rows are spoiled, and no others.

    Classes: symmetric label noise, each of the other classes being equally likely; ordered ones go one class up or
    down. Labels: every label of a chosen row is turned around. Quantities: one-sided gross outliers, the mean of
    y[rows] plus 5 to 10 of its standard deviations (uniform, the same for all columns of a row), counts rounded.
    `classes`: their names or number.
    """
    if not 0 <= share < 1:
        raise ValueError(f"the share of spoiled targets is {share:g}; at least 0 and below 1 is wanted")
    generator = torch.Generator().manual_seed(seed)
    size = round(share * len(rows))
    chosen = rows[torch.randperm(len(rows), generator=generator)[:size]]
    spoiled = y.clone()
    if task == "multilabel":
        spoiled[chosen] = 1 - y[chosen]
        return spoiled
    if task in NUMBERS:
        distance = NEAREST + (FARTHEST - NEAREST) * torch.rand(size, generator=generator, dtype=torch.float64)
        known = y[rows].double()
        distance = distance if y.dim() == 1 else distance[:, None]
        far = (known.mean(0) + distance * known.std(0, correction=0)).to(y.dtype)
        spoiled[chosen] = far.round() if task == "count" else far
        return spoiled
    number = classes if isinstance(classes, int) else len(classes)
    if task == "ordinal":
        up = 2 * torch.randint(0, 2, (size,), generator=generator) - 1
        up = torch.where(y[chosen] == 0, 1, torch.where(y[chosen] == number - 1, -1, up))
        spoiled[chosen] = y[chosen] + up
        return spoiled
    shift = torch.randint(1, number, (size,), generator=generator)
    spoiled[chosen] = (y[chosen] + shift) % number
    return spoiled


def corrupt_text(share: float, task: Task) -> str:
    """What `corrupt` did to the training and validation targets, for people."""
    if task == "multilabel":
        how = "turned around, all labels of a row"
    elif task == "ordinal":
        how = "replaced by the class above or below"
    elif task in NUMBERS:
        how = f"replaced by outliers, {NEAREST:g} to {FARTHEST:g} standard deviations above the mean"
    else:
        how = "replaced by another class at random"
    return f"{100 * share:g} % of the training and validation targets {how}; test targets untouched"
