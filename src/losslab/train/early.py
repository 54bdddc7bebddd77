"""Early stopping: the best weights of each member so far, and who has waited too long for better ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from losslab.train.member import Member

Constants = dict[str, Tensor]


@dataclass(frozen=True)
class Watch:
    """How members are judged after each epoch: `values(members, raw outputs (K, n, ...)) -> (K,)` on some rows."""

    rows: Tensor
    values: Callable[[list[Member], Tensor], Tensor]
    higher_is_better: bool


@dataclass(frozen=True)
class Best:
    """For each member: the weights (K, P) and buffers that it predicted best with, how well, when, and since when.

    value (K,): higher is better. epoch (K,): of the best. waiting (K,): epochs without better ones. A member without
    patience has its latest weights here.
    """

    weights: Tensor
    constants: Constants
    value: Tensor
    epoch: Tensor
    waiting: Tensor

    @classmethod
    def first(cls, weights: Tensor, constants: Constants, value: Tensor, epoch: int) -> "Best":
        """Nothing was seen before this epoch."""
        value = value.double()
        now = torch.full(value.shape, epoch, device=value.device)
        return cls(weights.clone(), copies(constants), value, now, torch.zeros_like(now))

    def after(
        self, weights: Tensor, constants: Constants, value: Tensor, epoch: int, members: Sequence[Member]
    ) -> "Best":
        """What is known after one more epoch. A metric that is not a number is never better; any number is, than it."""
        patient = torch.tensor([member.training.patience > 0 for member in members], device=value.device)
        better = (value > self.value) | (self.value.isnan() & ~value.isnan())
        taken = better | ~patient
        return Best(
            chosen(taken, weights, self.weights),
            {name: chosen(taken, constants[name], old) for name, old in self.constants.items()},
            torch.where(taken, value.double(), self.value),
            torch.where(taken, epoch, self.epoch),
            torch.where(taken, 0, self.waiting + 1),
        )

    def over(self, members: Sequence[Member]) -> list[int]:
        """The places of members whose patience is at an end."""
        patience = [member.training.patience for member in members]
        return [k for k, waited in enumerate(self.waiting.tolist()) if patience[k] and waited >= patience[k]]

    def keep(self, places: Tensor) -> "Best":
        constants = {name: value[places] for name, value in self.constants.items()}
        return Best(self.weights[places], constants, self.value[places], self.epoch[places], self.waiting[places])


def chosen(taken: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """Rows of `new` where `taken` (K,) says so, else those of `old`."""
    return torch.where(taken.reshape(-1, *[1] * (new.dim() - 1)), new, old)


def copies(constants: Constants) -> Constants:
    """Buffers are written in place while training goes on."""
    return {name: value.clone() for name, value in constants.items()}
