"""The search: proposals of every loss train in one stack, halve within their loss, and are recorded at each rung."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from torch import Tensor

from losslab.search.halving import survivors
from losslab.search.journal import Journal, Record
from losslab.search.problem import Folds, validation_values, watch
from losslab.search.propose import Proposer
from losslab.search.space import Configuration, Outcome, State
from losslab.spec.record import LossRecord
from losslab.train.assemble import Assembly
from losslab.train.member import Member
from losslab.train.session import Session


@dataclass
class Settings:
    """How every member trains, unless its configuration says otherwise."""

    epochs: int = 20
    batch_size: int = 64
    seed: int = 0
    rungs: Sequence[int] = ()
    halving: bool = True
    stop: Callable[[], bool] = lambda: False
    on_step: Callable[[int], None] = lambda members: None
    on_rung: Callable[[int, int, float | None], None] = lambda done, alive, best: None


@dataclass
class Progress:
    """What is known of one trial so far."""

    configuration: Configuration
    curve: list[tuple[int, float]] = field(default_factory=list)
    state: State | Literal["running"] = "running"
    reason: str = ""

    def outcome(self) -> Outcome:
        if self.state == "running":
            raise RuntimeError(f"trial {self.configuration.number} ({self.configuration.loss}) has not ended yet")
        value = self.curve[-1][1] if self.state == "complete" and self.curve else None
        return Outcome(self.configuration, self.state, tuple(self.curve), value, self.reason)


class Search:
    """Runs proposers to the end of their quotas. `outcomes` holds every trial, by number.

    What was written to the journal is not trained again: finished batches are read back, an unfinished one goes on from
    its checkpoint.
    """

    def __init__(
        self, folds: Folds, assembly: Assembly, proposers: Mapping[str, Proposer], records: Mapping[str, LossRecord],
        settings: Settings, journal: Journal | None = None, checkpoint: Path | None = None,
    ) -> None:  # fmt: skip
        self.folds, self.assembly, self.proposers, self.records = folds, assembly, proposers, records
        self.settings, self.journal, self.checkpoint = settings, journal, checkpoint
        self.trials: dict[int, Progress] = {}
        self.rows: Tensor = folds.problem.split.validation

    @property
    def outcomes(self) -> list[Outcome]:
        return [self.trials[number].outcome() for number in sorted(self.trials)]

    @property
    def ended(self) -> list[Outcome]:
        """The trials of a search that may have been stopped, without those that were running."""
        return [one.outcome() for _, one in sorted(self.trials.items()) if one.state != "running"]

    def run(self) -> list[Outcome]:
        """Trains every proposal; returns how each trial ended."""
        written = self.journal.read() if self.journal else []
        known = [record for record in written if record["kind"] == "rung"]
        number = 0
        while configurations := [c for proposer in self.proposers.values() for c in proposer.next_batch()]:
            self._train(number, configurations, [record for record in known if record["batch"] == number])
            for configuration in configurations:
                trial = self.trials[configuration.number].outcome()
                self.proposers[configuration.loss].tell(configuration.number, trial.curve, trial.value, trial.state)
            number += 1
        return self.outcomes

    def _train(self, batch: int, configurations: list[Configuration], known: list[Record]) -> None:
        for configuration in configurations:
            self.trials[configuration.number] = Progress(configuration)
        rungs = self._rungs(configurations)
        for record in known:
            self._take(record)
        if known:
            self._tell_rung()
        if all(self.trials[c.number].state != "running" for c in configurations):
            return
        path = self.checkpoint and self.checkpoint.with_name(f"{self.checkpoint.name}-{batch}.pt")
        members = [self.member(configuration) for configuration in configurations]
        # Where the checkpoint is lost, or ahead of the journal, everyone trains again, the halted too: the same stack.
        session = Session(
            self.assembly, members, checkpoint=path, stop=self.settings.stop, on_step=self.settings.on_step,
            watch=watch(self.folds, self.rows),
        )  # fmt: skip
        reached = {record["epoch"] for record in known}
        ahead = [epoch for epoch in rungs if epoch not in reached]
        if ahead and not session.leads_to(ahead[0], self._alive()):
            session.start(members)
        for epoch in rungs:
            if epoch in reached:
                if session.reached <= epoch:
                    session.advance(epoch)
                session.keep(self._alive())
                continue
            session.advance(epoch)
            broken = {b.number: str(b) for b in session.broken if self.trials[b.number].state == "running"}
            record = self._rung(batch, epoch, self._values(session), broken, final=epoch == rungs[-1])
            if self.journal:
                self.journal.append([record])
            self._take(record)
            session.keep(self._alive())
            self._tell_rung()
            if not session.populations:
                break
        session.finish()

    def member(self, configuration: Configuration, *, number: int | None = None) -> Member:
        """The configuration as a member of the first fold, under its own number or another."""
        settings = self.settings
        return self.folds.member(
            configuration, self.records[configuration.loss], seed=settings.seed, fold=0, batch_size=settings.batch_size,
            epochs=settings.epochs, number=configuration.number if number is None else number,
        )  # fmt: skip

    def _rungs(self, configurations: Sequence[Configuration]) -> list[int]:
        ends = {configuration.epochs or self.settings.epochs for configuration in configurations}
        rungs = self.settings.rungs if self.settings.halving else ()
        return sorted({rung for rung in rungs if rung <= max(ends)} | ends)

    def _values(self, session: Session) -> dict[int, float]:
        values: dict[int, float] = {}
        for members, outputs in session.predict(self.rows):
            found = validation_values(self.folds, members, outputs, self.rows)
            values |= {member.number: float(value) for member, value in zip(members, found, strict=True)}
        return values

    def _rung(self, batch: int, epoch: int, values: dict[int, float], broken: dict[int, str], *, final: bool) -> Record:
        """What a rung decided, as it is written down: values, who finished, who was halted, who broke."""
        done = [n for n in values if (self.trials[n].configuration.epochs or self.settings.epochs) == epoch]
        going = {n: value for n, value in values.items() if n not in done}
        kept = list(going)
        if self.settings.halving and not final:
            # Large rates lead early and may end worse (they learn wrong labels by heart): a loss's own defaults always
            # get their chance at the end, so that tuning does not choose a default loss worse than the untuned one.
            defaults = [proposer.start for proposer in self.proposers.values() if proposer.start in going]
            kept = [*defaults, *(number for loss in self.records for number in self._best(loss, epoch, going))]
        halted = sorted(set(going) - set(kept))
        return {
            "kind": "rung", "batch": batch, "epoch": epoch, "values": {str(n): v for n, v in sorted(values.items())},
            "complete": sorted(done), "halted": halted, "broken": {str(n): reason for n, reason in broken.items()},
        }  # fmt: skip

    def _best(self, loss: str, epoch: int, going: Mapping[int, float]) -> list[int]:
        mine = {n: value for n, value in going.items() if self.trials[n].configuration.loss == loss}
        earlier = [
            value
            for n, trial in self.trials.items()
            if trial.configuration.loss == loss and n not in mine and trial.state != "running"
            for age, value in trial.curve
            if age == epoch
        ]
        return survivors(mine, earlier, higher_is_better=self.folds.problem.metric.higher_is_better) if mine else []

    def _take(self, record: Record) -> None:
        for number, value in record["values"].items():
            self.trials[int(number)].curve.append((record["epoch"], value))
        for number in record["complete"]:
            self.trials[number].state = "complete"
        for number in record["halted"]:
            self.trials[number].state = "pruned"
        for number, reason in record["broken"].items():
            self.trials[int(number)].state, self.trials[int(number)].reason = "failed", reason

    def _alive(self) -> list[int]:
        return [n for n, trial in self.trials.items() if trial.state == "running"]

    def _tell_rung(self) -> None:
        done = sum(trial.state != "running" for trial in self.trials.values())
        better = max if self.folds.problem.metric.higher_is_better else min
        values = [trial.curve[-1][1] for trial in self.trials.values() if trial.curve]
        self.settings.on_rung(done, len(self.trials) - done, better(values) if values else None)
