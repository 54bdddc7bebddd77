"""The exponential mean of each member's weights, as torch.optim.swa_utils.AveragedModel keeps it.

Buffers (BatchNorm's statistics) are not averaged: a prediction takes those of the last step, as AveragedModel does.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from losslab.train.member import Member


class Average:
    """`mean` (K, P); of a member without a mean, its weights. Before the first step, the weights at the start."""

    def __init__(self, members: Sequence[Member], mean: Tensor) -> None:
        decay = torch.tensor([[member.training.ema] for member in members], dtype=torch.float64, device=mean.device)
        self.share = (1 - decay).to(mean.dtype)  # that a step's weights have in the mean
        self.mean = mean

    @classmethod
    def of(cls, members: Sequence[Member], mean: Tensor) -> "Average | None":
        return cls(members, mean) if any(member.training.ema for member in members) else None

    def follow(self, flat: Tensor, clock: Tensor) -> None:
        """Takes in the weights (K, P) after a step; those after the first are where the mean begins."""
        self.mean = self.mean.lerp(flat, torch.where(clock == 1, 1.0, self.share))
