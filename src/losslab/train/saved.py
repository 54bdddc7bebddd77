"""A trained model in a folder: weights as safetensors, everything else as JSON. Opening it never runs code.

`model.json` is written last and holds the checksum of itself and of the weights: a changed bit is found.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from losslab.data.encode import Encoding
from losslab.data.table import Prepared, Table
from losslab.metrics.threshold import Threshold
from losslab.models.build import build

if TYPE_CHECKING:
    from pandas import DataFrame

WEIGHTS, DESCRIPTION, VERSION = "model.safetensors", "model.json", 1
NETWORK, FITTED = "network.", "fitted."  # what the names of tensors start with


@dataclass
class SavedModel:
    """A trained network with all that leads from new rows to predictions in the target's own unit and words.

    `address` is what the model was asked for by ("mlp:64,64", "file.py:factory"); "" where it was an object, which
    has to be given again (`load_model(run, model=...)`). A file or module at an address is imported when it predicts,
    and not before. `notes` say what was met in the rows that were predicted last.
    """

    name: str
    address: str
    shape: tuple[int, ...]  # of one prepared row
    outputs: int
    architecture: dict[str, Any]
    task: str
    target: str
    targets: tuple[str, ...]
    classes: tuple[str, ...]
    columns: tuple[str, ...]  # of X, before indicators of missing numbers
    rows: tuple[int, ...]  # the shape of one row of X
    levels: dict[int, int]
    link: str
    loss: str
    metric: str
    threshold: list[Any] | None = None  # fitted on validation rows, for the metric
    y_mean: Any = 0.0
    y_scale: Any = 1.0
    y_least: float | None = None
    made: dict[str, Any] = field(default_factory=dict)  # for people: parameters, optimiser, settings, data, versions
    encoding: Encoding | None = None
    fitted: dict[str, Tensor] = field(default_factory=dict)
    weights: dict[str, Tensor] = field(default_factory=dict)
    model: Any = None  # an object in place of the address
    notes: list[str] = field(default_factory=list)
    network: nn.Module | None = None

    @classmethod
    def of(
        cls, network: nn.Module, model: Any, table: Table, prepared: Prepared, *, name: str, outputs: int, link: str,
        loss: str, metric: str, architecture: Mapping[str, Any], threshold: Threshold | None = None,
        made: Mapping[str, Any] | None = None,
    ) -> "SavedModel":  # fmt: skip
        """From what was trained; the network is copied to the CPU. model: what a person called it."""
        weights = {key: value.detach().cpu().clone() for key, value in network.state_dict().items()}
        address = model if isinstance(model, str) else ""
        least = prepared.y_least if prepared.y_least > -float("inf") else None
        return cls(
            name, address, tuple(prepared.X.shape[1:]), outputs, dict(architecture), table.task, table.target,
            table.targets, table.classes, table.columns, tuple(table.X.shape[1:]), dict(table.levels), link, loss,
            metric, None if threshold is None else threshold.value.tolist(), _plain(prepared.y_mean),
            _plain(prepared.y_scale), least, dict(made or {}), table.encoding, dict(prepared.fitted), weights,
            None if address else model,
        )  # fmt: skip

    def module(self) -> nn.Module:
        """The network with its weights, in evaluation mode, built on first use: then foreign code is imported."""
        if self.network is None:
            if self.model is None and not self.address:
                raise ValueError(
                    f"the model {self.name} was an object in Python, of which the weights were saved and not the code: "
                    "give it again, load_model(run, model=...)"
                )
            asked = self.address if self.model is None else self.model
            fixed = isinstance(asked, nn.Module)
            factory = build(asked, self.shape, self.outputs, pretrained=fixed, levels=self.levels)
            made = factory.make(0, self.outputs, **self.architecture)
            try:
                made.load_state_dict(self.weights)
            except RuntimeError as error:
                raise ValueError(f"the model {asked} is not the one that was saved: {error}") from None
            self.network = made.eval()
        return self.network

    def predict(self, data: Any) -> "DataFrame":
        """Predictions for new rows, in their order: class names, or numbers in the target's own unit.

        data: a .csv, .parquet, .feather or .npz file, a DataFrame of pandas or polars, or an array. Columns:
        `prediction`, and `probability CLASS` where the loss gives one; `prediction TARGET` for each of several targets.
        Raises ValueError for columns that are missing or of another kind than in training.
        """
        from losslab.train.answers import answer

        self.notes = []
        return answer(self, data)

    def save(self, folder: str | Path) -> list[Path]:
        """Writes model.safetensors and model.json; returns their paths."""
        return save_model(self, folder)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "network": None}


_TENSORS = ("fitted", "weights")
_LEFT_OUT = (*_TENSORS, "model", "notes", "network", "encoding")
_TUPLES = ("shape", "targets", "classes", "columns", "rows")


def save_model(saved: SavedModel, folder: str | Path) -> list[Path]:
    """Writes a model into a folder. Raises OSError that says which file, and ValueError where a part cannot be kept."""
    from safetensors.torch import save

    folder = Path(folder)
    tensors = {NETWORK + key: value.contiguous() for key, value in saved.weights.items()}
    tensors |= {FITTED + key: value.contiguous() for key, value in saved.fitted.items()}
    weights = save(tensors)
    description = {key: value for key, value in vars(saved).items() if key not in _LEFT_OUT}
    description["encoding"] = saved.encoding.to_json() if saved.encoding else None
    description = json.loads(json.dumps(description, allow_nan=False, default=_plain))
    content = {"version": VERSION, "checksum": _checksum(description, weights), "model": description}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    return [_write(folder / WEIGHTS, weights), _write(folder / DESCRIPTION, (text + "\n").encode())]


def load_model(run: str | Path, model: Any = None) -> SavedModel:
    """The model that `tune(out=run)`, `TuneResult.save` or `FitResult.save` wrote. No code of anyone is run.

    model: a module or factory to put the weights into, where the model was no name and no address, or has moved.
    Raises FileNotFoundError where there is none, ValueError for damaged files and for those of a newer losslab.
    """
    path = Path(run)
    path = path / DESCRIPTION if path.is_dir() else path.with_name(DESCRIPTION)
    if not path.is_file() or not (path.parent / WEIGHTS).is_file():
        missing = path if not path.is_file() else path.parent / WEIGHTS
        raise FileNotFoundError(f"no saved model: {missing} is not there; losslab tune writes one into its folder")
    try:
        content = json.loads(path.read_bytes())
        version, description, checksum = content["version"], dict(content["model"]), content["checksum"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is no description of a model, or was damaged: {error}") from None
    if not isinstance(version, int) or version > VERSION:
        raise ValueError(f"{path} has version {version}; this losslab reads up to version {VERSION}: upgrade it")
    weights = path.with_name(WEIGHTS).read_bytes()
    if _checksum(description, weights) != checksum:
        raise ValueError(f"{path} and {WEIGHTS} are not as they were written together: one was damaged or exchanged")
    tensors = _tensors(weights, path.with_name(WEIGHTS))
    parts = {
        start: {key.removeprefix(start): value for key, value in tensors.items() if key.startswith(start)}
        for start in (NETWORK, FITTED)
    }
    try:
        description |= {key: tuple(description[key]) for key in _TUPLES}
        description["levels"] = {int(column): int(count) for column, count in description["levels"].items()}
        encoding = description.pop("encoding")
        return SavedModel(
            **description, encoding=Encoding.from_json(encoding) if encoding else None, fitted=parts[FITTED],
            weights=parts[NETWORK], model=model,
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path} is not a whole description of a model: {error}") from None


def _checksum(description: Mapping[str, Any], weights: bytes) -> str:
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode() + weights).hexdigest()


def _tensors(content: bytes, path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(content)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path} cannot be read as safetensors: {error}") from None


def _write(path: Path, content: bytes) -> Path:
    """In one piece: a kill leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, f"could not write {path}: {error.strerror or error}") from error
    return path


def _plain(value: Any) -> Any:
    """Tensors and numbers of numpy as JSON holds them."""
    return value.tolist() if isinstance(value, Tensor) or hasattr(value, "tolist") else value


def as_prepared(saved: SavedModel) -> Prepared:
    """What leads from outputs to the target's own unit."""
    mean, scale = (
        torch.tensor(value, dtype=torch.float64) if isinstance(value, list) else value
        for value in (saved.y_mean, saved.y_scale)
    )
    least = -float("inf") if saved.y_least is None else saved.y_least
    return Prepared(torch.empty(0), torch.empty(0), mean, scale, fitted=saved.fitted, y_least=least)
