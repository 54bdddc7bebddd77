"""The contract of losses of several tensors (kind "set"): the suites of `check` that differ from those of two."""

import copy
import inspect
import math
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from losslab.spec.declare import CATALOGUE
from losslab.spec.layout import SIZES
from losslab.spec.module import called_with, module, per_call
from losslab.spec.record import LossRecord
from losslab.spec.sets import layout_of, worked
from losslab.testing import accumulation
from losslab.testing.claims import compiled_as_eager, need, quiet, same
from losslab.testing.samples import settings
from losslab.testing.set_edges import (
    check_class_dim,
    check_empty,
    check_errors,
    check_extremes,
    check_half_precision,
    check_non_contiguous,
)
from losslab.testing.set_facts import SUITES as FACTS
from losslab.testing.set_samples import (
    Batch,
    draw,
    mask_like,
    predicted,
    same_gradients,
    spoilt,
    value_and_gradients,
    without,
)

Suites = dict[str, tuple[Callable[[LossRecord], None], Callable[[LossRecord], bool]]]
REDUCTIONS = ("mean", "sum", "none")


def check_cases(record: LossRecord) -> None:
    """The hand-worked values and gradients."""
    for number, case in enumerate(record.cases, 1):
        batch, options = worked(record, case)
        expected: Any = case.gradient or {}
        leaves = {key: batch[key].requires_grad_() for key in expected}
        value = quiet(record, **batch, **options)
        same(record, f"case {number}", value, torch.as_tensor(case.value, dtype=torch.float64), case.tolerance)
        slopes = torch.autograd.grad(value.sum(), list(leaves.values())) if leaves else ()
        found = dict(zip(leaves, slopes, strict=True))
        same_gradients(record, f"case {number}", found, expected, case.tolerance)


def check_enough_cases(record: LossRecord) -> None:
    """At least two cases, one of them with a gradient and one away from the default of each parameter."""
    need(record, len(record.cases) >= 2, f"{len(record.cases)} hand-worked cases; two or more are needed")
    slopes = [torch.as_tensor(slope) for case in record.cases for slope in (case.gradient or {}).values()]
    need(record, any(slope.any() for slope in slopes), "no hand-worked gradient that is not 0")
    for name in record.parameters:
        used = any(name in case.options for case in record.cases)
        need(record, used, f"no hand-worked case sets {name} to another value than its default")


def stars(record: LossRecord) -> list[dict[str, Any]]:
    """Sizes for `*`: one dimension and, where it stands for any number, none and two."""
    any_number = any("*" in one.names for one in layout_of(record).operands.values())
    return [{}, {"star": ()}, {"star": (2, 3)}] if any_number else [{}]


def check_reductions(record: LossRecord) -> None:
    """`sum`, `mean` and weighted means are what "none" says."""
    layout = layout_of(record)
    for sizes in stars(record):
        batch = draw(record, **sizes)
        each = quiet(record, **batch, reduction="none")
        total = math.fsum(each.flatten().tolist())
        same(record, "sum", quiet(record, **batch, reduction="sum"), total)
        if layout.per is None:
            same(record, "mean by count", quiet(record, **batch, normalize="count"), total / max(each.numel(), 1))
        even = quiet(record, **batch, sample_weight=torch.full_like(each, 2.0))
        same(record, "the mean with one sample_weight for all", even, quiet(record, **batch))
        w = (0.5 + 0.25 * torch.arange(each.numel(), dtype=each.dtype)).reshape(each.shape)
        total = math.fsum((w * each).flatten().tolist())
        same(record, "sample_weight, sum", quiet(record, **batch, sample_weight=w, reduction="sum"), total)
        if layout.per is None:
            given = {"sample_weight": w, "normalize": "count"}
            same(record, "sample_weight by count", quiet(record, **batch, **given), total / max(each.numel(), 1))


def check_upstream(record: LossRecord) -> None:
    """A gradient that comes in reaches each element of the unreduced loss in proportion."""
    batch = draw(record)
    names = predicted(record, batch)
    leaves = {key: batch[key].requires_grad_() for key in names}
    each = quiet(record, **{**batch, **leaves}, reduction="none")
    generator = torch.Generator().manual_seed(3)
    incoming = torch.randn(each.shape, generator=generator, dtype=each.dtype)
    at_once = torch.autograd.grad(each, list(leaves.values()), incoming, retain_graph=True, allow_unused=True)
    by_sum = torch.autograd.grad((each * incoming).sum(), list(leaves.values()), allow_unused=True)
    for key, one, other in zip(names, at_once, by_sum, strict=True):
        if other is not None:
            same(record, f"gradient by {key} with a random upstream gradient", one, other)


def check_masks(record: LossRecord) -> None:
    """A masked or ignored element counts as if it were not in the batch, whatever it holds."""
    layout, batch = layout_of(record), draw(record)
    assert layout.mask is not None
    names = predicted(record, batch)
    full = mask_like(record, batch)
    row = torch.arange(full.shape[-1]).remainder(3) != 1
    mask = row.expand(full.shape)
    fewer, spoilt_batch = without(layout, batch, row), spoilt(layout, batch, mask, names)
    ways: list[tuple[str, Batch, dict[str, Any]]] = [("mask", spoilt_batch, {"mask": mask})]
    if record.takes_ignore_index:
        ignored = {**spoilt_batch, "target": torch.where(mask, batch["target"], -7)}
        ways.append(("ignore_index", ignored, {"ignore_index": -7}))
    shrinks = (layout.mask or "").split()[-1] in layout.unreduced.split()
    at = layout.unreduced.split().index((layout.mask or "").split()[-1]) if shrinks else 0
    place = at if "*" not in layout.unreduced.split()[: at + 1] else -1
    for way, given, options in ways:
        for reduction in REDUCTIONS:
            expected, slopes = value_and_gradients(record, fewer, reduction=reduction)
            found, gradients = value_and_gradients(record, given, reduction=reduction, **options)
            if reduction == "none" and shrinks:
                found = found.index_select(place, places(row))
            same(record, f"{reduction} with {way}", found, expected)
            left = without(layout, gradients, row)
            same_gradients(record, f"{reduction} with {way}", left, slopes)
            for key in names:
                lost = gradients[key].isnan().any()
                need(record, not lost, f"a left-out NaN reaches the gradient by {key} ({way})")
        each = quiet(record, **given, reduction="none", **options)
        w = (0.5 + 0.25 * torch.arange(each.numel(), dtype=each.dtype)).reshape(each.shape)
        kept = w.index_select(place, places(row)) if shrinks else w
        found = quiet(record, **given, sample_weight=w, **options)
        same(record, f"mean by sample_weight with {way}", found, quiet(record, **fewer, sample_weight=kept))


def places(row: Tensor) -> Tensor:
    return row.nonzero().flatten()


def check_gradients(record: LossRecord) -> None:
    """First and second derivatives against finite differences, at several parameters; forward mode too."""
    # Finite differences of second derivatives take time by the square of the number of entries.
    sizes: dict[str, Any] = {"N": 2, "C": 3, "star": 3} if separate(record) else {"N": 4}
    for params in settings(record):
        batch = draw(record, **sizes)
        names = predicted(record, batch)
        leaves = tuple(batch[key].requires_grad_() for key in names)

        def form(*values: Tensor, batch: Batch = batch, names: Any = names, params: Any = params) -> Tensor:
            return quiet(record, **{**batch, **dict(zip(names, values, strict=True))}, reduction="none", **params)

        forward = "forward mode" not in record.lacks
        with warnings.catch_warnings():  # torch's own, when it first loads its formulas for forward mode
            warnings.filterwarnings("ignore", ".*torch.jit.script", DeprecationWarning)
            right = torch.autograd.gradcheck(form, leaves, check_forward_ad=forward)
        need(record, right, f"the gradient is wrong at {params}")
        if "double backward" not in record.lacks:
            right = torch.autograd.gradgradcheck(form, leaves)
            need(record, right, f"the second derivative is wrong at {params}")


def check_learnable_parameters(record: LossRecord) -> None:
    """Gradients with respect to parameters given as tensors."""
    names = searched(record)
    for params in settings(record)[1:3]:
        batch = draw(record)
        own = [torch.tensor(params[name], dtype=torch.float64, requires_grad=True) for name in names]

        def form(*values: Tensor, batch: Batch = batch, params: Any = params) -> Tensor:
            return quiet(record, **batch, **{**params, **dict(zip(names, values, strict=True))})

        need(record, torch.autograd.gradcheck(form, own), f"the gradient by parameters is wrong at {params}")


def check_vmap(record: LossRecord) -> None:
    """Several batches at once, each with parameters of its own, give what they give one by one."""
    chosen = settings(record)
    batches = [draw(record, seed=7) for _ in chosen]
    for k, batch in enumerate(batches):
        for key in predicted(record, batch):
            if layout_of(record).operands[key].holds == "real":
                batch[key] = batch[key] * (1 + 0.01 * k)
    stacked = {key: torch.stack([batch[key] for batch in batches]) for key in batches[0]}
    params = {name: torch.tensor([one[name] for one in chosen], dtype=torch.float64) for name in record.parameters}
    values = torch.func.vmap(lambda batch, own: record(**batch, **own))(stacked, params)
    for k, own in enumerate(chosen):
        same(record, f"batch {k} of several at once", values[k], quiet(record, **batches[k], **own))


def build(record: LossRecord, batch: Batch, **options: Any) -> tuple[torch.nn.Module, Batch]:
    """A module with the options, and what it is called with; its own weights are the batch's."""
    layout, later = layout_of(record), per_call(record)
    sizes = {}
    for key in layout.owned:
        for dim, size in zip(layout.operands[key].names, batch[key].shape, strict=True):
            sizes[dim] = size
    fixed = {key: batch[key] for key in batch if key not in record.tensors and key not in later}
    built = module(record)(**{SIZES[dim]: size for dim, size in sizes.items()}, **fixed, **options)
    for key in layout.owned:
        built.get_parameter(key).data = batch[key]
    return built, {key: one for key, one in batch.items() if key in called_with(record) or key in later}


def check_module(record: LossRecord) -> None:
    """The module with the same options gives the same value, survives pickle and copies; its own weights learn."""
    batch = draw(record)
    for params in settings(record):
        for reduction in REDUCTIONS:
            built, call = build(record, batch, reduction=reduction, **params)
            expected = quiet(record, **batch, reduction=reduction, **params)
            same(record, "the module", quiet(built, **call), expected)
            by_place = [call[key] for key in called_with(record) if key in call]
            rest = {key: one for key, one in call.items() if key not in called_with(record)}
            same(record, "the module, by position", quiet(built, *by_place, **rest), expected)
            again: Any = pickle.loads(pickle.dumps(built)) if module_is_public(record) else built
            for copied in (again, copy.deepcopy(built)):
                same(record, "a copy of the module", quiet(copied, **call), expected)
            repr(built)
    owned = layout_of(record).owned
    if owned:
        built, call = build(record, batch)
        quiet(built, **call).backward()
        for key in owned:
            need(record, built.get_parameter(key).grad is not None, f"{key} gets no gradient")
        need(record, set(built.state_dict()) >= set(owned), "its own weights are not in state_dict")


def module_is_public(record: LossRecord) -> bool:
    return CATALOGUE.get(record.name) is record


def check_torch_equal(record: LossRecord) -> None:
    """Equal to the loss of that name in torch, forward and gradient, over parameters, shapes and reductions."""
    theirs = getattr(torch.nn.functional, record.torch_name or "")
    takes = inspect.signature(theirs).parameters
    compared = 0
    for sizes in stars(record):
        for params in ({}, *settings(record)):  # first with the defaults of each side
            for reduction in (*REDUCTIONS, *record.more_reductions):
                batch = draw(record, seed=5, **sizes)
                batch = {key: one for key, one in batch.items() if key in takes}
                options = {**params, "reduction": reduction}
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")  # torch's own
                        expected, slopes = behind_its_end(record, theirs, batch, options)
                except (RuntimeError, ValueError):
                    continue
                found, gradients = behind_its_end(record, record, batch, options)
                same(record, f"value of torch at {options}", found, expected, 1e-9)
                same_gradients(record, f"torch at {options}", gradients, slopes, 1e-9)
                compared += 1
    need(record, compared > 0, "torch accepted none of the batches")


def behind_its_end(record: LossRecord, loss: Any, batch: Batch, options: dict[str, Any]) -> tuple[Tensor, Batch]:
    """The loss, and its gradients by what a model gives before the end that the layout names (often: nothing)."""
    leaves = {key: batch[key].detach().clone().requires_grad_() for key in predicted(record, batch)}
    ends = layout_of(record).ends
    value = quiet(loss, **{k: ends[k](one) if k in ends else one for k, one in {**batch, **leaves}.items()}, **options)
    slopes = torch.autograd.grad(value.sum(), list(leaves.values()))
    return value.detach(), dict(zip(leaves, slopes, strict=True))


def check_compile(record: LossRecord) -> None:
    """The whole graph compiles, without a break, and gives the same value and gradients."""
    batch = draw(record)
    compiled_as_eager(record, batch, predicted(record, batch))


def check_parts(record: LossRecord) -> None:
    """A batch is the sum of its samples, where they do not see each other."""
    layout, batch = layout_of(record), draw(record)
    each = quiet(record, **batch, reduction="none")
    for row in range(batch[record.tensors[0]].shape[0]):
        one = {k: t[row : row + 1] if layout.operands[k].names[0] == "N" else t for k, t in batch.items()}
        same(record, f"sample {row} alone", quiet(record, **one, reduction="none")[0], each[row])


def always(record: LossRecord) -> bool:
    return True


def searched(record: LossRecord) -> list[str]:
    return [name for name, parameter in record.parameters.items() if parameter.search is not None]


def derived(record: LossRecord) -> bool:
    """Whether the gradient is the derivative of the value."""
    return "finite differences" not in record.lacks


def separate(record: LossRecord) -> bool:
    """Whether a batch is no more than its samples."""
    layout = layout_of(record)
    return not layout.coupled and layout.unreduced.startswith("N")


SUITES: Suites = {
    "cases": (check_cases, lambda record: bool(record.cases)),
    "reductions": (check_reductions, always),
    "upstream gradient": (check_upstream, always),
    "masks": (check_masks, lambda record: layout_of(record).mask is not None),
    "accumulation": (accumulation.check_accumulation, accumulation.applies),
    "separate samples": (check_parts, separate),
    "gradients": (check_gradients, derived),
    "learnable parameters": (check_learnable_parameters, lambda r: derived(r) and bool(searched(r))),
    "vmap": (check_vmap, lambda record: "vmap" not in record.lacks),
    "half precision": (check_half_precision, always),
    "non-contiguous": (check_non_contiguous, always),
    "class_dim": (check_class_dim, lambda record: layout_of(record).class_dims),
    "module": (check_module, lambda record: record.module_class is None),  # else it has layers, and tests, of its own
    "errors": (check_errors, always),
    "torch": (check_torch_equal, lambda record: record.torch_name is not None),
    "empty": (check_empty, always),
    "extremes": (check_extremes, always),
    "compile": (check_compile, lambda record: "compile" not in record.lacks),
    **FACTS,
}
