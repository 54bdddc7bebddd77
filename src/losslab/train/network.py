"""The weights of K members and their forward pass: stacked through torch.func, or one after the other."""

import copy
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from losslab.models.renew import seed_generators
from losslab.train.dense import Dense
from losslab.train.dropout import Draws, keyed, plain


@contextmanager
def without_speed_warnings() -> Iterator[None]:
    """Leaves out torch's warning that an operator is slow under vmap: the probe has measured what it costs."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="There is a performance drop")
        yield


class Layout:
    """How a module's trainable parameters lie side by side in one row of a matrix (K, P)."""

    def __init__(self, module: nn.Module) -> None:
        trainable = {name: p for name, p in module.named_parameters() if p.requires_grad}
        if not trainable:
            raise ValueError(f"{type(module).__name__} has no trainable parameters")
        dtypes = {p.dtype for p in trainable.values()}
        if len(dtypes) > 1:
            raise ValueError(
                f"{type(module).__name__} mixes parameter types {sorted(map(str, dtypes))}; convert it to one"
            )
        self.names = list(trainable)
        self.shapes = [p.shape for p in trainable.values()]
        self.sizes = [p.numel() for p in trainable.values()]
        self.total = sum(self.sizes)

    def read(self, module: nn.Module) -> Tensor:
        """The parameters of a module as a row (P,)."""
        parameters = dict(module.named_parameters())
        return torch.cat([parameters[name].detach().reshape(-1) for name in self.names])

    def views(self, flat: Tensor) -> list[Tensor]:
        """The parameters (K, ...) that a matrix (K, P) holds: views, each a leaf of a fresh graph."""
        parts = flat.detach().split(self.sizes, dim=-1)
        return [
            part.unflatten(-1, shape).requires_grad_() if shape else part.squeeze(-1).requires_grad_()
            for part, shape in zip(parts, self.shapes, strict=True)
        ]


class Network(ABC):
    """K members' weights as a matrix `flat` (K, P), and how they are run. A subclass says how."""

    engine = ""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self.layout = Layout(modules[0])
        self.flat = torch.stack([self.layout.read(module) for module in modules])
        self.spare: Tensor | None = None  # (K, P) for gradients, step after step
        self.keys: list[int] = []  # of "single": a member's own random numbers for the next pass, whatever others draw
        self.draws = Draws()  # of dropout layers
        self.drops = False  # whether there are any

    def __len__(self) -> int:
        return len(self.flat)

    def parameters(self) -> list[Tensor]:
        """What to differentiate with respect to: one tensor (K, ...) for each parameter."""
        return self.layout.views(self.flat)

    @abstractmethod
    def forward(self, parameters: list[Tensor], x: Tensor, *, train: bool) -> Tensor:
        """Outputs (K, B, ...) for inputs (K, B, ...)."""

    def gradient(self, gradients: Sequence[Tensor], *, reuse: bool = False) -> Tensor:
        """The gradients of `parameters()` as a matrix (K, P). reuse: it may lie where that of the last call lay."""
        rows = [g.reshape(len(self), -1) for g in gradients]
        if not reuse:
            return torch.cat(rows, dim=1)
        if self.spare is None or self.spare.shape != self.flat.shape:
            self.spare = torch.empty_like(self.flat)
        return torch.cat(rows, dim=1, out=self.spare)  # fresh memory costs more than the copy

    def keep(self, members: Tensor) -> None:
        """Drops all members but those at the given indices."""
        self.flat = self.flat[members]

    @abstractmethod
    def module(self, member: int) -> nn.Module:
        """One member as an ordinary module with its own weights and buffers."""

    @abstractmethod
    def constants(self) -> dict[str, Tensor]:
        """What belongs to a member and is not trained, by name: buffers and frozen parameters, stacked (K, ...)."""

    @abstractmethod
    def load_constants(self, constants: dict[str, Tensor]) -> None:
        """Puts back what `constants` gave."""


class Stacked(Network):
    """All members in one call: vmap over a template whose parameters and buffers are given from outside."""

    engine = "stacked"

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        super().__init__(modules)
        self.template = copy.deepcopy(modules[0])
        self.drops = keyed(self.template, self.draws)
        self.dense = Dense.of(self.template, self.layout.names)
        self._constants = stack_constants(modules)

    def forward(self, parameters: list[Tensor], x: Tensor, *, train: bool) -> Tensor:
        if self.dense is not None and self.dense.takes(x):
            return self.dense(dict(zip(self.layout.names, parameters, strict=True)), x)
        self.template.train(train)

        def one(parameters: list[Tensor], constants: dict[str, Tensor], x: Tensor, place: Tensor) -> Any:
            self.draws.begin(stack=place)
            return functional_call(
                self.template, {**dict(zip(self.layout.names, parameters, strict=True)), **constants}, (x,)
            )

        places = torch.arange(len(self), device=x.device)
        try:
            return cast(Tensor, vmap(one, randomness="different")(parameters, self._constants, x, places))
        finally:
            self.draws.begin()

    def keep(self, members: Tensor) -> None:
        super().keep(members)
        self._constants = {name: value[members] for name, value in self._constants.items()}

    def module(self, member: int) -> nn.Module:
        module = copy.deepcopy(self.template)
        parameters, constants = dict(module.named_parameters()), named_constants(module)
        with torch.no_grad():
            for name, part, shape in zip(
                self.layout.names, self.flat[member].split(self.layout.sizes), self.layout.shapes, strict=True
            ):
                parameters[name].copy_(part.view(shape))
            for name, value in self._constants.items():
                constants[name].copy_(value[member])
        return plain(module)

    def constants(self) -> dict[str, Tensor]:
        return self._constants

    def load_constants(self, constants: dict[str, Tensor]) -> None:
        self._constants = constants


class Single(Network):
    """One member after the other, each an ordinary module: for whatever cannot be stacked, or loses by it."""

    engine = "single"

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        super().__init__(modules)
        self.modules = [copy.deepcopy(module) for module in modules]
        for module in self.modules:
            self.drops |= keyed(module, self.draws)
        self._leaves: list[Tensor] = []
        self._shown: Tensor | None = None  # what the leaves are views of
        self._training: bool | None = None  # the mode that the modules were put in last

    def parameters(self) -> list[Tensor]:
        if self._shown is self.flat:
            return self._leaves
        leaves: list[Tensor] = []
        for module, row in zip(self.modules, self.flat, strict=True):
            own = dict(module.named_parameters())
            for name, part, shape in zip(
                self.layout.names, row.split(self.layout.sizes), self.layout.shapes, strict=True
            ):
                own[name].data = part.view(shape)
                leaves.append(own[name])
        self._leaves, self._shown = leaves, self.flat
        return leaves

    def forward(self, parameters: list[Tensor], x: Tensor, *, train: bool) -> Tensor:
        if self._training is not train:
            self.modules, self._training = [module.train(train) for module in self.modules], train
        outputs = []
        for place, module in enumerate(self.modules):
            if self.keys:
                seed_generators(self.keys[place])
            self.draws.begin(place=place)
            own = x[place].clone() if len(self) > 1 else x[place]  # a module may write into its input
            outputs.append(module(own))
        return stacked(outputs)

    def gradient(self, gradients: Sequence[Tensor], *, reuse: bool = False) -> Tensor:
        if len(self) == 1:
            parts = [g.reshape(-1) for g in gradients]
            if not reuse:
                return torch.cat(parts).unsqueeze(0)
            if self.spare is None or self.spare.shape != self.flat.shape:
                self.spare = torch.empty_like(self.flat)
            torch.cat(parts, out=self.spare[0])
            return self.spare
        width = len(self.layout.names)
        rows = [
            torch.cat([g.reshape(-1) for g in gradients[first : first + width]])
            for first in range(0, len(gradients), width)
        ]
        return torch.stack(rows)

    def keep(self, members: Tensor) -> None:
        super().keep(members)
        self.modules = [self.modules[int(member)] for member in members]

    def module(self, member: int) -> nn.Module:
        self.parameters()
        return plain(copy.deepcopy(self.modules[member]))

    def constants(self) -> dict[str, Tensor]:
        return stack_constants(self.modules)

    def load_constants(self, constants: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for member, module in enumerate(self.modules):
                for name, value in named_constants(module).items():
                    value.copy_(constants[name][member])


def stacked(tensors: Sequence[Tensor]) -> Tensor:
    """One tensor (K, ...) of K; a view where there is one."""
    return tensors[0].unsqueeze(0) if len(tensors) == 1 else torch.stack(list(tensors))


def named_constants(module: nn.Module) -> dict[str, Tensor]:
    """Buffers and frozen parameters: what belongs to a member and is not trained."""
    frozen = {name: p for name, p in module.named_parameters() if not p.requires_grad}
    return {**frozen, **dict(module.named_buffers())}


def stack_constants(modules: Sequence[nn.Module]) -> dict[str, Tensor]:
    constants = [named_constants(module) for module in modules]
    return {name: torch.stack([values[name].detach() for values in constants]) for name in constants[0]}
