"""One call of a loss kernel through the C interface."""

import ctypes
import struct
import threading
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from losslab.kernels.library import library
from losslab.spec.interval import UNIT, Interval

if TYPE_CHECKING:
    from losslab.kernels.options import Options

DTYPES = {torch.float32: 0, torch.float64: 1, torch.bfloat16: 2, torch.float16: 3}
BY_NOTHING, BY_WEIGHT, BY_COUNT = 0, 1, 2
WEIGHT_DIVIDES, TAKES_SOFT, NEEDS_PER_CLASS, TAKES_CLASS_WEIGHT = 1, 2, 4, 8


# `struct losslab_pointwise` and `struct losslab_rowwise` of the C interface, in the compiler's alignment, written at
# once: setting fields of a ctypes structure one by one would take longer than a small loss.
POINTWISE = struct.Struct("@5iqqPPqPPPPPP")
ROWWISE = struct.Struct("@4i4qPPPqqqPPPqPPPPPq")
SUMS = struct.Struct("@3d")


class Kernel:
    """A compiled loss: its number, the names of its parameters in order, and what it takes."""

    def __init__(self, kind: str, number: int, params: tuple[str, ...], traits: int, run: Callable[..., int]) -> None:
        self.rowwise, self.number, self.params, self.traits, self.run = kind == "rowwise", number, params, traits, run
        self._free: list[tuple[Any, Any, int]] = []

    def memory(self) -> tuple[Any, Any, int]:
        """Memory for the arguments of one call and its three sums, and where the sums are; see `done`."""
        try:
            return self._free.pop()  # atomic, so that two threads never have the same
        except IndexError:
            arguments, sums = (ctypes.c_double * 32)(), (ctypes.c_double * 3)()
            return arguments, sums, ctypes.addressof(sums)

    def done(self, memory: tuple[Any, Any, int]) -> None:
        self._free.append(memory)


@cache
def find(kind: str, name: str) -> Kernel | None:
    """The kernel of a loss (`"focal_loss"`, `"poisson_nll_loss full"`); None where there is none."""
    compiled = library()
    prefix = f"losslab_{kind}_"
    if compiled is None or not hasattr(compiled, f"{prefix}run"):
        return None
    lookup, names, run = (getattr(compiled, prefix + what) for what in ("find", "params", "run"))
    lookup.argtypes, lookup.restype = [ctypes.c_char_p], ctypes.c_int32
    number = lookup(name.encode())
    if number < 0:
        return None
    names.argtypes, names.restype = [ctypes.c_int32], ctypes.c_char_p
    run.argtypes, run.restype = [ctypes.c_void_p], ctypes.c_int32
    traits = 0
    if kind == "rowwise":
        compiled.losslab_rowwise_traits.argtypes = [ctypes.c_int32]
        traits = compiled.losslab_rowwise_traits(number)
    params = names(number).decode()
    return Kernel(kind, number, tuple(params.split(",")) if params else (), traits, run)


class Job:
    """What one call of a kernel reads, and the sums that it gives back.

    Its tensors are contiguous and of the types that the C interface names. weight: of each element, or None.
    by_count: whether the mean divides by the number of elements that are kept instead of their weights.
    moved: where the input as it was given has the classes, if they were put last; else None.
    """

    __slots__ = (
        "by_count", "class_weight", "counted", "ignore", "input", "kernel", "label", "mask", "moved", "options",
        "per_class", "rows", "soft", "target", "total", "value_shape", "weight",
    )  # fmt: skip
    by_count: bool
    kernel: Kernel
    options: "Options"
    input: Tensor
    target: Tensor
    label: Tensor | None
    soft: Tensor | None
    ignore: int | None
    weight: Tensor | None
    mask: Tensor | None
    class_weight: Tensor | None
    per_class: Tensor | None
    rows: tuple[int, int, int]  # of a rowwise loss: rows before the classes, classes, rows after them
    moved: int | None
    value_shape: torch.Size
    total: float
    counted: float

    def run(self, gradient: Tensor | None, value: Tensor | None, weight: Tensor | None, divide: int) -> bool:
        """Fills gradient and value, each where it is given; False where a label is out of range."""
        kernel, input, mask = self.kernel, self.input, self.mask
        memory = kernel.memory()
        arguments, sums, sums_at = memory
        weight_at = 0 if weight is None else weight.data_ptr()
        mask_at = 0 if mask is None else mask.data_ptr()
        value_at = 0 if value is None else value.data_ptr()
        gradient_at = 0 if gradient is None else gradient.data_ptr()
        dtype, threads, params = DTYPES[input.dtype], torch.get_num_threads(), self.options.numbers_at
        fine = True
        if kernel.rowwise:
            label, soft, class_weight, per_class = self.label, self.soft, self.class_weight, self.per_class
            ignore = self.ignore
            ROWWISE.pack_into(
                arguments, 0, kernel.number, dtype, divide, threads, 1, *self.rows, input.data_ptr(),
                0 if label is None else label.data_ptr(), 0 if soft is None else soft.data_ptr(), 0,
                ignore is not None, 0 if ignore is None else ignore, params,
                0 if class_weight is None else class_weight.data_ptr(),
                0 if per_class is None else per_class.data_ptr(), 0, weight_at, mask_at, value_at,
                gradient_at, sums_at, -1,
            )  # fmt: skip
            code = kernel.run(arguments)
            fine = ROWWISE.unpack_from(arguments)[-1] < 0
        else:
            target = self.target
            POINTWISE.pack_into(
                arguments, 0, kernel.number, dtype, DTYPES[target.dtype], divide, threads, 1, input.numel(),
                input.data_ptr(), target.data_ptr(), 0, params, weight_at, mask_at, value_at, gradient_at, sums_at,
            )  # fmt: skip
            code = kernel.run(arguments)
        self.total, weights, kept = SUMS.unpack_from(sums)
        kernel.done(memory)
        if code:
            raise RuntimeError("a kernel found no memory for its sums")
        self.counted = kept if self.by_count else weights
        return fine


@cache
def _bounds() -> Any:
    compiled = library()
    if compiled is None or not hasattr(compiled, "losslab_bounds"):
        return None
    of = ctypes.CFUNCTYPE(None, ctypes.c_int32, ctypes.c_int64, ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)
    return of(("losslab_bounds", compiled))


class _Found(threading.local):
    """Where the least and the largest number are put, kept by each thread from call to call."""

    def __init__(self) -> None:
        self.pair = (ctypes.c_double * 2)()
        self.at = ctypes.addressof(self.pair)


_found = _Found()


def within(numbers: Tensor, domain: Interval) -> bool:
    """Whether all numbers of a contiguous tensor lie in an interval."""
    look = _bounds()
    if look is None:
        return False
    look(DTYPES[numbers.dtype], numbers.numel(), torch.get_num_threads(), numbers.data_ptr(), _found.at)
    low, high = _found.pair
    if domain is UNIT:
        return low >= 0 and high <= 1
    return low in domain and high in domain
