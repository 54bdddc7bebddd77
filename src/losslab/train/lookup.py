"""The loss that is meant by a name, a record, a module or a callable, and the default of a task."""

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

import losslab.catalog  # noqa: F401 (declares the losses)
from losslab.data.table import NUMBERS
from losslab.spec.declare import CATALOGUE, Catalogue
from losslab.spec.record import Link, LossRecord, Outputs, Task
from losslab.spec.tasks import serves, tunable
from losslab.train.objective import name_of, width_of

# What a practitioner takes without thinking further. A robust metric (mae, median_ae) does not change it: whether to
# leave squared error for it is the question of the search, not its starting point.
DEFAULTS: dict[Task, str] = {
    "multiclass": "cross_entropy",
    "binary": "binary_cross_entropy_with_logits",
    "regression": "mse_loss",
    "multilabel": "binary_cross_entropy_with_logits",
    "multioutput": "mse_loss",
    "count": "poisson_nll_loss",
    "positive": "gamma_nll_loss",
    "ordinal": "cross_entropy",
}
TWO_OUTPUTS_DEFAULT = "cross_entropy"  # the same loss for a binary head with two outputs
METRIC_DEFAULTS = {"pinball": "quantile_loss"}  # there the loss is the metric
HEADS = {
    "one": "one output",
    "classes": "an output for each class",
    "thresholds": "an output for each threshold between two classes",
}
MOST_NAMED = 8  # of the losses that fit, in an error
OWN = "the user's own"  # the source of a record around a user's own callable


def find_loss(loss: Any, task: Task, *, outputs: Outputs | None = None, metric: Any = None) -> LossRecord:
    """The record behind whatever a person calls a loss; the task's default for None.

    `outputs` says which head a model has that cannot be given another one. Raises ValueError in words.
    """
    if loss is None:
        return default_loss(task, metric, CATALOGUE, outputs)
    return resolve(loss, task, CATALOGUE, fitting(CATALOGUE, task, outputs), outputs, [])


def fitting(catalogue: Catalogue, task: Task, outputs: Outputs | None) -> list[LossRecord]:
    """The losses on raw outputs that fit a task and a head, and that losslab can train with."""
    found = catalogue.filter(task=task, tunable=True).values()
    return [r for r in found if is_raw(r) and outputs in (None, r.outputs)]


def default_loss(
    task: Task, metric: Any = None, catalogue: Catalogue = CATALOGUE, outputs: Outputs | None = None
) -> LossRecord:
    """The loss that a practitioner would use: by task alone, except where the metric is itself a loss (pinball)."""
    name = TWO_OUTPUTS_DEFAULT if task == "binary" and outputs == "classes" else DEFAULTS[task]
    if task in ("regression", "multioutput"):
        name = METRIC_DEFAULTS.get(name_of_metric(metric).partition(":")[0], name)
    return catalogue[name]


def name_of_metric(metric: Any) -> str:
    return str(getattr(metric, "name", metric))


def is_raw(record: LossRecord) -> bool:
    """Whether the loss reads what a model's last linear layer gives: any real number."""
    return record.input_domain.low == float("-inf") and record.input_domain.high == float("inf")


def preference(record: LossRecord, task: Task) -> tuple[bool, bool]:
    """Which loss speaks for its group: the head that is natural for the task, then the one that the group is called."""
    unusual_head = task == "binary" and record.outputs == "classes"
    return unusual_head, record.name.removesuffix("_loss") != record.group.removesuffix("_loss")


def resolve(
    loss: Any,
    task: Task,
    catalogue: Catalogue,
    fits: Sequence[LossRecord],
    outputs: Outputs | None,
    notes: list[str],
    *,
    trains: bool = True,
) -> LossRecord:
    """The record behind a name, a record or a user's own callable, or the one of its group that fits the model.

    trains: losslab does the training, so that a loss that it cannot train with is refused.
    """
    if isinstance(loss, str):
        loss = by_name(loss, catalogue)
    own = not isinstance(loss, LossRecord)
    if own:
        loss = own_loss(loss, task, outputs)
    known = named(fits, task)
    if trains and not tunable(loss, task):
        text = f"{loss.name} cannot be used in fit or in a search, because {loss.untunable}"
        raise ValueError(f"{text}. Call it in a training loop of your own. What fits: {known}")
    if own:
        return loss
    if not serves(loss, task):
        raise ValueError(f"{loss.name} is for {' and '.join(loss.tasks)}, the task is {task}; what fits: {known}")
    if is_raw(loss) and outputs in (None, loss.outputs):
        return loss
    why = "the model gives raw outputs" if not is_raw(loss) else f"the model has {HEADS[outputs or loss.outputs]}"
    for record in sorted(fits, key=lambda record: preference(record, task)):
        if record.group == loss.group:
            notes.append(f"{record.name} takes the place of {loss.name}: {why}")
            return record
    wants = f"inputs in {loss.input_domain}" if not is_raw(loss) else HEADS[loss.outputs]
    raise ValueError(f"{loss.name} wants {wants}; {why}. What fits: {known}")


def named(fits: Sequence[LossRecord], task: Task) -> str:
    """Some of the losses that fit, those of a search first, and where to find the others."""
    names = [record.name for record in sorted(fits, key=lambda record: not record.by_default)]
    more = f" and {len(names) - MOST_NAMED} more: losslab losses --task {task} --tunable"
    return ", ".join(names[:MOST_NAMED]) + more * (len(names) > MOST_NAMED)


def by_name(name: str, catalogue: Catalogue) -> LossRecord:
    for spelling in (name, name.replace("-", "_"), name.removesuffix("_loss")):
        if spelling in catalogue:
            return catalogue[spelling]
    near = get_close_matches(name, list(catalogue), n=3, cutoff=0.4)
    raise ValueError(f"no loss {name!r}; {'nearest' if near else 'known'}: {', '.join(near or catalogue)}")


def own_loss(loss: Callable[..., Any], task: Task, outputs: Outputs | None = None) -> LossRecord:
    """A record around a user's own callable or module `(input, target) -> scalar or per-sample`: no parameters.

    A module of torch or losslab that the catalogue knows has that loss's link. Of any other the link is not known, so
    it is taken to give a prediction and no probability, unless it has an attribute `link` ("softmax", "sigmoid", ...).
    """
    if isinstance(loss, type):
        raise TypeError(f"losses: {loss.__name__} is a class; pass an instance, {loss.__name__}()")
    if not callable(loss):
        raise TypeError(f"losses: {loss!r} is neither a loss's name nor callable as loss(input, target)")
    name = re.sub(r"\W+", "", name_of(loss)) or "own_loss"
    known = next((r for r in CATALOGUE.values() if r.module_name == type(loss).__name__ and serves(r, task)), None)
    unknown: Link = "identity" if task in NUMBERS else "arg-max"
    link: Link = getattr(loss, "link", known.link if known else unknown)
    classes = task in ("multiclass", "ordinal")
    outputs = (known.outputs if known else None) or outputs or ("classes" if classes else "one")
    target: Any = "real" if task in NUMBERS else "probability" if outputs == "one" else "class"
    target = "sign" if known and known.target == "sign" else target
    return LossRecord(
        name=name, rule=loss, kind="rowwise", formula="", source=OWN, tasks=(task,), outputs=outputs, link=link,
        target=target, cases=(), parameters={}, group=f"own {name} {id(loss)}", module_name=name, form=loss,
        untunable=known.untunable if known else "", tunable_as=known.tunable_as if known else (),
    )  # fmt: skip


def is_own(record: LossRecord) -> bool:
    """Whether the record wraps a user's own callable, which is its `rule`: it may reduce itself."""
    return record.source == OWN


def check_head(model: str, width: int | None, default: LossRecord, classes: int, columns: int = 1) -> None:
    """Raises ValueError where a model whose number of outputs is fixed does not fit the target.

    classes: 1 where the target is no class. columns: how many columns the target has.
    """
    wanted = width_of(default, classes, columns)
    if width in (None, wanted):
        return
    target = f"a target of {classes} classes" if classes > 1 else "a regression target"
    target = f"a target of {columns} columns" if columns > 1 else target
    raise ValueError(f"the model {model} has {width} outputs; {target} needs {'1 or 2' if classes == 2 else wanted}")


def usual_width(task: Task, classes: int, columns: int = 1) -> int:
    """How many outputs a model for the task has, unless a loss wants another number."""
    return classes if task in ("multiclass", "ordinal") else columns


def head_of(task: Task, out_features: int | None, classes: int = 0) -> Outputs | None:
    """Which losses a model can serve whose number of outputs is fixed; None where it can be given either head."""
    if out_features is None or task not in ("binary", "ordinal"):
        return None
    if task == "ordinal":
        return "thresholds" if out_features == classes - 1 else "classes"
    return "one" if out_features == 1 else "classes"
