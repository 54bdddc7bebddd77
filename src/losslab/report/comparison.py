"""Two or three results side by side on one page: verdicts, what differs, leaderboards, intervals on one scale."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from losslab.report import charts, words
from losslab.report.figure import DEFAULT, GREY, WINNER, Chart, Sheet, layout, trace
from losslab.report.files import write_whole
from losslab.report.page import BADGES, readable, render
from losslab.search.result import Row, TuneData

FEWEST, MOST = 2, 3
LOOKS = ((WINNER, "diamond"), (DEFAULT, "circle"), (GREY, "square"))  # of the runs


def write_comparison(results: Mapping[str, TuneData], path: str | Path) -> Path:
    """Writes one self-contained page about results, by the names of their runs. Raises ValueError, OSError."""
    return write_whole(path, comparison(results))


def comparison(results: Mapping[str, TuneData]) -> str:
    """The page as text. ValueError for fewer than two results or more than three."""
    if not FEWEST <= len(results) <= MOST:
        raise ValueError(f"{len(results)} results; two or three can stand side by side")
    names = [words.clean(name) for name in results]
    runs = [readable(data) for data in results.values()]
    apart = why_apart(runs)
    reach = max((charts.reach_of(data, rows) for data in runs if (rows := charts.compared(data))), default=None)
    intervals = [
        charts.interval(data, name=f"interval-{i}", reach=None if apart else reach) for i, data in enumerate(runs)
    ]
    values = None if apart else tested(names, runs)
    return render(
        "comparison.html.j2",
        [chart for chart in [*intervals, values] if chart],
        title=" and ".join(names),
        names=names,
        runs=[
            {"name": name, "data": data, "badge": BADGES.get(data.verdict_kind, ""), "numbers": words.Numbers.of(data)}
            for name, data in zip(names, runs, strict=True)
        ],
        apart=apart,
        differences=differences(runs),
        leaderboard=leaderboard(runs),
        intervals=intervals,
        values=values,
    )


def file_name(names: Sequence[str]) -> str:
    """compare-digits-1-digits-2.html, whatever the folders are called."""
    parts = [re.sub(r"\W+", "-", name).strip("-") or "run" for name in names]
    return f"compare-{'-'.join(parts)}.html"


def why_apart(runs: Sequence[TuneData]) -> str:
    """Why the runs' numbers are not to be compared; empty where metric and test rows are the same."""
    if any(not data.table for data in runs):
        return "One of the runs has no leaderboard."
    for what, found in (
        ("the metric", [(data.metric, data.higher_is_better) for data in runs]),
        ("the data", [data.data_checksum for data in runs]),
        ("the rows of the test part", [_test_rows(data) for data in runs]),
    ):
        if len({str(one) for one in found}) > 1:
            return f"They differ in {what}, so their numbers cannot be compared with each other."
    return "" if runs[0].data_checksum else "It is not known whether they were tested on the same rows."


def _test_rows(data: TuneData) -> Any:
    """What names the test rows: the checksum of the split, or what the split was drawn by."""
    known = [entry["split"] for entry in data.ledger if entry.get("split")]
    return known[-1] if known else (data.split.get("test"), data.split.get("how"), data.split)


def differences(runs: Sequence[TuneData]) -> list[dict[str, Any]]:
    """What was asked differently: a line for each setting that is not the same in all runs."""
    lines = []
    asked = [_asked(data) for data in runs]
    for name in dict.fromkeys(name for one in asked for name in one):
        cells = [one.get(name, "") for one in asked]
        if len(set(cells)) > 1:
            lines.append({"name": name, "cells": cells})
    return lines


def _asked(data: TuneData) -> dict[str, str]:
    losses, _ = words.ordered(data)
    found = {
        "data": data.data, "checksum": data.data_checksum, "task": data.task, "metric": data.metric,
        "split": words.split_sizes(data), "model": data.model, "epochs": words.count(data.epochs), "plan": data.plan,
        "rungs": words.listed(str(rung) for rung in data.rungs), "budget": data.budget, "default": data.default,
        "margin": words.number(data.margin), "seed": str(data.seed), "engine": data.engine,
        "losses": ", ".join(sorted(row.loss for row in losses)),
        "notes": "; ".join(data.notes),
        **data.versions,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def leaderboard(runs: Sequence[TuneData]) -> list[dict[str, Any]]:
    """A line for each loss and baseline, with what each run found: test, difference and interval."""
    keyed = []
    for data in runs:
        losses, others = words.ordered(data)
        keyed.append({_key(row): row for row in [*losses, *others]})
    order = dict.fromkeys(key for one in keyed for key in one if key[0] == "loss")
    order |= dict.fromkeys(key for one in keyed for key in one)
    lines = []
    for role, name in order:
        cells = []
        for data, one in zip(runs, keyed, strict=True):
            row, numbers = one.get((role, name)), words.Numbers.of(data)
            cells.append({
                "test": numbers.value(row.test) if row else "",
                "difference": numbers.difference(row.difference) if row and words.known(row.difference) else "",
                "interval": numbers.interval(row.difference_low, row.difference_high) if row else "",
                "settings": words.settings({**row.params, **row.settings}) if row and role == "loss" else "",
                "winner": role == "loss" and row is not None and name == data.winner,
            })  # fmt: skip
        lines.append({"name": name, "role": role, "cells": cells})
    return lines


def _key(row: Row) -> tuple[str, str]:
    return row.role, words.clean(row.loss) if row.role == "loss" else words.label(row)


def tested(names: Sequence[str], runs: Sequence[TuneData]) -> Chart | None:
    """The test metric of every loss in every run, with its own interval, on one axis."""
    keys = list(dict.fromkeys(_key(row) for data in runs for row in words.ordered(data)[0]))[: charts.MOST_LINES]
    numbers = words.Numbers.of(runs[0])
    traces, cells = [], []
    for i, (name, data) in enumerate(zip(names, runs, strict=True)):
        colour, symbol = LOOKS[i]
        rows = {_key(row): row for row in data.table if row.role == "loss" and words.known(row.test)}
        found = [(place, *_span(rows[key])) for place, key in enumerate(keys) if key in rows]
        if not found:
            continue
        shift = 0.22 * (i - (len(runs) - 1) / 2)
        traces.append(
            trace(
                x=[middle for _, _, middle, _ in found], y=[place + shift for place, *_ in found], mode="markers",
                name=escape(name), marker={"color": colour, "symbol": symbol, "size": 10},
                error_x={
                    "type": "data", "symmetric": False, "color": colour, "width": 0,
                    "array": [high - middle for _, _, middle, high in found],
                    "arrayminus": [middle - low for _, low, middle, _ in found],
                },
                hovertemplate="%{x:.4g}<extra></extra>",
            )
        )  # fmt: skip
        for place, low, middle, high in found:
            span = f"[{numbers.value(low)}, {numbers.value(high)}]"
            cells.append((keys[place][1], name, numbers.value(middle), span))
    if not traces:
        return None
    frame = layout(f"{runs[0].metric} (test)")
    frame["yaxis"] |= {
        "tickvals": list(range(len(keys))), "ticktext": [_shortened(label) for _, label in keys], "automargin": True,
        "range": [len(keys) - 0.4, -0.6], "tickfont": {"size": 11},
    }  # fmt: skip
    frame["showlegend"] = True
    sheet = Sheet(("loss", "run", runs[0].metric, "95 %"), sorted(cells))
    label = f"{runs[0].metric} on the test part of each loss in {words.listed(names)}"
    return Chart("values", label, {"data": traces, "layout": frame}, 110 + 44 * len(keys), sheet=sheet)


def _span(row: Row) -> tuple[float, float, float]:
    """Low end, value and high end of the test metric."""
    middle = row.test or 0.0
    return (
        row.low if words.known(row.low) else middle,
        middle,
        row.high if words.known(row.high) else middle,
    )


def _shortened(label: str, most: int = 22) -> str:
    return escape(label if len(label) <= most else f"{label[: most - 1]}\u2026")
