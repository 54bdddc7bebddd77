"""Pointwise losses by the compiled kernels: value, gradient and sums of K members in one pass over the data."""

import ctypes
import struct
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from losslab.kernels.library import library, threads

DTYPES = {torch.float32: 0, torch.float64: 1, torch.bfloat16: 2, torch.float16: 3}  # enum losslab_dtype
BY_NOTHING, BY_WEIGHT, BY_COUNT = 0, 1, 2  # enum losslab_divide
CALL = struct.Struct("@5i2q2Pq6P")  # struct losslab_pointwise
ONE_THREAD = 64 * 1024  # numbers below which a kernel takes one thread whatever it is offered
MOST_PARAMS = 8


class Kernel(NamedTuple):
    """A compiled loss: its number in the library, and the parameters that it takes, in order."""

    number: int
    name: str
    params: tuple[str, ...]


class _Memory(threading.local):
    """What a call needs beside the tensors, kept by each thread from call to call."""

    def __init__(self) -> None:
        self.call = ctypes.create_string_buffer(CALL.size)
        self.params = (ctypes.c_double * MOST_PARAMS)()
        self.sums = (ctypes.c_double * 3)()
        self.at = ctypes.addressof(self.call)
        self.params_at, self.sums_at = ctypes.addressof(self.params), ctypes.addressof(self.sums)


_memory = _Memory()


@cache
def _run() -> Callable[[int], int]:
    run = _library().losslab_pointwise_run
    run.argtypes, run.restype = [ctypes.c_void_p], ctypes.c_int32
    return run


def _library() -> ctypes.CDLL:
    loaded = library()
    if loaded is None:
        raise RuntimeError("no compiled kernels here; look at losslab.kernels.library.library() first")
    return loaded


@cache
def kernels() -> dict[str, Kernel]:
    """Every pointwise kernel of the library by name; none where nothing is compiled."""
    loaded = library()
    if loaded is None:
        return {}
    for of in (loaded.losslab_pointwise_name, loaded.losslab_pointwise_params):
        of.argtypes, of.restype = [ctypes.c_int32], ctypes.c_char_p
    found: dict[str, Kernel] = {}
    while (raw := loaded.losslab_pointwise_name(len(found))) is not None:
        names = loaded.losslab_pointwise_params(len(found)).decode()
        name = raw.decode()
        found[name] = Kernel(len(found), name, tuple(names.split(",")) if names else ())
    return found


def find(name: str, **flags: Any) -> Kernel | None:
    """The kernel of a loss with these options, or None: then its rule computes it.

    flags: the options that are neither parameters nor `weight`, and differ from their defaults: full=True of
    poisson_nll_loss. A kernel covers those that it was written for and no other.
    """
    words = [key if flag is True else f"{key}={flag}" for key, flag in sorted(flags.items())]
    return kernels().get(" ".join([name, *words]))


def run(
    kernel: Kernel,
    input: Tensor,
    target: Tensor,
    params: Tensor | Sequence[float],
    *,
    weight: Tensor | None = None,
    mask: Tensor | None = None,
    divide: int = BY_NOTHING,
    gradient: Tensor | None = None,
    value: Tensor | None = None,
    target_shared: bool = False,
    sums: Tensor | None = None,
) -> Tensor:
    """The sums (K, 3) in float64: of the weighted losses, of the weights of what is kept, and how many are kept.

    input (K, N), target (K, N) or (N) if shared: contiguous, floating; target may have another of the four types.
    params: (K, P) in float64, in the order of kernel.params, or P numbers for all members.
    weight (K, N) in the computing type (float64 for such input, else float32), mask (K, N) bool: what has weight 0 or
    is masked has value and gradient 0, whatever its numbers are. gradient (K, N) in the input's type is overwritten by
    the slope times weight over the divisor that `divide` names; value (K, N) in the computing type by the weighted
    losses. Shapes and types are the caller's to check: nothing is looked at here.
    """
    members, count = input.shape
    if not isinstance(params, Tensor):
        params = torch.tensor(params, dtype=torch.float64).expand(members, len(params)).contiguous()
    if sums is None:
        sums = torch.empty(members, 3, dtype=torch.float64)
    _call(
        kernel, input, target, members, count, params.data_ptr(), sums.data_ptr(), weight, mask, divide, gradient,
        value, target_shared,
    )  # fmt: skip
    return sums


def run_one(
    kernel: Kernel,
    input: Tensor,
    target: Tensor,
    params: Sequence[float],
    *,
    weight: Tensor | None = None,
    mask: Tensor | None = None,
    divide: int = BY_NOTHING,
    gradient: Tensor | None = None,
    value: Tensor | None = None,
) -> tuple[float, float, float]:
    """`run` for one member, without a tensor of its own: tensors of any one shape, params and sums are numbers."""
    memory = _memory
    for at, number in enumerate(params):
        memory.params[at] = number
    _call(
        kernel, input, target, 1, input.numel(), memory.params_at, memory.sums_at, weight, mask, divide, gradient,
        value, False,
    )  # fmt: skip
    loss, total, kept = memory.sums
    return loss, total, kept


def _call(
    kernel: Kernel,
    input: Tensor,
    target: Tensor,
    members: int,
    count: int,
    params: int,
    sums: int,
    weight: Tensor | None,
    mask: Tensor | None,
    divide: int,
    gradient: Tensor | None,
    value: Tensor | None,
    target_shared: bool,
) -> None:
    memory = _memory
    CALL.pack_into(
        memory.call, 0, kernel.number, DTYPES[input.dtype], DTYPES[target.dtype], divide,
        1 if members * count < ONE_THREAD else threads(), members, count, input.data_ptr(), target.data_ptr(),
        target_shared, params,
        0 if weight is None else weight.data_ptr(),
        0 if mask is None else mask.data_ptr(),
        0 if value is None else value.data_ptr(),
        0 if gradient is None else gradient.data_ptr(),
        sums,
    )  # fmt: skip
    if _run()(memory.at):
        raise MemoryError(f"{kernel.name}: no memory for the partial sums of {members} x {count} numbers")
