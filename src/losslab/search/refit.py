"""A loss that was chosen, trained once more on every row at hand, and what the model then says about new rows."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from losslab.data.prepare import apply_features, prepare
from losslab.data.scale import own_unit
from losslab.data.table import COLUMNS, Prepared, Table
from losslab.metrics.links import predictions
from losslab.metrics.record import Needs
from losslab.models.build import build
from losslab.optim import get as update_rule
from losslab.search.space import Configuration, default_configuration, in_target_unit
from losslab.spec.record import LossRecord
from losslab.train.assemble import Assembly
from losslab.train.batches import Fold
from losslab.train.lookup import find_loss, head_of, usual_width
from losslab.train.member import Member
from losslab.train.objective import class_counts, objective_of
from losslab.train.session import Session
from losslab.train.settings import Training

ROWS_AT_ONCE = 16_384  # of a prediction


@dataclass
class Trained:
    """A trained network with the preparation it was trained behind. It can be pickled where its module can."""

    module: nn.Module
    prepared: Prepared
    link: str
    epochs: int
    columns: bool = False  # each output is an answer of its own

    def read(self, X: Tensor, needs: Needs) -> Tensor:
        """What the outputs on new rows X (n, D) say: labels (n,), probabilities (n, C), scores or values, in float64.

        Values come in the target's own unit. Raises ValueError where the loss trains no such thing.
        """
        dtype = next((p.dtype for p in self.module.parameters()), torch.float32)
        fitted = self.prepared.fitted
        rows = apply_features(X, fitted, dtype) if fitted else X.to(dtype)
        with torch.no_grad():
            parts = [self.module(part) for part in rows.split(ROWS_AT_ONCE)]
        output = torch.cat(parts).to(torch.float64)
        output = output.reshape(1, len(output), -1)
        found = predictions(output, self.link, needs, self.columns)  # type: ignore[arg-type]
        if found is None:
            raise ValueError(f"this loss trains no {needs}: its link is {self.link!r}")
        return own_unit(found[0], self.prepared) if needs == "value" else found[0]


def train_on_all(
    table: Table, model: Any, record: LossRecord, *, params: Mapping[str, Any] | None = None,
    optimizer: Mapping[str, Any] | str = "adamw", settings: Mapping[str, Any] | None = None, epochs: int = 20,
    batch_size: int = 64, seed: int = 0, engine: str = "untimed", device: str = "cpu", pretrained: bool = False,
    least_steps: int = 0,
) -> Trained:  # fmt: skip
    """Trains one model on all rows of a table.

    params: in the target's own unit, as a leaderboard has them; the loss's defaults, unless given. optimizer: a line's
    {"name": ..., "lr": ..., "epochs": ...}, or a name at its default rate. least_steps: epochs are added until that
    many steps are taken. engine: see `losslab.train.probe.choose`. Raises RuntimeError where training broke.
    """
    rows = torch.arange(len(table.y))
    prepared = prepare(table, rows)
    classes = max(len(table.classes), 1)
    width = usual_width(table.task, classes, table.width)
    factory = build(model, tuple(prepared.X.shape[1:]), width, pretrained=pretrained, levels=table.levels)
    name = optimizer if isinstance(optimizer, str) else optimizer["name"]
    start = default_configuration(record, {name: update_rule(name)})
    found = dict(start.hyper if isinstance(optimizer, str) else optimizer)
    epochs, batch_size = found.pop("epochs", epochs), found.pop("batch_size", batch_size)
    own = in_engine_units(record, params, start, prepared) | class_counts(record, prepared.y, classes)
    epochs = max(epochs, -(-least_steps // -(-len(rows) // batch_size)))
    objective = objective_of(record, classes, table.width)
    member = Member(
        0, objective, own, name, {key: value for key, value in found.items() if key != "name"},
        seed=seed, batch_size=batch_size, epochs=epochs, **split_settings(settings or {}),
    )  # fmt: skip
    fold = Fold(prepared.X, prepared.y, rows, table.changing, table.weight)
    assembly = Assembly(factory, [fold], engine=engine, device=device)
    session = Session(assembly, [member])
    last = session.populations[0]
    session.advance(epochs)
    if session.broken:
        raise RuntimeError(f"training with {record.name} on all rows broke: {session.broken[0]}; try a smaller lr")
    module = last.module(0).eval().cpu()
    return Trained(
        in_double(module, prepared.X[:2]), without_rows(prepared), record.link, epochs, table.task in COLUMNS
    )


def in_engine_units(
    record: LossRecord, params: Mapping[str, Any] | None, start: Configuration, prepared: Prepared
) -> dict[str, Any]:
    """Parameters in units of the standardised target; counts of classes are left to be counted anew."""
    if params is None:
        return in_target_unit(start.params, record, prepared.mad)
    known = {name: value for name, value in params.items() if name in record.parameters}
    return {**record.defaults, **in_target_unit(known, record, 1.0, 1 / prepared.unit)}


def split_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a leaderboard's line as a member takes them, but patience: there are no validation rows here."""
    names = {field.name for field in fields(Training)}
    training = {name: value for name, value in settings.items() if name in names and name != "patience"}
    architecture = {name: value for name, value in settings.items() if name not in names}
    return {"training": Training(**training), "architecture": architecture}


def head_width(table: Table, model: Any) -> int | None:
    """The number of outputs of a model that cannot be given another head; None for one that can."""
    columns = tuple(prepare(table, torch.arange(len(table.y))).X.shape[1:])
    width = usual_width(table.task, table.outputs, table.width)
    return build(model, columns, width, levels=table.levels).out_features


def default_record(table: Table, model: Any, loss: Any = None) -> LossRecord:
    """The record of a loss, or the task's default, for a model's head."""
    return find_loss(loss, table.task, outputs=head_of(table.task, head_width(table, model), table.outputs))


def without_rows(prepared: Prepared) -> Prepared:
    """What was fitted, without the rows it was fitted on."""
    return replace(prepared, X=prepared.X[:0], y=prepared.y[:0])


def in_double(module: nn.Module, rows: Tensor) -> nn.Module:
    """The module in float64, where it can be: then a row's prediction does not depend on the rows beside it."""
    double = deepcopy(module).double()
    try:
        with torch.no_grad():
            double(rows.double())
    except RuntimeError:  # a module of the user's own may hold float32 constants
        return module
    return double
