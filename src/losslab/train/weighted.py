"""Means over rows that count differently, and the weight that they divide by."""

import torch
from torch import Tensor

from losslab.spec.reduction import reduce, weighted


def weighted_mean(
    name: str, value: Tensor, weight: Tensor | None, rows: Tensor | None, count: int
) -> tuple[Tensor, Tensor]:
    """The mean of a loss's values, and the sum of weights that it was divided by.

    value: one for each row or element, (B, ...), or a mean over `count` rows where a loss reduces itself. weight: the
    loss's own, multiplied in already. rows: (B,) how much each row counts; one of weight 0 is as if it were not there.
    Raises ValueError where rows are weighted and the loss gives no value for each.
    """
    if not value.dim() and rows is None:
        return value, value.new_tensor(float(count))
    weight = torch.ones_like(value) if weight is None else weight.expand_as(value)
    if rows is not None:
        if not value.dim() or len(value) != count:
            text = f"{name} gives a tensor of shape {tuple(value.shape)} for {count} rows, so rows cannot be weighted"
            raise ValueError(f'{text}: return one value for each row (reduction="none"), or train without a weight')
        rows = rows.to(value.dtype).reshape(-1, *[1] * (value.dim() - 1)).expand_as(value)
        value, weight = weighted(value, rows), weight * rows
    return reduce(name, value, weight, None, "mean", "weight", "zero"), weight.sum()
