"""Which losses take part in a search, and how many trials each gets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from losslab.spec.declare import CATALOGUE, Catalogue
from losslab.spec.interval import Interval
from losslab.spec.record import LossRecord, Outputs, Task
from losslab.spec.tasks import usual
from losslab.train.lookup import DEFAULTS, default_loss, fitting, name_of_metric, preference, resolve

FEW_TRIALS = 16  # fewer leave two searches of the very same loss too far apart (benchmarks/verdict.py)
FEW_RUNS = 5  # with fewer, the luck of training is known too badly


@dataclass(frozen=True)
class Candidates:
    """The losses of a search, the default first, and what a person should know about the choice."""

    losses: tuple[LossRecord, ...]
    notes: tuple[str, ...] = ()

    @property
    def default(self) -> LossRecord:
        return self.losses[0]


@dataclass(frozen=True)
class Quota:
    """Trials for each loss, the same for all."""

    each: int
    losses: int

    @property
    def total(self) -> int:
        return self.each * self.losses

    def __str__(self) -> str:
        plural = "loss" if self.losses == 1 else "losses"
        return f"{self.total:,} trials = {self.losses} {plural} x {self.each:,}"


def equal_quota(trials: int, losses: int) -> Quota:
    """The most trials that `losses` losses can share equally: 256 over 5 is 5 x 51."""
    if losses < 1:
        raise ValueError("a search needs at least one loss")
    if trials < losses:
        raise ValueError(f"{trials} trials are too few for {losses} losses; ask for more trials or name fewer losses")
    return Quota(trials // losses, losses)


def candidates(
    task: Task,
    losses: Sequence[str | LossRecord | Callable[..., Any]] | None = None,
    metric: Any = None,
    catalogue: Catalogue = CATALOGUE,
    *,
    outputs: Outputs | None = None,
    add_default: bool = True,
    trains: bool = True,
) -> Candidates:
    """The losses to search for a task, the default first: those named, or else all that fit and are `by_default`.

    Only losses on raw model outputs take part: a spelling on probabilities (`binary_cross_entropy`) or on
    log-probabilities (`nll_loss`) stands for the loss of its group that reads raw outputs. Of losses that are the same
    up to a reparametrisation one takes part; a second one that was named is left out with a note. The default is added
    where losses are named without it (`add_default`). `metric` is a name or a record with a name; for "pinball:0.9" the
    quantile loss starts at 0.9. `outputs` says which head a model has that cannot be given another one. With
    `trains=False` the caller trains, and losses that are `untunable` take part where they are named.

    Raises ValueError for an unknown name (with the nearest ones), a loss that does not fit the task, or one that is
    untunable.
    """
    if task not in DEFAULTS:
        raise ValueError(f"task {task!r} is not one of {', '.join(DEFAULTS)}")
    default = default_loss(task, metric, catalogue, outputs)
    fits = fitting(catalogue, task, outputs)
    if losses is None:
        tried = sorted((r for r in fits if usual(r, task)), key=lambda record: preference(record, task))
        unique = one_per_group([default, *tried], named=False)
        return replace(unique, losses=tuple(for_metric(record, metric) for record in unique.losses))
    if isinstance(losses, str) or not isinstance(losses, Sequence):
        losses = [losses]
    if not losses:
        raise ValueError("losses is empty; leave it out to search all that fit")
    notes: list[str] = []
    chosen = [resolve(loss, task, catalogue, fits, outputs, notes, trains=trains) for loss in losses]
    chosen.sort(key=lambda record: record.group != default.group)
    if chosen[0].group != default.group and add_default:
        chosen = [default, *chosen]
        notes.append(f"{default.name} was added: it is the default that every loss is compared with")
    unique = one_per_group(chosen, named=True)
    fitted = tuple(for_metric(record, metric) for record in unique.losses)
    return Candidates(fitted, (*notes, *unique.notes))


def for_metric(record: LossRecord, metric: Any) -> LossRecord:
    """The quantile loss for a pinball metric starts at the metric's level, and is searched there too; others stay."""
    kind, _, level = name_of_metric(metric).partition(":")
    quantile = record.parameters.get("quantile")
    if kind != "pinball" or not level or quantile is None or quantile.search is None:
        return record
    at, search = float(level), quantile.search
    wider = Interval(min(search.low, at), max(search.high, at), search.open_low, search.open_high)
    return replace(record, parameters={**record.parameters, "quantile": replace(quantile, default=at, search=wider)})


def one_per_group(records: Sequence[LossRecord], *, named: bool) -> Candidates:
    """The first record of each group; with `named`, a note for each that is left out. Names are made unique."""
    first: dict[str, LossRecord] = {}
    notes = []
    for record in records:
        kept = first.get(record.group)
        if kept is None:
            first[record.group] = record
        elif named and kept.name == record.name:
            notes.append(f"{record.name} was named twice; it takes part once")
        elif named:
            notes.append(f"{record.name} is left out: up to a reparametrisation it is the same loss as {kept.name}")
    return Candidates(tuple(unique_names(list(first.values()))), tuple(notes))


def unique_names(records: list[LossRecord]) -> list[LossRecord]:
    """A second loss of the same name becomes `name_2`."""
    seen: set[str] = set()
    renamed = []
    for record in records:
        name, count = record.name, 1
        while name in seen:
            count += 1
            name = f"{record.name}_{count}"
        seen.add(name)
        renamed.append(record if name == record.name else replace(record, name=name))
    return renamed


def too_few(trials: int | None, runs: int) -> list[str]:
    """Notes where a search has few trials for each loss (None: no search), or few retrainings of each finalist."""
    notes = []
    if trials is not None and trials < FEW_TRIALS:
        told = "1 trial per loss is" if trials == 1 else f"{trials} trials per loss are"
        notes.append(f"{told} few: luck in the search can pass for a better loss; {FEW_TRIALS} or more are safer")
    if runs < FEW_RUNS:
        notes.append(f"{runs} retrainings are few: luck in training can pass for a better loss; 10 or more are safer")
    return notes
