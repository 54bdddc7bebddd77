"""The command `losslab`: every subcommand is a file beside this one."""

import os
from importlib.metadata import version
from typing import Annotated

# Threads of torch spin while they wait. Beside a busy neighbour (half a core or more) that is many times slower than to
# sleep after some microseconds; on a quiet machine it is a fifth faster. To be set before torch is imported.
if "OMP_WAIT_POLICY" not in os.environ and hasattr(os, "getloadavg") and os.getloadavg()[0] > 0.5:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import typer

from losslab.cli import compare, curves, ema, fit, losses, paths, predict, report, runs, trace, tune

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
    help="Which loss function is best for your model on your data, and is the difference real?",
)  # fmt: skip
for command in (tune.tune, compare.compare, fit.fit, predict.predict, runs.runs, losses.losses, report.report,
                trace.trace, paths.paths, curves.curves, ema.ema):  # fmt: skip
    app.command()(command)


def tell_version(wanted: bool) -> None:
    """Which losslab and torch this is, and whether its fused kernels run here."""
    if wanted:
        from losslab.kernels.library import status

        typer.echo(f"losslab {version('losslab')}, torch {version('torch')}\n{status()}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=tell_version, is_eager=True, help="Versions, and the fused kernels.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
