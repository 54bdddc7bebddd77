"""What the network is asked to predict: targets on a scale of their own, fitted on training rows."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from losslab.data.table import Prepared, Task

LEAST = 1e-3  # of the training mean: the smallest count or amount that is predicted where training saw a zero


@dataclass(frozen=True)
class Scaled:
    """Targets as the network sees them: own unit = y * scale + mean. `mad` as in `Prepared`."""

    y: Tensor
    mean: float | Tensor = 0.0
    scale: float | Tensor = 1.0
    mad: float | Tensor = 1.0
    least: float = -math.inf  # nothing below is predicted, in the target's own unit


def scale_target(y: Tensor, rows: Tensor, task: Task) -> Scaled:
    """Fitted on the training rows (R,): quantities are standardised, each column of several by itself.

    Counts and positive amounts are divided by their mean, so that they stay what they are and a loss with a log link
    starts at the right size. Classes and labels are left alone.
    """
    if task in ("count", "positive"):
        values = y.numpy().astype(np.float64)
        known = values[rows.numpy()]
        size = float(known.mean()) or 1.0
        y = torch.from_numpy((values / size).astype(np.float32))
        return Scaled(y, 0.0, size, _mad(known / size), max(float(known.min()), LEAST * size))
    if task not in ("regression", "multioutput"):
        return Scaled(y)
    values = y.numpy().astype(np.float64)
    known = values[rows.numpy()]
    mean, scale = known.mean(0), spread(known)
    values = (values - mean) / scale
    known = values[rows.numpy()]
    y = torch.from_numpy(values.astype(np.float32))
    if task == "regression":
        return Scaled(y, float(mean), float(scale), _mad(known))
    mads = torch.tensor([_mad(known[:, column]) for column in range(known.shape[1])], dtype=torch.float64)
    return Scaled(y, torch.from_numpy(mean), torch.from_numpy(scale), mads)


def own_unit(value: Tensor, prepared: Prepared) -> Tensor:
    """Predictions (..., N) or (..., N, T) in the target's own unit.

    Counts and positive amounts are not below the smallest that training saw (or a thousandth of the mean), whatever
    loss trained the model: a deviance is not defined at or below 0, which losses without a log link can reach.
    """
    value = value * prepared.y_scale + prepared.y_mean
    return value.clamp_min(prepared.y_least) if prepared.y_least > -math.inf else value


def spread(values: np.ndarray) -> np.ndarray:
    """The standard deviation (over N) of each column; 1 for a constant one."""
    return np.where(values.max(0) > values.min(0), values.std(0), 1.0)


def _mad(values: np.ndarray) -> float:
    return float(np.median(np.abs(values - np.median(values)))) or 1.0
