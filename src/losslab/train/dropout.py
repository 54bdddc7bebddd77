"""Dropout by key: a mask belongs to a member, its step, the layer and the place, whoever else is in the stack.

So that a member trains alike in every engine, alone or beside others, and after a restart.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from losslab.train.native.draws import kept, layer_key


class Draws:
    """What the dropout layers of a network read: the keys of its members, how many steps each has made, and who runs.

    Without `members` the layers draw from torch's generator, as outside of training.
    """

    def __init__(self) -> None:
        self.members: list[int] = []
        self.steps: list[int] = []
        self.layer = 0  # how many dropout layers this pass has come through
        self.stack: Tensor | None = None  # one number (K,) for each member, lifted: how a layer knows of the stack
        self.place = 0  # of the member that runs, where they run one after the other

    def begin(self, *, place: int = 0, stack: Tensor | None = None) -> None:
        """A forward pass of the member at `place`, or of the whole stack."""
        self.layer, self.place, self.stack = 0, place, stack

    def mask(self, x: Tensor, p: float) -> Tensor:
        """What one member's x (B, ...) is to be multiplied with, in the layer that comes next."""
        layer, self.layer = self.layer, self.layer + 1
        if self.stack is None:
            return self.masks([self.place], layer, x, p)[0]
        found: Tensor = _OfStack.apply(x, self.stack, self, layer, p)
        return found

    def masks(self, places: Sequence[int], layer: int, x: Tensor, p: float) -> Tensor:
        """(k, B, ...) for members at these places: 0, or 1 / (1 - p)."""
        keys = [layer_key(self.members[place], self.steps[place], layer) for place in places]
        found = kept(keys, x.numel(), p, x.device).view(len(keys), *x.shape).to(x.dtype)
        return found if p == 1 else found.mul_(1 / (1 - p))


class _OfStack(torch.autograd.Function):
    """Masks of all members at once, made outside of vmap: (x, stack, draws, layer, p) -> like x."""

    generate_vmap_rule = False

    @staticmethod
    def forward(x: Tensor, stack: Tensor, draws: Draws, layer: int, p: float) -> Tensor:
        return draws.masks([int(stack)], layer, x, p)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return (None,) * 5

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor, stack: Tensor, draws: Draws, layer: int, p: float) -> Any:
        one = x if in_dims[0] is None else x.select(in_dims[0], 0)
        return draws.masks(range(info.batch_size), layer, one.detach(), p), 0


class Keyed(nn.Dropout):
    """nn.Dropout with masks by key while a population trains."""

    draws: Draws

    def forward(self, input: Tensor) -> Tensor:
        if not (self.training and self.draws.members):
            return super().forward(input)
        if not self.p:
            self.draws.layer += 1
            return input
        mask = self.draws.mask(input, self.p)
        return input.mul_(mask) if self.inplace else input * mask


def keyed(module: nn.Module, draws: Draws) -> bool:
    """Has every nn.Dropout inside read those draws, in place; whether any drops something.

    Other layers that draw numbers are left as they are.
    """
    found = False
    for part in module.modules():
        if type(part) is nn.Dropout:
            part.__class__ = Keyed
        if isinstance(part, Keyed):
            part.draws, found = draws, found or part.p > 0
    return found


def plain(module: nn.Module) -> nn.Module:
    """The module with ordinary dropout layers again, in place."""
    for part in module.modules():
        if isinstance(part, Keyed):
            part.__class__ = nn.Dropout  # type: ignore[assignment]
            del part.draws
    return module
