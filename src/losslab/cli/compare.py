"""losslab compare DATA --losses a,b: losses at their defaults, several seeds, one verdict."""

from typing import Annotated

from losslab.cli.options import CorruptTrain, Data, Debug, Metric, Model, Option, Seed, Target, Task
from losslab.cli.people import listed, plain_errors, show


def compare(
    data: Data,
    losses: Annotated[str, Option(help="Names with commas between them.")],
    target: Target = None,
    metric: Metric = None,
    model: Model = "mlp",
    task: Task = None,
    epochs: Annotated[int, Option(help="Of each training.", min=1)] = 20,
    batch_size: Annotated[int, Option(help="Rows in a step.", min=1)] = 64,
    seeds: Annotated[int, Option(help="Retrainings of each loss.", min=2)] = 10,
    corrupt_train: CorruptTrain = 0.0,
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
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
        show(result, terminal.header, terminal.leaderboard, terminal.verdict)
