"""The losses of K members by one call of a kernel: their means, and the gradient by the outputs in the same pass."""

from typing import Any

import torch
from torch import Tensor

from losslab.kernels import pointwise, rowwise
from losslab.kernels.function import ordinary
from losslab.kernels.pool import gradient_like

EXACT = (torch.float32, torch.float64)


class Losses:
    """A loss with the parameters of K members.

    kernel: of `pointwise` or `rowwise`. params (K, P): in the order of kernel.params. per_class (K, C), or None: what
    the loss wants to know of each class.
    """

    def __init__(self, kernel: Any, params: Tensor, per_class: Tensor | None = None) -> None:
        self.kernel, self.params, self.per_class = kernel, params.double().contiguous(), per_class

    def __call__(self, output: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor] | None:
        """The mean loss of each member (K,), and the sum of weights that it was divided by (K,).

        output (K, B, ...), of the computing type. target: as the rule takes it, (B, ...), shared by all members, or
        (K, B, ...). weight (K, B): how much each row counts, or None. None where only the rule can do it, or can say
        what is wrong: there is nothing to average, or a label is out of range.
        """
        if not ordinary(output) or output.dtype not in EXACT or not output.numel():
            return None
        rowwise_loss = isinstance(self.kernel, rowwise.Kernel)
        second = rowwise_loss and output.dim() == 3 and output.transpose(1, 2).is_contiguous()  # where classes lie
        input = output.detach().transpose(1, 2) if second else output.detach().contiguous()
        learns = output.requires_grad and torch.is_grad_enabled()
        gradient = gradient_like(input) if learns else None
        sums = torch.empty(len(input), 3, dtype=torch.float64)
        if rowwise_loss:
            done = _rowwise(self, input, target, weight, gradient, sums, second)
        else:
            done = _pointwise(self, input, target, weight, gradient, sums)
        if not done:
            return None
        if second and gradient is not None:
            gradient = gradient.transpose(1, 2)
        total, counted, _ = sums.unbind(1)
        if not counted.all():
            return None
        value, counted = (total / counted).to(input.dtype), counted.to(input.dtype)
        return (value if gradient is None else MeanLosses.apply(output, [value, gradient])), counted


class MeanLosses(torch.autograd.Function):
    """Carries computed means (K,) into autograd, with their gradient (K, B, ...)."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, box: list[Tensor]) -> Tensor:
        value, gradient = box
        box.clear()  # the node of a value must not keep the value
        ctx.save_for_backward(gradient)
        return value

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors
        if not (upstream == 1).all():
            gradient = gradient * upstream.reshape(-1, *[1] * (gradient.dim() - 1))
        return gradient, None


def _rowwise(
    losses: Losses, input: Tensor, target: Tensor, weight: Tensor | None, gradient: Tensor | None, sums: Tensor,
    second: bool,
) -> bool:  # fmt: skip
    """second: input is (K, C, B), else the classes come last."""
    members, *rows, classes = input.transpose(1, 2).shape if second else input.shape
    shared = target.dim() == len(rows)
    if target.is_floating_point() or target.shape != (tuple(rows) if shared else (members, *rows)):
        return False
    per_class = None if losses.per_class is None else losses.per_class.to(input.dtype).contiguous()
    bad = rowwise.run(
        losses.kernel, input.view(members, -1, classes, rows[0] if second else 1), losses.params, sums,
        label=target.long().contiguous(), target_shared=shared, per_class=per_class,
        weight=_each(weight, (members, *rows), input.dtype), divide=rowwise.BY_WEIGHT, gradient=gradient,
    )  # fmt: skip
    return bad < 0


def _pointwise(
    losses: Losses, input: Tensor, target: Tensor, weight: Tensor | None, gradient: Tensor | None, sums: Tensor
) -> bool:
    shared = target.dim() == input.dim() - 1
    if target.shape != (input.shape[1:] if shared else input.shape):
        return False
    pointwise.run(
        losses.kernel, input.view(len(input), -1), target.to(input.dtype).contiguous(), losses.params, sums=sums,
        weight=_each(weight, input.shape, input.dtype), divide=pointwise.BY_WEIGHT, gradient=gradient,
        target_shared=shared,
    )  # fmt: skip
    return True


def _each(weight: Tensor | None, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor | None:
    """The weights of rows (K, B) as those of whatever has a value of its own in them."""
    if weight is None:
        return None
    return weight.to(dtype).reshape(*weight.shape, *[1] * (len(shape) - 2)).expand(shape).contiguous()
