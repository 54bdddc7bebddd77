"""The last stage: finalists are trained afresh, several times, and meet on test rows that nobody has read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from losslab.data.split import strata
from losslab.data.table import Prepared
from losslab.search.journal import Journal
from losslab.search.problem import Folds, Problem, validation_values, watch
from losslab.search.space import Configuration
from losslab.spec.record import LossRecord
from losslab.train.assemble import Assembly
from losslab.train.member import Member, key
from losslab.train.memory import free_bytes
from losslab.train.session import Session

RESAMPLED = 0.9  # of the training rows (or groups), drawn anew for each retraining, without repeats
DRAWS = 20  # of groups, until every class is among them
FOLDS_SHARE = 0.2  # of the free memory: each retraining has a copy of the data with its own preprocessing


@dataclass
class Retrained:
    """One finalist's retrainings: raw outputs on validation and test rows, (R, n, ...), and learning curves."""

    configuration: Configuration
    members: list[Member] = field(default_factory=list)
    validation: list[Tensor] = field(default_factory=list)
    test: list[Tensor] = field(default_factory=list)
    curve: dict[int, list[float]] = field(default_factory=dict)  # epoch -> validation metric of each run
    broken: list[str] = field(default_factory=list)

    @property
    def runs(self) -> int:
        return len(self.members)

    def outputs(self, part: str) -> Tensor:
        return torch.stack(self.validation if part == "validation" else self.test)


class Confirmation:
    """Trains every finalist `runs` times: run r has the same seed and the same resampled rows for all of them.

    `retrained` maps the finalist's label to its runs; `folds` holds the preprocessing of every run. No target of the
    test part is looked at. With a `journal`, the validation metric of each rung is written down; with a `checkpoint`,
    what was trained stays on disk (the study removes it when its result is safe), and is not trained again.
    """

    kind = "retrained"  # of its lines in the journal

    def __init__(
        self, problem: Problem, make_assembly: Callable[[Folds], Assembly], records: Mapping[str, LossRecord],
        finalists: Mapping[str, Configuration], runs: int, *, seed: int = 0, epochs: int = 20, batch_size: int = 64,
        rungs: Sequence[int] = (), journal: Journal | None = None, checkpoint: Path | None = None,
    ) -> None:  # fmt: skip
        self.problem, self.make_assembly, self.records = problem, make_assembly, records
        self.runs, self.seed, self.epochs, self.batch_size, self.rungs = runs, seed, epochs, batch_size, rungs
        self.journal, self.checkpoint = journal, checkpoint
        self.retrained = {label: Retrained(configuration) for label, configuration in finalists.items()}
        self.labels = list(self.retrained)
        self.folds = Folds(problem, [], [])
        written = journal.read() if journal else []
        self.values = {
            (record["epoch"], int(number)): value
            for record in written
            if record["kind"] == self.kind
            for number, value in record["values"].items()
        }

    def run(
        self,
        *,
        stop: Callable[[], bool] = lambda: False,
        on_step: Callable[[int], None] = lambda members: None,
        on_rung: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """Trains everyone to the end and keeps their outputs. Raises `Stopped` when asked to stop."""
        rows: list[Tensor] = []
        prepared: list[Prepared] = []
        done = 0
        for first, block in self._blocks():
            folds = Folds.of(self.problem, [self._rows(run) for run in block])
            folds = self._trained_on(folds)
            assembly = self.make_assembly(folds)
            for end, places in self._ends().items():
                path = self.checkpoint and self.checkpoint.with_name(f"{self.checkpoint.name}-{first}-{end}.pt")
                members = [member for place in places for member in self._members(place, block, folds)]
                seen = watch(folds, self.problem.split.validation)
                session = Session(assembly, members, checkpoint=path, stop=stop, on_step=on_step, watch=seen)
                numbers = [member.number for member in members]
                unknown = [e for e in self._looks(end) if any((e, number) not in self.values for number in numbers)]
                if not session.leads_to(unknown[0] if unknown else end, numbers):
                    session.start(members)
                self._train(session, folds, end)
                self._keep_outputs(session, block)
                done += len(members)
                on_rung(done, len(self.retrained) * self.runs)
            rows += folds.rows[: len(block)]
            prepared += folds.prepared[: len(block)]
        self.folds = Folds(self.problem, rows, prepared)
        for (epoch, number), value in sorted(self.values.items()):
            self._of(number).curve.setdefault(epoch, []).append(value)

    def _of(self, number: int) -> Retrained:
        """The finalist of a member: members are numbered place * runs + run."""
        return self.retrained[self.labels[number // self.runs]]

    def _ends(self) -> dict[int, list[int]]:
        """The places of the finalists that end at each epoch."""
        ends: dict[int, list[int]] = {}
        for place, one in enumerate(self.retrained.values()):
            ends.setdefault(one.configuration.epochs or self.epochs, []).append(place)
        return dict(sorted(ends.items()))

    def _looks(self, end: int) -> list[int]:
        """The epochs at which the validation metric is read."""
        return [rung for rung in self.rungs if rung < end] + [end]

    def _blocks(self) -> list[tuple[int, range]]:
        """Runs that train together: as many as there is memory for their copies of the data."""
        copy = self.problem.table.X.numel() * self.problem.table.X.element_size()
        most = max(int(FOLDS_SHARE * free_bytes(torch.device("cpu")) / max(copy, 1)), 1)
        return [(first, range(first, min(first + most, self.runs))) for first in range(0, self.runs, most)]

    def _rows(self, run: int) -> Tensor:
        train = self.problem.split.train
        generator = torch.Generator().manual_seed(key("resample", self.seed, run))
        if self.problem.table.groups is not None:
            return self._whole_groups(generator)
        count = max(round(RESAMPLED * len(train)), 1)
        return train[torch.randperm(len(train), generator=generator)[:count].sort().values]

    def _whole_groups(self, generator: torch.Generator) -> Tensor:
        """The training rows of some of the groups, in which no class is lacking; all rows where that does not go."""
        table, train = self.problem.table, self.problem.split.train
        labels, group = torch.unique(table.groups[train], return_inverse=True)  # type: ignore[index]
        classes = len(np.unique(strata(table, train)))
        for _ in range(DRAWS):
            chosen = torch.zeros(len(labels), dtype=torch.bool)
            chosen[torch.randperm(len(labels), generator=generator)[: max(round(RESAMPLED * len(labels)), 1)]] = True
            rows = train[chosen[group]]
            if len(np.unique(strata(table, rows))) == classes:
                return rows
        return train

    def _trained_on(self, folds: Folds) -> Folds:
        """The folds of a block of runs: those of its rows, for every finalist."""
        return folds

    def _first_fold(self, place: int, block: range) -> int:
        """Where the folds of a finalist begin."""
        return 0

    def _members(self, place: int, block: range, folds: Folds) -> list[Member]:
        configuration = self.retrained[self.labels[place]].configuration
        record, first = self.records[configuration.loss], self._first_fold(place, block)
        return [
            folds.member(
                configuration, record, number=place * self.runs + run, seed=key("retrain", self.seed, run) % 2**31,
                fold=fold, batch_size=self.batch_size, epochs=self.epochs,
            )
            for fold, run in enumerate(block, first)
        ]  # fmt: skip

    def _train(self, session: Session, folds: Folds, end: int) -> None:
        """To the end, with the validation metric at each rung."""
        validation = self.problem.split.validation
        for epoch in self._looks(end):
            numbers = [member.number for member in session.members]
            if session.reached >= epoch and all((epoch, number) in self.values for number in numbers):
                continue
            session.advance(epoch)
            values: dict[int, float] = {}
            for members, outputs in session.predict(validation):
                found = validation_values(folds, members, outputs, validation)
                values |= {member.number: float(value) for member, value in zip(members, found, strict=True)}
            self.values |= {(epoch, number): value for number, value in values.items()}
            if self.journal:
                self.journal.append([{"kind": self.kind, "epoch": epoch, "values": values}])
        for one in session.broken:
            self._of(one.number).broken.append(str(one))

    def _keep_outputs(self, session: Session, block: range) -> None:
        """Raw outputs of everyone, in the order of the runs."""
        split = self.problem.split
        validation, test = session.predict(split.validation), session.predict(split.test)
        found = [
            each
            for (members, on_validation), (_, on_test) in zip(validation, test, strict=True)
            for each in zip(members, on_validation, on_test, strict=True)
        ]
        for member, *outputs in sorted(found, key=lambda each: each[0].number):  # who stopped early comes last, else
            one = self._of(member.number)
            one.members.append(replace(member, fold=member.fold % len(block) + block.start))
            one.validation.append(outputs[0])
            one.test.append(outputs[1])


def quantiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, and the 10 % and 90 % quantiles: the band of a learning curve."""
    found = np.asarray([value for value in values if np.isfinite(value)])
    if not len(found):
        return (float("nan"),) * 3
    return float(found.mean()), float(np.quantile(found, 0.1)), float(np.quantile(found, 0.9))
