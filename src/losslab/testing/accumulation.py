"""Gradient accumulation: one batch of eight rows is eight batches of one, whatever each row leaves out."""

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor

from losslab.spec.forms import parts
from losslab.spec.record import LossRecord
from losslab.testing import set_samples
from losslab.testing.claims import counts, quiet, same
from losslab.testing.samples import draw, weights

ROWS = 8
Given = tuple[dict[str, Tensor], list[str], dict[str, Tensor], list[str]]


def applies(record: LossRecord) -> bool:
    """Whether a batch is no more than its rows: not where they see each other, nor where there are none."""
    layout = record.layout
    if layout is None:
        return True
    separate = not layout.coupled and layout.per is None and not record.module_class
    return separate and layout.mask is not None and layout.mask.split()[0] in ("N", "*")


def check_accumulation(record: LossRecord) -> None:
    """Sums and weights of single rows, divided once at the end, give the mean of the batch and its gradient."""
    for batch, names, options, by_row in batches(record):
        leaves = {key: batch[key].detach().requires_grad_() for key in names}
        whole = quiet(record, **{**batch, **leaves}, **options)
        slopes = torch.autograd.grad(whole, list(leaves.values()), allow_unused=True)
        total, weight = torch.zeros((), dtype=whole.dtype), torch.zeros((), dtype=whole.dtype)
        for row in range(ROWS):
            one: dict[str, Any] = {k: t[row : row + 1] if k in by_row else t for k, t in {**batch, **leaves}.items()}
            own = {k: v[row : row + 1] if k in ("mask", "sample_weight") else v for k, v in options.items()}
            value, share = quiet(
                cast(Any, parts), record, *(one.pop(key) for key in record.tensors if key in one), **one, **own
            )
            total, weight = total + value, weight + share
        mean = total / weight
        same(record, "eight batches of one", mean.detach(), whole.detach())
        found = torch.autograd.grad(mean, list(leaves.values()), allow_unused=True)
        for key, slope, right in zip(names, found, slopes, strict=True):
            if right is not None:
                same(record, f"the gradient by {key} over eight batches of one", slope, right)


def batches(record: LossRecord) -> Iterator[Given]:
    """Batches with ragged masks: tensors by name, the predicted ones, the options, and those that have a row each."""
    if record.layout is None:
        input, target = draw(record, shape=(ROWS, 3))
        mask = ragged(ROWS, 3)
        for weight in weights(record, input):
            by_row = ["input", "target"] if record.kind == "rowwise" else ["input", "target", "weight"]
            tensors = {"input": input, "target": target, **counts(record, input)}
            tensors |= {} if weight is None else {"weight": weight}
            yield tensors, ["input"], {"mask": mask, "sample_weight": 1 + 0.5 * mask.double()}, by_row
        return
    first_is_any = (record.layout.mask or "").startswith("*")
    batch = set_samples.draw(record, N=ROWS, star=(ROWS, 3) if first_is_any else (3,))
    mask = set_samples.mask_like(record, batch)
    flat = mask.reshape(ROWS, -1)
    mask = ragged(*flat.shape).reshape(mask.shape)
    rows = [k for k, one in record.layout.operands.items() if k in batch and one.names[:1] in (("N",), ("*",))]
    yield batch, set_samples.predicted(record, batch), {"mask": mask}, rows


def ragged(rows: int, width: int) -> Tensor:
    """The first row keeps everything, the next less, and one nothing at all."""
    keep = torch.arange(width).unsqueeze(0) >= (torch.arange(rows) % (width + 1)).unsqueeze(1)
    return keep if width > 1 else keep | (torch.arange(rows) % 3 == 0).unsqueeze(1)
