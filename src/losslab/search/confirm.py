"""The last stage: finalists are trained afresh, several times, and meet on test rows that nobody has read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from losslab.search.problem import Folds, Problem, validation_values
from losslab.search.space import Configuration, in_target_unit
from losslab.spec.record import LossRecord
from losslab.train.assemble import Assembly
from losslab.train.member import Member, key
from losslab.train.memory import free_bytes
from losslab.train.objective import objective_of
from losslab.train.session import Session

RESAMPLED = 0.9  # of the training rows, drawn anew for each retraining, without repeats
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

    def outputs(self, part: str) -> Tensor:
        return torch.stack(getattr(self, part))


class Confirmation:
    """Trains every finalist `runs` times: run r has the same seed and the same resampled rows for all of them.

    `retrained` maps the finalist's label to its runs; `folds` holds the preprocessing of every run, `rows` of each.
    """

    def __init__(
        self, problem: Problem, make_assembly: Callable[[Folds], Assembly], records: Mapping[str, LossRecord],
        finalists: Mapping[str, Configuration], runs: int, *, seed: int = 0, epochs: int = 20, batch_size: int = 64,
    ) -> None:  # fmt: skip
        self.problem, self.make_assembly, self.records, self.runs, self.seed = (
            problem,
            make_assembly,
            records,
            runs,
            seed,
        )
        self.epochs, self.batch_size = epochs, batch_size
        self.retrained = {label: Retrained(configuration) for label, configuration in finalists.items()}
        self.folds = Folds(problem, [], [])

    def run(
        self, *, rungs: Sequence[int], checkpoint: Path | None = None, before_test: Callable[[], None] = lambda: None,
        stop: Callable[[], bool] = lambda: False, on_step: Callable[[int], None] = lambda members: None,
        on_rung: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:  # fmt: skip
        """Trains, then reads the outputs; `before_test` is called once, before any output on test rows is computed."""
        read_test = once(before_test)
        rows, prepared, done = [], [], 0
        ends = {label: one.configuration.epochs or self.epochs for label, one in self.retrained.items()}
        for first, block in self._blocks():
            folds = Folds.of(self.problem, [self._rows(run) for run in block])
            assembly = self.make_assembly(folds)
            for end in sorted(set(ends.values())):
                path = checkpoint.with_name(f"{checkpoint.name}-{first}-{end}.pt") if checkpoint else None
                places = [place for place, label in enumerate(ends) if ends[label] == end]
                members = [member for place in places for member in self._members(place, block, folds)]
                session = Session(assembly, members, checkpoint=path, stop=stop, on_step=on_step)
                self._train(session, folds, [rung for rung in rungs if rung < end] + [end])
                read_test()
                self._read(session, first)
                session.finish()
                done += len(members)
                on_rung(done, len(self.retrained) * self.runs)
            rows += folds.rows
            prepared += folds.prepared
        self.folds = Folds(self.problem, rows, prepared)

    def _blocks(self) -> list[tuple[int, range]]:
        """Runs that train together: as many as there is memory for their copies of the data."""
        copy = self.problem.table.X.numel() * self.problem.table.X.element_size()
        most = max(int(FOLDS_SHARE * free_bytes(torch.device("cpu")) / max(copy, 1)), 1)
        return [(first, range(first, min(first + most, self.runs))) for first in range(0, self.runs, most)]

    def _rows(self, run: int) -> Tensor:
        train = self.problem.split.train
        generator = torch.Generator().manual_seed(key("resample", self.seed, run))
        count = max(round(RESAMPLED * len(train)), 1)
        return train[torch.randperm(len(train), generator=generator)[:count].sort().values]

    def _members(self, place: int, block: range, folds: Folds) -> list[Member]:
        """The members of the finalist at `place`: number = place * runs + run."""
        configuration = list(self.retrained.values())[place].configuration
        record = self.records[configuration.loss]
        return [
            Member(
                number=place * self.runs + run,
                objective=objective_of(record, self.problem.classes),
                params=in_target_unit(configuration.params, record, folds.prepared[fold].y_mad),
                optimizer=configuration.optimizer,
                hyper=configuration.hyper,
                seed=key("retrain", self.seed, run) % 2**31,
                fold=fold,
                batch_size=configuration.batch_size or self.batch_size,
            )
            for fold, run in enumerate(block)
        ]

    def _train(self, session: Session, folds: Folds, rungs: Sequence[int]) -> None:
        """To the last rung, with the validation metric at each."""
        labels = list(self.retrained)
        for epoch in rungs:
            if session.reached > epoch:
                continue
            session.advance(epoch)
            for members, outputs in session.predict(self.problem.split.validation):
                values = validation_values(folds, members, outputs, self.problem.split.validation)
                for member, value in zip(members, values, strict=True):
                    label = labels[member.number // self.runs]
                    self.retrained[label].curve.setdefault(epoch, []).append(float(value))
        for one in session.broken:
            self.retrained[labels[one.number // self.runs]].broken.append(str(one))

    def _read(self, session: Session, first: int) -> None:
        labels = list(self.retrained)
        parts = {part: session.predict(getattr(self.problem.split, part)) for part in ("validation", "test")}
        for part, found in parts.items():
            for members, outputs in found:
                for member, output in zip(members, outputs, strict=True):
                    one = self.retrained[labels[member.number // self.runs]]
                    getattr(one, part).append(output)
                    if part == "test":
                        one.members.append(replace(member, fold=member.fold + first))


def once(call: Callable[[], None]) -> Callable[[], None]:
    """Calls the first time only."""
    called = []

    def run() -> None:
        if not called:
            called.append(True)
            call()

    return run


def quantiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, and the 10 % and 90 % quantiles: the band of a learning curve."""
    found = np.asarray([value for value in values if np.isfinite(value)])
    if not len(found):
        return (float("nan"),) * 3
    return float(found.mean()), float(np.quantile(found, 0.1)), float(np.quantile(found, 0.9))
