"""torch's own operators, for small tensors: only of losses and options for which torch's form is right."""

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from losslab.kernels.options import Options

# Takes an input and a target, ordinary tensors on the CPU. Gives None, or raises what torch does, where torch's form is
# not right for them: a kernel or the rule then computes the loss, or says what is wrong.
Native = Callable[[Tensor, Tensor], Tensor | None]

_operators: Any = torch._C._nn
REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}
FLOAT, DOUBLE, LONG = torch.float32, torch.float64, torch.int64
FEW = 128  # labels that are looked at faster as a list
RAISED = (IndexError, RuntimeError, ValueError)  # by an operator that was given what it does not take


def _over_labels(options: "Options", operator: Callable[..., Tensor], *more: float) -> Native | None:
    """Rows of scores with a class each. Torch's gradient of ignored rows is NaN where their scores are not finite, and
    its mean of nothing is NaN; it refuses labels out of range and shapes that do not fit by itself."""
    ignored, reduction = options.ignore_index, REDUCTIONS[options.reduction]
    if ignored is None or options.class_dim not in (1, -1):
        return None

    def run(input: Tensor, target: Tensor) -> Tensor | None:
        dtype = input.dtype
        if (dtype is not FLOAT and dtype is not DOUBLE) or target.dtype is not LONG:
            return None
        if target.ndim != 1 or input.ndim != 2:
            return None
        if target.numel() <= FEW:
            labels = target.tolist()
            if ignored in labels or not labels:
                return None
        elif target.eq(ignored).any():
            return None
        return operator(input, target, None, reduction, ignored, *more)

    return run


def _nll_loss(options: "Options") -> Native | None:
    return _over_labels(options, _operators.nll_loss_nd)


def _cross_entropy(options: "Options") -> Native | None:
    smoothing = options.given["label_smoothing"]
    if isinstance(smoothing, Tensor) or smoothing != 0:
        return None
    return _over_labels(options, _operators.cross_entropy_loss, 0.0)


def _of_pairs(operator: Callable[..., Tensor], width: str = "", least: float = -inf) -> Callable[..., Native | None]:
    """width: the parameter that the operator takes last; beyond `least` and finite, torch's form is right."""

    def bound(options: "Options") -> Native | None:
        more: tuple[Any, ...] = (REDUCTIONS[options.reduction],)
        if width:
            value: Any = options.given[width]
            if isinstance(value, Tensor) or not least < value < inf:
                return None
            more = (*more, float(value))

        def run(input: Tensor, target: Tensor) -> Tensor | None:
            dtype = input.dtype
            if target.dtype is not dtype or (dtype is not FLOAT and dtype is not DOUBLE):
                return None
            return operator(input, target, *more) if input.shape == target.shape and input.numel() else None

        return run

    return bound


OPERATORS: dict[str, Callable[["Options"], Native | None]] = {
    "cross_entropy": _cross_entropy,
    "huber_loss": _of_pairs(_operators.huber_loss, "delta", 0),
    "l1_loss": _of_pairs(_operators.l1_loss),
    "mse_loss": _of_pairs(_operators.mse_loss),
    "nll_loss": _nll_loss,
    "smooth_l1_loss": _of_pairs(_operators.smooth_l1_loss, "beta", 1e-6),
}


def bound(name: str, options: "Options") -> Native | None:
    """torch's operator of a loss with these options, where it has one whose form is right."""
    make = OPERATORS.get(name)
    return None if make is None else make(options)
