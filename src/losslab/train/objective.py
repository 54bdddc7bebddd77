"""Losses as the engine sees them: declared ones, and the user's own."""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

from losslab.catalog import CATALOGUE
from losslab.kernels import pointwise, rowwise
from losslab.spec.record import LossRecord
from losslab.spec.reduction import reduce
from losslab.train.member import Objective
from losslab.train.weighted import weighted_mean


def objective_of(loss: LossRecord, classes: int, columns: int = 1) -> Objective:
    """An objective from a record; `classes` is 1 where the target is no class, `columns` how many columns it has.

    A loss on one output gets a float target in the output's shape (-1 for 0 where it wants signs), a loss on class
    scores or thresholds gets class indices (B,). A user's own loss (its rule is its form) is called as it is, and may
    reduce itself or give a value per sample.
    """
    own = loss.rule is loss.form
    mean = own_mean(loss) if own else rule_mean(loss)
    return Objective(loss.name, mean, width_of(loss, classes, columns), loss.link, weighted_of(loss), loss)


def kernel_of_loss(objective: Objective) -> Any:
    """The kernel of an objective that is a loss of the catalogue, or None."""
    record = objective.record
    known = None if record is None else CATALOGUE.get(record.name)
    if record is None or known is None or known.rule is not record.rule:  # bounds and defaults may be a person's own
        return None
    if record.kind == "pointwise" and record.outputs == "one":
        return pointwise.find(record.name)
    return rowwise.find(record.name) if record.kind == "rowwise" and record.outputs == "classes" else None


def width_of(loss: LossRecord, classes: int, columns: int = 1) -> int:
    """How many outputs a model needs for the loss."""
    return columns if loss.outputs == "one" else classes if loss.outputs == "classes" else classes - 1


def class_counts(loss: LossRecord, labels: Tensor, classes: int) -> dict[str, tuple[float, ...]]:
    """What a loss wants to know of each class, from the labels of the rows that it trains on.

    A class that has no row there is counted once: of a count of zero these losses make an infinite weight.
    """
    if not loss.per_class:
        return {}
    found = tuple(torch.bincount(labels.long(), minlength=classes).clamp(min=1).double().tolist())
    return dict.fromkeys(loss.per_class, found)


def name_of(loss: Any) -> str:
    """What a user's own loss is called in tables."""
    return getattr(loss, "name", None) or getattr(loss, "__name__", None) or type(loss).__name__


def rule_mean(record: LossRecord) -> Callable[..., Tensor]:
    """One member's mean loss, straight from the rule: outputs of a network need no checks at each step."""

    def mean_loss(output: Tensor, target: Tensor, **params: Any) -> Tensor:
        result = record.rule(output, fit_target(record, target, output), **params)
        value, weight = result if isinstance(result, tuple) else (result, None)
        return reduce(record.name, value, weight, None, "mean", "weight", "zero")

    return mean_loss


def own_mean(record: LossRecord) -> Callable[..., Tensor]:
    """One member's mean loss from a user's own callable."""

    def mean_loss(output: Tensor, target: Tensor, **params: Any) -> Tensor:
        return cast(Tensor, record.rule(output, fit_target(record, target, output), **params)).mean()

    return mean_loss


def weighted_of(record: LossRecord) -> Callable[..., tuple[Tensor, Tensor]]:
    """One member's mean loss over rows with weights (B,), or None, and the sum of weights that it was divided by."""

    def mean_and_weight(output: Tensor, target: Tensor, rows: Tensor | None, **params: Any) -> tuple[Tensor, Tensor]:
        result = record.rule(output, fit_target(record, target, output), **params)
        value, weight = result if isinstance(result, tuple) else (result, None)
        return weighted_mean(record.name, value, weight, rows, len(output))

    return mean_and_weight


def fit_target(record: LossRecord, target: Tensor, output: Tensor) -> Tensor:
    """The engine's targets as the loss wants them: labels 0 and 1 become -1 and 1 for a loss on signs."""
    if record.outputs != "one":
        return target
    return cast(Tensor, record.spell(target.to(output.dtype).reshape(output.shape)))
