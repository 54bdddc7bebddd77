"""torch's fused kernels: one pass over memory for a whole update, in place, member by member.

The formulas are those of the rules; sums and roots are rounded in another order, so that a parameter may differ in its
last digits (relative 1e-6 of a step, in float32).
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from losslab.optim.rule import State, UpdateRule

KERNELS: Mapping[str, Callable[..., None]] = {"adam": torch._fused_adam_, "adamw": torch._fused_adamw_}
DTYPES = (torch.float32, torch.float64)


def has_fused(rule: UpdateRule, param: Tensor) -> bool:
    """Whether torch has a fused kernel for the rule, on the parameter's device and in its type."""
    return rule.name in KERNELS and param.device.type in ("cpu", "cuda") and param.dtype in DTYPES


def update_in_place(
    rule: UpdateRule, param: Tensor, grad: Tensor, state: State, *, step: Tensor, values: Mapping[str, Any]
) -> None:
    """Updates param (K, P) and state in place, from grad (K, P) at step (K, 1).

    values: hyperparameters, numbers or tensors (K, 1), and options; what is left out has its default.
    """
    given = {**rule.defaults, **values}
    options = {name: bool(given[name]) for name in ("amsgrad", "maximize")}
    moments = ("exp_avg", "exp_avg_sq", *["max_exp_avg_sq"] * options["amsgrad"])
    for k in range(len(param)):
        numbers = {name: _own(given[name], k) for name in ("lr", "beta1", "beta2", "weight_decay", "eps")}
        kept = [[state[name][k]] for name in moments]
        largest: list[list[Tensor]] = [] if options["amsgrad"] else [[]]
        KERNELS[rule.name]([param[k]], [grad[k]], *kept, *largest, [step[k]], **numbers, **options)


def _own(value: Any, k: int) -> float:
    return float(value[k]) if isinstance(value, Tensor) and value.numel() > 1 else float(value)
