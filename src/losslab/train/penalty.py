"""l1, l2 and elastic penalties of each member, on its weights with two dimensions or more."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from losslab.train.member import Member
from losslab.train.network import Layout

LEAST_DIMENSIONS = 2  # biases and the scales of norms have one, and are left out


@dataclass(frozen=True)
class Penalty:
    """l1 * sum |w| + l2 / 2 * sum w^2, with l1 and l2 (K, 1) over the places (P,) that `counts` marks."""

    l1: Tensor
    l2: Tensor
    counts: Tensor

    @classmethod
    def of(cls, members: Sequence[Member], layout: Layout, flat: Tensor) -> "Penalty | None":
        if not any(member.training.l1 or member.training.l2 for member in members):
            return None
        marks = [float(len(shape) >= LEAST_DIMENSIONS) for shape in layout.shapes]
        counts = flat.new_tensor(marks).repeat_interleave(torch.tensor(layout.sizes, device=flat.device))
        l1, l2 = (flat.new_tensor([[getattr(m.training, name)] for m in members]) for name in ("l1", "l2"))
        return cls(l1, l2, counts)

    def gradient(self, weights: Tensor) -> Tensor:
        """The gradient (K, P) at weights (K, P); that of |w| at 0 is 0."""
        return (self.l1 * weights.sign() + self.l2 * weights) * self.counts
