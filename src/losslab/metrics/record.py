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
    "value" (K, N) real; "label" (K, N) int64, -1 where the model gave no number; "probability" (K, N, C) rows that sum
    to one (binary: C = 2); "score" (K, N) any monotone score of the positive class (binary only) or (K, N, C) of each
    class. `target` is (N,) or (K, N). With several target columns (multilabel, multioutput) predictions are (K, N, T),
    probabilities those of a yes, and `target` is (N, T) or (K, N, T).
    `value(prediction, target, weight=None) -> (K,)` in float64. `weight` (N,) or (K, N) counts rows (a bootstrap passes
    whole counts); axes in front of K are kept: (B, 1, N) are B resamples that all members share, and the value is
    (B, K), for one sort of the ranks. The value is NaN where it is not defined (one class only, no rows).
    `rows(prediction, target) -> (K, N)` where the metric is a mean over rows (or the root of one: `root`), else None.
    `thresholded`: a decision threshold or prior shift changes it, so one is fitted on the validation part for every
    loss.
    `scale(target) -> float`: the length of which 1 % is the margin of equivalence (1.0 for rates).
    `of_confusion(counts (..., C, C + 1)) -> (...)`, of a metric of labels: the same number from the counts of
    (target, label), whose last column counts the rows without an answer. `of_column`, of a metric of several labels:
    what the threshold of one label is fitted for, from the counts (..., 2, 3) of its column.
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
    of_confusion: Callable[[Tensor], Tensor] | None = None
    of_column: Callable[[Tensor], Tensor] | None = None
    by_member: bool = False  # a user's function: called for one member at a time, so slow

    @property
    def direction(self) -> str:
        """ "higher is better" or "lower is better" """
        return "higher is better" if self.higher_is_better else "lower is better"
