"""What the columns of a table are for, as options that several commands share."""

from collections.abc import Sequence
from typing import Annotated, Any

from losslab.cli.options import Option
from losslab.cli.people import listed

Targets = Annotated[
    list[str] | None, Option("--target", help="The column to predict; several, with commas or said again, are targets.")
]
Drop = Annotated[list[str] | None, Option(help="Columns to leave out, with commas between them or said again.")]
Group = Annotated[str | None, Option(help="A column; rows with the same value in it stay in one part.")]
Weight = Annotated[str | None, Option(help="A column that says how much a row counts in the training loss.")]
Time = Annotated[
    list[str] | None,
    Option(help="A column of dates or numbers, to split by time; or how long it may take: 90s, 10m, 1h. Or both."),
]
Validation = Annotated[str | None, Option(help="A file with the validation part.")]
Test = Annotated[str | None, Option(help="A file with the test part.")]
SplitColumn = Annotated[str | None, Option(help="A column that says train, validation or test.")]


def columns(
    target: list[str] | None, drop: list[str] | None, group: str | None, weight: str | None, time_column: str | None,
    validation: str | None, test: str | None, split_column: str | None,
) -> dict[str, Any]:  # fmt: skip
    """These options as `losslab.data.load` takes them."""
    return {
        "target": single(target), "drop": single(drop) or (), "group": group, "weight": weight,
        "time_column": time_column, "validation": validation, "test": test, "split_column": split_column,
    }  # fmt: skip


def single(values: Sequence[str] | None) -> str | list[str] | None:
    """One text, which `load` takes apart at its commas unless a column is called so; or several names."""
    if not values:
        return None
    return values[0] if len(values) == 1 else [name for value in values for name in listed(value) or []]


def times(values: Sequence[str] | None) -> tuple[str | None, str | None]:
    """The time budget and the column to split by, from what --time was given."""
    from losslab.search.budget import is_duration

    durations = [value for value in values or () if is_duration(value)]
    names = [value for value in values or () if not is_duration(value)]
    for what, found in (("durations", durations), ("columns", names)):
        if len(found) > 1:
            raise ValueError(f"--time is given two {what}: {found[0]} and {found[1]}; leave one out")
    return durations[0] if durations else None, names[0] if names else None
