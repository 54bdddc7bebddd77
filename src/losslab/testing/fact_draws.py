"""Parameters, inputs and targets on which the facts of a loss are tried, from what its record says of itself."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from losslab.spec.interval import Interval
from losslab.spec.record import LossRecord
from losslab.testing.claims import quiet
from losslab.testing.samples import settings

ROWS = 400
FAR = 27.0  # the coordinate at which `place` gives 5e11, or comes within 2e-12 of an end
SIZES = (2, 5)  # numbers of classes
BEYOND = 1e4  # stands for an infinite input


@dataclass(frozen=True)
class Draw:
    """A batch at one choice of parameters. input: (N) or, of a loss over classes, (N, C); target: (N), or (N, C)."""

    params: Mapping[str, float]
    input: Tensor
    target: Tensor

    @property
    def classes(self) -> int:
        return self.input.shape[-1]


def drawn(record: LossRecord, reach: float = 4.0, seed: int = 0) -> Iterator[Draw]:
    """Batches at the defaults, inside the searched range and at the parameters of the cases; of 2 and of 5 classes."""
    for params in settings(record):
        for size in SIZES if record.kind == "rowwise" else (1,):
            yield batch(record, params, size, reach, seed)


def batch(record: LossRecord, params: Mapping[str, float], size: int = 1, reach: float = 4.0, seed: int = 0) -> Draw:
    """Rows near and far: coordinates (see `place`) of every size up to `reach`."""
    generator = torch.Generator().manual_seed(seed)
    rowwise = record.kind == "rowwise"

    def coordinates(*shape: int) -> Tensor:
        size = torch.rand(shape[0], *[1] * (len(shape) - 1), generator=generator, dtype=torch.float64).square()
        return (reach * size * torch.randn(shape, generator=generator, dtype=torch.float64)).clamp(-FAR, FAR)

    inputs = coordinates(ROWS, size) if rowwise else coordinates(ROWS)
    return Draw(params, inputs_at(record, inputs), targets_at(record, coordinates(ROWS), size))


def inputs_at(record: LossRecord, coordinates: Tensor) -> Tensor:
    scores = place(Interval() if record.input_domain.high == 0 else record.input_domain, coordinates)
    return scores.log_softmax(-1) if record.kind == "rowwise" and record.input_domain.high == 0 else scores


def targets_at(record: LossRecord, coordinates: Tensor, size: int = 1) -> Tensor:
    """Legal targets at the coordinates; a third of them at ends of the domain, or at 0, where these are legal."""
    if record.kind == "rowwise":
        return (coordinates.abs() * 1e6).long() % size
    if record.target == "sign":
        return torch.where(coordinates < 0, -1.0, 1.0).double()
    domain = Interval(0, 1) if record.target == "probability" else record.target_domain
    found = place(domain, coordinates)
    special = [end for end in (domain.low, domain.high, 0.0) if math.isfinite(end) and end in domain]
    for number, end in enumerate(special):
        found = torch.where((torch.arange(len(found)) + number) % (3 * len(special)) == 0, end, found)
    return found


def place(domain: Interval, coordinates: Tensor) -> Tensor:
    """Real coordinates moved into an interval: far ones near its ends, or far out where it has none."""
    low, high = math.isfinite(domain.low), math.isfinite(domain.high)
    if low and high:
        return domain.low + (domain.high - domain.low) * coordinates.sigmoid()
    if low:
        return domain.low + coordinates.exp()
    if high:
        return domain.high - coordinates.exp()
    return coordinates.sign() * torch.expm1(coordinates.abs())


def each(record: LossRecord, draw: Draw, input: Tensor | None = None, target: Tensor | None = None) -> Tensor:
    """The unreduced loss of a batch, or of another input or target at its parameters."""
    x = draw.input if input is None else input
    return quiet(record, x, draw.target if target is None else target, reduction="none", **draw.params)


def slopes(record: LossRecord, draw: Draw, input: Tensor | None = None) -> Tensor:
    """The gradient of each element by its input, of the input's shape."""
    x = (draw.input if input is None else input).detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(each(record, draw, x).sum(), x)
    return gradient


def lengths(record: LossRecord, gradient: Tensor) -> Tensor:
    return gradient.norm(dim=-1) if record.kind == "rowwise" else gradient.abs()


def inside(record: LossRecord, input: Tensor, room: float = 0.0) -> Tensor:
    """Inputs brought back into the domain, `room` off its ends; infinite ones to numbers that stand for them."""
    domain = record.input_domain
    low = domain.low + max(room, 1e-9 * domain.open_low) if math.isfinite(domain.low) else -BEYOND
    high = domain.high - max(room, 1e-9 * domain.open_high) if math.isfinite(domain.high) else BEYOND
    return input.clamp(low, high)


def steepest_bend(record: LossRecord, draw: Draw, start: Tensor, end: Tensor, rounds: int = 7) -> tuple[Tensor, Tensor]:
    """The largest change of the gradient between neighbours on each line, coarse (after one zoom) and at the last.

    Each zoom goes to where the change was largest: where the gradient is continuous, the change dies away.
    """
    steps, found = 24, []
    for _ in range(rounds):
        at = torch.linspace(0, 1, steps + 1, dtype=torch.float64).reshape(-1, *[1] * start.ndim)
        points = start + at * (end - start)
        flat = Draw(draw.params, points.flatten(0, 1), draw.target.repeat(steps + 1, *[1] * (draw.target.ndim - 1)))
        change = lengths(record, slopes(record, flat).reshape(points.shape).diff(dim=0))
        size, where = change.max(0)
        found.append(size)
        rows = torch.arange(len(where))
        start, end = points[where, rows], points[where + 1, rows]
    return found[1], found[-1]


def of_each(draw: Draw, function: Callable[[Tensor], Tensor]) -> Tensor:
    """A function of shares (N, C) on targets that are classes."""
    soft = draw.target.is_floating_point()
    return function(draw.target if soft else torch.nn.functional.one_hot(draw.target, draw.classes).double())
