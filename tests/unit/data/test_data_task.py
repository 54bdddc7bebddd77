"""Which task a target asks for."""

import numpy as np
import pytest

from losslab.data.target import read_target

TEN = np.arange(100) % 10


@pytest.mark.parametrize(
    ("values", "task", "word"),
    [
        (TEN, "multiclass", "from an integer target"),
        (TEN.astype(float), "multiclass", "from an integer target"),
        (TEN % 2, "binary", "from an integer target"),
        ((TEN % 2) * 2 - 1, "binary", "whole numbers with 2"),
        (TEN + 3, "multiclass", "task=regression"),
        (TEN + 0.5, "regression", "numeric target with 10"),
        (TEN % 2 == 0, "binary", "true/false"),
        (np.array(["yes", "no"] * 50), "binary", "text target with 2"),
        (np.array(["a", "b", "c", "b"] * 25, dtype=object), "multiclass", "text target with 3"),
        (np.arange(100), "regression", "whole numbers with 100"),
        (np.arange(2500) % 100, "multiclass", "integer target"),
        ((np.arange(2500) % 100) * 2, "regression", "task=multiclass"),
        (np.arange(40) % 10 + 1, "regression", "whole numbers with 10"),
        (np.array([str(i) for i in range(50)]), "regression", "whole numbers with 50"),
        (np.array([2**62 + 1, 2**62 + 2] * 20), "binary", "whole numbers"),
    ],
)
def test_inferred(values, task, word):
    found = read_target(values, "y")
    assert found.task == task
    assert word in found.why


def test_close_large_integers_stay_apart():
    assert read_target(np.array([2**62 + 1, 2**62 + 2] * 20), "y").classes == (str(2**62 + 1), str(2**62 + 2))


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_overridden(task):
    found = read_target(np.arange(100) % 25, "y", task)
    assert (found.task, found.why) == (task, "as given")
    assert found.y.is_floating_point() == (task == "regression")
    assert len(found.classes) == (25 if task == "multiclass" else 0)


def test_text_among_numbers():
    words = [str(i / 7) for i in range(50)]
    words[31] = "unknown"
    with pytest.raises(ValueError, match=r"text in 1 row; first: 'unknown' in row 31"):
        read_target(np.array(words), "price")


def test_values_that_32_bits_cannot_tell_apart():
    with pytest.raises(ValueError, match="varies too little"):
        read_target(1e12 + np.linspace(0, 1, 50), "time")
