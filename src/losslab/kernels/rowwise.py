"""Rowwise losses by the compiled kernels: value, gradient and sums of K members, bad labels found on the way."""

import ctypes
import struct
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from losslab.kernels.library import library, threads

DTYPES = {torch.float32: 0, torch.float64: 1, torch.bfloat16: 2, torch.float16: 3}  # enum losslab_dtype
BY_NOTHING, BY_WEIGHT, BY_COUNT = 0, 1, 2  # enum losslab_divide
WEIGHT_DIVIDES, TAKES_SOFT, NEEDS_PER_CLASS, TAKES_CLASS_WEIGHT = 1, 2, 4, 8  # enum RowTraits
CALL = struct.Struct("@4i4q3P3q3Pq5Pq")  # struct losslab_rowwise
ONE_THREAD = 64 * 1024  # scores below which a kernel takes one thread whatever it is offered


class Kernel(NamedTuple):
    """A compiled loss: its number in the library, the parameters that it takes, in order, and its traits."""

    number: int
    name: str
    params: tuple[str, ...]
    traits: int


class _Memory(threading.local):
    """What a call needs beside the tensors, kept by each thread from call to call."""

    def __init__(self) -> None:
        self.call = ctypes.create_string_buffer(CALL.size)
        self.at = ctypes.addressof(self.call)


_memory = _Memory()


@cache
def _run() -> Callable[[int], int]:
    loaded = library()
    if loaded is None:
        raise RuntimeError("no compiled kernels here; look at losslab.kernels.library.library() first")
    run = loaded.losslab_rowwise_run
    run.argtypes, run.restype = [ctypes.c_void_p], ctypes.c_int32
    return run


@cache
def kernels() -> dict[str, Kernel]:
    """Every rowwise kernel of the library by name; none where nothing is compiled."""
    loaded = library()
    if loaded is None:
        return {}
    for of in (loaded.losslab_rowwise_name, loaded.losslab_rowwise_params):
        of.argtypes, of.restype = [ctypes.c_int32], ctypes.c_char_p
    loaded.losslab_rowwise_traits.argtypes = [ctypes.c_int32]
    found: dict[str, Kernel] = {}
    while (raw := loaded.losslab_rowwise_name(len(found))) is not None:
        names = loaded.losslab_rowwise_params(len(found)).decode()
        params = tuple(names.split(",")) if names else ()
        found[raw.decode()] = Kernel(len(found), raw.decode(), params, loaded.losslab_rowwise_traits(len(found)))
    return found


def find(name: str) -> Kernel | None:
    """The kernel of a loss, or None: then its rule computes it."""
    return kernels().get(name)


def run(
    kernel: Kernel,
    input: Tensor,
    params: Tensor | Sequence[float],
    sums: Tensor,
    *,
    label: Tensor | None = None,
    soft: Tensor | None = None,
    target_shared: bool = False,
    ignore_index: int | None = None,
    class_weight: Tensor | None = None,
    per_class: Tensor | None = None,
    weight: Tensor | None = None,
    mask: Tensor | None = None,
    divide: int = BY_NOTHING,
    gradient: Tensor | None = None,
    value: Tensor | None = None,
) -> int:
    """The first row, counted through (K, outer, inner), whose label is out of range, or -1: then all is computed.

    input (K, outer, C, inner): inner is 1 where the classes come last. All is contiguous. Computing type below:
    float64 for such input, else float32. label (K, outer, inner) of int64, or soft: distributions, shaped as the input,
    in the computing type; without K if shared. params: (K, P) in float64, in the order of kernel.params, or P numbers
    for all members. class_weight (C), per_class (C) or (K, C), weight (K, outer, inner) in the computing type; mask
    (K, outer, inner) bool. A row that is masked, ignored or of weight 0 has value and gradient 0, whatever its scores
    are; only the last needs a label in range.
    sums (K, 3) in float64 is overwritten by the sum of the weighted losses, the sum of the weights of what is kept
    (class weights included where they divide the mean), and how many rows are kept; gradient, in the input's type and
    possibly the input itself, by the slope times weight over the divisor that `divide` names; value (K, outer, inner),
    in the computing type, by the weighted losses.
    Shapes and types are the caller's to check: nothing else is looked at here. Raises MemoryError.
    """
    members, outer, classes, inner = input.shape
    if not isinstance(params, Tensor):
        params = torch.tensor(params, dtype=torch.float64).expand(members, len(params)).contiguous()
    memory = _memory
    CALL.pack_into(
        memory.call, 0, kernel.number, DTYPES[input.dtype], divide, 1 if input.numel() < ONE_THREAD else threads(),
        members, outer, classes, inner, input.data_ptr(),
        0 if label is None else label.data_ptr(),
        0 if soft is None else soft.data_ptr(),
        target_shared, ignore_index is not None, ignore_index or 0, params.data_ptr(),
        0 if class_weight is None else class_weight.data_ptr(),
        0 if per_class is None else per_class.data_ptr(),
        per_class is not None and per_class.ndim == 2,
        0 if weight is None else weight.data_ptr(),
        0 if mask is None else mask.data_ptr(),
        0 if value is None else value.data_ptr(),
        0 if gradient is None else gradient.data_ptr(),
        sums.data_ptr(), -1,
    )  # fmt: skip
    if _run()(memory.at):
        raise MemoryError(
            f"{kernel.name}: no memory for a part of {members} x {outer * inner} rows of {classes} classes"
        )
    bad: int = CALL.unpack_from(memory.call)[-1]
    return bad
