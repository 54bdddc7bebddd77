"""`losslab.fit`: a population of one."""

from dataclasses import dataclass, field
from typing import Any

from torch import nn

from losslab.data.load import load
from losslab.data.prepare import prepare
from losslab.data.split import split
from losslab.data.table import Prepared
from losslab.metrics.links import predictions
from losslab.metrics.registry import default_metric
from losslab.metrics.registry import get as get_metric
from losslab.models.build import build
from losslab.optim import check
from losslab.optim import get as update_rule
from losslab.train.assemble import Assembly
from losslab.train.batches import Fold
from losslab.train.lookup import check_head, find_loss, head_of
from losslab.train.member import Member
from losslab.train.objective import class_counts, objective_of
from losslab.train.session import Session


@dataclass
class FitResult:
    """A trained model and how it got there.

    `model` sees columns as `prepared` scaled them, and for a regression gives standardised values:
    value * prepared.y_scale + prepared.y_mean. `history` has, for each epoch, the loss of the last batch and the
    metric on the validation part. `broken` says why training stopped early, if it did.
    """

    model: nn.Module
    loss: str
    metric: str
    validation: float
    history: list[dict[str, float]] = field(default_factory=list)
    prepared: Prepared | None = None
    broken: str = ""


def fit(
    model: Any, data: Any, *, loss: Any = None, params: dict[str, float] | None = None, optimizer: str = "adamw",
    lr: float | None = None, metric: Any = None, epochs: int = 20, batch_size: int = 64, seed: int = 0,
    task: str | None = None, target: str | None = None, pretrained: bool = False, device: str = "cpu", **hyper: Any,
) -> FitResult:  # fmt: skip
    """Trains one model with one loss, by the same engine that tunes hundreds.

    model, data, task, target, pretrained, device: as in `losslab.tune`. loss: a name, a decorated rule, a module or a
    callable `(input, target)`; the task's default, unless given. params: the loss's parameters, in units of the
    standardised target. optimizer: a name in `losslab.optim.RULES`; `lr`, further hyperparameters and options as
    keywords (momentum=0.9, nesterov=True). Trains on the training part and measures on the validation part; the test
    part is not touched.

    Raises ValueError or TypeError in words for what cannot work.
    """
    table = load(data, target=target, task=task)
    chosen = get_metric(default_metric(table.task) if metric is None else metric, table.task)
    parts = split(table, seed)
    prepared = prepare(table, parts.train)
    classes = max(len(table.classes), 1)
    factory = build(
        model, tuple(prepared.X.shape[1:]), classes if table.task == "multiclass" else 1, pretrained=pretrained
    )
    record = find_loss(loss, table.task, outputs=head_of(table.task, factory.out_features), metric=chosen)
    check_head(factory.name, factory.out_features, record, classes)
    record.check_parameters(params or {})
    given: dict[str, Any] = {**({} if lr is None else {"lr": lr}), **hyper}
    check(optimizer, given)
    options = {name: value for name, value in given.items() if name in update_rule(optimizer).options}
    numbers = {name: value for name, value in given.items() if name not in options and value is not None}
    counted = class_counts(record, prepared.y[parts.train], classes)
    own: dict[str, Any] = {**record.defaults, **(params or {}), **counted}
    member = Member(0, objective_of(record, classes), own, optimizer, numbers, options, seed, batch_size=batch_size)
    assembly = Assembly(factory, [Fold(prepared.X, prepared.y, parts.train, table.changing)], device=device)
    session = Session(assembly, [member])
    result = FitResult(nn.Identity(), record.name, chosen.name, float("nan"), prepared=prepared)
    for epoch in range(1, epochs + 1):
        last = session.populations[0]
        session.advance(epoch)
        if session.broken:
            result.broken = str(session.broken[0])
            break
        ((_, outputs),) = session.predict(parts.validation)
        outputs = outputs if outputs.dim() == 3 else outputs[..., None]
        found = predictions(outputs, record.link, chosen.needs)
        if found is None:
            raise ValueError(f"{record.name} gives no {chosen.needs}, which {chosen.name} needs; choose another metric")
        if chosen.needs == "value":
            found = found * prepared.y_scale + prepared.y_mean
        result.validation = float(chosen.value(found, table.y[parts.validation]))
        loss_now = float(last.last_loss[0]) if last.last_loss is not None else float("nan")
        result.history.append({"epoch": epoch, "loss": loss_now, chosen.name: result.validation})
    result.model = last.network.module(0) if len(last) else factory.make(seed, member.objective.outputs)
    return result
