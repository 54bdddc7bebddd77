"""losslab report RUN: write a run's page again."""

from pathlib import Path
from typing import Annotated

import typer

from losslab.cli.options import Debug, IncludeRows
from losslab.cli.people import plain_errors, show


def report(
    run: Annotated[Path, typer.Argument(help="The folder of a run, or its result.json.")],
    include_rows: IncludeRows = False,
    debug: Debug = False,
) -> None:
    """Write report.html again from result.json, and print the leaderboard and the verdict."""
    with plain_errors(debug):
        from losslab.report import terminal
        from losslab.report.page import write_page
        from losslab.report.store import read_result

        data = read_result(run)
        folder = run if run.is_dir() else run.parent
        show(data, terminal.header, terminal.leaderboard, terminal.verdict)
        typer.echo(f"wrote    {write_page(data, folder / 'report.html', include_rows=include_rows)}")
