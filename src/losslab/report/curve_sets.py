"""A loss of several tensors as a line: its first hand-worked case with a slope, in which one number moves."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from losslab.spec.interval import UNIT, Interval
from losslab.spec.policy import checks
from losslab.spec.record import LossRecord, SetCase
from losslab.spec.sets import layout_of, worked

ROUND = 1e-3  # how near to the end of a domain the number may come


def one_number(record: LossRecord) -> LossRecord:
    """A stand-in whose input is how far the number has moved; its summary names the number."""
    case, key = chosen(record)
    batch, options = worked(record, case)
    own = {name: value for name, value in options.items() if name not in (*record.parameters, "reduction")}
    operand = layout_of(record).operands[key]
    direction, words = way(record, batch, case, key)

    def moved(step: Tensor, params: dict[str, Any]) -> Tensor:
        call: Callable[..., Tensor] = record
        return call(**{**batch, key: batch[key] + step * direction}, **{**own, **params}, reduction="sum")

    def rule(input: Tensor, target: Tensor, **params: Any) -> Tensor:
        with checks("off"):
            if "vmap" in record.lacks:
                return torch.stack([moved(step, params) for step in input])
            return torch.func.vmap(lambda step: moved(step, params))(input)

    rule.__doc__ = words
    shares = operand.holds in ("probability", "distribution") or options.get("from_logits") is False
    domain = UNIT if shares else operand.domain
    now = float((batch[key] * direction).sum())
    limits = Interval(domain.low - now + ROUND, domain.high - now - ROUND)
    return replace(
        record, kind="pointwise", layout=None, rule=rule, outputs="one", target="real", target_domain=Interval(),
        input_domain=limits, kinks=None, tasks=("regression",),
    )  # fmt: skip


def settings_of(record: LossRecord) -> dict[str, float]:
    """The parameters of that case, where it sets them."""
    options = chosen(record)[0].options
    return {name: float(options[name]) for name in record.parameters if name in options}


def chosen(record: LossRecord) -> tuple[SetCase, str]:
    """The first case whose slopes were worked, and the operand that has the steepest."""
    for case in record.cases:
        slopes = {key: float(torch.as_tensor(one).double().abs().max()) for key, one in (case.gradient or {}).items()}
        if any(slopes.values()):
            return case, max(slopes, key=lambda key: slopes[key])
    raise ValueError(f"{record.name}: no hand-worked case has a slope, so there is no way to draw it")


def way(record: LossRecord, batch: dict[str, Tensor], case: SetCase, key: str) -> tuple[Tensor, str]:
    """The direction in which the operand moves: its entry with the steepest slope, or a box as a whole."""
    assert case.gradient is not None
    slope = torch.as_tensor(case.gradient[key], dtype=torch.float64).reshape(batch[key].shape)
    direction = torch.zeros_like(batch[key])
    place = tuple(int(i) for i in torch.unravel_index(slope.abs().argmax(), slope.shape))
    if layout_of(record).operands[key].holds == "box":
        direction[(*place[:-1], 0)] = direction[(*place[:-1], 2)] = 1.0
        return direction, f"the box {key}[{', '.join(map(str, place[:-1]))}] (to the right)"
    direction[place] = 1.0
    return direction, f"{key}[{', '.join(map(str, place))}]"
