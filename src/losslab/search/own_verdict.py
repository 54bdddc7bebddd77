"""What can be said after a search around the user's own training function, with and without test rows."""

import inspect
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import nn

from losslab.metrics.registry import METRICS
from losslab.search.dimensions import RATES
from losslab.search.inference import LEVEL, Comparison, compare_rows, holm, judge, power_factor, quantile
from losslab.search.options import Options
from losslab.search.outcome import optimizer_of
from losslab.search.own_training import OwnStudy, Run, several
from losslab.search.result import Row, Trial, TuneData
from losslab.search.space import Outcome, at_bound, to_values
from losslab.search.verdict import Words, decide

KNOWN = ("metric", "higher_is_better", "task", "target")
OPTIONS = (
    "trials", "losses", "optimizers", "sampler", "halving", "runs", "margin", "seed", "out", "resume", "storage",
)  # fmt: skip
ONLY_RETRAINING = (
    "That covers retraining with other seeds, not other rows: it is no verdict about new data. Return "
    "{'value': ..., 'test': a number for each test row} from the function where run.final is set, and there is one."
)


def tune_function(train: Any, asked: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[TuneData, OwnStudy]:
    """`losslab.tune` without data: `asked` are its arguments that differ from their defaults."""
    if not takes_a_run(train):
        raise TypeError(
            "data is missing: pass it after the model, or, without data, a training function `train(run)` of your own "
            "as the only positional argument"
        )
    foreign = sorted({*asked, *settings} - {*KNOWN, *OPTIONS, *RATES, "challengers"})
    if foreign:
        raise TypeError(f"{', '.join(foreign)}: not for a training function of your own, which decides that itself")
    metric = asked.get("metric") or "value"
    name = metric if isinstance(metric, str) else getattr(metric, "__name__", "value")
    higher = asked.get("higher_is_better")
    if higher is None:
        if name not in METRICS:
            raise ValueError(f"say higher_is_better=True or False: {name!r} is no metric whose sense is known")

        higher = METRICS[name].higher_is_better
    rates = {one: settings[one] for one in RATES if one in settings}
    options = Options(**{one: asked[one] for one in OPTIONS if one in asked}, settings=rates)
    return study_of_function(
        train, options, task=asked.get("task") or "multiclass", metric=name, higher_is_better=bool(higher),
        target=asked.get("target"), challengers=int(settings.get("challengers", 3)),
    )  # fmt: skip


def takes_a_run(train: Any) -> bool:
    """Whether it is a function that can be called with one argument: no module, no class, no name."""
    if not callable(train) or isinstance(train, type | nn.Module):
        return False
    try:
        inspect.signature(train).bind(None)
    except TypeError:
        return False
    return True


def study_of_function(train: Callable[[Run], Any], options: Options, **how: Any) -> tuple[TuneData, OwnStudy]:
    """Runs the search and says what it found."""
    study = OwnStudy(train, options, **how)
    study.run()
    data = study.data()
    data.trials = [trial_of(study, one) for one in study.outcomes]
    failed = [one for one in study.outcomes if one.state == "failed"]
    if failed:
        names = dict.fromkeys(one.configuration.loss for one in failed)
        data.notes.append(f"{len(failed)} trials failed ({', '.join(names)}); first: {failed[0].reason}")
    finalists = study.finalists()
    if study.status == "interrupted":
        data.table = [row(study, one, None) for one in finalists.values()]
        done, total = len(study.outcomes), study.quota.total
        data.verdict = f"Keep {study.default}. Undecided: interrupted after {done} of {total} trials, before the end."
    elif len(study.answers) == 1:
        data.table = [row(study, finalists[study.default], None)]
        data.verdict = f"Keep {study.default}. Undecided: there was no other loss to compare."
    else:
        compare(study, data, {name: one for name, one in finalists.items() if name in study.answers})
    data.seconds = {"total": time.perf_counter() - study.started}
    return data, study


def compare(study: OwnStudy, data: TuneData, finalists: Mapping[str, Outcome]) -> None:
    """Table and verdict over the retrainings."""
    names = list(finalists)
    sizes = {len(answer.test) for name in names for answer in study.answers[name]}
    if len(sizes) > 1:
        raise ValueError(f"the training function returned test parts of {sorted(sizes)} rows; all must have the same")
    values = np.array([[answer.value for answer in study.answers[name]] for name in names])
    rows = sizes.pop()
    if rows >= 2:
        test = np.stack([several(study.answers[name]).numpy() for name in names])
        comparisons = compare_rows(test)
        data.points = bool(((test >= 0) & (test <= 1)).all())
        data.margin = study.options.margin * (1.0 if data.points else float(np.abs(test[0]).mean()))
        data.split = {"test": rows, "how": "by the training function"}
        found = decide(
            comparisons, names, study.metric, study.higher_is_better, data.margin, data.points, rows,
            [one.value for one in finalists.values()],
        )  # fmt: skip
        data.verdict, data.verdict_kind, data.winner = found.sentence, found.kind, found.winner
        data.keep_default, data.detectable = found.keep_default, found.detectable
    else:
        comparisons = over_seeds(values)
        data.margin = study.options.margin * max(float(np.abs(values[0]).mean()), 1e-12)
        data.verdict = without_rows(study, names, comparisons)
    data.table = [row(study, finalists[name], one) for name, one in zip(names, comparisons, strict=True)]


def over_seeds(values: np.ndarray) -> list[Comparison]:
    """Paired over retrainings (L, R), the default first: Student's t with R - 1 degrees of freedom, then Holm."""
    runs = values.shape[1]
    found = []
    for place, mine in enumerate(values):
        error = float(mine.std(ddof=1)) / math.sqrt(runs)
        wide = quantile(runs - 1, 1 - LEVEL / 2) * error
        test = (float(mine.mean()), float(mine.mean()) - wide, float(mine.mean()) + wide)
        d = mine - values[0]
        own = float(d.std(ddof=1)) / math.sqrt(runs)
        low, high, own, p = (
            judge(float(d.mean()), own, runs - 1, int((d != 0).sum())) if place else (0.0, 0.0, 0.0, 1.0)
        )
        reach = power_factor(runs - 1, LEVEL / max(len(values) - 1, 1)) * own
        found.append((test, float(d.mean()), low, high, own, p, reach))
    adjusted = [None, *holm([one[5] for one in found[1:]])]
    return [
        Comparison(*test, difference, low, high, own, p, p_holm, reach)
        for (test, difference, low, high, own, p, reach), p_holm in zip(found, adjusted, strict=True)
    ]


def without_rows(study: OwnStudy, names: list[str], comparisons: list[Comparison]) -> str:
    """The answer where no test rows were returned: what the retrainings showed, and that it is not a verdict."""
    best = max(range(1, len(names)), key=lambda place: study.sign * comparisons[place].difference)
    one, say = comparisons[best], Words(study.metric, study.higher_is_better, False)
    shown = (one.p_holm or 0.0) < LEVEL and study.sign * one.difference > 0
    ends = f"{one.difference:+.3g} [{one.low:.3g}, {one.high:.3g}]"
    how = "differs from" if not shown else "is better than"
    what = "by" if shown else "by no more than retraining does:"
    return (
        f"Keep {names[0]}. Undecided for new rows. On the rows that the function measures, {names[best]} {how} "
        f"{names[0]} {what} {ends} in {say.metric} over {study.options.runs} retrainings. {ONLY_RETRAINING}"
    )


def row(study: OwnStudy, outcome: Outcome, found: Comparison | None) -> Row:
    """A line of the leaderboard."""
    configuration = outcome.configuration
    record = study.records[configuration.loss]
    answers = study.answers.get(configuration.loss, [])
    line = Row(
        configuration.loss, params=study.params(configuration), optimizer=optimizer_of(configuration),
        validation=outcome.value, runs=[answer.value for answer in answers],
        at_bound=at_bound(to_values(configuration, study.spaces[record.name]), study.spaces[record.name], record),
    )  # fmt: skip
    if found is not None:
        line.test, line.low, line.high = found.test, found.test_low, found.test_high
        if configuration.loss != study.default:
            line.difference, line.difference_low, line.difference_high = found.difference, found.low, found.high
            line.p_value = found.p_holm
    return line


def trial_of(study: OwnStudy, outcome: Outcome) -> Trial:
    configuration = outcome.configuration
    return Trial(
        number=configuration.number, loss=configuration.loss, state=outcome.state, curve=list(outcome.curve),
        params=study.params(configuration), optimizer=optimizer_of(configuration), value=outcome.value,
        reason=outcome.reason,
    )  # fmt: skip
