"""Metrics of classes that have an order: how many classes away an answer is. No answer counts as the farthest class."""

import torch
from torch import Tensor

from losslab.metrics.average import mean_over_rows, one
from losslab.metrics.classification import confusion
from losslab.metrics.record import Metric

TASK = ("ordinal",)


def distances(counts: Tensor) -> Tensor:
    """(C, C + 1): how many classes the label of a cell is away; the last column is no answer."""
    place = torch.arange(counts.shape[-2], dtype=counts.dtype, device=counts.device)
    far = torch.maximum(place, place.flip(0))
    return torch.cat(((place[:, None] - place).abs(), far[:, None]), 1)


def rank_mae_of(counts: Tensor) -> Tensor:
    return (counts * distances(counts)).sum((-2, -1)) / counts.sum((-2, -1))


def quadratic_kappa_of(counts: Tensor) -> Tensor:
    """1 - squared distances seen / those of the same answers dealt out at random. NaN where nothing can differ."""
    squares = distances(counts).square()
    rows, columns, total = counts.sum(-1), counts.sum(-2), counts.sum((-2, -1))
    by_chance = (rows.unsqueeze(-1) * columns.unsqueeze(-2) * squares).sum((-2, -1)) / total
    return 1 - (counts * squares).sum((-2, -1)) / by_chance


def rank_mae_rows(prediction: Tensor, target: Tensor) -> Tensor:
    far = torch.maximum(target, target.max() - target)
    return torch.where(prediction < 0, far, (prediction - target).abs()).to(torch.float64)


def ranked_probability_rows(prediction: Tensor, target: Tensor) -> Tensor:
    """Squared errors of the chances to lie above each of the C - 1 thresholds, their mean: from 0 to 1."""
    below = prediction.to(torch.float64).cumsum(-1)[..., :-1]
    places = torch.arange(below.shape[-1], device=target.device)
    return (below - (target.unsqueeze(-1) <= places).to(torch.float64)).square().mean(-1)


def rank_mae(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    return rank_mae_of(confusion(prediction, target, weight))


def quadratic_kappa(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    return quadratic_kappa_of(confusion(prediction, target, weight))


def ranked_probability_score(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    return mean_over_rows(ranked_probability_rows(prediction, target), weight)


def rank_mae_scale(target: Tensor) -> float:
    """That of the median class for every row."""
    return float((target - target.median()).abs().double().mean()) or 1.0


def ranked_probability_scale(target: Tensor) -> float:
    """That of the class shares for every row."""
    shares = torch.bincount(target.flatten()).to(torch.float64) / target.numel()
    return float(ranked_probability_score(shares.expand(1, len(target), -1), target)) or 1.0


RANK_MAE = Metric(
    name="rank_mae", value=rank_mae, needs="label", tasks=TASK, higher_is_better=False, rows=rank_mae_rows, root=False,
    thresholded=True, scale=rank_mae_scale, points=False, of_confusion=rank_mae_of,
    summary="mean number of classes between the answer and the truth",
)  # fmt: skip
QUADRATIC_KAPPA = Metric(
    name="quadratic_kappa", value=quadratic_kappa, needs="label", tasks=TASK, higher_is_better=True, rows=None,
    root=False, thresholded=True, scale=one, points=True, of_confusion=quadratic_kappa_of,
    summary="agreement beyond chance, where an error counts by the square of its distance",
)  # fmt: skip
RANKED_PROBABILITY_SCORE = Metric(
    name="ranked_probability_score", value=ranked_probability_score, needs="probability", tasks=TASK,
    higher_is_better=False, rows=ranked_probability_rows, root=False, thresholded=False, scale=ranked_probability_scale,
    points=False, summary="mean squared error of the chances to lie above each class",
)  # fmt: skip
