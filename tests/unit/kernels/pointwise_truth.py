"""Hard inputs of pointwise losses, and how far a kernel may be from the rule in float64."""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from losslab.kernels.pointwise import Kernel, kernels
from losslab.spec.interval import Interval
from losslab.spec.record import LossRecord
from losslab.testing import samples

SIZES = [0.0, 1e-38, 1e-20, 1e-8, 1e-3, 0.09, 0.1, 0.11, 0.5, 0.999, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 15.7, 20.0, 38.0]
SIZES += [40.0, 41.0, 70.0, 71.0, 87.0, 90.0, 100.0, 1e3, 1e4, 1.1e4, 1e6, 1e10, 1e19, 1e30, 1e37, math.inf]
TARGETS = {"probability": [0.0, 1.0, 0.25, 0.9, 1e-3], "sign": [-1.0, 1.0, 0.0, 0.5]}
REAL_TARGETS = [0.0, 1.0, -1.0, 0.3, 3.0, 50.0, 1e-3, -7.5, 1e6, math.inf]
TIMES = 8  # what rounding of the last digit of input, target or a parameter does to the result, and of the result

# What autograd of the rule loses even in float64, where the kernel's own formula does not.
LOSES = {
    "asymmetric_loss": 1e-14,  # p (1 - p), of which 1 - p rounds
    "negative_binomial_nll_loss": 1e-15,  # logarithms of gamma, more than the target in size, that nearly cancel
    "poisson_nll_loss": 1e-15,  # the same near the counts 1 and 2
    "smape_loss": 1e-14,  # the difference of two terms that are nearly equal
}


class Truth(NamedTuple):
    value: Tensor
    slope: Tensor


def variants() -> list[tuple[str, str, dict[str, Any]]]:
    """Kernel, loss and the options that name the kernel."""
    found = []
    for name in kernels():
        loss, *words = name.split()
        options = {word.removesuffix("=False"): not word.endswith("=False") for word in words}
        found.append((name, loss, options))
    return found


def legal(values: Tensor, domain: Interval) -> Tensor:
    inside = (values > domain.low if domain.open_low else values >= domain.low) & (
        values < domain.high if domain.open_high else values <= domain.high
    )
    return values[inside | values.isinf() & (domain.low == -math.inf)]


def hard(record: LossRecord, options: dict[str, Any], seed: int, params: dict[str, float]) -> tuple[Tensor, Tensor]:
    """Inputs of every size against some targets, and a random batch away from kinks."""
    domain = record.input_domain
    if record.input_domain_of is not None:
        domain = record.input_domain_of(**{"log_input": True, **options})
    sizes = torch.tensor(SIZES, dtype=torch.float64)
    inputs = legal(torch.cat([-sizes, sizes]), domain)
    targets = torch.tensor(TARGETS.get(record.target, REAL_TARGETS), dtype=torch.float64)
    if record.target == "real":
        targets = legal(targets, record.target_domain)
    x, t = torch.cartesian_prod(inputs, targets).unbind(1)
    drawn = samples.draw(record, params, seed=seed, shape=(150,), soft=record.target == "probability")
    return torch.cat([x, legal_or(drawn[0], domain)]), torch.cat([t, drawn[1]])


def legal_or(values: Tensor, domain: Interval) -> Tensor:
    """A draw from another domain, made positive where it must be."""
    return values.abs() if domain.low == 0 else values


def by_rule(record: LossRecord, x: Tensor, t: Tensor, options: dict[str, Any]) -> Truth:
    x = x.clone().requires_grad_()
    value = record.rule(x, t, **options)
    (slope,) = torch.autograd.grad(value.sum(), x)
    return Truth(value.detach(), slope)


def shaken(record: LossRecord, x: Tensor, t: Tensor, options: dict[str, Any], eps: float, truth: Truth) -> Truth:
    """How far value and slope move where input, target or a parameter is off by one rounding."""
    most = Truth(torch.zeros_like(x), torch.zeros_like(x))
    numbers = set(record.parameters)
    for sign in (1, -1):
        off = sign * eps
        shaken_x = (x * (1 + off)).clamp(max=record.input_domain.high)
        shaken_t = (t * (1 + off)).clamp(max=record.target_domain.high)
        moved = {k: v * (1 + off) + (off if v == 0 and k == "alpha" else 0) if k in numbers else v
                 for k, v in options.items()}  # fmt: skip
        for one in ((shaken_x, t, options), (x, shaken_t, options), (x, t, moved)):
            for seen, there, here in zip(most, by_rule(record, *one), truth, strict=True):
                torch.maximum(seen, (there - here).abs().nan_to_num(0), out=seen)
    return most


def check(record: LossRecord, kernel: Kernel, options: dict[str, Any], x: Tensor, t: Tensor, found: Truth) -> None:
    """Raises AssertionError that names the first element that is farther from the truth than rounding explains.

    A result in float32 may also be as far off as twice the error of the rule in float32.
    """
    info = torch.finfo(x.dtype)
    truth = by_rule(record, x.double(), t.double(), options)
    moved = shaken(record, x.double(), t.double(), options, info.eps, truth)
    own = by_rule(record, x, t, options)
    single = x.dtype == torch.float32
    for what in Truth._fields:
        is_, right, rules, shake = (getattr(one, what) for one in (found, truth, own, moved))
        is_, rules = is_.double(), rules.double()
        error = (is_ - right).abs()
        if single:
            allowed = 2 * (rules - right).abs().nan_to_num(math.inf, math.inf) + TIMES * (
                info.eps * right.abs() + shake
            )
        else:  # the rule itself is off by about as much, and by what cancels in it
            allowed = 8 * TIMES * (info.eps * right.abs().clamp(min=1e-2) + shake)
        size = t.double().nan_to_num() if record.target_domain.low == 0 else right
        allowed += 4 * info.tiny + LOSES.get(record.name, 0.0) * (1 if single else size.abs().clamp(min=1))
        good = (is_ == right) | (error <= allowed) | (is_.isnan() & right.isnan())
        good |= (right.abs() > info.max / 16) & ((is_ == rules) | (is_.abs() > info.max / 32))  # overflows
        good |= is_.isnan() & (found.value.isnan() if what == "slope" else own.value.isnan())
        good |= right.isnan() & torch.tensor(what == "slope")  # the rule's slope is NaN, at infinity
        for i in (~good).nonzero().flatten()[:1].tolist():
            raise AssertionError(
                f"{kernel.name}, {x.dtype}, {what} at input {x[i].item()!r}, target {t[i].item()!r}, {options}: "
                f"{is_[i].item()!r} in place of {right[i].item()!r} (the rule in this type: {rules[i].item()!r}); "
                f"{(~good).sum().item()} of {len(x)}"
            )
