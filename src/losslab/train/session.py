"""Populations that train rung by rung, and go on after a kill from what was saved."""

import io
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from losslab.train.assemble import ENGINES, Assembly, modules_of
from losslab.train.early import Watch
from losslab.train.loop import Broken, Losses, Stopped, advance, nobody, nobody_of_losses, predict
from losslab.train.member import Member
from losslab.train.native.fits import why_not_here
from losslab.train.native.network import Native
from losslab.train.population import Population

FORMAT = 1  # of a checkpoint; another one is not read


class Session:
    """The training of some members: `advance` to a rung, `predict`, `keep`, again.

    With a `checkpoint` path, `save()` writes all that changes while training; a session of the same members made with a
    checkpoint on disk goes on from there. `reached` is how many epochs all members have behind them. Members with
    patience need a `watch`: they are looked at after each epoch, predict with their best weights so far, and leave the
    stack when their patience is at an end; `stopped` says after which epoch, by number.
    """

    def __init__(
        self,
        assembly: Assembly,
        members: Sequence[Member],
        *,
        checkpoint: Path | None = None,
        stop: Callable[[], bool] = lambda: False,
        on_step: Callable[[int], None] = nobody,
        on_losses: Losses = nobody_of_losses,
        watch: Watch | None = None,
    ) -> None:
        self.assembly, self.checkpoint, self.stop = assembly, checkpoint, stop
        self.on_step, self.on_losses = on_step, on_losses
        self.watch = watch
        self.broken: list[Broken] = []
        self.stopped: dict[int, int] = {}
        self.notes: dict[str, Any] = {}  # plain values of whoever trains, kept with the checkpoint
        self.populations: list[Population] = []
        saved = read_checkpoint(checkpoint, assembly.device)
        if saved is None:
            self.start(members)
        else:
            self.populations = [self._restore(one, members) for one in saved["populations"]]
            self.broken = [Broken(*one) for one in saved["broken"]]
            self.stopped, self.notes = saved["stopped"], saved["notes"]

    def start(self, members: Sequence[Member]) -> None:
        """Everyone at the first step."""
        self.populations = [plan.population() for plan in self.assembly.plans(members)]
        self.broken, self.stopped = [], {}

    def leads_to(self, epoch: int, numbers: Iterable[int]) -> bool:
        """Whether this training can still be looked at after `epoch` epochs, with all members of these numbers in it.

        It cannot where a checkpoint is ahead of what is known otherwise: then it has to start again.
        """
        past = any((p.epoch, p.position) > (epoch, 0) for p in self.populations)
        here = {member.number for member in self.members} | {broken.number for broken in self.broken}
        return not past and here.issuperset(numbers)

    @property
    def members(self) -> list[Member]:
        return [member for population in self.populations for member in population.members]

    @property
    def reached(self) -> int:
        return min((population.epoch for population in self.populations), default=0)

    def advance(self, epochs: int, *, save: bool = True) -> list[Broken]:
        """Trains everyone up to `epochs`, saves unless told not to, and returns who broke on the way.

        When asked to stop, saves, so that a restored session goes on from the same step, and raises `Stopped`.
        """
        before = len(self.broken)
        try:
            for population in list(self.populations):
                self._advance(population, epochs)
        except Stopped as stopped:
            self.broken += stopped.broken
            self._forget_empty()
            self.save()
            raise
        self._forget_empty()
        for population in self.populations:
            population.epoch = max(population.epoch, epochs)  # of those at rest, too
        if save:
            self.save()
        return self.broken[before:]

    def _advance(self, population: Population, epochs: int) -> None:
        """One population; epoch by epoch, where members may stop early."""
        if population.rested:
            return
        if population.patient and self.watch is None:
            raise ValueError("patience needs a metric that is read after each epoch: give the session a watch")
        watched = self.watch if population.patient else None
        for end in range(population.epoch + 1, epochs + 1) if watched else [epochs]:
            self.broken += advance(
                population, self.assembly.folds, end, stop=self.stop, on_step=self.on_step, on_losses=self.on_losses
            )
            if watched and len(population):
                self._look(population, watched)

    def _look(self, population: Population, watch: Watch) -> None:
        """Reads the metric of the latest weights; who has waited too long goes to rest."""
        outputs = predict(population, self.assembly.folds, watch.rows.to(self.assembly.device), best=False).cpu()
        value = watch.values(population.members, outputs)
        over = population.look(value if watch.higher_is_better else -value)
        if over:
            self.stopped |= {population.members[place].number: population.epoch for place in over}
            self.populations.append(population.rest(over))

    def best_epochs(self) -> dict[int, int]:
        """The epoch whose weights a member predicts with, by number; of members with patience."""
        return {
            member.number: int(epoch)
            for population in self.populations
            if population.best is not None
            for member, epoch in zip(population.members, population.best.epoch, strict=True)
            if member.training.patience
        }

    def predict(self, rows: Tensor) -> list[tuple[list[Member], Tensor]]:
        """For each population, its members and their raw outputs (K, n, ...) on rows (n,)."""
        rows = rows.to(self.assembly.device)
        return [(p.members, predict(p, self.assembly.folds, rows).cpu()) for p in self.populations]

    def keep(self, numbers: Sequence[int]) -> None:
        """Goes on with the members of these numbers only."""
        chosen = set(numbers)
        for population in self.populations:
            places = [place for place, member in enumerate(population.members) if member.number in chosen]
            if len(places) < len(population):
                population.keep(places)
        self._forget_empty()

    def save(self) -> None:
        """Writes the checkpoint in one piece: a kill leaves the old one or the new one."""
        if self.checkpoint is None:
            return
        content = {
            "format": FORMAT,
            "populations": [
                {"engine": p.network.engine, "lift_losses": p.lift_losses, "state": p.state_dict()}
                for p in self.populations
            ],
            "broken": [astuple(one) for one in self.broken],
            "stopped": self.stopped,
            "notes": self.notes,
        }
        whole = io.BytesIO()  # torch's own writing to a file does not say why it failed
        torch.save(content, whole)
        temporary = self.checkpoint.with_suffix(".new")
        try:
            temporary.write_bytes(whole.getbuffer())
            os.replace(temporary, self.checkpoint)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            reason = f"could not write {self.checkpoint}: {error.strerror}; everything written before is kept"
            raise OSError(error.errno, reason) from error

    def finish(self) -> None:
        """The results are safe elsewhere: the checkpoint goes."""
        if self.checkpoint is not None:
            self.checkpoint.unlink(missing_ok=True)

    def _forget_empty(self) -> None:
        self.populations = [population for population in self.populations if len(population)]

    def _restore(self, saved: dict[str, Any], members: Sequence[Member]) -> Population:
        by_number = {member.number: member for member in members}
        chosen = [by_number[number] for number in saved["state"]["numbers"]]
        network = ENGINES[saved["engine"]](modules_of(chosen, self.assembly.maker(chosen[0])))
        if isinstance(network, Native) and why_not_here():  # written where kernels are; its steps are stacked here
            warnings.warn(f"the checkpoint was trained natively, and goes on stacked: {why_not_here()}", stacklevel=3)
        population = Population(chosen, network, lift_losses=saved["lift_losses"])
        population.load_state_dict(saved["state"])
        return population


def read_checkpoint(path: Path | None, device: torch.device) -> dict[str, Any] | None:
    """What `save` wrote, its tensors on the device; None where there is nothing, or nothing that can be read.

    A checkpoint of another version of losslab cannot: training starts over, and the journal has every finished rung.
    """
    if path is None or not path.exists():
        return None
    try:
        with path.open("rb") as file:  # of a path, torch looks at the suffix
            found = torch.load(file, map_location=device, weights_only=True)
    except Exception:  # a damaged file fails in many ways
        return None
    return found if isinstance(found, dict) and found.get("format") == FORMAT else None
