"""A metric of the user's: a plain function of one member, called member by member."""

import inspect
import math
from collections.abc import Callable
from typing import Any, get_args

import torch
from torch import Tensor

from losslab.metrics.record import Metric, Needs

_SECOND_ARGUMENT: dict[str, Needs] = {"y_score": "score", "y_proba": "probability", "y_prob": "probability"}
VALUES = ("regression", "multioutput", "count", "positive")
COLUMNS = ("multilabel", "multioutput")  # tasks with several target columns
_LOWER_ENDINGS = ("_loss", "_error", "_deviance")


def from_callable(function: Callable[..., Any], task: str, higher_is_better: bool | None = None) -> Metric:
    """A `Metric` named after `function(prediction, target) -> number`, which sees one member: tensors (N,), (N,); both
    (N, T) where the target has several columns.

    - `function.needs`, if set, says what it gets; by default labels, for regression values.
    - `higher_is_better`: the argument, else the attribute of the function, else True.
    - A function whose first argument is called `y_true`, as scikit-learn's are, gets NumPy arrays, the target first,
      and for binary probabilities those of class 1; its direction then follows scikit-learn's rule, by which names
      that end in _loss, _error or _deviance are to be made small.
    - Rows counted by a weight are repeated, so the counts must be whole. A function of binary labels gets a fitted
      threshold as any other metric does; of more classes not, since that would take thousands of calls.

    Raises ValueError where `needs` is unknown or, on a call, where the result is not one number.
    """
    name = _name(function)
    names = _argument_names(function)
    needs = getattr(function, "needs", None) or (
        "value" if task in VALUES else _SECOND_ARGUMENT.get(names[1] if len(names) > 1 else "", "label")
    )
    if needs not in get_args(Needs):
        raise ValueError(f"metric {name!r}: needs = {needs!r}; it must be one of {', '.join(get_args(Needs))}")
    sklearn_style = names[:1] == ["y_true"]
    turn, said = _direction(function, name, higher_is_better, sklearn_style)

    def once(prediction: Tensor, target: Tensor) -> float:
        if sklearn_style:
            if needs == "probability" and prediction.shape[-1] == 2:
                prediction = prediction[:, 1]
            return _number(function(target.cpu().numpy(), prediction.cpu().numpy()), name)
        return _number(function(prediction, target), name)

    def value(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        rows = prediction.shape[1]
        counts = torch.ones(rows, dtype=torch.int64) if weight is None else _whole(weight, name)
        shape = torch.broadcast_shapes(counts.shape, prediction.shape[:2])
        counts = counts.to(target.device).expand(shape)
        targets = target.expand(prediction.shape if task in COLUMNS else prediction.shape[:2])
        found = [
            once(prediction[k].repeat_interleave(count, 0), targets[k].repeat_interleave(count, 0))
            for resample in counts.reshape(-1, *prediction.shape[:2])
            for k, count in enumerate(resample)
        ]
        return torch.tensor(found, dtype=torch.float64, device=prediction.device).reshape(shape[:-1])

    def of_confusion(counts: Tensor) -> Tensor:
        different, back = counts.reshape(-1, *counts.shape[-2:]).unique(dim=0, return_inverse=True)
        found = torch.tensor([_from_counts(once, one) for one in different], dtype=torch.float64, device=counts.device)
        return found[back].reshape(counts.shape[:-2])

    def scale(target: Tensor) -> float:
        if task not in VALUES:
            return 1.0
        size = abs(once(target.mean(0).expand_as(target).contiguous(), target))
        return size if size > 0 and math.isfinite(size) else 1.0

    thresholded = needs == "label" and task == "binary"
    return Metric(
        name=name, value=value, needs=needs, tasks=(task,), higher_is_better=turn, rows=None, root=False,
        thresholded=thresholded, scale=scale, points=False, summary=f"{name}, a function of your own: {said}",
        of_confusion=of_confusion if thresholded else None, by_member=True,
    )  # fmt: skip


def _name(function: Callable[..., Any]) -> str:
    inner = getattr(function, "func", function)  # functools.partial
    return str(getattr(inner, "__name__", type(inner).__name__)).strip("<>")


def _argument_names(function: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # written in C: no signature
        return []


def _direction(function: Any, name: str, given: bool | None, sklearn_style: bool) -> tuple[bool, str]:
    """Whether higher is better, and the words that say so."""
    if given is None:
        given = getattr(function, "higher_is_better", None)
    if given is not None:
        return bool(given), "higher is better" if given else "lower is better"
    if sklearn_style and name.endswith(_LOWER_ENDINGS):
        return False, "lower is taken to be better, by its name"
    return True, "higher is taken to be better; set its attribute higher_is_better = False if lower is"


def _number(result: Any, name: str) -> float:
    if isinstance(result, Tensor) and result.numel() != 1:
        raise ValueError(f"metric {name!r} returned a tensor of shape {tuple(result.shape)}; it must return one number")
    try:
        return float(result)
    except (TypeError, ValueError):
        raise ValueError(f"metric {name!r} returned {result!r:.80}; it must return one number") from None


def _whole(weight: Tensor, name: str) -> Tensor:
    counts = weight.round().to(torch.int64)
    if not torch.equal(counts.to(weight.dtype), weight):
        raise ValueError(f"metric {name!r} repeats rows by their weight, so weights must be whole numbers")
    return counts


def _from_counts(once: Callable[[Tensor, Tensor], float], counts: Tensor) -> float:
    """The metric of rows that have these (target, label) counts; the last column is the label -1."""
    target, label = counts.nonzero(as_tuple=True)
    times = counts[target, label].long()
    label = torch.where(label == counts.shape[-1] - 1, -1, label)
    return once(label.repeat_interleave(times), target.repeat_interleave(times))
