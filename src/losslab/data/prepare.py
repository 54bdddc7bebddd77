"""Preprocessing, fitted on training rows and applied to all rows."""

import numpy as np
import torch
from torch import Tensor

from losslab.data.table import Prepared, Table


def prepare(table: Table, rows: Tensor, y: Tensor | None = None) -> Prepared:
    """Features filled, marked and scaled, regression targets standardised; everything fitted on `rows` only.

    rows: (R,) int64 indices of training rows. y: (N,) targets to use in place of the table's (spoiled ones, say).
    A column with missing values anywhere gets an indicator column after all others, so that the width is the same for
    every choice of rows. Missing numbers become the median of `rows` (0 where all are missing there). A column that is
    constant in `rows` keeps scale 1. Other tensors than tables (`tabular=False`) are left alone.
    """
    target = table.y if y is None else y
    X, fitted = (table.X, {}) if not table.tabular else _features(table.X, rows)
    if table.task != "regression":
        return Prepared(X, target, fitted=fitted)
    values = target.numpy().astype(np.float64)
    known = values[rows.numpy()]
    mean, scale = float(known.mean()), float(_scale(known))
    values = (values - mean) / scale
    known = values[rows.numpy()]
    mad = float(np.median(np.abs(known - np.median(known))))
    return Prepared(X, torch.from_numpy(values.astype(np.float32)), mean, scale, mad or 1.0, fitted)


def _features(X: Tensor, rows: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    values = X.numpy().astype(np.float64)
    gaps = np.isnan(values)
    marked = np.flatnonzero(gaps.any(0))
    fill = np.zeros(values.shape[1])
    for column in marked:
        known = values[rows.numpy(), column]
        known = known[~np.isnan(known)]
        fill[column] = np.median(known) if len(known) else 0.0
    values = np.hstack([np.where(gaps, fill, values), gaps[:, marked]])
    train = values[rows.numpy()]
    mean, scale = train.mean(0), _scale(train)
    scaled = torch.from_numpy(((values - mean) / scale).astype(np.float32))
    fitted = {"mean": mean, "scale": scale, "fill": fill, "marked": marked}
    return scaled, {name: torch.from_numpy(value) for name, value in fitted.items()}


def _scale(values: np.ndarray) -> np.ndarray:
    """The standard deviation (over N) of each column; 1 for a constant one."""
    return np.where(values.max(0) > values.min(0), values.std(0), 1.0)
