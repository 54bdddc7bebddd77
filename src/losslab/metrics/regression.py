"""Metrics of values (K, N)."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from losslab.metrics.average import as_weight, mean_over_rows, one
from losslab.metrics.record import Metric

NUMBERS = ("regression", "count", "positive")


def _residual(prediction: Tensor, target: Tensor) -> Tensor:
    return target.to(torch.float64) - prediction.to(torch.float64)


def absolute_rows(prediction: Tensor, target: Tensor) -> Tensor:
    return _residual(prediction, target).abs()


def squared_rows(prediction: Tensor, target: Tensor) -> Tensor:
    return _residual(prediction, target).square()


def pinball_rows(prediction: Tensor, target: Tensor, level: float) -> Tensor:
    """level * r above the prediction and (level - 1) * r below it, for r = target - prediction."""
    residual = _residual(prediction, target)
    return torch.maximum(level * residual, (level - 1) * residual)


def mae(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    return mean_over_rows(absolute_rows(prediction, target), weight)


def rmse(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    return mean_over_rows(squared_rows(prediction, target), weight).sqrt()


def r2(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """1 - squared errors / squared deviations from the mean; of a constant target 1 if all is right, else 0."""
    errors = mean_over_rows(squared_rows(prediction, target), weight)
    center = mean_over_rows(target, weight).unsqueeze(-1)
    spread = mean_over_rows((target - center).square(), weight)
    constant = torch.where(errors == 0, 1.0, 0.0).to(torch.float64)
    return torch.where((spread == 0) & ~errors.isnan(), constant, 1 - errors / spread)


def median_ae(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """The median of the absolute errors, of an even number of rows the mean of the two in the middle."""
    errors, order = absolute_rows(prediction, target).sort(-1)
    count = as_weight(weight, errors)
    shape = torch.broadcast_shapes(count.shape, errors.shape)
    running = count.expand(shape).gather(-1, order.expand(shape)).cumsum(-1)
    half = running[..., -1:] / 2
    last = errors.shape[-1] - 1
    low = torch.searchsorted(running, half).clamp(max=last)
    high = torch.searchsorted(running, half, right=True).clamp(max=last)
    errors = errors.expand(shape)
    middle = (errors.gather(-1, low) + errors.gather(-1, high)).squeeze(-1) / 2
    broken = errors[..., -1].isnan() | (half.squeeze(-1) == 0)
    return middle.masked_fill(broken, torch.nan)


def metric_in_unit(
    name: str,
    value: Callable[..., Tensor],
    rows: Callable[[Tensor, Tensor], Tensor] | None,
    constant: Callable[[Tensor], Tensor],
    summary: str,
    root: bool = False,
    tasks: tuple[str, ...] = NUMBERS,
) -> Metric:
    """A metric in the target's unit; its scale is its value for the best constant prediction."""

    def scale(target: Tensor) -> float:
        target = target.to(torch.float64)
        return float(value(constant(target).expand(1, len(target)), target))

    return Metric(
        name=name, value=value, needs="value", tasks=tasks, higher_is_better=False, rows=rows, root=root,
        thresholded=False, scale=scale, points=False, summary=summary,
    )  # fmt: skip


def pinball(level: float, name: str | None = None) -> Metric:
    """The pinball metric of the quantile `level`, between 0 and 1; named "pinball:0.9" for level 0.9.

    Raises ValueError for a level that is not strictly between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"pinball: level {level:g} must lie strictly between 0 and 1, as in pinball:0.9")
    rows = partial(pinball_rows, level=level)

    def value(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        return mean_over_rows(rows(prediction, target), weight)

    return metric_in_unit(
        name or f"pinball:{level:g}", value, rows, partial(torch.quantile, q=level),
        f"mean pinball loss of the {level:g} quantile, in the target's unit",
    )  # fmt: skip


_median = partial(torch.quantile, q=0.5)
MAE = metric_in_unit("mae", mae, absolute_rows, _median, "mean absolute error, in the target's unit")
RMSE = metric_in_unit(
    "rmse", rmse, squared_rows, torch.mean, "root of the mean squared error, in the target's unit", root=True
)
MEDIAN_AE = metric_in_unit("median_ae", median_ae, None, _median, "median absolute error, in the target's unit")
PINBALL = pinball(0.5, name="pinball")
R2 = Metric(
    name="r2", value=r2, needs="value", tasks=NUMBERS, higher_is_better=True, rows=None, root=False,
    thresholded=False, scale=one, points=False, summary="share of the target's variance that is explained",
)  # fmt: skip
