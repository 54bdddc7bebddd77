"""A metric of one target column as one of several columns: the plain mean over them, as scikit-learn's uniform_average.

Below, T columns: prediction (K, N, T), target (N, T) or (K, N, T).
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from losslab.metrics.record import Metric


def over_columns(metric: Metric, task: str) -> Metric:
    """The mean over columns. It is a mean over rows where the metric is one; a root (rmse) is taken column by column,
    so that the mean of the roots is none."""

    def value(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        found = [metric.value(one, true, weight) for one, true in pairs(prediction, target)]
        return torch.stack(found).mean(0)

    rows = None if metric.rows is None or metric.root else mean_of_columns(metric.rows)

    def scale(target: Tensor) -> float:
        return sum(metric.scale(column) for column in target.unbind(-1)) / target.shape[-1]

    return replace(
        metric, value=value, rows=rows, root=False, tasks=(task,), scale=scale,
        summary=f"{metric.summary} (mean over columns)",
    )  # fmt: skip


def pairs(prediction: Tensor, target: Tensor) -> list[tuple[Tensor, Tensor]]:
    """(K, N) and (N,) or (K, N) for each column."""
    columns = zip(prediction.unbind(-1), target.unbind(-1), strict=True)
    return [(one.contiguous(), true.contiguous()) for one, true in columns]


def mean_of_columns(rows: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """Rows (K, N) that are the mean over the columns of a row."""

    def value(prediction: Tensor, target: Tensor) -> Tensor:
        return torch.stack([rows(one, true) for one, true in pairs(prediction, target)]).mean(0)

    return value
