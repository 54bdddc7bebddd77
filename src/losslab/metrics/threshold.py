"""What turns scores into labels, fitted on validation rows: a threshold (binary) or a shift of each class."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from losslab.metrics.classification import confusion
from losslab.metrics.links import to_label
from losslab.metrics.record import Metric

FOLDS = 5
ROUNDS = 2
STEPS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987)  # rows that a shift of one class may move
MOST_CLASSES = 20  # the search costs as the third power of the classes
SHOWN = 4  # members in a repr
Good = Callable[[Tensor], Tensor]  # from confusion counts to the metric, turned so that higher is better


@dataclass(frozen=True)
class Threshold:
    """Per member: `value` (K,) is taken from a binary score before it is compared with 0; `value` (K, C) is added to
    the scores of the classes before the largest is taken. A zero is the default (probability one half, no shift).
    `columns`: `value` (K, T) is taken from the scores of T labels, each compared with 0 by itself."""

    value: Tensor
    columns: bool = False

    def apply(self, score: Tensor) -> Tensor:
        """Labels (K, N) of scores (K, N) or (K, N, C), or (K, N, T) of the scores of columns; -1 where there is NaN."""
        if self.columns:
            return to_label((score - self.value.unsqueeze(-2)).flatten(1)).unflatten(1, score.shape[1:])
        return to_label(_shifted(score, self.value))

    def __repr__(self) -> str:
        shown = [_words(value) for value in self.value[:SHOWN]]
        more = f", ... ({len(self.value)} members)" if len(self.value) > SHOWN else ""
        return f"Threshold(score {'>' if self.columns or self.value.ndim == 1 else '+'} {', '.join(shown)}{more})"


def default_threshold(score: Tensor, columns: bool = False) -> Threshold:
    """The threshold that changes nothing, for scores (K, N) or (K, N, C), or of columns (K, N, T)."""
    shape = score.shape[:1] if score.ndim == 2 else (score.shape[0], score.shape[2])
    return Threshold(torch.zeros(shape, dtype=torch.float64, device=score.device), columns)


def fit_threshold(score: Tensor, target: Tensor, metric: Metric) -> Threshold:
    """The threshold of each member that is best for `metric` on these rows, which should be the validation part.

    score: (K, N) or (K, N, C), target: (N,) or (K, N). Binary: the best of all midpoints between neighbouring scores;
    classes: coordinate search, one class after the other, over shifts that move few to many rows. Of equally good ones
    the one nearest to the default. More than 20 classes keep the default.

    The best of many cuts of few rows is partly luck: with well calibrated scores and 100 rows it lost 0.7 points of
    accuracy on new rows. So the value is the mean of fits that leave out one fifth of the rows each, drawn towards the
    default by g^2 / (g^2 + e^2) for its gain g on all rows with standard error e (jackknife): that lost 0.2 points, and
    kept 1.6 of 1.9 points where the scores were off by one in log odds, and with 360 rows 11.2 of 11.3 points of
    balanced accuracy where one row in ten was positive.

    A metric of several labels gets a threshold for each, fitted by itself for the metric's `of_column`.

    Raises ValueError for a metric that does not depend on a threshold.
    """
    if metric.of_column is not None:
        single = replace(metric, of_confusion=metric.of_column, of_column=None)
        labels = target.expand(score.shape).long().unbind(-1)
        each = [fit_threshold(one, true, single) for one, true in zip(score.unbind(-1), labels, strict=True)]
        return Threshold(torch.stack([one.value for one in each], -1), columns=True)
    of_confusion = metric.of_confusion
    if of_confusion is None or not metric.thresholded:
        raise ValueError(f"metric {metric.name!r} does not depend on a threshold")
    default = default_threshold(score)
    if score.shape[1] < FOLDS or (score.ndim == 3 and score.shape[2] > MOST_CLASSES):
        return default
    good: Good = of_confusion if metric.higher_is_better else lambda counts: -of_confusion(counts)
    exact = score.ndim == 2 and not metric.by_member
    broken = score.isnan().flatten(1).any(1)
    score, target = score.to(torch.float64).nan_to_num(), target.expand(score.shape[:2])
    fold = _folds(target)
    value = torch.stack([_search(score, target, fold != f, good, exact) for f in range(FOLDS)]).mean(0)
    trust = _trust(to_label(_shifted(score, value)), to_label(score), target, good).masked_fill(broken, 0)
    return Threshold(value * trust.view(-1, *[1] * (value.ndim - 1)))


def _shifted(score: Tensor, value: Tensor) -> Tensor:
    return score - value.unsqueeze(-1) if value.ndim == 1 else score + value.unsqueeze(-2)


def _search(score: Tensor, target: Tensor, count: Tensor, good: Good, exact: bool) -> Tensor:
    """The best values on rows counted by `count` (K, N), whether they would hold elsewhere or not."""
    if score.ndim == 2:
        cuts = _cuts(score, exact)
        return _best_cut(score, cuts, torch.ones_like(target), torch.zeros_like(target), target, count, good, 2)
    classes = score.shape[-1]
    shift = torch.zeros(score.shape[0], classes, dtype=score.dtype, device=score.device)
    for _ in range(ROUNDS):
        for c in range(classes):
            now = _shifted(score, shift)
            mine = now[..., c].clone()
            now[..., c] = -torch.inf
            best, other = now.max(-1)
            gap = mine - best
            label = torch.full_like(other, c)
            shift[:, c] -= _best_cut(gap, _cuts(gap, exact), label, other, target, count, good, classes)
    return shift


def _best_cut(
    score: Tensor, cuts: Tensor, above: Tensor, below: Tensor, target: Tensor, count: Tensor, good: Good, classes: int
) -> Tensor:
    """The cut (K,) that is best when rows with a score above it get the label `above` and the others `below`.

    A row adds to the counts of `above` for each cut below its score, so one histogram over cuts and a cumulative sum
    give the confusion counts of every cut.
    """
    bucket = torch.searchsorted(cuts, score.contiguous())
    cells = classes * (classes + 1)
    count = count.to(torch.float64)
    base = torch.zeros(score.shape[0], cells, dtype=torch.float64, device=score.device)
    base.scatter_add_(-1, target * (classes + 1) + below, count)
    change = torch.zeros(score.shape[0], (cuts.shape[1] + 1) * cells, dtype=torch.float64, device=score.device)
    change.scatter_add_(-1, bucket * cells + target * (classes + 1) + above, count)
    change.scatter_add_(-1, bucket * cells + target * (classes + 1) + below, -count)
    over = change.unflatten(-1, (-1, cells)).flip(1).cumsum(1).flip(1)[:, 1:]
    value = good((base.unsqueeze(1) + over).unflatten(-1, (classes, classes + 1))).nan_to_num(-torch.inf)
    distance = cuts.abs().masked_fill(value < value.max(1, keepdim=True).values, torch.inf)
    return cuts.gather(1, distance.argmin(1, keepdim=True)).squeeze(1)


def _cuts(score: Tensor, exact: bool) -> Tensor:
    """Sorted cuts of each member: zero, and midpoints between neighbouring scores, all or some steps away from zero."""
    ordered = score.sort(-1).values
    middle = (ordered[:, 1:] + ordered[:, :-1]) / 2
    if not exact and middle.shape[1]:
        steps = torch.tensor(STEPS, device=score.device)
        place = (ordered <= 0).sum(-1, keepdim=True) - 1 + torch.cat((-steps, steps))
        middle = middle.gather(1, place.clamp(0, middle.shape[1] - 1))
    return torch.cat((middle, torch.zeros_like(ordered[:, :1])), 1).sort(1).values


def _trust(fitted: Tensor, default: Tensor, target: Tensor, good: Good) -> Tensor:
    """g^2 / (g^2 + e^2) for the gain g of each member's fitted labels over the default ones: (K,); 0 without gain."""
    trust = []
    for k in range(len(target)):
        (value, without), (value_0, without_0) = (_jackknife(label[k], target[k], good) for label in (fitted, default))
        gain, change = value - value_0, without - without_0
        error = (change - change.mean()).square().sum()  # times (n - 1) / n, which is one
        trust.append(torch.where(gain > 0, gain.square() / (gain.square() + error), 0.0))
    return torch.stack(trust)


def _jackknife(label: Tensor, target: Tensor, good: Good) -> tuple[Tensor, Tensor]:
    """The metric of the rows (N,), and what it is without each of them: (N,)."""
    counts = confusion(label, target)
    each = torch.eye(counts.numel(), dtype=counts.dtype, device=counts.device).view(-1, *counts.shape)
    without = good((counts - each).clamp_min(0))
    classes = counts.shape[0]
    return good(counts), without[target * (classes + 1) + torch.where(label < 0, classes, label)]


def _folds(target: Tensor) -> Tensor:
    """A fold number for each row, dealt out within each class in turn."""
    order = target.sort(dim=-1, stable=True).indices
    turn = torch.arange(target.shape[-1], device=target.device) % FOLDS
    return torch.empty_like(target).scatter_(-1, order, turn.expand(target.shape))


def _words(value: Tensor) -> str:
    return f"{value:.3g}" if value.ndim == 0 else f"[{', '.join(f'{number:.3g}' for number in value.tolist())}]"
