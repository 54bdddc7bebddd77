"""The charts of the search and of its verdict; None, or nothing, where there is nothing to draw."""

import math
from collections.abc import Sequence
from html import escape
from statistics import median
from typing import Any, TypeGuard

from losslab.report import words
from losslab.report.figure import DEFAULT, GREY, WINNER, Chart, box, faint, focus, layout, note, styles, trace, vertical
from losslab.search.result import Row, TuneData

Dot = tuple[float, float, str]  # parameter, metric, state of the trial
FAR = 8  # a difference so many times the typical length would flatten all others
STEPS = {"tuned": "tuning the default", "threshold": "a fitted threshold", "loss": "another loss"}


def interval(data: TuneData) -> Chart | None:
    """The difference of each loss from the tuned default, with its interval, the margin and the detectable size."""
    losses, others = words.ordered(data)
    rows = [row for row in losses if row.loss != data.default]
    rows = [row for row in [*rows, *others] if row.role != "baseline" and words.known(row.difference)]
    if not rows:
        return None
    factor = 100 if data.points else 1
    numbers = words.Numbers.of(data)
    reach = _reach(data, rows) * factor
    frame = layout(f"difference in {data.metric}, {numbers.unit}" if data.points else f"difference in {data.metric}")
    frame["xaxis"]["range"] = [-reach, reach]
    frame["yaxis"] = {"range": [len(rows) - 0.4, -0.75], "visible": False, "fixedrange": True}
    frame["margin"] = {"l": 8, "r": 8, "t": 26, "b": 46}
    frame["showlegend"] = False
    margin = abs(data.margin) * factor
    frame["shapes"] = [
        box(-margin, margin, "rgba(128,128,128,0.18)"),
        vertical(0, width=1.5),
        *(vertical(side * data.detectable * factor, dash="dot") for side in (-1, 1) if words.known(data.detectable)),
    ]
    better = "better \u2192" if data.higher_is_better else "\u2190 better"
    frame["annotations"] = [
        note(1 if data.higher_is_better else 0, 1, better, "paper", "paper", yshift=14,
              xanchor="right" if data.higher_is_better else "left"),
    ]  # fmt: skip
    traces = []
    for i, row in enumerate(rows):
        name = words.label(row)
        shown = max(min(row.difference * factor, reach), -reach) if words.known(row.difference) else 0
        low, high = _ends(row, factor)
        text = f"{numbers.difference(row.difference)} {numbers.interval(row.difference_low, row.difference_high)}"
        frame["annotations"].append(note(0, i, f"{escape(name)}  <b>{text}</b>", "paper", "y", yshift=17))
        colour = WINNER if row.role == "loss" and row.loss == data.winner else GREY
        traces += [
            trace(x=[low, high], y=[i, i], mode="lines", line={"color": colour, "width": 3}, hoverinfo="skip"),
            trace(
                x=[shown], y=[i], mode="markers", hovertemplate=f"{escape(name)}<br>{text}<extra></extra>",
                marker={"color": colour, "size": 11, "symbol": "diamond" if colour == WINNER else "circle"},
            ),
        ]  # fmt: skip
    label = f"Difference in {data.metric} from the tuned {data.default}: " + "; ".join(
        f"{words.label(row)} {numbers.difference(row.difference)}" for row in rows
    )
    return Chart("interval", label, {"data": traces, "layout": frame}, 84 + 48 * len(rows))


def waterfall(data: TuneData) -> Chart | None:
    """From the untuned default to the chosen loss, one step after the other."""
    steps = [step for step in data.waterfall if words.known(step.get("value"))]
    if len(steps) < 2:
        return None
    numbers = words.Numbers.of(data)
    values = [float(step["value"]) for step in steps]
    pad = (max(values) - min(values)) * 0.25 or abs(values[0]) * 0.01 or 1.0
    frame = layout(f"{data.metric} on the test part, {words.direction(data)}")
    frame["xaxis"]["range"] = [min(values) - pad, max(values) + pad]
    frame["yaxis"] = {"range": [len(steps) - 0.4, -0.75], "visible": False, "fixedrange": True}
    frame["margin"] = {"l": 8, "r": 8, "t": 12, "b": 46}
    frame["showlegend"] = False
    frame["shapes"] = []
    frame["annotations"] = []
    traces = []
    for i, step in enumerate(steps):
        change = values[i] - values[i - 1] if i else 0.0
        good = change >= 0 if data.higher_is_better else change <= 0
        name = words.clean(str(step["step"])) if i == 0 else f"+ {words.clean(STEPS.get(step['step'], step['step']))}"
        text = f"{numbers.value(values[i])}" + (f" ({numbers.difference(change)})" if i else "")
        frame["annotations"].append(note(0, i, f"{escape(name)}  <b>{text}</b>", "paper", "y", yshift=18))
        colour = GREY if i == 0 else WINNER if good else DEFAULT
        start = values[i - 1] if i else values[i]
        traces.append(
            trace(
                x=[start, values[i]], y=[i, i], mode="lines+markers", line={"color": colour, "width": 10},
                marker={"symbol": ["line-ns", "diamond"], "size": 13, "color": colour, "line": {"width": 1}},
                hovertemplate=f"{escape(name)}: {text}<extra></extra>",
            )
        )  # fmt: skip
        if i:
            joint = {"color": GREY, "width": 1, "dash": "dot"}
            frame["shapes"].append(
                {"type": "line", "x0": start, "x1": start, "y0": i - 1, "y1": i, "line": joint, "layer": "below"}
            )
    told = "; ".join(f"{step['step']} {numbers.value(value)}" for step, value in zip(steps, values, strict=True))
    label = f"{data.metric} step by step: {told}"
    return Chart("waterfall", label, {"data": traces, "layout": frame}, 64 + 48 * len(steps))


def learning_curves(data: TuneData) -> Chart | None:
    """The mean of the retrainings of each finalist over the epochs, and how far they spread."""
    curves = {loss: curve for loss, curve in data.learning_curves.items() if curve.get("epoch") and curve.get("mean")}
    if not curves:
        return None
    looks = styles(data)
    traces, shown = [], []
    for loss, curve in curves.items():
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
        shown += [value for value in [*curve["mean"], *(low or []), *(high or [])] if words.known(value)]
    frame = layout("epoch", f"{data.metric} (validation)")
    frame["yaxis"]["range"] = focus(shown, data.higher_is_better)
    return Chart("learning", f"Learning curves of {words.listed(curves)}", {"data": traces, "layout": frame}, 380)


def halving(data: TuneData) -> Chart | None:
    """Every configuration of the search, and where halving ended it."""
    trials = [trial for trial in data.trials if trial.curve]
    if not trials:
        return None
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
    values = [value for trial in trials for _, value in trial.curve if words.known(value)]
    frame["yaxis"]["range"] = focus(values, data.higher_is_better)
    frame["shapes"] = [vertical(rung, dash="dot", faint=True) for rung in data.rungs]
    ended_all = sum(trial.state == "pruned" for trial in trials)
    label = f"Search: {len(trials)} configurations over the epochs, of which halving ended {ended_all}"
    return Chart("halving", label, {"data": traces, "layout": frame}, 380)


def parameters(data: TuneData) -> list[Chart]:
    """The validation metric against each parameter of each loss."""
    charts: list[Chart] = []
    for row in words.ordered(data)[0]:
        trials = [trial for trial in data.trials if trial.loss == row.loss and trial.state != "failed"]
        for name in dict.fromkeys(name for trial in trials for name in trial.params):
            dots = [(trial.params.get(name), _reached(trial.value, trial.curve), trial.state) for trial in trials]
            numeric: list[Dot] = [(x, y, state) for x, y, state in dots if _is_number(x) and words.known(y)]
            if len({x for x, _, _ in numeric}) > 1:
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
        some = [(x, y) for x, y, found in dots if found == state]
        traces.append(
            trace(x=[x for x, _ in some], y=[y for _, y in some], mode="markers", name=title, marker=marker,
                   hovertemplate=f"{escape(words.clean(name))} %{{x:.3g}}: %{{y:.4g}}<extra>{title}</extra>")
        )  # fmt: skip
    chosen = row.params.get(name)
    if _is_number(chosen):
        at = math.log10(chosen) if frame["xaxis"].get("type") == "log" and chosen > 0 else chosen
        frame["annotations"] = [note(at, 1, "chosen", "x", "paper", yshift=9, xanchor="center")]
        frame["shapes"] = [vertical(chosen, colour=WINNER, dash="dot")]
    warning = ""
    if name in row.at_bound:
        warning = (
            f"The best value of {words.clean(name)} sits on a bound of the search: a better one may lie beyond it."
        )
    title = f"{words.clean(row.loss)}: {words.clean(name)}"
    label = f"{data.metric} against {title}"
    return Chart(f"parameter-{place}", label, {"data": traces, "layout": frame}, 280, title, warning)


def _reach(data: TuneData, rows: Sequence[Row]) -> float:
    """Half the width of the interval plot: everything but what lies so far out that nothing else could be read."""
    half = [(r.difference_high - r.difference_low) / 2 for r in rows
            if words.known(r.difference_low) and words.known(r.difference_high)]  # fmt: skip
    lengths = [abs(data.margin), *([abs(data.detectable)] if words.known(data.detectable) else [])]
    typical = max([*lengths, median(half) if half else 0.0]) or 1.0
    ends = [abs(x) for r in rows for x in (r.difference, r.difference_low, r.difference_high) if words.known(x)]
    return 1.08 * max([typical, *lengths, *(end for end in ends if end <= FAR * typical)])


def _ends(row: Row, factor: float) -> tuple[float | None, float | None]:
    low, high = row.difference_low, row.difference_high
    return (low * factor if words.known(low) else None), (high * factor if words.known(high) else None)


def _reached(value: float | None, curve: Sequence[tuple[int, float]]) -> float | None:
    """The final value, or the last that was seen."""
    return value if words.known(value) else (curve[-1][1] if curve else None)


def _log_ticks(values: Sequence[float]) -> dict[str, Any]:
    """1, 2, 5, 10, ... or, over more than three decades, powers of ten: plotly's own would crowd a small chart."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    steps = (1,) if high - low > 3 else (1, 3) if high - low > 1 else (1, 2, 5)
    ticks = [step * 10.0**power for power in range(low, high + 1) for step in steps]
    return {"tickvals": ticks, "ticktext": [words.number(tick) for tick in ticks]}


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
