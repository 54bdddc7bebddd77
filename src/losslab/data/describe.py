"""A table in one line."""

import torch

from losslab.data.table import CLASSES, Table
from losslab.data.words import count


def describe(table: Table) -> str:
    """`digits: 1,797 rows, 64 columns, 10 classes (174 to 183 rows each)`"""
    shape = tuple(table.X.shape[1:])
    inputs = count(shape[0], "column") if len(shape) == 1 else f"each {'x'.join(map(str, shape))}"
    if table.task == "multilabel":
        shares = table.y.mean(0)
        span = f"{100 * float(shares.min()):.3g} to {100 * float(shares.max()):.3g}"
        target = f"{table.width} labels (in {span} % of the rows)"
    elif table.task == "multioutput":
        target = f"{table.width} targets"
    elif table.task not in CLASSES:
        median = torch.quantile(table.y.double(), 0.5).item() if len(table.y) <= 10**7 else table.y.median().item()
        target = f"target {table.y.min().item():.4g} to {table.y.max().item():.4g}, median {median:.4g}"
    else:
        sizes = torch.bincount(table.y, minlength=len(table.classes))
        low, high = int(sizes.min()), int(sizes.max())
        span = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        target = f"{len(table.classes)} {'ordered ' if table.task == 'ordinal' else ''}classes ({span} rows each)"
    return f"{table.name}: {count(len(table.y), 'row')}, {inputs}, {target}"
