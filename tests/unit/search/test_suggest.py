"""A loss inside anyone's own Optuna objective."""

import optuna
import pytest
import torch
from optuna.trial import FixedTrial

from losslab.search.quota import candidates
from losslab.search.suggest import median_absolute_deviation, suggest_loss

TARGET = torch.tensor([[0.0], [10.0], [20.0], [40.0], [1000.0]])  # median 20, distances 20 10 0 20 980: MAD 20


def test_fixed_trial_gives_the_named_loss_with_its_parameters():
    loss = suggest_loss(FixedTrial({"loss": "huber_loss", "huber_loss.delta": 0.5}), task="regression")
    input, target = torch.tensor([1.0, 5.0, -2.0]), torch.tensor([1.2, 3.0, 0.0])
    assert isinstance(loss, torch.nn.Module)
    torch.testing.assert_close(loss(input, target), torch.nn.HuberLoss(delta=0.5)(input, target))


def test_parameters_with_the_targets_unit_are_multiples_of_its_mad():
    trial = FixedTrial({"loss": "huber_loss", "huber_loss.delta": 0.5})
    loss = suggest_loss(trial, task="regression", target=TARGET)
    input = torch.tensor([3.0, 50.0, -40.0, 12.0, 7.0])
    torch.testing.assert_close(loss(input, TARGET[:, 0]), torch.nn.HuberLoss(delta=10.0)(input, TARGET[:, 0]))
    level = FixedTrial({"loss": "quantile_loss", "quantile_loss.quantile": 0.3})
    assert suggest_loss(level, task="regression", losses=["quantile"], target=TARGET).quantile == 0.3


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_a_study_sees_every_loss_and_finds_the_best_again(task):
    shape = (6, 3) if task == "multiclass" else (6,)
    input = torch.randn(shape).requires_grad_()
    target = torch.tensor([0, 1, 2, 2, 1, 0]) if task == "multiclass" else torch.tensor([0.0, 1, 0, 1, 1, 0])

    def objective(trial):
        input.grad = None
        loss = suggest_loss(trial, task=task)(input, target)
        loss.backward()
        assert input.grad.isfinite().all()
        return loss.item()

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=60)
    seen = {trial.params["loss"] for trial in study.trials}
    head = "classes" if task == "multiclass" else "one"
    assert seen == {record.name for record in candidates(task, outputs=head).losses}
    for trial in study.trials:
        assert all(name == "loss" or name.startswith(f"{trial.params['loss']}.") for name in trial.params)
    best = suggest_loss(study.best_trial, task=task)
    assert best(input, target).item() == pytest.approx(study.best_value)


def test_a_choice_of_losses_with_the_users_own():
    def mine(input, target):
        return (input - target).abs().max()

    module = torch.nn.SmoothL1Loss()
    chosen = FixedTrial({"loss": "mine"})
    loss = suggest_loss(chosen, task="regression", losses=[mine, module])
    assert isinstance(loss, torch.nn.Module)
    assert loss(torch.tensor([1.0, 5.0]), torch.tensor([2.0, 2.0])) == 3
    assert chosen.distributions["loss"].choices == ("mine", "SmoothL1Loss")
    again = suggest_loss(FixedTrial({"loss": "SmoothL1Loss"}), task="regression", losses=[mine, module])
    assert again is module


def test_a_model_with_two_outputs_names_its_losses():
    trial = FixedTrial({"loss": "focal_loss", "focal_loss.gamma": 1.5})
    loss = suggest_loss(trial, task="binary", losses=["focal_loss", "generalized_cross_entropy"])
    assert loss.gamma == 1.5
    assert trial.distributions["loss"].choices == ("focal_loss", "generalized_cross_entropy")


def test_errors():
    with pytest.raises(ValueError, match="no loss 'huberr'; nearest: huber"):
        suggest_loss(FixedTrial({}), task="regression", losses=["huberr"])
    with pytest.raises(ValueError, match="focal_loss is for"):
        suggest_loss(FixedTrial({}), task="regression", losses=["focal_loss"])


def test_median_absolute_deviation():
    assert median_absolute_deviation(TARGET) == 20
    assert median_absolute_deviation([1, 2, 4, 8]) == 1.5  # median 3, distances 2 1 1 5
    with pytest.raises(ValueError, match="1 values that are not finite"):
        median_absolute_deviation([1.0, float("nan")])
    with pytest.raises(ValueError, match="at least half of the target values are the same"):
        median_absolute_deviation([1, 1, 1, 2])
    with pytest.raises(ValueError, match="target is empty"):
        median_absolute_deviation([])
