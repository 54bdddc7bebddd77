"""Metrics of probabilities (K, N, C): how good, and how well calibrated, they are."""

import torch
import torch.nn.functional as F
from torch import Tensor

from losslab.metrics.average import as_weight, mean_over_rows, one
from losslab.metrics.record import Metric

BINS = 15


def log_loss_rows(prediction: Tensor, target: Tensor) -> Tensor:
    """-log of the probability of the true class, clipped as scikit-learn does: to the precision of the dtype."""
    true = prediction.gather(-1, target.expand(prediction.shape[:-1]).unsqueeze(-1)).squeeze(-1)
    precision = torch.finfo(prediction.dtype).eps
    return -true.clamp(precision, 1 - precision).to(torch.float64).log()


def brier_rows(prediction: Tensor, target: Tensor) -> Tensor:
    """Squared distance to the true class: over both classes halved (0 to 1), over more classes whole (0 to 2)."""
    classes = prediction.shape[-1]
    squares = (prediction.to(torch.float64) - F.one_hot(target, classes)).square().sum(-1)
    return squares / 2 if classes == 2 else squares


def log_loss(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    return mean_over_rows(log_loss_rows(prediction, target), weight)


def brier(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    return mean_over_rows(brier_rows(prediction, target), weight)


def ece(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Expected calibration error (Guo et al. 2017): 15 bins of equal width, each (low, high], of the top probability.

    The gap of a bin is |rows that are right - sum of their top probabilities|; the value is the sum of gaps by row.
    """
    top, label = prediction.to(torch.float64).max(-1)
    edges = torch.arange(1, BINS, dtype=torch.float64, device=prediction.device) / BINS
    count = as_weight(weight, top)
    bins, surplus = torch.broadcast_tensors(
        torch.bucketize(top, edges), ((label == target).to(top.dtype) - top) * count
    )
    gaps = torch.zeros(*bins.shape[:-1], BINS, dtype=torch.float64, device=prediction.device)
    return gaps.scatter_add_(-1, bins, surplus).abs().sum(-1) / count.sum(-1)


def _shares(target: Tensor) -> Tensor:
    return torch.bincount(target.flatten()).to(torch.float64) / target.numel()


def log_loss_scale(target: Tensor) -> float:
    """The log loss of the class shares (their entropy)."""
    return float(torch.special.entr(_shares(target)).sum())


def brier_scale(target: Tensor) -> float:
    """The Brier score of the class shares."""
    shares = _shares(target)
    spread = float(1 - shares.square().sum())
    return spread / 2 if len(shares) <= 2 else spread


_CLASSES = ("binary", "multiclass", "ordinal")
LOG_LOSS = Metric(
    name="log_loss", value=log_loss, needs="probability", tasks=_CLASSES, higher_is_better=False, rows=log_loss_rows,
    root=False, thresholded=False, scale=log_loss_scale, points=False,
    summary="mean of -log of the probability given to the true class",
)  # fmt: skip
BRIER = Metric(
    name="brier", value=brier, needs="probability", tasks=_CLASSES, higher_is_better=False, rows=brier_rows,
    root=False, thresholded=False, scale=brier_scale, points=False,
    summary="mean squared distance of the probabilities from the true class",
)  # fmt: skip
ECE = Metric(
    name="ece", value=ece, needs="probability", tasks=_CLASSES, higher_is_better=False, rows=None,
    root=False, thresholded=False, scale=one, points=True,
    summary="calibration error: how far confidence is from the share that is right",
)  # fmt: skip
