"""losslab fit DATA: train one model with one loss."""

from typing import Annotated

from losslab.cli.people import plain_errors
from losslab.cli.tune import Data, Option


def fit(
    data: Data,
    loss: Annotated[str | None, Option(help="The loss; the task's default, unless given.")] = None,
    target: Annotated[str | None, Option(help="The column to predict, of a .csv file.")] = None,
    metric: Annotated[str | None, Option(help="What is measured on the validation part.")] = None,
    model: Annotated[str, Option(help="mlp, mlp:128,128, linear, or file.py:factory.")] = "mlp",
    task: Annotated[str | None, Option(help="regression, binary or multiclass.")] = None,
    optimizer: Annotated[str, Option(help="sgd, adagrad, rmsprop, adam or adamw.")] = "adamw",
    lr: Annotated[float, Option(help="The learning rate.")] = 1e-3,
    epochs: Annotated[int, Option(help="Passes over the training part.", min=1)] = 20,
    batch_size: Annotated[int, Option(help="Rows in a step.", min=1)] = 64,
    seed: Annotated[int, Option(help="Of the split and the weights.")] = 0,
    debug: Annotated[bool, Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Train one model with one loss and print its learning curve."""
    with plain_errors(debug):
        from losslab.report import terminal, words
        from losslab.train.fit import fit as run

        result = run(
            model, data, loss=loss, target=target, metric=metric, task=task, optimizer=optimizer, lr=lr, epochs=epochs,
            batch_size=batch_size, seed=seed,
        )  # fmt: skip
        console = terminal.console()
        console.print(f"{'epoch':>5}  {'loss':>10}  {result.metric}")
        for line in result.history:
            console.print(f"{line['epoch']:>5}  {line['loss']:>10.5f}  {words.number(line[result.metric])}")
        if result.broken:
            raise ValueError(f"training stopped: {result.broken}; a smaller --lr may help")
