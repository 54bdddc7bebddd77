"""Below how many elements of the input torch's own operator is faster than a kernel."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from math import inf
from time import perf_counter
from typing import Any

import torch

from losslab.kernels.backend import Backend
from losslab.kernels.library import library, status

# Rounded from times of forward and backward in float32, on one thread with AVX-512. A kernel's gradient comes through
# Python, which costs some microseconds that one operator of torch does not; a loss that is not here has no operator, or
# one that is slower at every size.
BELOW: Mapping[str, int] = {
    "cross_entropy": 64 * 1024,
    "huber_loss": 32 * 1024,
    "mse_loss": 32 * 1024,
    "nll_loss": 64 * 1024,
    "smooth_l1_loss": 32 * 1024,
}
in_use: dict[str, int] = dict(BELOW)

SIZES = tuple(2**power for power in range(9, 22))
CLASSES = 256  # of the rowwise losses
WORK = 4096  # elements in one run: smaller calls are repeated, so that the clock can tell


def below(name: str) -> int:
    return in_use.get(name, 0)


def use(table: Mapping[str, int]) -> None:
    """Takes other crossovers, for this process: a loss's name -> below how many elements torch's operator computes it.

    A loss that is not in the table is given to its kernel at every size. `use(crossover.BELOW)` takes the shipped ones.
    Raises ValueError for a name that has no operator of torch, and for what is not a number of elements.
    """
    from losslab.kernels.native import OPERATORS

    for name, size in table.items():
        if name not in OPERATORS:
            raise ValueError(f"crossover: {name!r} has no operator of torch here; these have: {', '.join(OPERATORS)}")
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise ValueError(f"crossover: {name} = {size!r}; it must be a number of elements, 0 or more")
    for name in OPERATORS:
        in_use[name] = table.get(name, 0)


def measure(sizes: Sequence[int] = SIZES, rounds: int = 15) -> dict[str, int]:
    """Measures on this machine below how many elements torch's operators are faster, uses that, and returns it.

    Forward and backward in float32, with the threads that torch has now; some seconds, on an otherwise idle machine.
    sizes: numbers of elements, rising; each side's time is the shortest of `rounds` runs that take turns. A loss gets
    the first size from which on its kernel was never slower, 0 where it never was, and twice the last size where it was
    slower at that. For this process only: keep the result and pass it to `use`.
    Raises RuntimeError where no kernels are loaded, ValueError for sizes that do not rise or no rounds.
    """
    if library() is None:
        raise RuntimeError(f"crossover: there is nothing to measure: {status()}")
    if not sizes or sizes[0] < 1 or any(a >= b for a, b in pairwise(sizes)) or rounds < 1:
        raise ValueError(f"crossover: sizes = {tuple(sizes)}, rounds = {rounds}; sizes must rise, rounds be 1 or more")
    from losslab.kernels.native import OPERATORS

    functional, checks = import_module("losslab.functional"), import_module("losslab").checks
    before, found = dict(in_use), dict[str, int]()
    try:
        with Backend("auto"), checks("off"), torch.enable_grad():
            for name in OPERATORS:
                found[name] = _crossover(name, getattr(functional, name), sizes, rounds)
    finally:
        in_use.clear()
        in_use.update(before)
    use(found)
    return found


def _crossover(name: str, loss: Callable[..., Any], sizes: Sequence[int], rounds: int) -> int:
    """The first size from which on the kernel is never slower."""
    first, always, never = 2 * sizes[-1], 0, 2 * sizes[-1]  # below which torch's operator is taken
    for size in reversed(sizes):
        call, shortest = _call(name, loss, size), {never: inf, always: inf}
        for _ in range(rounds + 1):  # the first also warms up
            for limit in shortest:
                in_use[name] = limit
                start = perf_counter()
                for _ in range(max(1, WORK // size)):
                    call()
                shortest[limit] = min(shortest[limit], perf_counter() - start)
        if shortest[always] > shortest[never]:
            return first
        first = size
    return 0


def _call(name: str, loss: Callable[..., Any], size: int) -> Callable[[], None]:
    """One step of a loss: forward and backward."""
    from losslab.spec.declare import CATALOGUE

    if CATALOGUE[name].kind == "rowwise":
        classes = min(CLASSES, size)
        input = torch.linspace(-3, 3, size // classes * classes).view(-1, classes).log_softmax(1)
        target = torch.arange(len(input)) % classes
    else:
        input, target = torch.linspace(-3, 3, size), torch.linspace(1, 0, size)
    input.requires_grad_()

    def call() -> None:
        torch.autograd.grad(loss(input, target), input)

    return call
