"""A loss and an optimiser inside anyone's own Optuna objective."""

import optuna
import pytest
import torch
from optuna.trial import FixedTrial

from losslab.optim import get as update_rule
from losslab.search.quota import candidates
from losslab.search.suggest import median_absolute_deviation, suggest_loss, suggest_optimizer
from losslab.train.lookup import default_loss

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


NEW_TASKS = {
    "multilabel": ((6, 3), torch.tensor([[0.0, 1, 1], [1, 0, 0], [0, 0, 1], [1, 1, 1], [0, 0, 0], [0, 1, 0]])),
    "multioutput": ((6, 2), torch.tensor([[0.5, 20], [1, 40], [3, 10], [-2, 0], [0, -15], [9, 3]])),
    "count": ((6,), torch.tensor([0.0, 3, 1, 7, 0, 2])),
    "positive": ((6,), torch.tensor([0.2, 3, 1, 7, 0.5, 2])),
    "ordinal": ((6, 4), torch.tensor([0, 1, 2, 3, 1, 0])),
}


@pytest.mark.parametrize("task", NEW_TASKS)
def test_losses_of_the_other_tasks_train_on_their_targets(task):
    shape, target = NEW_TASKS[task]
    names = [record.name for record in candidates(task, outputs=default_loss(task).outputs).losses]
    assert len(names) >= (1 if task == "ordinal" else 3)
    trial = optuna.create_study().ask()
    suggest_loss(trial, task=task)
    assert list(trial.distributions["loss"].choices) == names
    for record in candidates(task, outputs=default_loss(task).outputs).losses:
        params = {f"{record.name}.{name}": value for name, value in record.defaults.items()}
        input = torch.randn(shape).requires_grad_()
        loss = suggest_loss(FixedTrial({"loss": record.name, **params}), task=task)
        loss(input, target).backward()
        assert input.grad.isfinite().all()
        assert input.grad.abs().sum() > 0


def test_several_columns_share_the_mean_of_their_deviations():
    target = torch.tensor([[1.0, 10], [2, 40], [4, 20], [8, 80]])  # medians 3 and 30, deviations 1.5 and 15
    trial = FixedTrial({"loss": "huber_loss", "huber_loss.delta": 2.0})
    assert suggest_loss(trial, task="multioutput", target=target).delta == pytest.approx(16.5)
    assert suggest_loss(trial, task="regression", target=target).delta == pytest.approx(2 * 7.5)  # of all 8


def test_fixed_trial_gives_the_named_optimizer():
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    values = {"optimizer": "sgd", "sgd.lr": 0.25, "sgd.momentum": 0.5, "sgd.weight_decay": 0.005}
    trial = FixedTrial({**values, **{f"sgd.{n}": p.default for n, p in update_rule("sgd").hyper.items()
                                     if p.search is not None and f"sgd.{n}" not in values}})  # fmt: skip
    found = suggest_optimizer(trial, [weight], ["adamw", "sgd"])
    assert type(found) is torch.optim.SGD
    assert found.param_groups[0]["lr"] == 0.25
    assert trial.distributions["optimizer"].choices == ("adamw", "sgd")
    searched = {n for n, p in update_rule("sgd").hyper.items() if p.search is not None}
    assert {name for name in trial.distributions if name != "optimizer"} == {f"sgd.{n}" for n in searched}


def test_rates_are_set_or_searched_on_request():
    weight = torch.nn.Parameter(torch.zeros(2))
    trial = FixedTrial({"optimizer": "sgd", "sgd.lr": 0.02, "sgd.momentum": 0.9, "sgd.weight_decay": 0.5})
    found = suggest_optimizer(trial, [weight], "sgd", lr=(0.01, 0.1), weight_decay=[0.0, 0.5])
    assert (trial.distributions["sgd.lr"].low, trial.distributions["sgd.lr"].high) == (0.01, 0.1)
    assert trial.distributions["sgd.lr"].log
    assert trial.distributions["sgd.weight_decay"].choices == (0.0, 0.5)
    assert found.param_groups[0]["weight_decay"] == 0.5


@pytest.mark.parametrize("name", ["sgd", "adam", "rmsprop", "adagrad", "nadam", "adadelta", "adafactor"])
def test_a_study_over_an_optimizer_and_its_best_trial_again(name):
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def final(trial):
        weight = torch.nn.Parameter(torch.tensor([[1.0, -2.0]]))
        optimizer = suggest_optimizer(trial, [weight], [name, "adamw"])
        for _ in range(3):
            optimizer.zero_grad()
            (weight - 3).square().sum().backward()
            optimizer.step()
        return (weight - 3).square().sum().item()

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(final, n_trials=6)
    assert {trial.params["optimizer"] for trial in study.trials} == {name, "adamw"}
    assert final(study.best_trial) == study.best_value


def test_a_grid_over_loss_and_optimizer():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    grid = {"loss": ["mse_loss", "l1_loss"], "optimizer": ["sgd"], "sgd.lr": [0.01, 0.1]}
    seen = []

    def objective(trial):
        weight = torch.nn.Parameter(torch.ones(1))
        loss = suggest_loss(trial, task="regression", losses=["mse_loss", "l1_loss"])
        optimizer = suggest_optimizer(trial, [weight], ["sgd"], lr=(0.01, 0.1))
        loss(weight, torch.tensor([4.0])).backward()
        optimizer.step()
        seen.append((type(loss).__name__, round(weight.item(), 4)))
        return 0.0

    searched = [n for n, p in update_rule("sgd").hyper.items() if p.search is not None and n != "lr"]
    grid |= {f"sgd.{n}": [1e-6 if n == "weight_decay" else 0.0] for n in searched}
    study = optuna.create_study(sampler=optuna.samplers.GridSampler(grid, seed=0))
    study.optimize(objective)
    assert sorted(seen) == [("L1Loss", 1.01), ("L1Loss", 1.1), ("MSELoss", 1.06), ("MSELoss", 1.6)]


def test_errors_of_optimizers():
    weight = [torch.nn.Parameter(torch.ones(1))]
    with pytest.raises(ValueError, match="no optimiser 'adamm'; nearest: adam"):
        suggest_optimizer(FixedTrial({}), weight, ["adamm"])
    with pytest.raises(ValueError, match=r"torch.optim has no class for lion; leave it out"):
        suggest_optimizer(FixedTrial({}), weight, ["adamw", "lion"])
    with pytest.raises(ValueError, match="optimizers is empty"):
        suggest_optimizer(FixedTrial({}), weight, [])
    with pytest.raises(ValueError, match="lr is the range"):
        suggest_optimizer(FixedTrial({}), weight, ["adamw"], lr=(0.1, 0.01))


def test_median_absolute_deviation():
    assert median_absolute_deviation(TARGET) == 20
    assert median_absolute_deviation([1, 2, 4, 8]) == 1.5  # median 3, distances 2 1 1 5
    with pytest.raises(ValueError, match="1 values that are not finite"):
        median_absolute_deviation([1.0, float("nan")])
    with pytest.raises(ValueError, match="at least half of the target values are the same"):
        median_absolute_deviation([1, 1, 1, 2])
    with pytest.raises(ValueError, match="target is empty"):
        median_absolute_deviation([])
