"""What a metric is, as data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Needs = Literal["label", "probability", "score", "value"]


@dataclass(frozen=True)
class Metric:
    """A number that is reported and compared, computed for all members at once.

    Shapes: K members, N rows, C classes. `prediction` is, after `needs`:
    "value" (K, N) real; "label" (K, N) int64; "probability" (K, N, C) rows that sum to one (binary: C = 2);
    "score" (K, N) any monotone score of the positive class (binary only) or (K, N, C) of each class. `target` is (N,) or (K, N).
    `value(prediction, target, weight=None) -> (K,)`. `weight` (N,) or (K, N) counts rows (a bootstrap passes whole counts).
    `rows(prediction, target) -> (K, N)` where the metric is a mean over rows (or its square root is: `root`), else None.
    `thresholded`: a decision threshold or prior shift changes it, so one is fitted on the validation part for every loss.
    `scale(target) -> float`: the length of which 1 % is the margin of equivalence (1.0 for rates).
    """

    name: str
    value: Callable[..., Tensor]
    needs: Needs
    tasks: tuple[str, ...]
    higher_is_better: bool
    rows: Callable[[Tensor, Tensor], Tensor] | None
    root: bool
    thresholded: bool
    scale: Callable[[Tensor], float]
    points: bool  # differences are shown in points (hundredths)
    summary: str
