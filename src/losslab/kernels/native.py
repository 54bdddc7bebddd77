"""torch's own operators, for small tensors: only of losses and options for which torch's form is right."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

import torch
from torch import Tensor

from losslab.kernels.crossover import below
from losslab.kernels.options import Options

_operators: Any = torch._C._nn
REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}
EXACT = (torch.float32, torch.float64)
FEW = 256  # labels that are looked at faster as a list


@dataclass(frozen=True)
class Native:
    """An operator of torch: run(input, target, options) gives its loss, or None where its form is not right.

    below: how many elements the input has where a kernel begins to be faster.
    """

    run: Callable[[Tensor, Tensor, Options], Tensor | None]
    below: int


def _labels(input: Tensor, target: Tensor, options: Options) -> bool:
    """Whether these are rows of scores with a class each, as torch has them."""
    return (
        target.dtype == torch.int64
        and options.ignore_index is not None
        and input.dtype in EXACT
        and ((input.ndim == 2 and options.class_dim in (1, -1)) or input.ndim == 1)
        and target.shape == input.shape[:-1]
        and input.numel() > 0
    )


def _number(loss: Tensor, options: Options) -> Tensor | None:
    """NaN is what torch says where there is nothing to average; then, and where it is right too, the rule is asked."""
    if options.reduction == "mean":
        value = loss.item()
        return loss if value == value else None
    return loss


def _nll_loss(input: Tensor, target: Tensor, options: Options) -> Tensor | None:
    if not _labels(input, target, options):
        return None
    reduction = REDUCTIONS[options.reduction]
    return _number(_operators.nll_loss_nd(input, target, None, reduction, options.ignore_index), options)


def _cross_entropy(input: Tensor, target: Tensor, options: Options) -> Tensor | None:
    smoothing = options.given["label_smoothing"]
    if isinstance(smoothing, Tensor) or smoothing != 0 or not _labels(input, target, options):
        return None
    ignored = options.ignore_index
    if target.ndim == 1 and target.numel() <= FEW:
        left_out = ignored in target.tolist()
    else:
        left_out = bool(target.eq(-100 if ignored is None else ignored).any())
    if left_out:  # torch gives such a row the gradient NaN where its scores are not finite
        return None
    reduction = REDUCTIONS[options.reduction]
    return _number(_operators.cross_entropy_loss(input, target, None, reduction, ignored, 0.0), options)


def _multi_margin_loss(input: Tensor, target: Tensor, options: Options) -> Tensor | None:
    p, margin = options.given["p"], options.given["margin"]
    if type(p) not in (int, float) or p not in (1, 2) or isinstance(margin, Tensor) or margin == inf:
        return None
    if not _labels(input, target, options) or input.ndim != 2:
        return None
    reduction = REDUCTIONS[options.reduction]
    return _operators.multi_margin_loss(input, target, int(p), float(margin), None, reduction)


def _pairs(input: Tensor, target: Tensor) -> bool:
    return input.dtype in EXACT and target.dtype == input.dtype and target.shape == input.shape and input.numel() > 0


def _plain(operator: Callable[..., Tensor], width: str = "", least: float = -inf) -> Callable[..., Tensor | None]:
    """width: the parameter that the operator takes last; beyond `least` and finite, torch's form is right."""

    def run(input: Tensor, target: Tensor, options: Options) -> Tensor | None:
        if not _pairs(input, target):
            return None
        if not width:
            return operator(input, target, REDUCTIONS[options.reduction])
        value: Any = options.given[width]
        if isinstance(value, Tensor) or not least < value < inf:
            return None
        return operator(input, target, REDUCTIONS[options.reduction], float(value))

    return run


RUNS: dict[str, Callable[[Tensor, Tensor, Options], Tensor | None]] = {
    "cross_entropy": _cross_entropy,
    "huber_loss": _plain(_operators.huber_loss, "delta", 0),
    "l1_loss": _plain(_operators.l1_loss),
    "mse_loss": _plain(_operators.mse_loss),
    "multi_margin_loss": _multi_margin_loss,
    "nll_loss": _nll_loss,
    "smooth_l1_loss": _plain(_operators.smooth_l1_loss, "beta", 1e-6),
}


def find(name: str) -> Native | None:
    """torch's operator of a loss, where it has one whose form is right."""
    return Native(RUNS[name], below(name)) if name in RUNS else None
