"""The test part, read once: every finalist's predictions with thresholds fitted on validation, and their metrics."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from losslab.data.table import NUMBERS
from losslab.metrics.links import predictions
from losslab.metrics.record import Metric, Needs
from losslab.metrics.threshold import Threshold, default_threshold
from losslab.search.baselines import Baseline
from losslab.search.confirm import Retrained
from losslab.search.inference import DRAWS, Comparison, compare_bootstrap, compare_rows
from losslab.search.problem import Folds, decide, score_needs, thresholds_for

Reads = Callable[[str, Needs], Tensor | None]  # ("validation" or "test", what a metric needs) -> (R, N, ...)

DRAWS_BY_MEMBER = 150  # resamples for a user's own metric, which is called for one member at a time


@dataclass
class Reading:
    """One line of the leaderboard before it is compared.

    `prediction` (R, N, ...) is what the metric takes, after the threshold. `plain` is the metric (R,) without a
    threshold. `probability` (R, N, C) feeds the report.
    """

    label: str
    prediction: Tensor
    validation: Tensor  # (R,)
    plain: Tensor  # (R,)
    threshold: Threshold | None = None
    thresholds: dict[str, Threshold] = field(default_factory=dict)  # of each metric that has one
    others: dict[str, Tensor | None] = field(default_factory=dict)  # watched metrics (R,)
    probability: Tensor | None = None
    comparison: Comparison | None = None


def read_finalist(folds: Folds, label: str, one: Retrained) -> Reading | None:
    """The runs of a finalist, each through the link of its loss; None where that gives not what the metric needs."""

    def reads(part: str, needs: Needs) -> Tensor | None:
        return folds.read(one.members, one.outputs(part), needs)

    return _reading(folds, label, reads, one.runs)


def read_baseline(folds: Folds, baseline: Baseline, runs: int) -> Reading | None:
    """A baseline, trained once, as if its runs had all come out the same."""

    def reads(part: str, needs: Needs) -> Tensor | None:
        output = getattr(baseline, part)
        if needs == "value":
            return (output if folds.problem.by_column else output.squeeze(-1)).double()[None]
        return predictions(output[None], baseline.link, needs, folds.problem.by_column)  # type: ignore[arg-type]

    return _reading(folds, baseline.name, reads, runs)


def _reading(folds: Folds, label: str, reads: Reads, runs: int) -> Reading | None:
    """What `reads` gives, (1, ...) or (runs, ...), as metrics of every run, each label metric at its own threshold."""
    problem, metric = folds.problem, folds.problem.metric
    seen, target = problem.y_seen[problem.split.validation], problem.table.y[problem.split.test]
    needs = score_needs(metric)
    on_validation, on_test = reads("validation", needs), reads("test", needs)
    if on_validation is None or on_test is None:
        return None
    threshold = thresholds_for(metric, on_validation, seen)
    untouched = default_threshold(on_test, problem.by_column) if threshold is not None else None
    reading = Reading(
        label,
        prediction=alike(decide(on_test, threshold), runs),
        validation=alike(metric.value(decide(on_validation, threshold), seen), runs),
        plain=alike(metric.value(decide(on_test, untouched), target), runs),
        threshold=threshold,
        thresholds={} if threshold is None else {metric.name: threshold},
    )
    if problem.table.task not in NUMBERS:
        probability = reads("test", "probability")
        reading.probability = None if probability is None else alike(probability, runs)
    for other in problem.watched:
        needs = score_needs(other)
        on_validation, on_test = reads("validation", needs), reads("test", needs)
        if on_validation is None or on_test is None:
            reading.others[other.name] = None
            continue
        threshold = watched_threshold(other, on_validation, seen)
        if threshold is not None:
            reading.thresholds[other.name] = threshold
        reading.others[other.name] = alike(other.value(decide(on_test, threshold), target), runs)
    return reading


def watched_threshold(metric: Metric, score: Tensor, target: Tensor) -> Threshold | None:
    """A threshold of its own for a watched metric; of several classes one for all runs, from the mean of their scores.

    Fitted run by run, ten classes would take half a second for each line and metric, for numbers that decide nothing.
    """
    return thresholds_for(metric, score.mean(0, keepdim=True) if score.ndim == 3 else score, target)


def alike(found: Tensor, runs: int) -> Tensor:
    """(1, ...) as (runs, ...); what has all its runs stays."""
    return found.expand(runs, *found.shape[1:])


def compare(folds: Folds, readings: Sequence[Reading], challengers: Sequence[int], seed: int = 0) -> None:
    """Fills in each reading's comparison with the first one, the tuned default. Holm runs over the challengers."""
    problem, metric = folds.problem, folds.problem.metric
    target = problem.table.y[problem.split.test]
    predicted = torch.stack([reading.prediction for reading in readings])
    high = 1.0 if metric.points else math.inf
    strata = None if problem.strata is None else target  # balanced accuracy weighs the rows of each class
    groups = None if problem.table.groups is None else problem.table.groups[problem.split.test]
    if metric.rows is not None:
        L, R = predicted.shape[:2]
        rows = metric.rows(predicted.flatten(0, 1), target).unflatten(0, (L, R))
        low = -math.inf if float(rows.min()) < 0 else 0.0  # a cost may be a gain
        found = compare_rows(
            rows, root=metric.root, groups=groups, family=challengers, strata=strata, limits=(low, high)
        )
    else:
        low = 0.0 if metric.points else -math.inf
        draws = DRAWS_BY_MEMBER if metric.by_member else DRAWS
        found = compare_bootstrap(
            metric.value, predicted, target, groups=groups, family=challengers, limits=(low, high), draws=draws,
            seed=seed,
        )  # fmt: skip
    for reading, comparison in zip(readings, found, strict=True):
        reading.comparison = comparison
