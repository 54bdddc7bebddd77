"""What the report shows of two lines of the leaderboard side by side, where the target has several columns."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from losslab.metrics.links import to_label

MOST_COLUMNS = 8  # whose residuals are kept


def residuals_of(predictions: Mapping[str, Tensor], target: Tensor, names: tuple[str, ...]) -> dict[str, Any]:
    """Of the first column as for a single target, and of the first few by name. predictions: (R, N, T) each."""
    columns = {}
    for place, name in enumerate(names[:MOST_COLUMNS]):
        mean = {who: one[..., place].mean(0) - target[:, place] for who, one in predictions.items()}
        columns[name] = {"target": target[:, place].tolist(), **{who: value.tolist() for who, value in mean.items()}}
    return {"residuals": columns[names[0]] | {"column": names[0]}, "residual_columns": columns}


def answers(prediction: Tensor) -> Tensor:
    """The yes or no (N, T) that most retrainings gave, from labels or scores (R, N, T)."""
    if prediction.is_floating_point():
        prediction = to_label(prediction.flatten(1)).unflatten(1, prediction.shape[1:])
    return (2 * (prediction == 1).sum(0) > len(prediction)).long()


def labels_of(predictions: Mapping[str, Tensor], target: Tensor, names: tuple[str, ...]) -> dict[str, Any]:
    """For each label, how many rows were found, missed, claimed wrongly and left out rightly."""
    true = target == 1
    told = {who: answers(one) == 1 for who, one in predictions.items()}
    counts = {
        who: {
            "found": (yes & true).sum(0).tolist(), "missed": (~yes & true).sum(0).tolist(),
            "wrong": (yes & ~true).sum(0).tolist(), "left": (~yes & ~true).sum(0).tolist(),
        }
        for who, yes in told.items()
    }  # fmt: skip
    return {"labels": {"names": list(names), **counts}}


def two_sided(probability: Tensor) -> Tensor:
    """Probabilities (N * T, 2) of no and yes, from those of a yes (R, N, T), mean over retrainings."""
    yes = probability.mean(0).flatten()
    return torch.stack((1 - yes, yes), -1)


def chosen_labels(answer: Tensor, names: tuple[str, ...]) -> list[str]:
    """The names of the labels (N, T) of each row."""
    return [", ".join(name for name, yes in zip(names, row, strict=True) if yes) or "none" for row in answer.tolist()]
