"""The value and the slope of a loss over a range of predictions, from its own rule and autograd in float64."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import torch
from torch import Tensor

from losslab.spec.interval import REAL
from losslab.spec.record import LossRecord, Parameter, Task
from losslab.spec.tasks import simpler

Axis = Literal["residual", "logit", "probability", "score", "log-probability", "one number"]

HALF = 128  # points on each side of the middle; a power of two, so that whole numbers lie exactly on the grid
SPANS: Mapping[Axis, float] = {
    "residual": 4.0,
    "logit": 6.0,
    "probability": 1.0,
    "score": 6.0,
    "log-probability": 6.0,
    "one number": 3.0,
}
SIDE = 1e-9  # of the span: how near to a kink the points on either side of it lie
COUNTS = (10.0, 90.0, 30.0)  # rows of each class, for losses that ask: the true one is rare
MOST_STEPS, MOST_FRAMES = 41, 200  # of a slider; of all sliders of a loss together


@dataclass(frozen=True)
class Subject:
    """A loss with the setting at which it is drawn, and the axis along which its prediction moves."""

    record: LossRecord
    task: Task
    axis: Axis
    params: Mapping[str, float]  # every parameter
    span: float

    @property
    def name(self) -> str:
        """With the parameters that are not at their defaults: "huber_loss delta=2"."""
        own = [f"{k}={v:g}" for k, v in self.params.items() if v != self.record.defaults[k]]
        return " ".join([self.record.name, *own])

    @property
    def classes(self) -> int:
        return 2 if self.task == "binary" else 3


@dataclass(frozen=True, eq=False)
class Curve:
    """One loss at one setting and target. x, value and gradient are float64 of one shape (points,).

    x is input - target on the axis "residual", the logit or probability on those, the target class's score (the others
    are 0) on "score", and its log-probability (the others share the rest equally) on "log-probability". The gradient is
    with respect to the input; of a loss over classes, to its entry for the target's class.
    """

    subject: Subject
    target: float
    x: Tensor
    value: Tensor
    gradient: Tensor

    @property
    def prediction(self) -> Tensor:
        return self.x + self.target if self.subject.axis == "residual" else self.x


def axis_of(record: LossRecord, task: Task) -> Axis:
    if record.outputs == "classes":
        return "log-probability" if record.input_domain.high == 0 else "score"
    if record.layout is not None:
        return "one number"
    if simpler(task) == "regression":
        return "residual"
    return "probability" if math.isfinite(record.input_domain.low + record.input_domain.high) else "logit"


def curve(subject: Subject, target: float, half: int = HALF) -> Curve:
    """The curve over its grid, with every kink on it and a point close by on either side.

    Kinks come from the record; where it names none, leaps of the slope are looked for. Raises ValueError, naming the
    loss, when the rule fails or gives mostly NaN.
    """
    x = grid(subject, target, half)
    extra = kinks(subject) if subject.record.kinks else leaps(subject, target, x)
    inside = [point for point in extra if x[0] < point < x[-1]]
    x = torch.cat([x, torch.tensor(inside, dtype=torch.float64)]).unique()  # sorted
    value, gradient = evaluate(subject, target, x)
    if value.isnan().double().mean() > 0.5:
        where = f"mostly NaN along its {subject.axis} from {float(x[0]):g} to {float(x[-1]):g}"
        raise ValueError(f"{subject.name} is {where}; a loss of your own may need another axis=")
    return Curve(subject, target, x, value, gradient)


def grid(subject: Subject, target: float, half: int) -> Tensor:
    """Equally spaced; open ends, where the loss or its slope may be infinite, are left out."""
    span, domain = subject.span, subject.record.input_domain
    if subject.axis == "probability":
        return torch.arange(1, 2 * half, dtype=torch.float64) / (2 * half)
    if subject.axis == "log-probability":
        return torch.arange(-2 * half, 0, dtype=torch.float64) * (span / (2 * half))
    x = torch.arange(-half, half + 1, dtype=torch.float64) * (span / half)
    moved = x + target if subject.axis == "residual" else x
    return x if domain == REAL else x[(moved > domain.low) & (moved < domain.high)]


def kinks(subject: Subject) -> list[float]:
    """The kinks of the record at this setting, each with a neighbour on either side."""
    if subject.record.kinks is None:
        return []
    found = [float(kink) for kink in subject.record.kinks(**subject.params) if math.isfinite(kink)]
    return [kink + step * SIDE * subject.span for kink in found for step in (-1, 0, 1)]


def leaps(subject: Subject, target: float, x: Tensor) -> list[float]:
    """Both sides of every leap of the slope, found by halving the steps of the grid over which it changes much."""

    def slope(points: Tensor) -> Tensor:
        return evaluate(subject, target, points)[1]

    found = slope(x)
    step = found.diff().abs()
    much = step > 0.05 * (found.max() - found.min())
    if not much.any():
        return []
    low, high, first = x[:-1][much], x[1:][much], step[much]
    at_low, at_high = found[:-1][much], found[1:][much]
    while (high - low).max() > SIDE * subject.span:
        middle = (low + high) / 2
        between = slope(middle)
        left = (between - at_low).abs() >= (at_high - between).abs()
        low, high = torch.where(left, low, middle), torch.where(left, middle, high)
        at_low, at_high = torch.where(left, at_low, between), torch.where(left, between, at_high)
    sharp = (at_high - at_low).abs() > 0.5 * first
    return [*low[sharp].tolist(), *high[sharp].tolist()]


def evaluate(subject: Subject, target: float, x: Tensor) -> tuple[Tensor, Tensor]:
    """Value and slope at the points x, both (points,)."""
    record = subject.record
    input, goal = example(subject, target, x)
    counts = {name: torch.tensor(COUNTS[: subject.classes], dtype=torch.float64) for name in record.per_class}
    input.requires_grad_()
    try:
        with torch.enable_grad():
            result = record.rule(input, goal, **counts, **subject.params)
            value = result[0] if isinstance(result, tuple) else result
            (gradient,) = torch.autograd.grad(value.sum(), input)
    except Exception as error:
        where = f"along its {subject.axis} from {float(x[0]):g} to {float(x[-1]):g}, for the target {target:g}"
        raise ValueError(f"{subject.name} raised {type(error).__name__} {where}: {error}") from error
    return value.detach(), gradient if gradient.ndim == 1 else gradient[:, 0]


def example(subject: Subject, target: float, x: Tensor) -> tuple[Tensor, Tensor]:
    """The batch that the points stand for: inputs (points,) or (points, classes), and targets (points,)."""
    if subject.record.outputs == "one":
        input = x + target if subject.axis == "residual" else x.clone()
        return input, torch.full_like(input, subject.record.spell(target))
    others = torch.zeros_like(x)
    if subject.axis == "log-probability":
        others = (-x.exp()).log1p() - math.log(subject.classes - 1)
    return torch.stack([x, *[others] * (subject.classes - 1)], -1), torch.zeros(len(x), dtype=torch.int64)


@dataclass(frozen=True, eq=False)
class Sliders:
    """The parameters of a loss that can be moved: their values, and the curves at every combination of them.

    `frames` are in the order of itertools.product over the values, the last parameter's moving fastest; each holds a
    curve for each target.
    """

    subject: Subject
    values: Mapping[str, Sequence[float]]
    frames: Sequence[Sequence[Curve]]


def sliders(subject: Subject, targets: Sequence[float], half: int = HALF // 2) -> Sliders | None:
    """Curves from the rule itself over the intervals in which the tuner looks; None for a loss without parameters."""
    free = {name: one for name, one in subject.record.parameters.items() if one.search is not None}
    if not free:
        return None
    steps = max(2, min(MOST_STEPS, int(MOST_FRAMES ** (1 / len(free)))))
    values = {name: stops(one, subject.params[name], steps) for name, one in free.items()}
    frames = []
    for combination in product(*values.values()):
        params = {**subject.params, **dict(zip(values, combination, strict=True))}
        moved = Subject(subject.record, subject.task, subject.axis, params, subject.span)
        frames.append([curve(moved, target, half) for target in targets])
    return Sliders(subject, values, frames)


def stops(parameter: Parameter, current: float, count: int) -> list[float]:
    """`count` numbers over the search interval, on a logarithmic scale where the record says so, and `current`."""
    assert parameter.search is not None
    low, high = parameter.search.low, parameter.search.high
    shares = [i / (count - 1) for i in range(count)]
    if parameter.log:
        found = [low * (high / low) ** share for share in shares]
    else:
        found = [low + (high - low) * share for share in shares]
    rounded = (min(max(float(f"{value:.3g}"), low), high) for value in found)  # .9999 is not to become 1
    return sorted({*rounded, float(current)})


def table_points(axis: Axis, span: float) -> list[float]:
    """Five round predictions of the axis, for a table."""
    if axis == "probability":
        return [0.1, 0.3, 0.5, 0.7, 0.9]
    if axis == "log-probability":
        return [-span, -0.75 * span, -0.5 * span, -0.25 * span, -span / 16]
    return [-span, -0.5 * span, 0.0, 0.5 * span, span]


def cut(curves: Sequence[Curve], quantity: str) -> tuple[float, float] | None:
    """Where to cut an axis off: slopes against a probability grow without bound at its ends and would hide the rest."""
    if quantity != "gradient" or not curves or curves[0].subject.axis != "probability":
        return None
    inner = torch.cat([one.gradient[(one.x >= 0.05) & (one.x <= 0.95)] for one in curves])
    low, high = float(inner.min()), float(inner.max())
    return low - 0.05 * (high - low), high + 0.05 * (high - low)
