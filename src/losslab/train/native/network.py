"""A population's weights as the native engine runs them; whatever it does not, runs stacked."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from losslab.train.native.packed import DTYPES, Packed, compiled
from losslab.train.native.plan import Plan, plan
from losslab.train.network import Stacked


class Native(Stacked):
    """Members whose steps and predictions C++ makes, epoch by epoch; see `losslab.train.native.epochs`.

    It is a stacked network, and acts as one wherever a step is not native: `plan.why_not` says when that is always.
    """

    engine = "native"

    def __init__(self, modules: Sequence[nn.Module], shape: tuple[int, ...] | None = None) -> None:
        super().__init__(modules)
        self.packed: Packed | None = None
        self.kept: dict[Any, Any] = {}  # tensors of folds as C reads them
        self.step_seconds = 0.0  # of all members, as measured over the last call
        self.last_steps = 0
        self.laid_out: Any = None  # the population, as C reads it
        self.read(modules[0], shape)

    def read(self, module: nn.Module, shape: tuple[int, ...] | None) -> None:
        """Reads the model, of which a row of the input may say more."""
        self.plan: Plan = plan(module, shape)
        self.shape = shape
        if self.runs_natively():
            self.packed = Packed(self.plan, self.layout, self.flat.dtype)

    def runs_natively(self) -> bool:
        """Whether there is a plan, and kernels for it on the device and in the type of the weights."""
        known = not self.plan.why_not and compiled()
        return known and self.flat.device.type == "cpu" and self.flat.dtype in DTYPES

    def forward(self, parameters: list[Tensor], x: Tensor, *, train: bool) -> Tensor:
        shown = parameters and parameters[0].data_ptr() == self.flat.data_ptr() and self.flat.is_contiguous()
        if train or self.packed is None or torch.is_grad_enabled() or not shown or x.dtype != self.flat.dtype:
            return super().forward(parameters, x, train=train)
        rows = x.shape[1]
        shared = len(self) == 1 or x.stride(0) == 0
        x = (x[0] if shared else x).reshape(*(() if shared else (len(self),)), rows, -1)
        if x.shape[-1] != self.plan.features:
            return super().forward(parameters, x, train=train)
        block = self.packed.block(self._constants, self.flat)
        output = self.packed.forward(self.flat, block, x.contiguous())
        return output.squeeze(-1) if self.plan.column else output

    def show_constants(self, block: Tensor) -> list[Tensor]:
        """Has the constants be views of a block (K, C), which is written in place; returns those that count batches."""
        if self.packed is None:
            return []
        found = dict(self._constants)
        for name, (first, count) in self.packed.places.items():
            found[name] = block[:, first : first + count].to(found[name].dtype)
        counters = {name: found[name].clone() for name in self.packed.counters}
        self._constants = {**found, **counters}
        return list(counters.values())
