"""The update rules as kernels: a step of K members in one pass over memory, in place."""

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from losslab.kernels.library import library, threads

DTYPES = {torch.float32: 0, torch.float64: 1}  # as enum losslab_dtype says
MOST_STATES = 4


class _Update(ctypes.Structure):
    """struct losslab_update"""

    _fields_ = (
        ("rule", ctypes.c_int32), ("dtype", ctypes.c_int32), ("threads", ctypes.c_int32), ("options", ctypes.c_uint32),
        ("members", ctypes.c_int64), ("count", ctypes.c_int64), ("param", ctypes.c_void_p),
        ("gradient", ctypes.c_void_p), ("state", ctypes.c_void_p * MOST_STATES), ("stride", ctypes.c_int64),
        ("hyper", ctypes.c_void_p), ("step", ctypes.c_void_p), ("lr_factor", ctypes.c_void_p),
    )  # fmt: skip


@dataclass(frozen=True)
class Kernel:
    """A rule that was compiled, and the order in which it takes its numbers, flags and states."""

    name: str
    number: int
    hyper: tuple[str, ...]
    options: tuple[str, ...]
    states: tuple[str, ...]

    def bits(self, options: Mapping[str, bool | int]) -> int:
        """The options that are on, the first as the lowest bit."""
        return sum(1 << place for place, name in enumerate(self.options) if options.get(name))


@cache
def find(rule: str) -> Kernel | None:
    """The kernel of the rule of that name; None where there is none, or no compiled library."""
    compiled = library()
    if compiled is None:
        return None
    number = compiled.losslab_update_find(rule.encode())
    if number < 0:
        return None
    return Kernel(rule, number, *(_names(compiled, part, number) for part in ("hyper", "options", "states")))


def names() -> list[str]:
    """Every rule that has a kernel here."""
    found: list[str] = []
    compiled = library()
    while compiled is not None and (name := _text(compiled, "name", len(found))):
        found.append(name)
    return found


def takes(rows: Tensor) -> bool:
    """Whether kernels update such rows (K, P): on the CPU, of a type that they compute in, each row without gaps."""
    return rows.is_cpu and rows.dtype in DTYPES and rows.dim() == 2 and rows.stride(1) == 1


class Update:
    """The step of some members, made again and again on the same state.

    state: tensors (K, P) without gaps, in the order of `kernel.states`, None where the rule keeps none; hyper: (K, H),
    float64; options: see `Kernel.bits`. They are held, and read and written where they are at each call. Raises
    ValueError for a state that does not fit, RuntimeError where no kernels were compiled.
    """

    def __init__(self, kernel: Kernel, state: Sequence[Tensor | None], hyper: Tensor, options: int = 0) -> None:
        compiled = library()
        if compiled is None:
            raise RuntimeError("no kernels were compiled for this machine; use the rule")
        members = len(hyper)
        self._made_of = kernel, state, hyper, options
        self._run = compiled.losslab_update_run
        self._state, self._hyper = tuple(state), hyper.double().contiguous()
        self._numbers = torch.empty(2, members, dtype=torch.float64)  # the steps, and the factors on lr
        kept = [one for one in self._state if one is not None]
        self._like: Tensor | None = kept[0] if kept else None
        for one in kept:
            if not takes(one) or not one.is_contiguous() or one.shape != (members, kept[0].shape[1]):
                raise ValueError(
                    f"{kernel.name}: a state of shape {tuple(one.shape)}, {one.dtype}, for {members} members; it must "
                    f"have a row without gaps for each, of float32 or float64, on the CPU"
                )
        self._step, self._factor = self._numbers
        self._call = _Update(
            rule=kernel.number, options=options, members=members, hyper=self._hyper.data_ptr(),
            step=self._step.data_ptr(),
        )  # fmt: skip
        self._call.state[: len(self._state)] = [None if one is None else one.data_ptr() for one in self._state]
        self._argument = ctypes.byref(self._call)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy is prepared anew: addresses belong to the tensors of this one."""
        return Update, self._made_of

    def __call__(self, param: Tensor, gradient: Tensor, step: Tensor, lr_factor: Tensor | None = None) -> None:
        """Changes param (K, P) and the state, from gradient (K, P) at step (K,), counted from 1.

        lr_factor (K,), or None: of a schedule, on the hyperparameter lr. Raises ValueError where the shapes, types or
        layouts of param, gradient and state differ.
        """
        self._check(param, gradient)
        call, shape = self._call, param.shape
        self._step.copy_(step)
        if lr_factor is not None:
            self._factor.copy_(lr_factor)
        call.lr_factor = None if lr_factor is None else self._factor.data_ptr()
        call.dtype, call.threads = DTYPES[param.dtype], threads()
        call.count, call.stride = shape[1], param.stride(0)
        call.param, call.gradient = param.data_ptr(), gradient.data_ptr()
        self._run(self._argument)

    def _check(self, param: Tensor, gradient: Tensor) -> None:
        like, strides = param if self._like is None else self._like, param.stride()
        alike = param.shape == gradient.shape == like.shape and param.dtype == gradient.dtype == like.dtype
        alike = alike and strides == gradient.stride() and param.is_cpu and gradient.is_cpu and strides[1] == 1
        if not alike or (self._like is None and not (param.dtype in DTYPES and len(param) == self._call.members)):
            raise ValueError(
                f"parameters {tuple(param.shape)} {param.dtype}, gradient {tuple(gradient.shape)} {gradient.dtype}, "
                f"state {tuple(like.shape)} {like.dtype} of {self._call.members} members; all must be alike, on the "
                f"CPU, with rows without gaps, as far apart in both"
            )


def run(
    kernel: Kernel,
    param: Tensor,
    gradient: Tensor,
    state: Sequence[Tensor | None],
    hyper: Tensor,
    step: Tensor,
    options: int = 0,
    lr_factor: Tensor | None = None,
) -> None:
    """One step in place: see `Update`."""
    Update(kernel, state, hyper, options)(param, gradient, step, lr_factor)


def _names(compiled: ctypes.CDLL, part: str, number: int) -> tuple[str, ...]:
    return tuple(_text(compiled, part, number).split(","))


def _text(compiled: ctypes.CDLL, part: str, number: int) -> str:
    function = getattr(compiled, f"losslab_update_{part}")
    function.restype = ctypes.c_char_p
    found = function(number)
    return found.decode() if found else ""
