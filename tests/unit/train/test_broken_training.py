"""A training whose gradient is no longer finite: with patience its best model so far is given back."""

import math

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import losslab
from losslab.cli.main import app

X = np.random.default_rng(0).normal(size=(150, 5)).astype("float32")
Y = (X @ np.array([1.0, -2.0, 0.5, 0.0, 1.0]) + X[:, 0] ** 2).astype("float32")
BROKEN_BELOW = 0.23
GENTLE = {"epochs": 30, "patience": 3, "optimizer": "sgd", "lr": 0.2, "batch_size": 30}


def usual(input, target):
    return (input - target).square().mean()


def breaking(input, target):
    """Infinite as soon as the error of a batch is small."""
    error = (input - target).square().mean()
    return error * torch.where(error.detach() < BROKEN_BELOW, math.inf, 1.0)


def fit(loss, **options):
    return losslab.fit("mlp:8", (X, Y), loss=loss, **{**GENTLE, **options})


def weights(result):
    return torch.cat([value.flatten() for value in result.model.state_dict().values()])


def test_the_best_model_before_the_break_is_given_back_and_kept(tmp_path):
    result = fit(breaking)
    before = len(result.history)
    assert 2 < result.best_epoch < before < 20
    assert result.broken.startswith(f"its gradient was not finite in epoch {before + 1}, step ")
    assert result.stopped is None
    alone = fit(usual, epochs=before)
    assert result.best_epoch == alone.best_epoch
    assert torch.equal(weights(result), weights(alone))
    assert result.validation == alone.validation == min(line["rmse"] for line in alone.history)
    result.save(tmp_path)
    rows = losslab.load_model(tmp_path).predict(X[:4])
    assert rows["prediction"].tolist() == alone.predict(X[:4])["prediction"].tolist()


def test_what_broke_is_read_back_from_its_checkpoint(tmp_path):
    first = fit(breaking, checkpoint=tmp_path / "a")
    again = fit(breaking, checkpoint=tmp_path / "a", resume=True)
    assert again.broken == first.broken
    assert again.history == first.history
    assert torch.equal(weights(again), weights(first))


def test_one_that_breaks_in_the_first_epoch_has_no_model():
    result = fit(breaking, lr=1e30)
    assert result.history == []
    with pytest.raises(ValueError, match="there is no trained model: its gradient was not finite in epoch 1, step 2"):
        result.predict(X[:2])


def test_the_command_line_says_so_and_saves_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("rows.npz", X=X, y=Y)
    rough = ["fit", "rows.npz", "--model", "mlp:8", "--optimizer", "sgd", "--lr", "3.2", "--epochs", "30"]
    lost = CliRunner().invoke(app, rough)
    assert lost.exit_code == 2
    assert "training stopped: its gradient was not finite in epoch " in lost.output
    kept = CliRunner().invoke(app, [*rough, "--patience", "30", "--out", "model"])
    assert kept.exit_code == 0, kept.output
    assert "training broke: its gradient was not finite in epoch " in kept.output
    assert "; the model is that of epoch " in kept.output
    assert np.isfinite(losslab.load_model("model").predict(X[:5])["prediction"]).all()
