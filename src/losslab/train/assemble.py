"""From members to populations: same head, batch size and row count train in one stack, as far as memory goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from losslab.train.batches import EpochBatches, Fold
from losslab.train.member import Member
from losslab.train.memory import members_at_once
from losslab.train.network import Network, Single, Stacked
from losslab.train.population import Population
from losslab.train.probe import Choice, choose

if TYPE_CHECKING:
    from losslab.models.build import Factory

ENGINES: dict[str, type[Network]] = {"stacked": Stacked, "single": Single}


@dataclass(frozen=True)
class Plan:
    """Members that can share a stack, and the engine chosen for them."""

    members: list[Member]
    width: int
    choice: Choice
    make: Callable[[int], nn.Module]  # the module of a seed, with this head

    def population(self) -> Population:
        modules = {member.seed: self.make(member.seed) for member in self.members}
        network = self.choice.engine([modules[member.seed] for member in self.members])
        return Population(self.members, network, lift_losses=self.choice.lift_losses)


class Assembly:
    """Makes populations of one model on one set of folds; probes once per head width and remembers.

    engine: "auto" (measured), "stacked" or "single".
    """

    def __init__(self, factory: "Factory", folds: Sequence[Fold], *, engine: str = "auto", device: str = "cpu") -> None:
        if engine not in ("auto", *ENGINES):
            raise ValueError(f"engine must be auto, {' or '.join(ENGINES)}; got {engine!r}")
        self.factory, self.engine = factory, engine
        self.device = torch.device(device)
        self.folds = [fold.to(self.device) for fold in folds]
        self.choices: dict[int, Choice] = {}

    def plans(self, members: Sequence[Member]) -> list[Plan]:
        """Members in groups that fit in memory, sorted by loss and optimiser within each."""
        groups: dict[tuple[int, int, int], list[Member]] = {}
        for member in members:
            rows = len(self.folds[member.fold].rows)
            groups.setdefault((member.objective.outputs, member.batch_size, rows), []).append(member)
        plans = []
        for (width, _, _), group in groups.items():
            group.sort(key=lambda member: member.family)
            make = lambda seed, width=width: self.make(seed, width)
            room = self._room(make, group)
            for first in range(0, len(group), room):
                part = group[first : first + room]
                plans.append(Plan(part, width, self._choice(width, make, part), make))
        return plans

    def make(self, seed: int, width: int) -> nn.Module:
        return self.factory.make(seed, width).to(self.device, self.folds[0].X.dtype)

    def _room(self, make: Callable[[int], nn.Module], group: list[Member]) -> int:
        x, _ = EpochBatches(group[:1], self.folds, 0)[0]
        return members_at_once(make(group[0].seed), x[0])

    def _choice(self, width: int, make: Callable[[int], nn.Module], part: list[Member]) -> Choice:
        if self.engine != "auto":
            return Choice(ENGINES[self.engine], "as asked", lift_losses=self.engine == "stacked")
        if len(part) == 1:
            return Choice(Single, "one member", lift_losses=False)
        if width not in self.choices:
            seeds = {member.seed: make(member.seed) for member in part}
            self.choices[width] = choose([seeds[member.seed] for member in part], part, self.folds)
        return self.choices[width]
