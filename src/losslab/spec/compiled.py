"""What a compiled loss checks: conditions in its own graph, which stop the program by themselves."""

import torch
from torch import Tensor

from losslab.spec import policy
from losslab.spec.interval import REAL, UNIT, Interval
from losslab.spec.record import LossRecord


def asserted(record: LossRecord, input: Tensor, target: Tensor, domain: Interval) -> None:
    """Puts the ranges of a loss's input and target into the graph; raises RuntimeError where they are left.

    A compiled program looks at no value, so that only what a graph can hold is said: the interval, not where.
    """
    if policy.off() or transformed():
        return  # inside vmap and its like, no condition can be asserted
    if domain == UNIT or record.torch_name is None:
        _assert_within(record.name, "input", input, domain)
    if record.kind == "pointwise" and record.target != "sign":
        _assert_within(record.name, "target", target, UNIT if record.target == "probability" else record.target_domain)


def transformed() -> bool:
    """Whether a torch.func transform is at work where the compiler traces; it asks once, while it traces."""
    return torch._C._functorch.peek_interpreter_stack() is not None


# What torch.compiler.assume_constant_result does; that function imports the compiler, which takes a second.
transformed._dynamo_marked_constant = True  # type: ignore[attr-defined]


def _assert_within(name: str, what: str, value: Tensor, domain: Interval) -> None:
    if domain == REAL or value.is_complex():
        return
    above = value > domain.low if domain.open_low else value >= domain.low
    below = value < domain.high if domain.open_high else value <= domain.high
    low, high = domain.low, domain.high
    text = name + ": " + what + " must lie in [" + str(low) + ", " + str(high) + "], and some values do not"
    torch._assert_async((above & below).all(), text)
