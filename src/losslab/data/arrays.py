"""`(X, y)` of arrays, tensors, lists, DataFrames and Series."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from losslab.data.checks import make_table
from losslab.data.raw import Raw
from losslab.data.table import Table


def from_arrays(
    X: Any, y: Any, *, name: str = "data", task: str | None = None, notes: tuple[str, ...] = (), changing: Any = None
) -> Table:
    """A checked table of `(X, y)`; see `load` for what is raised."""
    return make_table(replace(raw_arrays(X, y), name=name, notes=notes, changing=changing), task)


def raw_arrays(X: Any, y: Any) -> Raw:
    """Rows first in both. A DataFrame keeps its columns' kinds; anything else must be numbers."""
    frame = is_frame(X)
    features = X if frame else _features(X)
    target = _target(y, features.shape)
    if len(features) != len(target):
        raise ValueError(
            f"X has shape {tuple(features.shape)} and y {target.shape}: {len(features)} and {len(target)} rows. "
            "Each row of X needs one target"
        )
    if frame and hasattr(y, "index") and not X.index.equals(y.index) and X.index.sort_values().equals(
        y.index.sort_values()
    ):  # fmt: skip
        raise ValueError("X and y have the same index in another order, so rows would be mixed up: pass y.loc[X.index]")
    label = getattr(y, "name", None)
    return Raw("data", features, target, target=str(label) if isinstance(label, str) else "target")


def is_frame(data: Any) -> bool:
    """Whether it is a pandas DataFrame, without importing pandas."""
    return hasattr(data, "iloc") and hasattr(data, "columns")


def series_values(series: Any) -> np.ndarray:
    """The values of a pandas Series: numbers or booleans as they are, anything else (or missing ones) as objects."""
    values = series.to_numpy()
    return values if values.dtype.kind in "biuf" else np.asarray(series, dtype=object)


def _features(X: Any) -> np.ndarray:
    if hasattr(X, "toarray"):
        raise ValueError("X is a sparse matrix: pass X.toarray()")
    array = _array(X, "X")
    if array.dtype.kind == "c":
        raise ValueError("X is complex: pass its real and imaginary parts as columns")
    if array.dtype.kind not in "biuf":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"X holds something that is not a number ({error}): pass numbers, or a pandas DataFrame, "
                "whose categories are encoded"
            ) from None
    if array.ndim < 2:
        raise ValueError(f"X has shape {array.shape}; (rows, columns) is wanted: for one column pass X.reshape(-1, 1)")
    with np.errstate(over="ignore"):  # what is too large becomes infinite and is named by the check of features
        return array.astype(np.float32)


def _target(y: Any, features: tuple[int, ...]) -> np.ndarray:
    array = series_values(y) if hasattr(y, "iloc") and not is_frame(y) else _array(y, "y")
    found = f"y has shape {array.shape}, X {tuple(features)}; y must be ({features[0]},)"
    if array.ndim == 2 and array.shape[1] == 1:
        call = ".squeeze(1)" if isinstance(y, torch.Tensor) else ".iloc[:, 0]" if is_frame(y) else ".ravel()"
        raise ValueError(f"{found}: pass y{call}")
    if array.ndim == 2:
        raise ValueError(f"{found}: for class indices from one column per class pass y.argmax(1)")
    if array.ndim != 1:
        raise ValueError(found)
    return array


def _array(values: Any, name: str) -> np.ndarray:
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    try:
        return np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} is ragged: its rows have different lengths") from None
