"""losslab losses: the catalogue."""

from typing import Annotated, cast

import typer

from losslab.cli.options import Option
from losslab.cli.people import plain_errors
from losslab.spec.record import Task


def losses(
    name: Annotated[str | None, typer.Argument(help="A loss to explain; all, unless given.")] = None,
    task: Annotated[str | None, Option(help="regression, binary or multiclass: only what fits.")] = None,
) -> None:
    """List the losses, or explain one."""
    with plain_errors():
        import losslab

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
            catalogue = catalogue.filter(task=cast(Task, task))
        width = max(map(len, catalogue))
        for record in catalogue.values():
            typer.echo(f"{record.name:<{width}}  {', '.join(record.tasks):<20}  {record.summary}")
