"""What the sides of the population benchmark share: data, hyperparameters of the members, and the clock."""

import json
import sys
import time
from collections.abc import Callable

import numpy as np

ROWS, BATCH = 1216, 64  # 19 whole batches of the training rows of digits
STEPS = ROWS // BATCH


def member_count() -> int:
    return int(sys.argv[1])


def rows() -> tuple[np.ndarray, np.ndarray]:
    """(ROWS, 64) standardised pixels and (ROWS,) labels."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    X = (X - X.mean(0)) / np.where(X.std(0) == 0, 1, X.std(0))
    return X[:ROWS].astype(np.float32), y[:ROWS]


def rates(members: int) -> np.ndarray:
    return np.linspace(1e-4, 1e-2, members, dtype=np.float32)


def gammas(members: int) -> np.ndarray:
    return np.linspace(0.5, 5, members, dtype=np.float32)


def smoothings(members: int) -> np.ndarray:
    return np.linspace(0.01, 0.3, members, dtype=np.float32)


def decays(members: int) -> np.ndarray:
    return np.full(members, 1e-4, dtype=np.float32)


def timed(epoch: Callable[[np.ndarray], None], least: float = 1.0, epochs: int = 5) -> list[float]:
    """Seconds of each epoch on rows in another order, after two that warm up: at least `epochs`, and a second."""
    draw, seconds = np.random.default_rng(0), []
    for number in range(10_000):
        order = draw.permutation(ROWS)
        start = time.perf_counter()
        epoch(order)
        if number > 1:
            seconds.append(time.perf_counter() - start)
        if len(seconds) >= epochs and sum(seconds) > least:
            break
    return seconds


def report(seconds: list[float]) -> None:
    """The median step of an epoch."""
    print(json.dumps({"step": float(np.median(seconds)) / STEPS}))
