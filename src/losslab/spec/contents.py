"""What the values of an operand must be, by what it holds: refused in words, filled where an element is left out."""

from collections.abc import Mapping

import torch
from torch import Tensor

from losslab.spec import checks, compatible
from losslab.spec.interval import REAL, UNIT, harmless
from losslab.spec.layout import INTEGERS, Operand
from losslab.spec.record import LossRecord


def check_type(record: LossRecord, key: str, operand: Operand, tensor: Tensor) -> None:
    """Floating point where a model predicts, whole numbers where classes or groups are counted."""
    name, found = record.name, checks.plain(tensor.dtype)
    if tensor.is_complex():
        raise TypeError(f"{name}: {key} is {found}; this loss is defined for real numbers only")
    if operand.predicted and not tensor.is_floating_point():
        raise TypeError(f"{name}: {key} is {found}; a loss needs floating-point predictions: use {key}.float()")
    if operand.holds in INTEGERS and (tensor.is_floating_point() or tensor.dtype == torch.bool):
        raise TypeError(f"{name}: {key} is {found}; it must hold {operand.words}: use {key}.long()")


def fill(operand: Operand, like: Tensor) -> float:
    """A legal number for what is left out."""
    if operand.holds == "box":
        return 0.0
    if operand.holds in ("distribution", "probability"):
        return 0.5
    if operand.holds in ("sign", "label", "class", "flag") or not like.is_floating_point():
        return 1.0 if operand.holds == "sign" else 0.0
    return harmless(operand.domain)


def check_contents(
    record: LossRecord, key: str, operand: Operand, tensor: Tensor, sizes: Mapping[str, tuple[int, ...]],
    off: float = 1e-3,
) -> None:  # fmt: skip
    """Raises ValueError where values are not what the operand holds; left-out elements were replaced before.

    off: by how much distributions may miss a sum of one.
    """
    if tensor.numel() == 0:
        return
    name, holds = record.name, operand.holds
    labels = holds in ("class", "class or distribution") and not tensor.is_floating_point()
    if compatible.unlooked(record, labels):
        return
    if labels:
        checks.check_labels(record, tensor, sizes[operand.of][0], key)
    elif holds == "grade":
        checks.check_labels(record, tensor, sizes[operand.of][0] + 1, key)
    elif holds in ("distribution", "class or distribution"):
        dims = ("N", operand.of, "*") if holds == "class or distribution" else operand.names
        checks.check_distribution(name, tensor.movedim(_place(dims, operand.of), -1), key, off)
    elif holds == "probability":
        checks.check_domain(name, key, tensor, UNIT)
    elif holds == "sign" and record.torch_name is None and (wrong := checks.wrong_signs(tensor, key)):
        raise ValueError(f"{name}: {wrong}")
    elif holds == "flag":
        bad = (tensor != 0) & (tensor != 1)
        if bad.any():
            found, where = checks.first(tensor, bad)
            hint = checks.hints.of_domain(key, tensor, UNIT, -1, 1)
            raise ValueError(f"{name}: {key} must hold 0 and 1, the first that is neither is {found:g}{where}{hint}")
    elif holds == "box":
        _check_boxes(name, key, tensor)
    elif holds == "real" and operand.domain != REAL:
        checks.check_domain(name, key, tensor, operand.domain)


def _place(names: tuple[str, ...], dim: str) -> int:
    """Which dimension a name means, counted from the end where `*` stands before it."""
    at = names.index(dim)
    return at if "*" not in names[:at] else at - len(names)


def _check_boxes(name: str, key: str, boxes: Tensor) -> None:
    bad = (boxes[..., 2:] < boxes[..., :2]).any(-1)
    if bad.any():
        where = bad.nonzero()[0].tolist()
        box = ", ".join(f"{number:g}" for number in boxes[tuple(where)].tolist())
        at = f" at [{', '.join(map(str, where))}]" if where else ""
        hint = "For centre, width and height use x - w / 2, y - h / 2, x + w / 2, y + h / 2"
        raise ValueError(
            f"{name}: {key} must hold corners x1, y1, x2, y2 with x1 <= x2 and y1 <= y2; the box{at} is ({box}). {hint}"
        )
