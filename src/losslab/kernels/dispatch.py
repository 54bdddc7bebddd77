"""Chooses, for one call of a loss, between its kernel, torch's own operator and its rule."""

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import Parameter

from losslab.kernels import native, prepare
from losslab.kernels.backend import _State
from losslab.kernels.calls import DTYPES, Job, within
from losslab.kernels.crossover import in_use
from losslab.kernels.function import Call, loss_of, ordinary
from losslab.kernels.options import KEPT, Binder, Options
from losslab.spec import compatible, forms
from losslab.spec.checks import check_distribution, check_domain, rounding
from losslab.spec.plug import Way
from losslab.spec.policy import _POLICY, FIRST_CALLS
from losslab.spec.record import LossRecord

PLAIN = frozenset((Tensor, Parameter))
NO_TENSORS: Mapping[str, Any] = {}
NONE = {"weight": None, "sample_weight": None, "mask": None}
_interpreter = torch._C._functorch.peek_interpreter_stack
_functions, _dispatches = torch._C._len_torch_function_stack, torch._C._len_torch_dispatch_stack


def way(record: LossRecord) -> Way:
    """What is asked before the rule: (args, kwargs) of a call -> the loss, or None where the rule is to run."""
    # A loss of the user's may have the name of another: the kernels know those of the catalogue.
    if record.kind == "set" or not record.rule.__module__.startswith("losslab.catalog."):
        return partial(_nothing_else, record)
    return Chooser(record)


def _nothing_else(record: LossRecord, *call: Any) -> None:
    if _State.choice in ("fused", "torch"):
        raise RuntimeError(refusal(record, "there is only its rule"))


def refusal(record: LossRecord, why: str) -> str:
    return f'{record.name}: backend("{_State.choice}") cannot be: {why}. backend("auto") takes what can'


class Chooser:
    """The kernel's loss, torch's operator's, or None (the rule), for each call of one loss of two tensors."""

    def __init__(self, record: LossRecord) -> None:
        self.record, self.name = record, record.name
        self.took_torch = False  # in the last call that went the long way
        self._plain: Options | None = None  # of a call without options; None before the first
        self._binder: Binder | None = None  # made on first use: it finds the kernel, for which the library is loaded
        self._calls: dict[Options, Call] = {}

    def __call__(self, input: Any, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tensor | None:
        choice = _State.choice
        if choice == "rule":
            return None
        options, tensors = self._plain, NO_TENSORS
        if args or kwargs or options is None:
            options, tensors = self.bound(args, kwargs)
        # Nothing is asked here that a later step does not ask again: this is what a small loss has time for.
        if (
            choice == "auto"
            and options is not None
            and options.native is not None
            and not tensors
            and type(input) in PLAIN
            and type(target) in PLAIN
            and input.numel() < in_use.get(self.name, 0)
            and input.is_cpu
            and target.is_cpu
            and not target.requires_grad
            and undisturbed()
            and not self._early()
        ):
            try:
                quick = options.native(input, target)
            except native.RAISED:
                quick = None
            if quick is not None:
                return quick
        loss = self.choose(choice, options, tensors, input, target)
        if not isinstance(loss, str):
            return loss
        if choice != "auto" and loss is not prepare.NOT_RIGHT:
            raise RuntimeError(refusal(self.record, loss))
        return None

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Options | None, Mapping[str, Any]]:
        """The options of a call, and the tensors among them. No options where something is wrong with them."""
        binder = self._binder
        if binder is None:
            binder = self._binder = Binder(self.record)
            self._plain = binder.plain
        return binder(args, kwargs) if args or kwargs else (binder.plain, NO_TENSORS)

    def choose(
        self, choice: str, options: Options | None, tensors: Mapping[str, Any], input: Any, target: Any
    ) -> Tensor | str:
        """The loss, or why only the rule can give it."""
        self.took_torch = False
        if not plain(input, target):
            return why_not_plain(input, target)
        if options is None:
            return prepare.NOT_RIGHT
        if choice == "torch" and (tensors or self.name not in native.OPERATORS):
            return "torch has no operator of its form that is right" + (" with these options" if tensors else "")
        run = None if tensors else options.native
        early = self._early()
        small = options.kernel is None or input.numel() < in_use.get(self.name, 0)
        if run is not None and (choice == "torch" or (choice == "auto" and small)):
            try:
                loss = run(input, target)
            except native.RAISED:  # a label out of range: the rule has the words for it
                if choice == "torch":
                    return prepare.NOT_RIGHT
                loss = None
            if loss is not None:
                self.took_torch = True
                self._look(early, options, None, input, target, tensors)
                return loss
        job = prepare.prepare(self.record, options, input, target, tensors)
        if isinstance(job, str):
            return job
        if choice == "torch":
            return "torch's form is not right for these tensors and options"
        if _POLICY.as_torch and options.looks and compatible.unlooked(self.record, False):
            return "torch_compatible() lets numbers pass for which the kernel has no meaning"
        self._look(early, options, job, input, target, tensors)
        call = self._calls.get(options)
        if call is None:
            call = self._call_of(options)
        loss = loss_of(call, job, input, target, tensors)
        if loss is None:
            return prepare.NOT_RIGHT
        return compatible.in_type(loss, input, target) if _POLICY.as_torch else loss

    def _early(self) -> bool:
        """Whether this is one of the first calls, in which everything is looked at."""
        return _POLICY.calls[self.name] < FIRST_CALLS and _POLICY.mode != "off"

    def _look(
        self, early: bool, options: Options, job: Job | None, input: Tensor, target: Tensor,
        tensors: Mapping[str, Tensor],
    ) -> None:  # fmt: skip
        """Looks at values as far as no kernel or operator does, and in the first calls at everything."""
        if early:
            self._look_at_all(options, input, target, tensors)
        elif job is not None and _POLICY.mode == "always" and (options.looks or job.soft is not None):
            labels = job.label is not None
            if _POLICY.as_torch and compatible.unlooked(self.record, labels):
                return
            if "mask" in tensors or (labels and options.ignore_index is not None):
                self._look_at_all(options, input, target, tensors)  # what is left out may hold anything
                return
            if job.soft is not None:
                dim = options.class_dim if input.ndim > 1 else 0
                rows = target.detach().to(job.soft.dtype).movedim(dim, -1)
                check_distribution(self.name, rows, off=rounding(target))
            if options.target_domain is not None and not within(job.target, options.target_domain):
                check_domain(self.name, "target", target, options.target_domain)
            if options.input_domain is not None and not within(job.input, options.input_domain):
                last = job.kernel.rowwise and input.ndim > 1
                at = input.detach().movedim(options.class_dim, -1) if last else input.detach()
                check_domain(self.name, "input", at, options.input_domain)

    def _look_at_all(
        self, options: Options, input: Tensor, target: Tensor, tensors: Mapping[str, Tensor]
    ) -> None:  # fmt: skip
        with torch.no_grad():
            forms.prepared(self.record, input.detach(), target, {**NONE, **options.given, **tensors})

    def _call_of(self, options: Options) -> Call:
        record, defaults = self.record, forms.arguments(self.record)

        def by_rule(input: Tensor, target: Tensor, tensors: Mapping[str, Tensor]) -> Tensor:
            return forms.by_rule(record, defaults, input, target, (), {**options.given, **tensors})

        call = Call(partial(prepare.prepare, record, options), by_rule)
        if len(self._calls) >= KEPT:
            self._calls.clear()
        self._calls[options] = call
        return call


def plain(input: Any, target: Any) -> bool:
    """Whether these are two ordinary tensors on the CPU, and nothing is at work that wants to see what is done."""
    return (
        type(input) in PLAIN
        and type(target) in PLAIN
        and ordinary(input)
        and ordinary(target)
        and input.dtype in DTYPES
        and not target.requires_grad
        and not target.is_complex()
        and undisturbed()
    )


def undisturbed() -> bool:
    """Whether nothing is at work that wants to see operations."""
    return not _functions() and not _dispatches() and _interpreter() is None and forward_ad._current_level < 0


def why_not_plain(input: Any, target: Any) -> str:
    if not isinstance(input, Tensor) or not isinstance(target, Tensor):
        return prepare.NOT_RIGHT
    if not (input.is_cpu and target.is_cpu):
        return f"the tensors are on {input.device} and {target.device}, and the kernels are for the CPU"
    if _interpreter() is not None or forward_ad._current_level >= 0:
        return "a torch.func transform or forward-mode differentiation is at work"
    if _functions() or _dispatches():
        return "a torch function mode or dispatch mode is at work"
    if target.requires_grad:
        return "the target requires a gradient"
    if input.dtype not in DTYPES:
        return f"input is {input.dtype}"
    return "the tensors are of a subclass, or not strided"


def explain(name: str, *args: Any, **kwargs: Any) -> str:
    """What computes a call of a loss of the catalogue now: its kernel, torch's operator, or the rule and why.

    Takes the arguments of the functional form, and computes the loss once. Raises KeyError for an unknown name.
    """
    from losslab.spec.declare import CATALOGUE

    import_module("losslab.functional")  # with it the losses of the catalogue are declared
    made = way(CATALOGUE[name])
    choice = _State.choice
    if not isinstance(made, Chooser):
        return "the rule: there is only its rule"
    if choice == "rule":
        return "the rule: so the backend was chosen"
    loss = made.choose(choice, *made.bound(args[2:], kwargs), *args[:2])
    if isinstance(loss, str):
        return f"the rule: {loss}"
    return "torch's own operator" if made.took_torch else "the fused kernel"
