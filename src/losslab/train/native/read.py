"""Reads a module as a list of layers, or says in words why it cannot be."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as torch_module

from losslab.models.codes import Codes, LinearOfCodes
from losslab.models.resmlp import ResidualBlock
from losslab.train.native.layers import Layer, UnreadableError, Values

DTYPES = (torch.float32, torch.float64)
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
GLOBAL_HOOKS = ("_global_forward_hooks", "_global_forward_pre_hooks", "_global_backward_hooks")


class _Known(Exception):  # noqa: N818 (no error: the reading begins again with what is known now)
    def __init__(self, features: int) -> None:
        self.features = features


class Reader:
    """The layers of a module so far. Values are given by number; see `Layer`."""

    def __init__(self, module: nn.Module, features: int | None, flat: bool) -> None:
        self.names = {id(parameter): name for name, parameter in module.named_parameters()}
        self.buffers = {id(buffer): name for name, buffer in module.named_buffers()}
        self.values = Values([features], [flat])
        self.layers: list[Layer] = []
        self.used: set[str] = set()
        self.drops = 0
        self.column = False  # whether the output is (rows,), one column without its dimension

    def add(self, kind: str, source: int, out: int | None = None, *, inplace: bool = False, **more: Any) -> int:
        """A layer more; returns its value."""
        if self.column:
            raise UnreadableError("it goes on with a value of one dimension")
        source = self.values.latest(source)
        features, flat = self.values.features[source], self.values.flat[source]
        out = features if out is None else out
        for name in (more.get("weight"), more.get("bias")):
            if name and name in self.used:
                raise UnreadableError(f"its parameter {name!r} is used twice")
            self.used.add(name or "")
        self.layers.append(Layer(kind, source, features or 0, out or 0, **more))
        self.values.features.append(out)
        self.values.flat.append(flat)
        made = len(self.layers)
        if inplace:
            self.values.now[source] = made
        return made

    def need(self, source: int, features: int, what: str) -> None:
        """Raises UnreadableError where a value is not (rows, features)."""
        source = self.values.latest(source)
        if not self.values.flat[source]:
            raise UnreadableError(f"{what} is given values of more than two dimensions")
        known = self.values.features[source]
        if known is None:
            raise _Known(features)
        if known != features:
            raise UnreadableError(f"{what} takes {features} features and is given {known}")

    def module(self, module: nn.Module, name: str, source: int) -> int:
        """What a module makes of a value."""
        read = MODULES.get(type(module))
        what = f"layer {name} ({type(module).__name__})" if name else type(module).__name__
        if read is not None:
            return read(self, module, source, what)
        if is_plain_sequence(module):
            for child, part in module._modules.items():  # named_children() leaves out one that comes again
                if part is not None:
                    source = self.module(part, f"{name}.{child}".lstrip("."), source)
            return source
        if not type(module).__module__.startswith("torch.nn.") and (type(module).forward is not nn.Module.forward):
            from losslab.train.native.trace import read_traced  # tracing takes a moment to import

            return read_traced(self, module, name, source)
        raise UnreadableError(f"{what} is unknown to the native engine")

    def own(self, parameter: Any) -> str:
        return "" if parameter is None else self.names[id(parameter)]

    def select(self, columns: Iterable[int], source: int) -> int:
        columns = tuple(columns)
        return self.add("select", source, len(columns), columns=columns)


def is_plain_sequence(module: nn.Module) -> bool:
    return isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward


def read(module: nn.Module, shape: tuple[int, ...] | None = None) -> tuple[Reader, int]:
    """The layers, and the value that is the output. shape: of one row of the input, where it is known.

    Raises UnreadableError.
    """
    check(module)
    features, flat = None, shape is None or len(shape) == 1
    if shape is not None:
        features = int(torch.Size(shape).numel())
    for _ in range(2):
        reader = Reader(module, features, flat)
        try:
            output = reader.values.latest(reader.module(module, "", 0))
        except _Known as known:
            features = known.features
            continue
        if reader.values.features[output] is None:
            break
        if not reader.values.flat[output]:
            raise UnreadableError("its output has more than two dimensions")
        if output != len(reader.layers):
            raise UnreadableError("its output is not what its last layer makes")
        unused = set(reader.names.values()) - reader.used
        if unused:
            raise UnreadableError(f"its parameter {min(unused)!r} is not used")
        return reader, output
    raise UnreadableError("how many features it takes cannot be told")


def check(module: nn.Module) -> None:
    """Raises UnreadableError for what would be lost: hooks, tied or frozen parameters, types that it has not."""
    if any(getattr(torch_module, name, None) for name in GLOBAL_HOOKS):
        raise UnreadableError("torch has hooks on all modules")
    for name, part in module.named_modules():
        what = f"layer {name} ({type(part).__name__})" if name else type(part).__name__
        if any(getattr(part, hooks, None) for hooks in HOOKS):
            raise UnreadableError(f"{what} has a hook")
        if "forward" in vars(part):
            raise UnreadableError(f"{what} has a forward of its own")
        owned = [key for key, parameter in part._parameters.items() if parameter is not None]
        if (owned or part._buffers) and type(part) not in MODULES:
            known = "is unknown to the native engine" if not owned or not _custom(part) else "has parameters of its own"
            raise UnreadableError(f"{what} {known}")
    seen: dict[int, str] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        if id(parameter) in seen:
            raise UnreadableError(f"its parameters {seen[id(parameter)]!r} and {name!r} are one, shared by two layers")
        seen[id(parameter)] = name
        if not parameter.requires_grad:
            raise UnreadableError(f"its parameter {name!r} is frozen")
        if parameter._backward_hooks or getattr(parameter, "_post_accumulate_grad_hooks", None):
            raise UnreadableError(f"its parameter {name!r} has a hook")
        if parameter.dtype not in DTYPES:
            raise UnreadableError(f"its parameter {name!r} is {str(parameter.dtype).removeprefix('torch.')}")
    storages = [parameter.untyped_storage().data_ptr() for parameter in module.parameters() if parameter.numel()]
    if len(set(storages)) < len(storages) and _overlap(module):
        raise UnreadableError("two of its parameters share their memory")


def _custom(part: nn.Module) -> bool:
    return not type(part).__module__.startswith("torch.")


def _overlap(module: nn.Module) -> bool:
    spans = sorted(
        (p.data_ptr(), p.data_ptr() + p.numel() * p.element_size()) for p in module.parameters() if p.numel()
    )
    return any(second[0] < first[1] for first, second in pairwise(spans))


def _linear(reader: Reader, module: Any, source: int, what: str) -> int:
    reader.need(source, module.in_features, what)
    weight, bias = reader.own(module.weight), reader.own(module.bias)
    return reader.add("linear", source, module.out_features, weight=weight, bias=bias)


def _activation(kind: str, number: Callable[[Any], float] = lambda module: 0.0) -> Any:
    def read(reader: Reader, module: Any, source: int, what: str) -> int:
        return reader.add(kind, source, inplace=bool(getattr(module, "inplace", False)), number=number(module))

    return read


def _leaky(reader: Reader, module: Any, source: int, what: str) -> int:
    if not module.negative_slope >= 0:  # its derivative is read off the sign of the output
        raise UnreadableError(f"{what} has the slope {module.negative_slope:g} below 0")
    return reader.add("leaky_relu", source, inplace=module.inplace, number=module.negative_slope)


def _dropout(reader: Reader, module: Any, source: int, what: str) -> int:
    if module.p >= 1:
        raise UnreadableError(f"{what} drops everything")
    made = reader.add("dropout", source, inplace=module.inplace, extra=reader.drops, number=module.p)
    reader.drops += 1
    return made


def _layer_norm(reader: Reader, module: Any, source: int, what: str) -> int:
    if len(module.normalized_shape) != 1:
        raise UnreadableError(f"{what} goes over {len(module.normalized_shape)} dimensions")
    reader.need(source, module.normalized_shape[0], what)
    weight, bias = reader.own(module.weight), reader.own(module.bias)
    return reader.add("layer_norm", source, weight=weight, bias=bias, number=module.eps)


def _batch_norm(reader: Reader, module: Any, source: int, what: str) -> int:
    reader.need(source, module.num_features, what)
    if module.running_mean is None:
        raise UnreadableError(f"{what} keeps no running statistics")
    if module.momentum is None:
        raise UnreadableError(f"{what} has momentum=None, a mean over all batches")
    buffers = [reader.buffers[id(one)] for one in (module.running_mean, module.running_var, module.num_batches_tracked)]
    return reader.add(
        "batch_norm", source, weight=reader.own(module.weight), bias=reader.own(module.bias),
        constants=tuple(buffers[:2]), counter=buffers[2], number=module.eps, second=module.momentum,
    )  # fmt: skip


def _embedding(reader: Reader, table: Any, source: int, what: str) -> int:
    if table.padding_idx is not None or table.max_norm is not None or table.scale_grad_by_freq or table.sparse:
        raise UnreadableError(f"{what} has an embedding with options unknown to the native engine")
    return reader.add(
        "embedding", source, table.embedding_dim, weight=reader.own(table.weight), extra=table.num_embeddings
    )


def _codes(reader: Reader, module: Any, source: int, what: str) -> int:
    reader.need(source, len(module.plain) + len(module.coded), what)
    parts = [reader.select(module.plain, source)] if module.plain else []
    parts += _tables(reader, module, source, what)
    made = parts[0]
    for part in parts[1:]:
        total = (reader.values.features[made] or 0) + (reader.values.features[part] or 0)
        made = reader.add("concat", made, total, other=part)
    return made


def _linear_of_codes(reader: Reader, module: Any, source: int, what: str) -> int:
    reader.need(source, len(module.plain) + len(module.coded), what)
    parts = _tables(reader, module, source, what)
    if module.linear is not None:
        parts.append(_linear(reader, module.linear, reader.select(module.plain, source), what))
    made = parts[0]
    for part in parts[1:]:
        made = reader.add("add", made, other=part)
    return made


def _tables(reader: Reader, module: Any, source: int, what: str) -> list[int]:
    return [
        _embedding(reader, table, reader.select([column], source), what)
        for column, table in zip(module.coded, module.tables, strict=True)
    ]


def _residual(reader: Reader, module: Any, source: int, what: str) -> int:
    value = reader.module(module.norm, f"{what}: norm", source)
    value = reader.add("relu", reader.module(module.expand, f"{what}: expand", value))
    value = reader.module(module.contract, f"{what}: contract", reader.module(module.dropout, "", value))
    return reader.add("add", source, other=value)


def _nothing(reader: Reader, module: Any, source: int, what: str) -> int:
    return source


def _flatten(reader: Reader, module: Any, source: int, what: str) -> int:
    if module.start_dim != 1 or module.end_dim != -1:
        raise UnreadableError(f"{what} leaves dimensions as they are")
    reader.values.flat[reader.values.latest(source)] = True
    return source


MODULES: dict[type[nn.Module], Callable[[Reader, Any, int, str], int]] = {
    nn.Linear: _linear,
    nn.ReLU: _activation("relu"),
    nn.LeakyReLU: _leaky,
    nn.GELU: _activation("gelu", lambda module: float(module.approximate == "tanh")),
    nn.SiLU: _activation("silu"),
    nn.Tanh: _activation("tanh"),
    nn.Sigmoid: _activation("sigmoid"),
    nn.Dropout: _dropout,
    nn.LayerNorm: _layer_norm,
    nn.BatchNorm1d: _batch_norm,
    nn.Embedding: _embedding,
    nn.Identity: _nothing,
    nn.Flatten: _flatten,
    Codes: _codes,
    LinearOfCodes: _linear_of_codes,
    ResidualBlock: _residual,
}
