"""One study from data to verdict: prepare, search, confirm, decide. `tune` drives it; so does the command line."""

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from losslab.data.corrupt import corrupt, corrupt_text
from losslab.data.describe import describe
from losslab.data.split import split
from losslab.data.table import Table
from losslab.metrics.record import Metric
from losslab.models.build import build
from losslab.optim import get as update_rule
from losslab.search.confirm import Confirmation
from losslab.search.halving import rungs
from losslab.search.journal import Journal, Ledger, fingerprint_of_rows
from losslab.search.problem import Folds, Problem
from losslab.search.propose import Proposer, check_sampler
from losslab.search.quota import Candidates, candidates, equal_quota
from losslab.search.result import TuneData
from losslab.search.space import Configuration, Outcome, default_configuration, space_of
from losslab.search.stage import Search, Settings
from losslab.search.versions import versions
from losslab.train.assemble import Assembly
from losslab.train.lookup import head_of


@dataclass
class Options:
    """How a study runs; `losslab.tune` documents each."""

    trials: int = 256
    losses: Any = None
    optimizers: Sequence[str] = ("adamw",)
    epochs: int | Sequence[int] = 20
    batch_size: int | Sequence[int] = 64
    sampler: str = "quasi-random"
    halving: bool = True
    runs: int = 20
    margin: float = 0.01
    seed: int = 0
    corrupt_train: float = 0.0
    pretrained: bool = False
    engine: str = "auto"
    device: str = "cpu"
    untuned: bool = True  # whether the untuned default stands beside the others
    out: Path | None = None
    resume: bool = False
    command: str = ""


@dataclass
class Hooks:
    """What a study tells the outside while it runs, and how it is asked to stop."""

    stop: Callable[[], bool] = lambda: False
    on_step: Callable[[int], None] = lambda members: None
    on_rung: Callable[[int, int, float | None], None] = lambda done, alive, best: None
    on_confirm: Callable[[int, int], None] = lambda done, total: None
    on_nested: Callable[[int, int], None] = lambda done, total: None


@dataclass
class Study:
    """A study that is ready to run; `data` fills up on the way and ends as the result."""

    table: Table
    metric: Metric
    model: Any
    options: Options
    hooks: Hooks = field(default_factory=Hooks)

    def __post_init__(self) -> None:
        self.started = time.perf_counter()
        options, table = self.options, self.table
        parts = split(table, options.seed)
        seen = table.y
        notes = list(table.notes)
        if options.corrupt_train:
            import torch

            rows = torch.cat([parts.train, parts.validation])
            seen = corrupt(table.y, rows, options.corrupt_train, options.seed, table.task, table.classes)
            notes.append(corrupt_text(options.corrupt_train, table.task))
        self.problem = Problem(table, parts, self.metric, seen)
        self.folds = Folds.of(self.problem, [parts.train])
        prepared = self.folds.prepared[0]
        self.factory = build(
            self.model, tuple(prepared.X.shape[1:]), self.problem.classes if table.task == "multiclass" else 1,
            pretrained=options.pretrained,
        )  # fmt: skip
        self.candidates = self._candidates()
        notes += self.candidates.notes
        self.records = {record.name: record for record in self.candidates.losses}
        self.quota = equal_quota(options.trials, len(self.records))
        self.rules = {name: update_rule(name) for name in options.optimizers}
        self.assembly = self._assembly(self.folds)
        self._searches()
        self.data = TuneData(
            task=table.task, metric=self.metric.name, higher_is_better=self.metric.higher_is_better,
            default=self.candidates.default.name, data=describe(table), why_task=table.why_task,
            split={"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test), "how": parts.how},
            model=self.factory.name, engine=self._engine(), plan=self._plan(), rungs=self.rungs, epochs=self.epochs,
            points=self.metric.points, notes=notes, versions=versions(), data_checksum=table.checksum,
            command=options.command, seed=options.seed, margin=options.margin * self.metric.scale(table.y[parts.test]),
        )  # fmt: skip

    @property
    def epochs(self) -> int:
        """The most epochs that a member may train."""
        return self.options.epochs if isinstance(self.options.epochs, int) else max(self.options.epochs)

    @property
    def batch_size(self) -> int:
        return self.options.batch_size if isinstance(self.options.batch_size, int) else self.options.batch_size[0]

    @property
    def finalists(self) -> int:
        return len(self.records) + self.options.untuned

    def run(self) -> TuneData:
        """Search, confirmation and verdict. Raises `Stopped` between two steps when it is asked to stop."""
        from losslab.search.decide import decide_study

        outcomes = self.search()
        self.data.seconds["search"] = time.perf_counter() - self.started
        confirmation = self.confirm(outcomes)
        decide_study(self, outcomes, confirmation)
        total = time.perf_counter() - self.started
        self.data.seconds |= {"compare": total - self.data.seconds["search"], "total": total}
        return self.data

    def search(self) -> list[Outcome]:
        """Every configuration, each loss with the same number of trials."""
        options, hooks = self.options, self.hooks
        settings = Settings(
            self.epochs, self.batch_size, options.seed, self.rungs, options.halving, hooks.stop, hooks.on_step, hooks.on_rung
        )  # fmt: skip
        journal = (
            Journal(options.out / "journal.jsonl", self.fingerprint(), resume=options.resume) if options.out else None
        )
        checkpoint = options.out / "search" if options.out else None
        self.stage = Search(self.folds, self.assembly, self.proposers, self.records, settings, journal, checkpoint)
        try:
            return self.stage.run()
        finally:
            if journal:
                journal.close()

    def best(self, outcomes: Sequence[Outcome]) -> dict[str, Outcome]:
        """Each loss's finalist: the best on validation of those that trained to their end. Losses without one are named."""
        sign = 1 if self.metric.higher_is_better else -1
        found = {}
        for name in self.records:
            done = [
                o for o in outcomes if o.configuration.loss == name and o.value is not None and math.isfinite(o.value)
            ]
            if done:
                found[name] = max(done, key=lambda o: sign * (o.value or 0.0))
            else:
                reasons = [o.reason for o in outcomes if o.configuration.loss == name and o.reason]
                self.data.notes.append(
                    f"{name} has no finalist: " + (reasons[0] if reasons else "no trial came to an end")
                )
        if self.candidates.default.name not in found:
            raise RuntimeError(
                f"the default loss {self.candidates.default.name} has no trial that trained to its end: {self.data.notes[-1]}"
            )
        return found

    def confirm(self, outcomes: Sequence[Outcome]) -> Confirmation:
        """Retrains the finalists and the untuned default; the test part is read at its end, and noted in the ledger."""
        options = self.options
        self.finalist = self.best(outcomes)
        configurations = {name: outcome.configuration for name, outcome in self.finalist.items()}
        if options.untuned:
            configurations[self.untuned_label] = self.defaults[self.candidates.default.name]
        confirmation = Confirmation(
            self.problem, self._assembly, self.records, configurations, options.runs,
            seed=options.seed, epochs=self.epochs, batch_size=self.batch_size,
        )  # fmt: skip
        confirmation.run(
            rungs=self.rungs, checkpoint=options.out / "confirm" if options.out else None, before_test=self._note_reading,
            stop=self.hooks.stop, on_step=self.hooks.on_step, on_rung=self.hooks.on_confirm,
        )  # fmt: skip
        return confirmation

    untuned_label = "untuned"

    def check_same(self) -> None:
        """Raises ValueError where the output folder holds another study."""
        if self.options.out is not None:
            Journal(self.options.out / "journal.jsonl", self.fingerprint(), resume=True).close()

    def fingerprint(self) -> dict[str, Any]:
        """What makes two studies the same one: a record on disk is resumed only where all of it agrees."""
        options = self.options
        return {
            "data": self.table.checksum, "task": self.table.task, "metric": self.metric.name, "split": self.data.split["how"],
            "losses": list(self.records), "model": self.factory.name, "optimizers": list(self.rules), "trials": self.quota.total,
            "epochs": options.epochs, "batch_size": options.batch_size, "rungs": self.rungs, "sampler": options.sampler,
            "halving": options.halving, "corrupt_train": options.corrupt_train, "seed": options.seed, "versions": self.data.versions,
        }  # fmt: skip

    def _candidates(self) -> Candidates:
        width = self.factory.out_features
        outputs = head_of(self.table.task, width)
        found = candidates(self.table.task, self.options.losses, metric=self.metric.name, outputs=outputs)
        if width is not None:
            wanted = 1 if found.default.outputs == "one" else self.problem.classes
            if width != wanted:
                raise ValueError(
                    f"the model {self.factory.name} has {width} outputs; {self.table.name} needs {wanted} "
                    f"({self.table.task}, {self.problem.classes} classes)" if self.problem.classes > 1 else
                    f"the model {self.factory.name} has {width} outputs; a regression needs 1"
                )  # fmt: skip
        return found

    def _searches(self) -> None:
        """Spaces and proposers, one for each loss; trial numbers run through the losses."""
        options = self.options
        check_sampler(options.sampler)
        several = lambda value: None if isinstance(value, int) else list(value)
        self.spaces = {
            name: space_of(record, self.rules, batch_sizes=several(options.batch_size), epochs=several(options.epochs))
            for name, record in self.records.items()
        }
        self.defaults = {
            name: default_configuration(record, self.rules, space=self.spaces[name])
            for name, record in self.records.items()
        }
        self.proposers = {
            name: Proposer(
                record, self.spaces[name], options.sampler, default=self.defaults[name], quota=self.quota.each,
                seed=options.seed, higher_is_better=self.metric.higher_is_better, start=place * self.quota.each,
            )
            for place, (name, record) in enumerate(self.records.items())
        }  # fmt: skip
        self.rungs = rungs(self.epochs)

    def _assembly(self, folds: Folds) -> Assembly:
        return Assembly(self.factory, folds.training(), engine=self.options.engine, device=self.options.device)

    def _engine(self) -> str:
        """Probes with the stack of the first batch, so that the choice can be said before the search starts."""
        first = next(iter(self.proposers.values())).batches[0]
        stage = Search(
            self.folds, self.assembly, {}, self.records, Settings(self.epochs, self.batch_size, self.options.seed)
        )
        wanted: list[Configuration] = [default for default in self.defaults.values() for _ in range(first)]
        self.assembly.plans([stage.member(c, number=place) for place, c in enumerate(wanted)])
        choices = dict.fromkeys(str(choice) for choice in self.assembly.choices.values())
        return "; ".join(choices) or "single (one member)"

    def _plan(self) -> str:
        ends = f"compared at epochs {', '.join(map(str, self.rungs[:-1]))}, best third goes on" if self.options.halving and len(self.rungs) > 1 else "all to the end"  # fmt: skip
        return f"{self.quota} ({ends}), then {self.finalists} finalists x {self.options.runs} retrainings"

    def _note_reading(self) -> None:
        """Before the test part is read, the ledger says so."""
        study = str(self.options.out or "not kept")
        folder = self.options.out.parent if self.options.out else None
        if folder is not None:
            self.data.ledger = Ledger(folder).record(
                self.table.checksum, fingerprint_of_rows(self.problem.split.test), study=study, metric=self.metric.name
            )


def command_line() -> str:
    """The command that is running, for the report."""
    return " ".join(["losslab", *sys.argv[1:]])
