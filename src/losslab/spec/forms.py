"""The functional form of a loss, made from its record: names, checks, precision, ignored elements, rule, reduction."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from losslab.spec import checks, compatible, compiled, deferred, plug, policy, sets
from losslab.spec.describe import describe
from losslab.spec.interval import REAL, harmless
from losslab.spec.precision import as_real, call, computing_dtype
from losslab.spec.record import LossRecord
from losslab.spec.reduction import denominator, reduce, weighted
from losslab.spec.smells import check_smells, check_weights

EITHER, KEYWORD = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
_is_compiling = torch.compiler.is_compiling
COMMON: dict[str, Any] = {
    "sample_weight": None,
    "mask": None,
    "reduction": "mean",
    "normalize": "weight",
    "empty": "zero",
    "reuse_logits": False,  # of rowwise losses
}


def functional(record: LossRecord) -> Callable[..., Tensor]:
    """The loss as a function `form(input, target, *positional, **keywords)`; see the text that it carries."""
    names, defaults, taken = record.tensors, arguments(record), inspect.signature(record.rule).parameters
    form = _of_two(record, defaults) if record.layout is None else _of_several(record, defaults)
    # Code of its own: tracebacks name the loss, and torch.compile keeps its (limited) compilations per code object.
    form.__code__ = form.__code__.replace(co_name=record.name, co_qualname=record.name)
    form.__name__ = form.__qualname__ = record.name
    form.__module__ = "losslab.functional"
    form.__doc__ = describe(record, defaults)
    left_out = {n: taken[n].default if record.layout else inspect.Parameter.empty for n in names}
    tensors = [inspect.Parameter(n, EITHER, default=default, annotation=Tensor) for n, default in left_out.items()]
    form.__signature__ = signature(tensors, record.positional, defaults, Tensor)  # type: ignore[attr-defined]
    return form


def _of_two(record: LossRecord, defaults: Mapping[str, Any]) -> Callable[..., Tensor]:
    way = plug.way_of(record)

    def form(input: Tensor, target: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if way is not None and not _is_compiling():
            quick: Tensor | None = way(input, target, args, kwargs)
            if quick is not None:
                return quick
        return by_rule(record, defaults, input, target, args, kwargs)

    return form


def by_rule(
    record: LossRecord, defaults: Mapping[str, Any], input: Tensor, target: Tensor, args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Tensor:  # fmt: skip
    """The functional form of a loss of two tensors, computed by its rule."""
    given = bind(record.name, record, record.positional, defaults, args, kwargs)
    value, weight, keep = elements(record, input, target, given)
    empty = compatible.empty(given["empty"], "empty" in kwargs)
    loss = reduce(record.name, value, weight, keep, given["reduction"], given["normalize"], empty)
    return compatible.in_type(loss, input, target)


def _of_several(record: LossRecord, defaults: Mapping[str, Any]) -> Callable[..., Tensor]:
    names, taken = record.tensors, inspect.signature(record.rule).parameters
    way = plug.way_of(record)

    def form(*args: Any, **kwargs: Any) -> Tensor:
        if way is not None and not _is_compiling():
            quick: Tensor | None = way(None, None, args, kwargs)
            if quick is not None:
                return quick
        tensors, keywords = sets.split(record.name, names, taken, args, kwargs)
        given = bind(record.name, record, record.positional, defaults, args[len(names) :], keywords)
        value, weight, keep, per = several(record, tensors, given)
        reduction = given["reduction"]
        value = value / per if reduction == "mean" and per is not None else value
        empty = compatible.empty(given["empty"], "empty" in keywords)
        loss = reduce(record.name, value, weight, keep, reduction, given["normalize"], empty)
        return compatible.in_type(loss, *tensors.values())

    return form


def several(
    record: LossRecord, tensors: dict[str, Any], given: Mapping[str, Any]
) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """The unreduced loss of several tensors, weights, what is kept, and the parts of which each value is the sum."""
    assert record.layout is not None
    own = {key: value for key, value in given.items() if key not in COMMON and value is not None}
    keyword = {key: own.pop(key) for key in record.layout.operands if key in own}
    tensors = {key: tensor for key, tensor in {**tensors, **keyword}.items() if tensor is not None}
    tensors = compatible.stretched_pair(record, tensors)
    common = {key: given[key] for key in COMMON if key in given}
    return sets.elements(record, record.layout, tensors, own, common, call)


def parts(record: LossRecord, *operands: Tensor, **options: Any) -> tuple[Tensor, Tensor]:
    """The sum of the loss and what it is to be divided by, both without dimension.

    Sums over several batches (gradient accumulation, several processes) are divided once, by the sum of all weights.
    Takes the tensors and keywords of the functional form; `reduction` and `empty` have no effect.
    """
    if record.layout is None:
        given = bind(record.name, record, (), arguments(record), (), options)
        input, target = operands
        value, weight, keep = elements(record, input, target, given)
    else:
        taken = inspect.signature(record.rule).parameters
        tensors, options = sets.split(record.name, record.tensors, taken, operands, options)
        given = bind(record.name, record, (), arguments(record), (), options)
        value, weight, keep, per = several(record, tensors, given)
        value = value if per is None else value / per
    total = denominator(value, weight if given["normalize"] == "weight" else None, keep)
    return value.sum(), torch.as_tensor(total, dtype=value.dtype, device=value.device)


def arguments(record: LossRecord) -> dict[str, Any]:
    """Every argument after the tensors, with its default, in the order that all losses share."""
    layout, taken = record.layout, inspect.signature(record.rule).parameters
    elsewhere = ("weight",) if layout is None else ("mask",)
    own = {n: one.default for n, one in list(taken.items())[len(record.tensors) :] if n not in elsewhere}
    weight = {"weight": None} if record.takes_weight else {}
    ignore = {"ignore_index": -100} if record.takes_ignore_index else {}
    over_classes = record.kind == "rowwise" or (layout is not None and layout.class_dims)
    class_dim = {"class_dim": 1} if over_classes else {}
    absent = {"mask"} if layout is not None and layout.mask is None else set()
    absent |= {"reuse_logits"} if record.kind != "rowwise" else set()
    common = {key: value for key, value in COMMON.items() if key not in absent}
    return {**own, **weight, **ignore, **class_dim, **common}


def signature(
    first: list[inspect.Parameter], places: tuple[str, ...], defaults: Mapping[str, Any], result: Any
) -> inspect.Signature:
    """`first`, then the options that may be passed by position, then the others."""
    by_place = [inspect.Parameter(name, EITHER, default=defaults[name]) for name in places]
    by_name = [inspect.Parameter(n, KEYWORD, default=d) for n, d in defaults.items() if n not in places]
    return inspect.Signature(first + by_place + by_name, return_annotation=result)


def bind(
    name: str,
    record: LossRecord,
    places: tuple[str, ...],
    defaults: Mapping[str, Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> dict[str, Any]:
    """The value of every argument; refuses unknown names, bad choices and parameters out of bounds."""
    if len(args) > len(places):
        takes = f"only {', '.join(places)}" if places else "none"
        raise TypeError(
            f"{name}: {len(args)} options by position, but {takes} may be passed so; name them (reduction=...)"
        )
    given = dict(zip(places, args, strict=False))
    twice = given.keys() & kwargs.keys()
    if twice:
        raise TypeError(f"{name}: {', '.join(sorted(twice))} given both by position and by name")
    checks.check_names(name, kwargs, defaults)
    given = {**defaults, **given, **{key: value for key, value in kwargs.items() if key in defaults}}
    checks.check_given(name, record, given)
    checks.check_choices(name, record, given)
    checks.check_numbers(name, record, given)
    checks.check_flags(name, given, defaults)
    checks.check_ignore_index(name, given.get("ignore_index"))
    return given


def elements(
    record: LossRecord, input: Tensor, target: Tensor, given: Mapping[str, Any]
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """The unreduced loss, the weight of each element (None: one) and which elements are kept (None: all)."""
    input, target, own, keep, value_shape = prepared(record, input, target, given)
    result = call(record, {"input": input, "target": target}, own)
    value, counted = result if isinstance(result, tuple) else (result, None)
    if value.shape != value_shape:
        raise ValueError(
            f"{record.name}: the rule returned shape {tuple(value.shape)}; it must return one value per element, "
            f"shape {tuple(value_shape)}, and never reduce"
        )
    if keep is not None:
        value = torch.where(keep, value, 0.0)
        counted = keep.to(value.dtype) if counted is None else torch.where(keep, counted, 0.0)
    sample_weight = given["sample_weight"]
    if sample_weight is not None:
        checks.check_like(record.name, "sample_weight", sample_weight, value_shape)
        sample_weight = sample_weight.to(value.dtype)
        value = weighted(value, sample_weight)
        counted = sample_weight if counted is None else counted * sample_weight
    return value, counted, keep


def prepared(
    record: LossRecord, input: Tensor, target: Tensor, given: Mapping[str, Any]
) -> tuple[Tensor, Tensor, dict[str, Any], Tensor | None, torch.Size]:
    """Input and target as the rule takes them, its options, which elements are kept, and the shape of the values.

    Everything is checked here, and smells are looked for.
    """
    checks.check_tensors(record, input, target)
    checks.check_devices(record.name, {"input": input, "target": target, **given})
    input, target = compatible.stretched(record, input, target)
    own = {key: value for key, value in given.items() if key not in COMMON and value is not None}
    ignore_index = own.pop("ignore_index", None)
    weight = own.get("weight")
    class_dim = checks.check_class_dim(record.name, own.pop("class_dim", 1), input)
    soft = False
    if record.kind == "rowwise":
        soft = checks.check_rowwise(record, input, target, class_dim)
    else:
        checks.check_pointwise(record, input, target)
    if weight is not None:
        checks.check_weight(record, weight, input, class_dim)
    for key in record.per_class:
        checks.check_per_class(record.name, key, own[key], input.shape[class_dim])
    checks.check_parameter_shapes(record, {k: v for k, v in own.items() if k in record.parameters}, input)

    dtype, off = computing_dtype(input, target), checks.rounding(target)
    input = input.to(dtype)
    if record.kind == "rowwise":
        input = input.movedim(class_dim, -1)
        target = target.to(dtype).movedim(class_dim, -1) if soft else target.long()
    else:
        target = target.to(dtype)
    value_shape = input.shape[:-1] if record.kind == "rowwise" else input.shape
    own = {key: as_real(value, dtype) for key, value in own.items()}

    domain = record.input_domain if record.input_domain_of is None else record.input_domain_of(**own)
    keep = kept(record, target, given["mask"], ignore_index, value_shape, soft)
    if keep is not None:
        rows = keep.unsqueeze(-1) if record.kind == "rowwise" else keep
        input = torch.where(rows, input, harmless(domain))
        target = replaced(record, target, rows if soft else keep, soft)
    if torch.compiler.is_compiling():
        compiled.asserted(record, input, target, domain)
    bad_values, smells = policy.looks(record.name, input)
    bad_values = bad_values and not compatible.unlooked(record, record.kind == "rowwise" and not soft)
    if (bad_values or smells) and policy.waits(input):
        target = deferred.judged(record, input.detach(), target, soft, domain, off, values=bad_values, smells=smells)
        bad_values = smells = False
    if bad_values:
        checks.check_values(record, input.detach(), target.detach(), soft, domain, off)
    if smells:
        check_smells(record, input.detach(), target.detach())
        check_weights(record.name, {k: given.get(k) for k in ("weight", "sample_weight")})
    return input, target, own, keep, value_shape


def kept(
    record: LossRecord, target: Tensor, mask: Any, ignore_index: int | None, value_shape: torch.Size, soft: bool
) -> Tensor | None:
    """Which elements of the unreduced loss count; None when all do and nothing needs a look."""
    if mask is not None:
        checks.check_like(record.name, "mask", mask, value_shape)
    if ignore_index is None:
        return mask
    if soft:
        if ignore_index >= 0:
            raise ValueError(
                f"{record.name}: ignore_index = {ignore_index} has no meaning for targets that are probabilities; "
                "leave rows out with mask"
            )
        return mask
    keep = target != ignore_index
    return keep if mask is None else keep & mask


def replaced(record: LossRecord, target: Tensor, keep: Tensor, soft: bool) -> Tensor:
    """The target with something legal where an element is left out."""
    if record.kind == "pointwise":
        if record.target == "sign":
            return torch.where(keep, target, 1.0)
        value = (
            0.0 if record.target == "probability" or record.target_domain == REAL else harmless(record.target_domain)
        )
        return torch.where(keep, target, value)
    return torch.where(keep, target, 1 / target.shape[-1] if soft else 0)
