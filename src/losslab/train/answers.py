"""What a saved model says about new rows."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from losslab.data.encode import Column, Encoding
from losslab.data.files import is_file_name, is_table, read_frame
from losslab.data.kinds import as_pandas, is_frame
from losslab.data.npz import read_npz
from losslab.data.prepare import apply_features
from losslab.data.scale import own_unit
from losslab.data.table import CLASSES, COLUMNS
from losslab.data.words import count, some
from losslab.metrics.links import predictions
from losslab.metrics.threshold import Threshold

if TYPE_CHECKING:
    from pandas import DataFrame

    from losslab.train.saved import SavedModel

AT_ONCE = 8192  # rows
ARRAYS = ("X", "x", "data", "features")  # as rows are called in a .npz file


def answer(saved: "SavedModel", data: Any) -> "DataFrame":
    """See `SavedModel.predict`."""
    import pandas as pd

    X, index = features(saved, data)
    output = outputs(saved, X)
    columns: dict[str, Any] = {}
    if saved.task in CLASSES:
        label = labels(saved, output)[0].tolist()
        classes = [*saved.classes, None]  # the last for an output that is no number
        columns["prediction"] = np.array([classes[place] for place in label], dtype=object)
        probability = read(saved, output, "probability")
        if probability is not None:
            found = probability[0].T.numpy()
            columns |= {f"probability {name}": one for name, one in zip(saved.classes, found, strict=True)}
    elif saved.task == "multilabel":
        found = labels(saved, output)[0].T.numpy()
        columns |= {f"prediction {name}": one for name, one in zip(saved.targets, found, strict=True)}
        probability = read(saved, output, "probability")
        if probability is not None:
            found = probability[0].T.numpy()
            columns |= {f"probability {name}": one for name, one in zip(saved.targets, found, strict=True)}
    else:
        value = values(saved, output)
        if saved.task == "multioutput":
            columns |= {f"prediction {name}": one for name, one in zip(saved.targets, value.T, strict=True)}
        else:
            columns["prediction"] = value
    return pd.DataFrame(columns, index=index)


def features(saved: "SavedModel", data: Any) -> tuple[Tensor, Any]:
    """Rows as the network takes them, and the index of a DataFrame."""
    index = None
    if is_file_name(data):
        path = Path(data)
        if is_table(path):
            made = saved.encoding.columns if saved.encoding else ()
            data, notes = read_frame(path, [column.name for column in made if column.kind in ("one-hot", "codes")])
        else:
            arrays, notes = read_npz(path)
            name = next((name for name in ARRAYS if name in arrays), None)
            if name is None:
                raise ValueError(f"{path}: no array called {' or '.join(ARRAYS)}; arrays: {some(list(arrays))}")
            data = arrays[name]
        saved.notes += notes
    elif isinstance(data, str | Path):
        raise ValueError(f"{data} is no .csv, .parquet, .feather or .npz file: new rows are read from one of these")
    data = as_pandas(data)
    if is_frame(data):
        index = data.index
        X = torch.from_numpy(encoding_of(saved).apply(data, saved.notes))
    else:
        X = plain_rows(saved, data)
    if not saved.fitted:
        return X, index
    gaps = X.isnan()
    gaps[:, saved.fitted["marked"]] = False
    new = torch.nonzero(gaps.any(0)).flatten().tolist()
    if new:
        named = [f"{saved.columns[place]} ({int(gaps[:, place].sum()):,})" for place in new]
        saved.notes.append(f"missing, and never so in training; filled with the training rows' mean: {some(named)}")
    return apply_features(X, saved.fitted), index


def encoding_of(saved: "SavedModel") -> Encoding:
    """How columns become numbers; those of an array with names are numbers."""
    if saved.encoding is not None:
        return saved.encoding
    if len(saved.rows) != 1:
        raise ValueError(f"the model was trained on rows of shape {saved.rows}: pass an array (rows, ...)")
    return Encoding(tuple(Column(name, "number", (name,)) for name in saved.columns))


def plain_rows(saved: "SavedModel", data: Any) -> Tensor:
    """An array or tensor (n, ...) as float32."""
    if saved.encoding is not None and any(column.kind != "number" for column in saved.encoding.columns):
        raise ValueError("the model was trained on a table with named columns: pass a DataFrame or a file")
    found = data.detach().cpu().numpy() if isinstance(data, Tensor) else np.asarray(data)
    if found.dtype.kind not in "biuf":
        raise ValueError(f"new rows hold {found.dtype}, no numbers: pass numbers, or a DataFrame")
    if found.shape[1:] != saved.rows or found.ndim < 2:
        rows = ", ".join(map(str, saved.rows))
        raise ValueError(f"new rows have shape {found.shape}; the model was trained on (rows, {rows})")
    with np.errstate(over="ignore"):
        X = torch.from_numpy(found.astype(np.float32))
    wrong = X.isinf() if saved.fitted else ~X.isfinite()
    if wrong.any():
        row = int(wrong.flatten(1).any(1).nonzero()[0])
        number = count(int(wrong.sum()), "value")
        raise ValueError(f"new rows: {number} infinite, too large or missing; first in row {row} (counted from 0)")
    return X


def outputs(saved: "SavedModel", X: Tensor) -> Tensor:
    """Raw outputs (1, n, O), float64."""
    module = saved.module()
    dtype = next((p.dtype for p in module.parameters()), torch.float32)
    with torch.no_grad():
        parts = [module(part.to(dtype)).reshape(len(part), -1) for part in X.split(AT_ONCE) if len(part)]
    return (torch.cat(parts) if parts else torch.empty(0, saved.outputs))[None].to(torch.float64)


def read(saved: "SavedModel", output: Tensor, needs: Any) -> Tensor | None:
    return predictions(output, saved.link, needs, saved.task in COLUMNS)  # type: ignore[arg-type]


def labels(saved: "SavedModel", output: Tensor) -> Tensor:
    """(1, n) class indices, or (1, n, T) of 0 and 1; -1 where an output is no number."""
    found = read(saved, output, "label" if saved.threshold is None else "score")
    if found is None:
        raise ValueError(f"the loss {saved.loss} gives no classes")
    if saved.threshold is None:
        return found
    return Threshold(torch.tensor(saved.threshold, dtype=torch.float64), saved.task in COLUMNS).apply(found)


def values(saved: "SavedModel", output: Tensor) -> np.ndarray:
    """(n,) or (n, T) in the target's own unit."""
    from losslab.train.saved import as_prepared

    found = read(saved, output, "value")
    if found is None:
        raise ValueError(f"the loss {saved.loss} gives no values")
    return own_unit(found[0], as_prepared(saved)).numpy()
