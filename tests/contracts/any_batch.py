"""One legal batch of any loss, by names of its tensors, for tests that look at losses from outside."""

from typing import Any

import torch
from torch import Tensor

from losslab.spec.record import LossRecord
from losslab.testing import samples, set_samples
from losslab.testing.claims import counts, quiet

Batch = dict[str, Tensor]


def batch_of(record: LossRecord, seed: int = 0, dtype: torch.dtype = torch.float64) -> Batch:
    """Tensors by name; what a loss wants to know of each class is among them."""
    if record.layout is not None:
        return set_samples.draw(record, seed=seed, dtype=dtype)
    input, target = samples.draw(record, seed=seed, dtype=dtype)
    return {"input": input, "target": target, **counts(record, input)}


def predicted(record: LossRecord) -> list[str]:
    """What comes out of a model."""
    if record.layout is None:
        return ["input"]
    return [key for key, one in record.layout.operands.items() if one.predicted]


def value_and_slopes(record: LossRecord, batch: Batch, **options: Any) -> tuple[Tensor, Batch]:
    """The loss and its gradient by everything that is predicted."""
    names = [name for name in predicted(record) if name in batch]
    leaves = {name: batch[name].detach().clone().requires_grad_() for name in names}
    value = quiet(record, **{**batch, **leaves}, **options)
    slopes = torch.autograd.grad(value.sum(), list(leaves.values()), allow_unused=True)
    pairs = zip(names, slopes, strict=True)
    return value.detach(), {n: torch.zeros_like(batch[n]) if s is None else s for n, s in pairs}
