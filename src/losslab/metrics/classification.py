"""Metrics of labels: functions of the confusion counts."""

from collections.abc import Callable

import torch
from torch import Tensor

from losslab.metrics.average import as_weight, one
from losslab.metrics.record import Metric


def confusion(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Counts of (target, label) of each member: (..., C, C + 1) in float64.

    The last column counts the rows without an answer (label -1). C is one more than the largest class of either.
    """
    classes = int(max(prediction.max(), target.max())) + 1
    answer = torch.where(prediction < 0, classes, prediction)
    cell, count = torch.broadcast_tensors(target * (classes + 1) + answer, as_weight(weight, prediction))
    counts = torch.zeros(*cell.shape[:-1], classes * (classes + 1), dtype=count.dtype, device=count.device)
    return counts.scatter_add_(-1, cell, count).unflatten(-1, (classes, classes + 1))


def accuracy_of(counts: Tensor) -> Tensor:
    return counts.diagonal(dim1=-2, dim2=-1).sum(-1) / counts.sum((-2, -1))


def balanced_accuracy_of(counts: Tensor) -> Tensor:
    """A class without rows has no recall (0/0) and is left out of the mean."""
    return (counts.diagonal(dim1=-2, dim2=-1) / counts.sum(-1)).nanmean(-1)


def macro_f1_of(counts: Tensor) -> Tensor:
    """A class that is neither in the target nor in the labels is left out of the mean."""
    hits = counts.diagonal(dim1=-2, dim2=-1)
    return (2 * hits / (counts.sum(-1) + counts[..., :-1].sum(-2))).nanmean(-1)


def accuracy_rows(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction == target).to(torch.float64)


def balanced_accuracy_rows(prediction: Tensor, target: Tensor) -> Tensor:
    """A row of class c that is right counts n / (C n_c), so that the mean over rows is the mean of the recalls."""
    counts = torch.zeros(*target.shape[:-1], int(target.max()) + 1, dtype=torch.float64, device=target.device)
    counts.scatter_add_(-1, target, torch.ones_like(target, dtype=torch.float64))
    present = (counts > 0).sum(-1, keepdim=True)
    return accuracy_rows(prediction, target) * target.shape[-1] / (present * counts.gather(-1, target))


def _label_metric(
    name: str,
    of_confusion: Callable[[Tensor], Tensor],
    rows: Callable[[Tensor, Tensor], Tensor] | None,
    summary: str,
) -> Metric:
    def value(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        return of_confusion(confusion(prediction, target, weight))

    return Metric(
        name=name, value=value, needs="label", tasks=("binary", "multiclass", "ordinal"), higher_is_better=True,
        rows=rows, root=False, thresholded=True, scale=one, points=True, summary=summary, of_confusion=of_confusion,
    )  # fmt: skip


ACCURACY = _label_metric("accuracy", accuracy_of, accuracy_rows, "share of rows whose class is right")
BALANCED_ACCURACY = _label_metric(
    "balanced_accuracy", balanced_accuracy_of, balanced_accuracy_rows, "mean over classes of the share found"
)
MACRO_F1 = _label_metric("macro_f1", macro_f1_of, None, "mean over classes of F1 (precision and recall in one)")
