"""losslab paths PROBLEM...: the ways of optimisers downhill, as a table, a page and a picture."""

from pathlib import Path
from typing import Annotated, Any

import typer

from losslab.cli.options import Debug, Option, Seed, Target
from losslab.cli.people import listed, plain_errors

KINDS = {".html": "html", ".png": "png"}


def paths(
    problems: Annotated[
        list[str] | None,
        typer.Argument(help="ravine, plateau, saddle, local_minimum, rosenbrock, noisy_quadratic; all, unless given."),
    ] = None,
    optimizer: Annotated[
        list[str] | None, Option(help="As in adam:lr=0.1,beta1=0.9; may be given several times.")
    ] = None,
    steps: Annotated[int, Option(help="Of each optimiser.", min=1)] = 100,
    start: Annotated[str | None, Option(help="Two numbers with a comma between them: -4,1.")] = None,
    batch_sizes: Annotated[
        str | None, Option(help="Compare gradient descent with so many rows in a step: all,16,1.")
    ] = None,
    epochs: Annotated[int, Option(help="With --batch-sizes: how often all rows are read.", min=1)] = 10,
    model: Annotated[
        str | None, Option(help="A slice through this model's loss on --data: mlp, linear, or file.py:factory.")
    ] = None,
    data: Annotated[str | None, Option(help="For --model or --batch-sizes: digits, ..., or a .csv file.")] = None,
    target: Target = None,
    loss: Annotated[str | None, Option(help="Of --model; the task's default, unless given.")] = None,
    out: Annotated[Path, Option(help="A file that ends in .html or .png, or a folder for both.")] = Path("paths.html"),
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Draw the ways of optimisers on functions of two numbers, or on a slice through a model's loss."""
    with plain_errors(debug):
        import losslab

        files = kinds(out)
        begin = None if start is None else point(start)
        if batch_sizes is not None:
            if problems or model:
                raise ValueError("--batch-sizes has a problem of its own; leave out the problems and --model")
            if optimizer and len(optimizer) > 1:
                raise ValueError("--batch-sizes compares sizes with one and the same --optimizer")
            X, y = (None, None) if data is None else one_column(data, target)
            found = losslab.descents(
                sizes(batch_sizes), X, y, optimizer=(optimizer or ["sgd"])[0], epochs=epochs,
                start=begin or (0.0, 0.0), seed=seed,
            )  # fmt: skip
        else:
            chosen: list[Any] = list(problems or ([] if model else ["all"]))
            if model is not None:
                if data is None:
                    raise ValueError("--model needs --data, on which its loss is measured")
                from losslab.landscape.table_slice import slice_of_table

                chosen.append(slice_of_table(model, data, target=target, loss=loss, seed=seed))
            elif data is not None or loss is not None:
                raise ValueError("--data is for --model or --batch-sizes, --loss for --model; give that too")
            found = losslab.paths(chosen, optimizer or None, steps=steps, start=begin, seed=seed)
        typer.echo(str(found))
        typer.echo()
        for kind, file in files.items():
            typer.echo(f"wrote    {getattr(found, kind)(file)}")


def kinds(out: Path) -> dict[str, Path]:
    """What to write, by kind: the page, the picture, or both into a folder."""
    if out.suffix.lower() in KINDS:
        return {KINDS[out.suffix.lower()]: out}
    if out.suffix and not out.is_dir():
        raise ValueError(f"--out {out}: a file ends in {' or '.join(KINDS)}; anything else is a folder, without a dot")
    return {kind: out / f"paths{suffix}" for suffix, kind in KINDS.items()}


def point(text: str) -> tuple[float, ...]:
    """-4,1 as two numbers; how many there are is checked where they are used."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--start {text!r}: two numbers with a comma between them, as in --start -4,1") from None


def sizes(text: str) -> list[int | str]:
    found: list[int | str] = []
    for part in listed(text) or []:
        if part != "all" and not part.isdecimal():
            raise ValueError(f"--batch-sizes {text!r}: {part!r} is no whole number, and not all")
        found.append(part if part == "all" else int(part))
    return found


def one_column(data: str, target: str | None) -> tuple[Any, Any]:
    """X and y of a .csv file with one column of numbers beside its target."""
    from losslab.data.files import is_file_name, read_frame
    from losslab.data.roles import Roles, from_frame

    if not is_file_name(data):
        raise ValueError(f"--data {data}: --batch-sizes takes a .csv file with one column beside its target")
    frame, notes = read_frame(Path(data))
    raw = from_frame(frame, Roles(target), Path(data).name, notes)
    if raw.X.shape[1] != 1:
        raise ValueError(
            f"{raw.name} has {raw.X.shape[1]} columns beside its target; --batch-sizes fits a line, which takes one"
        )
    try:
        return raw.X.to_numpy(dtype=float), raw.y.astype(float)
    except ValueError as error:
        raise ValueError(f"{raw.name}: a line takes numbers only ({error})") from None
