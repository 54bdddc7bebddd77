"""A losslab loss in a LightningModule, and a callback that reports to an Optuna trial and ends hopeless ones.

    pip install losslab[trainers]
    python examples/trainers/lightning_module.py

Optuna has a callback of its own for this, `PyTorchLightningPruningCallback` of the package optuna-integration; the one
below is all that is needed in a single process.
"""

import logging
import warnings
from typing import Any

import lightning
import optuna
import torch
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

import losslab


class Digits(lightning.LightningModule):
    def __init__(self, trial: Any) -> None:
        super().__init__()
        self.trial = trial
        self.net = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
        self.loss = losslab.suggest_loss(trial, losses=["cross_entropy", "focal_loss", "poly1_cross_entropy"])

    def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
        x, y = batch
        return self.loss(self.net(x), y)

    def validation_step(self, batch: list[torch.Tensor], index: int) -> None:
        x, y = batch
        self.log("accuracy", (self.net(x).argmax(1) == y).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return losslab.suggest_optimizer(self.trial, self.parameters(), ["adamw"], lr=(1e-3, 1e-1))


class Report(lightning.Callback):
    def __init__(self, trial: Any) -> None:
        self.trial = trial

    def on_validation_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self.trial.report(trainer.callback_metrics["accuracy"].item(), trainer.current_epoch)
        if self.trial.should_prune():
            raise optuna.TrialPruned


def loaders() -> tuple[DataLoader, DataLoader]:
    X, y = load_digits(return_X_y=True)
    data = TensorDataset(torch.tensor(X / 16, dtype=torch.float32), torch.tensor(y))
    return DataLoader(data, batch_size=64, sampler=range(1200)), DataLoader(data, 600, sampler=range(1200, 1797))


def objective(trial: optuna.Trial, epochs: int = 3) -> float:
    lightning.seed_everything(0, verbose=False)
    trainer = lightning.Trainer(
        max_epochs=epochs, accelerator="cpu", callbacks=[Report(trial)], logger=False, num_sanity_val_steps=0,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(Digits(trial), *loaders())
    return trainer.callback_metrics["accuracy"].item()


def main(trials: int = 4) -> optuna.Study:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", ".*does not have many workers.*")  # rows in memory need none
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=1),
    )
    study.optimize(objective, n_trials=trials)
    return study


if __name__ == "__main__":
    print(main().best_trial.params)
