"""Arguments and options that several commands share."""

from typing import Annotated

import typer

Option = typer.Option

Data = Annotated[
    str,
    typer.Argument(
        help="digits, breast_cancer, wine, iris, diabetes, or a .csv, .parquet, .feather or .npz file (with --target)"
    ),
]
Target = Annotated[str | None, Option(help="The column to predict, of a .csv file.")]
Task = Annotated[
    str | None,
    Option(help="regression, count, positive, binary, multiclass, ordinal, ...; read from the target, unless given."),
]
Metric = Annotated[
    str | None, Option(help="What decides: accuracy, balanced_accuracy, rmse, median_ae, pinball:0.9, ...")
]
Watch = Annotated[str | None, Option(help="Metrics to show beside it: balanced_accuracy,ece.")]
Cost = Annotated[str | None, Option(help="What wrong answers cost: fn=10,fp=1 or cat>dog=5. Decides, unless --metric.")]
Model = Annotated[str, Option(help="mlp, mlp:128,128, resmlp, linear, or file.py:factory.")]
Losses = Annotated[str | None, Option(help="Names with commas between them; all that fit, unless given.")]
Epochs = Annotated[str, Option(help="One number, or several to search: 10,20,40.")]
BatchSizes = Annotated[str, Option(help="One number, or several to search: 32,64,128.")]
CorruptTrain = Annotated[float, Option(help="The share of training and validation targets to spoil.")]
Seed = Annotated[int, Option(help="Of the split, the weights and every other draw.")]
IncludeRows = Annotated[bool, Option("--include-rows", help="Show targets of single rows in the report.")]
Debug = Annotated[bool, Option("--debug", help="Show the traceback of an error.")]
