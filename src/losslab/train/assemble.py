"""From members to populations: same shapes, batch size and row count train in one stack, as far as memory goes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from losslab.train.batches import EpochBatches, Fold, on_device
from losslab.train.member import Member
from losslab.train.memory import members_at_once, native_bytes_per_member
from losslab.train.native.network import Native
from losslab.train.network import Network, Single, Stacked
from losslab.train.population import Population
from losslab.train.probe import Choice, choose

if TYPE_CHECKING:
    from losslab.models.build import Factory

ENGINES: dict[str, type[Network]] = {"native": Native, "stacked": Stacked, "single": Single}


@dataclass(frozen=True)
class Plan:
    """Members that can share a stack, and the engine chosen for them."""

    members: list[Member]
    choice: Choice
    make: Callable[[int], nn.Module]  # the module of a seed, with this head

    def population(self) -> Population:
        network = self.choice.engine(modules_of(self.members, self.make))
        return Population(self.members, network, lift_losses=self.choice.lift_losses)


def modules_of(members: Sequence[Member], make: Callable[[int], nn.Module]) -> list[nn.Module]:
    """The untrained module of each member; members of one seed share it, as a network copies what it is given."""
    modules = {seed: make(seed) for seed in {member.seed for member in members}}
    return [modules[member.seed] for member in members]


class Assembly:
    """Makes populations of one model on one set of folds; probes each kind of stack once and remembers.

    engine: "auto" (measured), "untimed" (see `choose`), "native" or "stacked" (raise ValueError in `plans` where the
    model cannot be), or "single".
    """

    def __init__(self, factory: "Factory", folds: Sequence[Fold], *, engine: str = "auto", device: str = "cpu") -> None:
        if engine not in ("auto", "untimed", *ENGINES):
            raise ValueError(f"engine must be auto, {', '.join([*ENGINES][:-1])} or {[*ENGINES][-1]}; got {engine!r}")
        self.factory, self.engine = factory, engine
        self.device = torch.device(device)
        self.folds = on_device(folds, self.device)
        self.choices: dict[tuple[Any, ...], Choice] = {}

    def plans(self, members: Sequence[Member]) -> list[Plan]:
        """Members in groups that fit in memory, sorted by loss and optimiser within each."""
        groups: dict[tuple[Any, ...], list[Member]] = {}
        for member in members:
            rows = len(self.folds[member.fold].rows)
            groups.setdefault((*member.shape, member.batch_size, rows), []).append(member)
        plans = []
        for group in groups.values():
            group.sort(key=lambda member: member.family)
            make = self.maker(group[0])
            room = self._room(make, group)
            for first in range(0, len(group), room):
                part = group[first : first + room]
                plans.append(Plan(part, self._choice(make, part), make))
        return plans

    def maker(self, member: Member) -> Callable[[int], nn.Module]:
        """What makes the module of a seed, for members of this one's shape."""
        return partial(self.make, outputs=member.objective.outputs, architecture=member.architecture)

    def make(self, seed: int, outputs: int, architecture: Mapping[str, float]) -> nn.Module:
        return self.factory.make(seed, outputs, **architecture).to(self.device, self.folds[0].X.dtype)

    def _room(self, make: Callable[[int], nn.Module], group: list[Member]) -> int:
        x, _ = EpochBatches(group[:1], self.folds, 0)[0]
        room = members_at_once(make(group[0].seed), x[0])
        if room < len(group) and self._surely_native(make, group):
            module = make(group[0].seed)
            largest = max(group, key=lambda member: native_bytes_per_member(module, member))
            room = members_at_once(module, x[0], largest)
        return room

    def _surely_native(self, make: Callable[[int], nn.Module], group: list[Member]) -> bool:
        """Whether these train natively without being timed against engines that need more memory."""
        if self.engine in ("stacked", "single"):
            return False
        some = list({member.family: member for member in group}.values())
        asked = "native" if self.engine == "native" else "untimed"
        return choose(modules_of(some, make), some, self.folds, asked=asked).engine is Native

    def _choice(self, make: Callable[[int], nn.Module], part: list[Member]) -> Choice:
        """What was chosen for a stack of this size with these losses, chosen now where it is the first."""
        names = frozenset(member.objective.name for member in part)
        asked = (part[0].shape, part[0].batch_size, len(part), names)
        if asked not in self.choices:
            self.choices[asked] = choose(modules_of(part, make), part, self.folds, asked=self.engine)
        return self.choices[asked]
