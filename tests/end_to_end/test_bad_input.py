"""What cannot work is said in words: what was found, where, what to do; exit status 2 and no traceback."""

import numpy as np
import pandas as pd
import pytest
import torch
from small_studies import SMALL, SMALL_REGRESSION, diabetes, iris, two_classes
from torch import nn
from torch.nn import functional
from typer.testing import CliRunner

import losslab
import losslab.functional as F
from losslab.cli.main import app

ROWS = 60
NETS = """
from torch import nn

def wide():
    return nn.Linear(2, 3)

def raises(in_features, out_features):
    raise KeyError("no such layer")

class Mismatched(nn.Linear):
    def __init__(self):
        super().__init__(5, 1)

class OnlyInEvaluation(nn.Linear):
    def __init__(self):
        super().__init__(2, 1)

    def forward(self, x):
        if self.training:
            raise IndexError("no training today")
        return super().forward(x)

class Cube(nn.Linear):
    def __init__(self):
        super().__init__(2, 1)

    def forward(self, x):
        return super().forward(x)[:, :, None]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with files of sixty rows, each with one fault, and models of one's own."""
    rng = np.random.default_rng(0)
    good = pd.DataFrame({"a": rng.normal(size=ROWS), "b": rng.normal(size=ROWS)})
    kinds = np.where(np.arange(ROWS) % 2, "x", "y").astype(object)
    value = rng.normal(size=ROWS)

    def write(name, target, column=None, row=None, cell=None):
        frame = good.assign(target=target)
        if column:
            frame.loc[row, column] = cell
        frame.to_csv(tmp_path / f"{name}.csv", index=False)

    write("good", kinds)
    write("infinite", kinds, "b", 7, np.inf)
    write("gap-in-target", value, "target", 5, np.nan)
    write("infinite-target", value, "target", 9, -np.inf)
    write("constant", np.full(ROWS, 3.5))
    write("one-class", np.full(ROWS, "x"))
    write("rare", kinds, "target", 11, "z")
    good.assign(target=kinds)[:12].to_csv(tmp_path / "few.csv", index=False)
    (tmp_path / "nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(*words):
    """What the command says when it refuses."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)
    return result.output


SMALL_WORDS = ("--trials", "6", "--epochs", "1", "--runs", "2", "--model", "linear")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gone.csv", "--target", "y"], ["no file gone.csv", "nearest", "one-class.csv"]),
        (["digitz"], ["no data named 'digitz'", "nearest: digits"]),
        (["good.csv", "--target", "targte"], ["good.csv: no column 'targte'", "nearest: target", "a, b, target"]),
        (["good.csv"], ["which column is the target?", "--target", "a, b, target"]),
        (["iris", "--losses", "cross_entropi"], ["no loss 'cross_entropi'", "nearest: cross_entropy"]),
        (["iris", "--losses", "cross_entropy,focl"], ["no loss 'focl'", "nearest: focal_loss"]),
        (["iris", "--metric", "acuracy"], ["no metric 'acuracy'", "nearest: accuracy"]),
        (["iris", "--sampler", "tpee"], ["no sampler 'tpee'", "nearest: tpe"]),
        (["iris", "--optimizers", "sgd,adamm"], ["no optimiser 'adamm'", "nearest: adam"]),
        (["iris", "--task", "multi"], ["no task 'multi'", "nearest:", "multiclass"]),
        (["iris", "--model", "mpl"], ["no model 'mpl'", "nearest: mlp"]),
        (["iris", "--model", "nets.py:wid"], ["nets.py has no 'wid'", "nearest: wide"]),
        (["iris", "--model", "net.py:wide"], ["no file net.py", "nearest: nets.py"]),
        (["good.csv", "--target", "target", "--split-column", "bb"], ["no column 'bb'"]),
    ],
)  # fmt: skip
def test_a_name_that_does_not_exist(words, said, folder):
    output = refused("tune", words[0], *SMALL_WORDS, *words[1:])
    assert all(part in output for part in said), output


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("infinite", ["column b", "1 value is infinite", "row 7"]),
        ("gap-in-target", ["the target 'target' is missing", "1 row", "row 5"]),
        ("infinite-target", ["the target 'target' is infinite", "1 row", "row 9"]),
        ("constant", ["'target'", "3.5", "all 60 rows"]),
        ("one-class", ["'target'", "'x'", "all 60 rows"]),
        ("rare", ["class 'z' of 'target' has 1 row", "row 11", "at least 3"]),
        ("few", ["12 rows", "at least 30"]),
    ],
)
def test_data_that_nothing_can_be_learned_from(file, said, folder):
    output = refused("tune", f"{file}.csv", "--target", "target", *SMALL_WORDS)
    assert all(part in output for part in said), output


def test_nan_in_an_array_is_refused_with_its_place():
    X, y = iris()
    X[[17, 40], 2] = np.nan
    with pytest.raises(ValueError, match=r"column x2: 2 values are NaN; first in row 17"):
        losslab.tune("linear", (X, y), **SMALL)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["iris", "--metric", "rmse"], ["metric 'rmse' does not fit a multiclass task", "balanced_accuracy"]),
        (["diabetes", "--metric", "accuracy"], ["does not fit a regression task", "mae, rmse"]),
        (["iris", "--losses", "huber_loss"], ["huber_loss is for regression", "what fits: cross_entropy"]),
        (["diabetes", "--metric", "pinball:2"], ["strictly between 0 and 1"]),
        (["diabetes", "--task", "binary"], ["task 'binary' wants two classes", "214 different values"]),
        (["iris", "--trials", "2"], ["2 trials are too few for 5 losses"]),
        (["iris", "--trials", "0"], ["--trials", "greater than or equal to 1"]),
        (["iris", "--epochs", "0"], ["epochs: 0 is not a whole number of at least 1"]),
        (["iris", "--epochs", "4,a"], ["--epochs '4,a'"]),
        (["iris", "--batch-size", "-1"], ["batch_size: -1"]),
        (["iris", "--margin", "0"], ["margin is 0", "0.01"]),
        (["iris", "--corrupt-train", "1.5"], ["1.5", "below 1"]),
        (["iris", "--nested", "1"], ["nested is 1", "at least 2"]),
        (["iris", "--engine", "fast"], ["auto, native, stacked or single", "'fast'"]),
        (["iris", "--device", "gpu"], ["no device 'gpu'", "cpu or cuda"]),
        (["iris", "--out", "nets.py"], ["nets.py is a file", "folder"]),
        (["iris", "--out", "gone", "--resume"], ["gone holds no study to resume"]),
        (["iris", "--resume"], ["no study of iris", "--out"]),
        (["iris", "--storage", "postgres://me:hunter2@nowhere/db"], ["could not open postgres://me:***@nowhere/db"]),
    ],
)
def test_an_option_that_does_not_fit(words, said, folder):
    output = refused("tune", words[0], *SMALL_WORDS, *words[1:])
    assert all(part in output for part in said), output
    assert "hunter2" not in output
    assert not list(folder.rglob("journal.jsonl"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there(folder):
    assert "sees no CUDA GPU" in refused("tune", "iris", "--device", "cuda")


def test_a_parameter_out_of_bounds():
    with pytest.raises(ValueError, match=r"huber_loss: delta = -1 is out of bounds; it must lie in \(0, inf\)"):
        losslab.fit("linear", diabetes(), loss="huber_loss", params={"delta": -1.0})
    with pytest.raises(ValueError, match="huber_loss: no parameter 'gamma'; its parameters: delta"):
        losslab.fit("linear", diabetes(), loss="huber_loss", params={"gamma": 1.0})


def test_targets_of_another_shape_are_refused_with_both_shapes_and_the_fix():
    X, y = diabetes()
    with pytest.raises(
        ValueError, match=r"y has shape \(442, 1\), X \(442, 10\); y must be \(442,\): pass y.ravel\(\)"
    ):
        losslab.tune("linear", (X, y[:, None]), **SMALL_REGRESSION)
    with pytest.raises(ValueError, match=r"\(442, 10\) and y \(440,\).* 442 and 440 rows"):
        losslab.tune("linear", (X, y[:-2]), **SMALL_REGRESSION)


def test_a_loss_refuses_shapes_and_labels_with_what_was_found():
    with pytest.raises(ValueError, match=r"mse_loss.*\(5,\).*\(5, 1\)"):
        F.mse_loss(torch.zeros(5), torch.zeros(5, 1))
    with pytest.raises(ValueError, match=r"cross_entropy.*7.*2.*3"):
        F.cross_entropy(torch.zeros(4, 3), torch.tensor([0, 1, 7, 2]))


@pytest.mark.parametrize("width", [np.int8, np.uint8, np.int16, np.int32, np.int64])
def test_integer_targets_of_any_width_are_accepted(width):
    X, y = iris()
    options = {**SMALL, "trials": 2, "engine": "stacked"}
    one, two = losslab.tune("linear", (X, y.astype(width)), **options), losslab.tune("linear", (X, y), **options)
    assert [trial.value for trial in one.trials] == [trial.value for trial in two.trials]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("wide", ["nets.py:wide", "has 3 outputs", "2 classes needs 1 or 2"]),
        ("raises", ["model factory nets.py:raises(in_features=2, out_features=1) raised KeyError", "no such layer"]),
        ("Mismatched", ["raised RuntimeError on a batch of shape (2, 2)", "2x2 and 5x1"]),
        ("OnlyInEvaluation", ["in training mode on a batch of shape (8, 2)", "IndexError: no training today"]),
        ("Cube", ["gives shape (2, 1, 1) for a batch of shape (2, 2)"]),
    ],
)
def test_a_model_that_does_not_fit(model, said, folder):
    words = ("good.csv", "--target", "target", *SMALL_WORDS, "--model", f"nets.py:{model}")
    output = refused("tune", *words)
    assert all(part in output for part in said), output


def test_a_model_with_too_few_outputs_for_the_classes():
    with pytest.raises(ValueError, match=r"has 2 outputs; a target of 3 classes needs 3"):
        losslab.tune(nn.Linear(4, 2), iris(), **SMALL)
    with pytest.raises(ValueError, match=r"has 2 outputs; a regression target needs 1"):
        losslab.tune(nn.Linear(10, 2), diabetes(), **SMALL_REGRESSION)
    with pytest.raises(ValueError, match=r"has 3 outputs; a target of 2 classes needs 1 or 2"):
        losslab.fit(nn.Linear(3, 3), two_classes())


class Counting(nn.Module):
    """Writes to a plain attribute: under vmap that would be lost."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.seen = torch.zeros(())

    def forward(self, x):
        self.seen = self.seen + 1
        return self.layer(x) * (1 + 0 * self.seen)


def test_a_model_that_changes_under_stacking_falls_back_and_says_so():
    result = losslab.tune(Counting(), iris(), **{**SMALL, "trials": 4})
    assert "single" in result.engine
    assert "seen" in result.engine
    with pytest.raises(ValueError, match=r"engine='stacked' was asked for, but .*'seen'"):
        losslab.tune(Counting(), iris(), engine="stacked", **{**SMALL, "trials": 4})


def raising(input, target):
    raise ZeroDivisionError("on purpose")


def number(input, target):
    return functional.cross_entropy(input, target).item()


def detached(input, target):
    return functional.cross_entropy(input, target).detach()


@pytest.mark.parametrize(
    ("loss", "error", "said"),
    [
        (
            raising,
            ValueError,
            r"raising, called with input \(8, 3\) float32 and target \(8,\) int64, .*ZeroDivisionError",
        ),
        (number, TypeError, "the loss number, .* gave a float; a tensor is wanted"),
        (detached, ValueError, "the loss detached, .* without a gradient"),
        (nn.CrossEntropyLoss, TypeError, r"CrossEntropyLoss is a class; pass an instance, CrossEntropyLoss\(\)"),
        (5, TypeError, "5 is neither a loss's name nor callable"),
    ],
)
def test_a_loss_of_ones_own_that_cannot_work(loss, error, said):
    with pytest.raises(error, match=said):
        losslab.tune("linear", iris(), **{**SMALL, "losses": [loss]})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"runs": 1}, "runs is 1; at least 2"),
        ({"optimizers": ()}, "optimizers is empty"),
        ({"epochs": "20"}, "epochs: '20'"),
        ({"batch_size": ()}, r"batch_size: \(\)"),
        ({"epochs": 2.5}, "epochs: 2.5 is not a whole number"),
        ({"trials": 0}, "trials: 0 is not a whole number of at least 1"),
        ({"margin": 1.5}, "margin is 1.5"),
        ({"losses": []}, "losses is empty"),
        ({"target": "y"}, "target= names a column of a file or a DataFrame"),
    ],
)
def test_an_argument_that_cannot_work(options, said):
    with pytest.raises(ValueError, match=said):
        losslab.tune("linear", iris(), **{**SMALL, **options})


def test_nested_splits_of_parts_that_were_given_are_refused(folder):
    frame = pd.read_csv("good.csv")
    frame["part"] = np.where(np.arange(ROWS) % 3 == 0, "test", "train")
    with pytest.raises(ValueError, match="nested: the parts were given, so they cannot be drawn anew"):
        losslab.tune("linear", frame, target="target", split_column="part", nested=2, trials=6, epochs=1, runs=2)


def test_a_default_that_breaks_ends_the_study_with_the_reason():
    X, y = diabetes()
    X = X.astype(np.float32)

    class Infinite(nn.Linear):
        def forward(self, x):
            return super().forward(x) * torch.tensor(1e38)

    with pytest.raises(
        RuntimeError, match=r"the default loss mse_loss has no trial that came to its end: .*not finite"
    ):
        losslab.tune(Infinite(10, 1), (X, y), **SMALL_REGRESSION)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["report", "gone"], ["no result at gone"]),
        (["losses", "hubr"], ["no loss 'hubr'", "nearest: huber_loss"]),
        (["losses", "--task", "cls"], ["no task 'cls'", "regression, binary, multiclass"]),
        (["compare", "iris", "--losses", "focl"], ["no loss 'focl'", "focal_loss"]),
        (["compare", "iris"], ["--losses"]),
        (["fit", "iris", "--loss", "focl"], ["no loss 'focl'", "focal_loss"]),
        (["fit", "iris", "--optimizer", "sdg"], ["no optimiser 'sdg'", "sgd"]),
        (["fit", "iris", "--lr", "-1"], ["adamw: lr = -1 is out of bounds"]),
        (["fit", "diabetes", "--lr", "1e30", "--optimizer", "sgd"], ["training stopped", "not finite", "--lr"]),
        (["fit", "iris", "--resume"], ["resume: which training?", "--checkpoint"]),
        (["fit", "iris", "--schedule", "cosine,step"], ["schedule=['cosine', 'step']", "fit trains once", "tune"]),
        (["fit", "iris", "--schedule", "cosin"], ["did you mean 'cosine'"]),
        (["fit", "iris", "--time", "10m"], ["--time 10m", "fit trains for --epochs"]),
        (["compare", "iris", "--losses", "focal_loss", "--time", "10m"], ["a comparison has no search", "--seeds"]),
        (["compare", "iris", "--losses", "focal_loss", "--watch", "acuracy"], ["no metric 'acuracy'", "accuracy"]),
        (["compare", "diabetes", "--losses", "huber_loss", "--cost", "fn=2"], ["cost is about classes", "regression"]),
        (["tun", "iris"], ["No such command 'tun'"]),
    ],
)  # fmt: skip
def test_the_other_commands(words, said, folder):
    output = refused(*words)
    assert all(part in output for part in said), output


def test_debug_shows_where_it_happened(folder):
    result = CliRunner().invoke(app, ["tune", "digitz", "--debug"])
    assert isinstance(result.exception, ValueError)
