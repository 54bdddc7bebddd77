"""What an optimiser is, as data: a pure function of one member's parameter, gradient, state and hyperparameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from losslab.spec.record import Parameter

State = dict[str, Tensor]
Number = float | Tensor


@dataclass(frozen=True)
class UpdateRule:
    """`update(param, grad, state, step=..., **hyper, **options) -> (param, state)`, without changing its arguments.

    `step` counts from 1. Hyperparameters are floats or tensors that broadcast against `param`, so that one call updates
    a stack of members: param (K, P), every hyperparameter (K, 1). No rule branches on the value of a hyperparameter.
    `options` are plain Python flags (nesterov, amsgrad, ...), the same for all members of a call.
    """

    name: str
    update: Callable[..., tuple[Tensor, State]]
    start: Callable[..., State]  # start(param, **hyper, **options) -> state before the first step
    hyper: Mapping[str, Parameter]  # default, legal domain and search range of each number
    options: Mapping[str, bool]  # flags and their defaults
    torch_name: str  # the class in torch.optim that it equals
    source: str
    renamed: Mapping[str, Any]  # torch's tuple arguments, e.g. {"betas": ("beta1", "beta2")}
