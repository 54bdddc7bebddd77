"""losslab report RUN: write a run's page again."""

from pathlib import Path
from typing import Annotated

import typer

from losslab.cli.people import plain_errors
from losslab.cli.tune import Option


def report(
    run: Annotated[Path, typer.Argument(help="The folder of a run, or its result.json.")],
    include_rows: Annotated[bool, Option("--include-rows", help="Show targets of single rows.")] = False,
) -> None:
    """Write report.html again from result.json, and print the leaderboard and the verdict."""
    with plain_errors():
        from losslab.report import terminal
        from losslab.report.page import write_page
        from losslab.report.store import read_result

        data = read_result(run)
        folder = run if run.is_dir() else run.parent
        console = terminal.console()
        width = min(console.width, 110)
        for part in (terminal.header(data, width), terminal.leaderboard(data, width), terminal.verdict(data, width)):
            console.print(part)
            console.print()
        typer.echo(f"wrote    {write_page(data, folder / 'report.html', include_rows=include_rows)}")
