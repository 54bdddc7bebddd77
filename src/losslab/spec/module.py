"""The module form of a loss, made from its record."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from losslab.spec.describe import describe
from losslab.spec.forms import arguments, bind, signature
from losslab.spec.record import LossRecord

PER_CALL = ("sample_weight", "mask")  # they belong to a batch, so forward takes them


class LossModule(nn.Module):
    """What every generated loss module is: options fixed at construction, `forward(input, target)` calls the function.

    Tensors given as options are buffers; leaf tensors that require a gradient are registered as parameters (learnable).
    """

    record: ClassVar[LossRecord]
    defaults: ClassVar[Mapping[str, Any]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        given = self._bind(args, kwargs)
        for name, value in given.items():
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

    @classmethod
    def _bind(cls, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        name, places = cls.__name__, cls.record.module_positional
        if args and isinstance(args[0], Tensor) and places[:1] != ("weight",):
            raise TypeError(f"{name}: construct it first, then call it: {name}()(input, target)")
        for keyword in PER_CALL:
            if keyword in kwargs:
                raise TypeError(
                    f"{name}: {keyword} belongs to a batch; pass it in the call: loss(input, target, {keyword}=...)"
                )
        return bind(name, cls.record, places, cls.defaults, args, kwargs)

    def forward(
        self, input: Tensor, target: Tensor, *, sample_weight: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        options = {name: getattr(self, name) for name in self.defaults}
        return self.record(input, target, sample_weight=sample_weight, mask=mask, **options)

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


_MADE: dict[int, type[LossModule]] = {}  # by identity: a record holds a mapping, so it has no hash


def module(record: LossRecord) -> type[LossModule]:
    """The loss as an `nn.Module` class: constructor options as in torch.nn, then `loss(input, target)`.

    There is one class for each record. It is found as `losslab.nn.<name>`, so that its objects can be pickled.
    """
    if id(record) not in _MADE:
        defaults = {name: default for name, default in arguments(record).items() if name not in PER_CALL}
        body = {
            "__doc__": describe(record, defaults),
            "__module__": "losslab.nn",
            "__signature__": signature([], record.module_positional, defaults, None),
            "record": record,
            "defaults": defaults,
        }
        _MADE[id(record)] = type(record.module_name, (LossModule,), body)
    return _MADE[id(record)]
