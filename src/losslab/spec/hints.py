"""What to do about what was found: the ends of the sentences that refuse a call."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from losslab.spec.interval import UNIT, Interval
from losslab.spec.record import LossRecord


def not_a_tensor(what: str, value: Any) -> str:
    text = f"{what} must be a torch.Tensor, found {type(value).__name__}; "
    if isinstance(value, Mapping):
        inside = [key for key, one in value.items() if isinstance(one, Tensor)]
        return f"{text}pass the tensor that is in it: {what}[{inside[0]!r}]" if inside else f"{text}pass a tensor"
    if isinstance(value, list | tuple):
        inside = [at for at, one in enumerate(value) if isinstance(one, Tensor)]
        if inside:
            return f"{text}pass the tensor that is in it: {what}[{inside[0]}]"
        return f"{text}use torch.tensor({what})"
    return f"{text}use torch.as_tensor({what})"


def two_scores(record: LossRecord, input: Tensor, target: Tensor) -> str:
    """Two scores for each yes or no."""
    if record.target not in ("probability", "sign") or input.ndim != target.ndim + 1 or input.shape[-1] != 2:
        return ""
    return ". With two scores for each row, use cross_entropy(input, target.long())"


def to_broadcast(what: str, value: Tensor, input: Tensor) -> str:
    """How one number for each channel, or for each row, is made to fit."""
    if value.ndim != 1 or input.ndim < 2:
        return ""
    if value.shape[0] == input.shape[1] and input.ndim > 2:
        ones = ", 1" * (input.ndim - 2)
        return f". For one number for each class in dimension 1, use {what}.reshape(-1{ones})"
    if value.shape[0] == input.shape[0] and what == "weight":
        return f". For a weight for each row, use sample_weight={what}[:, None].expand_as(input)"
    return ""


def of_labels(label: int, low: int, high: int, classes: int, ignores: bool, what: str) -> str:
    """What classes there are, and what labels outside of them probably mean."""
    text = f"input has {classes} class{'es' if classes > 1 else ''}, so labels run from 0 to {classes - 1}"
    if classes == 1 and (low, high) == (0, 1):
        return f"{text}. One score for each row is for yes or no: use binary_cross_entropy_with_logits"
    text += f"; pass ignore_index={label} if such rows are to be left out" if ignores else ""
    counted = "target" if what == "label" else what
    return f"{text}. If labels count from 1, use {counted} - 1" if low == 1 and high == classes else text


def of_distributions(target: Tensor, off: float) -> str:
    """Rows (..., C) that do not sum to one."""
    for dim in range(1, target.ndim - 1):
        if ((target.sum(dim) - 1).abs() <= off).all():
            return "They sum to one over another dimension: is class_dim right?"
    return "Divide each row by its sum"


def of_domain(what: str, value: Tensor, domain: Interval, low: float, high: float) -> str:
    if domain != UNIT:
        return ""
    if what == "input":
        if high <= 0:
            return ". If these are log-probabilities, use input.exp()"
        return ". Apply a sigmoid first, or use the loss that takes logits"
    if ((value == -1) | (value == 1)).all():
        return f". If -1 is a no, use ({what} + 1) / 2"
    if (low, high) in ((0, 255), (255, 255)):
        return f". If 255 is a yes, use {what} / 255"
    return ""
