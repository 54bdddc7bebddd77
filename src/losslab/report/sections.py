"""What the sections of the report say, as plain values for the templates."""

import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from losslab.report import detail, words
from losslab.report.figure import GREY, WINNER
from losslab.report.search_charts import reached
from losslab.search.result import Row, TuneData

ALARMING = re.compile(r"\bgives? the target\b.{0,200}\baway\b|\bleak", re.IGNORECASE)  # notes that stand at the top too
MOST_NOTES = 8  # beyond, the rest is folded away
MOST_ALSO = 3
MOST_SHARES = 6  # parameters of a loss whose importance is shown


def secondary(data: TuneData, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The other metrics of the leaderboard, those watched first, each with a text and an arrow for each row.

    An arrow says that the number is above or below the tuned default's, and where the metric's direction is known,
    whether that is better; what the comparison found worse is said in words elsewhere.
    """
    default = words.default_row(data)
    rows = list(rows)
    found = []
    names = dict.fromkeys(name for row in rows for name in row.secondary)
    watched = [name for name in data.metrics if name in names]
    for name in dict.fromkeys([*watched, *names]):
        own = default.secondary.get(name) if default else None
        higher = data.metrics.get(name, {}).get("higher_is_better")
        column = [value for row in rows if words.known(value := row.secondary.get(name))]
        cells = []
        for row in rows:
            value = row.secondary.get(name)
            text = words.alike(value, column) if words.known(value) else "n/a" if name in row.secondary else ""
            cell = {"text": text, "arrow": "", "said": "", "kind": ""}
            if words.known(value) and words.known(own) and text != words.alike(own, column):
                above = value > own
                cell["arrow"], cell["said"] = ("\u2191", "above") if above else ("\u2193", "below")
                if higher is not None:
                    cell["kind"] = "better" if above == higher else "worse"
                    cell["said"] += f", {cell['kind']}"
            cells.append(cell)
        direction = "" if higher is None else "higher is better" if higher else "lower is better"
        summary = str(data.metrics.get(name, {}).get("summary", ""))
        found.append({"name": name, "cells": cells, "direction": direction, "summary": summary})
    return found


def thresholds(data: TuneData) -> dict[str, Any]:
    """For each loss the decision threshold of each metric: {"columns": [...], "rows": [[...]]}, or nothing."""
    losses, others = words.ordered(data)
    found = []
    for row in [*losses, *others]:
        own = {data.metric: row.threshold} if row.threshold is not None else {}
        found.append((row, {**own, **row.thresholds}))
    columns = list(dict.fromkeys(name for _, own in found for name in own))
    rows = [[words.label(row), *(_threshold(own.get(name)) for name in columns)] for row, own in found if own]
    return {"columns": columns, "rows": rows} if rows else {}


def _threshold(value: float | list[float] | None) -> str:
    if isinstance(value, list | tuple):
        known = [one for one in value if words.known(one)]
        if len(known) <= 3:
            return ", ".join(f"{one:.3g}" for one in known)
        return f"{len(known)} numbers, {min(known):.3g} to {max(known):.3g}"
    return f"{value:.3g}" if words.known(value) else ""


def chosen(data: TuneData) -> dict[str, Any]:
    """How default and winner (or best challenger) are trained, a line for each setting."""
    losses = {row.loss: row for row in words.ordered(data)[0]}
    names = detail.beside(data)
    rows = {
        name: losses[key] for key, name in ((_raw(data, who), name) for who, name in names.items()) if key in losses
    }
    if not rows:
        return {}
    values = {name: _settings(row) for name, row in rows.items()}
    keys = dict.fromkeys(key for own in values.values() for key in own)
    lines = []
    for key in keys:
        lines.append({"name": key, "cells": [own.get(key, "") for own in values.values()]})
    return {"columns": list(rows), "rows": lines}


def _raw(data: TuneData, who: str) -> str:
    names = {"default": data.default, "winner": data.winner, **data.winner_detail.get("names", {})}
    return str(names.get(who, ""))


def _settings(row: Row) -> dict[str, str]:
    chosen = {key: value for key, value in row.optimizer.items() if key != "name"}
    found = {**row.params, "optimizer": words.torch_optimizer(str(row.optimizer.get("name", ""))), **chosen}
    texts = {}
    for key, value in {**found, **row.settings}.items():
        listed = isinstance(value, list | tuple)
        texts[words.clean(key)] = f"{len(value)} numbers, from the data" if listed else words.number(value)
    return texts


def importance(data: TuneData) -> list[dict[str, Any]]:
    """For each loss the searched parameters that explain most of the validation metric, the largest share first."""
    ranked = [row.loss for row in words.ordered(data)[0]]
    found = []
    for loss in dict.fromkeys([*ranked, *data.importance]):
        shares = {name: share for name, share in data.importance.get(loss, {}).items() if words.known(share)}
        first = sorted(shares.items(), key=lambda item: -item[1])[:MOST_SHARES]
        lines = [{"name": words.clean(name), "share": max(0.0, min(100 * share, 100.0))} for name, share in first]
        if lines:
            found.append({"loss": loss, "shares": lines, "colour": WINNER if loss == data.winner else GREY})
    return found


def disagreements(data: TuneData) -> list[tuple[str, list[int]]]:
    """Row indices in groups: who was right, where there are classes; else all of them."""
    if data.task not in ("binary", "multiclass", "ordinal"):
        return [("The two predictions differ most on", [d["row"] for d in data.disagreements])]
    groups: dict[str, list[int]] = {}
    names = detail.beside(data)
    winner, default = names.get("winner", "the winner"), names.get("default", "the default")
    for d in data.disagreements:
        right = (
            f"Only {winner} is right on" if d["winner"] == d["target"]
            else f"Only {default} is right on" if d["default"] == d["target"] else "Both are wrong, differently, on"
        )  # fmt: skip
        groups.setdefault(right, []).append(d["row"])
    return sorted(groups.items(), key=lambda item: -len(item[1]))


def parts(data: TuneData) -> list[dict[str, Any]]:
    """The parts of the split, with their shares in percent."""
    sizes = {part: data.split[part] for part in ("train", "validation", "test") if data.split.get(part)}
    total = sum(sizes.values())
    return [{"name": part, "rows": rows, "share": 100 * rows / total} for part, rows in sizes.items()]


def decided(data: TuneData) -> list[str]:
    """How the answer was found, in sentences."""
    losses = [row for row in data.table if row.role == "loss"]
    trials = sum(trial.loss in {row.loss for row in losses} for trial in data.trials)
    runs = max((len(row.runs) for row in losses), default=0)
    sentences = []
    if trials:
        each = sorted({sum(trial.loss == row.loss for trial in data.trials) for row in losses} - {0})
        equal = f"{words.count(each[0])} each" if len(each) == 1 else f"{each[0]} to {each[-1]} each"
        sentences.append(
            f"{words.count(trials)} configurations were tried, {equal}: the default had the same budget as the others."
        )
    if data.budget:
        sentences.append(f"The time budget: {data.budget}.")
    if len(data.rungs) > 1:
        epochs = "epochs" if len(data.rungs) > 2 else "epoch"
        rungs = words.listed(str(rung) for rung in data.rungs[:-1])
        sentences.append(f"At {epochs} {rungs} the weaker ones of each loss were ended; every loss kept a finalist.")
    again = f" {runs} times" if runs > 1 else ""
    sentences.append(
        f"The finalists were chosen on the validation part, which makes their validation figures optimistic. They were "
        f"trained afresh{again} and met on the test part, which the search never saw and which is read once."
    )
    sentences.append(
        "The 95 % intervals count both the choice of test rows and the luck of training; p-values are corrected for "
        "the number of losses (Holm)."
    )
    size = words.Numbers.of(data).size(data.margin)
    sentences.append(f"Equivalent means that the whole interval lies within {size} of the tuned default.")
    if any(row.threshold is not None for row in losses):
        sentences.append("Every loss, the default too, got its own decision threshold, fitted on the validation part.")
    if len(data.metrics) > 1:
        watched = words.listed(words.clean(name) for name in list(data.metrics)[1:])
        sentences.append(f"{words.clean(data.metric)} alone decided; {watched} were watched beside it.")
    return sentences


def as_table(entries: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Entries with names as columns and rows."""
    columns = list(dict.fromkeys(name for entry in entries for name in entry))
    rows = [["" if entry.get(name) is None else words.number(entry[name]) for name in columns] for entry in entries]
    return {"columns": columns, "rows": rows}


def notes(data: TuneData) -> dict[str, list[str]]:
    """Notes on data and run: the alarming ones, those to be read, those folded away. Each note stands once."""
    every = list(dict.fromkeys(note.strip() for note in data.notes if note.strip()))
    alarming = [note for note in every if ALARMING.search(note)]
    rest = [note for note in every if note not in alarming]
    first = rest if len(rest) <= MOST_NOTES + 2 else rest[:MOST_NOTES]
    return {"alarming": alarming, "first": first, "more": rest[len(first) :]}


def so_far(data: TuneData) -> list[dict[str, Any]]:
    """Of a search that was stopped: for each loss what was tried and the best validation value, the best loss first."""
    numbers = words.Numbers(data.points, 3 if data.points else 4, 3)
    found = []
    for loss in dict.fromkeys(trial.loss for trial in data.trials):
        own = [trial for trial in data.trials if trial.loss == loss]
        whole = [trial for trial in own if trial.state == "complete"]
        seen = [trial for trial in whole or own if words.known(reached(trial)) and trial.state != "failed"]
        turn = 1 if data.higher_is_better else -1
        best = max(seen, key=lambda trial: turn * (reached(trial) or 0.0), default=None)
        value = reached(best) if best else None
        found.append({
            "loss": loss, "tried": len(own), "whole": len(whole), "value": numbers.value(value),
            "order": -turn * value if words.known(value) else float("inf"),
            "epoch": best.curve[-1][0] if best and best.curve else None,
            "settings": words.settings(best.params) if best else "",
            "optimizer": words.optimizer(best.optimizer) if best and best.optimizer else "",
        })  # fmt: skip
    return sorted(found, key=lambda line: line["order"])


def resume(command: str, folder: str | Path | None) -> str:
    """The command, or the line of Python, that goes on with a study; empty where nobody knows where it is kept."""
    if not command:
        return f"losslab.tune(..., out={str(folder)!r}, resume=True)  # with the same arguments" if folder else ""
    try:
        parts = [part for part in shlex.split(command) if part != "--resume"]
    except ValueError:
        return ""
    named = any(part == "--out" or part.startswith("--out=") for part in parts)
    if not named and folder is None:
        return ""
    return shlex.join([*parts, *([] if named else ["--out", str(folder)]), "--resume"])
