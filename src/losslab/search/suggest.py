"""A loss inside anyone's own Optuna objective."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from losslab.search.own import loss_module
from losslab.search.quota import candidates
from losslab.search.space import closed, in_target_unit
from losslab.spec.record import LossRecord, Task
from losslab.train.lookup import default_loss, is_own
from losslab.train.objective import class_counts

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


def suggest_loss(
    trial: "BaseTrial",
    task: Task = "multiclass",
    losses: Sequence[str | LossRecord | Callable[..., Any]] | None = None,
    target: Any = None,
) -> nn.Module:
    """A loss module whose name and parameters the trial suggests.

        def objective(trial):
            return train(loss=losslab.suggest_loss(trial, task="multiclass"))

    The trial gets "loss" and, for the chosen loss, "<loss>.<parameter>"; `study.best_trial` gives the best module
    again. `losses` limits the choice (names, records, own callables); without it a binary task gets the losses on one
    output, and a model with an output for each of its two classes names its losses.

    `target` are the training targets of a regression, as the loss will see them, of any shape: parameters with the
    target's unit (delta, ...) are then multiples of their median absolute deviation. Without it they are suggested as
    plain numbers, which suits targets of about unit spread. Of classes, `target` are the training labels: losses that
    want to know how often each class occurs count them.

    Raises ValueError for an unknown loss or one that does not fit the task.
    """
    outputs = default_loss(task).outputs if losses is None else None
    found = candidates(task, losses, outputs=outputs, add_default=False, trains=False)
    records = {record.name: record for record in found.losses}
    record = records[trial.suggest_categorical("loss", list(records))]
    if is_own(record):
        return loss_module(record, {})
    searched = {name: parameter for name, parameter in record.parameters.items() if parameter.search is not None}
    params = {}
    for name, parameter in searched.items():
        low, high = closed(parameter.search)  # type: ignore[arg-type]
        params[name] = trial.suggest_float(f"{record.name}.{name}", low, high, log=parameter.log)
    if target is not None and task == "regression":
        params = in_target_unit(params, record, median_absolute_deviation(target))
    record.check_parameters(params)
    if record.per_class:
        if target is None:
            raise ValueError(f"{record.name} wants the counts of the classes; pass target=, the training labels")
        labels = torch.as_tensor(target).flatten()
        return loss_module(record, {**params, **class_counts(record, labels, int(labels.max()) + 1)})
    return loss_module(record, params)


def median_absolute_deviation(target: Any) -> float:
    """The median distance of the targets from their median; a ValueError where it is zero or not finite."""
    values = np.asarray(torch.as_tensor(target).detach().cpu(), dtype=np.float64)
    if not values.size:
        raise ValueError("target is empty; pass the training targets")
    mad = float(np.median(np.abs(values - np.median(values))))
    if not np.isfinite(values).all():
        raise ValueError(f"target has {(~np.isfinite(values)).sum()} values that are not finite; leave those rows out")
    if mad == 0:
        raise ValueError(
            "at least half of the target values are the same number, so their median absolute deviation, which is the "
            "unit of the loss's parameters, is zero; leave target out and the parameters are plain numbers"
        )
    return mad
