"""losslab tune DATA: which loss is best here, and is the difference real?"""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from losslab.cli import folders, training
from losslab.cli.options import (
    BatchSizes,
    CorruptTrain,
    Cost,
    Data,
    Debug,
    Epochs,
    IncludeRows,
    Losses,
    Metric,
    Model,
    Option,
    Seed,
    Task,
    Watch,
)  # fmt: skip
from losslab.cli.people import INTERRUPTED, Interrupt, listed, numbers, plain_errors, show
from losslab.cli.tables import Drop, Group, SplitColumn, Targets, Test, Time, Validation, Weight, columns, times


def tune(
    data: Data,
    target: Targets = None,
    metric: Metric = None,
    watch: Watch = None,
    cost: Cost = None,
    trials: Annotated[
        int, Option(help="Configurations in all, shared equally by the losses; --time 10m decides it, too.", min=1)
    ] = 256,
    losses: Losses = None,
    model: Model = "mlp",
    task: Task = None,
    optimizers: Annotated[str, Option(help="sgd, adam, adamw, nadam, lion, ...: one, or several to search.")] = "adamw",
    epochs: Epochs = "20",
    batch_size: BatchSizes = "64",
    sampler: Annotated[str, Option(help="quasi-random, random, grid, tpe, gp, cma-es or nsga-ii.")] = "quasi-random",
    halving: Annotated[bool, Option(help="Members that fall behind stop early.")] = True,
    runs: Annotated[int, Option(help="Retrainings of each finalist.", min=2)] = 20,
    margin: Annotated[float, Option(help="Of equivalence, as a share of the metric's scale.")] = 0.01,
    nested: Annotated[int, Option(help="Redraw the outer split K times, with the search inside each.", min=0)] = 0,
    corrupt_train: CorruptTrain = 0.0,
    drop: Drop = None,
    group: Group = None,
    weight: Weight = None,
    time: Time = None,
    validation: Validation = None,
    test: Test = None,
    split_column: SplitColumn = None,
    lr: training.Lr = None,
    weight_decay: training.WeightDecay = None,
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
    pretrained: Annotated[bool, Option("--pretrained", help="Keep the model's weights: draw none anew.")] = False,
    engine: Annotated[str, Option(help="auto (the fastest that fits), native, stacked or single.")] = "auto",
    device: Annotated[str, Option(help="cpu or cuda.")] = "cpu",
    seed: Seed = 0,
    out: Annotated[Path | None, Option(help="Where the files go; runs/NAME-N, unless given.")] = None,
    resume: Annotated[bool, Option("--resume", help="Go on with a study that was stopped.")] = False,
    storage: Annotated[str | None, Option(help="Where Optuna keeps the study: a URL or a file.")] = None,
    include_rows: IncludeRows = False,
    debug: Debug = False,
) -> None:
    """Find the loss, its parameters and learning rate that are best for a model on data; say whether it is real."""
    with plain_errors(debug), Interrupt().listening() as interrupt:
        from losslab.report import terminal
        from losslab.report.live import watched
        from losslab.search.options import Hooks
        from losslab.search.tune import finish, study_of
        from losslab.train.allocator import tune_allocator
        from losslab.train.loop import Stopped

        tune_allocator()
        budget, time_column = times(time)
        named = columns(target, drop, group, weight, time_column, validation, test, split_column)
        trained = training.settings(
            {
                "schedule": schedule, "warmup": warmup, "clip_norm": clip_norm, "clip_value": clip_value, "ema": ema,
                "l1": l1, "l2": l2, "patience": patience, "accumulate": accumulate, "autocast": autocast,
                "width": width, "depth": depth, "dropout": dropout,
            }
        )  # fmt: skip
        trained |= training.rates({"lr": lr, "weight_decay": weight_decay})
        folder = folders.choose(data, out, resume)
        try:
            study = study_of(
                model, data, metric=metric, task=task, budget=budget, trials=trials, **named,
                watch=listed(watch) or (), cost=cost, **trained,
                losses=listed(losses), optimizers=listed(optimizers) or (),
                epochs=numbers(epochs, "--epochs"), batch_size=numbers(batch_size, "--batch-size"), sampler=sampler,
                halving=halving, runs=runs, margin=margin, seed=seed, corrupt_train=corrupt_train,
                pretrained=pretrained, engine=engine, device=device, out=folder, resume=resume, command=command(),
                nested=nested, storage=storage, hooks=Hooks(stop=interrupt),
            )  # fmt: skip
            show(study.data, terminal.header)
            with watched(study):
                result = finish(study)
        except (Stopped, KeyboardInterrupt):
            kept = (folder / "journal.jsonl").exists()
            going_on = f"What was finished is kept in {folder}/; go on with:\n  {again(folder)}"
            if (folder / "report.html").exists():
                going_on = f"{folder}/report.html shows what was found so far. {going_on}"
            typer.echo(f"stopped. {going_on if kept else 'Nothing had been finished yet.'}", err=True)
            raise typer.Exit(INTERRUPTED) from None
        if include_rows:
            result.report(folder / "report.html", include_rows=True)
        files = [folder / name for name in ("report.html", "result.json", "best_loss.py", "model.safetensors")]
        files = [path for path in files if path.exists()]  # a model of one's own may be one that cannot be kept
        steps = (f"predict {shlex.quote(str(folder))} new.csv", "tune my.csv --target y")
        own = f"new rows: losslab {steps[0]}" if Path(data).suffix else f"your own: losslab {steps[1]}"
        typer.echo()
        show(
            result, terminal.leaderboard, terminal.verdict,
            lambda _, width: terminal.footer(files, width, ("more certainty: --nested 5", own)),
        )  # fmt: skip


def command() -> str:
    """The command that is running, for the report; a password in it stays out."""
    from losslab.search.storage import redact

    return redact(shlex.join(["losslab", *sys.argv[1:]]))


def again(folder: Path) -> str:
    """The command that goes on with the study in a folder."""
    words = [word for word in shlex.split(command()) if word != "--resume"]
    named = any(word == "--out" or word.startswith("--out=") for word in words)
    return shlex.join([*words, *([] if named else ["--out", str(folder)]), "--resume"])
