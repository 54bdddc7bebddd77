"""The winner beside the default: calibration, confusion or residuals, from `winner_detail` (see docs/result.md)."""

import math
from html import escape

from losslab.report import words
from losslab.report.figure import DEFAULT, GREY, WINNER, Chart, layout, trace
from losslab.search.result import TuneData

MOST_POINTS = 2000  # more dots than this are thinned out: the page stays quick
COLOURS = {"default": DEFAULT, "winner": WINNER}
SYMBOLS = {"default": "circle", "winner": "diamond"}
LINES = {"default": "dash", "winner": "solid"}


def calibration(data: TuneData) -> Chart | None:
    """How often the model was right, against how sure it was."""
    found = data.winner_detail.get("calibration")
    if not found:
        return None
    dots = {"color": GREY, "dash": "dot"}
    traces = [trace(x=[0, 1], y=[0, 1], mode="lines", name="perfect", line=dots, hoverinfo="skip")]
    for who, name in beside(data).items():
        if not found.get(who):
            continue
        bins = found[who]
        counts = bins.get("count") or [1] * len(bins["confidence"])
        largest = max([count for count in counts if count] or [1])
        traces.append(
            trace(
                x=bins["confidence"], y=bins["accuracy"], mode="lines+markers", name=escape(name), customdata=counts,
                line={"color": COLOURS[who], "dash": LINES[who]},
                marker={"symbol": SYMBOLS[who], "size": [5 + 13 * math.sqrt((n or 0) / largest) for n in counts]},
                hovertemplate="sure %{x:.3f}, right %{y:.3f}, %{customdata} rows<extra>" + escape(name) + "</extra>",
            )
        )  # fmt: skip
    frame = layout("how sure (mean probability of the bin)", "how often right")
    frame["xaxis"]["range"] = frame["yaxis"]["range"] = [-0.02, 1.04]
    return Chart(
        "calibration", "How often right against how sure", {"data": traces, "layout": frame}, 380, "Calibration"
    )


def confusion(data: TuneData) -> list[Chart]:
    """Counts of (true class, predicted class), coloured by the share of the true class."""
    found = data.winner_detail.get("confusion") or {}
    charts = []
    for who, name in beside(data).items():
        counts = found.get(who)
        if not counts:
            continue
        classes = [escape(words.clean(str(c))) for c in found.get("classes") or range(len(counts))]
        share = [[n / max(sum(row), 1) for n in row] for row in counts]
        cells = {
            "type": "heatmap", "z": share, "x": classes, "y": classes, "customdata": counts, "showscale": False,
            "zmin": 0, "zmax": 1,
            "xgap": 1, "ygap": 1, "hovertemplate": "true %{y}, predicted %{x}: %{customdata} rows<extra></extra>",
        }  # fmt: skip
        if len(classes) <= 15:
            cells |= {"text": [[str(n) if n else "" for n in row] for row in counts], "texttemplate": "%{text}"}
        frame = layout("predicted", "true")
        for axis in ("xaxis", "yaxis"):
            frame[axis] |= {"type": "category", "showgrid": False, "automargin": True}
        frame["yaxis"]["autorange"] = "reversed"
        label = f"Confusion of {name} over {words.count(len(classes))} classes"
        charts.append(Chart(f"confusion-{who}", label, {"data": [cells], "layout": frame}, 400, name))
    return charts


def residuals(data: TuneData) -> Chart | None:
    """Prediction minus target, against the target."""
    found = data.winner_detail.get("residuals")
    if not found or not found.get("target"):
        return None
    traces = []
    step = max(math.ceil(len(found["target"]) / MOST_POINTS), 1)
    for who, name in beside(data).items():
        if found.get(who):
            traces.append(
                trace(
                    x=found["target"][::step], y=found[who][::step], mode="markers", name=escape(name), opacity=0.75,
                    marker={"color": COLOURS[who], "symbol": SYMBOLS[who], "size": 7},
                    hovertemplate="target %{x:.4g}, off by %{y:+.4g}<extra>" + escape(name) + "</extra>",
                )
            )  # fmt: skip
    frame = layout("target", "prediction minus target")
    frame["yaxis"]["zeroline"] = True
    label = f"Residuals of {words.listed(beside(data).values())}"
    return Chart("residuals", label, {"data": traces, "layout": frame}, 400, "Residuals")


def beside(data: TuneData) -> dict[str, str]:
    """The names of the two: {"default": ..., "winner": ...}; one where both are the same."""
    names = {"default": data.default, "winner": data.winner, **data.winner_detail.get("names", {})}
    named = {who: words.clean(str(names[who])) for who in ("default", "winner") if names[who]}
    return named if named.get("default") != named.get("winner") else {"default": named.get("default", "")}
