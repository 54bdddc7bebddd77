"""The contract of a loss, as functions that anyone's loss can be put through: `check(record)` runs all that apply.

Each `check_...` raises `ContractError` in words when the loss breaks its part of the contract.
"""

import copy
import inspect
import math
import pickle
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from losslab.spec.declare import CATALOGUE
from losslab.spec.interval import REAL
from losslab.spec.module import module
from losslab.spec.record import Case, LossRecord
from losslab.testing import accumulation, set_samples, sets
from losslab.testing.claims import ContractError, compiled_as_eager, counts, need, quiet, same, value_and_gradient
from losslab.testing.facts import SUITES as FACTS
from losslab.testing.loss_edges import (
    check_counts,
    check_empty,
    check_extremes,
    check_half_precision,
    check_non_contiguous,
    check_shape_errors,
)
from losslab.testing.outcome import Checked
from losslab.testing.samples import draw, kinks, settings, tensors, weights

REDUCTIONS = ("mean", "sum", "none")


def check(record: LossRecord) -> Checked:
    """Runs every suite that applies to the loss; raises one ContractError with all findings.

    Returns the names of the checks that were passed, a list that prints what was not checked too, and why.
    Raises TypeError for what is not a declared loss.
    """
    if not isinstance(record, LossRecord):
        name = getattr(record, "__name__", type(record).__name__)
        raise TypeError(
            f"check wants a declared loss, found {name}: put @losslab.loss on its rule. The gradient alone of any "
            "loss is checked by losslab.check_gradients(loss, input, target)"
        )
    check_that_it_runs(record)
    ran, findings = [], []
    for name, suite in suites_of(record).items():
        ran.append(name)
        try:
            suite(record)
        except Exception as error:
            findings.append(f"{name}: {said(error)}")
    if findings:
        raise ContractError(f"{record.name} breaks {len(findings)} of {len(ran)} checks:\n" + "\n".join(findings))
    return Checked(record, ran, every_suite(record))


def check_that_it_runs(record: LossRecord) -> None:
    """One legal batch, before anything else: a loss that cannot take it would break every check in the same way."""
    try:
        if record.kind == "set":
            quiet(record, **set_samples.draw(record), reduction="none")
        else:
            quiet(record, *draw(record), reduction="none")
    except Exception as error:
        text = f"{record.name}: a legal batch does not get through: {said(error)}"
        raise ContractError(f"{text}\nNothing else was checked: mend this first") from error


def said(error: Exception) -> str:
    """The kind of an error and its text; of torch's compiler only what it came upon."""
    text = str(error)
    if type(error).__module__.startswith("torch._dynamo"):
        told = [line.partition("context: ")[2] for line in text.splitlines() if "Developer debug context: " in line]
        text = told[0] if told else text.partition("\n")[0]
    return f"{type(error).__name__}: {text}"


def check_record(record: LossRecord) -> None:
    """The facts hang together: defaults and search ranges are legal, parameters are described."""
    for name, parameter in record.parameters.items():
        need(record, parameter.default in parameter.domain, f"the default of {name} is out of its domain")
        if parameter.search is not None:
            ends = (parameter.search.low, parameter.search.high)
            need(record, all(math.isfinite(end) for end in ends), f"the search range of {name} is not finite")
            need(record, all(end in parameter.domain for end in ends), f"{name} is searched outside its domain")
            need(record, not parameter.log or ends[0] > 0, f"{name} is searched on a log scale from {ends[0]:g}")
        need(record, name in (record.form.__doc__ or ""), f"{name} is not described")
    need(record, record.outputs == "classes" or record.kind != "rowwise", "a loss over classes wants C outputs")


def check_documented(record: LossRecord) -> None:
    """A loss of the catalogue says what it is, by a formula, and where it comes from."""
    for what, text in (("docstring", record.summary), ("formula", record.formula), ("source", record.source)):
        need(record, text, f"no {what}")
    need(record, record.facts is not None, "no facts: state them by facts=losslab.Facts(...)")


def check_enough_cases(record: LossRecord) -> None:
    """At least two cases that a wrong rule does not pass by luck, and one away from the default of each parameter."""
    if record.kind == "set":
        sets.check_enough_cases(record)
        return
    telling = [case for case in record.cases if is_telling(record, case)]
    need(record, len(telling) >= 2, f"{len(telling)} telling hand-worked cases; two or more are needed")
    for name in record.parameters:
        used = any(name in case.options for case in record.cases)
        need(record, used, f"no hand-worked case sets {name} to another value than its default")


def is_telling(record: LossRecord, case: Case) -> bool:
    input, _, options = tensors(record, case)
    return bool((input != input.flatten()[0]).any()) or any(name != "reduction" for name in options)


def check_cases(record: LossRecord) -> None:
    """The hand-worked values and gradients."""
    for number, case in enumerate(record.cases, 1):
        input, target, options = tensors(record, case)
        input.requires_grad_(case.gradient is not None)
        value = quiet(record, input, target, **options)
        expected = torch.as_tensor(case.value, dtype=torch.float64)
        same(record, f"case {number}", value, expected, case.tolerance)
        if case.gradient is not None:
            (gradient,) = torch.autograd.grad(value.sum(), input)
            same(record, f"gradient of case {number}", gradient, case.gradient, case.tolerance)


def check_reductions(record: LossRecord) -> None:
    """`sum` and `mean` are what "none" says, and "none" has one value per element."""
    for shape in shapes(record):
        input, target = draw(record, shape=shape)
        for weight in weights(record, input):
            extra = {} if weight is None else {"weight": weight}
            each = quiet(record, input, target, reduction="none", **extra)
            need(record, each.shape == shape, f'reduction="none" has shape {tuple(each.shape)}, not {shape}')
            total = math.fsum(each.flatten().tolist())
            same(record, "sum", quiet(record, input, target, reduction="sum", **extra), total)
            by_count = quiet(record, input, target, normalize="count", **extra)
            same(record, "mean by count", by_count, total / max(each.numel(), 1))
            if weight is None:
                same(record, "mean", quiet(record, input, target), total / max(each.numel(), 1))


def check_weights_and_masks(record: LossRecord) -> None:
    """A masked or ignored element counts as if it were not in the batch, whatever it holds; weights by a plain loop."""
    input, target = draw(record)
    rows = target.shape[0]
    mask = torch.arange(rows).remainder(3) != 1
    for weight in weights(record, input):
        for reduction in REDUCTIONS:
            options = {} if weight is None else {"weight": weight}
            fewer = {k: v if record.kind == "rowwise" else v[mask] for k, v in options.items()}
            expected, slope = value_and_gradient(record, input[mask], target[mask], reduction=reduction, **fewer)
            spoilt = torch.where(mask.reshape(-1, *[1] * (input.ndim - 1)), input, math.nan)
            given: dict[str, Any] = {"mask": mask} | options
            found, gradient = value_and_gradient(record, spoilt, target, reduction=reduction, **given)
            found = found[mask] if reduction == "none" else found
            same(record, f"{reduction} with a mask", found, expected)
            same(record, f"gradient of {reduction} with a mask", gradient[mask], slope)
            need(
                record,
                bool((gradient[~mask] == 0).all()),
                "a masked element that holds NaN gets a gradient that is not 0",
            )
            if record.takes_ignore_index:
                ignored = torch.where(mask, target, -7)
                given = {"ignore_index": -7} | options
                found, gradient = value_and_gradient(record, spoilt, ignored, reduction=reduction, **given)
                found = found[mask] if reduction == "none" else found
                same(record, f"{reduction} with ignored rows", found, expected)
                same(record, f"gradient of {reduction} with ignored rows", gradient[mask], slope)
                need(
                    record,
                    bool((gradient[~mask] == 0).all()),
                    "an ignored row that holds NaN gets a gradient that is not 0",
                )
    check_sample_weight(record, input, target)


def check_sample_weight(record: LossRecord, input: Tensor, target: Tensor) -> None:
    each = quiet(record, input, target, reduction="none").tolist()
    w = [0.5 + 0.25 * row for row in range(len(each))]
    total = math.fsum(a * b for a, b in zip(w, each, strict=True))
    given = {"sample_weight": torch.tensor(w, dtype=input.dtype)}
    same(record, "sample_weight", quiet(record, input, target, **given), total / math.fsum(w))
    same(record, "sample_weight by count", quiet(record, input, target, normalize="count", **given), total / len(w))
    same(record, "sample_weight, sum", quiet(record, input, target, reduction="sum", **given), total)


def check_gradients(record: LossRecord) -> None:
    """First and second derivatives against finite differences, away from kinks, at several parameters."""
    for params in settings(record):
        input, target = draw(record, params, shape=(4,) if record.kind == "rowwise" else (6,))
        input.requires_grad_()
        form = lambda x, target=target, params=params: quiet(record, x, target, reduction="none", **params)  # noqa: E731
        need(record, torch.autograd.gradcheck(form, (input,)), f"the gradient is wrong at {params}")
        need(record, torch.autograd.gradgradcheck(form, (input,)), f"the second derivative is wrong at {params}")


def check_learnable_parameters(record: LossRecord) -> None:
    """Gradients with respect to parameters given as tensors; searched parameters only (others may be whole numbers)."""
    names = [name for name, parameter in record.parameters.items() if parameter.search is not None]
    for params in settings(record)[1:3]:
        input, target = draw(record, params)
        own = [torch.tensor(params[name], dtype=torch.float64, requires_grad=True) for name in names]

        def form(*values: Tensor, input: Tensor = input, target: Tensor = target, params: Any = params) -> Tensor:
            return quiet(record, input, target, **{**params, **dict(zip(names, values, strict=True))})

        need(record, torch.autograd.gradcheck(form, own), f"the gradient by parameters is wrong at {params}")


def check_kinks(record: LossRecord) -> None:
    """At a kink the gradient lies between the slopes on its two sides."""
    for params in settings(record):
        for kink in kinks(record, params):
            target = torch.full((1,), record.spell(0.0 if 0.0 in record.target_domain else 1.0), dtype=torch.float64)
            origin = target.item() if record.target == "real" else 0.0
            slopes = []
            for at in (origin + kink - 1e-6, origin + kink, origin + kink + 1e-6):
                input = torch.full((1,), at, dtype=torch.float64)
                slopes.append(value_and_gradient(record, input, target, **params)[1].item())
            low, high = sorted((slopes[0], slopes[2]))
            need(
                record,
                low - 1e-4 <= slopes[1] <= high + 1e-4,
                f"at the kink {kink:g} the slope is {slopes[1]:g}, not in [{low:g}, {high:g}]",
            )


def check_vmap_over_parameters(record: LossRecord) -> None:
    """A population with a parameter value each gives what its members give one by one, values and gradients."""
    chosen = settings(record)
    input, target = draw(record)
    inputs = torch.stack([input + 0.01 * k if record.input_domain == REAL else input for k in range(len(chosen))])
    stacked = {name: torch.tensor([one[name] for one in chosen], dtype=input.dtype) for name in record.parameters}

    def member(x: Tensor, params: dict[str, Tensor]) -> Tensor:
        return quiet(record, x, target, **params)

    values = torch.func.vmap(member)(inputs, stacked)
    gradients = torch.func.vmap(torch.func.grad(member))(inputs, stacked)
    for k, params in enumerate(chosen):
        value, gradient = value_and_gradient(record, inputs[k], target, **params)
        same(record, f"member {k} of a population", values[k], value)
        same(record, f"gradient of member {k} of a population", gradients[k], gradient)


def check_module_equals_function(record: LossRecord) -> None:
    """The module with the same options gives the same value; a tensor parameter is registered and learns."""
    for params in settings(record):
        input, target = draw(record, params)
        for weight in weights(record, input):
            for reduction in REDUCTIONS:
                options = {**counts(record), **params, "reduction": reduction}
                options |= {} if weight is None else {"weight": weight}
                built = module(record)(**options)
                same(record, "the module", quiet(built, input, target), quiet(record, input, target, **options))
                repr(built)
        for name, parameter in record.parameters.items():
            if parameter.search is None:
                continue
            learns = module(record)(
                **{**counts(record), **params, name: torch.tensor(params[name], dtype=input.dtype, requires_grad=True)}
            )
            need(
                record,
                name in dict(learns.named_parameters()),
                f"{name} given as a tensor is not a parameter of the module",
            )
            quiet(learns, input, target).backward()
            need(record, learns.get_parameter(name).grad is not None, f"{name} gets no gradient")


def check_pickle(record: LossRecord) -> None:
    """Modules survive pickle and copies, options and all."""
    input, target = draw(record)
    for params in settings(record):
        for weight in weights(record, input):
            built = module(record)(
                **counts(record), **params, **({} if weight is None else {"weight": weight}), reduction="sum"
            )
            expected = quiet(built, input, target)
            for again in (pickle.loads(pickle.dumps(built)), copy.deepcopy(built)):
                need(record, type(again) is type(built), "another class came back from pickle")
                same(record, "a copy of the module", quiet(again, input, target), expected)


def check_torch_equal(record: LossRecord) -> None:
    """Equal to the loss of that name in torch, forward and gradient, over the combinations of their options."""
    theirs = getattr(torch.nn.functional, record.torch_name or "")
    takes = inspect.signature(theirs).parameters
    compared = 0
    for shape in shapes(record):
        for soft in (False, True) if record.target in ("class or distribution", "probability") else (False,):
            for params in ({}, *settings(record)):  # first with the defaults of each side
                input, target = draw(record, params, shape=shape, soft=soft)
                for weight in weights(record, input):
                    for reduction in REDUCTIONS:
                        options: dict[str, Any] = {**params, "reduction": reduction}
                        if weight is not None and "weight" in takes:
                            options["weight"] = weight
                        for ignore in (False, True) if record.takes_ignore_index and not soft else (False,):
                            labels = (
                                torch.where(torch.arange(target.numel()).reshape(shape) % 3 == 1, -100, target)
                                if ignore
                                else target
                            )
                            compared += equal_to_torch(record, theirs, input, labels, options)
    need(record, compared > 0, "torch accepted none of the batches")


def equal_to_torch(
    record: LossRecord, theirs: Callable[..., Tensor], input: Tensor, target: Tensor, options: Any
) -> bool:
    """Compares value and gradient; False where torch does not take such a batch."""
    x = input.clone().requires_grad_()
    try:
        expected = theirs(x, target, **in_torch_types(theirs, options, x.dtype))
    except (RuntimeError, ValueError):
        return False
    (slope,) = torch.autograd.grad(expected.sum(), x)
    found, gradient = value_and_gradient(record, input, target, **options)
    text = f"{tuple(input.shape)}, {options}"
    same(record, f"value of torch at {text}", found, expected, 1e-9)
    same(record, f"gradient of torch at {text}", gradient, slope, 1e-9)
    return True


def in_torch_types(theirs: Callable[..., Tensor], options: dict[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    """Numbers as tensors where torch takes a tensor only (pos_weight)."""
    takes = inspect.signature(theirs).parameters
    tensor_only = {name for name in options if "Tensor" in str(takes[name].annotation)}
    return {n: torch.as_tensor(v, dtype=dtype) if n in tensor_only else v for n, v in options.items()}


def check_compile(record: LossRecord) -> None:
    """The whole graph compiles, without a break, and gives the same value and gradient."""
    input, target = draw(record)
    compiled_as_eager(record, {"input": input, "target": target, **counts(record)}, ["input"])


def shapes(record: LossRecord) -> tuple[tuple[int, ...], ...]:
    return ((7,), (), (3, 2), (2, 3, 2))


def suites_of(record: LossRecord) -> dict[str, Callable[[LossRecord], None]]:
    """The suites that apply to a loss, by name."""
    return {name: suite for name, (suite, applies) in every_suite(record).items() if applies(record)}


def every_suite(record: LossRecord) -> sets.Suites:
    """The suites of losses of its kind, each with when it applies."""
    return {"record": (check_record, _always), **(sets.SUITES if record.kind == "set" else SUITES)}


def _always(record: LossRecord) -> bool:
    return True


SUITES: dict[str, tuple[Callable[[LossRecord], None], Callable[[LossRecord], bool]]] = {
    "record": (check_record, _always),
    "cases": (check_cases, lambda record: bool(record.cases)),
    "reductions": (check_reductions, _always),
    "weights and masks": (check_weights_and_masks, _always),
    "gradients": (check_gradients, _always),
    "learnable parameters": (check_learnable_parameters, lambda r: any(p.search for p in r.parameters.values())),
    "kinks": (check_kinks, lambda record: record.kinks is not None),
    "vmap over parameters": (check_vmap_over_parameters, lambda record: bool(record.parameters)),
    "half precision": (check_half_precision, _always),
    "non-contiguous": (check_non_contiguous, _always),
    "module": (check_module_equals_function, _always),
    "pickle": (check_pickle, lambda record: CATALOGUE.get(record.name) is record),
    "errors": (check_shape_errors, _always),
    "accumulation": (accumulation.check_accumulation, accumulation.applies),
    "class counts": (check_counts, lambda record: bool(record.per_class)),
    "torch": (check_torch_equal, lambda record: record.torch_name is not None),
    "empty": (check_empty, _always),
    "extremes": (check_extremes, _always),
    **FACTS,
    "compile": (check_compile, _always),
}
