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

    X: (N, ...) and y: (N,) or (N, T). rows: row numbers (n,), which may repeat (a resample): a fold is a list of rows,
    never a mask. changing: gives fresh inputs (B, ...) for row numbers (B,), where they differ each time they are read
    (random augmentation); training reads those, evaluation reads X. weight: (N,) how much each row counts in the
    training loss.
    """

    X: Tensor
    y: Tensor
    rows: Tensor
    changing: Any = None
    weight: Tensor | None = None


def epoch_order(fold: Fold, seed: int, number: int, epoch: int) -> Tensor:
    """The rows of a fold in the order of one epoch: a function of (seed, fold, epoch) and of nothing else."""
    generator = torch.Generator().manual_seed(key("order", seed, number, epoch))
    return fold.rows[torch.randperm(len(fold.rows), generator=generator)]


class EpochBatches:
    """The batches of one epoch: item i is x (K, B, ...), y (K, B), the rows of one step.

    All members have one batch size and equally many rows. Where a step accumulates gradients, B are the rows of all its
    batches.
    """

    def __init__(self, members: Sequence[Member], folds: Sequence[Fold], epoch: int) -> None:
        names = [(member.seed, member.fold) for member in members]
        self.folds = [folds[member.fold] for member in members]
        self.changing = any(fold.changing is not None for fold in self.folds)
        self.weighted = any(fold.weight is not None for fold in self.folds)
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
        self.rows = every.split(step_sizes(every.shape[-1], members[0]), dim=-1)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]:
        return self.fetch(self.rows[position])

    def weight(self, position: int) -> Tensor | None:
        """How much each row of that step counts, (K, B); None where every row counts as one."""
        if not self.weighted:
            return None
        rows = self.rows[position].expand(len(self.folds), -1)
        pairs = zip(self.folds, rows, strict=True)
        return torch.stack(
            [fold.X.new_ones(len(own)) if fold.weight is None else fold.weight[own] for fold, own in pairs]
        )

    def step(self, position: int) -> tuple[Tensor, Tensor, Tensor | None]:
        """All that a step needs: x, y and the weights of the rows."""
        return *self[position], self.weight(position)


def batch_sizes(rows: int, size: int) -> list[int]:
    """Full batches, then what is left; a last single row joins the batch before: BatchNorm cannot train on one."""
    full, left = divmod(rows, size)
    if left == 1 and full:
        return [size] * (full - 1) + [size + 1]
    return [size] * full + [left] * (left > 0)


def step_sizes(rows: int, member: Member) -> list[int]:
    """The rows of each step: of one batch, or of as many as are accumulated; the last step has what is left."""
    sizes, several = batch_sizes(rows, member.batch_size), member.training.accumulate
    return [sum(sizes[first : first + several]) for first in range(0, len(sizes), several)]


def gather(fold: Fold, rows: Tensor, members: int, train: bool = False) -> tuple[Tensor, Tensor]:
    """The same rows for all members: x (K, B, ...) and y (K, B), expanded, not copied."""
    x, y = (fold.changing if train and fold.changing is not None else fold.X)[rows], fold.y[rows]
    return x.expand(members, *x.shape), y.expand(members, *y.shape)


class FoldView:
    """Rows of its own fold for each member."""

    def __init__(self, folds: Sequence[Fold], of_member: Sequence[int], train: bool = False) -> None:
        self.changing = folds[of_member[0]].changing if train else None
        self.X, self.X_place = stack_distinct([folds[number].X for number in of_member])
        self.y, self.y_place = stack_distinct([folds[number].y for number in of_member])

    def gather(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """x (K, B, ...), y (K, B) for row numbers (K, B)."""
        fresh = self.changing
        x = self.X[self.X_place, rows] if fresh is None else torch.stack([fresh[own] for own in rows])
        return x, self.y[self.y_place, rows]


def stack_distinct(tensors: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The different ones among K tensors (N, ...) stacked, (U, N, ...), and for each its place there, (K, 1).

    What all folds share (images, labels) is not copied.
    """
    different = {id(tensor): tensor for tensor in tensors}
    places = {name: place for place, name in enumerate(different)}
    found = list(different.values())
    place = torch.tensor([places[id(tensor)] for tensor in tensors], device=found[0].device)
    return torch.stack(found) if len(found) > 1 else found[0][None], place[:, None]


def on_device(folds: Sequence[Fold], device: torch.device) -> list[Fold]:
    """The folds with their tensors on a device; what they share is moved once."""
    tensors = {id(one): one for fold in folds for one in (fold.X, fold.y, fold.rows, fold.weight) if one is not None}
    moved = {name: tensor.to(device) for name, tensor in tensors.items()}
    return [Fold(moved[id(f.X)], moved[id(f.y)], moved[id(f.rows)], f.changing, moved.get(id(f.weight))) for f in folds]
