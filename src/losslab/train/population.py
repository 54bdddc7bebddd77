"""K members that train together: their weights, losses, optimisers and clocks."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from losslab.optim import get as update_rule
from losslab.optim import lift
from losslab.optim.rule import UpdateRule
from losslab.train.accumulate import Part, parts
from losslab.train.average import Average
from losslab.train.clip import Clip
from losslab.train.early import Best, copies
from losslab.train.groups import LossGroup, UpdateGroup, runs
from losslab.train.lower import lower
from losslab.train.member import Member, key
from losslab.train.network import Network
from losslab.train.penalty import Penalty
from losslab.train.schedule import factors


class Population:
    """Members in the order of the stack, sorted by loss and optimiser (see `Member.family`).

    `clock` (K, 1) counts each member's steps: bias corrections read it. `lift_losses` says whether the losses run
    under vmap or member by member, as the network does.
    """

    def __init__(self, members: Sequence[Member], network: Network, *, lift_losses: bool | None = None) -> None:
        self.members = list(members)
        self.network = network
        self.lift_losses = network.engine != "single" if lift_losses is None else lift_losses
        self.clock = torch.zeros(len(self.members), 1, dtype=network.flat.dtype, device=network.flat.device)
        self.seed = self.members[0].seed
        self.epoch = 0  # how many epochs the members have behind them, and how many batches of the next
        self.position = 0
        self.last_loss: Tensor | None = None  # (K,) without penalties, and what each is a mean over
        self.last_weight: Tensor | int | None = None
        self.rates: Tensor | None = None  # (K, S) factors on the learning rates, of the steps of this epoch
        self.autocast = self.members[0].training.autocast
        self.average: Average | None = None
        self.best: Best | None = None  # of a population with members that stop early, once they were looked at
        self.rested = False  # stopped early: trains no more, and predicts with the best weights
        self._group({})

    def __len__(self) -> int:
        return len(self.members)

    @property
    def patient(self) -> bool:
        """Whether a member may stop early."""
        return any(member.training.patience for member in self.members)

    @contextmanager
    def showing(self, *, best: bool = True) -> Iterator[Network]:
        """The network with the weights that predict: the mean where one is kept, the best so far with patience.

        Leaves it as it was. best: False for the latest, also of members with patience.
        """
        network, kept = self.network, self.best if best else None
        if kept is None and self.average is None:
            yield network
            return
        flat, constants = network.flat, network.constants()
        network.flat = kept.weights if kept else self.latest
        if kept:
            network.load_constants(kept.constants)
        try:
            yield network
        finally:
            network.flat = flat
            if kept:
                network.load_constants(constants)

    @property
    def latest(self) -> Tensor:
        """The weights (K, P) that predict now: their mean, where one is kept."""
        return self.network.flat if self.average is None else self.average.mean

    def module(self, place: int) -> nn.Module:
        """A member as an ordinary module, with the weights that predict."""
        with self.showing() as network:
            return network.module(place)

    def look(self, value: Tensor) -> list[int]:
        """Takes in a metric (K,), higher is better, and returns the places of members whose patience is at an end."""
        now = (self.latest, self.network.constants(), value.to(self.clock.device), self.epoch)
        self.best = Best.first(*now) if self.best is None else self.best.after(*now, self.members)
        return self.best.over(self.members)

    def rest(self, places: Sequence[int]) -> "Population":
        """Takes members that stopped out of the stack, into a population that keeps their best weights."""
        resting = self.resting(places)
        self.keep([place for place in range(len(self)) if place not in places])
        return resting

    def resting(self, places: Sequence[int]) -> "Population":
        """Members with their best weights so far; not to be asked for predictions while they train on here."""
        if self.best is None:
            raise RuntimeError("members stop early only after they were looked at")
        resting = copy.copy(self)
        resting.network, resting.rested = copy.copy(self.network), True
        resting.keep(places)
        return resting

    def losses(self, output: Tensor, y: Tensor) -> Tensor:
        """The mean loss of each member (K,) from outputs (K, B, ...) and targets (K, B, ...)."""
        found = [
            group(own, t, lift=self.lift_losses)
            for group, own, t in zip(self.loss_groups, self._by_loss(output), self._by_loss(y), strict=True)
        ]
        return found[0] if len(found) == 1 else torch.cat(found)

    def _by_loss(self, tensor: Tensor) -> Sequence[Tensor]:
        """The part (k, ...) of a tensor (K, ...) that belongs to each group of members with one loss."""
        groups = self.loss_groups
        return tensor.split([g.rows.stop - g.rows.start for g in groups]) if len(groups) > 1 else [tensor]

    @property
    def accumulates(self) -> bool:
        """Whether a step adds up the gradients of several batches."""
        return self.members[0].training.accumulate > 1

    def parts(self, x: Tensor, y: Tensor, weight: Tensor | None) -> Iterable[Part]:
        """The batches that a step accumulates."""
        first = self.members[0]
        if not self.accumulates:
            return [Part(x, y, weight)]
        return parts(self.network, first.batch_size, x, y, weight)

    def forward(self, parameters: list[Tensor], x: Tensor) -> Tensor:
        """Outputs (K, B, ...) while training: computed in what `autocast` says, and given in the weights' type."""
        if not self.autocast:
            return self.network.forward(parameters, x, train=True)
        with lower(self.autocast, x.device):
            output = self.network.forward(parameters, x, train=True)
        return output.to(self.network.flat.dtype)

    def weighted_losses(self, output: Tensor, part: Part) -> tuple[Tensor, Tensor | int]:
        """The mean loss of each member (K,), and what it is a mean over: weights (K,), or the number of rows."""
        if part.weight is None and not self.accumulates:
            return self.losses(output, part.y), part.y.shape[1]
        weights = [None] * len(self.loss_groups) if part.weight is None else self._by_loss(part.weight)
        given = zip(self.loss_groups, self._by_loss(output), self._by_loss(part.y), weights, strict=True)
        found = [group.weighted(own, y, weight, lift=self.lift_losses) for group, own, y, weight in given]
        return torch.cat([mean for mean, _ in found]), torch.cat([counted for _, counted in found]).detach()

    def penalised_and_clipped(self, gradient: Tensor) -> Tensor:
        """The gradient (K, P) with that of the penalties, and then within each member's bounds."""
        if self.penalty is not None:
            gradient = gradient + self.penalty.gradient(self.network.flat)
        return gradient if self.clip is None else self.clip(gradient)

    def draw(self) -> None:
        """Says to the dropout layers which step is next."""
        if self.network.drops:
            self.network.draws.members = self.draw_keys
            self.network.draws.steps = [int(done) for (done,) in self.clock.tolist()]

    def follow(self) -> None:
        """Takes the weights after a step into the mean of the members that keep one."""
        if self.average is not None:
            self.average.follow(self.network.flat, self.clock)

    def begin_epoch(self, steps: int) -> None:
        """Works out the learning rates of an epoch of so many steps, each by the member's own clock."""
        done = self.clock - self.position + torch.arange(steps, device=self.clock.device)
        self.rates = factors(self.members, done, steps)

    def update(self, parameters: Tensor, gradient: Tensor) -> Tensor:
        """The parameters (K, P) after each member's optimiser has made its step; `parameters` may be changed."""
        rates = None if self.rates is None else self.rates[:, self.position]
        one_by_one = self.network.engine == "single"
        updated = [g(parameters, gradient, self.clock, rates, one_by_one=one_by_one) for g in self.update_groups]
        if len(updated) == 1 and updated[0] is not None:
            return updated[0]
        for group, new in zip(self.update_groups, updated, strict=True):
            if new is not None:
                parameters[group.rows] = new
        return parameters

    def keep(self, indices: Sequence[int]) -> None:
        """Compacts the stack to the members at these places: weights, optimiser state and clocks move together."""
        chosen = torch.tensor(sorted(indices), dtype=torch.long, device=self.clock.device)
        state = {name: value[chosen] for name, value in self._state().items()}
        self.network.keep(chosen)
        self.clock = self.clock[chosen]
        self.rates = None if self.rates is None else self.rates[chosen]
        mean = None if self.average is None else self.average.mean[chosen]
        self.best = None if self.best is None else self.best.keep(chosen)
        self.members = [self.members[int(index)] for index in chosen]
        self._group(state, mean)

    def state_dict(self) -> dict[str, Any]:
        """All that changes while training, to go on later from the same step; in memory of its own."""
        return {
            "numbers": [m.number for m in self.members], "flat": self.network.flat.clone(), "clock": self.clock.clone(),
            "constants": copies(self.network.constants()), "state": self._state(),
            "seed": self.seed, "epoch": self.epoch, "position": self.position,
            "mean": None if self.average is None else self.average.mean.clone(),
            "best": None if self.best is None else vars(self.best), "rested": self.rested,
        }  # fmt: skip

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        saved = copy.deepcopy(saved)  # training writes into its tensors
        places = {member.number: place for place, member in enumerate(self.members)}
        self.keep([places[number] for number in saved["numbers"]])
        self.network.flat, self.clock = saved["flat"], saved["clock"]
        self.seed, self.epoch, self.position = saved["seed"], saved["epoch"], saved["position"]
        self.network.load_constants(saved["constants"])
        self.best, self.rested = saved["best"] and Best(**saved["best"]), saved["rested"]
        self._group(saved["state"], saved["mean"])

    def _state(self) -> dict[str, Tensor]:
        """Optimiser state as tensors (K, ...); members whose optimiser keeps no such state have zeros there."""
        whole: dict[str, Tensor] = {}
        for group in self.update_groups:
            for name, value in group.state.items():
                if name not in whole:
                    whole[name] = value.new_zeros(len(self), *value.shape[1:])
                whole[name][group.rows] = value
        return whole

    def _group(self, state: dict[str, Tensor], mean: Tensor | None = None) -> None:
        """Lays the members out in groups.

        state: of the optimisers so far, empty before the first step. mean: (K, P) of the weights so far.
        """
        flat = self.network.flat
        self.penalty, self.clip = Penalty.of(self.members, self.network.layout, flat), Clip.of(self.members, flat)
        self.average = Average.of(self.members, flat if mean is None else mean)
        self.draw_keys = [key("dropout", member.seed, member.fold) for member in self.members]
        self.loss_groups = [
            LossGroup(rows, members[0].objective, {name: self._params(members, name) for name in members[0].params})
            for rows, members in runs(self.members, lambda member: member.loss_family)
        ]
        self.update_groups = []
        for rows, members in runs(self.members, lambda member: member.update_family):
            rule, options = self._rule(members[0].optimizer), dict(members[0].options)
            hyper = {name: self._hyper(members, name) for name in members[0].hyper}
            start = rule.start(self.network.flat[rows], **hyper, **options)
            kept = {name: state[name][rows] if name in state else value for name, value in start.items()}
            self.update_groups.append(UpdateGroup(rows, rule, hyper, options, kept))

    def _rule(self, name: str) -> UpdateRule:
        """The rule of that name, as one that takes rows of `flat`."""
        rule, layout = update_rule(name), self.network.layout
        return lift(rule, dict(zip(layout.names, layout.shapes, strict=True))) if rule.shaped else rule

    def _params(self, members: list[Member], name: str) -> Tensor:
        return self.clock.new_tensor([member.params[name] for member in members])

    def _hyper(self, members: list[Member], name: str) -> Tensor | float:
        values = [float(member.hyper[name]) for member in members]
        if len(set(values)) == 1:
            return values[0]
        # In float64, as the rules compute with numbers: in float32, 1 - 0.999 would have four digits.
        return self.clock.new_tensor(values, dtype=torch.float64)[:, None]
