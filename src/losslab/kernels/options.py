"""The options of a loss, worked out once for each set of them: what a kernel is called with, and what is checked."""

import ctypes
from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor
from torch.nn import Parameter

from losslab.kernels import native
from losslab.kernels.calls import Kernel, find
from losslab.spec.forms import COMMON, arguments, bind
from losslab.spec.interval import REAL, UNIT, Interval
from losslab.spec.record import LossRecord

PLAIN = (str, int, float, bool, type(None))
BATCH = ("weight", "sample_weight", "mask")  # tensors that belong to the elements or classes
KEPT = 64  # sets of options of one loss that are remembered


class Options:
    """One set of options: numbers for the kernel and facts about the checks.

    why_not: why no kernel takes them, in words; "" where one does.
    """

    def __init__(self, record: LossRecord, given: Mapping[str, Any]) -> None:
        self.given, self.name = given, record.name
        self.reduction: str = given["reduction"]
        self.by_count: bool = given["normalize"] == "count"
        self.ignore_index: int | None = given.get("ignore_index")
        self.class_dim: Any = given.get("class_dim", 1)
        own = {
            key: value for key, value in given.items()
            if key not in COMMON and key not in ("weight", "class_dim", "ignore_index", *record.per_class)
        }  # fmt: skip
        self.why_not, self.kernel = "", None
        numbers = self._numbers(record, own)
        if not self.why_not:
            self.kernel = self._find(record, own, numbers)
        domain = record.input_domain
        if record.input_domain_of is not None:
            domain = record.input_domain_of(**{key: value for key, value in own.items() if value is not None})
        watched = domain == UNIT or record.input_domain_of is not None or record.torch_name is None
        self.domain = domain
        self.input_domain: Interval | None = domain if watched and domain != REAL else None
        target_domain = UNIT if record.target == "probability" else record.target_domain
        labels = record.kind == "rowwise" or record.target == "sign"
        self.target_domain: Interval | None = None if labels or target_domain == REAL else target_domain
        self.looks = self.input_domain is not None or self.target_domain is not None
        self.reuse_logits: bool = given.get("reuse_logits", False)
        only_kernel = self.reuse_logits and self.kernel is not None  # at every size, so that size changes no meaning
        self.native = None if only_kernel else native.bound(record.name, self)

    def _numbers(self, record: LossRecord, own: Mapping[str, Any]) -> dict[str, float]:
        found: dict[str, float] = {}
        for key, parameter in record.parameters.items():
            value = own[key]
            if isinstance(value, Tensor):
                if is_functorch_wrapped_tensor(value) or type(value) not in (Tensor, Parameter):
                    self.why_not = f"{key} is inside a torch.func transform, or of a subclass"
                    return found
                if value.requires_grad or value.ndim or value.is_complex() or value.device.type != "cpu":
                    self.why_not = f"{key} is a tensor that has dimensions, requires a gradient or is not on the CPU"
                    return found
                value = value.item()
            found[key] = float(parameter.default if value is None else value)
        return found

    def _find(self, record: LossRecord, own: Mapping[str, Any], numbers: Mapping[str, float]) -> Kernel | None:
        others = {key: value for key, value in own.items() if key not in numbers}
        defaults, variant = arguments(record), record.name
        for key in sorted(others):
            value = others[key]
            if value != defaults[key] and not isinstance(value, bool):
                self.why_not = f"no kernel has {key} = {value!r}"
                return None
            if value != defaults[key]:
                variant += f" {key}" if value else f" {key}=False"
        kernel = find(record.kind, variant)
        if kernel is None:
            self.why_not = f"there is no kernel for {variant}"
            return None
        if set(kernel.params) != set(numbers):
            self.why_not = f"the kernel takes {', '.join(kernel.params)} and the loss {', '.join(numbers)}"
            return None
        self.numbers = (ctypes.c_double * max(len(kernel.params), 1))(*(numbers[key] for key in kernel.params))
        self.numbers_at = ctypes.addressof(self.numbers)
        return kernel


class Binder:
    """Finds the options of a call; those of plain values are remembered."""

    def __init__(self, record: LossRecord) -> None:
        self.record, self.defaults = record, arguments(record)
        self.tensors = frozenset((*BATCH, *record.per_class)) & self.defaults.keys()
        self.known: dict[Any, Options] = {}
        self.plain = None if record.per_class else self.bound({})

    def __call__(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Options | None, dict[str, Any]]:
        """The options, and the tensors among the arguments. No options where something is wrong with them."""
        tensors: dict[str, Any] = {}
        if args:
            places = self.record.positional[: len(args)]
            if len(args) > len(places) or not kwargs.keys().isdisjoint(places):
                return None, tensors
            kwargs = {**dict(zip(places, args, strict=True)), **kwargs}
        key: list[Any] = []
        plain = True
        for name, value in kwargs.items():
            if name in self.tensors:
                if value is not None:
                    tensors[name] = value
            elif type(value) in PLAIN:
                key.append((name, type(value), value))
            else:
                plain = False
        key.append(tensors.keys() >= set(self.record.per_class))  # without them the options are incomplete
        if not plain:
            return self.bound(kwargs), tensors
        whole = tuple(key)
        found = self.known.get(whole)
        if found is None:
            found = self.bound(kwargs)
            if found is not None:
                if len(self.known) >= KEPT:
                    self.known.clear()
                self.known[whole] = found
        return found, tensors

    def bound(self, kwargs: Mapping[str, Any]) -> Options | None:
        try:
            given = bind(self.record.name, self.record, (), self.defaults, (), kwargs)
        except (TypeError, ValueError):
            return None  # the form says what is wrong
        return Options(self.record, {key: value for key, value in given.items() if key not in self.tensors})
