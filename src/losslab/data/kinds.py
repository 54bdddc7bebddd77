"""DataFrames and Series of pandas and polars, recognised without importing either."""

from typing import Any

import numpy as np

from losslab.data.words import some


def is_frame(data: Any) -> bool:
    """Whether it is a pandas DataFrame."""
    return hasattr(data, "iloc") and hasattr(data, "columns")


def is_polars(data: Any, kind: str = "") -> bool:
    """Whether it is of polars; kind: DataFrame, LazyFrame or Series."""
    return type(data).__module__.split(".")[0] == "polars" and kind in ("", type(data).__name__)


def as_pandas(data: Any) -> Any:
    """A polars DataFrame or Series as pandas has it; anything else as it is. Refuses lists and structures by name."""
    if not is_polars(data):
        return data
    if is_polars(data, "LazyFrame"):
        raise ValueError("the data is a polars LazyFrame, which is not read yet: pass frame.collect()")
    columns = [data] if is_polars(data, "Series") else data.get_columns()
    nested = [f"{column.name} ({column.dtype})" for column in columns if column.dtype.is_nested()]
    refuse_nested(nested, "the polars frame")
    odd = [f"{column.name} ({column.dtype})" for column in columns if str(column.dtype) in ("Object", "Unknown")]
    if odd:
        raise ValueError(f"the polars frame: columns hold Python objects: {some(odd)}; drop them or cast them to text")
    return data.to_pandas()


def refuse_nested(nested: list[str], name: str) -> None:
    """Raises ValueError for columns that hold lists or structures in their cells."""
    if nested:
        raise ValueError(
            f"{name}: a cell must hold one value; these columns hold lists or structures: {some(nested)}. Drop them or "
            "take them apart into columns"
        )


def series_values(series: Any) -> np.ndarray:
    """The values of a pandas Series: numbers or booleans as they are, anything else (or missing ones) as objects."""
    values = series.to_numpy()
    return values if values.dtype.kind in "biuf" else np.asarray(series, dtype=object)


def text_columns(data: Any) -> list[str]:
    """The columns of a DataFrame that hold text and nothing else; none of anything else."""
    return [str(name) for name in data.columns if str(data[name].dtype).startswith("str")] if is_frame(data) else []


def ordered_levels(series: Any) -> tuple[str, ...]:
    """The categories of an ordered pandas categorical in their order, else nothing."""
    kind: Any = getattr(series, "dtype", None)
    return tuple(str(level).strip() for level in kind.categories) if getattr(kind, "ordered", False) else ()
