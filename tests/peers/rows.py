"""A row: a call of losslab, a call of a peer, and what explains their difference. Both are made, and compared."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

import losslab.functional as F

from .draws import DRAWS

SEEDS = range(10)
ROUNDING = 1e-11
SINGLE = 3e-6


@dataclass(frozen=True)
class Row:
    """ours, peer: what is compared, as code; the inputs are named as in draws.py, whose function is `draw`.

    why: what makes the two differ; "" where nothing does. Then either `same` is the losslab call that gives the peer's
    value, or `within` is how far the two may be apart, value and gradient, relative to the larger.
    gradient: whether gradients are compared, where the peer has one. single: whether the peer computes in float32.
    """

    ours: str
    peer: str
    draw: str
    why: str = ""
    same: str = ""
    within: float = 0.0
    gradient: bool = True
    single: bool = False

    @property
    def loss(self) -> str:
        return re.findall(r"F\.(\w+)", self.ours)[0]


@dataclass(frozen=True)
class Peer:
    """A package. names: imports it, and gives what its calls see. kind: what its calls take, "torch", "numpy" or "jax".

    note: what a reader must know of the calls. single: whether all that it does is of float32.
    """

    package: str
    names: Callable[[], Mapping[str, Any]]
    rows: tuple[Row, ...]
    kind: str = "torch"
    note: str = ""
    single: bool = False


@dataclass(frozen=True)
class Outcome:
    """The largest relative differences over the seeds: of the two calls, and of `same` from the peer.

    None where there is nothing to compare.
    """

    row: Row
    value: float
    slope: float | None
    same: float | None
    fault: str


Result = tuple[Tensor, Tensor | None]


def compare(peer: Peer, names: Mapping[str, Any], row: Row) -> Outcome:
    values, slopes, sames = [], [], []
    for seed in SEEDS:
        inputs = DRAWS[row.draw](torch.Generator().manual_seed(seed))
        theirs = called[peer.kind](row.peer, inputs, names, row.gradient)
        value, slope = differences(by_torch(row.ours, inputs, {}, row.gradient), theirs)
        values.append(value)
        slopes += [slope] if slope is not None else []
        if row.same:
            sames += [d for d in differences(by_torch(row.same, inputs, {}, row.gradient), theirs) if d is not None]
    found = max(values), max(slopes, default=None), max(sames, default=None)
    return Outcome(row, *found, fault(row, *found, SINGLE if row.single or peer.single else ROUNDING))


def fault(row: Row, value: float, slope: float | None, same: float | None, rounding: float) -> str:
    """What is wrong with a row, in words; "" if nothing is."""
    apart = not max(value, slope or 0.0) <= rounding  # so that NaN is apart
    if apart and not row.why:
        return "they differ, and nothing explains it"
    if row.why and not apart:
        return "they agree, and an explanation is given"
    if row.same and not (same is not None and same <= rounding):
        return f"{row.same} is not the same: {same:.1e}"
    if row.why and not row.same and not max(value, slope or 0.0) <= row.within:
        return f"they are further apart than {row.within:.0e}"
    return ""


def differences(ours: Result, theirs: Result) -> tuple[float, float | None]:
    (value, slope), (their_value, their_slope) = ours, theirs
    return relative(value, their_value), None if slope is None or their_slope is None else relative(slope, their_slope)


def relative(a: Tensor, b: Tensor) -> float:
    assert a.shape == b.shape, f"losslab gives the shape {tuple(a.shape)}, the peer {tuple(b.shape)}"
    largest = max(a.abs().max().item(), b.abs().max().item())
    apart = (a - b).abs().max().item()
    return apart / largest if apart else 0.0


def by_torch(code: str, inputs: Mapping[str, Tensor], names: Mapping[str, Any], gradient: bool) -> Result:
    inputs = dict(inputs)
    first = next(iter(inputs))
    inputs[first] = inputs[first].clone().requires_grad_(gradient)
    value = eval(code, {"torch": torch, "F": F, **names, **inputs})
    if not (isinstance(value, Tensor) and value.requires_grad):
        return torch.as_tensor(value).double().detach(), None
    (slope,) = torch.autograd.grad(value.sum(), inputs[first])
    return value.detach().double(), slope


def by_numpy(code: str, inputs: Mapping[str, Tensor], names: Mapping[str, Any], gradient: bool) -> Result:
    arrays = {name: tensor.numpy() for name, tensor in inputs.items()}
    return torch.as_tensor(np.asarray(eval(code, {"np": np, **names, **arrays}))).double(), None


def by_jax(code: str, inputs: Mapping[str, Tensor], names: Mapping[str, Any], gradient: bool) -> Result:
    import jax

    arrays = {name: jax.numpy.asarray(tensor.numpy()) for name, tensor in inputs.items()}
    first = next(iter(arrays))

    def value(x: Any) -> Any:
        return eval(code, {"jnp": jax.numpy, **names, **arrays, first: x})

    slope = jax.grad(lambda x: value(x).sum())(arrays[first]) if gradient else None
    return as_tensor(value(arrays[first])), None if slope is None else as_tensor(slope)


def as_tensor(array: Any) -> Tensor:
    return torch.tensor(np.asarray(array)).double()


called: dict[str, Callable[..., Result]] = {"torch": by_torch, "numpy": by_numpy, "jax": by_jax}
