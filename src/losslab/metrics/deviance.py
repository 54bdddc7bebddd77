"""Metrics of counts and positive amounts (K, N): deviances, and errors of ratios."""

from functools import partial

import torch
from torch import Tensor

from losslab.metrics.average import mean_over_rows
from losslab.metrics.regression import metric_in_unit

SIZES = ("count", "positive")


def poisson_rows(prediction: Tensor, target: Tensor) -> Tensor:
    """2 (y log(y / m) - y + m); NaN where a prediction is not above 0."""
    m, y = _doubles(prediction, target)
    return 2 * (torch.special.xlogy(y, y / m) - y + m)


def gamma_rows(prediction: Tensor, target: Tensor) -> Tensor:
    """2 (log(m / y) + y / m - 1); NaN where a prediction is not above 0."""
    m, y = _doubles(prediction, target)
    return 2 * ((m / y).log() + y / m - 1)


def log_rows(prediction: Tensor, target: Tensor) -> Tensor:
    """(log(1 + m) - log(1 + y))^2"""
    m, y = prediction.to(torch.float64), target.to(torch.float64)
    return (m.log1p() - y.log1p()).square()


def ratio_rows(prediction: Tensor, target: Tensor) -> Tensor:
    m, y = prediction.to(torch.float64), target.to(torch.float64)
    return (m - y).abs() / y.abs().clamp_min(torch.finfo(torch.float64).eps)


def _doubles(prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    m = prediction.to(torch.float64)
    return m.masked_fill(m <= 0, torch.nan), target.to(torch.float64)


def poisson_deviance(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    return mean_over_rows(poisson_rows(prediction, target), weight)


def gamma_deviance(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    return mean_over_rows(gamma_rows(prediction, target), weight)


def rmsle(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    return mean_over_rows(log_rows(prediction, target), weight).sqrt()


def mape(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    return mean_over_rows(ratio_rows(prediction, target), weight)


def _log_mean(target: Tensor) -> Tensor:
    return target.log1p().mean().expm1()


POISSON_DEVIANCE = metric_in_unit(
    "poisson_deviance", poisson_deviance, poisson_rows, torch.mean,
    "mean Poisson deviance: errors count by the variance of a count of that size", tasks=SIZES,
)  # fmt: skip
GAMMA_DEVIANCE = metric_in_unit(
    "gamma_deviance", gamma_deviance, gamma_rows, torch.mean,
    "mean gamma deviance: errors count in proportion to the prediction", tasks=("positive",),
)  # fmt: skip
RMSLE = metric_in_unit(
    "rmsle", rmsle, log_rows, _log_mean, "root of the mean squared difference of log(1 + value)", root=True,
    tasks=SIZES,
)  # fmt: skip
MAPE = metric_in_unit(
    "mape", mape, ratio_rows, partial(torch.quantile, q=0.5), "mean absolute error as a share of the target",
    tasks=("positive",),
)  # fmt: skip
