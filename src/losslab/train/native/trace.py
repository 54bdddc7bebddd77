"""Reads the forward of a person's own module, as torch.fx sees it."""

import copy
import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

from losslab.train.native.layers import UnreadableError
from losslab.train.native.read import MODULES, Reader

ALL = slice(None)


@dataclass(frozen=True)
class Seen:
    """A value as a forward holds it: which one, whether as one column (N,), and whether as whole numbers."""

    value: int
    column: bool = False
    codes: bool = False


class Rows:
    """The number of rows, as x.shape[0] or x.size(0)."""


class Shape:
    """x.shape: the number of rows, then of features."""


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m) in MODULES or (type(m).__module__.startswith("torch.nn.") and not isinstance(m, nn.Sequential))


def read_traced(reader: Reader, module: nn.Module, name: str, source: int) -> int:
    """The layers of a module's forward, which must be the same in training and in evaluation."""
    what = f"layer {name} ({type(module).__name__})" if name else type(module).__name__
    graphs = []
    for training in (True, False):
        probe = copy.deepcopy(module).train(training)  # a forward may write to its attributes
        try:
            graphs.append(_Tracer().trace(probe))
        except Exception as error:  # a person's forward can fail in any way: the reason is shown
            text = " ".join(str(error).split()).split(". ")[0][:120].rstrip(".")
            raise UnreadableError(f"the forward of {what} cannot be traced: {type(error).__name__}: {text}") from None
    if graphs[0].python_code("self").src != graphs[1].python_code("self").src:
        raise UnreadableError(f"the forward of {what} is another one in training than in evaluation")
    return _Walk(reader, module, name, what).run(graphs[0], source)


class _Walk:
    def __init__(self, reader: Reader, module: nn.Module, name: str, what: str) -> None:
        self.reader, self.root, self.name, self.what = reader, module, name, what
        self.seen: dict[fx.Node, Any] = {}

    def run(self, graph: fx.Graph, source: int) -> int:
        inputs = [node for node in graph.nodes if node.op == "placeholder"]
        for node in graph.nodes:
            if node.op == "output":
                return self.output(node.args[0])
            if node.op == "placeholder":
                self.seen[node] = Seen(source) if node is inputs[0] else self.default(node)
            elif node.op == "get_attr":
                raise UnreadableError(f"the forward of {self.what} uses its tensor {node.target!r}")
            else:
                args, kwargs = fx.map_arg(node.args, self.look), fx.map_arg(node.kwargs, self.look)
                self.seen[node] = self.call(node, list(args), dict(kwargs))
        raise UnreadableError(f"the forward of {self.what} gives nothing")

    def look(self, node: fx.Node) -> Any:
        return self.seen[node]

    def default(self, node: fx.Node) -> Any:
        if not node.args:
            raise UnreadableError(f"the forward of {self.what} takes more than one input")
        return node.args[0]

    def output(self, result: Any) -> int:
        found = self.seen.get(result) if isinstance(result, fx.Node) else None
        if not isinstance(found, Seen) or found.codes:
            raise UnreadableError(f"the forward of {self.what} gives something else than one tensor")
        self.reader.column = found.column
        return self.reader.values.latest(found.value)

    def call(self, node: fx.Node, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if node.op == "call_module":
            return self.child(str(node.target), args, kwargs)
        known: dict[Any, Callable[..., Any]] = FUNCTIONS if node.op == "call_function" else METHODS
        made = known.get(node.target)
        if made is not None:
            try:
                result = made(self.reader, *args, **kwargs)
            except (TypeError, AttributeError):  # of arguments that the functions below do not take
                result = None
            if result is not None:
                return result
        name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
        given = "" if made is None else " with these arguments"
        raise UnreadableError(f"the forward of {self.what} calls {name}{given}, which is unknown to the native engine")

    def child(self, path: str, args: list[Any], kwargs: dict[str, Any]) -> Seen:
        module, name = self.root.get_submodule(path), f"{self.name}.{path}".lstrip(".")
        (given,) = args if len(args) == 1 and not kwargs else (None,)
        if not isinstance(given, Seen):
            raise UnreadableError(f"the forward of {self.what} calls {path} with other arguments than one value")
        if type(module) is nn.Embedding:
            if not given.codes:
                raise UnreadableError(f"layer {name} (Embedding) is given something else than one column of codes")
            return Seen(self.reader.module(module, name, given.value))
        if given.column and not isinstance(module, ELEMENTWISE):
            raise UnreadableError(f"layer {name} ({type(module).__name__}) is given a value of one dimension")
        return replace(given, value=self.reader.module(module, name, given.value))


ELEMENTWISE = (nn.ReLU, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Dropout, nn.Identity)


def _activation(kind: str, *, always: bool = False) -> Callable[..., Seen]:
    def made(reader: Reader, input: Seen, inplace: bool = False) -> Seen:
        return replace(input, value=reader.add(kind, input.value, inplace=always or bool(inplace)))

    return made


def _gelu(reader: Reader, input: Seen, *, approximate: str = "none") -> Seen:
    return replace(input, value=reader.add("gelu", input.value, number=float(approximate == "tanh")))


def _leaky(reader: Reader, input: Seen, negative_slope: float = 0.01, inplace: bool = False) -> Seen | None:
    if not negative_slope >= 0:
        return None
    made = reader.add("leaky_relu", input.value, inplace=inplace, number=float(negative_slope))
    return replace(input, value=made)


def _add(*, inplace: bool) -> Callable[..., Seen | None]:
    def made(reader: Reader, input: Seen, other: Seen, *, alpha: float = 1) -> Seen | None:
        if not isinstance(other, Seen) or not isinstance(input, Seen) or alpha != 1 or input.column != other.column:
            return None
        values = reader.values
        first, second = values.latest(input.value), values.latest(other.value)
        if values.features[first] != values.features[second] or values.features[first] is None:
            return None
        return replace(input, value=reader.add("add", first, inplace=inplace, other=second))

    return made


def _cat(reader: Reader, tensors: Any, dim: int = 0) -> Seen | None:
    if dim not in (1, -1) or any(not isinstance(one, Seen) or one.column for one in tensors):
        return None
    made = reader.values.latest(tensors[0].value)
    for one in tensors[1:]:
        value = reader.values.latest(one.value)
        width, more = reader.values.features[made], reader.values.features[value]
        if width is None or more is None or not (reader.values.flat[made] and reader.values.flat[value]):
            return None
        made = reader.add("concat", made, width + more, other=value)
    return Seen(made)


def _flatten(reader: Reader, input: Seen, start_dim: int = 0, end_dim: int = -1) -> Seen | None:
    if start_dim == 1 and end_dim == -1 and not input.column:
        reader.values.flat[reader.values.latest(input.value)] = True
        return input
    if start_dim == 0 and end_dim == -1:
        return _squeeze(reader, input, -1)
    return None


def _reshape(reader: Reader, input: Seen, *shape: Any) -> Seen | None:
    wanted = list(shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape)
    features = reader.values.features[reader.values.latest(input.value)]
    if wanted == [-1]:
        return _squeeze(reader, input, -1)
    if len(wanted) == 2 and isinstance(wanted[0], Rows) and wanted[1] in (-1, features):
        return _flatten(reader, input, 1) if not input.column else replace(input, column=False)
    if len(wanted) == 2 and wanted[0] == -1 and features is not None and wanted[1] == features:
        return _flatten(reader, input, 1) if not input.column else replace(input, column=False)
    return None


def _squeeze(reader: Reader, input: Seen, dim: int) -> Seen | None:
    value = reader.values.latest(input.value)
    if input.column:
        return None if dim not in (0, -1) else input
    if reader.values.features[value] != 1 or not reader.values.flat[value] or dim not in (1, -1):
        return None
    return replace(input, column=True)


def _unsqueeze(reader: Reader, input: Seen, dim: int) -> Seen | None:
    return replace(input, column=False) if input.column and dim in (1, -1) else None


def _whole(reader: Reader, input: Seen) -> Seen:
    return replace(input, codes=True)


def _same(reader: Reader, input: Seen) -> Seen:
    return input


def _size(reader: Reader, input: Seen, dim: int | None = None) -> Any:
    if dim is None:
        return Shape()
    return Rows() if dim == 0 else reader.values.features[reader.values.latest(input.value)] if dim == 1 else None


def _getattr(reader: Reader, input: Seen, name: str) -> Any:
    return Shape() if name == "shape" else None


def _getitem(reader: Reader, input: Any, index: Any) -> Any:
    if isinstance(input, Shape):
        return Rows() if index == 0 else None
    if not (isinstance(index, tuple) and len(index) == 2 and index[0] in (ALL, ...)) or input.column or input.codes:
        return None
    value, chosen = reader.values.latest(input.value), index[1]
    features = reader.values.features[value]
    if features is None or not reader.values.flat[value]:
        return None
    if isinstance(chosen, slice):
        return Seen(reader.select(range(features)[chosen], value))
    if isinstance(chosen, list):
        return Seen(reader.select([range(features)[one] for one in chosen], value))
    if isinstance(chosen, int):
        return Seen(reader.select([range(features)[chosen]], value), column=True)
    return None


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    F.relu: _activation("relu"), torch.relu: _activation("relu"), torch.relu_: _activation("relu", always=True),
    F.silu: _activation("silu"), torch.tanh: _activation("tanh"), F.tanh: _activation("tanh"),
    torch.sigmoid: _activation("sigmoid"), F.sigmoid: _activation("sigmoid"), F.gelu: _gelu, F.leaky_relu: _leaky,
    operator.add: _add(inplace=False), operator.iadd: _add(inplace=True), torch.add: _add(inplace=False),
    torch.cat: _cat, torch.concat: _cat, torch.flatten: _flatten, torch.reshape: _reshape, torch.squeeze: _squeeze,
    torch.unsqueeze: _unsqueeze, operator.getitem: _getitem, getattr: _getattr,
}  # fmt: skip
METHODS: dict[Any, Callable[..., Any]] = {
    "relu": _activation("relu"), "relu_": _activation("relu", always=True), "tanh": _activation("tanh"),
    "sigmoid": _activation("sigmoid"), "add": _add(inplace=False), "add_": _add(inplace=True), "flatten": _flatten,
    "reshape": _reshape, "view": _reshape, "squeeze": _squeeze, "unsqueeze": _unsqueeze, "long": _whole,
    "contiguous": _same, "clone": _same, "size": _size,
}  # fmt: skip
