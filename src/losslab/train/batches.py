"""Which rows each member sees at each step: one order per (seed, fold), the same for every loss."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from losslab.train.member import Member, key


@dataclass(frozen=True)
class Fold:
    """Training rows and the data as they see it, after preprocessing fitted on them alone.

    X: (N, ...) and y: (N,). rows: row numbers (n,), which may repeat (a resample): a fold is a list of rows, never a
    mask. changing: gives fresh inputs (B, ...) for row numbers (B,), where they differ each time they are read (random
    augmentation); training reads those, evaluation reads X.
    """

    X: Tensor
    y: Tensor
    rows: Tensor
    changing: Any = None

    def to(self, device: torch.device) -> "Fold":
        return Fold(self.X.to(device), self.y.to(device), self.rows.to(device), self.changing)


def epoch_order(fold: Fold, seed: int, number: int, epoch: int) -> Tensor:
    """The rows of a fold in the order of one epoch: a function of (seed, fold, epoch) and of nothing else."""
    generator = torch.Generator().manual_seed(key("order", seed, number, epoch))
    return fold.rows[torch.randperm(len(fold.rows), generator=generator)]


class EpochBatches:
    """The batches of one epoch: item i is x (K, B, ...), y (K, B).

    All members have one batch size and equally many rows.
    """

    def __init__(self, members: Sequence[Member], folds: Sequence[Fold], epoch: int) -> None:
        names = [(member.seed, member.fold) for member in members]
        orders = {name: epoch_order(folds[name[1]], *name, epoch) for name in dict.fromkeys(names)}
        self.fetch: Callable[[Tensor], tuple[Tensor, Tensor]]
        if len(orders) == 1:
            every, self.fetch = (
                orders[names[0]],
                partial(gather, folds[members[0].fold], members=len(members), train=True),
            )
        else:
            every = torch.stack([orders[name] for name in names])
            self.fetch = FoldView(folds, [m.fold for m in members], train=True).gather
        self.rows = every.split(batch_sizes(every.shape[-1], members[0].batch_size), dim=-1)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]:
        return self.fetch(self.rows[position])


def batch_sizes(rows: int, size: int) -> list[int]:
    """Full batches, then what is left; a last single row joins the batch before: BatchNorm cannot train on one."""
    full, left = divmod(rows, size)
    if left == 1 and full:
        return [size] * (full - 1) + [size + 1]
    return [size] * full + [left] * (left > 0)


def gather(fold: Fold, rows: Tensor, members: int, train: bool = False) -> tuple[Tensor, Tensor]:
    """The same rows for all members: x (K, B, ...) and y (K, B), expanded, not copied."""
    x, y = (fold.changing if train and fold.changing is not None else fold.X)[rows], fold.y[rows]
    return x.expand(members, *x.shape), y.expand(members, *y.shape)


class FoldView:
    """Rows of its own fold for each member."""

    def __init__(self, folds: Sequence[Fold], of_member: Sequence[int], train: bool = False) -> None:
        used = sorted(set(of_member))
        self.changing = folds[used[0]].changing if train else None
        self.X = torch.stack([folds[number].X for number in used]) if len(used) > 1 else folds[used[0]].X[None]
        self.y = torch.stack([folds[number].y for number in used])
        self.place = torch.tensor([used.index(number) for number in of_member], device=self.y.device)[:, None]

    def gather(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """x (K, B, ...), y (K, B) for row numbers (K, B)."""
        x = self.X[self.place, rows] if self.changing is None else torch.stack([self.changing[own] for own in rows])
        return x, self.y[self.place, rows]
