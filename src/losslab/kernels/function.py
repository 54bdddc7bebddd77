"""A fused loss in autograd: the gradient is computed with the value, and handed out in the backward pass."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from math import isfinite
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import increment_version

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
    ready = learns and value is None and dtype != torch.float16
    over = ready and job.options.reuse_logits and over_logits(job, input, target)
    if over and not is_right(job, tensors):
        return None
    gradient = None if not ready else input.detach() if over else gradient_like(job.input)
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
    if over:
        increment_version(input)  # whoever else needs the logits for a backward pass is told by torch
    if gradient is not None and job.moved is not None:
        gradient = gradient.movedim(-1, job.moved)
    return _apply(input, [value, gradient, call, target, tensors, job.counted, over])


class FusedLoss(torch.autograd.Function):
    """Carries a computed loss into autograd. A second backward pass computes the gradient again, into other memory."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, box: list[Any]) -> Tensor:
        # The node of a value must not keep the value, nor the tensors otherwise than the graph keeps them: it lets
        # them go after the backward pass.
        value, gradient, ctx.call, target, tensors, ctx.counted, ctx.over = box
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
        if ctx.over:
            return in_place(ctx, up), None
        if not rule:
            with suppress(IndexError):
                gradient = ctx.ready.pop()  # atomic: two threads never get the same memory
        if gradient is not None and (scale == 1 or gradient.dtype.itemsize >= 4):
            return gradient if scale == 1 else gradient.mul_(up), None
        input, target, *others = ctx.saved_tensors  # raises where one was changed in place, or the graph is gone
        return (by_rule if rule else again)(ctx, input, target, others, up), None


# Past `Function.apply`, which looks for transforms of torch.func: where one is at work, nobody comes here.
_apply: Callable[..., Tensor] = super(torch.autograd.Function, FusedLoss).apply


def over_logits(job: Job, input: Tensor, target: Tensor) -> bool:
    """Whether the gradient may lie over the logits, as was asked. Raises ValueError where they are a leaf's."""
    owner = input._base if input._is_view() else input
    if input.is_leaf or (owner is not None and owner.is_leaf and owner.requires_grad):
        raise ValueError(
            f"{job.options.name}: reuse_logits=True would write over a leaf that requires a gradient, a parameter or "
            "data of yours; it is for scores that a network computed. Leave it out here"
        )
    return job.input is input and target.untyped_storage().data_ptr() != input.untyped_storage().data_ptr()


def is_right(job: Job, tensors: Mapping[str, Tensor]) -> bool:
    """Whether the kernel will have a loss: where it has none the rule needs the logits, and they must be there yet."""
    if tensors:
        found = job.run(None, None, job.weight, BY_NOTHING)
        return found and job.counted != 0
    if job.label is None:
        return True
    labels = job.label if job.ignore is None else job.label[job.label != job.ignore]
    return bool(labels.numel()) and bool(((labels >= 0) & (labels < job.rows[1])).all())


def in_place(ctx: Any, up: Tensor) -> Tensor:
    """The gradient that lies over the logits, which can be neither computed nor differentiated again."""
    if torch.is_grad_enabled() or not ordinary(up):
        raise RuntimeError(
            "reuse_logits=True: the logits are gone, so that there is no second derivative; leave it out"
        )
    try:
        gradient: Tensor = ctx.ready.pop()
    except IndexError:
        raise RuntimeError(
            "reuse_logits=True: the gradient was handed out in the first backward pass, and the logits are gone; "
            "leave it out for a second"
        ) from None
    _ = ctx.saved_tensors  # raises where the gradient was changed in place since
    if up.item() == 1:
        return gradient
    # Zeros of what is left out stay zeros, whatever they are multiplied with.
    return gradient.mul_(up) if isfinite(up.item()) else torch.where(gradient == 0, gradient, gradient * up)


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
