"""From one value per element to the loss: the only place that reduces."""

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from losslab.spec import policy

Reduction = Literal["mean", "sum", "none"]
More = Literal["batchmean"]
Normalize = Literal["weight", "count"]
Empty = Literal["zero", "nan", "raise"]
NOTHING = "nothing to average: every element is ignored, masked or of weight zero, or the batch is empty"
ZERO = 'the loss is 0 with zero gradient (empty="nan" or empty="raise" do otherwise)'
CHOICES = {"reduction": get_args(Reduction), "normalize": get_args(Normalize), "empty": get_args(Empty)}


def reduce(
    name: str,
    value: Tensor,
    weight: Tensor | None,
    keep: Tensor | None,
    reduction: Reduction | More,
    normalize: Normalize,
    empty: Empty,
) -> Tensor:
    """The loss from its elements.

    value: any shape, weights multiplied in already, zero where an element is left out.
    weight: what each element counts in the denominator, of the same shape; None: one each.
    keep: bool, False where an element is left out; None: nothing is.
    """
    if reduction == "none":
        return value
    if reduction == "sum":
        return value.sum()
    if reduction == "batchmean":  # of a loss that declares it: the sum over all but the first dimension, averaged
        rows = value.shape[:1].numel() if keep is None else keep.reshape(*keep.shape[:1], -1).any(-1).sum()
        return _divide(name, value.sum(), rows, empty)
    return _divide(name, value.sum(), denominator(value, weight if normalize == "weight" else None, keep), empty)


def weighted(value: Tensor, weight: Tensor) -> Tensor:
    """Each value times its weight; an infinite one of weight 0 does not count."""
    return value.masked_fill((weight == 0) & value.isinf(), 0.0) * weight


def denominator(value: Tensor, weight: Tensor | None, keep: Tensor | None) -> Tensor | int:
    """The sum of weights, or the number of elements that are kept."""
    if weight is not None:
        return weight.sum()
    return value.numel() if keep is None else keep.sum()


def _divide(name: str, total: Tensor, weight: Tensor | int, empty: Empty) -> Tensor:
    if isinstance(weight, int):
        nothing: bool | None = weight == 0
    elif policy.traced() or (policy.waits(weight) and empty != "raise"):
        nothing = None  # looking is impossible, or would wait for the device
    else:
        nothing = not weight.any()
    if nothing is None and empty == "zero" and isinstance(weight, Tensor) and not policy.traced():
        _note(name, weight)
    if nothing is False or (nothing is None and empty == "nan"):
        return total / weight
    if nothing:
        _announce(name, empty)
        return total * (math.nan if empty == "nan" else 0.0)
    absent = torch.as_tensor(weight == 0)
    return torch.where(absent, 0.0, total) / torch.where(absent, 1, weight)


def _announce(name: str, empty: Empty) -> None:
    if empty == "raise":
        raise ValueError(f'{name}: {NOTHING}; pass empty="zero" or empty="nan" to go on')
    if empty == "zero":
        policy.announce_empty(name, f"{NOTHING}; {ZERO}")


def _note(name: str, weight: Tensor) -> None:
    """Has the device say later whether there was nothing to average."""
    from losslab.spec import deferred  # which stands on the checks, and these on the choices above

    if not policy.off():
        deferred.send(name, [deferred.Suspicion((weight == 0).all(), lambda: f"{NOTHING}; {ZERO}", deferred.EMPTY)])
