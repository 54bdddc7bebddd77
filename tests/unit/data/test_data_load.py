"""What can be loaded, and what is refused in which words."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from losslab.data.describe import describe
from losslab.data.load import load

ROWS = 60
X = np.random.default_rng(3).normal(size=(ROWS, 3))
CLASSES = np.arange(ROWS) % 3
REAL = np.random.default_rng(4).normal(size=ROWS)


@pytest.mark.parametrize(
    ("name", "line", "task"),
    [
        ("digits", "digits: 1,797 rows, 64 columns, 10 classes (174 to 183 rows each)", "multiclass"),
        ("breast_cancer", "breast_cancer: 569 rows, 30 columns, 2 classes (212 to 357 rows each)", "binary"),
        ("wine", "wine: 178 rows, 13 columns, 3 classes (48 to 71 rows each)", "multiclass"),
        ("iris", "iris: 150 rows, 4 columns, 3 classes (50 rows each)", "multiclass"),
        ("diabetes", "diabetes: 442 rows, 10 columns, target 25 to 346, median 140.5", "regression"),
    ],
)
def test_named_data(name, line, task):
    table = load(name)
    assert describe(table) == line
    assert table.task == task
    assert table.X.dtype == torch.float32
    assert table.y.dtype == (torch.float32 if task == "regression" else torch.int64)
    assert len(table.columns) == table.X.shape[1]


def test_names_of_classes_and_values_are_those_of_scikit_learn():
    from sklearn.datasets import load_breast_cancer

    bunch, table = load_breast_cancer(), load("breast_cancer")
    assert table.classes == ("malignant", "benign")
    assert table.y.tolist() == bunch.target.tolist()
    assert np.allclose(table.X.numpy(), bunch.data, rtol=1e-6)


@pytest.mark.parametrize(
    ("features", "target"),
    [
        (X, CLASSES),
        (X.tolist(), CLASSES.tolist()),
        (torch.tensor(X), torch.tensor(CLASSES)),
        (pd.DataFrame(X), pd.Series(CLASSES)),
        (X, pd.Series(CLASSES, dtype="Int64")),
        (torch.tensor(X, requires_grad=True), torch.tensor(CLASSES, dtype=torch.uint8)),
        *((X, CLASSES.astype(kind)) for kind in ("int8", "uint16", "int32", "uint64", "float32")),
    ],
)
def test_pairs_of_any_kind_give_the_same_table(features, target):
    table = load((features, target))
    assert table.task == "multiclass"
    assert table.y.dtype == torch.int64
    assert torch.equal(table.X, torch.tensor(X, dtype=torch.float32))
    assert table.y.tolist() == CLASSES.tolist()
    assert table.classes == ("0", "1", "2")


def test_labels_are_mapped_and_their_names_kept():
    table = load((X, np.array([-3, 40, 7])[CLASSES]))
    assert table.classes == ("-3", "7", "40")
    assert table.y[:3].tolist() == [0, 2, 1]


def test_the_table_does_not_share_memory_with_the_arrays():
    features, target = torch.tensor(X, dtype=torch.float32), torch.tensor(REAL, dtype=torch.float32)
    table = load((features, target))
    features[0], target[0] = 99, 99
    assert table.X[0, 0] != 99
    assert table.y[0] != 99


def test_images_are_not_tabular():
    table = load((torch.rand(ROWS, 3, 4, 5), CLASSES))
    assert not table.tabular
    assert describe(table) == "data: 60 rows, each 3x4x5, 3 classes (20 rows each)"


def test_a_table_passes_through():
    table = load("iris")
    assert load(table) is table


def test_checksum_is_that_of_the_bytes_and_sees_one_changed_value():
    table = load((X, REAL))
    content = X.astype(np.float32).tobytes() + REAL.astype(np.float32).tobytes()
    assert table.checksum == hashlib.sha256(content).hexdigest()[:12]
    changed = REAL.copy()
    changed[-1] += 0.5
    assert load((X, changed)).checksum != table.checksum


def _with(values, place, value):
    changed = values.copy()
    changed[place] = value
    return changed


TWO_OF_CLASS_2 = np.where(np.arange(ROWS) > 57, 2, np.arange(ROWS) % 2)
ONE_OF_CLASS_2 = np.where(np.arange(ROWS) == 57, 2, np.arange(ROWS) % 2)


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        ("digit", {}, ["no data named 'digit'", "nearest: digits"]),
        ("missing.csv", {}, ["no file missing.csv"]),
        ("table.parquet", {}, ["no file table.parquet"]),
        ("table.xlsx", {}, ["table.xlsx", ".csv, .parquet, .feather or .npz"]),
        (7, {}, ["of type int", "DataFrame"]),
        ((X, CLASSES, CLASSES), {}, ["tuple of 3", "(X, y)"]),
        ((X, CLASSES[:50]), {}, ["(60, 3)", "(50,)", "60 and 50 rows"]),
        ((X, CLASSES[:, None]), {}, ["(60, 1)", "(60, 3)", "y.ravel()"]),
        ((X, torch.tensor(REAL)[:, None]), {}, ["(60, 1)", "y.squeeze(1)"]),
        ((X, np.eye(3)[CLASSES]), {}, ["3 target columns", "exactly one 1", "y.argmax(1)"]),
        ((X[:, 0], CLASSES), {}, ["(60,)", "X.reshape(-1, 1)"]),
        ((_with(X, ([9, 7], 1), np.nan), CLASSES), {}, ["column x1", "2 values are NaN", "row 7", "DataFrame"]),
        ((_with(X, (11, 2), np.inf), CLASSES), {}, ["column x2", "1 value is infinite", "row 11"]),
        ((_with(X, (5, 0), 1e300), CLASSES), {}, ["column x0", "too large", "row 5"]),
        ((X, _with(REAL, [8, 3], np.nan)), {}, ["'target'", "missing", "2 rows", "row 3"]),
        ((X, _with(REAL, 6, -np.inf)), {}, ["'target'", "infinite", "1 row", "row 6"]),
        ((X, [None, *CLASSES[1:]]), {}, ["'target'", "missing", "row 0"]),
        ((X, np.full(ROWS, 2.5)), {}, ["'2.5' in all 60 rows"]),
        ((X, np.ones(ROWS, int)), {}, ["'1' in all 60 rows"]),
        ((X, ONE_OF_CLASS_2), {}, ["class '2'", "has 1 row", "row 57", "at least 3"]),
        ((X, TWO_OF_CLASS_2), {}, ["class '2'", "has 2 rows", "row 58", "at least 3"]),
        ((X, [*"abc", *"dddeee" * 9, *"dde"]), {}, ["class 'a'", "has 1 row; 2 other classes too (first: row 0"]),
        ((X[:12], CLASSES[:12]), {}, ["12 rows", "at least 30"]),
        ((X, [f"id {i}" for i in range(ROWS)]), {}, ["text with 60 different values"]),
        ((X, CLASSES), {"task": "binary"}, ["two classes", "3 different values: 0, 1, 2"]),
        ((X, CLASSES), {"task": "multclass"}, ["no task 'multclass'", "nearest: multiclass"]),
        ((X, ["a", "b"] * 30), {"task": "regression"}, ["text (a, b)"]),
        ((X, CLASSES), {"target": "y"}, ["target=", "DataFrame"]),
        ((X + 1j, CLASSES), {}, ["complex"]),
        (([[1, 2], [3]], [0, 1]), {}, ["X is ragged"]),
        ((np.array([["a", "b"]] * ROWS), CLASSES), {}, ["not a number", "DataFrame"]),
        ("iris", {"test": "iris.csv", "split_column": "part"}, ["given twice"]),
    ],
)
def test_bad_input_is_named(data, options, words):
    with pytest.raises(ValueError, match=r".") as error:
        load(data, **options)
    for word in words:
        assert word in str(error.value)


def test_rows_of_a_frame_and_a_series_in_another_order():
    target = pd.Series(REAL)[::-1]
    with pytest.raises(ValueError, match=r"y\.loc\[X\.index\]"):
        load((pd.DataFrame(X), target))


def test_own_parts_stay_apart():
    table = load((X, REAL), validation=(X[:7] + 1, REAL[:7]), test=(X[:5] + 2, REAL[:5]))
    assert table.X.shape == (72, 3)
    assert table.split.validation.tolist() == list(range(60, 67))
    assert table.split.test.tolist() == list(range(67, 72))
    assert torch.allclose(table.X[table.split.test], torch.tensor(X[:5] + 2, dtype=torch.float32))
    assert table.notes == ()


def test_training_rows_in_the_test_part_are_said():
    table = load((X, REAL), test=(np.vstack([X[3:6], X[:2] + 1]), REAL[[3, 4, 5, 0, 1]]))
    assert table.notes == ("3 of 5 test rows stand in the training part too",)


def test_own_parts_of_another_width():
    with pytest.raises(ValueError, match=r"test= has X of shape \(60, 2\), the data \(60, 3\)"):
        load((X, REAL), test=(X[:, :2], REAL))


def test_a_class_that_is_only_in_the_test_part():
    with pytest.raises(ValueError, match=r"class '5' .* has 0 rows among the training rows \(first: row 64"):
        load((X, CLASSES), test=(X[:5], np.array([0, 1, 2, 0, 5])))


def test_import_is_lazy():
    code = "import losslab.data.load, sys; print([m for m in ('pandas', 'sklearn') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert run.stdout.strip() == "[]"
