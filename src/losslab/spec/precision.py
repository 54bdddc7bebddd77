"""In which type a loss is computed, and the rule called in just that."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from losslab.spec.record import LossRecord


def computing_dtype(input: Tensor, target: Tensor) -> torch.dtype:
    """The common dtype of input and a floating target, at least float32."""
    floats = target.is_floating_point() or target.is_complex()
    dtype = torch.promote_types(input.dtype, target.dtype) if floats else input.dtype
    if dtype == torch.complex32:
        return torch.complex64
    return torch.float32 if dtype.itemsize < 4 else dtype


def as_real(value: Any, dtype: torch.dtype) -> Any:
    """A tensor option in the dtype of the computation; numbers as they are."""
    real = {torch.complex64: torch.float32, torch.complex128: torch.float64}.get(dtype, dtype)
    return value.to(real) if isinstance(value, Tensor) else value


def call(record: LossRecord, tensors: Mapping[str, Tensor], options: Mapping[str, Any]) -> Any:
    """The rule, in the precision that was chosen (autocast would choose another).

    tensors: what the rule takes by position, by name (None where left out), and its keyword operands.
    """
    names = record.tensors
    kind = tensors[names[0]].device.type
    autocast = not torch.compiler.is_compiling() and kind != "meta" and torch.is_autocast_enabled(kind)
    keyword = {key: tensor for key, tensor in tensors.items() if key not in names}
    with torch.autocast(kind, enabled=False) if autocast else nullcontext():
        return record.rule(*(tensors.get(name) for name in names), **keyword, **options)
