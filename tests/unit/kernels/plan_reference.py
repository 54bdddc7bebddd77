"""The native plan's layers by torch's functions and autograd, and a caller of the plan: for tests."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from losslab.kernels.library import library
from losslab.kernels.plan import MEMBER, NativePlan
from losslab.train.native.draws import kept, layer_key

Layer = dict[str, Any]


def network(*specs: Layer, features: int) -> tuple[list[Layer], int, int]:
    """Layers with sizes and places filled in, and how many parameters and constants they have.

    A layer reads the one before unless it says `source`; `out` is its source's width unless it says another.
    """
    widths, layers, parameters, constants = [features], [], 0, 0
    for place, spec in enumerate(specs):
        layer = {"source": place, **spec}
        layer["in"] = widths[layer["source"]]
        layer.setdefault("out", layer["in"])
        kind, out = layer["kind"], layer["out"]
        levels = {"linear": layer["in"], "embedding": layer.get("extra", 0), "layer_norm": 1, "batch_norm": 1}
        if kind in levels and not layer.pop("plain", False):
            layer["weight"], parameters = parameters, parameters + levels[kind] * out
            if kind != "embedding" and not layer.pop("unbiased", False):
                layer["bias"], parameters = parameters, parameters + out
        if kind == "batch_norm":
            layer["constant"], constants = constants, constants + 2 * out
        widths.append(out)
        layers.append(layer)
    return layers, parameters, constants


def output_of(
    layers: Sequence[Layer], columns: Sequence[int], param: Tensor, constant: Tensor, x: Tensor, *, train: bool,
    key: int = 0, step: int = 0,
) -> Tensor:  # fmt: skip
    """What a member's network gives for rows x (B, features); running statistics are updated in `constant`."""
    values = [x]

    def part(layer: Layer, name: str, *shape: int) -> Tensor | None:
        at = layer.get(name, -1)
        return None if at < 0 else param[at : at + int(np.prod(shape))].reshape(shape)

    for layer in layers:
        source, out, a = values[layer["source"]], layer["out"], layer.get("a", 0.0)
        other = values[layer.get("other", 0)]
        bias = part(layer, "bias", out)
        match layer["kind"]:
            case "linear":
                value = F.linear(source, part(layer, "weight", out, layer["in"]), bias)
            case "gelu":
                value = F.gelu(source, approximate="tanh" if a else "none")
            case "leaky_relu":
                value = F.leaky_relu(source, a)
            case "relu" | "silu" | "tanh" | "sigmoid" as name:
                value = getattr(torch, name, None)(source) if name != "silu" else F.silu(source)
            case "dropout":
                mask = kept([layer_key(key, step, layer.get("extra", 0))], source.numel(), a, x.device).reshape(
                    source.shape
                )
                value = torch.where(mask, source / (1 - a), 0.0) if train else source
            case "layer_norm":
                value = F.layer_norm(source, (out,), part(layer, "weight", out), bias, a)
            case "batch_norm":
                mean, variance = constant[layer["constant"] :][: 2 * out].reshape(2, out)
                value = F.batch_norm(source, mean, variance, part(layer, "weight", out), bias, train, layer["b"], a)
            case "add":
                value = source + other
            case "concat":
                value = torch.cat([source, other], 1)
            case "select":
                value = source[:, list(columns[layer["first"] : layer["first"] + out])]
            case "embedding":
                value = F.embedding(source[:, 0].long(), part(layer, "weight", layer["extra"], out))
        values.append(value)
    return values[-1]


@dataclass
class Native:
    """Members of one plan, with the arrays that its records point to."""

    layers: list[Layer]
    param: Tensor  # (K, P)
    constant: Tensor  # (K, constants)
    X: Tensor
    y: Tensor
    rows: Tensor  # (K, steps * batch)
    columns: Sequence[int] = ()
    rowwise: bool = False
    loss: str = "mse_loss"
    rule: str = "sgd"
    hyper: dict[str, float] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)  # row_weight, lr_factor, average, class_weight
    numbers: dict[str, float] = field(default_factory=dict)  # l1, l2, clip_norm, clip_value, average_share, done, key

    def run(self, batch: Sequence[int], threads: int = 1, penalised: Tensor | None = None) -> np.ndarray:
        """Makes the steps; returns the records."""
        kernels, dtype = library(), self.param.dtype
        names = kernels.losslab_update_hyper
        names.restype, names.argtypes = ctypes.c_char_p, [ctypes.c_int32]
        rule = kernels.losslab_update_find(self.rule.encode())
        find = kernels.losslab_rowwise_find if self.rowwise else kernels.losslab_pointwise_find
        hyper = np.array([self.hyper.get(name, 0.0) for name in names(rule).decode().split(",")])
        params, steps = np.zeros(8), len(batch) - 1
        self.state = torch.zeros(4, *self.param.shape, dtype=dtype)
        self.losses, self.weights = np.full((2, len(self.param), steps), np.nan)
        members = np.zeros(len(self.param), MEMBER)
        for k, member in enumerate(members):
            member["param"], member["constant"] = self.param[k].data_ptr(), self.constant[k].data_ptr()
            member["state"] = [state[k].data_ptr() for state in self.state]
            member["X"], member["y"], member["rows"] = self.X.data_ptr(), self.y.data_ptr(), self.rows[k].data_ptr()
            member["params"], member["hyper"] = params.ctypes.data, hyper.ctypes.data
            member["clip_norm"] = member["clip_value"] = np.inf
            for name, value in self.tensors.items():
                member[name] = value.data_ptr() if name != "average" else value[k].data_ptr()
            for name, number in self.numbers.items():
                member[name] = number
            member["rowwise"], member["rule"], member["loss"] = self.rowwise, rule, find(self.loss.encode())
            member["losses"], member["weights"] = self.losses[k].ctypes.data, self.weights[k].ctypes.data
        plan = self.plan()
        memory = plan.workspace(len(members), int(np.diff(batch).max()), threads).fill_(255)  # NaN everywhere
        if penalised is None:
            penalised = torch.zeros(self.param.shape[1], dtype=torch.uint8)
        plan.run(members, np.array(batch, np.int64), penalised, memory, threads, together=True)
        return members

    def plan(self) -> NativePlan:
        sizes = {"features": self.X.shape[1], "parameters": self.param.shape[1], "constants": self.constant.shape[1]}
        return NativePlan(self.layers, self.param.dtype, columns=self.columns, **sizes)
