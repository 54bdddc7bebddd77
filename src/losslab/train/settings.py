"""How a member trains beside its loss and its optimiser, and what may be asked of its model."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from losslab.models.architecture import ARCHITECTURE as ARCHITECTURE

SCHEDULES = ("constant", "step", "cosine", "one-cycle")
PRECISIONS = ("", "bfloat16")
SHARES = ("warmup", "ema")  # numbers below 1; the others are not negative


@dataclass(frozen=True)
class Training:
    """Schedule, clipping, penalties and the like; the defaults change nothing, to the last bit.

    Raises ValueError or TypeError in words for a value that cannot be.
    """

    schedule: str = "constant"  # of the learning rate, over all steps of the member
    warmup: float = 0.0  # the share of the steps in which the rate rises from zero
    clip_norm: float = 0.0  # the largest norm of a member's gradient; 0: any
    clip_value: float = 0.0  # the largest size of a number in it; 0: any
    ema: float = 0.0  # decay of the mean of the weights that predictions use; 0: the weights themselves
    l1: float = 0.0  # l1 * sum |w| + l2 / 2 * sum w^2 is added to the loss, over weights with two dimensions or more
    l2: float = 0.0
    patience: int = 0  # epochs without a better validation metric before a member stops, and keeps its best; 0: never
    accumulate: int = 1  # batches in a step, divided by the weight of all of them
    autocast: str = ""  # "bfloat16": the forward pass in it, the loss in float32

    def __post_init__(self) -> None:
        for name, known in (("schedule", SCHEDULES), ("autocast", PRECISIONS)):
            _check_word(name, getattr(self, name), known)
        for name in ("patience", "accumulate"):
            value, least = getattr(self, name), int(name == "accumulate")
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}; got {value!r}")
        for name in ("warmup", "clip_norm", "clip_value", "ema", "l1", "l2"):
            _check_number(name, getattr(self, name))


NAMES = tuple(one.name for one in fields(Training))


def training_of(given: Mapping[str, Any]) -> tuple[Training, dict[str, Any]]:
    """The settings among keyword arguments, None being the default, and what is left of the arguments.

    Raises ValueError for a list of values: those are searched, by `losslab.tune`.
    """
    chosen = {name: value for name, value in given.items() if name in NAMES and value is not None}
    for name, value in chosen.items():
        refuse_several(name, value)
    return Training(**chosen), {name: value for name, value in given.items() if name not in NAMES}


def refuse_several(name: str, value: Any) -> None:
    """Raises ValueError where a list stands for one value: `losslab.fit` trains once."""
    if isinstance(value, list | tuple | set):
        text = f"{name}={value!r}: losslab.fit trains once, with one {name}; losslab.tune(..., {name}=...) searches"
        raise ValueError(f"{text} several")


def _check_word(name: str, value: object, known: tuple[str, ...]) -> None:
    if value in known:
        return
    near = get_close_matches(str(value), known, n=1)
    names = ", ".join(repr(one) for one in known)
    raise ValueError(f"{name} must be one of {names}; got {value!r}{f', did you mean {near[0]!r}?' if near else ''}")


def _check_number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not 0 <= value < (1 if name in SHARES else math.inf):
        raise ValueError(
            f"{name} must be {'in [0, 1)' if name in SHARES else 'finite and not negative'}; got {value:g}"
        )
