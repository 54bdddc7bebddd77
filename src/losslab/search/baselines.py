"""What a network is measured against: gradient boosting, and the majority class or the mean."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from losslab.search.problem import Problem

MOST_CELLS = 20_000_000  # rows x columns x classes beyond which boosting would take longer than the search


@dataclass(frozen=True)
class Baseline:
    """Raw outputs on validation and test rows, as a network with this link would give them.

    Classes: log-probabilities (n, C) with link "softmax". Values: (n, 1) in the target's own unit, link "identity".
    """

    name: str
    link: str
    validation: Tensor
    test: Tensor


def baselines(problem: Problem, seed: int = 0) -> tuple[list[Baseline], list[str]]:
    """The baselines, fitted on the training part once, and notes on those that were left out."""
    found, notes = [], []
    if problem.table.X.dim() != 2:
        notes.append("gradient boosting is left out: the data is no table")
    elif problem.table.X.numel() * problem.classes > MOST_CELLS:
        notes.append("gradient boosting is left out: the table is too large for a quick fit")
    else:
        found.append(boosting(problem, seed))
    return [*found, constant(problem)], notes


def boosting(problem: Problem, seed: int) -> Baseline:
    """Histogram gradient boosting of scikit-learn, on the table as it is: it needs no scaling and takes gaps."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    X, y, split = problem.table.X.numpy(), problem.y_seen.numpy(), problem.split
    classes = problem.table.task != "regression"
    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    # Its threads wait actively for each other: next to torch's, on few cores, that is many times slower than one.
    with threadpool_limits(1, user_api="openmp"):
        model = kind(learning_rate=0.2, max_leaf_nodes=15, early_stopping=False, random_state=seed)
        model.fit(X[split.train], y[split.train])
        parts = [
            full_log_probabilities(model.predict_proba(X[rows]), model.classes_, problem.classes)
            if classes
            else torch.from_numpy(model.predict(X[rows])).float()[:, None]
            for rows in (split.validation.numpy(), split.test.numpy())
        ]
    return Baseline("not a network: gradient boosting", "softmax" if classes else "identity", *parts)


def full_log_probabilities(probabilities: np.ndarray, present: np.ndarray, classes: int) -> Tensor:
    """Log-probabilities (n, C), with a column for classes that the training part did not have."""
    full = np.zeros((len(probabilities), classes))
    full[:, present] = probabilities
    return torch.from_numpy(np.log(full.clip(1e-12))).float()


def constant(problem: Problem) -> Baseline:
    """The class frequencies of the training part for every row, or its mean."""
    y, split = problem.y_seen[problem.split.train], problem.split
    if problem.table.task == "regression":
        name, link, row = "mean", "identity", y.mean()[None]
    else:
        shares = torch.bincount(y, minlength=problem.classes).double() / len(y)
        name, link, row = "majority class", "softmax", shares.clamp_min(1e-12).log().float()
    return Baseline(name, link, row.expand(len(split.validation), -1), row.expand(len(split.test), -1))
