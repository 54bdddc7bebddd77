"""Whether a fault changes any result, near and far: see plant.py."""

import math
import random
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from mutants import Mutant
from torch import Tensor

from losslab.spec.interval import REAL
from losslab.spec.record import LossRecord
from losslab.testing import set_samples
from losslab.testing.claims import counts
from losslab.testing.loss_edges import extremes
from losslab.testing.samples import draw, inside, settings, weights

DIGITS = {torch.float64: 1e-12, torch.float32: 1e-4}
FAR = (1e-7, 1e-3, 30.0, 1e4, math.inf)  # what some inputs are multiplied by


Call = tuple[dict[str, Tensor], dict[str, Any]]  # tensors, options


def changes_nothing(mutant: Mutant, records: list[LossRecord]) -> bool:
    """Values, gradients and gradients by parameters agree for every loss that the function serves."""
    right, wrong = mutant.right, mutant.function.__code__
    for record in records:
        for batch, options in calls(record):
            mutant.function.__code__ = right
            expected = results(record, batch, options)
            mutant.function.__code__ = wrong
            if expected and not alike(results(record, batch, options), expected):
                return False
    return True


def calls(record: LossRecord) -> Iterator[Call]:
    generator = random.Random(0)
    chosen: list[dict[str, Any]] = list(settings(record))
    searched = {name: p for name, p in record.parameters.items() if p.search is not None}
    for _ in range(4 if searched else 0):
        own = {name: inside(p.search, p.log, generator.random()) for name, p in searched.items()}
        chosen.append({**record.defaults, **own})
    for number, params in enumerate(chosen):
        for batch, options in (of_several if record.kind == "set" else of_two)(record, params, number):
            yield batch, options
            narrow = {key: one.float() if one.is_floating_point() else one for key, one in batch.items()}
            if number < 2:
                yield narrow, options


def of_two(record: LossRecord, params: dict[str, Any], seed: int) -> Iterator[Call]:
    batches = [draw(record, params, seed=seed)]
    if record.target in ("class or distribution", "probability"):
        batches.append(draw(record, params, seed=seed, soft=True))
    batches += [(x.double(), y.double() if y.is_floating_point() else y) for x, y in extremes(record)]
    for input, target in batches:
        options = {**counts(record, input), **params}
        for x in (input, *(far(input, target, scale) for scale in FAR if record.input_domain == REAL)):
            yield {"input": x, "target": target}, options
        for weight in weights(record, input):
            if weight is not None:
                yield {"input": input, "target": target}, {**options, "weight": weight}


def of_several(record: LossRecord, params: dict[str, Any], seed: int) -> Iterator[Call]:
    """Draws, and draws with one tensor of the model far away."""
    for more in range(3):
        batch = set_samples.draw(record, seed=10 * seed + more)
        yield batch, params
        for name in set_samples.predicted(record, batch):
            for scale in FAR:
                yield {**batch, name: far(batch[name], batch[name], scale)}, params


def far(input: Tensor, target: Tensor, scale: float) -> Tensor:
    """Every other element moved to the scale: from the target, where that is a number on the same axis."""
    origin = target if target.shape == input.shape and scale < 1 else torch.zeros_like(input)
    moved = origin + (input - origin) * scale
    return torch.where(torch.arange(input.numel()).reshape(input.shape) % 2 == 0, moved, input)


def results(record: LossRecord, batch: dict[str, Tensor], options: dict[str, Any]) -> list[Tensor]:
    """The loss, its mean, its gradients by the input and by searched parameters; nothing where it is refused."""
    names = set_samples.predicted(record, batch) if record.kind == "set" else ["input"]
    learned = {
        name: torch.tensor(options[name], dtype=batch[names[0]].dtype, requires_grad=True)
        for name, parameter in record.parameters.items()
        if parameter.search is not None and isinstance(options.get(name), int | float)
    }
    found = []
    for own in ({}, learned) if learned else ({},):
        leaves = {name: batch[name].detach().clone().requires_grad_() for name in names}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                each = record(**batch | leaves, reduction="none", **options | own)
                mean = record(**batch | leaves, **options | own)
            wanted = [*leaves.values(), *own.values()]
            found += [each.detach(), mean.detach()]
            found += torch.autograd.grad(each.sum(), wanted, allow_unused=True, materialize_grads=True)
        except Exception:
            return []
    return found


def alike(found: list[Tensor], expected: list[Tensor]) -> bool:
    def same(a: Tensor, b: Tensor) -> bool:
        digits = DIGITS[b.dtype]
        return a.shape == b.shape and torch.allclose(a, b, rtol=digits, atol=digits, equal_nan=True)

    return len(found) == len(expected) and all(map(same, found, expected))
