"""losslab losses: the catalogue, and what of it fits a column."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from losslab.cli.options import Option
from losslab.cli.people import plain_errors

if TYPE_CHECKING:
    from losslab.search.advice import Proposal
    from losslab.spec.declare import Catalogue
    from losslab.spec.record import LossRecord

COLUMNS = ("loss", "tasks", "search", "what it is")


def losses(
    name: Annotated[str | None, typer.Argument(help="A loss to explain; all, unless given.")] = None,
    task: Annotated[str | None, Option(help="Only what fits: regression, binary, multiclass, ...")] = None,
    for_: Annotated[str | None, Option("--for", help="table.csv:column: what fits this column, and why.")] = None,
    convex: Annotated[bool | None, Option("--convex/--not-convex", help="In the input.")] = None,
    smooth: Annotated[bool | None, Option("--smooth/--not-smooth", help="With a continuous gradient.")] = None,
    lipschitz: Annotated[bool | None, Option("--lipschitz/--not-lipschitz", help="With a bounded gradient.")] = None,
    proper: Annotated[bool | None, Option("--proper/--not-proper", help="The true probabilities are best.")] = None,
    symmetric: Annotated[bool | None, Option("--symmetric/--not-symmetric", help="In input and target.")] = None,
    tunable: Annotated[bool | None, Option("--tunable/--not-tunable", help="By fit and tune.")] = None,
    best_constant: Annotated[str | None, Option(help="mean, median, quantile, log prior, ...")] = None,
) -> None:
    """List the losses, explain one, or propose some for a column; facts are those at default parameters."""
    with plain_errors():
        import losslab

        wanted = {
            "convex": convex, "smooth": smooth, "lipschitz": lipschitz, "proper": proper, "symmetric": symmetric,
            "tunable": tunable, "best_constant": best_constant,
        }  # fmt: skip
        filtered = any(value is not None for value in (task, *wanted.values()))
        if sum((name is not None, for_ is not None, filtered)) > 1:
            raise ValueError("a loss to explain, --for, or filters: give one of the three")
        catalogue = losslab.losses()
        if name is not None:
            typer.echo(explained(catalogue, name))
        elif for_ is not None:
            typer.echo(str(proposed(for_)))
        else:
            show(chosen(catalogue, task, wanted))


def explained(catalogue: "Catalogue", name: str) -> str:
    try:
        record = catalogue[name]
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    return f"{record.name}: {', '.join(record.tasks)}; {search_of(record)}\n\n{record.form.__doc__}"


def chosen(catalogue: "Catalogue", task: Any, wanted: dict[str, Any]) -> list["LossRecord"]:
    tasks = sorted({known for record in catalogue.values() for known in record.tasks})
    if task is not None and task not in tasks:
        raise ValueError(f"no task {task!r}; there are: {', '.join(tasks)}")
    found = list(catalogue.filter(task=task, **wanted).values())
    if not found:
        raise ValueError("no loss of the catalogue is all of this")
    return found


def search_of(record: "LossRecord") -> str:
    """Whether a search tries the loss, or why it cannot."""
    if record.untunable:
        return f"not searched: {record.untunable}"
    return "searched by default" if record.by_default else "searched where named"


def shortened(text: str, width: int = 44) -> str:
    return text if len(text) <= width else text[: width - 3].rsplit(" ", 1)[0] + " ..."


def show(records: list["LossRecord"]) -> None:
    """A table on a terminal, plain columns elsewhere."""
    import sys

    rows = [(r.name, ", ".join(r.tasks), search_of(r), r.summary) for r in records]
    if sys.stdout.isatty():
        from rich import box
        from rich.table import Table

        from losslab.report.terminal import console

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for i, title in enumerate(COLUMNS):
            table.add_column(title, no_wrap=i == 0, min_width=max(len(row[0]) for row in rows) if i == 0 else None)
        for row in rows:
            table.add_row(*row)
        console().print(table, soft_wrap=False)
        return
    cells = [(name, tasks, shortened(search), summary) for name, tasks, search, summary in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(3)]
    for row in cells:
        typer.echo("  ".join([*(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)), row[3]]))


def proposed(address: str) -> "Proposal":
    """What fits a column of a file, given as table.csv:column."""
    from pathlib import Path

    import losslab
    from losslab.data.csv import from_frame, read_csv

    place, _, column = address.rpartition(":")
    if not place.lower().endswith(".csv") or not column:
        raise ValueError(f"--for {address!r}: table.csv:column is wanted")
    frame, _ = read_csv(Path(place))
    values = from_frame(frame, column, name=Path(place).name).y
    found: Proposal = losslab.propose(values)
    return found
