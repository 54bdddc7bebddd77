"""Clips each member's gradient, as torch.nn.utils.clip_grad_norm_ and then clip_grad_value_ do."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from losslab.train.member import Member

TINY = 1e-6  # torch's, added to a norm before it divides


@dataclass(frozen=True)
class Clip:
    """The largest norm and the largest size of a number, (K, 1) each; infinite where there is no bound."""

    norm: Tensor
    value: Tensor

    @classmethod
    def of(cls, members: Sequence[Member], flat: Tensor) -> "Clip | None":
        if not any(member.training.clip_norm or member.training.clip_value for member in members):
            return None
        bounds = (
            flat.new_tensor([[getattr(m.training, name) or float("inf")] for m in members])
            for name in ("clip_norm", "clip_value")
        )
        return cls(*bounds)

    def __call__(self, gradient: Tensor) -> Tensor:
        """A gradient (K, P) within the bounds."""
        length = gradient.norm(dim=1, keepdim=True)
        gradient = gradient * (self.norm / (length + TINY)).clamp(max=1.0)
        return gradient.clamp(-self.value, self.value)
