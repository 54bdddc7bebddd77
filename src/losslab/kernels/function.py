"""A fused loss in autograd: the gradient is computed with the value, and handed out in the backward pass."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from losslab.kernels.calls import BY_COUNT, BY_NOTHING, BY_WEIGHT, Job
from losslab.kernels.pool import gradient_like

_keys = torch._C._dispatch_keys
# What torch knows a tensor by: dense and on the CPU, neither a view in another sign nor wrapped by a transform.
with torch.inference_mode():
    ORDINARY = {_keys(torch.empty(1)).raw_repr()}
ORDINARY.add(_keys(torch.empty(1)).raw_repr())


def ordinary(tensor: Tensor) -> bool:
    """Whether a tensor is plain memory on the CPU."""
    return _keys(tensor).raw_repr() in ORDINARY


class Call:
    """A loss with its options, for calls that differ in their tensors.

    prepare: (input, target, tensors by name) -> the kernel's job. by_rule: the same arguments -> the loss by its rule.
    """

    __slots__ = ("by_rule", "prepare")

    def __init__(self, prepare: Callable[..., Job | str], by_rule: Callable[..., Tensor]) -> None:
        self.prepare, self.by_rule = prepare, by_rule


def loss_of(call: Call, job: Job, input: Tensor, target: Tensor, tensors: Mapping[str, Tensor]) -> Tensor | None:
    """The loss, joined to autograd where the input requires a gradient.

    None where a label is out of range or there is nothing to average: the rule says what that means.
    """
    reduction, dtype = job.options.reduction, input.dtype
    learns = input.requires_grad and torch.is_grad_enabled()
    computing = torch.float64 if dtype == torch.float64 else torch.float32
    value = torch.empty(job.value_shape, dtype=computing) if reduction == "none" else None
    # A gradient of single values waits for their upstream gradients. One in float16 waits for what a loss scaler
    # multiplies with: before that, it may be too small for the type.
    gradient = gradient_like(job.input) if learns and value is None and dtype != torch.float16 else None
    if not job.run(gradient, value, job.weight, divisor_of(job)):
        return None
    if value is None:
        total = job.total
        if reduction == "mean":
            if job.counted == 0:
                return None
            total /= job.counted
        value = torch.scalar_tensor(total, dtype=computing)
    if not learns:
        return value
    if gradient is not None and job.moved is not None:
        gradient = gradient.movedim(-1, job.moved)
    return _apply(input, [value, gradient, call, target, tensors, job.counted])


class FusedLoss(torch.autograd.Function):
    """Carries a computed loss into autograd. A second backward pass computes the gradient again, into other memory."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, box: list[Any]) -> Tensor:
        # The node of a value must not keep the value, nor the tensors otherwise than the graph keeps them: it lets
        # them go after the backward pass.
        value, gradient, ctx.call, target, tensors, ctx.counted = box
        box.clear()
        ctx.ready = [gradient] if gradient is not None else []
        if tensors:
            ctx.names = (*tensors,)
            ctx.save_for_backward(input, target, *tensors.values())
        else:
            ctx.names = ()
            ctx.save_for_backward(input, target)
        return value

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        (up,) = upstream
        scale = up.item() if up.ndim == 0 else 1
        # Times what is not finite, the zeros of what is left out would not be zeros any more.
        rule = torch.is_grad_enabled() or not ordinary(up) or not isfinite(scale)
        gradient = None
        if not rule:
            with suppress(IndexError):
                gradient = ctx.ready.pop()  # atomic: two threads never get the same memory
        if gradient is not None and (scale == 1 or gradient.dtype.itemsize >= 4):
            return gradient if scale == 1 else gradient.mul_(up), None
        input, target, *others = ctx.saved_tensors  # raises where one was changed in place, or the graph is gone
        return (by_rule if rule else again)(ctx, input, target, others, up), None


# Past `Function.apply`, which looks for transforms of torch.func: where one is at work, nobody comes here.
_apply: Callable[..., Tensor] = super(torch.autograd.Function, FusedLoss).apply


def again(ctx: Any, input: Tensor, target: Tensor, others: list[Tensor], up: Tensor) -> Tensor:
    """The gradient times that of the loss, which the kernel takes as weights: rounded once to the input's type."""
    job: Job = ctx.call.prepare(input, target, dict(zip(ctx.names, others, strict=True)))
    gradient = gradient_like(job.input)
    if up.ndim == 0 and up.item() == 1:
        job.run(gradient, None, job.weight, divisor_of(job))
        return gradient if job.moved is None else gradient.movedim(-1, job.moved)
    if job.options.reduction == "mean":
        up = up / ctx.counted
    weight = up.expand(job.value_shape) if job.weight is None else job.weight * up
    job.run(gradient, None, weight.contiguous(), BY_NOTHING)
    return gradient if job.moved is None else gradient.movedim(-1, job.moved)


def by_rule(ctx: Any, input: Tensor, target: Tensor, others: list[Tensor], up: Tensor) -> Tensor:
    """The gradient by the rule, itself differentiable where gradients are wanted."""
    further = torch.is_grad_enabled()
    with torch.enable_grad():
        loss = ctx.call.by_rule(input, target, dict(zip(ctx.names, others, strict=True)))
        (gradient,) = torch.autograd.grad(loss, input, up, create_graph=further)
    return gradient


def divisor_of(job: Job) -> int:
    """What the kernel divides its gradient by."""
    if job.options.reduction != "mean":
        return BY_NOTHING
    return BY_COUNT if job.by_count else BY_WEIGHT
