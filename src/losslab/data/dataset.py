"""Datasets and DataLoaders: read into memory once where their items stay the same, iterated where they do not."""

from collections.abc import Sized
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from losslab.data.load import load
from losslab.data.table import Table

LOOKED_AT = 3  # items read twice, to see whether they change


class Changing:
    """Inputs of a dataset whose items change each time they are read (random augmentation): fetched row by row."""

    def __init__(self, dataset: Any, rows: int) -> None:
        self.dataset, self.rows = dataset, rows

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, rows: Tensor) -> Tensor:
        return torch.stack([as_input(self.dataset[int(row)][0]) for row in rows.reshape(-1)]).to(rows.device)


def from_dataset(data: Any, *, task: str | None = None) -> Table:
    """A table from a Dataset or DataLoader of (input, target) pairs; its batches and workers are not used.

    Raises ValueError where the items are no pairs, and TypeError for a dataset without a length.
    """
    dataset = data.dataset if isinstance(data, DataLoader) else data
    if isinstance(dataset, IterableDataset):
        items, how = (
            [pair(item, i) for i, item in enumerate(dataset)],
            "read into memory once, in the order that it gives",
        )
        changing = False
    elif isinstance(dataset, Dataset) and isinstance(dataset, Sized):
        changing = any(not same(dataset, i) for i in range(min(LOOKED_AT, len(dataset))))
        items = [pair(dataset[i], i) for i in range(len(dataset))]
        how = "read into memory and sliced"
    else:
        raise TypeError(
            f"{type(dataset).__name__} has no length; give a map-style Dataset, an IterableDataset or (X, y)"
        )
    if not items:
        raise ValueError(f"{type(dataset).__name__} is empty")
    X = torch.stack([as_input(item[0]) for item in items])
    y = torch.stack([torch.as_tensor(item[1]) for item in items])
    if changing:
        how = "its items change each time they are read, so training rows are fetched one by one"
    table = load((X, y), task=task)
    name = type(dataset).__name__
    return replace(
        table, name=name, tabular=False, notes=(*table.notes, f"{name}: {how}"),
        changing=Changing(dataset, len(items)) if changing else None,
    )  # fmt: skip


def pair(item: Any, place: int) -> tuple[Any, Any]:
    if not isinstance(item, (tuple, list)) or len(item) != 2:
        raise ValueError(f"item {place} of the dataset is a {type(item).__name__}, not a pair (input, target)")
    return item[0], item[1]


def same(dataset: Any, place: int) -> bool:
    """Whether an item is the same when it is read again."""
    return torch.equal(as_input(dataset[place][0]), as_input(dataset[place][0]))


def as_input(value: Any) -> Tensor:
    """A float32 tensor from a tensor, an array, a number or an image that NumPy can read."""
    import numpy as np

    tensor = value if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value))
    return tensor.to(torch.float32)
