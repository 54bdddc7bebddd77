"""Rows of hard cases: a call as data, what is right, what the pinned torch gives, and the call as code."""

import json
import math
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

import losslab.functional
import losslab.nn
from losslab.catalog import CATALOGUE


@dataclass(frozen=True)
class Gives:
    """A value and the gradient of its sum; None where it is not looked at."""

    value: Any
    gradient: Any = None
    warns: str = ""  # part of a warning that comes with it


@dataclass(frozen=True)
class Refuses:
    """An error; `words` is a part of its text."""

    words: str


@dataclass(frozen=True)
class Full:
    """A tensor of one number, in the row's dtype."""

    shape: tuple[int, ...]
    number: float


@dataclass(frozen=True)
class Row:
    """One call of a loss: nested lists are tensors, those of ints stay whole, others have `dtype`.

    right: what losslab must give. torch: what the pinned torch gives; None where it is the same or has no such loss.
    issue: of torch's, where it is wrong or is asked for more. why: the difference in a sentence.
    way: how the loss is called, a key of WAYS. of: the number of the argument by which the gradient is taken.
    policy: whether the difference is a choice, not a defect. compatible: whether `torch_compatible()` ends it.
    pending: what losslab gives instead of the right thing, until it is mended.
    """

    id: str
    loss: str
    args: tuple[Any, ...]
    right: Gives | Refuses
    torch: Gives | Refuses | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    issue: str = ""
    why: str = ""
    dtype: str = "float64"
    tolerance: float = 1e-12
    of: int = 0
    way: str = "eager"
    policy: bool = False
    compatible: bool = False
    pending: str = ""

    @property
    def torch_name(self) -> str | None:
        return CATALOGUE[self.loss].torch_name


def eager(row: Row, library: Any) -> Callable[..., Tensor]:
    return function(row, library)


def compiled(row: Row, library: Any) -> Callable[..., Tensor]:
    torch.compiler.reset()
    return torch.compile(function(row, library), backend="aot_eager", fullgraph=True)


def inductor(row: Row, library: Any) -> Callable[..., Tensor]:
    torch.compiler.reset()
    return torch.compile(function(row, library))


def autocast(row: Row, library: Any) -> Callable[..., Tensor]:
    inner = function(row, library)

    def call(*args: Any, **options: Any) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return inner(*args, **options)

    return call


def module(row: Row, library: Any) -> Callable[..., Tensor]:
    """The options go to the module's constructor."""
    kind = getattr(torch.nn if library is torch else losslab.nn, CATALOGUE[row.loss].module_name)
    return lambda *args, **options: kind(**options)(*args)


TYPED = re.compile(r"(\w+) ([\[0-9].*)")  # "int32 [1]": a tensor of a type of its own

WAYS: dict[str, Callable[[Row, Any], Callable[..., Tensor]]] = {
    "eager": eager,
    "compiled": compiled,
    "inductor": inductor,
    "autocast": autocast,
    "module": module,
}
SPELLED = {
    "eager": "F.{loss}({args})",
    "compiled": 'torch.compile(F.{loss}, backend="aot_eager")({args})',
    "inductor": "torch.compile(F.{loss})({args})",
    "autocast": 'with torch.autocast("cpu"): F.{loss}({args})',
    "module": "nn.{module}({options})({tensors})",
}


def function(row: Row, library: Any) -> Callable[..., Tensor]:
    found: Callable[..., Tensor] = (
        getattr(torch.nn.functional, str(row.torch_name)) if library is torch else getattr(losslab.functional, row.loss)
    )
    return found


def outcome(row: Row, library: Any, way: str = "") -> Gives | Refuses:
    """What losslab (`library` is losslab) or torch makes of the row."""
    tensors = [made(arg, row.dtype) for arg in row.args]
    options = {key: made(value, row.dtype) for key, value in row.options.items()}
    tensors[row.of].requires_grad_()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            value = WAYS[way or row.way](row, library)(*tensors, **options)
            (gradient,) = torch.autograd.grad(value.sum(), tensors[row.of])
        except (ValueError, TypeError, RuntimeError, IndexError) as error:
            return Refuses(f"{type(error).__name__}: {error}")
    return Gives(value.detach(), gradient, " / ".join(str(w.message) for w in seen))


def made(data: Any, dtype: str) -> Any:
    """A list as a new tensor, anything else as it is."""
    if isinstance(data, str) and (typed := TYPED.fullmatch(data)):
        return torch.tensor(json.loads(typed[2])).to(getattr(torch, typed[1]))
    if not isinstance(data, Full | list):
        return data
    found = torch.full(data.shape, data.number, dtype=torch.float64) if isinstance(data, Full) else tensor(data)
    return found.to(getattr(torch, dtype)) if found.is_floating_point() else found


def tensor(data: Any) -> Tensor:
    """Whole numbers as labels, others without rounding."""
    found = torch.tensor(data)
    return torch.tensor(data, dtype=torch.float64) if found.is_floating_point() else found


def unlike(found: Gives | Refuses, wanted: Gives | Refuses, tolerance: float) -> str:
    """In words what is not as wanted; empty where all is."""
    if isinstance(wanted, Refuses) or isinstance(found, Refuses):
        if isinstance(wanted, Refuses) and isinstance(found, Refuses):
            return "" if wanted.words in found.words else f"the error is {found.words!r}, without {wanted.words!r}"
        return f"{shown(found)} in place of {shown(wanted)}"
    if wanted.warns not in found.warns:
        return f"no warning with {wanted.warns!r}"
    for what in ("value", "gradient"):
        right, here = getattr(wanted, what), getattr(found, what)
        if right is not None and not close(here, right, tolerance):
            return f"the {what} is {numbers(here)} in place of {numbers(right)}"
    return ""


def close(found: Tensor, wanted: Any, tolerance: float) -> bool:
    wanted = made(wanted if isinstance(wanted, Full) else tensor(wanted), "float64")
    if isinstance(wanted, Tensor) and wanted.shape != found.shape:
        return False
    return torch.allclose(found.double(), wanted.double(), rtol=tolerance, atol=0.0, equal_nan=True)


def shown(outcome: Gives | Refuses) -> str:
    """For a page: numbers, or the beginning of an error's text."""
    if isinstance(outcome, Refuses):
        return f"raises: {outcome.words}"
    text = numbers(outcome.value) if outcome.value is not None else ""
    slope = f"gradient {numbers(outcome.gradient)}" if outcome.gradient is not None else ""
    warning = f'warns: "{outcome.warns}"' if outcome.warns else ""
    return "; ".join(part for part in (text, slope, warning) if part)


def numbers(data: Any) -> str:
    if isinstance(data, Full):
        return f"{data.number:g} everywhere"
    if isinstance(data, Tensor):
        data = data.tolist()
    if isinstance(data, list | tuple):
        return f"[{', '.join(numbers(one) for one in data)}]"
    return f"{data:.10g}" if isinstance(data, float) else str(data)


def code(row: Row) -> str:
    """The call, as a person would write it."""
    tensors = [spelled(arg) for arg in row.args]
    options = [f"{key}={spelled(value)}" for key, value in row.options.items()]
    return SPELLED[row.way].format(
        loss=row.loss,
        module=CATALOGUE[row.loss].module_name,
        args=", ".join(tensors + options),
        tensors=", ".join(tensors),
        options=", ".join(options),
    )


def spelled(data: Any) -> str:
    if isinstance(data, Full):
        return f"full({data.shape}, {literal(data.number)})"
    if isinstance(data, list):
        return f"tensor({shortened(data)})"
    if isinstance(data, str) and (typed := TYPED.fullmatch(data)):
        return f"tensor({typed[2]}, dtype=torch.{typed[1]})"
    return repr(data)


def shortened(data: list[Any]) -> str:
    """The inside of a tensor; a long row of one number in short."""
    if len(data) > 6 and all(one == data[0] for one in data):
        return f"[{literal(data[0])}] * {len(data)}"
    return literal(data)


def literal(data: Any) -> str:
    if isinstance(data, list):
        return f"[{', '.join(map(literal, data))}]"
    if isinstance(data, float) and math.isfinite(data):
        return repr(data) if data != int(data) or abs(data) >= 1e6 else f"{int(data)}."
    return repr(data)
