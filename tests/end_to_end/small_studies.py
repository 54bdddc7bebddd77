"""Data and settings so small that a whole study takes about a second."""

import numpy as np
from sklearn.datasets import load_diabetes, load_iris

SMALL = {"trials": 12, "epochs": 2, "runs": 3, "losses": ["cross_entropy", "focal_loss"]}
SMALL_REGRESSION = {"trials": 12, "epochs": 2, "runs": 3, "losses": ["mse_loss", "huber_loss"]}


def iris():
    return load_iris(return_X_y=True)


def diabetes():
    return load_diabetes(return_X_y=True)


def two_classes(rows=120):
    """Overlapping classes, three in ten rows positive, columns of different size."""
    rng = np.random.default_rng(3)
    y = (np.arange(rows) % 10 < 3).astype(int)
    X = rng.normal(size=(rows, 3)) * [1.0, 50.0, 0.02] + y[:, None] * [0.8, 30.0, 0.01]
    return X.astype(np.float32), y


def said(result):
    """Everything that a result says, but how long it took, where the files went and how the stack was probed."""
    return {
        name: value
        for name, value in result.to_json().items()
        if name not in ("seconds", "command", "ledger", "engine")
    }


def by_loss(result):
    return {row.loss: row for row in result.table if row.role == "loss"}
