"""Preprocessing, fitted on training rows and applied to all rows."""

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor

from losslab.data.scale import scale_target, spread
from losslab.data.table import Prepared, Table


def prepare(table: Table, rows: Tensor, y: Tensor | None = None) -> Prepared:
    """Features filled, marked and scaled, targets scaled as `scale_target` says; everything fitted on `rows` only.

    rows: (R,) int64 indices of training rows. y: (N,) targets to use in place of the table's (spoiled ones, say).
    A column with missing values anywhere gets an indicator column after all others, so that the width is the same for
    every choice of rows. Missing numbers become the median of `rows` (0 where all are missing there). A column that is
    constant in `rows` keeps scale 1; one of codes (`Table.levels`) stays as it is. Other tensors than tables
    (`tabular=False`) are left alone.
    """
    target = table.y if y is None else y
    fitted = fit_features(table.X, rows, table.levels) if table.tabular else {}
    scaled = scale_target(target, rows, table.task)
    X = apply_features(table.X, fitted) if fitted else table.X
    return Prepared(X, scaled.y, scaled.mean, scaled.scale, scaled.mad, fitted, scaled.least)


def fit_features(X: Tensor, rows: Tensor, levels: Iterable[int] = ()) -> dict[str, Tensor]:
    """What `apply_features` needs, float64: `fill` (D,), `marked` (M,), the columns that get an indicator, and `mean`
    and `scale` (D + M,). A column without gaps is filled, should new rows have some, with its mean."""
    values = X.numpy()
    marked = np.flatnonzero(np.isnan(values).any(0))
    train = values[rows.numpy()].astype(np.float64)
    gaps = np.isnan(train)
    fill = np.zeros(values.shape[1])
    for column in marked:
        known = train[:, column][~gaps[:, column]]
        fill[column] = np.median(known) if len(known) else 0.0
    train = np.hstack([np.where(gaps, fill, train), gaps[:, marked]])
    mean, scale = train.mean(0), spread(train)
    whole = np.setdiff1d(np.arange(len(fill)), marked)
    fill[whole] = mean[whole]
    codes = list(levels)
    mean[codes], scale[codes], fill[codes] = 0.0, 1.0, 0.0
    fitted = {"mean": mean, "scale": scale, "fill": fill, "marked": marked}
    return {name: torch.from_numpy(value) for name, value in fitted.items()}


def apply_features(X: Tensor, fitted: Mapping[str, Tensor], dtype: torch.dtype = torch.float32) -> Tensor:
    """(N, D) with NaN for missing numbers -> (N, D + M), by what was fitted: the same for each row alone."""
    values = X.numpy().astype(np.float64)
    gaps = np.isnan(values)
    marked = gaps[:, fitted["marked"].numpy()]
    values = np.hstack([np.where(gaps, fitted["fill"].numpy(), values), marked])
    return torch.from_numpy((values - fitted["mean"].numpy()) / fitted["scale"].numpy()).to(dtype)
