"""`losslab.fit`: a population of one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from losslab.data.describe import describe
from losslab.data.load import load
from losslab.data.prepare import prepare
from losslab.data.scale import own_unit
from losslab.data.split import split
from losslab.data.table import COLUMNS, Prepared
from losslab.metrics.links import predictions
from losslab.metrics.record import Metric
from losslab.metrics.registry import default_metric
from losslab.metrics.registry import get as get_metric
from losslab.models.build import build
from losslab.optim import check
from losslab.optim import get as update_rule
from losslab.spec.record import LossRecord
from losslab.train.assemble import Assembly
from losslab.train.batches import Fold
from losslab.train.course import Course, Told, check_resumable
from losslab.train.device import check_device
from losslab.train.lookup import check_head, find_loss, head_of, usual_width
from losslab.train.member import Member
from losslab.train.objective import class_counts, objective_of
from losslab.train.saved import SavedModel
from losslab.train.settings import ARCHITECTURE, refuse_several, training_of
from losslab.train.telling import telling


@dataclass
class FitResult:
    """A trained model and how it got there.

    `model` sees columns as `prepared` scaled them, and for a regression gives standardised values:
    value * prepared.y_scale + prepared.y_mean. `history` has, for each epoch, the mean training loss (without
    penalties) over its rows, the learning rate of its last step, and the metric on the validation part. `validation` is
    that of the weights given back: with patience, those of `best_epoch`; `stopped` is the epoch after which patience
    was over. `broken` says why training broke off, if it did: with patience the model is the best one before that,
    without, it has not learnt anything. `engine` says what trained, and why that.
    """

    model: nn.Module
    loss: str
    metric: str
    validation: float
    history: list[dict[str, float]] = field(default_factory=list)
    prepared: Prepared | None = None
    broken: str = ""
    best_epoch: int = 0
    stopped: int | None = None
    saved: SavedModel | None = None
    engine: str = ""

    def predict(self, data: Any) -> Any:
        """What the model says about new rows, a DataFrame in their order; see `SavedModel.predict`."""
        return self._trained().predict(data)

    def save(self, folder: str | Path) -> list[Path]:
        """Writes the model for `losslab.load_model` and `losslab predict`; returns the paths."""
        return self._trained().save(folder)

    def _trained(self) -> SavedModel:
        if self.saved is None:
            raise ValueError(f"there is no trained model: {self.broken or 'this result was not made by losslab.fit'}")
        return self.saved


def fit(
    model: Any, data: Any, *, loss: Any = None, params: dict[str, float] | None = None, optimizer: str = "adamw",
    lr: float | None = None, metric: Any = None, epochs: int = 20, batch_size: int = 64, seed: int = 0,
    task: str | None = None, target: Any = None, validation: Any = None, test: Any = None,
    split_column: str | None = None, drop: Any = (), group: Any = None, weight: Any = None, time_column: Any = None,
    pretrained: bool = False, engine: str = "auto", device: str = "cpu", progress: bool | Told = False,
    log_dir: Any = None, checkpoint: Any = None, resume: bool = False, **hyper: Any,
) -> FitResult:  # fmt: skip
    """Trains one model with one loss, by the same engine that tunes hundreds.

    model, data, task, target and other columns, pretrained, engine, device: as in `losslab.tune`. loss: a name, a
    decorated rule, a module or a callable `(input, target)`; the task's default, unless given. params: the loss's
    parameters, in units of the standardised target. optimizer: a name in `losslab.optim.RULES`; `lr`, further
    hyperparameters and options as keywords (momentum=0.9, nesterov=True). Trains on the training part and measures on
    the validation part; the test part is not touched.

    Further keywords say how: schedule ("constant", "step", "cosine", "one-cycle"), warmup (a share of the steps),
    clip_norm, clip_value, ema (decay of the mean of the weights that predictions use), l1, l2, patience (epochs; then
    the best weights are given back), accumulate (batches in a step), autocast ("bfloat16"); and width, depth and
    dropout of a model that takes them.

    progress: shows a line with the time left; or is called with each line of the history. log_dir: a folder for
    TensorBoard. checkpoint: a file that is written after each epoch; with resume=True training goes on from it, to the
    same weights, bit for bit on a CPU with the same number of threads.

    Raises ValueError or TypeError in words for what cannot work.
    """
    for name, value in {"lr": lr, "epochs": epochs, "batch_size": batch_size, "optimizer": optimizer}.items():
        refuse_several(name, value)
    if resume and checkpoint is None:
        raise ValueError("resume: which training? Say checkpoint= (--checkpoint), the file that it wrote")
    check_device(device)
    table = load(
        data, target=target, task=task, validation=validation, test=test, split_column=split_column, drop=drop,
        group=group, weight=weight, time_column=time_column,
    )  # fmt: skip
    chosen = get_metric(default_metric(table.task) if metric is None else metric, table.task)
    parts = split(table, seed)
    prepared = prepare(table, parts.train)
    classes, width = max(len(table.classes), 1), table.width
    outputs = usual_width(table.task, classes, width)
    factory = build(model, tuple(prepared.X.shape[1:]), outputs, pretrained=pretrained, levels=table.levels)
    record = find_loss(loss, table.task, outputs=head_of(table.task, factory.out_features, classes), metric=chosen)
    check_head(factory.name, factory.out_features, record, classes, width)
    record.check_parameters(params or {})
    training, given = training_of({**({} if lr is None else {"lr": lr}), **hyper})
    architecture = {name: value for name, value in given.items() if name in ARCHITECTURE and value is not None}
    factory.check(architecture)
    given = {name: value for name, value in given.items() if name not in ARCHITECTURE}
    check(optimizer, given)
    options = {name: value for name, value in given.items() if name in update_rule(optimizer).options}
    numbers = {name: value for name, value in given.items() if name not in options and value is not None}
    counted = class_counts(record, prepared.y[parts.train], classes)
    own: dict[str, Any] = {**record.defaults, **(params or {}), **counted}
    member = Member(
        0, objective_of(record, classes, width), own, optimizer, numbers, options, seed, batch_size=batch_size,
        epochs=epochs, training=training, architecture=architecture,
    )  # fmt: skip
    fold = Fold(prepared.X, prepared.y, parts.train, table.changing, table.weight)
    measure = measuring(chosen, record, prepared, table.y[parts.validation], table.task)
    path = None if checkpoint is None else Path(checkpoint)
    about = told_apart(member, table.checksum, factory.name, record.name, str(parts.train.shape))
    if path is not None:
        check_resumable(path, about, resume=resume)
    with telling(epochs, chosen.name, progress=progress, log_dir=log_dir) as told:
        course = Course(
            Assembly(factory, [fold], engine=engine, device=device), member, parts.validation, measure, chosen.name,
            higher_is_better=chosen.higher_is_better, checkpoint=path, about=about, told=told,
        )  # fmt: skip
        course.run(epochs)
    result = FitResult(
        nn.Identity(), record.name, chosen.name, float("nan"), course.history, prepared, best_epoch=course.best_epoch
    )
    if course.history:
        result.validation = course.history[course.best_epoch - 1][chosen.name]
    result.stopped = course.session.stopped.get(0)
    result.broken = "".join(one.why for one in course.session.broken)
    one = course.population
    result.engine = course.engine
    result.model = course.session.assembly.maker(member)(seed) if one is None else one.module(0)
    if one is not None:
        result.saved = SavedModel.of(
            result.model, model, table, prepared, name=factory.name, outputs=member.objective.outputs,
            link=record.link, loss=record.name, metric=chosen.name, architecture=architecture,
            made={"data": describe(table), "optimizer": optimizer, "epochs": epochs, "seed": seed},
        )  # fmt: skip
    return result


def measuring(
    metric: Metric, record: LossRecord, prepared: Prepared, target: Tensor, task: str
) -> Callable[[Tensor], float]:
    """What reads the metric from a model's raw outputs (n, ...), in the target's own unit."""

    def measure(outputs: Tensor) -> float:
        outputs = outputs[None] if outputs.dim() == 2 else outputs[None, :, None]
        found = predictions(outputs, record.link, metric.needs, task in COLUMNS)
        if found is None:
            raise ValueError(f"{record.name} gives no {metric.needs}, which {metric.name} needs; choose another metric")
        return float(metric.value(own_unit(found, prepared) if metric.needs == "value" else found, target))

    return measure


def told_apart(member: Member, data: str, model: str, loss: str, rows: str) -> dict[str, str]:
    """What a checkpoint's training must agree in with the one that goes on, in words."""
    training = member.training
    ends = {"epochs": str(member.epochs)} if training.schedule != "constant" or training.warmup else {}
    numbers = {name: str(dict(getattr(member, name))) for name in ("params", "hyper", "options", "architecture")}
    return {
        "data": data, "training rows": rows, "model": model, "loss": loss, "optimizer": member.optimizer, **numbers,
        "seed": str(member.seed), "batch_size": str(member.batch_size), "settings": str(training), **ends,
    }  # fmt: skip
