"""A slice through the loss of a model on a table of data, by the names that the other commands take."""

from typing import Any

from torch import Tensor

from losslab.data.load import load
from losslab.data.prepare import prepare
from losslab.landscape.slice import Slice
from losslab.models.build import build
from losslab.train.lookup import check_head, find_loss, head_of
from losslab.train.objective import class_counts, objective_of


def slice_of_table(model: Any, data: Any, *, target: str | None = None, loss: Any = None, seed: int = 0) -> Slice:
    """The slice in two random directions around a model, on all rows of a data set, scaled as for training.

    model, data, target: as in `losslab.fit`; a module keeps its weights, a factory draws them from `seed`. loss: the
    task's default, unless given. The model is in evaluation mode. Raises ValueError as `losslab.fit` does.
    """
    import torch

    table = load(data, target=target)
    prepared = prepare(table, torch.arange(len(table.X)))
    classes = table.outputs
    outputs = classes if table.task == "multiclass" else 1
    factory = build(model, tuple(prepared.X.shape[1:]), outputs, pretrained=True)
    record = find_loss(loss, table.task, outputs=head_of(table.task, factory.out_features))
    check_head(factory.name, factory.out_features, record, classes)
    objective = objective_of(record, classes)
    counted = {name: torch.tensor(one) for name, one in class_counts(record, prepared.y, classes).items()}
    network = factory.make(seed, objective.outputs).eval()

    def mean_loss(output: Tensor, rows: Tensor) -> Tensor:
        return objective.mean_loss(output, rows, **record.defaults, **counted)

    return Slice(network, prepared.X, prepared.y, mean_loss, seed=seed)
