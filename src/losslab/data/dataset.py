"""Datasets and DataLoaders: read into memory once where their items stay the same, iterated where they do not."""

import random
from collections.abc import Iterator, Sequence, Sized
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from losslab.data.load import load
from losslab.data.table import Table

LOOKED_AT = 3  # items read again, to see whether they change


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

    What is read into memory comes out the same in each run, whatever numbers an augmentation draws.
    Raises ValueError where the items are no pairs of numbers or differ in shape, and TypeError for a dataset without a
    length.
    """
    dataset = data.dataset if isinstance(data, DataLoader) else data
    name = type(dataset).__name__
    changing = False
    with fixed_draws():
        if isinstance(dataset, IterableDataset):
            items = [pair(item, i) for i, item in enumerate(dataset)]
            how = "read into memory once, in the order that it gives"
        elif isinstance(dataset, Dataset) and isinstance(dataset, Sized):
            items = [pair(dataset[i], i) for i in range(len(dataset))]
            how = "read into memory and sliced"
        else:
            raise TypeError(f"{name} has no length; give a map-style Dataset, an IterableDataset or (X, y)")
        if not items:
            raise ValueError(f"{name} is empty")
        X = stacked([item[0] for item in items], "input")
        y = stacked([item[1] for item in items], "target")
        if not isinstance(dataset, IterableDataset):
            changing = any(not same(X[i], as_input(dataset[i][0])) for i in range(min(LOOKED_AT, len(items))))
    if changing:
        how = "its items change each time they are read, so training rows are fetched one by one"
    table = load((X, y), task=task)
    return replace(
        table, name=name, tabular=False, notes=(*table.notes, f"{name}: {how}"),
        changing=Changing(dataset, len(items)) if changing else None,
    )  # fmt: skip


@contextmanager
def fixed_draws() -> Iterator[None]:
    """Numbers that torch, NumPy or Python draw inside are the same each time, and go on outside as if none had been."""
    kept = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        np.random.seed(0)
        random.seed(0)
        try:
            yield
        finally:
            random.setstate(kept[0])
            np.random.set_state(kept[1])


def pair(item: Any, place: int) -> tuple[Any, Any]:
    if not isinstance(item, (tuple, list)) or len(item) != 2:
        size = f" of length {len(item)}" if isinstance(item, (tuple, list)) else ""
        raise ValueError(f"item {place} of the dataset is a {type(item).__name__}{size}, not a pair (input, target)")
    return item[0], item[1]


def stacked(values: Sequence[Any], what: str) -> Tensor:
    """One tensor (N, ...) of all inputs or targets."""
    tensors: list[Tensor] = []
    for place, value in enumerate(values):
        try:
            tensors.append(as_input(value) if what == "input" else torch.as_tensor(value))
        except (TypeError, ValueError, RuntimeError) as error:
            found = type(value).__name__
            raise ValueError(f"the {what} of item {place} of the dataset is a {found}, not numbers: {error}") from error
        if tensors[0].shape != tensors[-1].shape:
            raise ValueError(
                f"the {what}s of the dataset differ in shape: item 0 has {tuple(tensors[0].shape)}, item {place} has "
                f"{tuple(tensors[-1].shape)}; bring them to one shape in the dataset"
            )
    return torch.stack(tensors)


def same(first: Tensor, second: Tensor) -> bool:
    """Whether two readings of an item agree; missing numbers are no difference."""
    return first.shape == second.shape and torch.allclose(first, second, rtol=0, atol=0, equal_nan=True)


def as_input(value: Any) -> Tensor:
    """A float32 tensor from a tensor, an array, a number or an image that NumPy can read."""
    tensor = value if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value))
    return tensor.to(torch.float32)
