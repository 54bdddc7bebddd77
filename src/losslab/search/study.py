"""One study from data to verdict: prepare, search, confirm, decide. `tune` drives it; so does the command line."""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch

from losslab.data.corrupt import corrupt, corrupt_text
from losslab.data.describe import describe
from losslab.data.leak import leak_notes
from losslab.data.parts import part_notes
from losslab.data.split import split
from losslab.data.table import Table
from losslab.metrics.cost import COST
from losslab.metrics.links import predictions
from losslab.metrics.record import Metric
from losslab.models.architecture import ARCHITECTURE
from losslab.models.build import build
from losslab.optim import get as update_rule
from losslab.search import remedies
from losslab.search.afford import affordable
from losslab.search.confirm import Confirmation
from losslab.search.decide import UNTUNED, decide_study, describe_search
from losslab.search.dimensions import choices_of, rates_of
from losslab.search.halving import rungs
from losslab.search.journal import Journal, Ledger, fingerprint_of_rows
from losslab.search.options import Hooks, Options, searched
from losslab.search.problem import Folds, Problem
from losslab.search.propose import Proposer
from losslab.search.quota import FEW_TRIALS, Candidates, Quota, candidates, equal_quota, too_few
from losslab.search.rehearse import rehearse
from losslab.search.result import TuneData
from losslab.search.space import Configuration, Outcome, default_configuration, space_of
from losslab.search.stage import Search, Settings
from losslab.search.storage import check_storage
from losslab.search.versions import versions
from losslab.search.watch import described, watched
from losslab.spec.record import LossRecord
from losslab.train.assemble import Assembly
from losslab.train.lookup import check_head, head_of, is_own, usual_width
from losslab.train.objective import width_of
from losslab.train.probe import said

RECORD = "journal.jsonl"


@dataclass
class Study:
    """A study that is ready to run; `data` fills up on the way and ends as the result."""

    table: Table
    metric: Metric
    model: Any
    options: Options
    hooks: Hooks = field(default_factory=Hooks)
    columns: Mapping[str, Any] = field(default_factory=dict)  # those that are no features, as they were given

    def __post_init__(self) -> None:
        self.started = time.perf_counter()
        options, table = self.options, self.table
        if options.nested and table.split is not None:
            raise ValueError("nested: the parts were given, so they cannot be drawn anew; leave out one of the two")
        self.notes = list(table.notes)
        self.problem = self._problem()
        self.notes += part_notes(table, self.problem.split) + leak_notes(table, self.problem.split.train)
        self.folds = Folds.of(self.problem, [self.problem.split.train])
        columns = tuple(self.folds.prepared[0].X.shape[1:])
        outputs = usual_width(table.task, self.problem.classes, table.width)
        self.factory = build(self.model, columns, outputs, pretrained=options.pretrained, levels=table.levels)
        self.candidates = self._candidates()
        self.notes += self.candidates.notes
        self.records = {record.name: record for record in self.candidates.losses}
        self.default = self.candidates.default.name
        if options.budget is not None:  # for the probe; then the budget decides
            self.options = options = replace(options, trials=FEW_TRIALS * len(self.records))
        self.quota = self._quota()
        self.rules = {name: update_rule(name) for name in options.optimizers}
        self.rungs = rungs(options.most_epochs)
        self._proposers()
        rehearse(self.factory, self.records.values(), self.folds.training()[0], self.problem.classes, table.width)
        self.assembly = self._assembly(self.folds)
        budget = ""
        if options.budget is not None:
            each, budget = affordable(self, FEW_TRIALS)
            self.options = options = replace(options, trials=each * len(self.records))
            self.quota = self._quota()
            self._proposers()
        self.notes += too_few(options.trials and self.quota.each, options.runs)
        parts = self.problem.split
        self.data = TuneData(
            task=table.task, metric=self.metric.name, higher_is_better=self.metric.higher_is_better,
            default=self.default, data=describe(table), why_task=table.why_task, model=self._model_name(),
            split={part: len(getattr(parts, part)) for part in ("train", "validation", "test")} | {"how": parts.how},
            engine=self._engine(), plan=self._plan(budget), rungs=self.rungs, epochs=options.most_epochs,
            points=self.metric.points, notes=self.notes, versions=versions(), data_checksum=table.checksum,
            command=options.command, seed=options.seed,
            budget=budget, metrics={one.name: described(one) for one in (self.metric, *self.problem.watched)},
        )  # fmt: skip
        if options.out is not None and (options.out / RECORD).exists():
            with self.record():  # refused at once where it is another study's
                pass
        if options.storage is not None:
            check_storage(options.storage)

    @property
    def has_untuned(self) -> bool:
        """Whether the untuned default is a finalist: without a search it is the default itself."""
        return self.options.untuned and self.options.trials is not None

    @property
    def finalists(self) -> int:
        return len(self.records) + self.has_untuned + self.remedied * len(remedies.TRAINED)

    @cached_property
    def remedied(self) -> bool:
        """Whether remedies for uneven classes stand beside the losses."""
        options = self.options
        return options.baselines and remedies.wanted(self.problem, self.records, named=options.losses is not None)

    def run(self) -> TuneData:
        """Search, confirmation and verdict. Raises `Stopped` between two steps when it is asked to stop."""
        with self.record() as journal:
            if journal is not None and self.data.budget and not journal.resumed:
                journal.append([{"kind": "budget", "text": self.data.budget}])
            outcomes = self.search(journal)
            self.data.seconds["search"] = time.perf_counter() - self.started
            confirmation = self.confirm(outcomes, journal)
        self._note_reading()
        decide_study(self, outcomes, confirmation)
        total = time.perf_counter() - self.started
        self.data.seconds |= {"compare": total - self.data.seconds["search"], "total": total}
        return self.data

    def so_far(self) -> TuneData | None:
        """What a study that was stopped has found: the trials that ended, and no verdict. None where none had ended."""
        ended = self.stage.ended if hasattr(self, "stage") else []
        if not ended:
            return None
        describe_search(self, ended)
        self.data.status, total = "interrupted", time.perf_counter() - self.started
        self.data.seconds = {"total": total, **self.data.seconds}
        self.data.verdict = (
            f"Interrupted: {len(ended):,} of {self.quota.total:,} trials had ended, so there is no verdict."
        )
        return self.data

    def record(self) -> AbstractContextManager[Journal | None]:
        """The record in the output folder. Raises ValueError where the folder holds another study."""
        options = self.options
        if options.out is None:
            return nullcontext()
        return Journal(options.out / RECORD, self.fingerprint(), resume=options.resume)

    def search(self, journal: Journal | None = None) -> list[Outcome]:
        """Every configuration, each loss with the same number of trials."""
        options = self.options
        checkpoint = options.out / "search" if options.out else None
        self.stage = self._stage(self.proposers, journal=journal, checkpoint=checkpoint)
        return self.stage.run()

    def best(self, outcomes: Sequence[Outcome]) -> dict[str, Outcome]:
        """Each loss's finalist: the best on validation of the trials that came to their end.

        A loss without one is named in the notes. Raises RuntimeError where it is the default.
        """
        sign = 1 if self.metric.higher_is_better else -1
        found = {}
        for name in self.records:
            mine = [outcome for outcome in outcomes if outcome.configuration.loss == name]
            ended = [(sign * one.value, one) for one in mine if one.value is not None and math.isfinite(one.value)]
            if ended:
                found[name] = max(ended, key=lambda pair: pair[0])[1]
                continue
            reasons = [outcome.reason for outcome in mine if outcome.reason]
            why = reasons[0] if reasons else f"{self.metric.name} was no number in any trial"
            if name == self.default:
                raise RuntimeError(f"the default loss {name} has no trial that came to its end: {why}")
            self.notes.append(f"{name} has no finalist: {why}")
        return found

    def confirm(self, outcomes: Sequence[Outcome], journal: Journal | None = None) -> Confirmation:
        """Retrains the finalists and the untuned default."""
        options, hooks = self.options, self.hooks
        self.finalist = self.best(outcomes)
        configurations = {name: outcome.configuration for name, outcome in self.finalist.items()}
        if self.has_untuned:
            configurations[UNTUNED] = self.defaults[self.default]
        confirmation = Confirmation(
            self.problem, self._assembly, self.records, configurations, options.runs, seed=options.seed,
            epochs=options.most_epochs, batch_size=options.first_batch_size, rungs=self.rungs, journal=journal,
            checkpoint=options.out / "confirm" if options.out else None,
        )  # fmt: skip
        total, trained = self.finalists * options.runs, len(configurations) * options.runs
        confirmation.run(
            stop=hooks.stop, on_step=hooks.on_step,
            on_rung=lambda done, _: hooks.on_confirm(done, total if self.remedied else trained),
        )  # fmt: skip
        if self.remedied:
            self._remedy(confirmation, journal)
        return confirmation

    def _remedy(self, confirmation: Confirmation, journal: Journal | None) -> None:
        """Retrains the default's finalist with its classes weighed and resampled, and shifts what it has learnt."""
        options, hooks, default = self.options, self.hooks, confirmation.retrained[self.default]
        labels = [remedies.label(self.default, name) for name in remedies.TRAINED]
        configuration = remedies.unweighted(default.configuration)
        remedied = remedies.Remedied(
            self.problem, self._assembly, self.records, dict.fromkeys(labels, configuration), options.runs,
            seed=options.seed, epochs=options.most_epochs, batch_size=options.first_batch_size, rungs=self.rungs,
            journal=journal, checkpoint=options.out / "remedied" if options.out else None,
        )  # fmt: skip
        before, total = len(confirmation.retrained) * options.runs, self.finalists * options.runs
        remedied.run(
            stop=hooks.stop, on_step=hooks.on_step, on_rung=lambda done, _: hooks.on_confirm(before + done, total)
        )
        confirmation.retrained |= remedied.retrained
        shifted = None if default.broken else remedies.adjusted(confirmation.folds, default)
        if shifted is not None:
            confirmation.retrained[remedies.label(self.default, remedies.ADJUSTMENT)] = shifted

    def tidy(self) -> None:
        """The result is safe: what was kept to go on after an interruption goes, all but the record itself."""
        kinds = ("*.pt", "*.new", ".*.[0-9]*")  # the last two: what a kill left half written
        for path in [path for kind in kinds for path in self.options.out.glob(kind)] if self.options.out else ():
            path.unlink(missing_ok=True)

    def fingerprint(self) -> dict[str, Any]:
        """What makes two studies the same one: a record on disk is resumed only where all of it agrees."""
        options, table, parts = self.options, self.table, self.problem.split
        return {
            **self.columns, "data": f"{table.name} {table.checksum}", "task": table.task, "metric": self.metric.name,
            "split": parts.how,
            "rows": {part: fingerprint_of_rows(getattr(parts, part)) for part in ("train", "validation", "test")},
            "losses": list(self.records), "model": self.factory.name, "pretrained": options.pretrained,
            "optimizers": list(self.rules), "trials": options.trials and self.quota.total, "epochs": options.epochs,
            "batch_size": options.batch_size, "rungs": self.rungs, "sampler": options.sampler,
            "halving": options.halving, "runs": options.runs, "margin": options.margin,
            "corrupt_train": options.corrupt_train, "seed": options.seed, "versions": self.data.versions,
            **self._asked_beyond(),
        }  # fmt: skip

    def _asked_beyond(self) -> dict[str, Any]:
        """What was asked of the options that an older record does not know."""
        options = self.options
        asked = {
            "watch": [metric.name for metric in self.problem.watched] if options.watch else [],
            "cost": self.data.metrics[COST]["summary"] if COST in self.data.metrics else "",
            "budget": options.budget, "settings": dict(options.settings),
        }  # fmt: skip
        return {name: value for name, value in asked.items() if value}

    def _problem(self) -> Problem:
        """The parts, and the targets that training and validation see."""
        options, table = self.options, self.table
        parts, seen = split(table, options.seed), table.y
        if options.corrupt_train:
            rows = torch.cat([parts.train, parts.validation])
            seen = corrupt(table.y, rows, options.corrupt_train, options.seed, table.task, table.classes)
            self.notes.append(corrupt_text(options.corrupt_train, table.task))
        return Problem(table, parts, self.metric, seen, watched(options, table, self.metric))

    def _candidates(self) -> Candidates:
        """The losses that fit the task, the model's head and the metric."""
        task, width = self.table.task, self.factory.out_features
        found = candidates(
            task, self.options.losses, metric=self.metric.name, outputs=head_of(task, width, self.problem.classes)
        )
        check_head(self.factory.name, width, found.default, self.problem.classes, self.table.width)
        losses, notes = [], list(found.notes)
        for record in found.losses:
            if self._serves(record):
                losses.append(record)
            else:
                hint = '; give it an attribute `link`, e.g. "softmax"' if is_own(record) else ""
                notes.append(
                    f"{record.name} is left out: it gives no {self.metric.needs}, which {self.metric.name} needs{hint}"
                )
        own = [record.name for record in losses if is_own(record)]
        if own and task in ("regression", "multioutput"):
            notes.append(f"{', '.join(own)}: called with standardised targets (training mean 0, deviation 1)")
        return Candidates(tuple(losses), tuple(notes))

    def _serves(self, record: LossRecord) -> bool:
        """Whether the outputs that the loss trains can be read as what the metric needs."""
        blank = torch.zeros(1, 1, width_of(record, self.problem.classes, self.table.width))
        return predictions(blank, record.link, self.metric.needs, self.problem.by_column) is not None

    def _quota(self) -> Quota:
        trials, losses = self.options.trials, len(self.records)
        return Quota(1, losses) if trials is None else equal_quota(trials, losses)

    def _proposers(self) -> None:
        """Spaces and proposers, one for each loss; trial numbers run through the losses."""
        options = self.options
        sizes = {"batch_sizes": searched(options.batch_size), "epochs": searched(options.epochs)}
        settings, rates = choices_of(options.settings), rates_of(options.settings, self.rules)
        self.factory.check_all({name: values for name, values in settings.items() if name in ARCHITECTURE})
        self.spaces = {
            name: space_of(record, self.rules, **sizes, settings=settings, rates=rates)
            for name, record in self.records.items()
        }
        self.defaults = {
            name: default_configuration(record, self.rules, space=self.spaces[name], rates=rates)
            for name, record in self.records.items()
        }
        self.proposers = {
            name: Proposer(
                record, self.spaces[name], options.sampler, default=self.defaults[name], quota=self.quota.each,
                seed=options.seed, higher_is_better=self.metric.higher_is_better, start=place * self.quota.each,
                peers=len(self.records),
            )
            for place, (name, record) in enumerate(self.records.items())
        }  # fmt: skip

    def _model_name(self) -> str:
        """The model's name, with the width, depth and dropout that are fixed."""
        chosen = choices_of(self.options.settings)
        fixed = {name: chosen[name][0] for name in ARCHITECTURE if len(chosen.get(name, ())) == 1}
        return self.factory.named(fixed)

    def _assembly(self, folds: Folds) -> Assembly:
        return Assembly(self.factory, folds.training(), engine=self.options.engine, device=self.options.device)

    def _stage(self, proposers: dict[str, Proposer], **where: Any) -> Search:
        options, hooks = self.options, self.hooks
        settings = Settings(
            options.most_epochs, options.first_batch_size, options.seed, self.rungs, options.halving,
            hooks.stop, hooks.on_step, hooks.on_rung,
        )  # fmt: skip
        return Search(self.folds, self.assembly, proposers, self.records, settings, **where)

    def probe_stage(self) -> Search:
        """A search without proposals, which makes members."""
        return self._stage({})

    def _engine(self) -> str:
        """Probes with the stack of the first batch, so that the choice can be said before the search starts."""
        first = next(iter(self.proposers.values())).batches[0]
        wanted: list[Configuration] = [default for default in self.defaults.values() for _ in range(first)]
        stage = self.probe_stage()
        self.assembly.plans([stage.member(one, number=place) for place, one in enumerate(wanted)])
        return said(self.assembly.choices.values()) or (
            "single (one member)" if len(wanted) == 1 else self.options.engine
        )

    def _plan(self, budget: str = "") -> str:
        retrainings = f"then {self.finalists} finalists x {self.options.runs} retrainings"
        if self.options.trials is None:
            return f"{self.quota.losses} losses at their defaults, {retrainings}"
        how = "all to the end"
        if self.options.halving and len(self.rungs) > 1:
            how = f"compared at epochs {', '.join(map(str, self.rungs[:-1]))}, best third and the defaults go on"
        return f"{self.quota} ({how}), {retrainings}" + (f"; {budget}" if budget else "")

    def _note_reading(self) -> None:
        """Before the test part is read, the ledger says so; a study that was interrupted at it does not count twice."""
        out = self.options.out
        if out is None:
            return
        ledger, rows = Ledger(out.parent), fingerprint_of_rows(self.problem.split.test)
        earlier = ledger.readings(self.table.checksum, rows)
        if self.options.resume and any(reading["study"] == str(out) for reading in earlier):
            self.data.ledger = earlier
        else:
            self.data.ledger = ledger.record(self.table.checksum, rows, study=str(out), metric=self.metric.name)
