"""Writes the types of the generated losses, which static checkers cannot see: `make stubs`. A test says when to.

`src/losslab/functional.pyi` has every declared loss as a function, `src/losslab/nn.pyi` as a class, with the signatures
that they have at run time. Whatever else torch has there keeps torch's own types.
"""

import ast
import inspect
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from textwrap import indent
from typing import Any

import torch

from losslab.catalog import CATALOGUE
from losslab.spec.declare import Catalogue
from losslab.spec.module import called_with, module, per_call
from losslab.spec.record import LossRecord

PACKAGE = Path(__file__).parents[1] / "src" / "losslab"
EMPTY = inspect.Parameter.empty
SHARED = {  # options that every loss has, and what torch calls weight
    "reduction": "Reduction", "normalize": "Normalize", "empty": "Empty",
    "weight": "Tensor | None", "sample_weight": "Tensor | None", "mask": "Tensor | None",
}  # fmt: skip
HEAD = """# Written by `make stubs` from the declared losses, beside torch {torch}: change a loss, not this file.
# ruff: noqa: E501, F401, I001 -- summaries are as long as they are, imports the same in every file

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor{more}

from losslab.spec.reduction import Empty, Normalize, Reduction
"""


def functional(catalogue: Catalogue = CATALOGUE) -> str:
    """functional.pyi"""
    theirs = top_names(Path(str(torch.nn.functional.__file__)).with_suffix(".pyi"))
    parts = [HEAD.format(torch=version(), more=""), others("torch.nn.functional", theirs - {*catalogue})]
    parts += [function(record) for record in catalogue.values()]
    return "".join([*parts, FALLBACK])


def nn(catalogue: Catalogue = CATALOGUE) -> str:
    """nn.pyi"""
    ours = {record.module_name for record in catalogue.values()}
    theirs = {name for name, value in vars(torch.nn).items() if inspect.isclass(value) or inspect.ismodule(value)}
    more = "\nfrom losslab import functional as functional\nfrom losslab.spec.module import LossModule"
    parts = [HEAD.format(torch=version(), more=more), others("torch.nn", theirs - ours - {"functional"})]
    parts += [class_(record) for record in catalogue.values()]
    return "".join([*parts, FALLBACK])


FALLBACK = "\ndef __getattr__(name: str) -> Any: ...  # what this torch has beyond the one that wrote the file\n"


def version() -> str:
    return ".".join(torch.__version__.split(".")[:2])


def top_names(stub: Path) -> set[str]:
    """The names that a stub defines or passes on."""
    found: set[str] = set()
    for node in ast.parse(stub.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names if alias.asname == alias.name}
    return found


def others(place: str, names: Iterable[str]) -> str:
    """Names of torch, imported so that a stub passes them on."""
    return "".join(f"from {place} import {name} as {name}\n" for name in sorted(names) if name[0] != "_")


def function(record: LossRecord) -> str:
    assert record.form is not None
    text = signature(record, inspect.signature(record.form).parameters.values())
    return f'\ndef {record.name}({text}\n) -> Tensor:\n    """{record.summary}"""\n'


def class_(record: LossRecord) -> str:
    assert record.form is not None
    made, calls = module(record), inspect.signature(record.form).parameters
    tensors = [calls[name] for name in called_with(record)]
    later = [calls[name] for name in per_call(record) if name in calls and name not in called_with(record)]
    call = signature(record, [*tensors, *(one.replace(kind=one.KEYWORD_ONLY) for one in later)], own="self")
    methods = [("__init__", signature(record, inspect.signature(made).parameters.values(), own="self"), "None")]
    methods += [(name, call, "Tensor") for name in ("forward", "__call__")]
    body = "".join(f"def {name}({text}\n) -> {result}: ...\n" for name, text, result in methods)
    return f'\nclass {record.module_name}(LossModule):\n    """{record.summary}"""\n\n{indent(body, "    ")}'


def signature(record: LossRecord, parameters: Iterable[inspect.Parameter], own: str = "") -> str:
    """One argument on each line."""
    lines, starred = [own] if own else [], False
    for one in parameters:
        if one.kind is one.KEYWORD_ONLY and not starred:
            lines, starred = [*lines, "*"], True
        default = "" if one.default is EMPTY else f" = {spelled(one.default)}"
        lines.append(f"{one.name}: {kind(record, one)}{default}")
    return "".join(f"\n    {line}," for line in lines)


def spelled(default: Any) -> str:
    if isinstance(default, str):
        return f'"{default}"'
    return "..." if isinstance(default, float) and not math.isfinite(default) else repr(default)


def kind(record: LossRecord, one: inspect.Parameter) -> str:
    """The type of an argument: as annotated, as in every loss, or as the rule has it."""
    if one.name in SHARED and one.annotation is EMPTY:
        return SHARED[one.name]
    in_rule = inspect.signature(record.rule).parameters.get(one.name)
    note = one.annotation if one.annotation is not EMPTY or in_rule is None else in_rule.annotation
    if note is EMPTY:
        note = type(one.default) if one.default is not None else Any
    names = (
        inspect.formatannotation(note)
        .replace("torch.Tensor", "Tensor")
        .replace("typing.", "")
        .replace("collections.abc.", "")
        .split(" | ")
    )
    number = one.name in record.parameters
    if number and "Tensor" not in names:
        names.append("Tensor")  # a number may be learned, or differ from member to member
    if (one.default is None or (number and record.parameters[one.name].optional)) and "None" not in names:
        names.append("None")
    return " | ".join(names)


STUBS: dict[str, Callable[[], str]] = {"functional.pyi": functional, "nn.pyi": nn}

if __name__ == "__main__":
    for name, write in STUBS.items():
        (PACKAGE / name).write_text(write(), encoding="utf-8")
        print(f"wrote {PACKAGE / name}")
