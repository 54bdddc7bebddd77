"""losslab on the same space: the same loss and network, the same number of configurations."""

from dataclasses import replace

import optuna  # noqa: F401 (the other sides have it before their clock starts, too)
import torch
from task import SPACE, Task

import losslab
from losslab.data.table import Split, Table
from losslab.metrics.registry import get
from losslab.search.study import Options, Study

losslab.tune_allocator()
task = Task()
focal = losslab.losses()["focal_loss"]
bounds = {n: replace(focal.parameters[n], search=losslab.Interval(*SPACE[n][:2])) for n in ("gamma", "label_smoothing")}
focal = replace(focal, parameters=bounds)

rows = torch.arange(len(task.x) + len(task.x_val))
cut = len(task.x)
split = Split(rows[:cut], rows[cut:], rows[cut:], "given")
table = Table(
    "task", torch.cat([task.x, task.x_val]), torch.cat([task.y, task.y_val]), "multiclass", "given",
    classes=tuple(map(str, range(task.classes))), tabular=False, split=split, checksum="given",
)  # fmt: skip
options = Options(trials=task.trials, losses=[focal], epochs=task.epochs, halving=task.halving, seed=task.seed)
study = Study(table, get("accuracy", "multiclass"), "mlp", options)
best = study.best(study.search())["focal_loss"]
task.chosen({**best.configuration.params, **best.configuration.hyper}, best.value)
