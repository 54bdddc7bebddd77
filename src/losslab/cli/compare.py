"""losslab compare DATA --losses a,b: losses at their defaults, several seeds, one verdict."""

from typing import Annotated

import typer

from losslab.cli.options import CorruptTrain, Cost, Data, Debug, Metric, Model, Option, Seed, Task, Watch
from losslab.cli.people import INTERRUPTED, Interrupt, listed, plain_errors, show
from losslab.cli.tables import Drop, Group, SplitColumn, Targets, Test, Time, Validation, Weight, columns, times


def compare(
    data: Data,
    losses: Annotated[str, Option(help="Names with commas between them.")],
    target: Targets = None,
    metric: Metric = None,
    watch: Watch = None,
    cost: Cost = None,
    model: Model = "mlp",
    task: Task = None,
    epochs: Annotated[int, Option(help="Of each training.", min=1)] = 20,
    batch_size: Annotated[int, Option(help="Rows in a step.", min=1)] = 64,
    seeds: Annotated[int, Option(help="Retrainings of each loss.", min=2)] = 10,
    drop: Drop = None,
    group: Group = None,
    weight: Weight = None,
    time: Time = None,
    validation: Validation = None,
    test: Test = None,
    split_column: SplitColumn = None,
    corrupt_train: CorruptTrain = 0.0,
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Compare losses at their default parameters and learning rate, without a search."""
    with plain_errors(debug), Interrupt().listening() as interrupt:
        from losslab.report import terminal
        from losslab.report.live import watched
        from losslab.search.options import Hooks
        from losslab.search.tune import finish, study_of
        from losslab.train.allocator import tune_allocator
        from losslab.train.loop import Stopped

        tune_allocator()
        budget, time_column = times(time)
        if budget is not None:
            raise ValueError(f"--time {budget}: a comparison has no search to shorten; --seeds and --epochs do that")
        named = columns(target, drop, group, weight, time_column, validation, test, split_column)
        study = study_of(
            model, data, losses=listed(losses), trials=None, runs=seeds, metric=metric, task=task, **named,
            watch=listed(watch) or (), cost=cost,
            epochs=epochs, batch_size=batch_size, corrupt_train=corrupt_train, seed=seed, hooks=Hooks(stop=interrupt),
        )  # fmt: skip
        show(study.data, terminal.header)
        try:
            with watched(study):
                result = finish(study)
        except (Stopped, KeyboardInterrupt):
            typer.echo("stopped; nothing is kept of a comparison", err=True)
            raise typer.Exit(INTERRUPTED) from None
        typer.echo()
        show(result, terminal.leaderboard, terminal.verdict)
