"""Weights drawn anew: from a seed, without touching the global random state, for any module that can be reset."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy

import torch
from torch import nn
from torch.nn.parameter import is_lazy

ADVICE = "pass a factory (a function that builds the model), or pretrained=True to keep its weights"


@contextmanager
def drawing_from(seed: int) -> Iterator[None]:
    """torch's random numbers come from `seed` inside, and go on outside as if nothing had happened."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        seed_generators(seed)
        yield


def seed_generators(seed: int) -> None:
    """Seeds torch's generators, of the CPU and of CUDA where it is in use: for use inside `drawing_from`."""
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


def check_renewable(template: nn.Module) -> None:
    """Raises ValueError naming the first module or parameter whose weights cannot be drawn anew."""
    for name, parameter in template.named_parameters():
        if is_lazy(parameter):
            raise ValueError(f"the model's parameter {name!r} has no shape yet (a lazy module): {ADVICE}")
        if not parameter.requires_grad:
            raise ValueError(f"the model's parameter {name!r} is frozen, and would be drawn anew: {ADVICE}")
    for name, module in template.named_modules():
        owned = [key for key, parameter in module._parameters.items() if parameter is not None]
        if owned and _reset(module) is None:
            where = f"module {name!r} ({type(module).__name__})" if name else f"class {type(module).__name__}"
            raise ValueError(
                f"the model's {where} owns the parameter {owned[0]!r} and has no reset_parameters(), so its weights "
                f"cannot be drawn anew for each seed: {ADVICE}"
            )
    probe = deepcopy(template)
    with torch.no_grad():
        for parameter in probe.parameters():
            parameter.fill_(torch.nan)
    with drawing_from(0):
        reset(probe)
    for name, parameter in probe.named_parameters():
        if parameter.isnan().any():
            raise ValueError(f"the model's parameter {name!r} is left as it is by reset_parameters(): {ADVICE}")


def renewed(template: nn.Module) -> nn.Module:
    """A copy with weights drawn anew by each submodule's `reset_parameters`. Tied weights stay tied.

    Whatever a model does to its weights after its submodules are built (a custom initialisation) is not done again.
    """
    model = deepcopy(template)
    reset(model)
    return model


def reset(model: nn.Module) -> None:
    """Draws weights in place, inner modules before those that hold them: the order in which they were built."""
    seen: set[int] = set()

    def visit(module: nn.Module) -> None:
        if id(module) in seen:
            return
        seen.add(id(module))
        for child in module.children():
            visit(child)
        own = _reset(module)
        if own is not None:
            own()

    visit(model)


def _reset(module: nn.Module) -> Callable[[], None] | None:
    for name in ("reset_parameters", "_reset_parameters"):  # the second is that of torch's attention and transformer
        method = getattr(module, name, None)
        if callable(method):
            return method
    return None
