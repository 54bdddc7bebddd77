"""`losslab.fit`: what it takes, what its history says, and going on from a checkpoint as if nothing had happened."""

import io
import math
import sys

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import nn

import losslab
from losslab.report.live_fit import lasting, shown
from losslab.train.device import check_device

X = np.random.default_rng(0).normal(size=(150, 5)).astype("float32")
Y = (X @ np.array([1.0, -2.0, 0.5, 0.0, 1.0]) + X[:, 0] ** 2).astype("float32")
MIX = {
    "schedule": "one-cycle", "warmup": 0.1, "clip_norm": 0.8, "clip_value": 0.5, "ema": 0.8, "l1": 1e-3, "l2": 1e-2,
    "accumulate": 2, "patience": 20, "batch_size": 16, "epochs": 6, "lr": 0.02, "dropout": 0.1, "optimizer": "adam",
}  # fmt: skip


def outputs(result, rows):
    """In the target's own unit."""
    prepared = result.prepared
    with torch.no_grad():
        found = result.model.eval()(prepared.X[rows]).squeeze(-1)
    return found * prepared.y_scale + prepared.y_mean


def parts(result):
    """Rows by part, found again from what was standardised."""
    from losslab.data.load import load
    from losslab.data.split import split

    return split(load((X, Y)), 0)


def fit(**options):
    return losslab.fit("mlp:8", (X, Y), **{"epochs": 2, **options})


def test_the_loss_of_an_epoch_is_the_mean_over_its_rows():
    """Not the last batch's, nor a mean of batches of unequal size: at a rate of almost nothing, that of one pass."""
    result = fit(optimizer="sgd", lr=1e-30, epochs=1, batch_size=40)
    train, prepared = parts(result).train, result.prepared
    assert len(train) % 40
    with torch.no_grad():
        error = (result.model(prepared.X[train]).squeeze(-1) - prepared.y[train]) ** 2
    assert result.history[0]["loss"] == pytest.approx(error.mean().item(), rel=1e-5)
    assert result.history[0]["loss"] != pytest.approx(error[-len(train) % 40 :].mean().item(), rel=1e-3)


def test_the_learning_rate_of_each_epochs_last_step_is_told():
    result = fit(schedule="cosine", lr=0.03, epochs=4, batch_size=30)
    steps = math.ceil(len(parts(result).train) / 30)
    wanted = [0.03 * (1 + math.cos(math.pi * (steps * epoch - 1) / (4 * steps))) / 2 for epoch in (1, 2, 3, 4)]
    assert [line["lr"] for line in result.history] == pytest.approx(wanted)


def test_patience_gives_back_the_best_weights_and_says_when():
    result = fit(optimizer="sgd", lr=0.05, epochs=40, patience=2, batch_size=8, momentum=0.9, metric="mae")
    values = [line["mae"] for line in result.history]
    assert result.best_epoch == 1 + values.index(min(values))
    assert result.stopped == len(values) == result.best_epoch + 2 < 40
    assert result.validation == min(values)
    rows = parts(result).validation
    found = (outputs(result, rows) - torch.as_tensor(Y)[rows]).abs().mean().item()
    assert found == pytest.approx(min(values), rel=1e-5)


def test_without_patience_the_last_weights_are_given_back():
    result = fit(optimizer="sgd", lr=0.05, epochs=12, batch_size=8, momentum=0.9, metric="mae")
    rows = parts(result).validation
    found = (outputs(result, rows) - torch.as_tensor(Y)[rows]).abs().mean().item()
    assert found == pytest.approx(result.history[-1]["mae"], rel=1e-5)
    assert result.best_epoch == 12
    assert result.stopped is None


@pytest.mark.parametrize("name", ["schedule", "warmup", "clip_norm", "clip_value", "ema", "l1", "l2", "accumulate"])
def test_every_setting_reaches_training(name):
    plain, other = fit(batch_size=16, lr=0.05), fit(batch_size=16, lr=0.05, **{name: MIX[name]})
    assert [line["loss"] for line in plain.history] != [line["loss"] for line in other.history] or name == "ema"
    assert plain.validation != other.validation


class Killed(Exception):  # noqa: N818 (no error: a stand-in for a signal)
    """As if the process had been killed."""


@pytest.mark.parametrize("step", [0, 3, 6, 11, 17])
def test_a_killed_training_goes_on_bit_for_bit(step, tmp_path):
    path, calls = tmp_path / "fit.pt", [0]

    def kills(input, target):
        calls[0] += 1
        if calls[0] == 2 * step + 1:
            raise Killed
        return (input - target).abs()

    def same(input, target):
        return (input - target).abs()

    kills.__name__ = same.__name__ = "absolute"
    with pytest.raises(Killed):
        fit(loss=kills, checkpoint=path, **MIX)
    again = fit(loss=same, checkpoint=path, resume=True, **MIX)
    straight = fit(loss=same, **MIX)
    assert again.history == straight.history
    for (name, found), wanted in zip(
        again.model.state_dict().items(), straight.model.state_dict().values(), strict=True
    ):
        assert torch.equal(found, wanted), name


def test_a_finished_training_may_go_on_to_more_epochs(tmp_path):
    path = tmp_path / "a.safetensors"  # a name by which torch.load would take it for something else
    fit(checkpoint=path, epochs=2)
    more = fit(checkpoint=path, epochs=5, resume=True)
    assert more.history == fit(epochs=5).history
    again = fit(checkpoint=path, epochs=5, resume=True)
    assert again.history == more.history
    assert again.validation == more.validation


def test_a_checkpoint_in_the_way_or_of_another_training_is_refused(tmp_path):
    path = tmp_path / "a.pt"
    fit(checkpoint=path, schedule="cosine")
    with pytest.raises(ValueError, match=r"a\.pt is there already; resume=True goes on from it"):
        fit(checkpoint=path)
    for other, words in {
        "lr": r"hyper \{\}, now it is \{'lr': 0.1\}", "seed": "seed 0, now it is 0.1", "epochs": "epochs 2, now it is 3"
    }.items():  # fmt: skip
        value = {"lr": 0.1, "seed": 1, "epochs": 3}[other]
        with pytest.raises(ValueError, match=words.replace("is 0.1", "is 1")):
            fit(checkpoint=path, resume=True, **{"schedule": "cosine", other: value})
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"cannot be read as a checkpoint of losslab\.fit; remove it"):
        fit(checkpoint=path, resume=True)


@pytest.mark.parametrize("name", ["lr", "epochs", "batch_size", "optimizer", "l1", "schedule"])
def test_several_values_are_for_tune(name):
    with pytest.raises(ValueError, match=rf"{name}=\[1, 2\]: losslab.fit trains once.*losslab.tune\(..., {name}="):
        fit(**{name: [1, 2]})


def test_what_broke_is_not_called_a_trial():
    result = fit(optimizer="sgd", lr=1e30, epochs=3)
    assert result.broken.startswith("its gradient was not finite in epoch 1, step ")
    assert math.isnan(result.validation)


def test_row_weights_count_in_training():
    frame = __import__("pandas").DataFrame(
        {**{f"x{n}": X[:, n] for n in range(5)}, "y": Y, "w": np.where(X[:, 1] > 0, 3, 0.5)}
    )
    weighted = losslab.fit("mlp:8", frame, target="y", weight="w", epochs=1)
    even = losslab.fit("mlp:8", frame.drop(columns="w"), target="y", epochs=1)
    assert weighted.history[0]["loss"] != even.history[0]["loss"]
    with pytest.raises(ValueError, match=r'L1Loss gives a tensor of shape \(\).*reduction="none"'):
        losslab.fit("mlp:8", frame, target="y", weight="w", epochs=1, loss=nn.L1Loss())


def test_an_unknown_device_is_refused():
    with pytest.raises(ValueError, match="no device 'gpu'"):
        fit(device="gpu")
    with pytest.raises(ValueError, match="device 'meta' is not supported"):
        check_device("meta")


def test_each_epoch_is_told_and_logged(tmp_path):
    accumulator = "tensorboard.backend.event_processing.event_accumulator"
    events = pytest.importorskip(accumulator, reason="tensorboard is optional: pip install losslab[logging]")
    lines = []
    result = fit(progress=lines.append, log_dir=tmp_path / "tb", schedule="step")
    assert lines == result.history
    read = events.EventAccumulator(str(tmp_path / "tb"))
    read.Reload()
    assert sorted(read.Tags()["scalars"]) == ["loss", "lr", "rmse"]
    for name in ("loss", "lr", "rmse"):
        found = {event.step: event.value for event in read.Scalars(name)}
        assert found == pytest.approx({line["epoch"]: line[name] for line in result.history}, rel=1e-6)


def test_a_missing_tensorboard_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ModuleNotFoundError, match="pip install tensorboard"):
        fit(log_dir=tmp_path)


def test_the_line_says_what_is_left():
    out = io.StringIO()
    console = Console(file=out, force_terminal=False, width=120)
    with shown(4, "rmse", console) as tell:
        tell({"epoch": 1, "loss": 0.51234, "lr": 0.1, "rmse": 55.123})
        tell({"epoch": 2, "loss": 0.4, "lr": 0.1, "rmse": 50.0})
    assert "2/4" in out.getvalue()
    assert "rmse 50" in out.getvalue()
    assert "0 s left" in out.getvalue()
    assert [lasting(s) for s in (8.4, 200, 7200)] == ["8 s", "3 min", "2.0 h"]
