"""What a loss refuses, in words: what was found, where, and what to do."""

import inspect
import math
from collections.abc import Mapping
from difflib import get_close_matches
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from losslab.spec import hints, policy
from losslab.spec.interval import REAL, UNIT, Interval
from losslab.spec.record import LossRecord
from losslab.spec.reduction import CHOICES


def check_names(name: str, given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Refuses keywords that the loss does not take; `size_average` and `reduce` may be None."""
    for keyword, value in given.items():
        if keyword in known:
            continue
        if keyword in ("size_average", "reduce"):
            if value is None:
                continue
            raise TypeError(f'{name}: {keyword} is not supported; pass reduction="mean", "sum" or "none" instead')
        near = get_close_matches(keyword, known, n=3, cutoff=0.5)
        hint = f"nearest: {', '.join(near)}" if near else f"it takes {', '.join(known)}"
        raise TypeError(f"{name}: unknown argument {keyword!r}; {hint}")


def check_given(name: str, record: LossRecord, given: Mapping[str, Any]) -> None:
    """Nothing that has no default may be left out."""
    for key, value in given.items():
        if value is inspect.Parameter.empty:
            hint = ", one number for each class: torch.bincount(target) of the training rows"
            raise TypeError(f"{name}: {key} is missing{hint if key in record.per_class else ''}")


def check_choices(name: str, record: LossRecord, given: Mapping[str, Any]) -> None:
    more = {"reduction": (*CHOICES["reduction"], *record.more_reductions), **record.choices}
    for keyword, allowed in (CHOICES | more).items():
        value = given[keyword]
        if not isinstance(value, str) or value not in allowed:
            found = f"{type(value).__name__}" if isinstance(value, Tensor) else repr(value)
            raise ValueError(f"{name}: {keyword} = {found}; it must be one of {', '.join(map(repr, allowed))}")


def check_numbers(name: str, record: LossRecord, params: Mapping[str, Any]) -> None:
    """Bounds of parameters given as Python numbers; a tensor is taken as it is (its values may be learnt)."""
    for key, parameter in record.parameters.items():
        value = params[key]
        if isinstance(value, Tensor) or (value is None and parameter.optional):
            continue
        if not isinstance(value, Real) or isinstance(value, bool):
            raise TypeError(f"{name}: {key} must be a number or a tensor, found {type(value).__name__}")
        if float(value) not in parameter.domain:
            raise ValueError(f"{name}: {key} = {value:g} is out of bounds; it must lie in {parameter.domain}")


def check_flags(name: str, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Options that are True or False; a number or a tensor there was meant for another argument."""
    for key, default in defaults.items():
        if isinstance(default, bool) and not isinstance(given[key], bool):
            raise TypeError(f"{name}: {key} must be True or False, found {type(given[key]).__name__}")


def check_ignore_index(name: str, value: Any) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        text = f"{name}: ignore_index must be a whole number, found {value!r}"
        raise TypeError(f"{text}. To leave out several labels, pass mask=(target != 1) & (target != 2)")


def check_devices(name: str, tensors: Mapping[str, Any]) -> None:
    """Everything that has dimensions is on one device; a single number may be anywhere."""
    first, home = "", None
    for key, one in tensors.items():
        if not isinstance(one, Tensor) or (one.ndim == 0 and one.device.type == "cpu"):
            continue
        if home is None:
            first, home = key, one.device
        elif one.device != home:
            raise ValueError(
                f"{name}: {first} is on {home} and {key} on {one.device}; they must be on one device: "
                f"use {key}.to({first}.device)"
            )


def check_tensors(record: LossRecord, input: Any, target: Any) -> None:
    for what, value in (("input", input), ("target", target)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{record.name}: {hints.not_a_tensor(what, value)}")
    if input.is_complex() and record.takes_complex:
        return
    if input.is_complex():
        raise TypeError(f"{record.name}: input is {plain(input.dtype)}; this loss is defined for real numbers only")
    if target.is_complex():
        raise TypeError(f"{record.name}: target is {plain(target.dtype)} but input is {plain(input.dtype)}")
    if not input.is_floating_point():
        raise TypeError(
            f"{record.name}: input is {plain(input.dtype)}; a loss needs floating-point predictions: use input.float()"
            + (" (are input and target swapped?)" if target.is_floating_point() else "")
        )


def check_pointwise(record: LossRecord, input: Tensor, target: Tensor) -> None:
    """Shapes of a loss that compares element with element."""
    if input.shape == target.shape:
        return
    text = f"{record.name}: input has shape {shape(input)} and target {shape(target)}; they must be the same"
    try:
        pairs = math.prod(torch.broadcast_shapes(input.shape, target.shape))
        if pairs > max(input.numel(), target.numel()):
            text += f". Broadcasting would compare every prediction with every target ({pairs} pairs)"
    except RuntimeError:
        pass
    raise ValueError(f"{text}. {_same_shape_fix(input, target)}{hints.two_scores(record, input, target)}")


def _same_shape_fix(input: Tensor, target: Tensor) -> str:
    for longer, shorter, names in ((input, target, ("input", "target")), (target, input, ("target", "input"))):
        if longer.ndim == shorter.ndim + 1:
            for dim in reversed(range(longer.ndim)):
                if longer.shape[dim] == 1 and longer.shape[:dim] + longer.shape[dim + 1 :] == shorter.shape:
                    return f"Use {names[0]}.squeeze({dim}) or {names[1]}.unsqueeze({dim})"
    if input.numel() == target.numel():
        return "Both have as many elements: use target.reshape(input.shape) if their order is the same"
    return "Give both the same shape, one target for each prediction"


def check_class_dim(name: str, class_dim: Any, input: Tensor) -> int:
    """Where the classes are, counted from the front; in a tensor without rows they are the one dimension there is."""
    if not isinstance(class_dim, int) or isinstance(class_dim, bool):
        raise TypeError(f"{name}: class_dim must be a whole number, found {type(class_dim).__name__}")
    if input.ndim <= 1:
        return 0
    if not -input.ndim <= class_dim < input.ndim:
        raise ValueError(f"{name}: class_dim = {class_dim}, but input has the dimensions 0 to {input.ndim - 1}")
    return class_dim % input.ndim


def check_rowwise(record: LossRecord, input: Tensor, target: Tensor, class_dim: int) -> bool:
    """Shapes of a loss over classes; returns whether target holds a distribution for each row."""
    name = record.name
    if input.ndim == 0:
        raise ValueError(f"{name}: input has no dimension; it must be (C), (N, C) or (N, C, d1, ..., dk)")
    if input.shape[class_dim] == 0 and (record.torch_name is None or target.numel() > 0):  # torch takes nothing at all
        raise ValueError(f"{name}: input has shape {shape(input)}: dimension {class_dim} holds no classes")
    expected = input.shape[:class_dim] + input.shape[class_dim + 1 :]
    soft = record.target == "class or distribution"
    floats = target.is_floating_point()
    if soft and floats and target.shape == input.shape:
        return True
    if not floats and target.shape == expected:
        return False
    classes = input.shape[class_dim]
    text = (
        f"{name}: input has shape {shape(input)}, so {classes} classes in dimension {class_dim}; "
        f"target has shape {shape(target)} and dtype {plain(target.dtype)}"
    )
    wants = f"class indices (integers) of shape {tuple(expected)}"
    wants += f", or probabilities of shape {shape(input)}" if soft else ""
    raise ValueError(f"{text}. It must hold {wants}. {_rowwise_fix(input, target, expected, class_dim, soft)}")


def _rowwise_fix(input: Tensor, target: Tensor, expected: torch.Size, class_dim: int, soft: bool) -> str:
    if target.shape == expected:
        return "Use target.long() if these are class indices"
    if input.ndim == 1 and target.shape == input.shape and not target.is_floating_point():
        return "One score for each row is for yes or no: use binary_cross_entropy_with_logits(input, target)"
    if target.shape == input.shape:
        fix = f"Use target.argmax({class_dim}) if the rows are one-hot"
        return fix + (", or target.float() for probabilities" if soft else "")
    if input.ndim > 2 and target.shape == input.shape[:-1]:
        return "Your classes look like the last dimension: pass class_dim=-1"
    if target.ndim == len(expected) + 1 and 1 in target.shape[class_dim : class_dim + 1]:
        return f"Use target.squeeze({class_dim})" + (".long()" if target.is_floating_point() else "")
    return "Give one target for each row of scores"


def check_weight(record: LossRecord, weight: Any, input: Tensor, class_dim: int) -> None:
    """`weight` keeps torch's meaning: per class for losses over classes, per element for the others."""
    name = record.name
    if not isinstance(weight, Tensor):
        raise TypeError(f"{name}: {hints.not_a_tensor('weight', weight)}")
    if record.kind == "rowwise":
        classes = input.shape[class_dim]
        if weight.shape != (classes,):
            raise ValueError(
                f"{name}: weight has shape {shape(weight)}; it must hold one weight per class, shape ({classes},). "
                "For a weight per sample use sample_weight"
            )
    elif record.target == "real":
        check_like(name, "weight", weight, input.shape)
    elif not broadcasts(weight.shape, input.shape):
        raise ValueError(
            f"{name}: weight has shape {shape(weight)}, which does not broadcast to input {shape(input)}"
            + hints.to_broadcast("weight", weight, input)
        )


def check_per_class(name: str, what: str, value: Any, classes: int) -> None:
    """A number for each class that says how often it is seen."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: {hints.not_a_tensor(what, value)}")
    if value.shape != (classes,):
        raise ValueError(f"{name}: {what} has shape {shape(value)}; it must hold one number per class, ({classes},)")
    if not policy.waits(value) and not policy.traced() and not (value > 0).all():
        found, where = first(value, ~(value > 0))
        text = f"{name}: {what} must hold positive numbers, found {found:g}{where}"
        raise ValueError(f"{text}. Of a class that never occurs nothing is known: count it once, {what}.clamp(min=1)")


def check_like(name: str, what: str, value: Any, wanted: torch.Size) -> None:
    """A tensor with one entry for each element of the unreduced loss."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: {hints.not_a_tensor(what, value)}")
    if what == "mask" and value.dtype != torch.bool:
        raise TypeError(f"{name}: mask must be of bool (True keeps), found {plain(value.dtype)}; use mask.bool()")
    if value.shape != wanted:
        raise ValueError(
            f"{name}: {what} has shape {shape(value)}; it must be {tuple(wanted)}, one entry for each element of the "
            "unreduced loss"
        )


def check_parameter_shapes(record: LossRecord, params: Mapping[str, Any], input: Tensor) -> None:
    """A tensor given for a parameter must not blow the loss up to a larger shape."""
    for name, value in params.items():
        if not isinstance(value, Tensor) or value.ndim == 0:
            continue
        if record.kind == "rowwise" or not broadcasts(value.shape, input.shape):
            wanted = "no dimension" if record.kind == "rowwise" else f"a shape that broadcasts to input {shape(input)}"
            fix = "" if record.kind == "rowwise" else hints.to_broadcast(name, value, input)
            raise ValueError(f"{record.name}: {name} has shape {shape(value)}; it must have {wanted}{fix}")


def check_values(record: LossRecord, input: Tensor, target: Tensor, soft: bool, domain: Interval, off: float) -> None:
    """Ranges, looked at after ignored elements were replaced; classes last.

    domain: where the input must lie, with these options. off: by how much distributions may miss a sum of one.
    """
    if record.kind == "rowwise" and soft:
        check_distribution(record.name, target, off=off)
    elif record.kind == "rowwise":
        check_labels(record, target, input.shape[-1])
    elif record.target == "sign":
        if record.torch_name is None and (wrong := wrong_signs(target)):
            raise ValueError(f"{record.name}: {wrong}")
    else:
        check_domain(record.name, "target", target, UNIT if record.target == "probability" else record.target_domain)
    if domain == UNIT or record.input_domain_of is not None or record.torch_name is None:
        check_domain(record.name, "input", input, domain)


def check_labels(record: LossRecord, target: Tensor, classes: int, what: str = "label") -> None:
    if target.numel() == 0:
        return
    low, high = target.aminmax()
    if low >= 0 and high < classes:
        return
    label, index = first(target, (target < 0) | (target >= classes))
    hint = hints.of_labels(int(label), int(low), int(high), classes, record.takes_ignore_index, what)
    raise ValueError(f"{record.name}: {what} {int(label)}{index} is out of range: {hint}")


def rounding(*tensors: Tensor) -> float:
    """By how much probabilities of these types may miss a sum of one."""
    return 1e-2 if any(one.is_floating_point() and one.dtype.itemsize < 4 for one in tensors) else 1e-3


def check_distribution(name: str, target: Tensor, what: str = "target", off: float = 1e-3) -> None:
    """off: by how much a row may miss a sum of one."""
    if target.numel() == 0:
        return
    low = target.min()
    if not low >= 0:
        raise ValueError(f"{name}: {what} holds probabilities, but its smallest value is {low:g}")
    totals = target.sum(-1)
    bad = ~((totals - 1).abs() <= off)
    if bad.any():
        total, index = first(totals, bad)
        fix = hints.of_distributions(target, off)
        raise ValueError(f"{name}: {what} rows must sum to one; the row{index} sums to {total:.6g}. {fix}")


def check_domain(name: str, what: str, value: Tensor, domain: Interval) -> None:
    if domain == REAL or value.numel() == 0 or value.is_complex():
        return
    low, high = (float(x) for x in value.aminmax())
    if low in domain and high in domain:
        return
    inside = (value > domain.low) if domain.open_low else (value >= domain.low)
    inside &= (value < domain.high) if domain.open_high else (value <= domain.high)
    found, index = first(value, ~inside)
    count = int((~inside).sum())
    hint = hints.of_domain(what, value, domain, low, high)
    raise ValueError(
        f"{name}: {what} must lie in {domain}, found values from {low:g} to {high:g} "
        f"({count} outside, the first is {found:g}{index}){hint}"
    )


def wrong_signs(target: Tensor, what: str = "target") -> str:
    """What is wrong with targets that should be -1 and +1, and what to do; empty where nothing is."""
    bad = target.abs() != 1
    if not bad.any():
        return ""
    if ((target == 0) | (target == 1)).all():
        return f"{what} must hold -1 and +1, but holds 0 and 1: use 2 * {what} - 1. A 0 stands for neither class"
    found, index = first(target, bad)
    return f"{what} must hold -1 and +1, but {int(bad.sum())} values are neither: the first is {found:g}{index}"


def first(values: Tensor, bad: Tensor) -> tuple[float, str]:
    """The first bad value and where it is, in words."""
    index = bad.nonzero()[0].tolist()
    return values[tuple(index)].item(), f" at [{', '.join(map(str, index))}]" if index else ""


def broadcasts(small: torch.Size, large: torch.Size) -> bool:
    try:
        return torch.broadcast_shapes(small, large) == large
    except RuntimeError:
        return False


def shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)


def plain(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
