"""The source of a function and of everything it calls, so that it can be pasted where losslab is not installed."""

import ast
import inspect
import math
import sys
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any

import torch

LIBRARIES = {"torch": torch, "torch.nn.functional": torch.nn.functional, "math": math}


class UnreadableError(Exception):
    """The function cannot be copied; says why."""


@dataclass
class Source:
    imports: list[str] = field(default_factory=list)  # one line each
    constants: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)  # helpers first

    @classmethod
    def of(cls, functions: Iterable[Callable[..., Any]]) -> "Source":
        """Raises UnreadableError for functions without source, with a closure, or that need more than torch."""
        source = cls()
        done: set[str] = set()
        for function in functions:
            if getattr(function, "__name__", None) not in done:
                source._add(function, done)
        return source

    def _add(self, function: Any, done: set[str]) -> None:
        if not isinstance(function, FunctionType):
            raise UnreadableError(f"{function!r} is not a plain function")
        if function.__closure__:
            raise UnreadableError(f"{function.__name__} uses variables of the function that made it")
        try:
            text = textwrap.dedent(inspect.getsource(function))
            node = ast.parse(text).body[0]
        except (OSError, TypeError, SyntaxError) as error:
            raise UnreadableError(f"the source of {function.__name__} cannot be read ({error})") from error
        if not isinstance(node, ast.FunctionDef):
            raise UnreadableError(f"{function.__name__} is not defined with def")
        done.add(node.name)
        for name in _names(node):
            if name in function.__globals__ and name not in done:
                self._need(name, function.__globals__[name], done)
        lines = text.splitlines()[node.lineno - 1 : node.end_lineno]  # starts after the decorators
        self.functions.append("\n".join(lines))

    def _need(self, name: str, value: Any, done: set[str]) -> None:
        if isinstance(value, ModuleType):
            if value.__name__.split(".")[0] not in {"torch", *sys.stdlib_module_names}:
                raise UnreadableError(f"it uses the module {value.__name__}")
            plain = f"import {value.__name__}"
            self.imports.append(plain if name == value.__name__ else f"{plain} as {name}")
        elif library := next((lib for lib, module in LIBRARIES.items() if getattr(module, name, None) is value), None):
            self.imports.append(f"from {library} import {name}")
        elif isinstance(value, FunctionType) and value.__name__ == name:
            self._add(value, done)
        elif isinstance(value, int | float | str | tuple | None) and _same(value):
            self.constants.append(f"{name} = {value!r}")
        else:
            raise UnreadableError(f"it uses {name}, a {type(value).__name__}")
        done.add(name)


def _names(node: ast.FunctionDef) -> list[str]:
    """The names that the function reads, without those in annotations (which are never evaluated) and its own."""
    arguments = node.args
    own = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    roots = [*node.body, *arguments.defaults, *(default for default in arguments.kw_defaults if default)]
    read = [
        part
        for root in roots
        for part in ast.walk(root)
        if isinstance(part, ast.Name) and not isinstance(root, ast.AnnAssign)
    ]
    assigned = {part.id for part in read if isinstance(part.ctx, ast.Store)} | {arg.arg for arg in own if arg}
    return list(dict.fromkeys(part.id for part in read if part.id not in assigned))


def _same(value: Any) -> bool:
    """Whether the text of a constant gives it back."""
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError):
        return False
