"""Columns that give the target away are named; natural ones are not."""

import numpy as np
import pandas as pd
import pytest
import torch

from losslab.data.leak import leak_notes
from losslab.data.load import load
from losslab.data.split import split
from losslab.data.table import Table


def told(frame, **options):
    """The columns that are named."""
    table = load(frame, target="y", **options)
    notes = leak_notes(table, split(table).train)
    assert all("gives the target away" in note and "leave it out" in note for note in notes)
    return {note.split(" alone")[0].removeprefix("column ") for note in notes}


@pytest.mark.parametrize("name", ["iris", "digits", "breast_cancer", "diabetes", "wine"])
def test_natural_columns_are_left_in_peace(name):
    table = load(name)
    for seed in range(3 if name == "digits" else 12):
        assert leak_notes(table, split(table, seed).train) == []


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("rows", [300, 1000])
def test_what_knows_the_class(rows, classes):
    rng = np.random.default_rng(rows + classes)
    y = np.sort(rng.integers(0, classes, rows))
    frame = pd.DataFrame({
        "own": rng.normal(size=rows), "weak": y + rng.normal(size=rows) * 0.6, "copy": y * 2.5 + 1,
        "noisy": np.where(rng.random(rows) < 0.985, y, (y + 1) % classes), "text": [f"k{label * 7 % 5}" for label in y],
        "id": np.arange(rows), "gone": np.where(y == 1, np.nan, rng.normal(size=rows)),
        "tiny": y + rng.normal(size=rows) * 0.01, "y": [f"class {label}" for label in y],
    })  # fmt: skip
    gone = {"whether column gone is missing"} if classes == 2 else set()
    assert told(frame) - {"gone"} == {"copy", "noisy", "text", "id", "tiny"} | gone


def test_what_knows_a_quantity():
    rng = np.random.default_rng(5)
    y = rng.normal(size=600) ** 3
    frame = pd.DataFrame({
        "copy": y * 2.5 + 1, "turned": -y, "bent": np.exp(y / 4), "folded": np.abs(y),
        "tiny": y + rng.normal(size=600) * 0.001,
        "half": y + rng.normal(size=600), "own": rng.normal(size=600), "y": y,
    })  # fmt: skip
    assert told(frame, task="regression") == {"copy", "turned", "bent", "tiny"}


def test_a_rare_class_counts_as_much_as_a_frequent_one():
    """1 in 40: guessing the frequent class is right in 97.5 % of rows, and tells nothing."""
    rng = np.random.default_rng(1)
    y = (np.arange(2000) % 40 == 0).astype(int)
    frame = pd.DataFrame({"constant but one": np.arange(2000) == 7, "flag": y, "x": rng.normal(size=2000), "y": y})
    assert told(frame) == {"flag"}


def test_figures_by_hand():
    """40 rows, 20 of each class; the column is wrong in none: all right, and half by guessing."""
    table = Table("t", torch.arange(40.0)[:, None] % 2, torch.arange(40) % 2, "binary", "", ("a",), ("n", "y"))
    (note,) = leak_notes(table, torch.arange(40))
    assert note.startswith("column a alone gives the target away: it tells 100.0% of rows right")
    assert "(a guess: 50.0%)" in note


def test_only_training_rows_are_looked_at():
    y = torch.arange(200) % 2
    X = torch.rand(200, 1, generator=torch.Generator().manual_seed(0))
    X[100:, 0] = y[100:].float()
    table = Table("t", X, y, "binary", "", ("a",), ("n", "y"))
    assert leak_notes(table, torch.arange(100)) == []
    assert len(leak_notes(table, torch.arange(100, 200))) == 1


def test_each_of_several_targets():
    y = (torch.rand(300, 2, generator=torch.Generator().manual_seed(2)) > 0.5).float()
    X = torch.stack([torch.rand(300), y[:, 1]], 1)
    table = Table("t", X, y, "multilabel", "", ("a", "b"), targets=("cat", "dog"))
    (note,) = leak_notes(table, torch.arange(300))
    assert note.startswith("column b alone gives the target 'dog' away")


def test_images_are_not_looked_at():
    table = Table("t", torch.rand(40, 2, 2), torch.arange(40) % 2, "binary", "", tabular=False)
    assert leak_notes(table, torch.arange(40)) == []
