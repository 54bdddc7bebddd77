"""How the contract suites compare, refuse and speak."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from losslab.spec.policy import LossWarning
from losslab.spec.record import LossRecord
from losslab.testing.samples import CLASSES


class ContractError(AssertionError):
    """A loss breaks a part of the contract that all losses share."""


def value_and_gradient(
    loss: Callable[..., Tensor], input: Tensor, target: Tensor, **options: Any
) -> tuple[Tensor, Tensor]:
    """The loss without its warnings, and the gradient of its sum with respect to the input."""
    x = input.detach().clone().requires_grad_()
    value = quiet(loss, x, target, **options)
    (gradient,) = torch.autograd.grad(value.sum(), x)
    return value.detach(), gradient


def quiet(loss: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
    """The loss without its warnings: hard inputs look like mistakes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LossWarning)
        return loss(*args, **{**counts(loss, *args), **kwargs})


def counts(loss: Any, input: Any = None, *rest: Any) -> dict[str, Tensor]:
    """What a loss wants to know of each class, for one that does: uneven, and never the same for two classes."""
    if not isinstance(loss, LossRecord) or not loss.per_class:
        return {}
    classes = CLASSES
    if isinstance(input, Tensor):
        classes = input.shape[min(input.ndim - 1, 1)]
    return {name: 3.0 + 40.0 / (1 + torch.arange(classes)) for name in loss.per_class}


def refused(loss: Any, kind: type[Exception], words: list[str], *args: Any, **kwargs: Any) -> None:
    """The call raises an error of the kind, whose text holds every word."""
    name = getattr(loss, "name", None) or getattr(loss, "__name__", "loss")
    try:
        quiet(loss, *args, **kwargs)
    except kind as error:
        missing = [word for word in words if word not in str(error)]
        if missing:
            raise ContractError(f"{name}: the error does not say {', '.join(map(repr, missing))}: {error}") from error
        return
    except Exception as error:
        raise ContractError(f"{name}: {kind.__name__} about {words} is wanted, not {error!r}") from error
    raise ContractError(f"{name}: nothing was raised where {kind.__name__} about {words} is wanted")


def need(record: LossRecord, holds: object, text: str) -> None:
    if not holds:
        raise ContractError(f"{record.name}: {text}")


def same(record: LossRecord, what: str, found: Tensor, expected: Any, tolerance: float = 1e-10) -> None:
    expected = torch.as_tensor(expected, dtype=found.dtype)
    if found.shape != expected.shape:
        raise ContractError(f"{record.name}: {what}: shape {tuple(found.shape)} in place of {tuple(expected.shape)}")
    if not torch.allclose(found, expected, rtol=tolerance, atol=tolerance):
        raise ContractError(f"{record.name}: {what}: {found.tolist()} in place of {expected.tolist()}")


def compiled_as_eager(
    record: LossRecord, batch: Mapping[str, Tensor], predicted: Sequence[str], backend: str = "aot_eager"
) -> None:
    """The form compiled as one graph gives the value and the gradients of the form as it is."""
    found: list[tuple[Tensor, list[Tensor]]] = []
    compiled: Any = torch.compile(record.form, backend=backend, fullgraph=True)
    for form in (compiled, record):
        leaves = {key: batch[key].detach().clone().requires_grad_() for key in predicted}
        value = quiet(form, **{**batch, **leaves})
        slopes = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
        found.append((value.detach(), [torch.zeros(()) if slope is None else slope for slope in slopes]))
    (compiled_value, compiled_slopes), (expected, wanted) = found
    same(record, "the compiled form", compiled_value, expected)
    for key, slope, right in zip(predicted, compiled_slopes, wanted, strict=True):
        same(record, f"the gradient by {key} of the compiled form", slope, right)
