"""Batches for the contract suites of losses of several tensors, drawn from what their layouts say."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from losslab.spec.layout import INTEGERS, Layout, Operand, shape_of
from losslab.spec.record import LossRecord
from losslab.spec.sets import layout_of
from losslab.testing.claims import quiet, same
from losslab.testing.samples import into

SIZES: dict[str, tuple[int, ...]] = {"N": (6,), "C": (4,), "D": (3,), "K": (2,), "*": (5,)}
Batch = dict[str, Tensor]


def draw(
    record: LossRecord, *, seed: int = 0, dtype: torch.dtype = torch.float64, **sizes: tuple[int, ...] | int
) -> Batch:
    """A legal batch by names of operands. sizes: of dimensions, in place of the usual ones (`star=` is `*`)."""
    layout = layout_of(record)
    given = {"*" if dim == "star" else dim: (n,) if isinstance(n, int) else n for dim, n in sizes.items()}
    every = {dim: (5,) for one in layout.operands.values() for dim in one.names if not dim.isdigit()} | SIZES | given
    generator = torch.Generator().manual_seed(seed)
    drawn = {key: content(one, every, generator) for key, one in layout.operands.items()}
    if layout.draw is not None:
        drawn |= layout.draw(generator, every)
    return {key: one.to(dtype) if one.is_floating_point() else one for key, one in drawn.items()}


def content(operand: Operand, sizes: Mapping[str, tuple[int, ...]], generator: torch.Generator) -> Tensor:
    shape, holds = shape_of(operand.dims, sizes), operand.holds
    normal = 2 * torch.randn(shape, generator=generator, dtype=torch.float64)
    if holds in INTEGERS or holds == "class or distribution":
        classes = sizes[operand.of][0] + (holds == "grade") if holds != "label" else 3
        return torch.randint(classes, shape, generator=generator)
    if holds == "distribution":
        return normal.softmax(operand.names.index(operand.of))
    if holds == "probability":
        return normal.sigmoid()
    if holds in ("sign", "flag"):
        yes = (normal > 0).double()
        return 2 * yes - 1 if holds == "sign" else yes
    if holds == "box":
        first, size = normal[..., :2], 0.2 + normal[..., 2:].abs()
        return torch.cat([first, first + size], -1)
    return into(operand.domain, normal)


def predicted(record: LossRecord, batch: Mapping[str, Tensor]) -> list[str]:
    """The operands that come out of a model."""
    return [key for key in batch if layout_of(record).operands[key].predicted]


def without(layout: Layout, batch: Mapping[str, Tensor], keep: Tensor) -> Batch:
    """The batch with only those elements of the mask's last dimension that are kept."""
    dim = (layout.mask or "").split()[-1]
    found = dict(batch)
    for key, tensor in batch.items():
        names = layout.operands[key].names
        if dim in names:
            place = names.index(dim)
            place = place - len(names) if "*" in names[: place + 1] else place
            found[key] = tensor.index_select(place, keep.nonzero().flatten())
    return found


def spoilt(layout: Layout, batch: Mapping[str, Tensor], mask: Tensor, names: list[str]) -> Batch:
    """The batch with NaN in the predictions that the mask leaves out."""
    dims = (layout.mask or "").split()
    found = dict(batch)
    for key in names:
        own = layout.operands[key].names
        if set(dims) <= set(own):
            view = [n for dim in own for n in _widths(dim, dims, batch[key], own, mask)]
            found[key] = torch.where(mask.reshape(view), batch[key], math.nan)
    return found


def _widths(dim: str, dims: list[str], tensor: Tensor, own: tuple[str, ...], mask: Tensor) -> list[int]:
    free = tensor.ndim - (len(own) - 1)
    width = free if dim == "*" else 1
    if dim not in dims:
        return [1] * width
    at = sum((mask.ndim - (len(dims) - 1)) if d == "*" else 1 for d in dims[: dims.index(dim)])
    return list(mask.shape[at : at + width])


def mask_like(record: LossRecord, batch: Batch) -> Tensor:
    """A mask of the layout's shape that keeps everything."""
    layout = layout_of(record)
    for key, one in layout.operands.items():
        names, dims = one.names, (layout.mask or "").split()
        if key in batch and list(names) == dims:
            return torch.ones(batch[key].shape, dtype=torch.bool)
    key = next(k for k, one in layout.operands.items() if k in batch and set(dims) <= set(one.names))
    tensor, names = batch[key], layout.operands[key].names
    shape = list(tensor.shape)
    for dim in reversed([d for d in names if d not in dims]):
        place = names.index(dim)
        del shape[place - len(names) if "*" in names[:place] else place]
    return torch.ones(shape, dtype=torch.bool)


def value_and_gradients(record: LossRecord, batch: Batch, **options: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss without its warnings, and the gradient of its sum with respect to every predicted operand."""
    names = predicted(record, batch)
    leaves = {key: batch[key].detach().clone().requires_grad_() for key in names}
    value = quiet(record, **{**batch, **leaves}, **options)
    slopes = torch.autograd.grad(value.sum(), list(leaves.values()), allow_unused=True)
    zero = {key: torch.zeros_like(leaf) for key, leaf in leaves.items()}
    return value.detach(), {k: zero[k] if s is None else s for k, s in zip(leaves, slopes, strict=True)}


def same_gradients(record: LossRecord, what: str, found: Any, expected: Any, tolerance: float = 1e-10) -> None:
    for key in expected:
        same(record, f"gradient by {key}, {what}", found[key], expected[key], tolerance)
