"""best_loss.py: the chosen loss as plain torch, for those who train without losslab."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from losslab.optim import RULES
from losslab.report import words
from losslab.report.files import write_whole
from losslab.report.source import Source, UnreadableError
from losslab.report.templating import template
from losslab.search.result import TuneData
from losslab.spec.describe import shapes
from losslab.spec.record import LossRecord

SCORES = {
    "identity": {"one": ".logit(1e-15)", "classes": ".clamp_min(1e-15).log()"},
    "exp": {"one": ".exp().logit(1e-15)"},
}


def write_best_loss(
    loss: LossRecord | Callable[..., Any],
    params: Mapping[str, Any],
    path: str | Path,
    *,
    target_scale: float | None = None,
    optimizer: Mapping[str, Any] | None = None,
    threshold: float | Sequence[float] | None = None,
    origin: str = "",
) -> Path:
    """Writes a module `BestLoss` that needs only torch and gives the values that `loss` gave in the search.

    params: as in a leaderboard row, those with the target's unit in that unit. target_scale: what regression targets
    were divided by in the search. optimizer: {"name": "adamw", "lr": ...}. threshold: `Row.threshold`, a number that
    a binary score (log odds or margin) must exceed, one for each label, or what is added to the score of each class.
    origin: where the loss comes from, in words.
    A loss whose source cannot be copied gets a file that says how to import it. Raises OSError as `write_whole` does.
    """
    try:
        if isinstance(loss, LossRecord):
            text = _plain_torch(loss, params, target_scale, optimizer, threshold, origin)
        else:
            text = _own_function(loss, optimizer, origin)
    except UnreadableError as reason:
        text = _import_it(loss, params, optimizer, origin, str(reason))
    return write_whole(path, text)


def best_loss_snippet(loss: str, params: Mapping[str, Any], optimizer: Mapping[str, Any] | None = None) -> str:
    """The lines to paste into a training script beside best_loss.py."""
    said = words.clean(loss) + (f", {words.settings(params)}" if params else "")
    lines = ["import torch", "from best_loss import BestLoss  # needs only torch", "", f"loss = BestLoss()  # {said}"]
    return "\n".join([*lines, *([optimizer_line(optimizer)] if optimizer else [])])


def optimizer_line(chosen: Mapping[str, Any]) -> str:
    """optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)  # what torch's class does not take

    A comment in words for an optimiser that torch lacks.
    """
    rule = RULES.get(str(chosen.get("name", "")))
    if rule is None:
        return f"# optimizer: {words.optimizer(chosen)}"
    if not rule.torch_name:
        how = f"its step is losslab.optim.get({rule.name!r}).update"
        return f"# optimizer: {words.optimizer(chosen)}. torch.optim has no {rule.name}: {how}"
    settings = {key: value for key, value in chosen.items() if key != "name"}
    for theirs, ours in rule.renamed.items():
        if not isinstance(ours, Mapping) and not settings.keys().isdisjoint(ours):
            settings[theirs] = tuple(settings.pop(key, rule.defaults[key]) for key in ours)
    known = inspect.signature(getattr(torch.optim, rule.torch_name)).parameters
    taken = "".join(f", {key}={_literal(value)}" for key, value in settings.items() if key in known)
    rest = words.settings({key: value for key, value in settings.items() if key not in known})
    return f"optimizer = torch.optim.{rule.torch_name}(model.parameters(){taken})" + (f"  # {rest}" if rest else "")


def snippet_of(data: TuneData) -> str:
    """The lines for what the verdict recommends; empty when nothing finished."""
    row = words.recommended(data)
    return best_loss_snippet(row.loss, row.params, row.optimizer) if row else ""


def _plain_torch(
    record: LossRecord,
    params: Mapping[str, Any],
    target_scale: float | None,
    optimizer: Mapping[str, Any] | None,
    threshold: float | Sequence[float] | None,
    origin: str,
) -> str:
    source = Source.of([*record.uses, record.rule])
    values = {**record.defaults, **params}
    ignore_index = values.pop("ignore_index", -100) if record.takes_ignore_index else None
    tensors = {name: value for name, value in values.items() if isinstance(value, list | tuple | torch.Tensor)}
    units = {name: parameter.unit for name, parameter in record.parameters.items()}
    scaled = {name: "/" if unit == "target" else "*" for name, unit in units.items() if unit != "none"}
    arguments = [
        {"name": name, "type": type(value).__name__, "value": _literal(value), "scaled": scaled.get(name, "")}
        for name, value in values.items()
        if name not in tensors and value is not None
    ]
    if scaled:
        arguments.append({"name": "target_scale", "type": "float", "value": "1.0", "scaled": ""})
    is_list = isinstance(threshold, list | tuple)
    columns = is_list and record.outputs == "one"  # a threshold for each label
    imports = {"import torch", "import torch.nn.functional as F", "from torch import Tensor", *source.imports}
    body = "\n".join(source.functions)
    if "F." not in body:
        imports.discard("import torch.nn.functional as F")
    # Python, not HTML: texts go through _doc, values through _literal.
    return template("best_loss.py.j2", escape=False).render(
        title=_doc(record.name + (f", {words.settings(params)}" if params else "")),
        name=_doc(record.name),
        rule=record.rule.__name__,
        origin=_doc(origin),
        scaled=bool(scaled),
        target_scale=_literal(float(target_scale)) if target_scale else "",
        optimizer=_doc(optimizer_line(optimizer)) if optimizer else "",
        shapes=[_doc(line) for line in shapes(record)[:2]],
        imports=sorted(imports, key=lambda line: (line.startswith("from"), line)),
        constants=source.constants,
        functions=source.functions,
        arguments=arguments,
        tensors=[{"name": name, "value": _literal(value)} for name, value in tensors.items()],
        kind=record.kind,
        soft=record.target == "class or distribution",
        signs=record.target == "sign",
        ignore_index=ignore_index,
        outputs=record.outputs,
        threshold=None if threshold is None else _literal(threshold),
        columns=columns,
        threshold_name="SHIFT" if is_list and not columns else "THRESHOLD",
        score=SCORES.get(record.link, {}).get(record.outputs, ""),
    )


def _own_function(loss: Callable[..., Any], optimizer: Mapping[str, Any] | None, origin: str) -> str:
    if not str(getattr(loss, "__name__", "")).isidentifier():
        raise UnreadableError("its name is no name in Python")
    source = Source.of([loss])
    line = f"\n    {_doc(optimizer_line(optimizer))}\n" if optimizer else ""
    parts = [
        f'"""The loss that losslab chose: your own function {loss.__name__}.\n\n{_doc(origin)}\n{line}"""',
        "from __future__ import annotations",
        "\n".join(
            sorted({"import torch", "from torch import Tensor", *source.imports}, key=lambda x: x.startswith("from"))
        ),
        *(["\n".join(source.constants)] if source.constants else []),
    ]
    module = (
        f'class BestLoss(torch.nn.Module):\n    """The mean of {loss.__name__}."""\n\n'
        "    def forward(self, input: Tensor, target: Tensor) -> Tensor:\n"
        f"        return {loss.__name__}(input, target).mean()"
    )
    return "\n\n".join(parts) + "\n\n\n" + "\n\n\n".join([*source.functions, module]) + "\n"


def _import_it(
    loss: Any, params: Mapping[str, Any], optimizer: Mapping[str, Any] | None, origin: str, reason: str
) -> str:
    rule = loss.rule if isinstance(loss, LossRecord) else loss
    kind = rule if inspect.isfunction(rule) or inspect.isclass(rule) else type(rule)
    name, module = kind.__qualname__, kind.__module__
    lines = ["The loss that losslab chose is your own, and its source could not be copied here:", f"{reason}.", ""]
    if module == "__main__" or "<" in name:
        lines += [f"Use {name} from the script that ran the search."]
    else:
        lines += ["Import it where you defined it:", "", f"    from {module} import {name.split('.')[0]}"]
    lines += ["", f"It was used as: {rule!r}" if kind is type(rule) else f"It was used as: {name}(input, target)"]
    lines += [f"with {words.settings(params)}"] if params else []
    lines += ["", f"    {optimizer_line(optimizer)}"] if optimizer else []
    lines += ["", origin] if origin else []
    return f'"""{_doc(chr(10).join(lines))}\n"""\n'


def _doc(text: str) -> str:
    """Text that cannot end the docstring it stands in, nor show its reader other code than Python reads."""
    lines = (words.clean(line) for line in text.splitlines())
    return "\n".join(lines).replace("\\", "\\\\").replace('"', "'")


def _literal(value: Any) -> str:
    """A value as Python source, exact."""
    if isinstance(value, torch.Tensor):
        value = value.tolist()
    if isinstance(value, list | tuple):
        inside = ", ".join(_literal(item) for item in value)
        return f"({inside})" if isinstance(value, tuple) else f"[{inside}]"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value)
