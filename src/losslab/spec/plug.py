"""Where a faster way to compute a loss plugs into its functional form; without one, the rule runs."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from losslab.spec.record import LossRecord

# Takes one call of a functional form and returns the loss, or None: then the rule runs, which does the checks and finds
# the words for what is wrong. The call: input, target (None where a loss has other tensors), args after them, kwargs.
Way = Callable[[Any, Any, tuple[Any, ...], Mapping[str, Any]], Any]

# What makes a way from a record: kernels fill it in, which stand above this package.
_MAKERS: list[Callable[["LossRecord"], Way | None]] = []


def fill(maker: Callable[["LossRecord"], Way | None]) -> None:
    """Has every form that is made from now on ask `maker` for a faster way."""
    _MAKERS[:] = [maker]


def way_of(record: "LossRecord") -> Way | None:
    return _MAKERS[0](record) if _MAKERS else None
