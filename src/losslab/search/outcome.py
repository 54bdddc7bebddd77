"""From what was trained and read to the leaderboard, the verdict and what the report shows."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from losslab.data.table import NUMBERS
from losslab.metrics.links import to_label
from losslab.metrics.record import Metric
from losslab.search.confirm import Retrained, quantiles
from losslab.search.detail_columns import answers, chosen_labels, labels_of, residuals_of, two_sided
from losslab.search.problem import Problem
from losslab.search.reading import Reading
from losslab.search.result import Role, Row, Trial
from losslab.search.space import Configuration, Outcome, Space, at_bound, in_target_unit, to_values
from losslab.search.verdict import Verdict
from losslab.spec.record import LossRecord

RELATIVE = 0.1  # a secondary metric without points got worse when it is a tenth worse
POINTS = 0.01  # one with points, when it is a point worse
RUNS = 0.95  # and in nearly all retrainings
MOST_ROWS = 50  # rows of disagreement that are listed
BINS = 10


def row_of(
    reading: Reading, default: Reading, role: Role, *, configuration: Configuration | None, record: LossRecord | None,
    space: Space | None, mad: float, scale: float, validation: float | None, watched: Sequence[Metric],
) -> Row:  # fmt: skip
    """A line of the leaderboard. `mad` and `scale` are those of the whole training part's targets."""
    found = reading.comparison
    row = Row(loss=reading.label, role=role, validation=validation)
    if configuration is not None and record is not None:
        row.params = in_target_unit(configuration.params, record, mad, scale)
        row.optimizer = optimizer_of(configuration)
        row.settings = dict(configuration.settings)
        row.at_bound = at_bound(to_values(configuration, space), space, record) if space and role == "loss" else []
    if found is not None:
        row.test, row.low, row.high = found.test, found.test_low, found.test_high
        if reading is not default:
            row.difference, row.difference_low, row.difference_high = found.difference, found.low, found.high
            row.p_value = found.p_holm
    row.secondary = {name: None if value is None else number(value.mean()) for name, value in reading.others.items()}
    if reading is not default:
        row.worse = got_worse(reading, default, watched)
    row.thresholds = {name: one.value.mean(0).tolist() for name, one in reading.thresholds.items()}
    if reading.threshold is not None:
        row.threshold = reading.threshold.value.mean(0).tolist()
    return row


def optimizer_of(configuration: Configuration) -> dict[str, Any]:
    """The optimiser with its hyperparameters, and batch size and epochs where they were searched."""
    sizes = {"batch_size": configuration.batch_size, "epochs": configuration.epochs}
    searched = {name: size for name, size in sizes.items() if size is not None}
    return {"name": configuration.optimizer, **configuration.hyper, **searched}


def number(value: Tensor) -> float | None:
    found = float(value)
    return found if math.isfinite(found) else None


def got_worse(reading: Reading, default: Reading, watched: Sequence[Metric]) -> list[str]:
    """Watched metrics that are clearly worse than the default's in nearly all retrainings: a description, no test."""
    found = []
    for metric in watched:
        name = metric.name
        value, other = reading.others.get(name), default.others.get(name)
        if value is None or other is None:
            continue
        sign = -1.0 if metric.higher_is_better else 1.0
        loss = sign * (value - other)
        least = POINTS if metric.points else RELATIVE * float(other.mean().abs())
        if float(loss.mean()) > least and float((loss > 0).double().mean()) >= RUNS:
            found.append(f"{name} ({float(value.mean()):.3g} against {float(other.mean()):.3g})")
    return found


def trial_of(outcome: Outcome, record: LossRecord, mad: float, scale: float) -> Trial:
    """A trial as `result.json` holds it, with parameters in the target's own unit."""
    configuration = outcome.configuration
    return Trial(
        number=configuration.number, loss=configuration.loss, state=outcome.state, curve=list(outcome.curve),
        params=in_target_unit(configuration.params, record, mad, scale),
        optimizer=optimizer_of(configuration), value=outcome.value, reason=outcome.reason,
        settings=dict(configuration.settings),
    )  # fmt: skip


def waterfall(readings: Mapping[str, Reading], default: str, untuned: str, winner: str) -> list[dict[str, Any]]:
    """The metric on the test part as one thing after the other is added: tuning, threshold, loss."""
    steps = [("untuned", readings[untuned].plain), ("tuned", readings[default].plain)]
    if readings[default].threshold is not None:
        steps.append(("threshold", final(readings[default])))
    steps.append(("loss", final(readings[winner])))
    return [{"step": step, "value": number(value.mean())} for step, value in steps]


def final(reading: Reading) -> Tensor:
    return torch.tensor([reading.comparison.test if reading.comparison else math.nan])


def learning_curves(retrained: Mapping[str, Retrained]) -> dict[str, dict[str, list[float]]]:
    """For each finalist, the validation metric at each rung: mean and 10 % to 90 % band of its retrainings."""
    curves = {}
    for label, one in retrained.items():
        bands = {epoch: quantiles(values) for epoch, values in sorted(one.curve.items())}
        columns = list(zip(*bands.values(), strict=True)) or [(), (), ()]
        curves[label] = {
            "epoch": list(bands),
            "mean": list(columns[0]),
            "low": list(columns[1]),
            "high": list(columns[2]),
        }
    return curves


def detail(problem: Problem, default: Reading, other: Reading) -> dict[str, Any]:
    """The winner (or the best challenger) beside the default: calibration and confusion, or residuals."""
    target = problem.table.y[problem.split.test]
    pair = {"default": default, "winner": other}
    names = {"names": {who: reading.label for who, reading in pair.items()}}
    if problem.by_column:
        found = {who: reading.prediction for who, reading in pair.items()}
        if problem.table.task == "multioutput":
            return names | residuals_of(found, target, problem.table.targets)
        pooled = target.flatten().long()
        sure = {who: bins(two_sided(r.probability), pooled) for who, r in pair.items() if r.probability is not None}
        return names | labels_of(found, target, problem.table.targets) | {"calibration": sure}
    if problem.table.task in NUMBERS:
        value = {who: (reading.prediction.mean(0) - target).tolist() for who, reading in pair.items()}
        return {**names, "residuals": {"target": target.tolist(), **value}}
    labels = {who: votes(reading, problem.classes) for who, reading in pair.items()}
    confusion = {
        who: torch.bincount(target * problem.classes + label, minlength=problem.classes**2)
        .view(problem.classes, -1)
        .tolist()
        for who, label in labels.items()
    }
    calibration = {who: bins(r.probability.mean(0), target) for who, r in pair.items() if r.probability is not None}
    return {**names, "confusion": {**confusion, "classes": list(problem.table.classes)}, "calibration": calibration}


def votes(reading: Reading, classes: int) -> Tensor:
    """The class (N,) that most retrainings chose."""
    prediction = reading.prediction
    if prediction.is_floating_point():
        prediction = to_label(prediction) if prediction.ndim == 2 else prediction.argmax(-1)
    counts = torch.nn.functional.one_hot(prediction.clamp_min(0), classes).sum(0)
    return counts.argmax(-1)


def bins(probability: Tensor, target: Tensor) -> dict[str, list[float]]:
    """Mean confidence, share right and count in bins of the top probability; empty bins are left out."""
    top, label = probability.max(-1)
    right = (label == target).double()
    place = (top * BINS).long().clamp(max=BINS - 1)
    found: dict[str, list[float]] = {"confidence": [], "accuracy": [], "count": []}
    for b in place.unique().tolist():
        mine = place == b
        found["confidence"].append(float(top[mine].mean()))
        found["accuracy"].append(float(right[mine].mean()))
        found["count"].append(int(mine.sum()))
    return found


def disagreements(problem: Problem, default: Reading, other: Reading) -> list[dict[str, Any]]:
    """Test rows on which the two disagree most: row numbers of the table, target and both answers."""
    rows = problem.split.test
    target = problem.table.y[rows]
    if problem.table.task == "multilabel":
        answer = [target.long(), answers(default.prediction), answers(other.prediction)]
        apart = (answer[1] != answer[2]).double().mean(1)
        order = apart.argsort(descending=True, stable=True)[:MOST_ROWS].tolist()
        chosen = [row for row in order if apart[row] > 0]
        columns: list[list[Any]] = [chosen_labels(one, problem.table.targets) for one in answer]
    elif problem.table.task == "multioutput":
        one, two = default.prediction.mean(0), other.prediction.mean(0)
        apart = ((one - two).abs() / target.double().std(0).clamp_min(1e-300)).mean(1)
        chosen = apart.argsort(descending=True)[:MOST_ROWS].tolist()
        columns = [found.tolist() for found in (target, one, two)]
    elif problem.table.task in NUMBERS:
        one, two = default.prediction.mean(0), other.prediction.mean(0)
        chosen = (one - two).abs().argsort(descending=True)[:MOST_ROWS].tolist()
        columns = [target.tolist(), one.tolist(), two.tolist()]
    else:
        one, two = votes(default, problem.classes), votes(other, problem.classes)
        chosen = (one != two).nonzero().flatten()[:MOST_ROWS].tolist()
        columns = [[problem.table.classes[label] for label in labels] for labels in (target, one, two)]
    names = ("target", "default", "winner")
    return [
        {"row": int(rows[i]), **{name: column[i] for name, column in zip(names, columns, strict=True)}} for i in chosen
    ]


def other_of(verdict: Verdict, default: str, readings: Sequence[Reading]) -> str:
    """Who stands beside the default in the report: the winner, or else the challenger that validation ranks first."""
    return verdict.winner if verdict.winner != default else readings[1].label if len(readings) > 1 else default
