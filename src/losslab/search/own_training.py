"""A search around a training function of the user's own: one call for each configuration, pruned within its loss."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from losslab.optim import get as update_rule
from losslab.optim import torch_optimizer
from losslab.search.dimensions import rates_of
from losslab.search.journal import Journal
from losslab.search.options import Options
from losslab.search.own import loss_module
from losslab.search.propose import Proposer
from losslab.search.quota import Candidates, Quota, candidates, equal_quota, too_few
from losslab.search.result import TuneData
from losslab.search.space import Configuration, Outcome, default_configuration, in_target_unit, space_of
from losslab.search.storage import check_storage, write_study
from losslab.search.suggest import typical_deviation
from losslab.search.versions import versions
from losslab.train.lookup import default_loss
from losslab.train.member import key
from losslab.train.objective import class_counts

COMPARED = 4  # trials of a loss that reached an epoch before others are pruned there
RETRAIN = "retrain"


@dataclass
class Run:
    """What a training function is given: `train(run)` returns the metric, a number.

        def train(run):
            model = Net()                                     # torch is seeded with run.seed before each call
            optimizer = run.optimizer(model.parameters())
            for epoch in range(20):
                ...                                           # run.loss(model(x), y).backward()
                run.report(validation_accuracy, epoch)        # a hopeless run ends here
            return validation_accuracy

    loss: the loss, a module. seed: of this call. final: whether this is a retraining for the comparison; then the
    function may return {"value": validation_accuracy, "test": right_or_wrong} with one number for each test row.
    """

    loss: nn.Module
    seed: int
    configuration: Configuration
    final: bool = False
    curve: list[tuple[int, float]] = field(default_factory=list)
    hopeless: Callable[[int, list[float]], bool] = lambda epoch, values: False

    def optimizer(self, params: Iterable[Any]) -> torch.optim.Optimizer:
        """The optimiser of torch.optim with the hyperparameters of this run."""
        return torch_optimizer(self.configuration.optimizer, params, self.configuration.hyper)

    def report(self, value: float, epoch: int) -> None:
        """Notes the metric after an epoch. Raises `optuna.TrialPruned` where others of the same loss were better."""
        value = float(value)
        self.curve.append((int(epoch), value))
        if self.hopeless(int(epoch), [one for _, one in self.curve]):
            from optuna import TrialPruned

            raise TrialPruned(f"below the median of its loss at epoch {epoch}")


@dataclass(frozen=True)
class Answer:
    """What one retraining gave: its value and, where the function returns them, a number for each test row."""

    value: float
    test: tuple[float, ...] = ()


class OwnStudy:
    """A search that calls `train(run)`; see `losslab.tune`."""

    def __init__(
        self, train: Callable[[Run], Any], options: Options, *, task: Any = "multiclass", metric: str = "value",
        higher_is_better: bool = True, target: Any = None, challengers: int = 3,
    ) -> None:  # fmt: skip
        self.train, self.options, self.task, self.metric = train, options, task, metric
        self.higher_is_better, self.target, self.challengers = higher_is_better, target, challengers
        self.started = time.perf_counter()
        found = self._candidates()
        self.records = {record.name: record for record in found.losses}
        self.default = found.default.name
        self.notes = list(found.notes)
        rules = {name: update_rule(name) for name in options.optimizers}
        for name in rules:
            torch_optimizer(name, [torch.nn.Parameter(torch.zeros(2, 2))], {})  # refused here, where torch has no such
        rates = rates_of(options.settings, rules)
        trials = options.trials
        self.quota = Quota(1, len(self.records)) if trials is None else equal_quota(trials, len(self.records))
        self.notes += too_few(trials and self.quota.each, options.runs)
        self.spaces = {name: space_of(record, rules, rates=rates) for name, record in self.records.items()}
        self.proposers = {
            name: Proposer(
                record, self.spaces[name], options.sampler, quota=self.quota.each, seed=options.seed,
                default=default_configuration(record, rules, space=self.spaces[name], rates=rates),
                higher_is_better=higher_is_better, start=place * self.quota.each, peers=len(self.records),
            )
            for place, (name, record) in enumerate(self.records.items())
        }  # fmt: skip
        self.outcomes: list[Outcome] = []
        self.answers: dict[str, list[Answer]] = {}
        self.status = "finished"
        if options.storage is not None:
            check_storage(options.storage)

    @property
    def sign(self) -> int:
        return 1 if self.higher_is_better else -1

    def _candidates(self) -> Candidates:
        losses = self.options.losses
        outputs = default_loss(self.task).outputs if losses is None else None
        found = candidates(self.task, losses, metric=self.metric, outputs=outputs, trains=False)
        counting = [record.name for record in found.losses if record.per_class and self.target is None]
        if not counting:
            return found
        kept = tuple(record for record in found.losses if record.name not in counting)
        note = f"{', '.join(counting)}: left out, for want of the counts of the classes; pass target=, the labels"
        return Candidates(kept, (*found.notes, note))

    def run(self) -> None:
        """Search and retrainings. Ctrl-C ends it early; what was finished stays."""
        out = self.options.out
        opened = nullcontext() if out is None else self._journal(out)
        with opened as journal:
            try:
                self._search(journal)
                self._retrain(journal)
            except KeyboardInterrupt:
                self.status = "interrupted"
                if not any(one.configuration.loss == self.default for one in self.ended()):
                    raise
        self._keep_trials()

    def _journal(self, out: Path) -> Journal:
        options = self.options
        fingerprint = {
            "train": getattr(self.train, "__qualname__", type(self.train).__name__), "task": self.task,
            "metric": self.metric, "losses": list(self.records), "optimizers": list(options.optimizers),
            "trials": self.quota.total, "sampler": options.sampler, "halving": options.halving, "runs": options.runs,
            "challengers": self.challengers, "seed": options.seed, "settings": repr(options.settings),
            "versions": versions(),
        }  # fmt: skip
        return Journal(out / "journal.jsonl", fingerprint, resume=options.resume)

    def _search(self, journal: Journal | None) -> None:
        """The losses take turns, a batch of proposals each, so that they are equally far whenever it is interrupted."""
        lines = journal.read() if journal else []
        known = [Outcome.from_json(line["outcome"]) for line in lines if line["kind"] == "trial"]
        done = {one.configuration.number: one for one in known}
        while batches := [batch for batch in (p.next_batch() for p in self.proposers.values()) if batch]:
            for place in range(max(map(len, batches))):
                for batch in batches:
                    if place < len(batch):
                        self._one(batch[place], done, journal)

    def _one(self, configuration: Configuration, done: Mapping[int, Outcome], journal: Journal | None) -> None:
        outcome = done.get(configuration.number)
        if outcome is None:
            outcome = self._try(configuration)
            if journal:
                journal.append([{"kind": "trial", "outcome": outcome.to_json()}])
        self.outcomes.append(outcome)
        self.proposers[configuration.loss].tell(configuration.number, outcome.curve, outcome.value, outcome.state)

    def _try(self, configuration: Configuration) -> Outcome:
        """One call of the function. What it raises is noted; at the very first call it is the caller's to see."""
        from optuna import TrialPruned

        run = self._make(configuration, key("search", self.options.seed, configuration.number) % 2**31)
        if self.options.halving:
            run.hopeless = partial(self._hopeless, configuration.loss)
        try:
            answer = self._call(run)
        except TrialPruned as pruned:
            value = run.curve[-1][1] if run.curve else None
            return Outcome(configuration, "pruned", tuple(run.curve), value, str(pruned))
        except Exception as error:  # a user's function can fail in any way; the search goes on and names it
            if not self.outcomes:
                raise RuntimeError(
                    f"the training function raised {type(error).__name__} at its first call, with {self.default} at "
                    f"its defaults: {error}"
                ) from error
            return Outcome(configuration, "failed", tuple(run.curve), None, f"{type(error).__name__}: {error}")
        if not math.isfinite(answer.value):
            return Outcome(configuration, "failed", tuple(run.curve), None, f"the value is {answer.value}")
        return Outcome(configuration, "complete", tuple(run.curve), answer.value)

    def _hopeless(self, loss: str, epoch: int, values: list[float]) -> bool:
        """Whether the best so far is worse than the median of what this loss's trials had at this epoch."""
        mine = [one for one in self.outcomes if one.configuration.loss == loss]
        there = [found for one in mine for at, found in one.curve if at == epoch and math.isfinite(found)]
        if len(there) < COMPARED:
            return False
        finite = [self.sign * value for value in values if math.isfinite(value)]
        return not finite or max(finite) < self.sign * median(there)

    def _make(self, configuration: Configuration, seed: int, final: bool = False) -> Run:
        return Run(self.loss(configuration), seed, configuration, final)

    def _call(self, run: Run) -> Answer:
        torch.manual_seed(run.seed)
        return read_answer(self.train(run))

    def loss(self, configuration: Configuration) -> nn.Module:
        return loss_module(self.records[configuration.loss], self.params(configuration))

    def params(self, configuration: Configuration) -> dict[str, Any]:
        """The parameters in the unit of the targets that the function trains on."""
        record = self.records[configuration.loss]
        if self.target is None:
            return dict(configuration.params)
        if record.per_class:
            labels = torch.as_tensor(self.target).flatten()
            return {**configuration.params, **class_counts(record, labels, int(labels.max()) + 1)}
        if not any(parameter.unit == "target" for parameter in record.parameters.values()):
            return dict(configuration.params)
        return in_target_unit(configuration.params, record, typical_deviation(self.target, self.task))

    def ended(self) -> list[Outcome]:
        return [one for one in self.outcomes if one.state == "complete"]

    def finalists(self) -> dict[str, Outcome]:
        """The best trial of the default and of the challengers, those first that were best in the search."""
        best: dict[str, Outcome] = {}
        for one in self.ended():
            value, rival = one.value or 0.0, best.get(one.configuration.loss)
            if rival is None or self.sign * value > self.sign * (rival.value or 0.0):
                best[one.configuration.loss] = one
        if self.default not in best:
            reasons = [one.reason for one in self.outcomes if one.configuration.loss == self.default and one.reason]
            raise RuntimeError(f"no trial of the default {self.default} came to its end: {(reasons or ['?'])[0]}")
        ranked = sorted(best, key=lambda name: -self.sign * (best[name].value or 0.0))
        kept = [self.default, *[name for name in ranked if name != self.default][: self.challengers]]
        return {name: best[name] for name in kept}

    def _retrain(self, journal: Journal | None) -> None:
        """Every finalist `runs` times, run r of all with the same seed; one whose function fails there is left out."""
        lines = journal.read() if journal else []
        done = {(x["loss"], x["run"]): Answer(x["value"], tuple(x["test"])) for x in lines if x["kind"] == RETRAIN}
        finalists = self.finalists()
        failed: set[str] = set()
        for run in range(self.options.runs):
            seed = key(RETRAIN, self.options.seed, run) % 2**31
            for name in [name for name in finalists if name not in failed]:
                try:
                    answer = done.get((name, run)) or self._call(self._make(finalists[name].configuration, seed, True))
                except Exception as error:  # as in the search
                    if name == self.default:
                        raise RuntimeError(f"retraining the default {name} failed: {error}") from error
                    self.notes.append(f"{name} is left out: a retraining raised {type(error).__name__}: {error}")
                    failed.add(name)
                    self.answers.pop(name, None)
                    continue
                if journal and (name, run) not in done:
                    journal.append([{"kind": RETRAIN, "loss": name, "run": run, "value": answer.value,
                                     "test": list(answer.test)}])  # fmt: skip
                self.answers.setdefault(name, []).append(answer)

    def _keep_trials(self) -> None:
        """The trials where Optuna's tools can open them."""
        out = self.options.out
        place = self.options.storage or (out and out / "optuna.log")
        if place is not None:
            write_study(
                place, out.name if out else "losslab", self.outcomes, self.spaces,
                higher_is_better=self.higher_is_better, attributes={"metric": self.metric},
            )  # fmt: skip

    def data(self) -> TuneData:
        """What is known before the comparison."""
        calls = f"then {1 + min(self.challengers, len(self.records) - 1)} finalists x {self.options.runs} retrainings"
        return TuneData(
            task=self.task, metric=self.metric, higher_is_better=self.higher_is_better, default=self.default,
            winner=self.default, data="the data of the training function",
            model=f"the user's own: {getattr(self.train, '__name__', type(self.train).__name__)}",
            engine="the user's own loop", plan=f"{self.quota}, {calls}", points=False, notes=self.notes,
            versions=versions(), command=self.options.command, seed=self.options.seed,
            status="finished" if self.status == "finished" else "interrupted",
            holds_for="this training function, and the rows that it measures",
        )  # fmt: skip


def read_answer(found: Any) -> Answer:
    """What a training function returned. Raises TypeError or ValueError in words for anything else."""
    if not isinstance(found, Mapping):
        return Answer(as_number(found))
    unknown = set(found) - {"value", "test"}
    if unknown or "value" not in found:
        raise ValueError(f"the training function returned {sorted(map(str, found))}; 'value' and 'test' are known")
    test = found.get("test")
    rows = () if test is None else tuple(torch.as_tensor(test).detach().double().flatten().tolist())
    return Answer(as_number(found["value"]), rows)


def as_number(found: Any) -> float:
    try:
        return float(found)
    except (TypeError, ValueError, RuntimeError):
        kind = "None (no return?)" if found is None else f"a {type(found).__name__}"
        raise TypeError(
            f"the training function returned {kind}; the metric, a number, is wanted, or "
            "{'value': number, 'test': a number for each test row}"
        ) from None


def several(values: Sequence[Answer]) -> Tensor:
    """The numbers of the test rows, (R, N); (R, 0) where there are none."""
    return torch.tensor([one.test for one in values], dtype=torch.float64)
