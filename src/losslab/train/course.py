"""The training of one member, epoch by epoch: its history, its checkpoint, and whoever wants to be told."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from losslab.train.assemble import Assembly
from losslab.train.early import Watch
from losslab.train.member import Member
from losslab.train.population import Population
from losslab.train.probe import said
from losslab.train.session import Session, read_checkpoint

Line = dict[str, float]
Told = Callable[[Line], None]


class Course:
    """Trains a member to its last epoch. `measure(outputs (n, ...)) -> float` is read on `rows` after each.

    `history` has a line for each epoch: the mean loss over its rows, the learning rate of its last step, and the
    metric of the weights at its end. `told` are called with each new line.
    """

    def __init__(
        self, assembly: Assembly, member: Member, rows: Tensor, measure: Callable[[Tensor], float], metric: str,
        *, higher_is_better: bool, checkpoint: Path | None = None, about: dict[str, str] | None = None,
        told: Sequence[Told] = (),
    ) -> None:  # fmt: skip
        self.rows, self.measure, self.metric, self.told = rows, measure, metric, told
        self.losses: list[tuple[Tensor, Tensor]] = []
        self.factor: Tensor | None = None  # of the schedule, at the last step
        self.seen: float | None = None
        watch = Watch(rows, self._look, higher_is_better)
        self.session = Session(assembly, [member], checkpoint=checkpoint, on_losses=self._on_losses, watch=watch)
        self.session.notes.setdefault("about", about or {})
        self.session.notes.setdefault("engine", said(assembly.choices.values()))
        self.history: list[Line] = self.session.notes.setdefault("history", [])
        self.lr = member.hyper.get("lr", 1.0)

    def run(self, epochs: int) -> None:
        """Trains on to the end, to a break, or until the member's patience is over.

        A member with patience that breaks is left as it was at its best.
        """
        for epoch in range(len(self.history) + 1, epochs + 1):
            if self.session.broken or self.session.stopped:
                return
            self.losses, self.seen = [], None
            one = self.population
            before = None if one is None or one.best is None else one.resting([0])
            self.session.advance(epoch, save=False)
            if not self.session.broken:
                self._note(epoch)
            elif before is not None:
                self.session.populations.append(before)
            self.session.save()

    @property
    def engine(self) -> str:
        """What trains, and why that: as it was chosen when training began, unless another engine goes on."""
        chosen: str = self.session.notes["engine"]
        now = "" if self.population is None else self.population.network.engine
        return chosen if chosen.startswith(now) else now

    @property
    def population(self) -> Population | None:
        """The member as it predicts; None where it broke and nothing was kept."""
        return self.session.populations[0] if self.session.populations else None

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights predict: the last, without patience."""
        return self.session.best_epochs().get(0, len(self.history))

    def _look(self, _: list[Member], outputs: Tensor) -> Tensor:
        self.seen = self.measure(outputs[0])
        return torch.tensor([self.seen], dtype=torch.float64)

    def _on_losses(self, losses: Tensor, weights: Tensor) -> None:
        self.losses.append((losses[0], weights[0]))
        one = self.session.populations[0]
        self.factor = one.rates if one.rates is None else one.rates[0, one.position - 1]

    def _note(self, epoch: int) -> None:
        losses, weights = (torch.cat(some).double() for some in zip(*self.losses, strict=True))
        total = float((losses * weights)[weights != 0].sum())  # a batch of no weight may have any loss
        value = self.seen
        if value is None:  # of a member without patience, which the session does not look at
            ((_, outputs),) = self.session.predict(self.rows)
            value = self.measure(outputs[0])
        lr = self.lr * (1.0 if self.factor is None else float(self.factor))
        mean = total / max(float(weights.sum()), 1e-30)
        self.history.append({"epoch": epoch, "loss": mean, "lr": lr, self.metric: value})
        for tell in self.told:
            tell(self.history[-1])


def check_resumable(path: Path, about: dict[str, str], *, resume: bool) -> None:
    """Raises ValueError in words where a checkpoint is in the way, is damaged, or was made with other arguments."""
    if not path.exists():
        return
    if not resume:
        text = f"checkpoint: {path} is there already; resume=True goes on from it"
        raise ValueError(f"{text}, or remove it, or write to another path")
    saved = read_checkpoint(path, torch.device("cpu"))
    if saved is None or "about" not in saved.get("notes", {}):
        raise ValueError(f"checkpoint: {path} cannot be read as a checkpoint of losslab.fit; remove it to start anew")
    before: dict[str, Any] = saved["notes"]["about"]
    for name, value in about.items():
        if before.get(name) != value:
            text = f"checkpoint: {path} was made with {name} {before.get(name)}, now it is {value}"
            raise ValueError(f"{text}; go on with the same arguments, or write to another path")
