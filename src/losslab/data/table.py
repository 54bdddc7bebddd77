"""Data in memory, ready to be split: what every loader returns and every engine reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

Task = Literal[
    "regression", "binary", "multiclass",
    "multilabel", "multioutput", "count", "positive", "ordinal",
]  # fmt: skip
CLASSES = ("binary", "multiclass", "ordinal")  # tasks whose target is a class index
COLUMNS = ("multilabel", "multioutput")  # tasks whose target has several columns, each with an answer of its own
NUMBERS = ("regression", "multioutput", "count", "positive")  # tasks whose target is a quantity


@dataclass(frozen=True)
class Table:
    """Rows and what is known of them.

    X: (N, D) or (N, ...) float32; missing numbers are NaN (filled later, with statistics of training rows only).
    y: (N,) int64 class indices 0..C-1 (binary, multiclass, ordinal); (N,) float32 (regression, count, positive);
    (N, T) float32 of 0 and 1 (multilabel) or of values (multioutput).
    """

    name: str
    X: Tensor
    y: Tensor
    task: Task
    why_task: str  # how the task was inferred, in words
    columns: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    target: str = "target"
    tabular: bool = True  # columns are scaled; images and other tensors are left alone
    notes: tuple[str, ...] = ()  # what a person should know: rows dropped, columns encoded
    split: "Split | None" = None  # where the user gave the parts
    checksum: str = ""  # of X, y, groups, weight and time
    targets: tuple[str, ...] = ()  # names of the T columns of y
    levels: Mapping[int, int] = field(default_factory=dict)  # columns of X that hold codes 0..L-1, and L; 0 is "other"
    groups: Tensor | None = None  # (N,) int64: rows that belong together stay in one part
    weight: Tensor | None = None  # (N,) float32: how much each row counts in the training loss
    time: Tensor | None = None  # (N,) float64: the parts follow each other in it
    time_name: str = ""  # the column that the times come from
    encoding: Any = None  # how columns of a file became those of X, to do it again for new rows
    changing: Any = None  # gives fresh inputs (B, ...) for row numbers (B,): random augmentation, read while training

    @property
    def width(self) -> int:
        """The number of target columns."""
        return self.y.shape[1] if self.y.dim() == 2 else 1

    @property
    def outputs(self) -> int:
        """The number of classes, or 1."""
        return max(len(self.classes), 1)


@dataclass(frozen=True)
class Split:
    """Row indices of the three parts (int64, disjoint)."""

    train: Tensor
    validation: Tensor
    test: Tensor
    how: str  # "stratified, seed 0"


@dataclass(frozen=True)
class Prepared:
    """A table after preprocessing fitted on given training rows: features filled and scaled, targets standardised.

    `y` is standardised for regression: own unit = y * y_scale + y_mean. `y_mad` is the median absolute deviation
    of the standardised training targets: the unit in which parameters with the target's unit are searched. All three
    are (T,) where the target has several columns of quantities.
    """

    X: Tensor
    y: Tensor
    y_mean: float | Tensor = 0.0
    y_scale: float | Tensor = 1.0
    y_mad: float | Tensor = 1.0
    fitted: dict[str, Tensor] = field(default_factory=dict)  # what was fitted: mean, scale, fill
    y_least: float = float("-inf")  # of counts and positive amounts: nothing below is predicted, in their own unit

    @property
    def mad(self) -> float:
        """One MAD for all columns: what a parameter with the target's unit is a multiple of."""
        return float(torch.as_tensor(self.y_mad, dtype=torch.float64).mean())

    @property
    def unit(self) -> float:
        """The length of one standardised unit in the target's own; 1 where columns have units of their own."""
        return self.y_scale if isinstance(self.y_scale, float) else 1.0


def as_float(X: object) -> Tensor:
    """A float32 copy of an array-like."""
    return torch.as_tensor(X).to(torch.float32)
