"""losslab losses: the catalogue, and what of it fits a column."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from losslab.cli.options import Option
from losslab.cli.people import plain_errors

if TYPE_CHECKING:
    from losslab.search.advice import Proposal
    from losslab.spec.declare import Catalogue
    from losslab.spec.record import LossRecord

MARKS = {"default": "*", "named": "+", "no": " "}  # whether a search tries it
SEARCH = {"default": "searched by default", "named": "searched where named", "no": "not searched"}
TASKS = (
    "regression, binary, multiclass, multilabel, multioutput, count, positive, ordinal, segmentation, boxes, "
    "embedding, distribution, distillation, ranking, survival or sequence"
)


def losses(
    name: Annotated[str | None, typer.Argument(help="A loss to explain; all, unless given.")] = None,
    task: Annotated[str | None, Option(help=f"Only what fits: {TASKS}.")] = None,
    for_: Annotated[str | None, Option("--for", help="table.csv:column: what fits this column, and why.")] = None,
    convex: Annotated[bool | None, Option("--convex/--not-convex", help="Convex in the input.")] = None,
    smooth: Annotated[bool | None, Option("--smooth/--not-smooth", help="With a continuous gradient.")] = None,
    lipschitz: Annotated[bool | None, Option("--lipschitz/--not-lipschitz", help="With a bounded gradient.")] = None,
    proper: Annotated[bool | None, Option("--proper/--not-proper", help="The true probabilities are best.")] = None,
    symmetric: Annotated[bool | None, Option("--symmetric/--not-symmetric", help="Input and target swap.")] = None,
    tunable: Annotated[bool | None, Option("--tunable/--not-tunable", help="fit and tune can train with it.")] = None,
    best_constant: Annotated[str | None, Option(help="Its best constant input: mean, median, log prior, ...")] = None,
) -> None:
    """List the losses, explain one, or propose some for a column.

    Facts are those at default parameters; a loss that says nothing of a fact is in neither list.
    """
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
            show(chosen(catalogue, task, wanted), task)


def explained(catalogue: "Catalogue", name: str) -> str:
    try:
        record = catalogue[name]
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    return f"{record.name}: {', '.join(record.tasks)}; {search_of(record)}\n\n{record.form.__doc__}"


def chosen(catalogue: "Catalogue", task: Any, wanted: dict[str, Any]) -> list["LossRecord"]:
    from typing import get_args

    from losslab.spec.record import Task

    tasks = get_args(Task)
    if task is not None and task not in tasks:
        raise ValueError(f"no task {task!r}; there are: {', '.join(tasks)}")
    found = list(catalogue.filter(task=task, **wanted).values())
    if not found:
        raise ValueError("no loss of the catalogue is all of this")
    return found


def how(record: "LossRecord", task: Any = None) -> str:
    """How a search takes the loss, for a task if one is named: "default", "named" or "no"."""
    from losslab.spec.tasks import tunable, usual

    return "default" if usual(record, task) else "named" if tunable(record, task) else "no"


def search_of(record: "LossRecord") -> str:
    """Whether a search tries the loss, or why it cannot."""
    only = f" for {' and '.join(record.tunable_as)}; elsewhere not" if record.tunable_as else ""
    return SEARCH[how(record)] + (f"{only}: {record.untunable}" if record.untunable else "")


def by_task(records: list["LossRecord"]) -> dict[str, list["LossRecord"]]:
    """The losses by what they are for, in the order of `Task`."""
    from typing import get_args

    from losslab.spec.record import Task

    groups: dict[str, list[LossRecord]] = {}
    for record in sorted(records, key=lambda record: get_args(Task).index(record.tasks[-1])):
        groups.setdefault(", ".join(record.tasks), []).append(record)
    return groups


def show(records: list["LossRecord"], task: Any = None) -> None:
    """By task on a terminal; elsewhere a line for each loss, in columns."""
    import shutil
    import sys

    groups = by_task(records)
    if sys.stdout.isatty():
        typer.echo(grouped(groups, shutil.get_terminal_size((100, 24)).columns, task))
        return
    rows = [(r.name, tasks, SEARCH[how(r, task)], r.summary) for tasks, group in groups.items() for r in group]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for row in rows:
        typer.echo("  ".join([*(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)), row[3]]))


def grouped(groups: dict[str, list["LossRecord"]], width: int, task: Any = None) -> str:
    """A heading for each task, then a mark, a name and what it is; below the name where the terminal is narrow."""
    import textwrap

    names = max(len(record.name) for group in groups.values() for record in group)
    beside = width - names - 4 >= 60
    lines = []
    for tasks, group in groups.items():
        lines += [tasks, ""]
        for record in group:
            mark = MARKS[how(record, task)]
            first = f"{mark} {record.name:<{names}}  " if beside else f"{mark} {record.name}"
            indent = " " * (len(first) if beside else 6)
            text = textwrap.wrap(record.summary, max(width - 1, 40), initial_indent=first if beside else indent,
                                 subsequent_indent=indent, break_long_words=False)  # fmt: skip
            lines += text if beside else [first, *text]
        lines.append("")
    total = sum(map(len, groups.values()))
    ends = [
        f"{total} loss{'es' * (total != 1)}. * a search tries it by default, + where it is named.",
        "More on one: losslab losses NAME. Fewer: losslab losses --task regression",
    ]
    return "\n".join([*lines, *(line for end in ends for line in textwrap.wrap(end, max(width - 1, 40)))])


def proposed(address: str) -> "Proposal":
    """What fits a column of a file, given as table.csv:column."""
    from pathlib import Path

    import losslab
    from losslab.data.files import KINDS, is_file_name, read_frame
    from losslab.data.roles import Roles, from_frame

    place, _, column = address.rpartition(":")
    if not is_file_name(place) or not column:
        raise ValueError(f"--for {address!r}: table.csv:column is wanted; the file may end in {', '.join(KINDS)}")
    if place.lower().endswith(".npz"):
        from losslab.data.npz import raw_npz

        values = raw_npz(Path(place), Roles(column)).y
    else:
        frame, _ = read_frame(Path(place))
        values = from_frame(frame, Roles(column), Path(place).name).y
    found: Proposal = losslab.propose(values)
    return found
