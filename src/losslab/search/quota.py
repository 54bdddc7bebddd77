"""Which losses take part in a search, and how many trials each gets."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

import losslab.catalog  # noqa: F401 (declares the losses)
from losslab.spec.declare import CATALOGUE, Catalogue
from losslab.spec.interval import Interval
from losslab.spec.record import Link, LossRecord, Outputs, Task
from losslab.train.objective import name_of

# What a practitioner takes without thinking further. A robust metric (mae, median_ae) does not change it: whether to
# leave squared error for it is the question of the search, not its starting point.
DEFAULTS: dict[Task, str] = {
    "multiclass": "cross_entropy",
    "binary": "binary_cross_entropy_with_logits",
    "regression": "mse_loss",
}
TWO_OUTPUTS_DEFAULT = "cross_entropy"  # the same loss for a binary head with two outputs
METRIC_DEFAULTS = {"pinball": "quantile_loss"}  # there the loss is the metric
HEADS = {"one": "one output", "classes": "an output for each class"}
OWN = "the user's own"  # the source of a record around a user's own callable


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
) -> Candidates:
    """The losses to search for a task, the default first: those named, or else all that fit.

    Only losses on raw model outputs take part: a spelling on probabilities (`binary_cross_entropy`) or on
    log-probabilities (`nll_loss`) stands for the loss of its group that reads raw outputs. Of losses that are the same
    up to a reparametrisation one takes part; a second one that was named is left out with a note. The default is added
    where losses are named without it (`add_default`). `metric` is a name or a record with a name; for "pinball:0.9" the
    quantile loss starts at 0.9. `outputs` says which head a model has that cannot be given another one.

    Raises ValueError for an unknown name (with the nearest ones) or a loss that does not fit the task.
    """
    if task not in DEFAULTS:
        raise ValueError(f"task {task!r} is not one of {', '.join(DEFAULTS)}")
    default = default_loss(task, metric, catalogue, outputs)
    fitting = [r for r in catalogue.filter(task=task).values() if is_raw(r) and outputs in (None, r.outputs)]
    if losses is None:
        fitting.sort(key=lambda record: preference(record, task))
        unique = one_per_group([default, *fitting], named=False)
        return replace(unique, losses=tuple(for_metric(record, metric) for record in unique.losses))
    if isinstance(losses, str) or not isinstance(losses, Sequence):
        losses = [losses]
    if not losses:
        raise ValueError("losses is empty; leave it out to search all that fit")
    notes: list[str] = []
    chosen = [resolve(loss, task, catalogue, fitting, outputs, notes) for loss in losses]
    chosen.sort(key=lambda record: record.group != default.group)
    if chosen[0].group != default.group and add_default:
        chosen = [default, *chosen]
        notes.append(f"{default.name} was added: it is the default that every loss is compared with")
    unique = one_per_group(chosen, named=True)
    fitted = tuple(for_metric(record, metric) for record in unique.losses)
    return Candidates(fitted, (*notes, *unique.notes))


def default_loss(
    task: Task, metric: Any = None, catalogue: Catalogue = CATALOGUE, outputs: Outputs | None = None
) -> LossRecord:
    """The loss that a practitioner would use: by task alone, except where the metric is itself a loss (pinball)."""
    name = TWO_OUTPUTS_DEFAULT if task == "binary" and outputs == "classes" else DEFAULTS[task]
    if task == "regression":
        name = METRIC_DEFAULTS.get(name_of_metric(metric).partition(":")[0], name)
    return catalogue[name]


def name_of_metric(metric: Any) -> str:
    return str(getattr(metric, "name", metric))


def for_metric(record: LossRecord, metric: Any) -> LossRecord:
    """The quantile loss for a pinball metric starts at the metric's level, and is searched there too; others stay."""
    kind, _, level = name_of_metric(metric).partition(":")
    quantile = record.parameters.get("quantile")
    if kind != "pinball" or not level or quantile is None or quantile.search is None:
        return record
    at, search = float(level), quantile.search
    wider = Interval(min(search.low, at), max(search.high, at), search.open_low, search.open_high)
    return replace(record, parameters={**record.parameters, "quantile": replace(quantile, default=at, search=wider)})


def is_raw(record: LossRecord) -> bool:
    """Whether the loss reads what a model's last linear layer gives: any real number."""
    return record.input_domain.low == float("-inf") and record.input_domain.high == float("inf")


def preference(record: LossRecord, task: Task) -> tuple[bool, bool]:
    """Which loss speaks for its group: the head that is natural for the task, then the one that the group is called."""
    unusual_head = task == "binary" and record.outputs == "classes"
    return unusual_head, record.name.removesuffix("_loss") != record.group.removesuffix("_loss")


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


def resolve(
    loss: Any,
    task: Task,
    catalogue: Catalogue,
    fitting: Sequence[LossRecord],
    outputs: Outputs | None,
    notes: list[str],
) -> LossRecord:
    """The record behind a name, a record or a user's own callable, or the one of its group that fits the model."""
    if isinstance(loss, str):
        loss = by_name(loss, catalogue)
    if not isinstance(loss, LossRecord):
        return own_loss(loss, task, outputs)
    if task not in loss.tasks:
        known = ", ".join(record.name for record in fitting)
        raise ValueError(f"{loss.name} is for {' and '.join(loss.tasks)}, the task is {task}; what fits: {known}")
    if is_raw(loss) and outputs in (None, loss.outputs):
        return loss
    why = "the model gives raw outputs" if not is_raw(loss) else f"the model has {HEADS[outputs or loss.outputs]}"
    for record in sorted(fitting, key=lambda record: preference(record, task)):
        if record.group == loss.group:
            notes.append(f"{record.name} takes the place of {loss.name}: {why}")
            return record
    wants = f"inputs in {loss.input_domain}" if not is_raw(loss) else HEADS[loss.outputs]
    raise ValueError(f"{loss.name} wants {wants}; {why}. What fits: {', '.join(record.name for record in fitting)}")


def by_name(name: str, catalogue: Catalogue) -> LossRecord:
    for spelling in (name, name.replace("-", "_"), name.removesuffix("_loss")):
        if spelling in catalogue:
            return catalogue[spelling]
    near = get_close_matches(name, list(catalogue), n=3, cutoff=0.4)
    raise ValueError(f"no loss {name!r}; {'nearest' if near else 'known'}: {', '.join(near or catalogue)}")


def own_loss(loss: Callable[..., Any], task: Task, outputs: Outputs | None = None) -> LossRecord:
    """A record around a user's own callable or module `(input, target) -> scalar or per-sample`: no parameters.

    Its link is not known, so it is taken to give a prediction and no probability, unless the callable has an attribute
    `link` ("softmax", "sigmoid", ...).
    """
    if isinstance(loss, type):
        raise TypeError(f"losses: {loss.__name__} is a class; pass an instance, {loss.__name__}()")
    if not callable(loss):
        raise TypeError(f"losses: {loss!r} is neither a loss's name nor callable as loss(input, target)")
    name = re.sub(r"\W+", "", name_of(loss)) or "own_loss"
    link: Link = getattr(loss, "link", "identity" if task == "regression" else "arg-max")
    outputs = outputs or ("classes" if task == "multiclass" else "one")
    target: Any = "real" if task == "regression" else "class" if outputs == "classes" else "probability"
    return LossRecord(
        name=name, rule=loss, kind="rowwise", formula="", source=OWN, tasks=(task,), outputs=outputs, link=link,
        target=target, cases=(), parameters={}, group=f"own {name} {id(loss)}", module_name=name, form=loss,
    )  # fmt: skip


def is_own(record: LossRecord) -> bool:
    """Whether the record wraps a user's own callable, which is its `rule`: it may reduce itself."""
    return record.source == OWN
