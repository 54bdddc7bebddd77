"""The gradient of one step from several batches: equal to that of one large batch.

A mean of means would not be: each batch counts by its own weight, and all are divided by the weight of all of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from losslab.train.batches import batch_sizes
from losslab.train.member import key
from losslab.train.network import Network

NOTHING = torch.zeros(0)


class Part(NamedTuple):
    """A batch of a step: x (K, B, ...), y (K, B, ...), and the weight of each row (K, B), or None for one each."""

    x: Tensor
    y: Tensor
    weight: Tensor | None


def parts(network: Network, size: int, x: Tensor, y: Tensor, weight: Tensor | None) -> Iterator[Part]:
    """The rows of a step in batches of `size`; members with random numbers of their own draw new ones for each."""
    sizes, keys, draws = batch_sizes(x.shape[1], size), network.keys, network.draws
    members = draws.members
    weights: Sequence[Tensor | None] = [None] * len(sizes) if weight is None else weight.split(sizes, dim=1)
    for place, part in enumerate(zip(x.split(sizes, dim=1), y.split(sizes, dim=1), weights, strict=True)):
        network.keys = [key("part", one, place) for one in keys] if place else keys
        draws.members = [key("part", one, place) for one in members] if place else members
        yield Part(*part)
    network.keys, draws.members = keys, members


@dataclass
class Total:
    """What the batches of a step have given so far; each loss (K,) is a mean over its weight (K,)."""

    loss: Tensor = NOTHING
    gradient: Tensor = NOTHING
    weight: Tensor | int | None = None  # None: nothing yet

    def add(self, loss: Tensor, gradient: Tensor, weight: Tensor | int) -> None:
        """The mean so far and a batch's mean, each by its share of the weight."""
        if self.weight is None:
            self.loss, self.gradient, self.weight = loss, gradient, weight
            return
        whole = torch.as_tensor(self.weight + weight, dtype=loss.dtype, device=loss.device)
        share = torch.where(whole == 0, 0.0, weight / torch.where(whole == 0, 1.0, whole))
        self.loss = self.loss + share * (loss - self.loss)
        self.gradient = self.gradient + share[:, None] * (gradient - self.gradient)
        self.weight = whole
