"""Means over rows, with rows counted by a weight; and the scale of metrics that are rates."""

import torch
from torch import Tensor


def as_weight(weight: Tensor | None, like: Tensor) -> Tensor:
    """The weight in float64; one for each of the rows (last axis) of `like` where there is none."""
    if weight is None:
        return torch.ones(like.shape[-1], dtype=torch.float64, device=like.device)
    return weight.to(device=like.device, dtype=torch.float64)


def mean_over_rows(rows: Tensor, weight: Tensor | None = None) -> Tensor:
    """The mean of `rows` (K, N) over rows counted by `weight` (..., N), in float64: (K,), or (..., K)."""
    if weight is None:
        return rows.to(torch.float64).mean(-1)
    weight = as_weight(weight, rows)
    return (rows * weight).sum(-1) / weight.sum(-1)


def one(target: Tensor) -> float:
    """The scale of a rate: it lies between 0 and 1 whatever the target."""
    return 1.0
