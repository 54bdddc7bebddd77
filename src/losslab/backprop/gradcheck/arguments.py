"""From what a person passes to what is checked."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from losslab.backprop.blame import check_devices
from losslab.backprop.gradcheck.in_double import NOT_OPENED, double, in_double
from losslab.backprop.gradcheck.replay import Replay
from losslab.backprop.gradcheck.subject import Subject
from losslab.backprop.gradcheck.trouble import called
from losslab.catalog import CATALOGUE
from losslab.spec.record import LossRecord
from losslab.train.lookup import by_name


def subject_of(model_or_loss: Any, input: Any, target: Any, loss: Any, gradient: Any, seed: int) -> Subject:
    """Raises ValueError or TypeError in words where there is nothing to check."""
    memo: dict[int, Any] = {}
    function = in_double(_resolved("model_or_loss", model_or_loss), memo)
    rule = None if loss is None else in_double(_resolved("loss", loss), memo)
    modules = _outermost([value for value in memo.values() if isinstance(value, nn.Module)])
    given, target = double(input), double(target)
    inputs = _named(given)
    own = {f"loss.{name}": p for name, p in _parameters(rule).items()} if rule is not None else {}
    parameters = {**_parameters(function), **own}
    asked = {name for name, tensor in _named(input).items() if getattr(tensor, "requires_grad", False)}
    floats = {name: tensor for name, tensor in inputs.items() if tensor.is_floating_point()}
    if loss is not None:
        tensors = {**{name: floats[name] for name in asked if name in floats}, **parameters}
        if not tensors:
            raise ValueError(
                "no parameter of the model requires a gradient: set requires_grad_(True) on those that are to learn, "
                "or on the input to check its gradient"
            )
    else:
        if not floats:
            raise TypeError(f"input is {_kind(input)}: it has no gradient; pass floating-point numbers, input.float()")
        tensors = floats if gradient is not None else {**floats, **parameters}
    check_devices(list(inputs.items()), list(parameters.items()))
    for tensor in tensors.values():
        tensor.data = tensor.data.contiguous()  # entries are varied through a flat view
        tensor.requires_grad_()
    if loss is None:
        _check_call(function, given, target)
    arrays = gradient is not None and type(input).__module__ == "numpy" and not _is_ours(function)
    subject = Subject(lambda: None, tensors, Replay(modules, seed), weighted=gradient is None, modules=modules)
    subject.left_out = _padding(modules, tensors)
    subject.raw = _raw(subject, function, rule, given, target, arrays)
    subject.is_loss = rule is not None or target is not None
    if not subject.is_loss:
        subject.name = "the function"
    return subject


def _outermost(modules: list[nn.Module]) -> list[nn.Module]:
    """Each once, without those that are part of another."""
    inner = {id(part) for module in modules for part in module.modules() if part is not module}
    return [module for module in {id(m): m for m in modules}.values() if id(module) not in inner]


def _padding(modules: list[nn.Module], tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The rows of embeddings that stand for padding: torch gives them no gradient, whatever depends on them."""
    names = {id(tensor): name for name, tensor in tensors.items()}
    found = {}
    for part in (part for module in modules for part in module.modules()):
        if isinstance(part, nn.Embedding | nn.EmbeddingBag) and part.padding_idx is not None:
            name = names.get(id(part.weight))
            if name is not None:
                found[name] = torch.zeros(part.weight.shape, dtype=torch.bool)
                found[name][part.padding_idx] = True
    return found


def _raw(subject: Subject, function: Any, rule: Any, given: Any, target: Any, arrays: bool) -> Callable[[], Any]:
    """The call that gives a value; numpy in, numpy out where the person's own function works on arrays."""

    def raw() -> Any:
        # A model may change its input in place: a copy that remembers where it comes from.
        values = _each(given, lambda tensor: tensor.clone())
        wanted = target
        if arrays:
            values, wanted = (_each(part, lambda tensor: tensor.detach().numpy()) for part in (values, target))
        places, keywords = _arguments(values)
        if rule is None:
            first = next(iter(_named(given).values()))
            subject.prediction = tuple(first.shape)
            extra = () if wanted is None else (wanted,)
            return _checked(called(subject.name, function, (*places, *extra), keywords, subject.modules), arrays)
        output = called("the model", function, places, keywords, subject.modules)
        if isinstance(output, Tensor):
            subject.prediction = tuple(output.shape)
        return _checked(called("the loss", rule, (output, wanted), {}, subject.modules), arrays)

    return raw


def _checked(result: Any, arrays: bool) -> Any:
    if isinstance(result, Tensor) or arrays:
        return result
    several = isinstance(result, tuple | list | dict)
    hint = "return the loss alone" if several else "autograd cannot follow .item(), float() or numpy"
    raise TypeError(f"the result is a {type(result).__name__}, not a tensor: {hint}")


def _resolved(what: str, given: Any) -> Any:
    if isinstance(given, str):
        return by_name(given, CATALOGUE)
    if isinstance(given, type):
        raise TypeError(f"{what}: {given.__name__} is a class; pass an instance, {given.__name__}(...)")
    if not callable(given):
        raise TypeError(f"{what}: {given!r} is neither a loss's name nor callable")
    return given


def _check_call(function: Any, given: Any, target: Any) -> None:
    """Raises TypeError where the function cannot take what it would be given."""
    places, keywords = _arguments(given)
    places = (*places, *(() if target is None else (target,)))
    try:
        called = function.form if isinstance(function, LossRecord) else function
        signature = inspect.signature(called.forward if isinstance(called, nn.Module) else called)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*places, **keywords)
    except TypeError as error:
        name = getattr(function, "name", None) or getattr(function, "__name__", type(function).__name__)
        hint = "pass target=" if target is None else "a model is checked with loss=, or without target"
        raise TypeError(f"{name}{signature} cannot be called with what was given ({error}): {hint}") from None


def _parameters(function: Any) -> dict[str, Tensor]:
    if not isinstance(function, nn.Module):
        return {}
    return {name: parameter for name, parameter in function.named_parameters() if parameter.requires_grad}


def _named(given: Any) -> dict[str, Any]:
    """The tensors of an input by name: input, or input[0], or input['x']."""
    if isinstance(given, Tensor):
        return {"input": given}
    if isinstance(given, tuple | dict):
        items = given.items() if isinstance(given, dict) else enumerate(given)
        return {f"input[{key!r}]": value for key, value in items if isinstance(value, Tensor)}
    return {}


def _arguments(given: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Places and keywords of the call."""
    if isinstance(given, tuple):
        return given, {}
    return ((), given) if isinstance(given, dict) else ((given,), {})


def _each(given: Any, change: Callable[[Tensor], Any]) -> Any:
    if isinstance(given, tuple):
        return tuple(_each(value, change) for value in given)
    if isinstance(given, dict):
        return {name: _each(value, change) for name, value in given.items()}
    return change(given) if isinstance(given, Tensor) else given


def _kind(input: Any) -> str:
    return str(input.dtype).removeprefix("torch.") if hasattr(input, "dtype") else f"a {type(input).__name__}"


def _is_ours(function: Any) -> bool:
    """Whether the function wants tensors, being torch's or losslab's."""
    home = getattr(function, "__module__", "") or type(function).__module__
    return isinstance(function, nn.Module | LossRecord) or home.partition(".")[0] in NOT_OPENED[:2]
