"""The text that a functional or module form carries, written from the record."""

import inspect
from collections.abc import Mapping
from typing import Any

from losslab.spec.facts import CLASSES, CONSTANTS, same
from losslab.spec.layout import spelled
from losslab.spec.record import LossRecord

MEANINGS = {
    "weight": "tensor; per class (C,) for losses over classes, else per element. Keeps torch's meaning",
    "ignore_index": "rows with this label are left out",
    "class_dim": "which dimension of input holds the classes",
    "sample_weight": "tensor with one weight for each element of the unreduced loss",
    "mask": "bool tensor of the same shape; True keeps",
    "reduction": '"mean", "sum" or "none"',
    "normalize": 'what the mean divides by: "weight" (their sum) or "count" (what is kept)',
    "reuse_logits": "True lets a fused kernel write the gradient over input, which then holds no scores any more",
    "empty": 'the mean of nothing: "zero" (with zero gradient, and one warning), "nan" or "raise"',
}


def describe(record: LossRecord, defaults: Mapping[str, Any]) -> str:
    """What the rule says of itself, formula, shapes, arguments with domains and defaults, errors, source."""
    lines = [inspect.getdoc(record.rule) or record.name, ""]
    lines += [f"Formula: {record.formula}", ""] if record.formula else []
    lines += ["Shapes:", *(f"    {line}" for line in shapes(record)), "", "Arguments:"]
    lines += [f"    {name} (default {value!r}): {_meaning(record, name, value)}" for name, value in defaults.items()]
    lines += ["", "Half precision is computed, reduced and returned in float32.", ""]
    lines += ["Raises ValueError or TypeError, naming what was found and what to do, for shapes that do not match,"]
    lines += ["values out of range, parameters out of bounds and unknown arguments."]
    told = facts_in_words(record)
    lines += ["", "Facts:", *(f"    {line}" for line in told)] if told else []
    lines += ["", f"Source: {record.source}"] if record.source else []
    return "\n".join(lines)


def facts_in_words(record: LossRecord) -> list[str]:
    """A line for each fact, at the parameters' defaults."""
    stated = record.facts
    if stated is None:
        return []
    facts = stated.at(**record.defaults)
    first, second = ends(record)
    least = f", least where {first} and {second} agree" if stated.attained is same else ""
    lines = [f"values in {facts.values}{least}"]
    of = "" if first == "input" else f" in {first}"
    known = {name: getattr(facts, name) for name in ("convex", "smooth")}
    lines += [f"{'' if yes else 'not '}{name}{of}" for name, yes in known.items() if yes is not None]
    bound = f"no longer than {facts.lipschitz:.4g}" if facts.lipschitz is not None else "not bounded"
    lines += [] if "lipschitz" in facts.unknown else [f"gradient{of.replace(' in ', ' by ')} {bound}"]
    if facts.best_constant is not None:
        lines.append(f"best constant input: {CONSTANTS[facts.best_constant]}")
    if facts.proper is not None:
        lines.append("proper: the true probabilities are best" if facts.proper else "not proper")
    if facts.symmetric is not None:
        lines.append(f"{'' if facts.symmetric else 'not '}symmetric in {first} and {second}")
    by = [f"{name} = {value:g}" for name, value in record.defaults.items()]
    by += [f"{CLASSES} classes"] if stated.depends_on_classes else []
    return [*lines, f"(at {', '.join(by)})"] if by and stated.varies else lines


def ends(record: LossRecord) -> tuple[str, str]:
    """The operands that facts speak of: the first that is predicted, and the one that comes second."""
    if record.layout is None:
        return "input", "target"
    names = list(record.layout.operands)
    first = next(name for name in names if record.layout.operands[name].predicted)
    return first, names[1] if len(names) > 1 else ""


def shapes(record: LossRecord) -> list[str]:
    if record.layout is not None:
        takes = inspect.signature(record.rule).parameters
        given = {key: takes[key].default is None for key in record.layout.operands if key in takes}
        lines = [
            f"{key}: {spelled(one.names)}, {one.words}{' (may be left out)' * given.get(key, False)}"
            for key, one in record.layout.operands.items()
        ]
        return [*lines, f"unreduced: {spelled(tuple(record.layout.unreduced.split()))}"]
    if record.kind == "pointwise":
        labels = {"probability": "values from 0 to 1", "sign": "-1 or +1"}.get(record.target, "numbers")
        return ["input: any shape", f"target: the same shape, {labels}", "unreduced: the same shape"]
    also = ", or probabilities of input's shape" if record.target == "class or distribution" else ""
    return [
        "input: (C), (N, C) or (N, C, d1, ..., dk)",
        f"target: class indices of shape (), (N) or (N, d1, ..., dk){also}",
        "unreduced: (), (N) or (N, d1, ..., dk)",
    ]


def _meaning(record: LossRecord, name: str, default: Any) -> str:
    if record.layout is not None and name in record.layout.operands:
        return f"tensor {spelled(record.layout.operands[name].names)}, {record.layout.operands[name].words}"
    if record.layout is not None and name == "mask" and record.layout.mask is not None:
        return f"bool tensor {spelled(tuple(record.layout.mask.split()))}; True keeps"
    if name in record.choices:
        return " or ".join(f'"{choice}"' for choice in record.choices[name])
    if name not in record.parameters:
        return MEANINGS.get(name, "True or False" if isinstance(default, bool) else "an option of the rule")
    parameter = record.parameters[name]
    unit = ", in the unit of the target" if parameter.unit == "target" else ""
    return f"number or tensor in {parameter.domain}{unit}"
