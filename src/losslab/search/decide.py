"""The end of a study: the test part is read, compared and put into words."""

from typing import TYPE_CHECKING

import torch

from losslab.search.baselines import baselines
from losslab.search.confirm import Confirmation, Retrained
from losslab.search.outcome import detail, disagreements, learning_curves, other_of, row_of, trial_of, waterfall
from losslab.search.reading import Reading, compare, read_baseline, read_finalist
from losslab.search.space import Outcome
from losslab.search.verdict import Verdict, decide

if TYPE_CHECKING:
    from losslab.search.study import Study


def decide_study(study: "Study", outcomes: list[Outcome], confirmation: Confirmation) -> None:
    """Fills in the study's result: leaderboard, verdict and what the report shows."""
    data, default = study.data, study.candidates.default.name
    whole = keep_whole(study, confirmation)
    readings = {label: read_finalist(confirmation.folds, label, one) for label, one in whole.items()}
    found, notes = baselines(study.problem, study.options.seed)
    data.notes += notes
    runs = len(whole[default].members)
    readings |= {one.name: read_baseline(confirmation.folds, one, runs) for one in found}
    drop_without(study, readings)

    order = [default, *(label for label in readings if label != default)]
    listed = [readings[label] for label in order]
    challengers = [place for place, label in enumerate(order) if label in study.records and label != default]
    compare(confirmation.folds, listed, challengers, study.options.seed)
    verdict = say(study, listed, challengers)
    data.verdict, data.verdict_kind, data.winner = verdict.sentence, verdict.kind, verdict.winner
    data.keep_default, data.detectable = verdict.keep_default, verdict.detectable

    prepared = study.folds.prepared[0]
    mad, scale = prepared.y_mad, prepared.y_scale
    for reading in listed:
        role = (
            "loss"
            if reading.label in study.records
            else "untuned"
            if reading.label == study.untuned_label
            else "baseline"
        )
        loss = default if role == "untuned" else reading.label
        configuration = confirmation.retrained[reading.label].configuration if role != "baseline" else None
        validation = study.finalist[reading.label].value if role == "loss" else float(reading.validation.mean())
        row = row_of(
            reading, listed[0], role, configuration, study.records.get(loss), study.spaces.get(loss), mad, scale, validation
        )  # fmt: skip
        row.loss = loss
        row.runs = runs_of(study, reading)
        data.table.append(row)
    data.trials = [trial_of(outcome, study.records[outcome.configuration.loss], mad, scale) for outcome in outcomes]
    ranked = sorted((place for place in challengers), key=lambda place: rank(study, order[place]))
    other = readings[other_of(verdict, default, [listed[0], *(listed[place] for place in ranked)])]
    if study.options.untuned:
        data.waterfall = waterfall(readings, default, study.untuned_label, verdict.winner)
    data.learning_curves = learning_curves({label: one for label, one in whole.items() if label in study.records})
    data.winner_detail = detail(study.problem, listed[0], other)
    data.disagreements = disagreements(study.problem, listed[0], other)
    data.holds_for = f"this model, {data.epochs} epochs, data like these"


def keep_whole(study: "Study", confirmation: Confirmation) -> dict[str, Retrained]:
    """Finalists whose every retraining stayed finite; the others are named. Without the default there is no verdict."""
    whole = {}
    for label, one in confirmation.retrained.items():
        if not one.broken:
            whole[label] = one
            continue
        text = f"{label} is left out: {len(one.broken)} of {confirmation.runs} retrainings broke ({one.broken[0]})"
        if label == study.candidates.default.name:
            raise RuntimeError(f"{text}; the default is what every loss is compared with: try a smaller range of rates")
        study.data.notes.append(text)
    return whole


def drop_without(study: "Study", readings: dict[str, Reading]) -> None:
    """Losses whose outputs the metric cannot read are named and left out."""
    for label in [label for label, reading in readings.items() if reading.prediction is None]:
        study.data.notes.append(f"{label} gives no {study.metric.needs}, which {study.metric.name} needs: left out")
        del readings[label]


def say(study: "Study", listed: list[Reading], challengers: list[int]) -> Verdict:
    family = [0, *challengers]
    comparisons = [listed[place].comparison for place in family]
    names = [listed[place].label for place in family]
    return decide(
        [comparison for comparison in comparisons if comparison is not None], names, study.metric.name,
        study.metric.higher_is_better, study.data.margin, study.metric.points, len(study.problem.split.test),
        [study.finalist[name].value for name in names],
    )  # fmt: skip


def rank(study: "Study", label: str) -> float:
    value = study.finalist[label].value or 0.0
    return -value if study.metric.higher_is_better else value


def runs_of(study: "Study", reading: Reading) -> list[float]:
    """The metric on the test part in each retraining."""
    assert reading.prediction is not None
    target = study.problem.table.y[study.problem.split.test]
    values = study.metric.value(reading.prediction, target)
    return [float(value) for value in torch.as_tensor(values)]
