"""The operands of one call, made ready for the rule: classes in place, one type, left-out elements filled."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor

from losslab.spec import checks
from losslab.spec.contents import fill
from losslab.spec.layout import INTEGERS, Layout, Operand, aligned, shape_of
from losslab.spec.record import LossRecord

Sizes = Mapping[str, tuple[int, ...]]


def actual(layout: Layout, tensors: Mapping[str, Tensor]) -> dict[str, Operand]:
    """The operands of this call: a floating target that may be classes or distributions holds distributions."""
    found = {}
    for key, tensor in tensors.items():
        one = layout.operands[key]
        if one.holds == "class or distribution":
            first, *rest = one.names
            soft = replace(one, holds="distribution", dims=" ".join((first, one.of, *rest)))
            one = soft if tensor.is_floating_point() else replace(one, holds="class")
        found[key] = one
    return found


def check_labels(record: LossRecord, layout: Layout, tensors: Mapping[str, Tensor], class_dim: int) -> None:
    """Refuses a target that does not fit scores (N, C, ...): neither their labels nor, where it may, probabilities."""
    target = layout.operands.get("target")
    labels = target is not None and target.names == ("N", "*") and target.holds in ("class", "class or distribution")
    for key, one in layout.operands.items():
        if "C" in one.names and one.names[-1] == "*":
            place = checks.check_class_dim(record.name, class_dim, tensors[key])
            if labels and one.names == ("N", "C", "*"):
                checks.check_rowwise(record, tensors[key], tensors["target"], place)


def classes_in_place(operands: Mapping[str, Operand], tensors: Mapping[str, Tensor], class_dim: int) -> dict[str, Any]:
    """The tensors with the classes where the layout has them."""
    found = dict(tensors)
    for key, one in operands.items():
        at = class_place(one.dims)
        if at is not None:
            found[key] = tensors[key].movedim(class_dim, at)
    return found


def class_place(dims: str | None) -> int | None:
    """Where these dimensions have the classes, if a call may have them elsewhere: before any further ones."""
    names = (dims or "").split()
    return names.index("C") if "C" in names and names[-1] == "*" else None


def moved(size: torch.Size, at: int, class_dim: int) -> torch.Size:
    """A shape with the dimension `at` where `class_dim` says."""
    return torch.empty(size, device="meta").movedim(at, class_dim).shape


def as_one_type(operands: Mapping[str, Operand], tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Whole numbers that count something as int64; all else in the common floating type, at least float32."""
    dtype = torch.float32
    for key, tensor in tensors.items():
        if tensor.is_floating_point() and operands[key].holds not in INTEGERS:
            dtype = torch.promote_types(dtype, tensor.dtype)
    return {
        key: tensor.long() if operands[key].holds in INTEGERS else tensor.to(dtype) for key, tensor in tensors.items()
    }


def kept(
    record: LossRecord, layout: Layout, operands: Mapping[str, Operand], tensors: Mapping[str, Tensor], sizes: Sizes,
    mask: Any, ignore_index: int | None,
) -> Tensor | None:  # fmt: skip
    """Which elements take part, in the dimensions of the layout's mask; None when all do and nothing needs a look."""
    if mask is not None:
        assert layout.mask is not None  # the form has no such argument otherwise
        checks.check_like(record.name, "mask", mask, torch.Size(shape_of(layout.mask, sizes)))
    if ignore_index is None:
        return mask
    if operands["target"].holds == "distribution":
        if ignore_index >= 0:
            raise ValueError(
                f"{record.name}: ignore_index = {ignore_index} has no meaning for targets that are probabilities; "
                "leave elements out with mask"
            )
        return mask
    keep = tensors["target"] != ignore_index
    return keep if mask is None else keep & mask


def filled(
    layout: Layout, operands: Mapping[str, Operand], tensors: Mapping[str, Tensor], keep: Tensor, sizes: Sizes
) -> dict[str, Tensor]:
    """The tensors with something legal where nothing is kept, whatever stood there."""
    found = dict(tensors)
    for key, one in operands.items():
        if set((layout.mask or "").split()) & set(one.names):
            here = anywhere(keep, layout.mask or "", one.names, sizes)
            found[key] = torch.where(here, tensors[key], stand_in(one, tensors[key], sizes))
    return found


def stand_in(operand: Operand, tensor: Tensor, sizes: Sizes) -> float | int:
    if operand.holds == "distribution":
        return 1 / max(sizes[operand.of][0], 1)
    return fill(operand, tensor) if tensor.is_floating_point() else 0


def narrowed(keep: Tensor, layout: Layout, sizes: Sizes) -> Tensor:
    """Which elements of the unreduced loss take part: those of which any part is kept."""
    here = anywhere(keep, layout.mask or "", tuple(layout.unreduced.split()), sizes)
    return here.expand(shape_of(layout.unreduced, sizes))


def anywhere(keep: Tensor, dims: str, names: tuple[str, ...], sizes: Sizes) -> Tensor:
    """Whether anything is kept along the dimensions that `names` have not; broadcasts over a tensor of those names."""
    at = 0
    gone: list[int] = []
    for dim in dims.split():
        width = 1 if dim.isdigit() else len(sizes[dim])
        gone += range(at, at + width) if dim not in names else []
        at += width
    for place in reversed(gone):
        keep = keep.any(place)
    return cast(Tensor, aligned(keep, " ".join(dim for dim in dims.split() if dim in names), names, sizes))
