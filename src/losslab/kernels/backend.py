"""Which code computes a loss or an update: the user's choice, for the whole process or within a block."""

from types import TracebackType
from typing import Literal, get_args

Choice = Literal["auto", "fused", "rule", "torch"]


class _State:
    choice: Choice = "auto"


class Backend:
    """What `backend` returns: as a context manager it gives the earlier choice back at its end."""

    def __init__(self, choice: Choice) -> None:
        self._before = _State.choice
        _State.choice = choice

    def __enter__(self) -> "Backend":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _State.choice = self._before


def backend(choice: Choice) -> Backend:
    """Sets which code computes the losses. The value, the gradient, the errors and the warnings are the same.

    choice: "auto" (the default) takes what is fastest for the loss and its size: torch's own operator for small tensors
    where torch's form is right, the fused kernel for larger ones, and the rule for whatever neither covers (a GPU,
    double backward, forward mode, `torch.func`, complex numbers, gradients of the target or of a loss's parameters).
    "rule" always takes the rule, and switches fused updates and native training off, too.
    "fused" and "torch" take that or raise RuntimeError, which says why it cannot be.
    `losslab.kernels.dispatch.explain(...)` tells what "auto" takes for a call.
    `backend("rule")` holds from now on; `with backend("rule"):` holds within the block.
    Raises ValueError for another choice.
    """
    if choice not in get_args(Choice):
        raise ValueError(f'backend: choice = {choice!r}; it must be "auto", "fused", "rule" or "torch"')
    return Backend(choice)


def chosen() -> Choice:
    """The choice that holds now."""
    return _State.choice
