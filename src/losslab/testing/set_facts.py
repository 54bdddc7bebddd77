"""The declared facts of losses of several tensors, each tried on drawn batches: a fact that fails is not one.

They speak of the loss as a function of its first predicted operand, all others held; see `losslab.Facts`.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from losslab.spec.describe import ends
from losslab.spec.facts import CLASSES, Facts, Known
from losslab.spec.interval import REAL
from losslab.spec.layout import Operand, bind_dims
from losslab.spec.operands import actual
from losslab.spec.record import LossRecord
from losslab.spec.sets import layout_of
from losslab.testing.claims import need, quiet
from losslab.testing.samples import settings
from losslab.testing.set_samples import SIZES, Batch, draw, predicted

SCALES = (1.0, 0.03, 30.0)
BEYOND = 1e4  # stands for an infinite input
Draw = tuple[Mapping[str, Any], Batch]


def stated(record: LossRecord) -> bool:
    return record.facts is not None


def facts_of(record: LossRecord) -> Facts:
    if record.facts is None:
        raise ValueError(f"{record.name} states no facts")
    return record.facts


def known(record: LossRecord, draw: Draw) -> Known:
    params, batch = draw
    sizes = bind_dims(record.name, actual(layout_of(record), batch), batch)
    return facts_of(record).at(classes=sizes.get("C", (CLASSES,))[0], **params)


def drawn(record: LossRecord) -> Iterator[Draw]:
    """Batches at all settings: near, far and very near, with dimensions of other sizes, and boxes far apart."""
    for number, params in enumerate(settings(record)):
        for seed, scale in enumerate(SCALES):
            yield params, batch_of(record, 10 * number + seed, scale, small=seed % 2 == 1)


def batch_of(record: LossRecord, seed: int, scale: float = 1.0, *, small: bool = False) -> Batch:
    """A drawn batch without what may be left out; what is predicted is scaled, as far as it may be.

    small: dimensions that have no usual size, such as the items of a list, have size 2.
    """
    layout, takes = layout_of(record), inspect.signature(record.rule).parameters
    dims = {dim for one in layout.operands.values() for dim in one.names if not dim.isdigit()} - SIZES.keys()
    sizes: dict[str, Any] = dict.fromkeys(dims, 2) if small else {}
    batch = draw(record, seed=seed, **sizes)
    batch = {key: one for key, one in batch.items() if takes[key].default is not None}
    for key in predicted(record, batch):
        batch[key] = layout.ends.get(key, torch.clone)(legal(layout.operands[key], scale * batch[key]))
        if layout.operands[key].holds == "box" and seed % 3:
            batch[key] = batch[key] + 5.0 * seed
    return batch


def legal(operand: Operand, tensor: Tensor) -> Tensor:
    """Brought back into the operand's domain."""
    return tensor if operand.domain == REAL else tensor.clamp(operand.domain.low, operand.domain.high)


def each(record: LossRecord, draw: Draw, input: Tensor | None = None) -> Tensor:
    """The unreduced loss of a batch, or with another first operand."""
    params, batch = draw
    given = batch if input is None else {**batch, ends(record)[0]: input}
    return quiet(record, **given, reduction="none", **params)


def slopes(record: LossRecord, draw: Draw, input: Tensor, upstream: Tensor) -> Tensor:
    """The gradient by the first operand of the elements, each times a number."""
    x = input.detach().clone().requires_grad_()
    value = each(record, draw, x)
    (found,) = torch.autograd.grad((value * upstream).sum(), x)
    return found


def check_values(record: LossRecord) -> None:
    """No value lies outside `values`: not of a drawn batch, where it should be least, nor on the ways down and up."""
    for number, one in enumerate(drawn(record)):
        best = least(record, one) if facts_of(record).attained is not None else None
        tried = [one[1][ends(record)[0]], *([] if best is None else [best])]
        for input in [*tried, *(ways(record, one) if number < len(SCALES) else [])]:
            found, wanted = each(record, one, input).detach(), known(record, one).values
            slack = 1e-9 * (1 + found.abs().nan_to_num(0.0))
            wrong = ~((found >= wanted.low - slack) & (found <= wanted.high + slack))
            need(record, not wrong.any(), f"{found[wrong].flatten()[:1].tolist()} is not in {wanted}, {dict(one[0])}")


def ways(record: LossRecord, draw: Draw, steps: int = 16) -> Iterator[Tensor]:
    """First operands down and up the slope of the loss, in steps that grow, where any number is legal."""
    layout, first = layout_of(record), ends(record)[0]
    every = {dim: (2,) for one in layout.operands.values() for dim in one.names if not dim.isdigit()} | SIZES
    given = layout.draw(torch.Generator(), every) if layout.draw is not None else {}
    if layout.operands[first].holds == "box" or first in layout.ends or first in given:
        return
    for sign in (-1.0, 1.0):
        x = draw[1][first]
        for step in range(steps):
            slope = slopes(record, draw, x, torch.ones(()))
            x = legal(layout.operands[first], x + sign * 0.1 * 1.5**step * slope / slope.abs().max().clamp(min=1e-12))
            yield x


def check_attained(record: LossRecord) -> None:
    """No first operand, drawn or a little beside it, has less loss than the one that the fact names."""
    for one in drawn(record):
        best, input = least(record, one), one[1][ends(record)[0]]
        if best is None:
            continue
        lowest = each(record, one, best)
        shift = torch.randn(best.shape, generator=torch.Generator().manual_seed(1), dtype=best.dtype)
        operand = layout_of(record).operands[ends(record)[0]]
        for other in (input, *(moved(operand, best, size * shift) for size in (1e-3, -1e-3, 0.3, -0.3))):
            wrong = ~(each(record, one, other) >= lowest - 1e-9 * (1 + lowest.abs()))
            need(record, not wrong.any(), f"another {ends(record)[0]} has less loss than the best, at {dict(one[0])}")


def moved(operand: Operand, tensor: Tensor, by: Tensor) -> Tensor:
    """A legal neighbour: boxes keep their sides."""
    by = torch.cat([by[..., :2]] * 2, -1) if operand.holds == "box" else by
    return legal(operand, tensor + by)


def least(record: LossRecord, draw: Draw) -> Tensor | None:
    """Where the fact says that the loss is least, or None where the two operands are of different sizes."""
    first, second = ends(record)
    input, target = draw[1][first], draw[1][second]
    if layout_of(record).operands[second].holds in ("class", "class or distribution"):
        target = torch.nn.functional.one_hot(target, input.shape[1]).movedim(-1, 1).to(input.dtype)
    found = facts_of(record).least_at(target, **draw[0])
    return found.clamp(-BEYOND, BEYOND) if found.shape == input.shape else None


def check_convex(record: LossRecord) -> None:
    """Between two first operands no element is above its chord, where the fact says convex."""
    for seed, one in enumerate(drawn(record)):
        if known(record, one).convex:
            gap = above_chord(record, one, seed)
            need(record, not gap > 1e-11, f"above its chord by {gap:g} at {dict(one[0])}")


def above_chord(record: LossRecord, draw: Draw, seed: int = 0) -> float:
    """By how much the loss lies above chords from the first operand, at the most, as a share of its size."""
    input, found = draw[1][ends(record)[0]], 0.0
    for size in (0.3, 3.0):
        other = elsewhere(record, input, seed, size)
        bottom = each(record, draw), each(record, draw, other)
        for share in (0.5, 0.1):
            gap = each(record, draw, share * input + (1 - share) * other) - share * bottom[0] - (1 - share) * bottom[1]
            scale = 1 + torch.maximum(bottom[0].abs(), bottom[1].abs())
            found = max(found, (gap / scale).nan_to_num(0.0).max().item())
    return found


def elsewhere(record: LossRecord, input: Tensor, seed: int, size: float = 1.0) -> Tensor:
    """Another first operand, `size` times as far away as the operand is large."""
    operand = layout_of(record).operands[ends(record)[0]]
    if operand.holds == "box":
        return batch_of(record, seed + 17)[ends(record)[0]]
    step = torch.randn(input.shape, generator=torch.Generator().manual_seed(1000 + seed), dtype=input.dtype)
    return legal(operand, input + size * input.abs().mean() * step)


def check_smooth(record: LossRecord) -> None:
    """The gradient does not jump, where the fact says smooth."""
    few = settings(record) if callable(facts_of(record).smooth) else settings(record)[:1]
    for seed, params in enumerate(few):
        one = params, batch_of(record, seed)
        if known(record, one).smooth:
            need(record, not jumps(record, one), f"the gradient jumps at {dict(params)}")


def jumps(record: LossRecord, draw: Draw) -> bool:
    """Whether the gradient jumps on a line: to another batch, through equal rows, to 0, to the second operand."""
    batch = draw[1]
    first, second = ends(record)
    x = batch[first]
    generator = torch.Generator().manual_seed(2)
    upstream = 0.5 + torch.rand(each(record, draw).shape, generator=generator, dtype=x.dtype)
    others = [elsewhere(record, x, 3)]
    if layout_of(record).operands[first].holds != "box":
        others += [1.3 * x.flip(0) - 0.3 * x, torch.zeros_like(x)]
        mirror = batch.get(second, x)
        others += [mirror] if mirror.shape == x.shape and mirror.is_floating_point() else []
    for other in others:
        coarse, fine = steepest_bend(record, draw, x, legal(layout_of(record).operands[first], other), upstream)
        if fine > 1e-6 and fine > 0.5 * coarse:
            return True
    return False


def steepest_bend(
    record: LossRecord, draw: Draw, start: Tensor, end: Tensor, upstream: Tensor, rounds: int = 5
) -> tuple[float, float]:
    """The largest change of the gradient between neighbours on a line, after one zoom and after the last.

    Each zoom goes to where the change was largest: where the gradient is continuous, the change dies away.
    """
    found = []
    for _ in range(rounds):
        points = [start + step / 7 * (end - start) for step in range(8)]
        gradients = [slopes(record, draw, one, upstream) for one in points]
        changes = [(b - a).norm().item() for a, b in pairwise(gradients)]
        where = max(range(7), key=changes.__getitem__)
        found.append(changes[where])
        start, end = points[where], points[where + 1]
    return found[1], found[-1]


def check_lipschitz(record: LossRecord) -> None:
    """No gradient of an element is longer than the constant, and one is at least half as long."""
    longest: dict[float, float] = {}
    for one in drawn(record):
        bound = known(record, one).lipschitz
        if bound is not None:
            found = length(record, one)
            text = f"a gradient is longer than {bound:g}: {found:g} at {dict(one[0])}"
            need(record, found <= bound * (1 + 1e-9), text)
            longest[bound] = max(longest.get(bound, 0.0), found)
    for bound, found in longest.items():
        need(record, found >= 0.5 * bound, f"the longest gradient is {found:g}, not {bound:g}")


def length(record: LossRecord, draw: Draw, most: int = 8) -> float:
    """The longest gradient of the first elements by the first operand."""
    x = draw[1][ends(record)[0]].detach().clone().requires_grad_()
    elements = each(record, draw, x).flatten()[:most]
    found = [torch.autograd.grad(one, x, retain_graph=True)[0].norm().item() for one in elements]
    return max(found, default=0.0)


def check_symmetric(record: LossRecord) -> None:
    """Swapping the two operands changes nothing, where the fact says symmetric."""
    for one in drawn(record):
        if known(record, one).symmetric:
            change = swapped(record, one)
            need(record, change <= 1e-9, f"{' and '.join(ends(record))} do not swap at {dict(one[0])}: {change:g}")


def swapped(record: LossRecord, draw: Draw) -> float:
    """The change when the two operands are swapped, as a share of the loss's size."""
    first, second = ends(record)
    params, batch = draw
    here, there = each(record, draw), each(record, (params, {**batch, first: batch[second], second: batch[first]}))
    return ((here - there).abs() / (1e-300 + here.abs() + there.abs())).max().item()


def says(fact: str) -> Callable[[LossRecord], bool]:
    """Whether a suite applies: the fact is stated, at some parameters at least."""
    return lambda record: stated(record) and getattr(record.facts, fact) not in (None, False)


SUITES: Mapping[str, tuple[Callable[[LossRecord], None], Callable[[LossRecord], bool]]] = {
    "facts: values": (check_values, stated),
    "facts: least": (check_attained, says("attained")),
    "facts: convex": (check_convex, says("convex")),
    "facts: smooth": (check_smooth, says("smooth")),
    "facts: Lipschitz": (check_lipschitz, says("lipschitz")),
    "facts: symmetric": (check_symmetric, says("symmetric")),
}
