"""What comes of a call of a loss for either backend, and where the two differ, in words."""

import math
import warnings
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from backend_calls import Call
from torch import Tensor

import losslab
from losslab.spec import policy
from losslab.spec.record import LossRecord


@dataclass
class Outcome:
    """What a call gave: a loss and gradients by name, or an error; and the warnings."""

    loss: Tensor | None = None
    gradients: dict[str, Tensor | None] = field(default_factory=dict)
    error: tuple[str, str] | None = None
    said: list[tuple[str, str]] = field(default_factory=list)
    facts: tuple[Any, ...] = ()


CONTEXTS = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
}


def outcome(record: LossRecord, call: Call, choice: Any) -> Outcome:
    policy.forget()
    if call.late:
        policy._POLICY.calls[record.name] = policy.FIRST_CALLS
    found = Outcome()
    args, options, leaves = _fresh(call)
    with warnings.catch_warnings(record=True) as said, ExitStack() as stack:
        warnings.simplefilter("always")
        stack.enter_context(losslab.backend(choice))
        stack.enter_context(losslab.checks(call.checks))
        stack.enter_context(losslab.torch_compatible(call.as_torch))
        if call.within in CONTEXTS:
            stack.enter_context(CONTEXTS[call.within]())
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64 if call.within == "float64" else before)
        try:
            assert record.form is not None
            loss = record.form(*args, **options)
            found.loss = loss.detach()
            found.facts = (loss.dtype, loss.shape, loss.requires_grad, loss.is_inference(), loss.is_leaf, loss.device)
            if loss.requires_grad:
                up = torch.full((), call.scale, dtype=loss.dtype)
                up = (
                    up
                    if loss.ndim == 0
                    else up * torch.linspace(-1, 2, loss.numel(), dtype=loss.dtype).view(loss.shape)
                )
                slopes = torch.autograd.grad(loss, list(leaves.values()), up, allow_unused=True)
                found.gradients = dict(zip(leaves, slopes, strict=True))
        except Exception as error:
            found.error = (type(error).__name__, str(error))
        finally:
            torch.set_default_dtype(before)
    found.said = [(one.category.__name__, str(one.message)) for one in said]
    return found


def _fresh(call: Call) -> tuple[list[Any], dict[str, Any], dict[str, Tensor]]:
    """Arguments in memory of their own, with the strides that they have; leaves require gradients."""

    def own(name: str, one: Any) -> Any:
        if not isinstance(one, Tensor):
            return one
        shared = 0 in one.stride()
        copied = one.detach() if shared else one.detach().clone(memory_format=torch.preserve_format)
        return copied.requires_grad_() if name in call.leaves else copied

    args = [own(name, one) for name, one in zip(("input", "target", "third", "fourth"), call.args, strict=False)]
    options = {name: own(name, one) for name, one in call.options.items()}
    held = {"input": args[0], "target": args[1], **options}
    return args, options, {name: held[name] for name in call.leaves}


def differences(record: LossRecord, call: Call) -> list[str]:
    """What "auto" and "rule" do not do alike, in words."""
    auto, rule = outcome(record, call, "auto"), outcome(record, call, "rule")
    if auto.error != rule.error:
        return [f"error: {auto.error} instead of {rule.error}"]
    found = []
    if auto.said != rule.said:
        found.append(f"warnings: {auto.said} instead of {rule.said}")
    if auto.facts != rule.facts:
        return [*found, f"dtype, shape, ...: {auto.facts} instead of {rule.facts}"]
    if auto.loss is None or rule.loss is None:
        return found
    exact = outcome(record, _in_double(call), "rule")
    found += _far("value", auto.loss, rule.loss, exact.loss)
    for name, slope in rule.gradients.items():
        other = auto.gradients[name]
        if slope is None or other is None:
            found += [] if slope is other else [f"gradient of {name}: only one is absent"]
        elif (slope.dtype, slope.shape) != (other.dtype, other.shape):
            found.append(f"gradient of {name} is {other.dtype} {tuple(other.shape)}")
        else:
            found += _far(f"gradient of {name}", *_defined(record, call, other, slope), exact.gradients.get(name))
    return found


def _in_double(call: Call) -> Call:
    def double(one: Any) -> Any:
        return one.detach().double() if isinstance(one, Tensor) and one.is_floating_point() else one

    options = {name: double(one) for name, one in call.options.items()}
    return replace(call, args=[double(one) for one in call.args], options=options, checks="off", as_torch=False)


def _defined(record: LossRecord, call: Call, found: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients without what has no meaning: where a number is NaN, or all is times NaN or a parameter infinite."""
    if wanted.shape != call.args[0].shape:
        return found, wanted
    spoilt = torch.zeros(wanted.shape, dtype=torch.bool)
    dim = call.options.get("class_dim", 1) if wanted.ndim > 1 else 0
    for one in call.args[:2]:
        if one.is_floating_point() and wanted.shape == one.shape:
            bad = ~one.detach().isfinite()
            spoilt |= bad.any(dim, keepdim=True) if record.kind == "rowwise" else bad
    if not math.isfinite(call.scale) or call.wrong == "parameter":
        spoilt |= True
    if "mask" in call.options and not call.as_torch:
        keep = call.options["mask"]
        spoilt = spoilt & (keep.unsqueeze(dim) if record.kind == "rowwise" else keep)
    return found.masked_fill(spoilt, 0), wanted.masked_fill(spoilt, 0)


def _far(what: str, found: Tensor, wanted: Tensor, exact: Tensor | None) -> list[str]:
    """Numbers that are further from each other than roundings, and further from the truth than the rule's own are."""
    if found.is_complex():
        found, wanted, exact = found.abs(), wanted.abs(), None
    double = found.dtype == torch.float64
    eps = 2 * max(torch.finfo(found.dtype).eps, 2e-13 if double else 2e-5)
    found, wanted = found.double(), wanted.double()
    finite = wanted[wanted.isfinite()].abs()
    size = finite.max().item() if finite.numel() else 0.0
    close = torch.isclose(
        found, wanted, rtol=eps, atol=size * (1e-12 if double else 5e-6) + 1e-9 * (not double), equal_nan=True
    )
    if exact is not None and exact.shape == found.shape:
        close |= (found - exact).abs() <= 2 * (wanted - exact).abs() + eps * exact.abs()
    if close.all():
        return []
    at = tuple(int(place) for place in (~close).nonzero()[0])
    return [
        f"{what}: {found[at].item()} instead of {wanted[at].item()} at {at}, {int((~close).sum())} of {close.numel()}"
    ]
