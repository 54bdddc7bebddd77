"""Loss and optimiser as two lines of your own Optuna objective.

python examples/trainers/optuna_study.py
"""

import optuna
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import losslab

X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X / 16, dtype=torch.float32), torch.tensor(y)
X_train, X_valid, y_train, y_valid = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)


def objective(trial: optuna.Trial) -> float:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    loss = losslab.suggest_loss(trial, task="multiclass", losses=["cross_entropy", "focal_loss"])
    optimizer = losslab.suggest_optimizer(trial, model.parameters(), ["adamw", "sgd"], lr=(1e-3, 1e-1))
    accuracy = 0.0
    for epoch in range(5):
        for rows in torch.randperm(len(X_train)).split(64):
            optimizer.zero_grad()
            loss(model(X_train[rows]), y_train[rows]).backward()
            optimizer.step()
        accuracy = (model(X_valid).argmax(1) == y_valid).float().mean().item()
        trial.report(accuracy, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return accuracy


def main(trials: int = 10) -> optuna.Study:
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=trials)
    return study


if __name__ == "__main__":
    best = main().best_trial
    print(f"accuracy {best.value:.3f} with {losslab.suggest_loss(best, losses=['cross_entropy', 'focal_loss'])}")
