"""Faults that can be planted into a rule of a few lines, made from its source: see plant.py."""

import ast
import copy
import difflib
import inspect
import math
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any

import torch

SWAPPED: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
RENAMED = {
    "min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "amin": "amax", "amax": "amin",
    "sum": "mean", "mean": "sum", "log1p": "log", "expm1": "exp", "log": "log1p", "exp": "expm1",
    "log_softmax": "softmax", "softmax": "log_softmax", "softplus": "relu", "relu": "abs", "abs": "relu",
    "square": "abs", "logsumexp": "amax", "lgamma": "digamma",
}  # fmt: skip
DROPPED = {
    "abs", "clamp", "clamp_max", "clamp_min", "contiguous", "detach", "guarded", "masked_fill", "neg", "pow",
    "reciprocal", "relu", "scatter", "sigmoid", "square", "sqrt", "tanh",
}  # fmt: skip
NEGATED = {"sigmoid", "logsigmoid", "softplus", "erf", "tanh", "exp"}  # of -x


@dataclass(frozen=True)
class Mutant:
    """A function with one fault: its code in the place of the right one, or a wrong default."""

    function: FunctionType
    change: str  # the line that differs, before -> after
    right: CodeType
    code: CodeType | None = None
    defaults: dict[str, Any] = field(default_factory=dict)

    def plant(self) -> None:
        """Puts the fault into the function itself, so that whoever calls it meets it."""
        self.function.__globals__["mean_everywhere"] = mean_everywhere
        if self.code is not None:
            self.function.__code__ = self.code
        self.function.__kwdefaults__ = {**(self.function.__kwdefaults__ or {}), **self.defaults}


def mean_everywhere(result: Any) -> Any:
    """What a rule that reduces would give where one value for each element is wanted."""
    if isinstance(result, tuple):
        return (mean_everywhere(result[0]), *result[1:])
    return torch.zeros_like(result) + result.mean()


def mutants(function: Callable[..., Any]) -> list[Mutant]:
    """Every fault that is known here, planted into the function one at a time."""
    assert isinstance(function, FunctionType)
    tree = parsed(function)
    right = ast.unparse(tree)
    found: dict[str, Mutant] = {}
    for wrong in faulty_trees(tree, function):
        text = ast.unparse(ast.fix_missing_locations(wrong))
        if text != right and text not in found:
            found[text] = Mutant(function, difference(right, text), function.__code__, compiled(text, function))
    defaults = function.__kwdefaults__ or {}
    for name, value in defaults.items():
        if isinstance(value, int | float):
            for other in (not value,) if isinstance(value, bool) else others(value)[:1]:
                change = f"{name}={value!r} -> {name}={other!r}"
                found[f"default {change}"] = Mutant(function, change, function.__code__, defaults={name: other})
    return list(found.values())


def parsed(function: FunctionType) -> ast.FunctionDef:
    """The function without its decorators, docstring, annotations and defaults, where no fault can lie."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if not isinstance(tree, ast.FunctionDef) or tree.name != function.__name__:
        raise ValueError(f"{function.__name__} is not a plain function, or its file changed after it was imported")
    tree.decorator_list, tree.returns = [], None
    if ast.get_docstring(tree) is not None:
        tree.body = tree.body[1:]
    starred = [one for one in (tree.args.vararg, tree.args.kwarg) if one is not None]
    for argument in (*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs, *starred):
        argument.annotation = None
    tree.args.defaults, tree.args.kw_defaults = [], [None] * len(tree.args.kwonlyargs)
    return tree


def compiled(text: str, function: FunctionType) -> CodeType:
    space: dict[str, Any] = {}
    exec(compile(text, f"<fault in {function.__name__}>", "exec"), space)
    return space[function.__name__].__code__


def faulty_trees(tree: ast.FunctionDef, function: FunctionType) -> Iterator[ast.FunctionDef]:
    for node in [inner for statement in tree.body for inner in ast.walk(statement)]:
        for other in alternatives(node):
            yield copy.deepcopy(tree, {id(node): other})  # deepcopy takes `other` for the copy of `node`
    for name, default in (function.__kwdefaults__ or {}).items():
        ignored = copy.deepcopy(tree)
        ignored.body.insert(0, ast.parse(f"{name} = {spelled(default)}").body[0])
        yield ignored
    for node in [inner for inner in ast.walk(tree) if isinstance(inner, ast.Return)]:
        reduced = ast.Return(ast.Call(ast.Name("mean_everywhere", ast.Load()), [node.value], []))
        yield copy.deepcopy(tree, {id(node): reduced})


def spelled(value: Any) -> str:
    return repr(value) if not isinstance(value, float) or math.isfinite(value) else f"float('{value}')"


def alternatives(node: ast.AST) -> Iterator[ast.AST]:
    """Wrong things that could stand in the place of a node."""
    if isinstance(node, ast.BinOp):
        if type(node.op) in SWAPPED:
            yield ast.BinOp(node.left, SWAPPED[type(node.op)](), node.right)
        yield node.left
        if isinstance(node.op, ast.Add | ast.Mult | ast.BitAnd):
            yield node.right
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Invert):
        yield node.operand
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield from (ast.Constant(other) for other in others(node.value))
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPPED:
        yield ast.Compare(node.left, [SWAPPED[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.IfExp | ast.If):
        yield from (with_test(node, answer) for answer in (True, False))
    elif isinstance(node, ast.Call):
        yield from other_calls(node)


def others(value: float) -> list[float]:
    if isinstance(value, int):
        return [value + 1] if value else [1]
    if value and not 1e-15 < abs(value) < 1e15:
        return []  # it stands for zero or infinity, and has no right digits
    return [1.1 * value, 2 * value] if value else [1.0]


def with_test(node: ast.IfExp | ast.If, answer: bool) -> ast.AST:
    if isinstance(node, ast.IfExp):
        return node.body if answer else node.orelse
    return ast.If(ast.Constant(answer), node.body, node.orelse)


def other_calls(node: ast.Call) -> Iterator[ast.AST]:
    """Another function of the same arguments, the function of others, or its argument alone."""
    method = isinstance(node.func, ast.Attribute) and not in_module(node.func)
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    subject = node.func.value if method else node.args[0] if node.args else None
    if subject is None:
        return
    if name in RENAMED and isinstance(node.func, ast.Attribute):
        yield ast.Call(ast.Attribute(node.func.value, RENAMED[name], ast.Load()), node.args, node.keywords)
    if name in DROPPED:
        yield subject
    if name in NEGATED:
        negative = ast.UnaryOp(ast.USub(), subject)
        if method:
            yield ast.Call(ast.Attribute(negative, name, ast.Load()), node.args, node.keywords)
        else:
            yield ast.Call(node.func, [negative, *node.args[1:]], node.keywords)
    if name == "where" and len(node.args) == 3:
        yield from (node.args[1], node.args[2], ast.Call(node.func, [node.args[0], *node.args[:0:-1]], []))
    elif not method and len(node.args) >= 2:
        yield ast.Call(node.func, [node.args[1], node.args[0], *node.args[2:]], node.keywords)
    elif name == "clamp" and len(node.args) == 2:
        yield ast.Call(node.func, node.args[:1], [])  # without the upper bound
        yield ast.Call(node.func, [], [ast.keyword("max", node.args[1])])
    for keyword in node.keywords:
        turned = {"min": "max", "max": "min"}.get(keyword.arg or "")
        rest = [one for one in node.keywords if one is not keyword]
        if turned and not rest:
            yield ast.Call(node.func, node.args, [ast.keyword(turned, keyword.value)])
        if keyword.arg not in ("dtype", "device"):
            yield ast.Call(node.func, node.args, rest)


def in_module(attribute: ast.Attribute) -> bool:
    """torch.relu and F.relu, not x.relu"""
    first = attribute.value
    while isinstance(first, ast.Attribute):
        first = first.value
    return isinstance(first, ast.Name) and first.id in ("torch", "F", "math")


def difference(right: str, wrong: str) -> str:
    """What is taken out -> what is put in, on one line."""
    lines = list(difflib.ndiff(right.splitlines(), wrong.splitlines()))
    out, into = ("; ".join(line[2:].strip() for line in lines if line[:2] == sign) for sign in ("- ", "+ "))
    return f"{out or '(nothing)'} -> {into or '(nothing)'}"
