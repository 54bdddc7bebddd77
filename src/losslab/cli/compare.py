"""losslab compare DATA --losses a,b: losses at their defaults, several seeds, one verdict."""

from typing import Annotated

from losslab.cli.people import listed, plain_errors
from losslab.cli.tune import Data, Option


def compare(
    data: Data,
    losses: Annotated[str, Option(help="Names with commas between them.")],
    target: Annotated[str | None, Option(help="The column to predict, of a .csv file.")] = None,
    metric: Annotated[str | None, Option(help="What decides.")] = None,
    model: Annotated[str, Option(help="mlp, mlp:128,128, linear, or file.py:factory.")] = "mlp",
    task: Annotated[str | None, Option(help="regression, binary or multiclass.")] = None,
    epochs: Annotated[int, Option(help="Of each training.", min=1)] = 20,
    batch_size: Annotated[int, Option(help="Rows in a step.", min=1)] = 64,
    seeds: Annotated[int, Option(help="Retrainings of each loss.", min=2)] = 10,
    corrupt_train: Annotated[float, Option(help="The share of training and validation targets to spoil.")] = 0.0,
    seed: Annotated[int, Option(help="Of the split and the retrainings.")] = 0,
    debug: Annotated[bool, Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:  # fmt: skip
    """Compare losses at their default parameters and learning rate, without a search."""
    with plain_errors(debug):
        from losslab.report import terminal
        from losslab.search.tune import compare as run
        from losslab.train.allocator import tune_allocator

        tune_allocator()
        result = run(
            model, data, listed(losses) or [], seeds=seeds, metric=metric, target=target, task=task, epochs=epochs,
            batch_size=batch_size, corrupt_train=corrupt_train, seed=seed,
        )  # fmt: skip
        console = terminal.console()
        width = min(console.width, 110)
        for part in (
            terminal.header(result, width),
            terminal.leaderboard(result, width),
            terminal.verdict(result, width),
        ):
            console.print(part)
            console.print()
