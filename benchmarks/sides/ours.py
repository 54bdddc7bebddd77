"""losslab on the same space: the same loss declared as a rule, the same network, the same number of configurations."""

import optuna  # noqa: F401 (the other sides have it before their clock starts, too)
import torch
from task import SPACE, Task

import losslab
from losslab.catalog.classification import log_likelihood, log_probabilities
from losslab.data.table import Split, Table
from losslab.metrics.registry import get
from losslab.search.study import Options, Study

losslab.tune_allocator()
task = Task()
search = {name: losslab.Interval(low, high) for name, (low, high, _) in SPACE.items()}


@losslab.loss(
    kind="rowwise", task=("multiclass", "binary"), outputs="classes", link="softmax", target="class", group="log_loss",
    bounds={name: losslab.Parameter(losslab.Interval(0), search[name]) for name in ("gamma", "label_smoothing")},
)  # fmt: skip
def focal_smoothed(input, target, *, gamma=2.0, label_smoothing=0.0):
    """Focal loss on the smoothed cross-entropy, as the other sides write it."""
    logp = log_probabilities(input)
    true = log_likelihood(logp, target)
    ce = -(1 - label_smoothing) * true - label_smoothing * logp.mean(-1)
    return (1 - true.exp()).clamp_min(1e-6) ** gamma * ce


rows = torch.arange(len(task.x) + len(task.x_val))
cut = len(task.x)
split = Split(rows[:cut], rows[cut:], rows[cut:], "given")
table = Table(
    "task", torch.cat([task.x, task.x_val]), torch.cat([task.y, task.y_val]), "multiclass", "given",
    classes=tuple(map(str, range(task.classes))), tabular=False, split=split, checksum="given",
)  # fmt: skip
options = Options(trials=task.trials, losses=[focal_smoothed], epochs=task.epochs, halving=task.halving, seed=task.seed)
study = Study(table, get("accuracy", "multiclass"), "mlp", options)
best = study.best(study.search())["focal_smoothed"]
task.chosen({**best.configuration.params, **best.configuration.hyper}, best.value)
