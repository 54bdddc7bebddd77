"""The module form of a loss, made from its record."""

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from losslab.spec.describe import describe
from losslab.spec.forms import EITHER, KEYWORD, arguments, bind, signature
from losslab.spec.layout import SIZES
from losslab.spec.record import LossRecord

PER_CALL = ("sample_weight", "mask")  # they belong to a batch, so forward takes them


class LossModule(nn.Module):
    """What every generated loss module is: options fixed at construction, `forward(input, target)` calls the function.

    Tensors given as options are buffers; leaf tensors that require a gradient are registered as parameters (learnable).
    A loss with weights of its own is constructed with their sizes first, and creates them.

    holds: operands that a subclass gives itself, from its own layers. taken: the tensors of a call.
    """

    record: ClassVar[LossRecord]
    holds: ClassVar[tuple[str, ...]] = ()
    defaults: ClassVar[Mapping[str, Any]]
    taken: ClassVar[tuple[str, ...]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        args, kwargs = self._own_weights(args, kwargs)
        self._says_empty = "empty" in kwargs
        for name, value in self._bind(args, kwargs).items():
            if isinstance(value, nn.Parameter) or not isinstance(value, Tensor):
                learnable = value if isinstance(value, nn.Parameter) else None
            else:
                learnable = nn.Parameter(value) if value.requires_grad and value.is_leaf else None
            if learnable is not None:
                self.register_parameter(name, learnable)
            elif isinstance(value, Tensor) or value is None:
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)

    def _own_weights(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Creates the operands that the module owns; returns the arguments that are left."""
        layout, rest = self.record.layout, dict(kwargs)
        if layout is None or not layout.owned:
            return args, rest
        name, names = type(self).__name__, layout.sizes()
        given = dict(zip(names, args, strict=False)) | {key: rest.pop(key) for key in names if key in rest}
        for key in names:
            size = given.get(key)
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                found = "is missing" if key not in given else f"is a {type(size).__name__}"
                found = f"= {size}" if isinstance(size, int) else found
                raise TypeError(f"{name}: {key} {found}; construct it as {name}({', '.join(names)}, ...) with sizes")
        how = {key: rest.pop(key) for key in ("device", "dtype") if key in rest}
        for key, fill in layout.owned.items():
            shape = [given[SIZES[dim]] for dim in layout.operands[key].names]
            weight = nn.Parameter(torch.empty(shape, **how))
            with torch.no_grad():
                fill(weight)
            self.register_parameter(key, weight)
        return args[len(names) :], rest

    @classmethod
    def _bind(cls, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        name, places = cls.__name__, cls.record.module_positional
        taken = called_with(cls.record)
        if args and isinstance(args[0], Tensor) and places[:1] != ("weight",):
            raise TypeError(f"{name}: construct it first, then call it: {name}()({', '.join(taken)})")
        for keyword in per_call(cls.record):
            if keyword in kwargs:
                text = f"{name}: {keyword} belongs to a batch; pass it in the call"
                raise TypeError(f"{text}: loss({', '.join(taken)}, {keyword}=...)")
        return bind(name, cls.record, places, cls.defaults, args, kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """The loss of a batch: its tensors, then by name what belongs to the batch (`sample_weight`, `mask`)."""
        name, taken = type(self).__name__, self.taken
        if len(args) > len(taken):
            raise TypeError(f"{name}: called with {len(args)} tensors; it takes {', '.join(taken)}")
        for keyword in kwargs:
            if keyword in self.defaults:
                raise TypeError(f"{name}: {keyword} belongs to its construction: {name}({keyword}=...)")
        own = self.__dict__  # looked up here first, as asking a module for a tensor takes as long as a small loss
        buffers = own["_buffers"]
        options = {}
        for option, default in self.defaults.items():
            value = own[option] if option in own else buffers[option] if option in buffers else getattr(self, option)
            if value is not default:  # the function has the same defaults
                options[option] = value
        if self._says_empty:  # so that the function knows that somebody asked for it
            options["empty"] = self.empty
        if self.record.layout is None and len(args) == 2:
            return self.record.form(*args, **kwargs, **options)
        owned = self.record.layout.owned if self.record.layout else {}
        operands = {key: getattr(self, key) for key in owned}
        return self.record(**dict(zip(taken, args, strict=False)), **kwargs, **operands, **options)

    def extra_repr(self) -> str:
        """The options that differ from their defaults, and the loss's own numbers always."""
        shown = []
        for name, default in self.defaults.items():
            value = getattr(self, name)
            if isinstance(value, Tensor):
                number = value.ndim == 0 and not value.is_meta
                text = f"{value.item():g}" if number else f"tensor of shape {tuple(value.shape)}"
                shown.append(f"{name}={text}" + (" (learnable)" if isinstance(value, nn.Parameter) else ""))
            elif name in self.record.parameters or value != default:
                shown.append(f"{name}={value!r}")
        return ", ".join(shown)

    def __getitem__(self, key: Any) -> Tensor:
        name = type(self).__name__
        raise TypeError(f"{name} is called with round brackets: loss(input, target), not loss[input, target]")


def called_with(record: LossRecord) -> tuple[str, ...]:
    """The tensors that the module is called with: those of the function, less what the module owns."""
    return tuple(name for name in record.tensors if name not in held(record))


def held(record: LossRecord) -> tuple[str, ...]:
    """The operands that the module has itself."""
    owned = record.layout.owned if record.layout else {}
    return (*owned, *getattr(record.module_class, "holds", ()))


def per_call(record: LossRecord) -> tuple[str, ...]:
    """The keywords of a call that belong to a batch, so that forward takes them."""
    operands = record.layout.operands if record.layout else {}
    return (*PER_CALL, *(name for name, one in operands.items() if one.per_batch))


_MADE: dict[int, type[LossModule]] = {}  # by identity: a record holds a mapping, so it has no hash


def module(record: LossRecord) -> type[LossModule]:
    """The loss as an `nn.Module` class: constructor options as in torch.nn, then `loss(input, target)`.

    There is one class for each record. It is found as `losslab.nn.<name>`, so that its objects can be pickled.
    """
    if id(record) not in _MADE:
        assert record.form is not None  # which makes it: a compiler could not trace that
        later = (*per_call(record), *held(record))
        defaults = {name: default for name, default in arguments(record).items() if name not in later}
        sizes = record.layout.sizes() if record.layout and record.layout.owned else ()
        base = record.module_class or LossModule
        first = [inspect.Parameter(size, EITHER, annotation=int) for size in sizes]
        taken = inspect.signature(base.__init__).parameters.values()  # type: ignore[misc]
        first += [one for one in taken if one.kind in (EITHER, KEYWORD) and one.name != "self"]
        body = {
            "__doc__": describe(record, defaults),
            "__module__": "losslab.nn",
            "__signature__": signature(first, record.module_positional, defaults, None),
            "record": record,
            "defaults": defaults,
            "taken": called_with(record),
        }
        _MADE[id(record)] = type(record.module_name, (base,), body)
    return _MADE[id(record)]
