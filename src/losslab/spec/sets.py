"""The functional form of a loss of several tensors (kind "set"), made from its record and layout."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from losslab.spec import checks, contents, deferred, hints, policy
from losslab.spec.layout import INTEGERS, Layout, Operand, bind_dims, shape_of
from losslab.spec.operands import (
    actual,
    as_one_type,
    check_labels,
    class_place,
    classes_in_place,
    filled,
    kept,
    moved,
    narrowed,
)
from losslab.spec.record import LossRecord, SetCase
from losslab.spec.reduction import weighted
from losslab.spec.smells import check_nan


def layout_of(record: LossRecord) -> Layout:
    if record.layout is None:
        raise TypeError(f'{record.name}: a loss of kind "set" needs a layout')
    return record.layout


def split(
    name: str, names: tuple[str, ...], taken: Mapping[str, inspect.Parameter], args: tuple[Any, ...], kwargs: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The operands of a call by name, and its other keywords; raises TypeError for an operand that is missing."""
    operands = dict(zip(names, args, strict=False))
    twice = operands.keys() & kwargs.keys()
    if twice:
        raise TypeError(f"{name}: {', '.join(sorted(twice))} given both by position and by name")
    operands |= {key: value for key, value in kwargs.items() if key in names}
    missing = [n for n in names if n not in operands and taken[n].default is inspect.Parameter.empty]
    if missing:
        raise TypeError(f"{name}: {', '.join(missing)} missing; it takes {', '.join(names)}")
    return operands, {key: value for key, value in kwargs.items() if key not in names}


def elements(
    record: LossRecord, layout: Layout, tensors: dict[str, Any], own: dict[str, Any], common: Mapping[str, Any],
    call: Callable[..., Any],
) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:  # fmt: skip
    """The unreduced loss, the weight of each element, which are kept, and what the mean divides each by (None: one).

    tensors: the operands that were given; own: the loss's options; common: those that all losses share.
    """
    name = record.name
    # An option of None is not among `own`; where torch's own default is None, it means -100.
    ignore_index = own.pop("ignore_index", -100 if record.takes_ignore_index and record.torch_name else None)
    class_dim, given = own.pop("class_dim", 1), tensors
    lengths = [key for key, one in layout.operands.items() if one.holds == "length"]
    tensors |= {k: torch.as_tensor(tensors[k]) for k in lengths if isinstance(tensors.get(k), list | tuple)}
    if layout.prepare is not None:
        tensors = layout.prepare(tensors)
    check_operands(record, layout, tensors)
    check_labels(record, layout, tensors, class_dim)
    placed = {key: one for key, one in tensors.items() if layout.operands[key].holds != "length"}
    checks.check_devices(name, {**placed, **own, **common})
    operands = actual(layout, tensors)
    off = checks.rounding(*tensors.values())
    tensors = as_one_type(operands, classes_in_place(operands, tensors, class_dim))
    sizes = bind_dims(name, operands, tensors)
    wanted = torch.Size(shape_of(layout.unreduced, sizes))
    outer = None if layout.outer is None else torch.Size(layout.outer(given))
    if outer is not None:
        common = {**common, **{k: inside(name, k, common.get(k), outer, wanted) for k in ("mask", "sample_weight")}}
    mask, at = common.get("mask"), class_place(layout.mask)
    if mask is not None and at is not None:
        checks.check_like(name, "mask", mask, moved(torch.Size(shape_of(layout.mask or "", sizes)), at, class_dim))
        mask = mask.movedim(class_dim, at)
    keep = kept(record, layout, operands, tensors, sizes, mask, ignore_index)
    if keep is not None:
        tensors = filled(layout, operands, tensors, keep, sizes)
    tensors = look(
        record, operands, tensors, sizes, {**own, "reduction": common["reduction"], "mask": keep, "off": off}
    )

    masked = {"mask": keep} if record.reads_mask else {}
    value, counted = as_pair(call(record, tensors, {**own, **masked}))
    wanted, whole = value.shape if layout.fewer and value.shape == wanted[: value.ndim] else wanted, wanted
    if value.shape != wanted:
        raise ValueError(f"{name}: the rule returned shape {tuple(value.shape)}; it must be {tuple(wanted)}")
    if keep is not None:
        keep = narrowed(keep, layout, sizes)
        keep = keep if wanted == whole else keep.reshape(*wanted, -1).any(-1)
        value = torch.where(keep, value, 0.0)
        counted = keep.to(value.dtype) if counted is None else torch.where(keep, counted, 0.0)
    at = class_place(layout.unreduced)
    if at is not None:  # as the caller has them
        value = value.movedim(at, class_dim)
        counted, keep = (None if one is None else one.movedim(at, class_dim) for one in (counted, keep))
    sample_weight = common["sample_weight"]
    if sample_weight is not None:
        checks.check_like(name, "sample_weight", sample_weight, wanted if at is None else value.shape)
        sample_weight = sample_weight.to(value.dtype)
        value = weighted(value, sample_weight)
        counted = sample_weight if counted is None else counted * sample_weight
    if outer is not None:
        value = value.reshape(outer)
        counted, keep = (None if one is None else one.reshape(outer) for one in (counted, keep))
    return value, counted, keep, None if layout.per is None else layout.per(tensors)


def inside(name: str, key: str, one: Any, outer: torch.Size, wanted: torch.Size) -> Any:
    """What has the caller's shape of the unreduced loss, in the rule's."""
    if one is None:
        return None
    checks.check_like(name, key, one, outer)
    return one.reshape(wanted)


def as_pair(result: Any) -> tuple[Tensor, Tensor | None]:
    return result if isinstance(result, tuple) else (result, None)


def check_operands(record: LossRecord, layout: Layout, tensors: Mapping[str, Any]) -> None:
    for key, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{record.name}: {not_a_tensor(layout, key, tensor)}")
        contents.check_type(record, key, layout.operands[key], tensor)


def not_a_tensor(layout: Layout, key: str, value: Any) -> str:
    if layout.operands[key].holds == "length":
        return f"{key} must be a torch.Tensor, list or tuple with a length for each row, found {type(value).__name__}"
    return hints.not_a_tensor(key, value)


def look(
    record: LossRecord,
    operands: Mapping[str, Operand],
    tensors: dict[str, Tensor],
    sizes: Mapping[str, tuple[int, ...]],
    own: Mapping[str, Any],
) -> dict[str, Tensor]:
    """Refuses wrong values and warns of those that look like a mistake, as often as the policy says.

    Returns the operands to go on with.
    own: the loss's options, the reduction, under "mask" which elements are kept (None: all), and under "off" by how
        much distributions may miss a sum of one.
    """
    bad_values, smells = policy.looks(record.name, next(iter(tensors.values())))
    plain = {key: tensor.detach() for key, tensor in tensors.items()} if bad_values or smells else {}
    if any(policy.waits(tensor) for tensor in plain.values()):
        return deferred.judged_all(record, operands, tensors, sizes) if bad_values else tensors
    if bad_values:
        for key, tensor in plain.items():
            contents.check_contents(record, key, operands[key], tensor, sizes, own["off"])
        if record.refuses is not None and (wrong := record.refuses(plain, own)):
            raise ValueError(f"{record.name}: {wrong}")
    padded = any(one.holds == "length" for one in operands.values())  # what stands behind the ends does not matter
    for key, one in operands.items() if smells and not padded else ():
        if plain[key].is_floating_point():
            check_nan(record.name, key, plain[key], one.predicted)
    for key, one in operands.items() if smells and record.torch_name is not None else ():
        if one.holds == "sign" and (wrong := checks.wrong_signs(plain[key], key)):
            policy.warn_once(record.name, "sign", f"{wrong}. torch computes something for it, and so does this loss")
    if smells and record.smells is not None and (odd := record.smells(plain, own)):
        for topic, text in ({"smell": odd} if isinstance(odd, str) else odd).items():
            policy.warn_once(record.name, topic, text)
    return tensors


def worked(record: LossRecord, case: SetCase) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The operands and options of a hand-worked case, in double precision."""
    layout = layout_of(record)
    batch = {key: as_operand(layout.operands[key], value) for key, value in case.operands.items()}
    return batch, dict(case.options)


def as_operand(operand: Operand, value: Any) -> Tensor:
    tensor = torch.as_tensor(value)
    if operand.holds in INTEGERS or (operand.holds == "class or distribution" and not tensor.is_floating_point()):
        return tensor.long()
    return torch.as_tensor(value, dtype=torch.float64)
