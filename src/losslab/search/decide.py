"""The end of a study: the test part is read, compared and put into words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from losslab.data.words import count
from losslab.search.baselines import baselines
from losslab.search.confirm import Confirmation, Retrained
from losslab.search.importance import importance
from losslab.search.outcome import detail, disagreements, learning_curves, other_of, row_of, trial_of, waterfall
from losslab.search.reading import Reading, compare, read_baseline, read_finalist
from losslab.search.result import Role, Row
from losslab.search.space import Outcome
from losslab.search.verdict import Verdict, decide

if TYPE_CHECKING:
    from losslab.search.study import Study

UNTUNED = "untuned"  # the label of the untuned default among the finalists


def decide_study(study: "Study", outcomes: list[Outcome], confirmation: Confirmation) -> None:
    """Fills in the study's result: leaderboard, verdict and what the report shows."""
    data, default, problem = study.data, study.default, study.problem
    target = problem.table.y[problem.split.test]
    data.margin = study.options.margin * study.metric.scale(target)
    whole = keep_whole(study, confirmation)
    folds = confirmation.folds
    finalists = [read_finalist(folds, label, one) for label, one in whole.items()]
    found, notes = (
        baselines(problem, study.options.seed, study.folds.prepared[0]) if study.options.baselines else ([], [])
    )
    data.notes += notes
    runs = len(whole[default].members)
    finalists += [read_baseline(folds, one, runs) for one in found]
    readings = {reading.label: reading for reading in finalists if reading is not None}

    order = [default, *(label for label in readings if label != default)]
    listed = [readings[label] for label in order]
    challengers = [place for place, label in enumerate(order) if label in study.records and label != default]
    compare(folds, listed, challengers, study.options.seed)
    verdict = say(study, listed, challengers)
    data.verdict, data.verdict_kind, data.winner = verdict.sentence, verdict.kind, verdict.winner
    data.keep_default, data.detectable = verdict.keep_default, verdict.detectable

    data.table = [line(study, confirmation, reading, listed[0], target) for reading in listed]
    describe_search(study, outcomes)
    ranked = sorted((listed[place] for place in challengers), key=lambda reading: rank(study, reading.label))
    other = readings[other_of(verdict, default, [listed[0], *ranked])]
    if study.has_untuned:
        data.waterfall = waterfall(readings, default, UNTUNED, verdict.winner)
    data.learning_curves = learning_curves({label: one for label, one in whole.items() if label in study.records})
    data.winner_detail = detail(problem, listed[0], other)
    data.disagreements = disagreements(problem, listed[0], other)
    data.holds_for = f"this model, {count(data.epochs, 'epoch')}, data like these"


def describe_search(study: "Study", outcomes: Sequence[Outcome]) -> None:
    """The trials as a result holds them, and which parameters mattered."""
    prepared = study.folds.prepared[0]
    study.data.trials = [
        trial_of(outcome, study.records[outcome.configuration.loss], prepared.mad, prepared.unit)
        for outcome in outcomes
    ]
    study.data.importance = importance(outcomes, study.spaces, study.metric.higher_is_better)


def keep_whole(study: "Study", confirmation: Confirmation) -> dict[str, Retrained]:
    """Finalists whose every retraining stayed finite; the others are named. Without the default there is no verdict."""
    whole = {}
    for label, one in confirmation.retrained.items():
        if not one.broken:
            whole[label] = one
            continue
        text = f"{label} is left out: {len(one.broken)} of {confirmation.runs} retrainings broke ({one.broken[0]})"
        if label == study.default:
            raise RuntimeError(f"{text}; without the default there is nothing to compare with. Try other optimizers")
        study.data.notes.append(text)
    return whole


def say(study: "Study", listed: list[Reading], challengers: list[int]) -> Verdict:
    family = [listed[place] for place in (0, *challengers)]
    return decide(
        [reading.comparison for reading in family if reading.comparison is not None],
        [reading.label for reading in family], study.metric.name, study.metric.higher_is_better, study.data.margin,
        study.metric.points, len(study.problem.split.test), [study.finalist[one.label].value for one in family],
    )  # fmt: skip


def line(study: "Study", confirmation: Confirmation, reading: Reading, default: Reading, target: Tensor) -> Row:
    """A line of the leaderboard. The validation value of a loss is the one that it was chosen by."""
    label, prepared = reading.label, study.folds.prepared[0]
    role: Role = "loss" if label in study.records else "untuned" if label == UNTUNED else "baseline"
    loss = study.default if role == "untuned" else label
    row = row_of(
        reading, default, role,
        configuration=None if role == "baseline" else confirmation.retrained[label].configuration,
        record=study.records.get(loss), space=study.spaces.get(loss), mad=prepared.mad, scale=prepared.unit,
        validation=study.finalist[label].value if role == "loss" else float(reading.validation.mean()),
        watched=study.problem.watched,
    )  # fmt: skip
    row.loss = loss
    if role == "loss":
        row.params |= study.folds.counts(study.records[loss], 0)
    row.runs = [float(value) for value in study.metric.value(reading.prediction, target)]
    return row


def rank(study: "Study", label: str) -> float:
    value = study.finalist[label].value or 0.0
    return -value if study.metric.higher_is_better else value
