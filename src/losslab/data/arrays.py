"""`(X, y)` of arrays, tensors, lists, DataFrames and Series."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from losslab.data.checks import make_table
from losslab.data.kinds import as_pandas, is_frame, ordered_levels, series_values
from losslab.data.raw import Raw
from losslab.data.roles import Roles, role_values, several, with_roles
from losslab.data.table import Table


def from_arrays(
    X: Any, y: Any, *, name: str = "data", task: str | None = None, notes: tuple[str, ...] = (), changing: Any = None
) -> Table:
    """A checked table of `(X, y)`; see `load` for what is raised."""
    return make_table(replace(raw_arrays(X, y), name=name, notes=notes, changing=changing), task)


def raw_arrays(X: Any, y: Any, roles: Roles | None = None) -> Raw:
    """Rows first in both. A DataFrame keeps its columns' kinds; anything else must be numbers."""
    X, y = as_pandas(X), as_pandas(y)
    frame = is_frame(X)
    features = X if frame else _features(X)
    target = _target(y, features.shape)
    if len(features) != len(target):
        raise ValueError(
            f"X has shape {tuple(features.shape)} and y {target.shape}: {len(features)} and {len(target)} rows. "
            "Each row of X needs one target"
        )
    if frame and hasattr(y, "iloc") and not X.index.equals(y.index) and X.index.sort_values().equals(
        y.index.sort_values()
    ):  # fmt: skip
        raise ValueError("X and y have the same index in another order, so rows would be mixed up: pass y.loc[X.index]")
    order = ordered_levels(y)
    raw = Raw(
        "data", features, target, target=_label(y), targets=_labels(y, target), classes=order, ordered=bool(order)
    )
    if roles is None:
        return raw
    if not frame:
        by_name = [name for name, value in roles.given().items() if isinstance(value, str)]
        if by_name or roles.drop:
            raise ValueError(f"{by_name[0] if by_name else 'drop'}= names a column of a DataFrame; X has no names")
        return replace(raw, **role_values(roles, {}, len(target), "data"))
    return with_roles(raw, roles)


def _label(y: Any) -> str:
    label = getattr(y, "name", None)
    return label if isinstance(label, str) else "target"


def _labels(y: Any, target: np.ndarray) -> tuple[str, ...]:
    """Names of several targets."""
    if target.ndim == 1:
        return ()
    return tuple(map(str, y.columns)) if is_frame(y) else tuple(f"y{i}" for i in range(target.shape[1]))


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
        if hasattr(X, "to_frame"):
            raise ValueError(f"X is one column, of shape {array.shape}: pass X.to_frame()")
        raise ValueError(f"X has shape {array.shape}; (rows, columns) is wanted: for one column pass X.reshape(-1, 1)")
    with np.errstate(over="ignore"):  # what is too large becomes infinite and is named by the check of features
        return array.astype(np.float32)


def _target(y: Any, features: tuple[int, ...]) -> np.ndarray:
    if is_frame(y) and len(y.columns) > 1:
        array = several(y)
    else:
        array = series_values(y) if hasattr(y, "iloc") and not is_frame(y) else _array(y, "y")
    found = f"y has shape {array.shape}, X {tuple(features)}; y must be ({features[0]},)"
    if array.ndim == 2 and array.shape[1] == 1:
        call = ".squeeze(1)" if isinstance(y, torch.Tensor) else ".iloc[:, 0]" if is_frame(y) else ".ravel()"
        raise ValueError(f"{found}: pass y{call}")
    if array.ndim not in (1, 2) or not array.size:
        raise ValueError(found)
    return array


def _array(values: Any, name: str) -> np.ndarray:
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    if isinstance(values, np.ma.MaskedArray):
        if values.mask.any():
            raise ValueError(
                f"{name} is a masked array with masked values: fill them, with array.filled(numpy.nan) say"
            )
        values = values.data
    try:
        return np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} is ragged: its rows have different lengths") from None
