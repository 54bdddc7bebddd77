"""`losslab.tune` with metrics, losses, models and data of one's own."""

import numpy as np
import pandas as pd
import pytest
import torch
from small_studies import SMALL, SMALL_REGRESSION, by_loss, diabetes, iris, two_classes
from torch import nn
from torch.nn import functional
from torch.utils.data import Dataset

import losslab
from losslab.spec.declare import CATALOGUE


def test_a_metric_of_ones_own_decides():
    def worst_error(prediction, target):
        return (prediction - target).abs().max()

    result = losslab.tune("linear", diabetes(), metric=worst_error, higher_is_better=False, **SMALL_REGRESSION)
    assert result.metric == "worst_error"
    assert not result.higher_is_better
    best = by_loss(result)["mse_loss"]
    assert best.validation == min(t.value for t in result.trials if t.loss == "mse_loss" and t.value is not None)
    assert best.test > result.table[0].secondary["mae"]


def test_a_metric_of_values_needs_no_class():
    result = losslab.tune("linear", diabetes(), metric="pinball:0.9", trials=8, epochs=2, runs=2)
    assert result.default == "quantile_loss"
    first = next(trial for trial in result.trials if trial.loss == "quantile_loss")
    assert first.params["quantile"] == 0.9


def test_losses_that_cannot_serve_the_metric_are_named_before_the_search():
    result = losslab.tune("linear", iris(), metric="log_loss", **{**SMALL, "losses": ["multi_margin_loss"]})
    assert [trial.loss for trial in result.trials] == ["cross_entropy"] * 12
    assert any("multi_margin_loss is left out" in note and "probability" in note for note in result.notes)


class Scaled(nn.Module):
    link = "softmax"

    def forward(self, input, target):
        return 2 * functional.cross_entropy(input, target)


@pytest.fixture
def powered_surprise(monkeypatch):
    """A rule of ones own, in the catalogue for as long as the test runs."""
    monkeypatch.setattr(CATALOGUE, "_records", dict(CATALOGUE._records))

    @losslab.loss(
        kind="rowwise", task="multiclass", outputs="classes", link="softmax", target="class",
        bounds={"power": losslab.Parameter(losslab.Interval(0.5, 3), losslab.Interval(0.5, 3))},
    )  # fmt: skip
    def powered_surprise(input, target, *, power=1.0):
        """The surprise at the right class, to a power."""
        return functional.cross_entropy(input, target, reduction="none").clamp_min(1e-6) ** power

    return powered_surprise


def per_sample(input, target):
    return functional.cross_entropy(input, target, reduction="none")


def branching(input, target):
    loss = functional.cross_entropy(input, target)
    return loss * 2 if loss.item() > 1 else loss


def test_losses_of_ones_own(powered_surprise):
    losses = ["cross_entropy", powered_surprise, nn.CrossEntropyLoss(label_smoothing=0.1), Scaled(), per_sample]
    result = losslab.tune("mlp:8", iris(), **{**SMALL, "trials": 20, "losses": losses})
    rows = by_loss(result)
    assert set(rows) == {"cross_entropy", "powered_surprise", "CrossEntropyLoss", "Scaled", "per_sample"}
    assert 0.5 <= rows["powered_surprise"].params["power"] <= 3
    assert rows["Scaled"].secondary["log_loss"] is not None
    assert rows["per_sample"].secondary["log_loss"] is None  # its link is not known
    assert {trial.loss: sum(t.loss == trial.loss for t in result.trials) for trial in result.trials} == dict.fromkeys(
        rows, 4
    )


def test_a_loss_of_ones_own_can_be_the_best():
    def absolute(input, target):
        return (input - target).abs().mean()

    result = losslab.tune("linear", diabetes(), **{**SMALL_REGRESSION, "losses": ["mse_loss", absolute]})
    assert any("absolute" in note and "standardised" in note for note in result.notes)
    result.winner = "absolute"
    assert result.best.loss(torch.tensor([1.0, 4.0]), torch.tensor([2.0, 2.0])).item() == 1.5


def test_a_loss_that_branches_on_its_value_falls_back_and_says_so():
    result = losslab.tune("mlp:8", iris(), engine="stacked", **{**SMALL, "losses": ["cross_entropy", branching]})
    assert "branching" in by_loss(result)
    assert "losses run member by member: branching cannot be stacked" in result.engine
    assert "item()" in result.engine


class Fixed(nn.Sequential):
    def __init__(self, columns, outputs):
        super().__init__(nn.Linear(columns, 8), nn.Tanh(), nn.Linear(8, outputs))


@pytest.mark.parametrize(("outputs", "default"), [(1, "binary_cross_entropy_with_logits"), (2, "cross_entropy")])
def test_a_model_of_ones_own_with_one_or_two_outputs_for_two_classes(outputs, default):
    result = losslab.tune(Fixed(3, outputs), two_classes(), trials=10, epochs=2, runs=2)
    assert result.task == "binary"
    assert result.default == default
    records = losslab.losses()
    assert {records[loss].outputs for loss in by_loss(result)} == {"one" if outputs == 1 else "classes"}


def test_a_factory_and_its_address(tmp_path):
    (tmp_path / "nets.py").write_text(
        "from torch import nn\n"
        "def small(in_features, out_features):\n"
        "    return nn.Sequential(nn.Linear(in_features, 5), nn.ReLU(), nn.Linear(5, out_features))\n"
    )

    def small(in_features, out_features):
        return nn.Sequential(nn.Linear(in_features, 5), nn.ReLU(), nn.Linear(5, out_features))

    one = losslab.tune(small, iris(), engine="stacked", **SMALL)
    two = losslab.tune(f"{tmp_path / 'nets.py'}:small", iris(), engine="stacked", **SMALL)
    assert [trial.curve for trial in one.trials] == [trial.curve for trial in two.trials]


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 4, batch_first=True)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.lstm(x[:, :, None])[0][:, -1])


def test_a_model_that_cannot_be_stacked_trains_one_after_the_other_and_says_so():
    result = losslab.tune(Recurrent(), iris(), **{**SMALL, "trials": 4})
    assert len(by_loss(result)) == 2
    assert "LSTM" in result.engine or "lstm" in result.engine


def test_a_frame_and_a_file_with_categories_and_gaps(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "size": np.where(rng.random(90) < 0.1, np.nan, rng.normal(size=90)),
        "colour": rng.choice(["red", "green", None], 90),
    })  # fmt: skip
    frame["kind"] = np.where((frame["colour"] == "red") ^ (rng.random(90) < 0.1), "a", "b")
    frame.to_csv(tmp_path / "things.csv", index=False)
    options = {**SMALL, "losses": None, "trials": 6, "target": "kind", "engine": "stacked"}
    one, two = losslab.tune("linear", frame, **options), losslab.tune("linear", tmp_path / "things.csv", **options)
    assert one.task == "binary"
    assert [row.test for row in one.table] == [row.test for row in two.table]
    assert one.table[0].test > 0.6


class Noisy(Dataset):
    """Fresh noise on every reading: a stand-in for augmentation."""

    def __init__(self):
        self.X, self.y = iris()

    def __len__(self):
        return len(self.X)

    def __getitem__(self, index):
        return torch.tensor(self.X[index], dtype=torch.float32) + 0.01 * torch.randn(4), int(self.y[index])


def test_a_dataset_that_changes_is_read_while_training_and_that_is_said():
    result = losslab.tune("linear", Noisy(), **{**SMALL, "trials": 4})
    assert any("its items change each time" in note for note in result.notes)
    assert len(by_loss(result)) == 2
