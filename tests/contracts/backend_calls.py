"""Random calls of a loss as a library's users make them, right and wrong."""

import random
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from losslab.spec.interval import Interval
from losslab.spec.record import LossRecord
from losslab.testing.samples import inside, into

FLOATS = (torch.float32, torch.float32, torch.float32, torch.float64, torch.float16, torch.bfloat16)
WRONG = (
    "shape", "label", "label below", "target nan", "target beyond", "input beyond", "input inf", "input nan", "name",
    "parameter", "reduction", "whole target", "complex", "list", "weight shape", "mask numbers", "empty word",
    "weight zero", "ignored", "masked", "position", "twice", "class_dim", "upstream inf", "upstream nan", "no tensor",
)  # fmt: skip


@dataclass
class Call:
    """loss(*args, **options), within contexts; `leaves` are the tensors whose gradients are compared."""

    args: list[Any]
    options: dict[str, Any]
    leaves: dict[str, Tensor] = field(default_factory=dict)
    within: str = "nothing"
    checks: str = "always"
    as_torch: bool = False
    late: bool = False  # whether the loss was called before, so that smells are no longer looked for
    scale: float = 1.0
    wrong: str = ""


def drawn(record: LossRecord, seed: int, sizes: tuple[int, ...] = ()) -> Call:
    """sizes: how many elements the input may have, about; drawn where nothing is given."""
    draw = random.Random(f"{record.name} {seed}")
    torch.manual_seed(seed)
    shape, class_dim = _shape(record, draw, draw.choice(sizes) if sizes else None)
    dtype = draw.choice(FLOATS)
    input = _laid(_numbers(record.input_domain, shape, draw), draw).to(dtype)
    rows = shape[:class_dim] + shape[class_dim + 1 :] if record.kind == "rowwise" else shape
    options = _options(record, draw, shape, class_dim, dtype)
    target = _target(record, draw, input, rows, class_dim, dtype, options)
    for key, chance in (("sample_weight", 0.3), ("mask", 0.3)):
        if draw.random() < chance:
            options[key] = _laid(torch.rand(rows) if key == "sample_weight" else torch.rand(rows) > 0.3, draw)
            if key == "sample_weight" and draw.random() < 0.3:
                options[key] = options[key].to(draw.choice((torch.float64, torch.bfloat16))) * (torch.rand(rows) > 0.4)
    call = Call([input, target], options)
    call.within = draw.choice(("nothing",) * 5 + ("no_grad", "inference_mode", "autocast", "float64", "no leaves"))
    call.checks, call.as_torch = draw.choice(("always", "always", "first", "off")), draw.random() < 0.1
    call.late, call.scale = draw.random() < 0.5, draw.choice((1.0, 1.0, -0.37, 0.0, 3e4))
    if draw.random() < 0.25:
        _spoil(record, call, draw)
    _choose_leaves(call, draw)
    return call


def _shape(record: LossRecord, draw: random.Random, size: int | None) -> tuple[tuple[int, ...], int]:
    if size is None:
        size = draw.choice((0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100, 255, 1000, 4095, 4096, 4100, 5000))
    if record.kind == "pointwise":
        return draw.choice(((size,), (size, 1), (max(size // 6, 1), 6), (2, max(size // 10, 1), 5), ())), 0
    classes = draw.choice((1, 2, 3, 5, 10, 16, 17, 70))
    if draw.random() < 0.1:
        return (classes,), 0
    count = max(size // classes, 0 if size == 0 else 1)
    rows = draw.choice(((count,), (count,), (count, 1), (max(count // 4, 1), 4), (2, max(count // 6, 1), 3)))
    place = draw.randrange(len(rows) + 1)
    place = 1 if draw.random() < 0.5 else place
    return (*rows[:place], classes, *rows[place:]), place


def _numbers(domain: Interval, shape: tuple[int, ...], draw: random.Random) -> Tensor:
    return into(domain, draw.choice((0.5, 2.0, 2.0, 6.0)) * torch.randn(shape, dtype=torch.float64))


def _laid(tensor: Tensor, draw: random.Random) -> Tensor:
    """The same numbers in another layout."""
    how = draw.choice(("plain",) * 4 + ("transposed", "sliced", "expanded", "offset"))
    if how == "transposed" and tensor.ndim > 1:
        return tensor.transpose(0, -1).contiguous().transpose(0, -1)
    if how == "sliced" and tensor.ndim:
        return tensor.repeat_interleave(2, -1)[..., ::2]
    if how == "expanded" and tensor.ndim and tensor.shape[0]:
        return tensor[:1].expand(tensor.shape)
    if how == "offset":
        return torch.cat((tensor.new_zeros(3), tensor.reshape(-1)))[3:].view(tensor.shape)
    return tensor


def _target(
    record: LossRecord, draw: random.Random, input: Tensor, rows: tuple[int, ...], class_dim: int, dtype: torch.dtype,
    options: dict[str, Any],
) -> Tensor:  # fmt: skip
    other = dtype if draw.random() < 0.6 else draw.choice(FLOATS)
    if record.kind == "rowwise":
        classes = input.shape[class_dim]
        if record.target == "class or distribution" and draw.random() < 0.35:
            soft = (2 * torch.randn(input.shape, dtype=torch.float64)).softmax(class_dim)
            return _laid(soft.movedim(class_dim, 0), draw).movedim(0, class_dim).to(other)
        target = torch.randint(classes, rows)
        if record.takes_ignore_index and draw.random() < 0.4:
            options["ignore_index"] = draw.choice((-100, -1, 0, classes - 1, None, 300))
        ignored = options.get("ignore_index", -100 if record.takes_ignore_index else None)
        if ignored is not None and draw.random() < 0.4:
            target = torch.where(torch.rand(rows) < 0.3, ignored, target)
        return _laid(target, draw).to(draw.choice((torch.int64, torch.int64, torch.int32, torch.int16)))
    if record.target == "probability":
        target = torch.rand(rows, dtype=torch.float64)
        target = target if draw.random() < 0.5 else (target > 0.5).double()
    elif record.target == "sign":
        target = record.spell((torch.rand(rows) > 0.5).double())
    else:
        target = _numbers(record.target_domain, rows, draw)
        target = (
            torch.where(torch.rand(rows) < 0.1, input.double(), target) if record.target_domain.low < -1 else target
        )
    return _laid(target, draw).to(other)


def _options(
    record: LossRecord, draw: random.Random, shape: tuple[int, ...], class_dim: int, dtype: torch.dtype
) -> dict[str, Any]:  # fmt: skip
    options: dict[str, Any] = {}
    for name, parameter in record.parameters.items():
        if draw.random() < 0.5:
            continue
        value: Any = inside(parameter.search, parameter.log, draw.random()) if parameter.search else parameter.default
        if name in ("p", "order"):
            value = draw.choice((1, 2))
        if draw.random() < 0.25:
            value = torch.tensor(float(value), dtype=draw.choice((torch.float32, torch.float64)))
            value.requires_grad_(draw.random() < 0.4)
        options[name] = value
    for name, words in record.choices.items():
        if draw.random() < 0.3:
            options[name] = draw.choice(words)
    if record.takes_weight and draw.random() < 0.3:
        over = shape[class_dim : class_dim + 1] if record.kind == "rowwise" else shape
        over = shape[-1:] if record.kind == "pointwise" and draw.random() < 0.4 else over
        options["weight"] = _laid(0.2 + torch.rand(over), draw).to(draw.choice((dtype, torch.float32, torch.float64)))
    for name in record.per_class:
        options[name] = torch.randint(1, 50, shape[class_dim : class_dim + 1])
    if record.kind == "rowwise" and (class_dim != 1 or draw.random() < 0.2):
        options["class_dim"] = class_dim - len(shape) if draw.random() < 0.5 else class_dim
    if draw.random() < 0.6:
        options["reduction"] = draw.choice(("mean", "sum", "none"))
    for name, words in (("normalize", ("weight", "count")), ("empty", ("zero", "nan", "raise"))):
        if draw.random() < 0.3:
            options[name] = draw.choice(words)
    return options


def _choose_leaves(call: Call, draw: random.Random) -> None:
    if call.within in ("no leaves", "inference_mode"):
        return
    candidates: dict[str, Any] = {"input": call.args[0], "target": call.args[1], **call.options}
    for name, one in candidates.items():
        chance = {"input": 0.85, "target": 0.05, "weight": 0.05, "sample_weight": 0.05}.get(name, 0.0)
        learnable = isinstance(one, Tensor) and (one.is_floating_point() or one.is_complex())
        if learnable and (one.requires_grad or draw.random() < chance):
            call.leaves[name] = one


def _spoil(record: LossRecord, call: Call, draw: random.Random) -> None:
    """Makes one thing wrong, or at least strange."""
    call.wrong = wrong = draw.choice(WRONG)
    call.checks = "always"
    input, target, options = call.args[0], call.args[1], call.options
    labels = record.kind == "rowwise" and not target.is_floating_point()
    somewhere = torch.rand(target.shape) < max(0.1, 1 / max(target.numel(), 1))
    if wrong == "shape":
        call.args[1] = target.unsqueeze(-1) if draw.random() < 0.5 else target.reshape(-1)[1:]
    elif wrong in ("label", "label below") and labels:
        off = input.shape[options.get("class_dim", 1) if input.ndim > 1 else 0] if wrong == "label" else -1
        call.args[1] = torch.where(somewhere, off, target)
    elif wrong in ("target nan", "target beyond") and target.is_floating_point():
        call.args[1] = torch.where(somewhere, torch.nan if wrong == "target nan" else -3.0, target)
    elif wrong in ("input beyond", "input inf", "input nan"):
        number = {"input beyond": draw.choice((-3.0, 3.0)), "input nan": torch.nan}.get(
            wrong, draw.choice((-1, 1)) * torch.inf
        )
        call.args[0] = torch.where(torch.rand(input.shape) < 0.1, number, input)
    elif wrong in ("name", "reduction", "empty word", "class_dim"):
        bad = {
            "name": ("sizes", 1),
            "reduction": ("reduction", "avg"),
            "class_dim": ("class_dim", draw.choice((7, 1.0))),
        }
        key, value = bad.get(wrong, ("empty", "none"))
        options[key] = value
    elif wrong == "parameter" and record.parameters:
        options[draw.choice(list(record.parameters))] = draw.choice((-1e6, torch.nan, torch.inf, "1", None, True))
    elif wrong == "whole target":
        call.args[1] = target.round().long() if target.is_floating_point() else target.to(torch.uint8)
    elif wrong in ("complex", "list", "no tensor"):
        call.args[0] = {"complex": input.to(torch.complex64), "list": [0.5, 1.0], "no tensor": None}[wrong]
    elif wrong == "weight shape":
        options["sample_weight"] = torch.ones(3, 2, 5)
    elif wrong == "mask numbers":
        options["mask"] = torch.ones(target.shape)
    elif wrong == "weight zero":
        options["sample_weight"] = torch.zeros(_rows(record, call))
    elif wrong == "masked":
        options["mask"] = torch.zeros(_rows(record, call), dtype=torch.bool)
    elif wrong == "ignored" and labels and record.takes_ignore_index:
        call.args[1] = torch.full_like(target, -100)
        options.pop("ignore_index", None)
    elif wrong == "position":
        call.args.append(draw.choice((1.0, "sum", None)))
    elif wrong == "twice" and record.positional:
        call.args.append(
            record.parameters[record.positional[0]].default if record.positional[0] in record.parameters else None
        )
        options[record.positional[0]] = call.args[-1]
    elif wrong in ("upstream inf", "upstream nan"):
        call.scale = torch.inf if wrong == "upstream inf" else torch.nan
    if wrong in ("target nan", "input inf", "input nan") and "sample_weight" in options:
        options["sample_weight"] = options["sample_weight"] + 0.25  # NaN times 0 is NaN by a rule, left out by a kernel


def _rows(record: LossRecord, call: Call) -> tuple[int, ...]:
    shape = list(call.args[0].shape)
    if record.kind == "rowwise":
        del shape[call.options.get("class_dim", 1) if len(shape) > 1 else 0]
    return tuple(shape)
