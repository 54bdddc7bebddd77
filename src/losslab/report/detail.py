"""The winner beside the default on the test part, from `winner_detail` (see docs/result.md).

Classes: calibration and confusion. Several labels: a bar for each. Numbers: what is left of each target.
"""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from losslab.report import words
from losslab.report.figure import DEFAULT, GREY, WINNER, Chart, Sheet, layout, trace
from losslab.search.result import TuneData

MOST_POINTS = 2000  # more dots than this are thinned out: the page stays quick
MOST_CLASSES = 30  # classes in a confusion; beyond, those that are confused most
MOST_TARGETS = 6  # target columns with a chart of residuals
MOST_LABELS = 30
COLOURS = {"default": DEFAULT, "winner": WINNER}
SYMBOLS = {"default": "circle", "winner": "diamond"}
LINES = {"default": "dash", "winner": "solid"}
PATTERNS = {"default": "/", "winner": ""}
BY_PREDICTION = ("count", "positive")  # tasks whose spread grows with the prediction


def calibration(data: TuneData) -> Chart | None:
    """How often the model was right, against how sure it was."""
    found = data.winner_detail.get("calibration")
    if not found or not any(found.get(who) for who in beside(data)):
        return None
    dots = {"color": GREY, "dash": "dot"}
    traces = [trace(x=[0, 1], y=[0, 1], mode="lines", name="perfect", line=dots, hoverinfo="skip")]
    cells = []
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
        cells += [
            (name, *(f"{x:.3f}" if words.known(x) else "-" for x in (sure, right)), str(n))
            for sure, right, n in zip(bins["confidence"], bins["accuracy"], counts, strict=True)
        ]
    frame = layout("how sure (mean probability of the bin)", "how often right")
    frame["xaxis"]["range"] = frame["yaxis"]["range"] = [-0.02, 1.04]
    figure = {"data": traces, "layout": frame}
    sheet = Sheet(("", "how sure", "how often right", "rows"), cells)
    return Chart("calibration", "How often right against how sure", figure, 380, "Calibration", sheet=sheet)


def confusion(data: TuneData) -> list[Chart]:
    """Counts of (true class, predicted class), coloured by the share of the true class."""
    found = data.winner_detail.get("confusion") or {}
    pair = {who: found[who] for who in beside(data) if found.get(who)}
    if not pair:
        return []
    size = len(next(iter(pair.values())))
    names = [words.clean(str(c)) for c in found.get("classes") or range(size)]
    kept = _most_confused(list(pair.values())) if size > MOST_CLASSES else list(range(size))
    charts = []
    for who, name in beside(data).items():
        if who not in pair:
            continue
        counts = _gathered(pair[who], kept)
        classes = [escape(_shortened(names[c])) for c in kept]
        classes += [f"{size - len(kept)} others"] if len(kept) < size else []
        classes = [c if classes.count(c) == 1 else f"{c} ({n})" for n, c in zip([*kept, size], classes, strict=False)]
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
            frame[axis] |= {"type": "category", "showgrid": False, "automargin": True, "tickfont": {"size": 11}}
        frame["yaxis"]["autorange"] = "reversed"
        label = f"Confusion of {name} over {words.count(size)} classes"
        also = f": the {len(kept)} classes that are confused most of {words.count(size)}" if len(kept) < size else ""
        rows = [_told(pair[who], names, c) for c in kept]
        sheet = Sheet(("true class", "rows", "right", "most often taken for"), rows, also)
        height = 400 if len(classes) <= 15 else 520
        charts.append(Chart(f"confusion-{who}", label, {"data": [cells], "layout": frame}, height, name, sheet=sheet))
    return charts


def _most_confused(tables: Sequence[list[list[int]]]) -> list[int]:
    """The classes with the most wrong rows, as true or as predicted class, in their own order."""
    size = len(tables[0])
    wrong = [
        sum(sum(t[c]) + sum(row[c] for row in t) - 2 * t[c][c] for t in tables)
        for c in range(size)
    ]  # fmt: skip
    return sorted(sorted(range(size), key=lambda c: (-wrong[c], c))[: MOST_CLASSES - 1])


def _gathered(counts: list[list[int]], kept: list[int]) -> list[list[int]]:
    """The counts of the classes that are kept; all others in one last row and column."""
    if len(kept) == len(counts):
        return counts
    chosen = set(kept)
    rest = [c for c in range(len(counts)) if c not in chosen]
    rows = [[*(row[c] for c in kept), sum(row[c] for c in rest)] for row in counts]
    return [*(rows[c] for c in kept), [sum(rows[c][i] for c in rest) for i in range(len(kept) + 1)]]


def _told(counts: list[list[int]], names: list[str], c: int) -> tuple[str, str, str, str]:
    row = counts[c]
    wrong = sorted(((n, other) for other, n in enumerate(row) if other != c and n), key=lambda item: -item[0])[:2]
    taken = ", ".join(f"{names[other]} ({n})" for n, other in wrong)
    return names[c], words.count(sum(row)), words.count(row[c]), taken


def _shortened(name: str, most: int = 16) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}\u2026"


def residuals(data: TuneData) -> list[Chart]:
    """Prediction minus target against the target, or against the prediction where the spread grows with it."""
    found = data.winner_detail.get("residuals") or {}
    columns = data.winner_detail.get("residual_columns") or {}
    if len(columns) > 1:
        return [
            _residuals(data, f"residuals-{i}", f"Residuals of {words.clean(str(name))}", column["target"], column)
            for i, (name, column) in enumerate(list(columns.items())[:MOST_TARGETS])
        ]
    if not found.get("target") or not any(found.get(who) for who in beside(data)):
        return []
    return [_residuals(data, "residuals", "Residuals", found["target"], found)]


def _residuals(data: TuneData, key: str, title: str, target: Sequence[float], found: dict[str, Any]) -> Chart:
    step = max(math.ceil(len(target) / MOST_POINTS), 1)
    against = "prediction" if data.task in BY_PREDICTION else "target"
    traces, cells = [], []
    for who, name in beside(data).items():
        if not found.get(who):
            continue
        pairs = [(t, r) for t, r in zip(target, found[who], strict=True) if words.known(t) and words.known(r)]
        x = [t + r if against == "prediction" else t for t, r in pairs]
        traces.append(
            trace(
                x=x[::step], y=[r for _, r in pairs][::step], mode="markers", name=escape(name), opacity=0.75,
                marker={"color": COLOURS[who], "symbol": SYMBOLS[who], "size": 7 if len(pairs) < 500 else 5},
                hovertemplate=against + " %{x:.4g}, off by %{y:+.4g}<extra>" + escape(name) + "</extra>",
            )
        )  # fmt: skip
        cells.append((name, *_quantiles([r for _, r in pairs])))
    frame = layout(against, "prediction minus target")
    frame["yaxis"]["zeroline"] = True
    label = f"{title} of {words.listed(beside(data).values())}, against the {against}"
    sheet = Sheet(("prediction minus target", "5 %", "25 %", "median", "75 %", "95 %"), cells)
    return Chart(key, label, {"data": traces, "layout": frame}, 400, title, sheet=sheet)


def _quantiles(values: Sequence[float]) -> list[str]:
    ordered = sorted(values)
    places = [round(share * (len(ordered) - 1)) for share in (0.05, 0.25, 0.5, 0.75, 0.95)]
    return [f"{ordered[place]:+.4g}" if ordered else "-" for place in places]


def labels(data: TuneData) -> Chart | None:
    """Of several labels, how well each is found: F1 of winner beside default."""
    found = data.winner_detail.get("labels") or {}
    names = [words.clean(str(name)) for name in found.get("names") or ()]
    pair = {who: _f1(found[who]) for who in beside(data) if found.get(who)}
    if not names or not pair:
        return None
    first, *_, last = [*pair, *pair]
    apart = [abs(pair[last][i] - pair[first][i]) for i in range(len(names))]
    kept = sorted(sorted(range(len(names)), key=lambda i: (-apart[i], i))[:MOST_LABELS])
    shown = [escape(_shortened(names[i], 24)) for i in kept]
    shown = [name if shown.count(name) == 1 else f"{name} ({i})" for i, name in zip(kept, shown, strict=True)]
    traces = [
        {
            "type": "bar", "orientation": "h", "y": shown, "x": [pair[who][i] for i in kept], "name": escape(name),
            "marker": {"color": COLOURS[who], "pattern": {"shape": PATTERNS[who]}},
            "hovertemplate": "%{y}: %{x:.3f}<extra>" + escape(name) + "</extra>",
        }
        for who, name in beside(data).items() if who in pair
    ]  # fmt: skip
    frame = layout("F1 of each label")
    frame["xaxis"]["range"] = [0, 1]
    frame["yaxis"] |= {"type": "category", "autorange": "reversed", "automargin": True}
    frame["barmode"] = "group"
    cells = []
    for i in kept:
        for who in pair:
            hits, missed, wrong = (found[who][part][i] for part in ("found", "missed", "wrong"))
            cells.append((names[i], beside(data)[who], *map(words.count, (hits, missed, wrong)), f"{pair[who][i]:.3f}"))
    also = f": the {len(kept)} of {len(names)} on which the two differ most" if len(kept) < len(names) else ""
    sheet = Sheet(("label", "loss", "found", "missed", "wrongly claimed", "F1"), cells, also)
    label = f"F1 of each label, {words.listed(beside(data)[who] for who in pair)}"
    return Chart("labels", label, {"data": traces, "layout": frame}, 120 + 34 * len(kept), "Labels", sheet=sheet)


def _f1(counts: dict[str, list[int]]) -> list[float]:
    """2 found / (2 found + missed + wrongly claimed) of each label; 0 where a label neither is nor was claimed."""
    columns = zip(counts["found"], counts["missed"], counts["wrong"], strict=True)
    return [2 * hits / max(2 * hits + missed + wrong, 1) for hits, missed, wrong in columns]


def beside(data: TuneData) -> dict[str, str]:
    """The names of the two: {"default": ..., "winner": ...}; one where both are the same."""
    names = {"default": data.default, "winner": data.winner, **data.winner_detail.get("names", {})}
    named = {who: words.clean(str(names[who])) for who in ("default", "winner") if names[who]}
    return named if named.get("default") != named.get("winner") else {"default": named.get("default", "")}
