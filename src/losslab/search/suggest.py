"""A loss and an optimiser inside anyone's own Optuna objective."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from losslab.data.table import NUMBERS
from losslab.optim import get as update_rule
from losslab.optim import torch_optimizer
from losslab.search.dimensions import rate, rates_of
from losslab.search.own import loss_module
from losslab.search.quota import candidates
from losslab.search.space import closed, in_target_unit, searched
from losslab.spec.record import LossRecord, Task
from losslab.train.lookup import default_loss, is_own
from losslab.train.objective import class_counts

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
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

    `target` are the training targets where they are numbers (regression, multioutput, count, positive), as the loss
    will see them: parameters with the target's unit (delta, ...) are then multiples of their median absolute deviation,
    of (N, T) the mean of those of the T columns. Without it they are suggested as plain numbers, which suits targets of
    about unit spread. Of classes, `target` are the training labels: losses that want to know how often each class
    occurs count them.

    Losses for "ordinal" have an output for each class, as `cross_entropy` does; those on thresholds (C - 1 outputs) are
    named. Those for "count" and "positive" whose record says `link="exp"` train the logarithm of the mean.

    Raises ValueError for an unknown loss or one that does not fit the task.
    """
    outputs = default_loss(task).outputs if losses is None else None
    found = candidates(task, losses, outputs=outputs, add_default=False, trains=False)
    records = {record.name: record for record in found.losses}
    record = records[trial.suggest_categorical("loss", list(records))]
    if is_own(record):
        return loss_module(record, {})
    params = {}
    for name, parameter in record.parameters.items():
        if parameter.search is None:
            continue
        low, high = closed(parameter.search)
        params[name] = trial.suggest_float(f"{record.name}.{name}", low, high, log=parameter.log)
    if target is not None and task in NUMBERS:
        params = in_target_unit(params, record, typical_deviation(target, task))
    record.check_parameters(params)
    if record.per_class:
        if target is None:
            raise ValueError(f"{record.name} wants the counts of the classes; pass target=, the training labels")
        labels = torch.as_tensor(target).flatten()
        return loss_module(record, {**params, **class_counts(record, labels, int(labels.max()) + 1)})
    return loss_module(record, params)


def suggest_optimizer(
    trial: "BaseTrial",
    params: Iterable[Tensor],
    optimizers: str | Sequence[str] = ("adamw", "sgd"),
    *,
    lr: Any = None,
    weight_decay: Any = None,
) -> torch.optim.Optimizer:
    """An optimiser of torch.optim whose name and hyperparameters the trial suggests.

        optimizer = losslab.suggest_optimizer(trial, model.parameters(), ["adamw", "sgd", "rmsprop"])

    The trial gets "optimizer" and, for the chosen one, "<optimizer>.lr" and its other searched hyperparameters, in the
    ranges of the search of `losslab.tune`; what is not searched has torch's default. `study.best_trial` gives the best
    one again. `lr` and `weight_decay` are set or searched as in `losslab.tune`: one number, a range (low, high) or a
    list of choices. `params` is what the class of torch.optim takes first, groups of parameters too.

    Raises ValueError for an unknown optimiser, or one that torch.optim has no class for.
    """
    names = [optimizers] if isinstance(optimizers, str) else list(optimizers)
    if not names:
        raise ValueError("optimizers is empty; name at least one, e.g. ['adamw']")
    rules = {name: update_rule(name) for name in names}
    lacking = [name for name, rule in rules.items() if not rule.torch_name]
    if lacking:
        raise ValueError(f"torch.optim has no class for {', '.join(lacking)}; leave it out, or train with losslab.fit")
    rates = rates_of({"lr": lr, "weight_decay": weight_decay}, rules)
    rule = rules[trial.suggest_categorical("optimizer", names)]
    values: dict[str, Any] = {}
    for name, parameter in rule.hyper.items():
        if name in rates:
            asked = rate(rates[name], log=parameter.log)
        elif parameter.search is not None:
            asked = searched(parameter)
        else:
            continue
        values[name] = suggested(trial, f"{rule.name}.{name}", asked)
    return torch_optimizer(rule, params, values)


def suggested(trial: "BaseTrial", name: str, distribution: "BaseDistribution") -> Any:
    """What the trial suggests for a dimension of a space."""
    asked: Any = distribution
    if hasattr(asked, "choices"):
        return trial.suggest_categorical(name, asked.choices)
    return trial.suggest_float(name, asked.low, asked.high, log=asked.log)


def typical_deviation(target: Any, task: Task) -> float:
    """The unit of parameters on the target's axis: the MAD of all values, or the mean MAD of several columns."""
    values = torch.as_tensor(target)
    if task != "multioutput" or values.ndim < 2:
        return median_absolute_deviation(values)
    return sum(median_absolute_deviation(column) for column in values.unbind(-1)) / values.shape[-1]


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
