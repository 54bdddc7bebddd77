"""A member of a population: one configuration to train, as data."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from losslab.spec.record import LossRecord
from losslab.train.settings import Training


@dataclass(frozen=True)
class Objective:
    """A loss as the engine sees it: one member's outputs and targets to one number.

    `mean_loss(output (B, O), target (B,), **params) -> ()`. `outputs` is the width of head that it wants, `link` leads
    from outputs to predictions. `weighted(output, target, weight (B,) or None, **params) -> (), ()` gives the mean with
    rows of those weights, and the sum of weights that it divided by. `record` is the declaration that it was made from.
    """

    name: str
    mean_loss: Callable[..., Tensor]
    outputs: int
    link: str
    weighted: Callable[..., tuple[Tensor, Tensor]] | None = None
    record: LossRecord | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Member:
    """What one member of a population trains with. Numbers only: weights and state live in the population.

    `params` are the loss's, in units of the data that the network sees; a tuple has a number for each class. `fold`
    says which row list and which preprocessing it trains on; members with the same seed and fold see the same rows in
    the same order.
    """

    number: int
    objective: Objective
    params: Mapping[str, float | tuple[float, ...]] = field(default_factory=dict)
    optimizer: str = "adamw"
    hyper: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, bool | int] = field(default_factory=dict)
    seed: int = 0
    fold: int = 0
    batch_size: int = 64
    epochs: int = 0  # how long it trains in all, where a schedule needs to know; 0: not known
    training: Training = field(default_factory=Training)
    architecture: Mapping[str, float] = field(default_factory=dict)  # arguments of the model: width, depth, dropout

    @property
    def shape(self) -> tuple[Any, ...]:
        """Members that agree in this can share a stack: number of outputs, architecture, and how a step is made."""
        training = (self.training.accumulate, self.training.autocast)
        return (self.objective.outputs, tuple(sorted(self.architecture.items())), *training)

    @property
    def loss_family(self) -> tuple[Any, ...]:
        """Members that agree in this can have their losses computed in one call."""
        return (self.objective.name, tuple(self.params))

    @property
    def update_family(self) -> tuple[Any, ...]:
        """Members that agree in this can be updated in one call."""
        return (self.optimizer, tuple(sorted(self.options.items())), tuple(self.hyper))

    @property
    def family(self) -> tuple[Any, ...]:
        """Members are sorted by this, so that a loss and an optimiser each cover contiguous slices of the stack."""
        return (*self.loss_family, *self.update_family)


def key(*parts: object) -> int:
    """A seed for a random generator that depends on every part and on nothing else."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=7).digest(), "big")
