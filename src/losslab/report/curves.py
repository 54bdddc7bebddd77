"""losslab.curves: losses and their slopes against the prediction, to print, as a picture, as a page with sliders."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from losslab.report.curve_data import COUNTS, SPANS, Axis, Curve, Subject, axis_of, curve, evaluate, table_points
from losslab.report.curve_sets import one_number, settings_of
from losslab.report.store import plain
from losslab.spec.declare import CATALOGUE
from losslab.spec.interval import REAL
from losslab.spec.record import LossRecord, Outputs, Task
from losslab.spec.tasks import serves, simpler
from losslab.train.lookup import by_name, own_loss

AXIS_WORDS: Mapping[Axis, str] = {
    "residual": "prediction \u2212 target",
    "logit": "prediction: a logit",
    "probability": "prediction: the probability of a yes",
    "score": "score of the true class \u2212 that of the others",
    "log-probability": "log-probability of the true class",
    "one number": "by how much one number moves",
}
AXES: Mapping[Task, tuple[Axis, ...]] = {
    "regression": ("residual",),
    "binary": ("logit", "probability"),
    "multiclass": ("score", "log-probability"),
}


@dataclass(frozen=True)
class Curves:
    """What `losslab.curves` gives: `print` it, `.png(path)`, `.html(path)`, `.to_json()`; the numbers are in `.curves`.

    `subjects` are the losses at their settings, `curves` one for each loss and target.
    """

    subjects: tuple[Subject, ...]
    curves: tuple[Curve, ...]

    def png(self, path: str | Path) -> Path:
        """Writes a picture: value and gradient side by side, one row for each kind of prediction."""
        from losslab.report.curve_picture import write_picture

        return write_picture(self, path)

    def html(self, path: str | Path) -> Path:
        """Writes one self-contained page, with a slider for each parameter that the tuner would search."""
        from losslab.report.curve_page import write_curve_page

        return write_curve_page(self, path)

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers; what is not finite is None."""
        found = [
            {
                "loss": one.subject.record.name, "params": one.subject.params, "task": one.subject.task,
                "axis": one.subject.axis, "target": one.target if one.subject.record.outputs == "one" else None,
                "classes": None if one.subject.record.outputs == "one" else one.subject.classes,
                "prediction": one.prediction, "x": one.x, "value": one.value, "gradient": one.gradient,
            }
            for one in self.curves
        ]  # fmt: skip
        content: dict[str, Any] = plain({"curves": found}, "curves")
        return content

    def axes(self) -> list[Axis]:
        """The kinds of predictions, in the order in which they first come."""
        return list(dict.fromkeys(one.axis for one in self.subjects))

    def along(self, axis: Axis) -> list[Subject]:
        return [one for one in self.subjects if one.axis == axis]

    def of(self, axis: Axis) -> list[Curve]:
        return [one for one in self.curves if one.subject.axis == axis]

    def targets(self, subject: Subject) -> list[float]:
        return [one.target for one in self.curves if one.subject is subject]

    def both(self, subject: Subject) -> bool:
        """Whether the loss is drawn for a yes and for a no."""
        return self.targets(subject) == [1.0, 0.0]

    def __str__(self) -> str:
        """Value and slope at five predictions of each axis."""
        parts = []
        for axis in self.axes():
            drawn = self.of(axis)
            points = table_points(axis, drawn[0].subject.span)
            width = max(len(label(one)) for one in drawn)
            lines = [f"{explain(drawn[0])}", f"{'':<{width}}           {numbers(points)}"]
            for one in drawn:
                at = torch.tensor(points, dtype=torch.float64)
                value, slope = (
                    found.where(legal(one.subject, at), nan) for found in evaluate(one.subject, one.target, at)
                )
                lines += [f"{label(one):<{width}}  value    {numbers(value.tolist())}"]
                lines += [f"{'':<{width}}  gradient {numbers(slope.tolist())}"]
            parts.append("\n".join(lines))
        return "\n\n".join(parts)


def curves(
    *losses: Any, task: Task | None = None, target: float | None = None, span: float | None = None,
    axis: Axis | None = None,
) -> Curves:  # fmt: skip
    """Value and gradient of losses against the prediction.

    losses: names, with settings if wanted ("huber_loss", "huber_loss:delta=2"), records, callables or modules
    `(input, target)`, or pairs of one of these and its settings, `("huber_loss", {"delta": 2})`; none: all of `task`.
    task: "regression", "binary" or "multiclass"; where a loss serves several, its last; of a callable "regression".
    target: of regression (0, unless given), or the probability of a yes (1 and 0, unless given).
    span: how far the axis reaches from its middle: 4 for residuals, 6 for logits and scores, unless given.
    axis: what a callable's prediction is: "residual", "logit", "probability", "score" or "log-probability".

    A loss over classes is drawn for three classes (two where task is "binary"): the score of the true class moves, the
    others stay at 0; log-probabilities share what is left equally. Gradients are with respect to the true class's.

    Raises ValueError for names, settings and targets that do not fit, and where a loss fails on this axis.
    """
    if task is not None and task not in get_args(Task):
        raise ValueError(f"curves: task = {task!r}; there are: {', '.join(get_args(Task))}")
    if axis is not None and axis not in get_args(Axis):
        raise ValueError(f"curves: axis = {axis!r}; there are: {', '.join(get_args(Axis))}")
    if span is not None and not 0 < span < float("inf"):
        raise ValueError(f"curves: span = {span!r}; it must be a number above 0")
    if not losses:
        if task is None:
            raise ValueError(f"curves: which losses? Name some, or a task; there are: {', '.join(CATALOGUE)}")
        losses = tuple(CATALOGUE.filter(task=task).values())
    subjects = [subject_of(loss, task, span, axis) for loss in losses]
    once = list(
        {
            (subject.record.name, id(subject.record.rule), *subject.params.items()): subject for subject in subjects
        }.values()
    )
    if target is not None and all(subject.record.outputs == "classes" for subject in once):
        raise ValueError("curves: losses over classes are drawn for a true class; leave target out")
    return Curves(tuple(once), tuple(curve(subject, y) for subject in once for y in targets_of(subject, target)))


def subject_of(loss: Any, task: Task | None, span: float | None, axis: Axis | None) -> Subject:
    """A loss, its settings and its axis. Raises ValueError in words."""
    loss, given = loss if isinstance(loss, tuple) else settings_in(loss) if isinstance(loss, str) else (loss, {})
    loss = by_name(loss, CATALOGUE) if isinstance(loss, str) else loss
    if not isinstance(loss, LossRecord):
        loss, task, axis = own_record(loss, task, axis)
    elif axis not in (None, own_axis := axis_of(loss, simpler(task or loss.tasks[-1]))):
        raise ValueError(f"{loss.name} reads a {own_axis}; axis is for losses of your own")
    if loss.kind == "set":
        own = loss if task is None or serves(loss, task) else None
        given = {**settings_of(loss), **given}
        loss, task, axis = (one_number(loss), "regression", "one number") if own else (loss, task, axis)
    task = task or loss.tasks[-1]
    if not serves(loss, task):
        raise ValueError(f"{loss.name} is for {' and '.join(loss.tasks)}, the task is {task}")
    task = simpler(task) if loss.kind != "set" else task
    loss.check_parameters(given)
    axis = axis or axis_of(loss, task)
    return Subject(loss, task, axis, {**loss.defaults, **given}, SPANS[axis] if span is None else float(span))


def own_record(loss: Any, task: Task | None, axis: Axis | None) -> tuple[LossRecord, Task, Axis]:
    """A record around a user's own callable, for the task that they name, or that their axis belongs to."""
    meant: Task = task if task is not None else next((one for one, own in AXES.items() if axis in own), "regression")
    if axis is not None and axis not in AXES[meant]:
        raise ValueError(f"curves: the axis {axis!r} is not of the task {meant}; it has {' and '.join(AXES[meant])}")
    found = own_loss(loss, meant)
    outputs: Outputs = "classes" if meant == "multiclass" else "one"
    return replace(found, outputs=outputs, rule=one_by_one(found.rule)), meant, axis or AXES[meant][0]


def settings_in(text: str) -> tuple[str, dict[str, float]]:
    """ "huber_loss:delta=2" -> ("huber_loss", {"delta": 2.0})"""
    name, colon, settings = text.partition(":")
    found = {}
    for setting in settings.split(",") if colon else ():
        parameter, _, value = setting.partition("=")
        try:
            found[parameter.strip()] = float(value)
        except ValueError:
            raise ValueError(f"{text}: a setting is written parameter=number, found {setting!r}") from None
    return name, found


def one_by_one(function: Callable[..., Any]) -> Callable[..., Tensor]:
    """A user's own loss as a rule: called with a batch of one row for each value, so that it may reduce itself."""

    def rule(input: Tensor, target: Tensor) -> Tensor:
        found = [function(input[i : i + 1], target[i : i + 1]) for i in range(len(input))]
        for value in found:
            if not isinstance(value, Tensor) or value.numel() != 1:
                what = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
                raise TypeError(f"it gave {what} for a batch of one, and must give a tensor with one number")
        return torch.stack([value.reshape(()) for value in found])

    return rule


def targets_of(subject: Subject, target: float | None) -> tuple[float, ...]:
    """The targets for which a loss is drawn. Raises ValueError for one that it does not take."""
    record = subject.record
    if record.outputs == "classes" or subject.axis == "one number":
        return (0.0,)  # the class, which comes first; or nothing, as the target stays
    if target is None:
        sizes = record.untunable or 0.0 not in record.target_domain  # targets as they are: nothing is a share of 0
        return (1.0, 0.0) if subject.task == "binary" else (1.0 if sizes else 0.0,)
    signs = record.target == "sign" and target not in (0, 1)
    if signs or target not in record.target_domain or (subject.task == "binary" and not 0 <= target <= 1):
        domain = "{0, 1}" if signs else "[0, 1]" if subject.task == "binary" else record.target_domain
        raise ValueError(f"{record.name}: target = {target:g} is out of bounds; it must lie in {domain}")
    return (float(target),)


def legal(subject: Subject, points: Tensor) -> Tensor:
    """Which points lie where the loss is defined: the number that moves may be a probability."""
    domain = subject.record.input_domain if subject.axis == "one number" else REAL
    return (points >= domain.low) & (points <= domain.high)


def label(one: Curve) -> str:
    """The loss with its settings, and the target where several are usual."""
    if one.subject.axis == "one number":
        return f"{one.subject.name}, by {one.subject.record.summary}"
    if one.subject.record.per_class:
        return f"{one.subject.name}, {' : '.join(f'{n:g}' for n in COUNTS[: one.subject.classes])} rows"
    yes_or_no = one.subject.axis in AXES["binary"]
    return f"{one.subject.name}, y = {one.subject.record.spell(one.target):g}" if yes_or_no else one.subject.name


def explain(one: Curve) -> str:
    """What moves along the axis of a curve, and what stays."""
    axis, classes = one.subject.axis, one.subject.classes
    if axis == "one number":
        return "one number of a loss's first hand-worked case moves by so much; all else stays"
    if axis == "residual":
        return f"{AXIS_WORDS[axis]}, for the target {one.target:g}"
    if axis in ("logit", "probability"):
        return AXIS_WORDS[axis]
    who, s = ("two classes: the other", "s") if classes == 2 else ("three classes: the others", "")
    rest = f"stay{s} at 0" if axis == "score" else "has what is left" if s else "share what is left equally"
    return f"{AXIS_WORDS[axis]} ({who} {rest})"


def numbers(values: list[float]) -> str:
    return " ".join(f"{value + 0.0:>9.4g}" for value in values)
