"""losslab tune DATA: which loss is best here, and is the difference real?"""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from losslab.cli import folders
from losslab.cli.people import INTERRUPTED, Interrupt, listed, numbers, plain_errors

Data = Annotated[
    str, typer.Argument(help="digits, breast_cancer, wine, iris, diabetes, or a .csv file (with --target)")
]
Option = typer.Option


def tune(
    data: Data,
    target: Annotated[str | None, Option(help="The column to predict, of a .csv file.")] = None,
    metric: Annotated[str | None, Option(help="What decides: accuracy, balanced_accuracy, rmse, median_ae, pinball:0.9, ...")] = None,
    trials: Annotated[int, Option(help="Configurations in all, shared equally by the losses.", min=1)] = 256,
    losses: Annotated[str | None, Option(help="Names with commas between them; all that fit, unless given.")] = None,
    model: Annotated[str, Option(help="mlp, mlp:128,128, linear, or file.py:factory.")] = "mlp",
    task: Annotated[str | None, Option(help="regression, binary or multiclass; read from the target, unless given.")] = None,
    optimizers: Annotated[str, Option(help="sgd, adagrad, rmsprop, adam, adamw: one, or several to search.")] = "adamw",
    epochs: Annotated[str, Option(help="One number, or several to search: 10,20,40.")] = "20",
    batch_size: Annotated[str, Option(help="One number, or several to search: 32,64,128.")] = "64",
    sampler: Annotated[str, Option(help="quasi-random, random, grid, tpe, gp, cma-es or nsga-ii.")] = "quasi-random",
    halving: Annotated[bool, Option(help="Members that fall behind stop early.")] = True,
    runs: Annotated[int, Option(help="Retrainings of each finalist.", min=2)] = 20,
    margin: Annotated[float, Option(help="Of equivalence, as a share of the metric's scale.")] = 0.01,
    nested: Annotated[int, Option(help="Redraw the outer split K times, with the search inside each.", min=0)] = 0,
    corrupt_train: Annotated[float, Option(help="The share of training and validation targets to spoil.")] = 0.0,
    validation: Annotated[Path | None, Option(help="A .csv file with the validation part.")] = None,
    test: Annotated[Path | None, Option(help="A .csv file with the test part.")] = None,
    split_column: Annotated[str | None, Option(help="A column that says train, validation or test.")] = None,
    pretrained: Annotated[bool, Option("--pretrained", help="Keep the weights of the model instead of drawing them anew.")] = False,
    engine: Annotated[str, Option(help="auto (measured), stacked or single.")] = "auto",
    device: Annotated[str, Option(help="cpu or cuda.")] = "cpu",
    seed: Annotated[int, Option(help="Of the split, the search and the retrainings.")] = 0,
    out: Annotated[Path | None, Option(help="Where the files go; runs/NAME-N, unless given.")] = None,
    resume: Annotated[bool, Option("--resume", help="Go on with a study that was stopped.")] = False,
    storage: Annotated[str | None, Option(help="Where Optuna keeps the study: a URL or a file.")] = None,
    include_rows: Annotated[bool, Option("--include-rows", help="Show targets of single rows in the report.")] = False,
    debug: Annotated[bool, Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:  # fmt: skip
    """Find the loss, its parameters and learning rate that are best for a model on data; say whether it is real."""
    with plain_errors(debug):
        from losslab.data.load import load
        from losslab.metrics.registry import default_metric
        from losslab.metrics.registry import get as get_metric
        from losslab.report import terminal
        from losslab.report.live import watched
        from losslab.search.study import Hooks, Options, Study
        from losslab.search.tune import finish
        from losslab.train.allocator import tune_allocator
        from losslab.train.loop import Stopped

        tune_allocator()
        console = terminal.console()
        folder = folders.choose(data, out, resume)
        table = load(data, target=target, task=task, validation=validation, test=test, split_column=split_column)
        chosen = get_metric(metric or default_metric(table.task), table.task)
        options = Options(
            trials=trials, losses=listed(losses), optimizers=listed(optimizers) or ["adamw"], epochs=numbers(epochs, "--epochs"),
            batch_size=numbers(batch_size, "--batch-size"), sampler=sampler, halving=halving, runs=runs, margin=margin, seed=seed,
            corrupt_train=corrupt_train, pretrained=pretrained, engine=engine, device=device, out=folder, resume=resume,
            command=command(),
        )  # fmt: skip
        with Interrupt().listening() as interrupt:
            study = Study(table, chosen, model, options, Hooks(stop=interrupt))
            width = min(console.width, 110)
            console.print(terminal.header(study.data, width))
            console.print()
            try:
                with watched(study, console):
                    result = finish(study, nested=nested, storage=storage)
            except (Stopped, KeyboardInterrupt):
                typer.echo(f"stopped. What was finished is kept in {folder}/; go on with:\n  {again(folder)}", err=True)
                raise typer.Exit(INTERRUPTED) from None
        if include_rows:
            result.report(folder / "report.html", include_rows=True)
        console.print()
        console.print(terminal.leaderboard(result, width))
        console.print()
        console.print(terminal.verdict(result, width))
        console.print()
        paths = [folder / name for name in ("report.html", "result.json", "best_loss.py")]
        console.print(terminal.footer(paths, width))


def command() -> str:
    """The command that is running, for the report; a password in it stays out."""
    from losslab.search.storage import redact

    return redact(shlex.join(["losslab", *sys.argv[1:]]))


def again(folder: Path) -> str:
    """The command that goes on with the study in a folder."""
    words = [word for word in command().split(" ") if word != "--resume"]
    named = (
        []
        if any(word == "--out" or word.startswith("--out=") for word in words)
        else ["--out", shlex.quote(str(folder))]
    )
    return " ".join([*words, *named, "--resume"])
