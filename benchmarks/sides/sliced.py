"""The competent script: tensors sliced in memory, fused AdamW, successive halving, evaluation each epoch."""

import optuna
import torch
from task import BATCH, SPACE, Task, focal, network

task = Task()


def objective(trial: optuna.Trial) -> float:
    params = {name: trial.suggest_float(name, low, high, log=log) for name, (low, high, log) in SPACE.items()}
    torch.manual_seed(task.seed)
    model = network(task.x.shape[1], task.classes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=params["lr"], weight_decay=params["weight_decay"], fused=True)
    accuracy = 0.0
    for epoch in range(task.epochs):
        order = torch.randperm(len(task.x))
        x, y = task.x[order], task.y[order]
        for first in range(0, len(x), BATCH):
            optimizer.zero_grad()
            logits = model(x[first : first + BATCH])
            focal(logits, y[first : first + BATCH], params["gamma"], params["label_smoothing"]).backward()
            optimizer.step()
        with torch.no_grad():
            accuracy = (model(task.x_val).argmax(1) == task.y_val).float().mean().item()
        trial.report(accuracy, epoch)
        if task.halving and trial.should_prune():
            raise optuna.TrialPruned
    return accuracy


optuna.logging.set_verbosity(optuna.logging.WARNING)
pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=2, reduction_factor=3)
study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=task.seed), pruner=pruner)
study.optimize(objective, n_trials=task.trials)
task.chosen(study.best_params, study.best_value)
