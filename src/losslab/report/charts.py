"""The charts of the verdict; None where there is nothing to draw."""

import math
from collections.abc import Sequence
from html import escape
from statistics import median
from typing import Any

from losslab.report import words
from losslab.report.figure import DEFAULT, GREY, WINNER, Chart, Sheet, box, layout, note, trace, vertical
from losslab.search.result import Row, TuneData

FAR = 8  # a difference so many times the typical length would flatten all others
MOST_LINES = 16  # losses in the interval plot: it stays on one sheet of paper
STEPS = {"tuned": "tuning the default", "threshold": "a fitted threshold", "loss": "another loss"}


def interval(data: TuneData, *, name: str = "interval", reach: float | None = None) -> Chart | None:
    """The difference of each loss from the tuned default, with its interval, the margin and the detectable size.

    `reach`: half the width of the axis in the metric's unit, for plots that stand below each other.
    """
    every = compared(data)
    rows = shown(data, every)
    if not rows:
        return None
    factor = 100 if data.points else 1
    numbers = words.Numbers.of(data)
    reach = (reach_of(data, rows) if reach is None else reach) * factor
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
        label = _short_label(row)
        at = max(min(row.difference * factor, reach), -reach) if words.known(row.difference) else 0
        low, high = _ends(row, factor)
        text = f"{numbers.difference(row.difference)} {numbers.interval(row.difference_low, row.difference_high)}"
        frame["annotations"].append(note(0, i, f"{escape(label)}  <b>{text}</b>", "paper", "y", yshift=17))
        colour = WINNER if row.role == "loss" and row.loss == data.winner else GREY
        traces += [
            trace(x=[low, high], y=[i, i], mode="lines", line={"color": colour, "width": 3}, hoverinfo="skip"),
            trace(
                x=[at], y=[i], mode="markers", hovertemplate=f"{escape(label)}<br>{text}<extra></extra>",
                marker={"color": colour, "size": 11, "symbol": "diamond" if colour == WINNER else "circle"},
            ),
        ]  # fmt: skip
    said = f"Difference in {data.metric} from the tuned {data.default}: " + "; ".join(
        f"{words.label(row)} {numbers.difference(row.difference)}" for row in rows
    )
    cells = [
        (words.label(row), numbers.difference(row.difference),
         numbers.interval(row.difference_low, row.difference_high), words.p_value(row.p_value))
        for row in every
    ]  # fmt: skip
    sheet = Sheet(("", "difference", "95 %", "p"), cells, undrawn(len(every) - len(rows)))
    return Chart(name, said, {"data": traces, "layout": frame}, 84 + 48 * len(rows), sheet=sheet)


def _short_label(row: Row) -> str:
    """Fits beside its numbers on a telephone: of the default, which is the one untuned, only how it was trained."""
    name = words.label(row)
    if row.role == "untuned":
        name = f"untuned, {name.rpartition(', ')[2]}"
    return name if len(name) <= 34 else f"{name[:33]}\u2026"


def compared(data: TuneData) -> list[Row]:
    """The losses and the untuned default that were measured against the default, without baselines."""
    losses, others = words.ordered(data)
    rows = [row for row in losses if row.loss != data.default]
    return [row for row in [*rows, *others] if row.role != "baseline" and words.known(row.difference)]


def shown(data: TuneData, rows: Sequence[Row]) -> list[Row]:
    """The first losses, with the winner and the untuned default, where there are more than fit a sheet."""
    if len(rows) <= MOST_LINES:
        return list(rows)
    kept = [row for row in rows if row.role != "loss" or row.loss == data.winner]
    first = [row for row in rows if not any(row is one for one in kept)][: MOST_LINES - len(kept)]
    return [row for row in rows if any(row is one for one in [*kept, *first])]


def undrawn(losses: int) -> str:
    return f", with {losses} {'loss' if losses == 1 else 'losses'} that the chart leaves out" if losses else ""


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
    traces, cells = [], []
    for i, step in enumerate(steps):
        change = values[i] - values[i - 1] if i else 0.0
        good = change >= 0 if data.higher_is_better else change <= 0
        name = words.clean(str(step["step"])) if i == 0 else f"+ {words.clean(STEPS.get(step['step'], step['step']))}"
        text = f"{numbers.value(values[i])}" + (f" ({numbers.difference(change)})" if i else "")
        cells.append((name, numbers.value(values[i]), numbers.difference(change) if i else ""))
        frame["annotations"].append(note(0, i, f"{escape(name)}  <b>{text}</b>", "paper", "y", yshift=18))
        colour = GREY if i == 0 or not change else WINNER if good else DEFAULT
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
    sheet = Sheet(("", data.metric, "change"), cells)
    return Chart("waterfall", label, {"data": traces, "layout": frame}, 64 + 48 * len(steps), sheet=sheet)


def reach_of(data: TuneData, rows: Sequence[Row]) -> float:
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


def short(value: Any) -> Any:
    """A figure with its numbers to six digits: no screen shows more, and the page stays small."""
    if isinstance(value, dict):
        return {key: short(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [short(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) and math.isfinite(value) else value
