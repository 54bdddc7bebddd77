"""The forward pass in bfloat16, for a stack as for a module alone.

torch.autocast looks at operators below vmap, where a linear layer is already a product and a sum: the product would be
lowered, and the sum with a float32 bias lifted again. So the layers' own functions are given lowered tensors above it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

LAYERS = frozenset(
    [F.linear, F.bilinear, F.conv1d, F.conv2d, F.conv3d, F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d,
     F.scaled_dot_product_attention, torch.matmul, torch.mm, torch.bmm, torch.addmm, torch.baddbmm, Tensor.matmul,
     Tensor.__matmul__, Tensor.mm, Tensor.bmm]
)  # fmt: skip

EXACT = frozenset(
    [F.batch_norm, F.layer_norm, F.group_norm, F.instance_norm, F.rms_norm, F.softmax, F.log_softmax, F.prelu,
     torch.prelu, torch.softmax, torch.log_softmax, Tensor.softmax, Tensor.log_softmax]
)  # fmt: skip


class Lowered(TorchFunctionMode):
    """Gives the products of a network float32 tensors as `dtype`, and norms and softmax those of `dtype` as float32.

    float64 is left alone, as autocast leaves it.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func not in LAYERS and func not in EXACT:
            return func(*args, **kwargs)
        before, after = (torch.float32, self.dtype) if func in LAYERS else (self.dtype, torch.float32)

        def change(value: Any) -> Any:
            return value.to(after) if isinstance(value, Tensor) and value.dtype == before else value

        return func(*map(change, args), **{name: change(value) for name, value in kwargs.items()})


@contextmanager
def lower(precision: str, device: torch.device) -> Iterator[None]:
    """torch.autocast in that precision ("bfloat16"), which holds under vmap too; "" changes nothing."""
    if not precision:
        yield
        return
    dtype = getattr(torch, precision)
    with torch.autocast(device.type, dtype, cache_enabled=False), Lowered(dtype):
        yield
