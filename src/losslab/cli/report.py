"""losslab report RUN: write a run's page again; of several runs, one page with them side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from losslab.cli.options import Debug, IncludeRows
from losslab.cli.people import plain_errors, show

if TYPE_CHECKING:
    from losslab.search.result import TuneData


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="The folder of a run, or its result.json; two or three are put side by side.", metavar="RUN..."
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Where the page goes, unless beside the result.")] = None,
    include_rows: IncludeRows = False,
    debug: Debug = False,
) -> None:
    """Write report.html again from result.json, and print what it says; or compare runs: compare-RUN1-RUN2.html."""
    with plain_errors(debug):
        from losslab.report import terminal
        from losslab.report.page import write_page
        from losslab.report.store import read_result

        if len(runs) > 1:
            compare(runs, out)
            return
        data = read_result(runs[0])
        folder = runs[0] if runs[0].is_dir() else runs[0].parent
        show(data, terminal.header, terminal.leaderboard, terminal.verdict)
        path = write_page(data, out or folder / "report.html", include_rows=include_rows)
        show(data, lambda _, width: terminal.footer([path], width, next_steps=()))


def compare(runs: list[Path], out: Path | None) -> None:
    """Writes the page of several runs and prints their verdicts."""
    from losslab.report import terminal
    from losslab.report.comparison import file_name, why_apart, write_comparison
    from losslab.report.store import read_result

    results: dict[str, TuneData] = {}
    for run in runs:
        folder = (run if run.is_dir() else run.parent).resolve()
        name = folder.name if folder.name not in results else str(run)
        if name in results:
            raise ValueError(f"{run} is given twice; name two or three different runs")
        results[name] = read_result(run)
    for name, data in results.items():
        show(data, lambda _, width, name=name: terminal.title(name, width), terminal.verdict)  # type: ignore[misc]
    path = write_comparison(results, out or Path(file_name(list(results))))
    apart = why_apart(list(results.values()))
    show(
        next(iter(results.values())),
        lambda _, width: terminal.footer([path], width, next_steps=[apart] if apart else ()),
    )
