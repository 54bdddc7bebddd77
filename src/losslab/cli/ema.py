"""losslab ema SERIES: exponential and other means of numbers, or of a column of a table."""

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from losslab.cli.options import Debug, Option
from losslab.cli.people import listed, plain_errors

if TYPE_CHECKING:
    from losslab.optim.averages import Start


def ema(
    series: Annotated[str, typer.Argument(help="10,10.5,11 or FILE.csv:COLUMN; after --, where it begins with -.")],
    beta: Annotated[str, Option(help="One or several, each from 0 to below 1.")] = "0.9",
    window: Annotated[int | None, Option(help="Steps of a moving mean; none, unless given.", min=1)] = None,
    start: Annotated[str | None, Option(help="first (value) or zero; zero with --correct.")] = None,
    correct: Annotated[bool, Option(help="Divide a mean started at zero by 1 - beta^t.")] = False,
    out: Annotated[list[Path] | None, Option(help="A .png or .html file; may be repeated.")] = None,
    debug: Debug = False,
) -> None:
    """Means over the steps of a series: exponential, arithmetic, linearly weighted and moving. Writes ema.html."""
    with plain_errors(debug):
        from losslab.optim import averages
        from losslab.report.average_picture import write_averages
        from losslab.report.pictures import kind_of

        files = out or [Path("ema.html")]
        for file in files:
            kind_of(file)
        name, values = read(series)
        first = cast("Start", start or ("zero" if correct else "first"))
        means: dict[str, Any] = {}
        for decay in fractions(beta):
            note = ", corrected" if correct else ", from zero" if first == "zero" else ""
            means[f"exponential, beta {decay:g}{note}"] = averages.ema(values, decay, start=first, correct=correct)
        means["arithmetic, all steps"] = averages.running_mean(values)
        means["linearly weighted, all steps"] = averages.weighted_mean(values)
        if window is not None:
            means[f"moving, last {window}"] = averages.moving_mean(values, window)
        width = max(map(len, (name, *means)))
        typer.echo(f"{'':<{width}}  last of {len(values)}")
        for label, found in {name: values, **means}.items():
            typer.echo(f"{label:<{width}}  {found[-1]:.6f}")
        for file in files:
            typer.echo(f"wrote {write_averages(name, values, {k: v.tolist() for k, v in means.items()}, file)}")


def fractions(text: str) -> list[float]:
    """ "0.5,0.9" -> [0.5, 0.9]"""
    try:
        return [float(part) for part in listed(text) or []]
    except ValueError:
        raise ValueError(f"--beta {text!r}: a number, or several with commas between them") from None


def read(text: str) -> tuple[str, list[float]]:
    """What the series is called, and its numbers. Raises ValueError that says which value is no number."""
    table = re.fullmatch(r"(.+?\.csv)(?::(.*))?", text, re.IGNORECASE)
    if table:
        return read_column(Path(table[1]), table[2] or "")
    found = []
    for number, part in enumerate(listed(text) or []):
        try:
            found.append(float(part))
        except ValueError:
            raise ValueError(
                f"the series: value {number} (counted from 0) is {part!r}; pass numbers with commas between them, or "
                "FILE.csv:COLUMN"
            ) from None
    check_finite(found, "the series: value")
    return "the series", found


def read_column(path: Path, column: str) -> tuple[str, list[float]]:
    """One column of a table, where every cell is a number."""
    import pandas as pd

    from losslab.data.files import read_frame
    from losslab.data.words import nearest, some

    frame, _ = read_frame(path)
    columns = [str(name) for name in frame.columns]
    if column not in columns:
        what = f"no column {column!r}{nearest(column, columns)}" if column else "which column? Name it after a colon"
        raise ValueError(f"{path.name}: {what}; columns: {some(columns, 20)}")
    cells = frame.iloc[:, columns.index(column)]
    values = pd.to_numeric(cells, errors="coerce")
    wrong = values.isna() & cells.notna()
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise ValueError(
            f"{path.name}, column {column!r}: row {row} (counted from 0) holds {cells.iloc[row]!r}, which is no number"
        )
    found = [float(value) for value in values]
    check_finite(found, f"{path.name}, column {column!r}: row")
    return column, found


def check_finite(values: list[float], what: str) -> None:
    for number, value in enumerate(values):
        if not math.isfinite(value):
            state = "empty or NaN" if math.isnan(value) else "infinite"
            raise ValueError(f"{what} {number} (counted from 0) is {state}; fill it or leave it out")
