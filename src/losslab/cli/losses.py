"""losslab losses: the catalogue."""

from typing import Annotated

import typer

from losslab.cli.people import plain_errors
from losslab.cli.tune import Option


def losses(
    name: Annotated[str | None, typer.Argument(help="A loss to explain; all, unless given.")] = None,
    task: Annotated[str | None, Option(help="regression, binary or multiclass: only what fits.")] = None,
) -> None:
    """List the losses, or explain one."""
    import losslab

    with plain_errors():
        catalogue = losslab.losses()
        if name is not None:
            try:
                record = catalogue[name]
            except KeyError as error:
                raise ValueError(error.args[0]) from None
            typer.echo(record.form.__doc__)
            return
        if task is not None:
            tasks = sorted({known for record in catalogue.values() for known in record.tasks})
            if task not in tasks:
                raise ValueError(f"no task {task!r}; there are: {', '.join(tasks)}")
            catalogue = catalogue.filter(task=task)  # type: ignore[arg-type]
        width = max(map(len, catalogue))
        for record in catalogue.values():
            typer.echo(f"{record.name:<{width}}  {', '.join(record.tasks):<20}  {record.summary}")
