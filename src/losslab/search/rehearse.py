"""One step of the user's own parts before the study starts, so that what cannot work is said in words."""

from collections.abc import Iterable

import torch
from torch import Tensor

from losslab.models.build import Factory
from losslab.spec.record import LossRecord
from losslab.train.batches import Fold
from losslab.train.lookup import is_own
from losslab.train.objective import fit_target, objective_of

ROWS = 8


def rehearse(factory: Factory, losses: Iterable[LossRecord], fold: Fold, classes: int, columns: int = 1) -> None:
    """Runs the model in training mode, and on its outputs every loss that is the user's own.

    Raises ValueError or TypeError, naming the model or the loss, with the shapes found.
    """
    x, y = fold.X[fold.rows[:ROWS]], fold.y[fold.rows[:ROWS]]
    outputs: dict[int, Tensor] = {}
    for record in losses:
        width = objective_of(record, classes, columns).outputs
        if width not in outputs:
            outputs[width] = output_of(factory, width, x)
        if is_own(record):
            try_loss(record, outputs[width], fit_target(record, y, outputs[width]))


def try_loss(record: LossRecord, output: Tensor, target: Tensor) -> None:
    call = f"the loss {record.name}, called with input {shape(output)} and target {shape(target)},"
    try:
        value = record.rule(output, target)
    except Exception as error:
        raise ValueError(f"{call} raised {type(error).__name__}: {error}") from error
    if not isinstance(value, Tensor):
        raise TypeError(f"{call} gave a {type(value).__name__}; a tensor is wanted, one value or one for each row")
    if not value.requires_grad:
        raise ValueError(f"{call} gave a value without a gradient; compute it with torch, without detach or item")


def output_of(factory: Factory, width: int, x: Tensor) -> Tensor:
    """The model's outputs (rows, width) for some rows, in training mode."""
    module = factory.make(0, width).to(x.dtype).train()
    where = f"the model {factory.name}, called in training mode on a batch of shape {tuple(x.shape)},"
    state = torch.get_rng_state()
    try:
        output = module(x)
    except Exception as error:
        raise ValueError(f"{where} raised {type(error).__name__}: {error}") from error
    finally:
        torch.set_rng_state(state)
    if not isinstance(output, Tensor) or output.numel() != len(x) * width:
        found = shape(output) if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(f"{where} gave {found}; {(len(x), width)} is wanted")
    return output


def shape(tensor: Tensor) -> str:
    """(8, 3) float32"""
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
