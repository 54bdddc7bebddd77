"""losslab predict RUN new.csv: what a trained model says about new rows."""

import os
from pathlib import Path
from typing import Annotated

import typer

from losslab.cli.options import Debug, Option
from losslab.cli.people import plain_errors

SHOWN = 10  # rows on the screen


def predict(
    run: Annotated[Path, typer.Argument(help="The folder of a run, in which model.json and model.safetensors are.")],
    data: Annotated[Path, typer.Argument(help="New rows: a .csv, .parquet, .feather or .npz file.")],
    out: Annotated[Path | None, Option(help="The .csv file to write; RUN/predictions-NAME.csv, unless given.")] = None,
    model: Annotated[
        str | None, Option(help="Where the model is now, file.py:factory, if it has moved. Its code is run.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Predict new rows with the model of a run: the same columns, in any order; the target is not needed."""
    with plain_errors(debug):
        from losslab.models.named import NAMES
        from losslab.report.words import clean
        from losslab.train.saved import load_model

        if out is not None and out.suffix.lower() != ".csv":
            raise ValueError(f"--out {out}: predictions are written as .csv")
        saved = load_model(run, model)
        address = model or saved.address
        if address.partition(":")[0] not in NAMES:
            typer.echo(clean(f"code     {address} is imported, which runs it"))
        found = saved.predict(data)
        folder = run if run.is_dir() else run.parent
        path = out or folder / f"predictions-{data.stem}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            found.to_csv(temporary, index=False)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        data_name = saved.made.get("data", "its data")
        typer.echo(clean(f"model    {saved.name}, trained with {saved.loss} on {data_name}"))
        for note in saved.notes:
            typer.echo(clean(f"note     {note}"))
        typer.echo()
        for line in found.head(SHOWN).to_string().splitlines():
            typer.echo(clean(line))
        if len(found) > SHOWN:
            typer.echo(f"... and {len(found) - SHOWN:,} rows more")
        typer.echo()
        typer.echo(f"wrote    {path}")
