"""Calling a person's factory with what its signature takes."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from losslab.models.architecture import ARCHITECTURE

Size = int | tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """A factory as a function of the number of outputs. Arguments are "in_features" and "out_features"."""

    factory: Callable[..., Any]
    label: str
    in_features: Size
    positional: tuple[str, ...] = ()
    named: tuple[tuple[str, str], ...] = ()  # keyword and argument
    takes: tuple[str, ...] = ()  # those of width, depth and dropout that have a default

    @property
    def adapts(self) -> bool:
        """Whether the factory is told the number of outputs."""
        return "out_features" in (*self.positional, *dict(self.named).values())

    def __call__(self, out_features: int, **architecture: Any) -> nn.Module:
        values = {"in_features": self.in_features, "out_features": out_features}
        positional = [values[argument] for argument in self.positional]
        named = {keyword: values[argument] for keyword, argument in self.named} | architecture
        try:
            made = self.factory(*positional, **named)
        except Exception as error:
            call = ", ".join([*map(str, positional), *(f"{keyword}={value}" for keyword, value in named.items())])
            raise ValueError(f"model factory {self.label}({call}) raised {type(error).__name__}: {error}") from error
        if not isinstance(made, nn.Module):
            raise ValueError(f"model factory {self.label} returned a {type(made).__name__}; an nn.Module is wanted")
        return made


def call(factory: Callable[..., Any], label: str, in_features: Size) -> Call:
    """How to call the factory: by the names it has, else by the number of arguments it needs."""
    try:
        parameters = list(inspect.signature(factory).parameters.values())
    except ValueError:  # some built-in callables have no signature
        parameters = []
    by_name = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    outputs = [keyword for keyword in ("out_features", "num_classes") if keyword in by_name][:1]
    inputs = [keyword for keyword in ("in_features",) if keyword in by_name]
    named = (*((keyword, "in_features") for keyword in inputs), *((keyword, "out_features") for keyword in outputs))
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [p for p in parameters if p.default is p.empty and p.kind not in optional and p.name not in dict(named)]
    by_keyword = any(p.kind is p.KEYWORD_ONLY for p in needed)
    if (named and needed) or by_keyword or len(needed) > 2:
        raise ValueError(
            f"model factory {label} needs {', '.join(p.name for p in needed)}; it is called with those of in_features "
            "and out_features that it names, or with (in_features, out_features)"
        )
    positional = {0: (), 1: ("out_features",), 2: ("in_features", "out_features")}[len(needed)]
    takes = tuple(name for name in ARCHITECTURE if name in by_name and name not in {p.name for p in needed})
    return Call(factory, label, in_features, positional, named, takes)
