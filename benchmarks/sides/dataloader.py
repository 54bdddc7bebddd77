"""What a practitioner writes today: Optuna, a DataLoader and a module, one trial after the other, all to the end."""

import optuna
import torch
from task import BATCH, SPACE, Task, focal, network
from torch.utils.data import DataLoader, TensorDataset

task = Task()


def objective(trial: optuna.Trial) -> float:
    params = {name: trial.suggest_float(name, low, high, log=log) for name, (low, high, log) in SPACE.items()}
    torch.manual_seed(task.seed)
    model = network(task.x.shape[1], task.classes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=params["lr"], weight_decay=params["weight_decay"])
    loader = DataLoader(TensorDataset(task.x, task.y), batch_size=BATCH, shuffle=True)
    for _ in range(task.epochs):
        for x, y in loader:
            optimizer.zero_grad()
            focal(model(x), y, params["gamma"], params["label_smoothing"]).backward()
            optimizer.step()
    with torch.no_grad():
        return (model(task.x_val).argmax(1) == task.y_val).float().mean().item()


optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=task.seed))
study.optimize(objective, n_trials=task.trials)
task.chosen(study.best_params, study.best_value)
