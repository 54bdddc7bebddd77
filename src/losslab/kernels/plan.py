"""The native plan from Python: its structures as numpy records of the same layout, and its two calls."""

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from losslab.kernels.library import library

KINDS = (
    "linear", "relu", "leaky_relu", "gelu", "silu", "tanh", "sigmoid", "dropout", "layer_norm", "batch_norm", "add",
    "embedding", "concat", "select",
)  # fmt: skip
KIND = {name: number for number, name in enumerate(KINDS)}  # enum losslab_layer_kind
DTYPES = {torch.float32: 0, torch.float64: 1}  # enum losslab_dtype
LINE = 64  # bytes that the workspace is aligned to

_pointer, _i4, _i8, _f8 = "<u8", "<i4", "<i8", "<f8"
LAYER = np.dtype(
    [("kind", _i4), ("source", _i4), ("other", _i4), ("unused", _i4), ("in", _i8), ("out", _i8), ("weight", _i8),
     ("bias", _i8), ("constant", _i8), ("extra", _i8), ("first", _i8), ("a", _f8), ("b", _f8)], align=True,
)  # fmt: skip
PLAN = np.dtype(
    [("layers", _pointer), ("columns", _pointer), ("count", _i4), ("dtype", _i4), ("features", _i8), ("outputs", _i8),
     ("parameters", _i8), ("constants", _i8)], align=True,
)  # fmt: skip
MEMBER = np.dtype(
    [("param", _pointer), ("state", _pointer, 4), ("constant", _pointer), ("average", _pointer), ("X", _pointer),
     ("y", _pointer), ("row_weight", _pointer), ("rows", _pointer), ("params", _pointer), ("class_weight", _pointer),
     ("per_class", _pointer), ("hyper", _pointer), ("lr_factor", _pointer), ("clip_norm", _f8), ("clip_value", _f8),
     ("l1", _f8), ("l2", _f8), ("average_share", _f8), ("key", "<u8"), ("done", _i8), ("rowwise", _i4), ("loss", _i4),
     ("rule", _i4), ("options", "<u4"), ("losses", _pointer), ("weights", _pointer), ("broken_step", _i4),
     ("broken_layer", _i4)], align=True,
)  # fmt: skip
EPOCH = np.dtype(
    [("plan", _pointer), ("members", _pointer), ("batch", _pointer), ("penalised", _pointer), ("workspace", _pointer),
     ("count", _i8), ("steps", _i8), ("threads", _i4), ("together", _i4)], align=True,
)  # fmt: skip
FORWARD = np.dtype(
    [("plan", _pointer), ("param", _pointer), ("constant", _pointer), ("X", _pointer), ("output", _pointer),
     ("workspace", _pointer), ("count", _i8), ("rows", _i8), ("shared", _i8), ("threads", _i4), ("unused", _i4)],
    align=True,
)  # fmt: skip


class NativePlan:
    """A network as the interpreter runs it.

    layers: a record of LAYER for each, in order, the last one makes the output. columns: of all `select` layers, one
    after the other. features, outputs: numbers in a row of the input and of the output. parameters, constants: numbers
    of one member.
    """

    def __init__(
        self, layers: Sequence[dict[str, Any]], dtype: torch.dtype, *, features: int, parameters: int,
        constants: int = 0, columns: Sequence[int] = (),
    ) -> None:  # fmt: skip
        self.layers = np.zeros(len(layers), LAYER)
        self.layers["other"] = self.layers["weight"] = self.layers["bias"] = self.layers["constant"] = -1
        for place, layer in enumerate(layers):
            for name, value in layer.items():
                self.layers[place][name] = KIND[value] if name == "kind" else value
        self.columns = np.array([*columns, 0], np.int64)
        self.dtype, self.features, self.outputs = dtype, features, int(self.layers[-1]["out"])
        self.parameters, self.constants = parameters, constants
        self.record = np.zeros((), PLAN)
        self.record[()] = (
            self.layers.ctypes.data, self.columns.ctypes.data, len(layers), DTYPES[dtype], features, self.outputs,
            parameters, constants,
        )  # fmt: skip

    def workspace(self, count: int, rows: int, threads: int) -> Tensor:
        """Memory for `count` members and batches of at most `rows` rows, and for evaluation; reuse it."""
        size = _library().losslab_plan_workspace(self.record.ctypes.data, count, rows, threads)
        whole = torch.empty(size + LINE, dtype=torch.uint8)
        start = -whole.data_ptr() % LINE
        return whole[start : start + size]

    def run(
        self, members: np.ndarray, batch: np.ndarray, penalised: Tensor, workspace: Tensor, threads: int,
        *, together: bool = False,
    ) -> None:  # fmt: skip
        """Makes len(batch) - 1 steps of every member, in place.

        members: (K,) records of MEMBER, whose pointers the caller keeps alive. batch: (steps + 1,) int64: step s has
        `rows[batch[s]:batch[s + 1]]` of each member. penalised: (P,) uint8. together: all threads take a member that is
        left over, however short its steps are.
        """
        call = np.zeros((), EPOCH)
        call[()] = (
            self.record.ctypes.data, members.ctypes.data, batch.ctypes.data, penalised.data_ptr(),
            workspace.data_ptr(), len(members), len(batch) - 1, threads, together,
        )  # fmt: skip
        _library().losslab_plan_run(call.ctypes.data)

    def forward(
        self, param: Tensor, constant: Tensor | None, X: Tensor, output: Tensor, workspace: Tensor, threads: int
    ) -> None:
        """Evaluates members with parameters (K, P) on X, (n, features) or (K, n, features), into output (K, n, O)."""
        call = np.zeros((), FORWARD)
        call[()] = (
            self.record.ctypes.data, param.data_ptr(), 0 if constant is None else constant.data_ptr(), X.data_ptr(),
            output.data_ptr(), workspace.data_ptr(), len(param), X.shape[-2], X.dim() == 2, threads, 0,
        )  # fmt: skip
        _library().losslab_plan_forward(call.ctypes.data)


@cache
def _library() -> ctypes.CDLL:
    loaded = library()
    if loaded is None:
        raise RuntimeError("no compiled kernels here; look at losslab.kernels.library.library() first")
    loaded.losslab_plan_workspace.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int32]
    loaded.losslab_plan_workspace.restype = ctypes.c_int64
    for name in ("losslab_plan_run", "losslab_plan_forward"):
        function = getattr(loaded, name)
        function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_int32
    return loaded
