"""The steps that update rules share, written so that one pass over a stack of members does as much as it can.

Numbers of a member are floats, the same for all, or tensors such as (K, 1), one for each. What is computed from them
alone (bias corrections, step sizes) is computed on that small shape in float64, then rounded once to the parameter's
type: in float32, 1 - 0.999 ** step would lose half of its digits.

`out=spare` writes into memory of our own that is no longer needed; `out=None` takes new memory.
"""

from typing import Any

import torch
from torch import Tensor

from losslab.optim.rule import Number, State


def zero(value: Number) -> bool:
    """Whether a number is a Python 0, so that its work can be left out for all members."""
    return not isinstance(value, Tensor) and value == 0


def exact(*values: Number) -> tuple[Any, ...]:
    """The numbers, with tensors in float64."""
    return tuple(value.double() if isinstance(value, Tensor) else value for value in values)


def fit(value: Number, param: Tensor) -> Any:
    """A number, rounded to the parameter's type if it is a tensor."""
    return value.to(param.dtype) if isinstance(value, Tensor) else value


def add_scaled(a: Tensor, b: Tensor, scale: Number, out: Tensor | None = None) -> Tensor:
    """a + scale * b in one pass."""
    if isinstance(scale, Tensor):
        return torch.addcmul(a, b, fit(scale, a), out=out)
    return torch.add(a, b, alpha=scale, out=out)


def average(old: Tensor, new: Tensor, decay: Number) -> Tensor:
    """decay * old + (1 - decay) * new in one pass."""
    return torch.lerp(old, new, fit(1 - decay, old))


def quotient(direction: Tensor, square: Tensor, eps: Number, spare: Tensor | None) -> Tensor:
    """direction / (sqrt(square) + eps)"""
    root = torch.sqrt(square, out=spare)
    root = torch.add(root, fit(eps, root), out=spare)
    return torch.div(direction, root, out=spare)


def reusable(own: Tensor) -> Tensor | None:
    """`own` as memory to write into, or None while gradients are recorded or torch.func or torch.compile is at work."""
    watched = torch.is_grad_enabled() or torch.compiler.is_compiling() or torch._C._functorch.peek_interpreter_stack()
    return None if watched else own


def zeros(param: Tensor, *names: str) -> State:
    """A state of zeros. Raises TypeError for a complex parameter, whose squares would be wrong."""
    if param.is_complex():
        raise TypeError("the parameter is complex; update torch.view_as_real(parameter) instead")
    return {name: torch.zeros_like(param) for name in names}
