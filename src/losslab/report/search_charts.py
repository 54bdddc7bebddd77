"""The charts of the search: learning curves, where halving ended members, the metric against each parameter."""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, TypeGuard

from losslab.report import words
from losslab.report.charts import undrawn
from losslab.report.figure import (
    GREY,
    WINNER,
    Chart,
    Sheet,
    faint,
    focus,
    layout,
    note,
    styles,
    trace,
    vertical,
)
from losslab.search.result import Row, Trial, TuneData

Dot = tuple[float, float, str]  # parameter, metric, state of the trial
MOST_CURVES = 8  # losses with a learning curve: more cannot be told apart
MOST_TRIALS = 400  # configurations that are drawn
MOST_CHARTS = 30  # parameters that are drawn
BEST = 5  # configurations told beside a parameter's chart


def learning_curves(data: TuneData) -> Chart | None:
    """The mean of the retrainings of each finalist over the epochs, and how far they spread."""
    curves = {loss: curve for loss, curve in data.learning_curves.items() if curve.get("epoch") and curve.get("mean")}
    if not curves:
        return None
    looks = styles(data)
    drawn = _first(data, curves)
    traces, seen = [], []
    for loss in drawn:
        curve = curves[loss]
        colour, dash = looks.get(loss, (GREY, "solid"))
        name = escape(words.clean(loss))
        low, high = curve.get("low"), curve.get("high")
        if low and high:
            traces.append(
                trace(
                    x=[*curve["epoch"], *reversed(curve["epoch"])], y=[*high, *reversed(low)], mode="lines",
                    fill="toself", fillcolor=faint(colour), line={"width": 0}, hoverinfo="skip", showlegend=False,
                    legendgroup=name,
                )
            )  # fmt: skip
        traces.append(
            trace(
                x=curve["epoch"], y=curve["mean"], mode="lines", name=name, legendgroup=name,
                line={"color": colour, "dash": dash, "width": 2.5},
                hovertemplate=f"epoch %{{x}}: %{{y:.4g}}<extra>{name}</extra>",
            )
        )  # fmt: skip
        seen += [value for value in [*curve["mean"], *(low or []), *(high or [])] if words.known(value)]
    frame = layout("epoch", f"{data.metric} (validation)")
    frame["xaxis"] |= {"dtick": 1} if 0 < data.epochs <= 10 else {}  # else plotly would count half epochs
    frame["yaxis"]["range"] = focus(seen, data.higher_is_better)
    frame["legend"]["font"] = {"size": 11}
    label = f"Learning curves of {words.listed(words.clean(loss) for loss in drawn)}"
    return Chart("learning", label, {"data": traces, "layout": frame}, 380, sheet=_epochs(data, curves, len(drawn)))


def _first(data: TuneData, losses: Iterable[str]) -> list[str]:
    """The winner, the default and those that are best on the test part, in the order given."""
    losses = list(losses)
    if len(losses) <= MOST_CURVES:
        return losses
    ranked = dict.fromkeys([data.winner, data.default, *(row.loss for row in words.ordered(data)[0]), *losses])
    kept = [loss for loss in ranked if loss in losses][:MOST_CURVES]
    return [loss for loss in losses if loss in kept]


def _epochs(data: TuneData, curves: Mapping[str, dict[str, Any]], drawn: int) -> Sheet:
    """Mean and spread of each loss at the rungs, or at a few epochs."""
    every = sorted({epoch for curve in curves.values() for epoch in curve["epoch"]})
    epochs = [epoch for epoch in every if epoch in data.rungs] or every
    if len(epochs) > 6:
        epochs = [epochs[round(i * (len(epochs) - 1) / 5)] for i in range(6)]
    numbers = words.Numbers.of(data)
    rows = []
    for loss, curve in curves.items():
        cells = [words.clean(loss)]
        for epoch in epochs:
            place = curve["epoch"].index(epoch) if epoch in curve["epoch"] else None
            low, high = curve.get("low"), curve.get("high")
            text = "" if place is None else numbers.value(curve["mean"][place])
            if place is not None and low and high:
                text += f" [{numbers.value(low[place])}, {numbers.value(high[place])}]"
            cells.append(text)
        rows.append(cells)
    return Sheet(("loss", *(f"epoch {epoch}" for epoch in epochs)), rows, undrawn(len(curves) - drawn))


def halving(data: TuneData) -> Chart | None:
    """Every configuration of the search, and where halving ended it."""
    every = [trial for trial in data.trials if trial.curve]
    if not every:
        return None
    trials = _thinned(every)
    looks = styles(data)
    traces: list[dict[str, Any]] = []
    for loss in dict.fromkeys(trial.loss for trial in trials):
        colour, _ = looks.get(loss, (GREY, "solid"))
        own = [trial for trial in trials if trial.loss == loss]
        x = [item for trial in own for item in [*(epoch for epoch, _ in trial.curve), None]]
        y = [item for trial in own for item in [*(value for _, value in trial.curve), None]]
        ended = [trial.curve[-1] for trial in own if trial.state != "complete"]
        name = escape(words.clean(loss))
        traces += [
            trace(x=x, y=y, mode="lines", name=name, legendgroup=name, opacity=0.55, hoverinfo="skip",
                   line={"color": colour, "width": 1}),
            trace(x=[epoch for epoch, _ in ended], y=[value for _, value in ended], mode="markers", showlegend=False,
                   legendgroup=name, marker={"color": colour, "symbol": "x", "size": 6},
                   hovertemplate=f"ended at epoch %{{x}}: %{{y:.4g}}<extra>{name}</extra>"),
        ]  # fmt: skip
    frame = layout("epoch", f"{data.metric} (validation)")
    frame["xaxis"] |= {"dtick": 1} if 0 < data.epochs <= 10 else {}  # else plotly would count half epochs
    values = [value for trial in trials for _, value in trial.curve if words.known(value)]
    frame["yaxis"]["range"] = focus(values, data.higher_is_better)
    frame["shapes"] = [vertical(rung, dash="dot", faint=True) for rung in data.rungs]
    frame["showlegend"] = len({trial.loss for trial in trials}) <= MOST_CURVES
    frame["legend"]["font"] = {"size": 11}
    ended_all = sum(trial.state == "pruned" for trial in every)
    label = f"Search: {len(every)} configurations over the epochs, of which halving ended {ended_all}"
    return Chart("halving", label, {"data": traces, "layout": frame}, 380, sheet=_ends(data, len(trials), len(every)))


def _thinned(trials: Sequence[Trial]) -> list[Trial]:
    """Those that came to the end, and as many of the others as can be drawn, evenly over the search."""
    if len(trials) <= MOST_TRIALS:
        return list(trials)
    whole = [trial for trial in trials if trial.state == "complete"]
    rest = [trial for trial in trials if trial.state != "complete"]
    kept = [*every_nth(whole, MOST_TRIALS // 2), *every_nth(rest, MOST_TRIALS - min(len(whole), MOST_TRIALS // 2))]
    return sorted(kept, key=lambda trial: trial.number)


def every_nth(items: Sequence[Any], most: int) -> list[Any]:
    """At most `most` of them, evenly spaced, the first among them."""
    return list(items) if len(items) <= most else [items[i * len(items) // most] for i in range(most)]


def _ends(data: TuneData, drawn: int, every: int) -> Sheet:
    """For each loss, how many configurations ended where."""
    rungs = data.rungs or sorted({trial.curve[-1][0] for trial in data.trials if trial.curve})
    rungs = rungs if len(rungs) <= 8 else rungs[-8:]
    rows = []
    for loss in dict.fromkeys(trial.loss for trial in data.trials):
        own = [trial for trial in data.trials if trial.loss == loss]
        pruned = [trial.curve[-1][0] for trial in own if trial.state == "pruned" and trial.curve]
        ended = [str(sum(epoch == rung for epoch in pruned)) for rung in rungs[:-1]]
        whole, failed = (str(sum(trial.state == state for trial in own)) for state in ("complete", "failed"))
        rows.append([words.clean(loss), str(len(own)), *ended, whole, failed])
    heads = [f"ended at {rung}" for rung in rungs[:-1]]
    also = f"; {words.count(drawn)} of {words.count(every)} configurations are drawn" if drawn < every else ""
    return Sheet(("loss", "configurations", *heads, "to the end", "failed"), rows, also)


def parameters(data: TuneData) -> list[Chart]:
    """The validation metric against each parameter of each loss; of winner and default, optimiser and settings too."""
    charts: list[Chart] = []
    for row in words.ordered(data)[0]:
        trials = [trial for trial in data.trials if trial.loss == row.loss and trial.state != "failed"]
        found = [({**trial.settings, **trial.optimizer, **trial.params}, trial) for trial in trials]
        names = dict.fromkeys(name for trial in trials for name in trial.params)
        if row.loss in (data.winner, data.default):
            names |= dict.fromkeys(name for trial in trials for name in (*trial.optimizer, *trial.settings))
        bounds = words.at_bound(row)
        names |= dict.fromkeys(name for name in bounds if any(name in values for values, _ in found))
        for name in names:
            dots = [(values.get(name), reached(trial), trial.state) for values, trial in found]
            numeric: list[Dot] = [(x, y, state) for x, y, state in dots if is_number(x) and words.known(y)]
            if len({x for x, _, _ in numeric}) > 1 and len(charts) < MOST_CHARTS:
                charts.append(_parameter(data, row, name, numeric, len(charts)))
    return charts


def _parameter(data: TuneData, row: Row, name: str, dots: list[Dot], place: int) -> Chart:
    frame = layout(words.clean(name), f"{data.metric} (validation)")
    frame["yaxis"]["range"] = focus([y for _, y, _ in dots], data.higher_is_better)
    if min(x for x, _, _ in dots) > 0 and max(x for x, _, _ in dots) > 30 * min(x for x, _, _ in dots):
        frame["xaxis"] |= {"type": "log", **_log_ticks([x for x, _, _ in dots])}
    frame["showlegend"] = False
    traces = []
    for state, title, marker in (
        ("pruned", "ended early", {"symbol": "circle-open", "color": GREY, "size": 7}),
        ("complete", "to the last epoch", {"symbol": "circle", "color": WINNER, "size": 8}),
    ):
        some = every_nth([(x, y) for x, y, found in dots if found == state], MOST_TRIALS)
        traces.append(
            trace(x=[x for x, _ in some], y=[y for _, y in some], mode="markers", name=title, marker=marker,
                   hovertemplate=f"{escape(words.clean(name))} %{{x:.3g}}: %{{y:.4g}}<extra>{title}</extra>")
        )  # fmt: skip
    chosen = {**row.settings, **row.optimizer, **row.params}.get(name)
    if is_number(chosen):
        at = math.log10(chosen) if frame["xaxis"].get("type") == "log" and chosen > 0 else chosen
        frame["annotations"] = [note(at, 1, "chosen", "x", "paper", yshift=9, xanchor="center")]
        frame["shapes"] = [vertical(chosen, colour=WINNER, dash="dot")]
    warning = ""
    if name in words.at_bound(row):
        warning = (
            f"The best value of {words.clean(name)} sits on a bound of the search: a better one may lie beyond it."
        )
    title = f"{words.clean(row.loss)}: {words.clean(name)}"
    label = f"{data.metric} against {title}"
    numbers = words.Numbers.of(data)
    best = sorted(dots, key=lambda dot: dot[1], reverse=data.higher_is_better)[:BEST]
    said = {"complete": "to the last epoch", "pruned": "ended early"}
    cells = [(words.number(x), numbers.value(y), said.get(state, state)) for x, y, state in best]
    sheet = Sheet((words.clean(name), "validation", "trained"), cells, f": the best {len(best)} of {len(dots)}")
    return Chart(f"parameter-{place}", label, {"data": traces, "layout": frame}, 280, title, warning, sheet)


def reached(trial: Trial) -> float | None:
    """The final value, or the last that was seen."""
    return trial.value if words.known(trial.value) else (trial.curve[-1][1] if trial.curve else None)


def _log_ticks(values: Sequence[float]) -> dict[str, Any]:
    """1, 2, 5, 10, ... or, over more than two decades, powers of ten: plotly's own would crowd a small chart."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    steps = (1,) if high - low > 2 else (1, 3) if high - low > 1 else (1, 2, 5)
    powers = range(low, high + 1, max((high - low) // 6, 1))
    ticks = [step * 10.0**power for power in powers for step in steps]
    return {"tickvals": ticks, "ticktext": [words.number(tick) for tick in ticks]}


def is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
