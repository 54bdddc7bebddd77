"""The example of a loss's page: its first short hand-worked case as code, and what that code prints."""

import contextlib
import inspect
import io
from collections.abc import Mapping
from typing import Any

import torch

from losslab.spec.module import module
from losslab.spec.record import Case, LossRecord
from losslab.spec.sets import as_operand

AnyCase = Any  # a Case, or one of several tensors by name
PER_CALL = ("sample_weight", "mask")  # belong to a batch, so a module takes them in its call
WIDTH = 120  # of a line of code
LONG = 60  # characters of numbers: more are hard to follow by eye


def example(record: LossRecord) -> list[str]:
    """Code and what it prints, as two blocks; nothing for a loss without cases."""
    telling = [case for case in record.cases if is_telling(record, case)] or list(record.cases)
    if not telling:
        return []
    case = next((one for one in telling if size(record, one) <= LONG), min(telling, key=lambda one: size(record, one)))
    source = code(record, case)
    return [f"```python\n{source}\n```", f"```text\n{output(source)}\n```"]


def is_telling(record: LossRecord, case: AnyCase) -> bool:
    """With different numbers, all of them finite, so that a reader can follow."""
    numbers = [n for value in given(record, case).values() for n in flat(value)]
    finite = all(abs(n) < 1e6 for n in numbers)
    return finite and len({round(float(n), 6) for n in numbers}) > 2


def size(record: LossRecord, case: AnyCase) -> int:
    return sum(len(literal(value)) for value in {**given(record, case), **case.options}.values())


def given(record: LossRecord, case: AnyCase) -> dict[str, Any]:
    """The tensors of the case by the names that the loss gives them, as numbers and lists of the right type."""
    if isinstance(case, Case):
        return {"input": number(case.input), "target": torch.as_tensor(case.target).tolist()}
    operands = record.layout.operands if record.layout else {}
    found = {name: value for name, value in case.operands.items() if value is not None}
    return {name: as_operand(operands[name], value).tolist() for name, value in found.items()}


def number(value: Any) -> Any:
    tensor = torch.as_tensor(value)
    return value if tensor.is_complex() else torch.as_tensor(value, dtype=torch.float64).tolist()


def code(record: LossRecord, case: AnyCase) -> str:
    tensors, options = given(record, case), dict(case.options)
    operands = record.layout.operands if record.layout else {}
    # What comes first in a call comes by position; other tensors have a name in the code, and in the call.
    by_place = [name for name in record.tensors if name in tensors or name in options]
    tensors |= {name: options.pop(name) for name in by_place if name in options}
    named = {name: tensors[name] for name in tensors if name not in by_place}
    words = {name: spelled(value) for name, value in {**named, **options}.items()}
    batch = {name: word for name, word in words.items() if name in PER_CALL or name in operands}
    setting = {name: word for name, word in words.items() if name not in batch}
    lines = ["import torch", "", "import losslab.functional as F"]
    asked = inspect.signature(module(record)).parameters.values()
    # A module with weights of its own wants their sizes, and its value is left to chance: the function will do.
    whole = all(one.default is not one.empty or one.name in setting for one in asked)
    lines += ["from losslab import nn"] if whole else []
    lines.append("")
    lines += [f"{name} = {tensor(tensors[name])}" for name in by_place]
    lines.append(f"print({call(f'F.{record.name}', [*by_place, *pairs(setting), *pairs(batch)])})")
    if whole:
        made = call(f"nn.{module(record).__name__}", pairs(setting))
        lines.append(f"print({call(made, [*by_place, *pairs(batch)])})")
    return "\n".join(laid_out(line) for line in lines)


def pairs(words: Mapping[str, str]) -> list[str]:
    return [f"{name}={word}" for name, word in words.items()]


def call(name: str, arguments: list[str]) -> str:
    return f"{name}({', '.join(arguments)})"


def spelled(value: Any) -> str:
    if isinstance(value, (list, tuple, torch.Tensor)):
        return tensor(value)
    return literal(value)


def tensor(value: Any) -> str:
    return f"torch.tensor({literal(value)})"


def literal(value: Any) -> str:
    """Numbers with at most four decimals, and lists of them."""
    if isinstance(value, torch.Tensor):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(literal(one) for one in value)}]"
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return f'float("{value}")'
        return repr(round(value, 4) or 0.0) if abs(value) >= 1e-3 or value == 0 else f"{value:.4g}"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def flat(value: Any) -> list[float]:
    return [complex(n).real for n in torch.as_tensor(value).flatten().tolist()]


def laid_out(line: str) -> str:
    """A line that is too long, as ruff folds it: the innermost list of a tensor one row in a line."""
    if len(line) > WIDTH and line.startswith("print("):
        return f"print(\n    {line.removeprefix('print(').removesuffix(')')}\n)"
    if len(line) <= WIDTH or " = torch.tensor([" not in line:
        return line
    name, _, inside = line.partition(" = torch.tensor(")
    inside = inside.removesuffix(")")
    if len(inside) + 4 <= WIDTH and "[[" not in inside:
        return f"{name} = torch.tensor(\n    {inside}\n)"
    rows, depth, start = [], 0, 1
    for at, sign in enumerate(inside):
        depth += (sign == "[") - (sign == "]")
        if (sign == "," and depth == 1) or (sign == "]" and depth == 0):
            rows.append(inside[start:at].strip())
            start = at + 1
    body = "\n".join(f"        {row}," for row in rows)
    return f"{name} = torch.tensor(\n    [\n{body}\n    ]\n)"


def output(source: str) -> str:
    """What the code prints, run as a reader would run it."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(source, "<example>", "exec"), {})
    return printed.getvalue().rstrip("\n")
