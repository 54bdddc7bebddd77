"""What `torch_compatible()` changes: elsewhere each of these functions leaves things as they are."""

import warnings
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from losslab.spec import policy
from losslab.spec.interval import UNIT
from losslab.spec.record import LossRecord

# Losses whose tensors torch stretches to one shape, and whether it warns.
STRETCHES = {
    "l1_loss": True,
    "mse_loss": True,
    "smooth_l1_loss": True,
    "huber_loss": True,
    "poisson_nll_loss": False,
    "hinge_embedding_loss": False,
    "gaussian_nll_loss": False,
    "kl_div": False,
}
STRETCHED = (
    "Using a target size ({}) that is different to the input size ({}). This will likely lead to incorrect results "
    "due to broadcasting. Please ensure they have the same size."
)


def stretched(record: LossRecord, input: Any, target: Any) -> tuple[Any, Any]:
    """Input and target in one shape, where torch gives them one; else as they are, for the checks to refuse."""
    if not policy.compatible() or record.torch_name not in STRETCHES or input.shape == target.shape:
        return input, target
    try:
        shape = torch.broadcast_shapes(input.shape, target.shape)
    except RuntimeError:
        return input, target
    if STRETCHES[record.torch_name] and not torch.compiler.is_compiling():
        warnings.warn(STRETCHED.format(target.shape, input.shape), UserWarning, stacklevel=policy.depth_of_caller())
    return input.expand(shape), target.expand(shape)


def stretched_pair(record: LossRecord, tensors: dict[str, Any]) -> dict[str, Any]:
    """The same for the input and target of a loss of several tensors."""
    if not policy.compatible() or record.torch_name not in STRETCHES:
        return tensors
    input, target = stretched(record, tensors["input"], tensors["target"])
    return {**tensors, "input": input, "target": target}


def empty(chosen: Any, said: bool) -> Any:
    """What the mean of nothing is: NaN unless the caller said otherwise."""
    return "nan" if policy.compatible() and not said else chosen


def unlooked(record: LossRecord, labels: bool) -> bool:
    """Whether the values of this loss of torch's are not looked at: torch looks at labels, and at probabilities."""
    return policy.compatible() and record.torch_name is not None and not labels and record.input_domain != UNIT


def in_type(loss: Tensor, *tensors: Any) -> Tensor:
    """The loss in the common type of its tensors, where that is narrower; autocast returns float32 in torch too."""
    if not policy.compatible() or torch.is_autocast_enabled(loss.device.type):
        return loss
    types = [tensor.dtype for tensor in tensors if isinstance(tensor, Tensor) and tensor.is_floating_point()]
    if not types or any(isinstance(tensor, Tensor) and tensor.is_complex() for tensor in tensors):
        return loss
    common = reduce(torch.promote_types, types)
    return loss.to(common) if common.itemsize < loss.dtype.itemsize else loss
