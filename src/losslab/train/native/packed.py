"""A network's plan as C reads it, with memory to run it in."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from losslab.kernels.library import library, threads
from losslab.kernels.plan import DTYPES as DTYPES
from losslab.kernels.plan import NativePlan
from losslab.train.native.plan import Plan
from losslab.train.network import Layout


@cache
def compiled() -> bool:
    """Whether there is a library, with the interpreter of plans."""
    return hasattr(library(), "losslab_plan_run")


class Packed:
    """A plan with the place of each parameter in a member's row, and of each constant in its own.

    places: where each constant begins, by name, and how many numbers it is. counters: the buffers in which batch norms
    count.
    """

    def __init__(self, plan: Plan, layout: Layout, dtype: torch.dtype) -> None:
        begins = dict(zip(layout.names, np.cumsum([0, *layout.sizes]).tolist(), strict=False))
        self.places: dict[str, tuple[int, int]] = {}
        constants = 0
        columns: list[int] = []
        layers: list[dict[str, Any]] = []
        for layer in plan.layers:
            layers.append({
                "kind": layer.kind, "source": layer.source, "other": layer.other, "in": layer.features,
                "out": layer.out, "weight": begins.get(layer.weight, -1), "bias": begins.get(layer.bias, -1),
                "constant": constants if layer.constants else -1, "extra": layer.extra, "first": len(columns),
                "a": layer.number, "b": layer.second,
            })  # fmt: skip
            columns += layer.columns
            for name in layer.constants:
                self.places[name] = (constants, layer.out)
                constants += layer.out
        self.counters = [layer.counter for layer in plan.layers if layer.counter]
        self.native = NativePlan(
            layers, dtype, features=plan.features, parameters=layout.total, constants=constants, columns=columns
        )
        self._workspace = torch.empty(0, dtype=torch.uint8)
        self._room = (0, 0, 0)

    def workspace(self, count: int, rows: int) -> Tensor:
        """Memory for batches of so many rows, kept for the next call."""
        asked = (count, rows, threads())
        if any(one > have for one, have in zip(asked, self._room, strict=True)):
            self._room = tuple(map(max, asked, self._room))  # type: ignore[assignment]
            self._workspace = self.native.workspace(*self._room)
        return self._workspace

    def block(self, constants: Mapping[str, Tensor], like: Tensor) -> Tensor:
        """The constants of K members side by side (K, C), in the plan's order."""
        if not self.places:
            return like.new_empty(len(like), 0)
        return torch.cat([constants[name].to(like.dtype) for name in self.places], dim=1)

    def run(self, members: np.ndarray, batch: np.ndarray, penalised: Tensor, rows: int) -> None:
        """Makes len(batch) - 1 steps of members (K,), whose largest batch has so many rows."""
        self.native.run(members, batch, penalised, self.workspace(len(members), rows), threads())

    def forward(self, param: Tensor, constants: Tensor, x: Tensor) -> Tensor:
        """Outputs (K, n, O) in evaluation, of rows (n, D) that all members share or (K, n, D)."""
        output = param.new_empty(len(param), x.shape[-2], self.native.outputs)
        if output.numel():
            workspace = self.workspace(len(param), 1)
            self.native.forward(param, constants if self.places else None, x, output, workspace, threads())
        return output
