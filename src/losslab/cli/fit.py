"""losslab fit DATA: train one model with one loss."""

from typing import Annotated

import typer

from losslab.cli.options import Data, Debug, Metric, Model, Option, Seed, Task
from losslab.cli.people import plain_errors
from losslab.cli.tables import Drop, Group, SplitColumn, Targets, Test, Time, Validation, Weight, columns, times


def fit(
    data: Data,
    loss: Annotated[str | None, Option(help="The loss; the task's default, unless given.")] = None,
    target: Targets = None,
    metric: Metric = None,
    model: Model = "mlp",
    task: Task = None,
    optimizer: Annotated[str, Option(help="A name in losslab.optim.RULES: sgd, adam, nadam, lion, ...")] = "adamw",
    lr: Annotated[float, Option(help="The learning rate.")] = 1e-3,
    epochs: Annotated[int, Option(help="Passes over the training part.", min=1)] = 20,
    batch_size: Annotated[int, Option(help="Rows in a step.", min=1)] = 64,
    drop: Drop = None,
    group: Group = None,
    weight: Weight = None,
    time: Time = None,
    validation: Validation = None,
    test: Test = None,
    split_column: SplitColumn = None,
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Train one model with one loss and print its learning curve on the validation part."""
    with plain_errors(debug):
        from losslab.report import words
        from losslab.train.fit import fit as run

        budget, time_column = times(time)
        if budget is not None:
            raise ValueError(f"--time {budget}: fit trains for --epochs; --time names a column here")
        named = columns(target, drop, group, weight, time_column, validation, test, split_column)
        result = run(
            model, data, loss=loss, metric=metric, task=task, **named, optimizer=optimizer, lr=lr, epochs=epochs,
            batch_size=batch_size, seed=seed,
        )  # fmt: skip
        width = max(len(result.loss), 10)
        typer.echo(f"{'epoch':>5}  {result.loss:>{width}}  {result.metric}")
        for line in result.history:
            typer.echo(f"{line['epoch']:>5}  {line['loss']:>{width}.5f}  {words.number(line[result.metric])}")
        if result.broken:
            raise ValueError(f"training stopped: {result.broken}; a smaller --lr may help")
