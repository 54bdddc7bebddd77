"""The networks that have a name: linear, mlp, resmlp."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

from torch import nn

from losslab.data.words import nearest
from losslab.models.call import Size
from losslab.models.linear import linear
from losslab.models.mlp import mlp
from losslab.models.resmlp import resmlp

NAMES = ("mlp", "resmlp", "linear")
TAKES = {"linear": (), "mlp": ("width", "depth", "dropout"), "resmlp": ("width", "depth", "dropout")}
SIZES = {"linear": (), "mlp": (64, 64), "resmlp": (64, 2)}
KNOWN = (
    "linear, mlp, mlp:128,128 (sizes of hidden layers), resmlp, resmlp:128,3 (width, residual blocks), "
    '"file.py:factory", "package.module:factory"'
)


@dataclass(frozen=True)
class Named:
    """A network by its name, as a function of outputs and architecture.

    sizes: of the hidden layers (mlp), or width and number of blocks (resmlp). levels: see `Codes`.
    """

    kind: str
    in_features: Size
    sizes: tuple[int, ...] = ()
    levels: Mapping[int, int] = field(default_factory=dict)

    def __call__(self, out_features: int, **architecture: Any) -> nn.Module:
        """The network, behind a flattening where rows have a shape."""
        if not isinstance(self.in_features, int):
            return nn.Sequential(nn.Flatten(), self._network(prod(self.in_features), out_features, architecture))
        return self._network(self.in_features, out_features, architecture)

    def name(self, out_features: int, **architecture: Any) -> str:
        """mlp 30-64-64-1, dropout 0.2"""
        columns = self.in_features if isinstance(self.in_features, int) else prod(self.in_features)
        sizes = self._sizes(architecture)
        middle = ((f"{sizes[0]}x{sizes[1]}",) if self.kind == "resmlp" else tuple(map(str, sizes))) if sizes else ()
        shape = "-".join((str(columns), *middle, str(out_features)))
        codes = f", {len(self.levels)} embedded" if self.levels else ""
        dropout = f", dropout {architecture['dropout']:g}" if architecture.get("dropout") else ""
        return f"{self.kind} {shape}{codes}{dropout}"

    def _network(self, columns: int, out_features: int, architecture: Mapping[str, Any]) -> nn.Module:
        if self.kind == "linear":
            return linear(columns, out_features, levels=self.levels)
        sizes, dropout = self._sizes(architecture), float(architecture.get("dropout", 0.0))
        if self.kind == "mlp":
            return mlp(columns, out_features, sizes, dropout=dropout, levels=self.levels)
        return resmlp(columns, out_features, *sizes, dropout=dropout, levels=self.levels)

    def _sizes(self, architecture: Mapping[str, Any]) -> tuple[int, ...]:
        """A width is that of every layer; a depth repeats the first, where no width is given."""
        width, depth = (None if (v := architecture.get(name)) is None else int(v) for name in ("width", "depth"))
        if self.kind == "resmlp":
            return (width or self.sizes[0], depth or self.sizes[1])
        if width is None and depth is None:
            return self.sizes
        return (width or self.sizes[0],) * (depth or len(self.sizes))


def named(text: str, in_features: Size, levels: Mapping[int, int] | None = None) -> Named:
    """The network that a text names. Raises ValueError for an unknown name, or sizes that cannot be."""
    kind, colon, detail = text.partition(":")
    if kind not in NAMES or (detail and kind == "linear"):
        raise ValueError(f"no model {text!r}{nearest(kind, NAMES)}; known: {KNOWN}")
    parts = detail.split(",")
    if colon and not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise ValueError(f"model {text!r}: {_wanted(kind)}")
    sizes = tuple(int(part) for part in parts) if colon else SIZES[kind]
    if kind == "resmlp" and len(sizes) == 1:
        sizes = (*sizes, SIZES[kind][1])
    if kind == "resmlp" and len(sizes) != 2:
        raise ValueError(f"model {text!r}: {_wanted(kind)}")
    return Named(kind, in_features, sizes, dict(levels or {}))


def _wanted(kind: str) -> str:
    if kind == "resmlp":
        return "width and number of residual blocks are whole numbers above 0, as in resmlp:128,3"
    return "hidden layers are whole numbers above 0, as in mlp:128,64"
