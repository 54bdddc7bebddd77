"""losslab fit DATA: train one model with one loss."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from losslab.cli import training
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
    schedule: training.Schedule = None,
    warmup: training.Warmup = None,
    clip_norm: training.ClipNorm = None,
    clip_value: training.ClipValue = None,
    ema: training.Ema = None,
    l1: training.L1 = None,
    l2: training.L2 = None,
    patience: training.Patience = None,
    accumulate: training.Accumulate = None,
    autocast: training.Autocast = None,
    width: training.Width = None,
    depth: training.Depth = None,
    dropout: training.Dropout = None,
    drop: Drop = None,
    group: Group = None,
    weight: Weight = None,
    time: Time = None,
    validation: Validation = None,
    test: Test = None,
    split_column: SplitColumn = None,
    engine: Annotated[str, Option(help="auto (the fastest that fits), native, stacked or single.")] = "auto",
    device: Annotated[str, Option(help="cpu or cuda.")] = "cpu",
    seed: Seed = 0,
    out: Annotated[Path | None, Option(help="A folder for the trained model; losslab predict reads it.")] = None,
    log_dir: Annotated[Path | None, Option(help="A folder for TensorBoard.")] = None,
    checkpoint: Annotated[Path | None, Option(help="A file that is written after each epoch.")] = None,
    resume: Annotated[bool, Option("--resume", help="Go on from --checkpoint.")] = False,
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
        settings = training.settings({
            "schedule": schedule, "warmup": warmup, "clip_norm": clip_norm, "clip_value": clip_value, "ema": ema,
            "l1": l1, "l2": l2, "patience": patience, "accumulate": accumulate, "autocast": autocast, "width": width,
            "depth": depth, "dropout": dropout,
        })  # fmt: skip
        result = run(
            model, data, loss=loss, metric=metric, task=task, **named, optimizer=optimizer, lr=lr, epochs=epochs,
            batch_size=batch_size, seed=seed, engine=engine, device=device, progress=sys.stderr.isatty(),
            log_dir=log_dir, checkpoint=checkpoint, resume=resume, **settings,
        )  # fmt: skip
        wide = max(len(result.loss), 10)
        typer.echo(f"{'epoch':>5}  {result.loss:>{wide}}  {result.metric}")
        for line in result.history:
            typer.echo(f"{line['epoch']:>5}  {line['loss']:>{wide}.5f}  {words.number(line[result.metric])}")
        typer.echo(f"engine: {result.engine}")
        if result.broken and result.saved is None:
            raise ValueError(f"training stopped: {result.broken}; a smaller --lr may help")
        if patience:
            reached = f"stopped after epoch {result.stopped}" if result.stopped else "patience was not over"
            reached = f"training broke: {result.broken}" if result.broken else reached
            best = f"the model is that of epoch {result.best_epoch}, {result.metric}"
            typer.echo(f"{reached}; {best} {words.number(result.validation)}")
        if out is not None:
            result.save(out)
            typer.echo(f"the model is in {out}; losslab predict {out} FILE uses it")
