"""Metrics of order: sorted once, then cumulative sums of the weights."""

from collections.abc import Callable

import torch
from torch import Tensor

from losslab.metrics.average import as_weight, one
from losslab.metrics.record import Metric


def _sorted(score: Tensor, positive: Tensor, weight: Tensor, descending: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights of positive and negative rows in the order of the score, and the first and the end of each row's ties."""
    ordered, order = (-score if descending else score).sort(-1)
    first, end = torch.searchsorted(ordered, ordered), torch.searchsorted(ordered, ordered, right=True)
    positives, negatives = torch.broadcast_tensors(weight * positive, weight * ~positive)
    shape = torch.broadcast_shapes(positives.shape, score.shape)
    order, first, end = order.expand(shape), first.expand(shape), end.expand(shape)
    return positives.expand(shape).gather(-1, order), negatives.expand(shape).gather(-1, order), first, end


def _running(weights: Tensor) -> Tensor:
    """Cumulative sums with a zero in front: entry i is the sum of the first i."""
    return torch.nn.functional.pad(weights.cumsum(-1), (1, 0))


def binary_roc_auc(score: Tensor, positive: Tensor, weight: Tensor) -> Tensor:
    """The share of (positive, negative) pairs in the right order, a tie counting one half. NaN without a pair."""
    positives, negatives, first, end = _sorted(score, positive, weight, descending=False)
    running = _running(negatives)
    below = (running.gather(-1, first) + running.gather(-1, end)) / 2
    return (positives * below).sum(-1) / (positives.sum(-1) * negatives.sum(-1))


def binary_average_precision(score: Tensor, positive: Tensor, weight: Tensor) -> Tensor:
    """The mean over positive rows of the precision among the rows that score at least as high. NaN without one."""
    positives, negatives, _, end = _sorted(score, positive, weight, descending=True)
    found, taken = _running(positives).gather(-1, end), _running(positives + negatives).gather(-1, end)
    precision = torch.where(taken > 0, found / taken, 0)
    return (positives * precision).sum(-1) / positives.sum(-1)


def _over_classes(binary: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """A binary score (K, N) directly; scores of each class (K, N, C) one against the rest, then the plain mean.

    A class that the rows do not have, or that all of them have, is left out of the mean.
    """

    def value(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        count = as_weight(weight, target)
        broken = prediction.isnan()
        if prediction.ndim == 2:
            return binary(prediction, target == 1, count).masked_fill(broken.any(-1), torch.nan)
        classes = torch.arange(prediction.shape[-1], device=prediction.device).unsqueeze(-1)
        count = count.unsqueeze(-2) if count.ndim > 1 else count
        each = binary(prediction.transpose(-2, -1).contiguous(), target.unsqueeze(-2) == classes, count)
        return each.nanmean(-1).masked_fill(broken.any(-1).any(-1), torch.nan)

    return value


def _rank_metric(name: str, binary: Callable[[Tensor, Tensor, Tensor], Tensor], summary: str) -> Metric:
    return Metric(
        name=name, value=_over_classes(binary), needs="score", tasks=("binary", "multiclass", "ordinal"),
        higher_is_better=True, rows=None, root=False, thresholded=False, scale=one, points=True, summary=summary,
    )  # fmt: skip


ROC_AUC = _rank_metric(
    "roc_auc", binary_roc_auc, "chance that a row of the class scores above one of another class (mean over classes)"
)
AVERAGE_PRECISION = _rank_metric(
    "average_precision", binary_average_precision, "area under precision against recall (mean over classes)"
)
