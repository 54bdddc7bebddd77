"""losslab runs: what was run, newest first; losslab runs A B: what two runs have in common and what not."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from losslab.cli.folders import RUNS
from losslab.cli.options import Debug, Option
from losslab.cli.people import plain_errors

if TYPE_CHECKING:
    from losslab.search.result import TuneData

COLUMNS = ("name", "date", "data", "metric", "status", "verdict", "winner", "test", "trials", "version")
SETTINGS = (
    "data", "data_checksum", "task", "metric", "split", "model", "plan", "epochs", "seed", "margin", "versions",
)  # fmt: skip
FOUND = ("status", "verdict_kind", "winner", "verdict", "detectable", "seconds")
Folders = Annotated[list[Path] | None, typer.Argument(help="A folder of runs (runs/, unless given), or two runs.")]
Json = Annotated[bool, Option("--json", help="Print JSON.")]


def runs(folders: Folders = None, as_json: Json = False, debug: Debug = False) -> None:
    """List runs, newest first; of two runs, show what differs in settings and in result."""
    with plain_errors(debug):
        wanted = folders or [RUNS]
        if len(wanted) > 2:
            raise ValueError(f"{len(wanted)} folders are given; one folder of runs, or two runs to compare")
        if len(wanted) == 2:
            one, two = (described(folder) for folder in wanted)
            found: Any = compared(one, two)
            typer.echo(json.dumps(found, indent=1) if as_json else two_columns(found, *map(str, wanted)))
            return
        if not wanted[0].is_dir():
            raise FileNotFoundError(f"no folder {wanted[0]}; name the one that holds the runs")
        rows = listed_runs(wanted[0])
        typer.echo(json.dumps(rows, indent=1) if as_json else table(rows, wanted[0]))


def listed_runs(folder: Path) -> list[dict[str, Any]]:
    """A line for each run in a folder, or for the folder itself where it is one; the newest first."""
    places = [folder] if is_run(folder) else [path for path in folder.iterdir() if path.is_dir() and is_run(path)]
    return sorted((line(path) for path in places), key=lambda row: (row["date"], row["name"]), reverse=True)


def is_run(folder: Path) -> bool:
    return (folder / "result.json").exists() or (folder / "journal.jsonl").exists()


def line(folder: Path) -> dict[str, Any]:
    """What the list says of a run; a file that cannot be read is said in words."""
    from losslab.report.store import read_result
    from losslab.search.journal import read_lines

    path, journal = folder / "result.json", folder / "journal.jsonl"
    row: dict[str, Any] = dict.fromkeys(COLUMNS) | {"name": folder.name}
    newest = path if path.exists() else journal
    row["date"] = datetime.fromtimestamp(newest.stat().st_mtime).isoformat(" ", "minutes")
    try:
        if path.exists():
            return row | summary(read_result(path))
        head = read_lines(journal)[0].get("fingerprint", {})
        data = str(head.get("data", "")).rpartition(" ")[0]
        version = head.get("versions", {}).get("losslab")
        return row | {
            "status": "interrupted", "data": data, "metric": head.get("metric"), "trials": head.get("trials"),
            "version": version,
        }  # fmt: skip
    except (ValueError, OSError, IndexError, AttributeError) as error:
        return row | {"status": f"cannot be read: {error or 'no whole line'}"}


def summary(data: "TuneData") -> dict[str, Any]:
    finished = data.status == "finished"
    winner = next((row for row in data.table if row.role == "loss" and row.loss == data.winner), None)
    return {
        "data": data.data.split(":")[0], "metric": data.metric, "status": data.status,
        "verdict": data.verdict_kind if finished else None, "winner": (data.winner or None) if finished else None,
        "test": winner.test if winner else None, "trials": len(data.trials),
        "version": data.versions.get("losslab"),
    }  # fmt: skip


def described(folder: Path) -> dict[str, Any]:
    """Settings and result of a run, flat: name -> value. Raises what `read_result` raises."""
    from losslab.report.store import plain, read_result

    data = read_result(folder)
    found = {name: getattr(data, name) for name in (*SETTINGS, *FOUND)}
    for row in data.table:
        label = row.loss if row.role != "untuned" else f"untuned: {row.loss}"
        found[f"{label}: test"] = row.test
        if row.role == "loss":
            found[f"{label}: parameters"] = row.params
            found[f"{label}: optimizer"] = row.optimizer
            found[f"{label}: settings"] = row.settings
    flat = {name: value for key, item in found.items() for name, value in spread(key, item)}
    plained: dict[str, Any] = plain(flat)
    return plained


def spread(name: str, value: Any) -> list[tuple[str, Any]]:
    """A mapping as a name for each of its entries."""
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in spread(f"{name}.{key}", item)]
    return [(name, value)]


def compared(one: dict[str, Any], two: dict[str, Any]) -> dict[str, dict[str, list[Any]]]:
    """What differs, first in what was asked, then in what was found: name -> [of the first, of the second]."""
    names = [name for name in dict.fromkeys([*one, *two]) if one.get(name) != two.get(name)]
    asked = [name for name in names if name.split(".")[0] in SETTINGS]
    return {
        "settings": {name: [one.get(name), two.get(name)] for name in asked},
        "result": {name: [one.get(name), two.get(name)] for name in names if name not in asked},
    }


def cell(value: Any) -> str:
    from losslab.report.words import clean

    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else clean(str(value))


def table(rows: Sequence[dict[str, Any]], folder: Path) -> str:
    """The list as text; what could not be read stands below it."""
    if not rows:
        return f"no runs in {folder}/; losslab tune digits makes one"
    good = [row for row in rows if not str(row["status"]).startswith("cannot")]
    lines = aligned([list(COLUMNS), *([cell(row[name]) for name in COLUMNS] for row in good)]) if good else []
    return "\n".join([*lines, *(f"{cell(row['name'])} {cell(row['status'])}" for row in rows if row not in good)])


def two_columns(found: dict[str, dict[str, list[Any]]], one: str, two: str) -> str:
    parts = []
    for title, pairs in found.items():
        if pairs:
            lines = aligned(
                [[title, cell(one), cell(two)], *([cell(n), *map(cell, pair)] for n, pair in pairs.items())]
            )
            parts.append("\n".join(lines))
        else:
            parts.append(f"{title}: no difference")
    return "\n\n".join(parts)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their longest cell, as a terminal shows it."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
