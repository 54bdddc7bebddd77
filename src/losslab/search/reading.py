"""The test part, read once: every finalist's predictions with thresholds fitted on validation, and their metrics."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from losslab.metrics.links import predictions
from losslab.metrics.record import Metric, Needs
from losslab.metrics.registry import METRICS, secondary
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
    others: dict[str, Tensor | None] = field(default_factory=dict)  # other metrics (R,)
    probability: Tensor | None = None
    comparison: Comparison | None = None


def read_finalist(folds: Folds, label: str, one: Retrained) -> Reading | None:
    """The runs of a finalist, each through the link of its loss; None where that gives not what the metric needs."""

    def reads(part: str, needs: Needs) -> Tensor | None:
        return folds.read(one.members, one.outputs(part), needs)

    return _reading(folds, label, reads)


def read_baseline(folds: Folds, baseline: Baseline, runs: int) -> Reading | None:
    """A baseline, trained once, as if its runs had all come out the same."""

    def reads(part: str, needs: Needs) -> Tensor | None:
        output = getattr(baseline, part)
        if needs == "value":
            return output.squeeze(-1).double().expand(runs, -1)
        found = predictions(output[None], baseline.link, needs)  # type: ignore[arg-type]
        return None if found is None else found.expand(runs, *found.shape[1:])

    return _reading(folds, baseline.name, reads)


def _reading(folds: Folds, label: str, reads: Reads) -> Reading | None:
    problem, metric = folds.problem, folds.problem.metric
    seen, target = problem.y_seen[problem.split.validation], problem.table.y[problem.split.test]
    needs = score_needs(metric)
    on_validation, on_test = reads("validation", needs), reads("test", needs)
    if on_validation is None or on_test is None:
        return None
    threshold = thresholds_for(metric, on_validation, seen)
    untouched = default_threshold(on_test) if threshold is not None else None
    reading = Reading(
        label,
        prediction=decide(on_test, threshold),
        validation=metric.value(decide(on_validation, threshold), seen),
        plain=metric.value(decide(on_test, untouched), target),
        threshold=threshold,
    )
    if problem.table.task != "regression":
        reading.probability = reads("test", "probability")
    for name in secondary(problem.table.task):
        if name != metric.name:
            reading.others[name] = _other(METRICS[name], reads, threshold, target)
    return reading


def _other(metric: Metric, reads: Reads, threshold: Threshold | None, target: Tensor) -> Tensor | None:
    """Another metric (R,) on the test part; one of labels uses the threshold fitted for the deciding metric."""
    if metric.needs == "label" and threshold is not None:
        score = reads("test", "score")
        return None if score is None else metric.value(threshold.apply(score), target)
    found = reads("test", metric.needs)
    return None if found is None else metric.value(found, target)


def compare(folds: Folds, readings: Sequence[Reading], challengers: Sequence[int], seed: int = 0) -> None:
    """Fills in each reading's comparison with the first one, the tuned default. Holm runs over the challengers."""
    problem, metric = folds.problem, folds.problem.metric
    target = problem.table.y[problem.split.test]
    predicted = torch.stack([reading.prediction for reading in readings])
    low, high = (0.0 if metric.points or metric.rows is not None else -math.inf), (1.0 if metric.points else math.inf)
    strata = target if problem.table.task != "regression" else None  # balanced accuracy weighs the rows of each class
    if metric.rows is not None:
        L, R = predicted.shape[:2]
        rows = metric.rows(predicted.flatten(0, 1), target).unflatten(0, (L, R))
        found = compare_rows(rows, root=metric.root, family=challengers, strata=strata, limits=(low, high))
    else:
        draws = DRAWS_BY_MEMBER if metric.by_member else DRAWS
        found = compare_bootstrap(
            metric.value, predicted, target, family=challengers, limits=(low, high), draws=draws, seed=seed
        )
    for reading, comparison in zip(readings, found, strict=True):
        reading.comparison = comparison
