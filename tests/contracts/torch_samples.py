"""What torch's own test records hold for a loss, and the differences by which a sample may differ.

The records need the package expecttest, which is in the dev extra.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from hard_cases import TABLES as HARD
from torch_issues import TABLES as ISSUES

import losslab.functional
import losslab.nn
from losslab.catalog import CATALOGUE

BY_FUNCTION = {record.torch_name: record for record in CATALOGUE.values() if record.torch_name}
DRAWN = ("LinearCrossEntropyLoss", "AdaptiveLogSoftmaxWithLoss")  # weights drawn by chance: two are never the same
BY_MODULE = {
    record.module_name: record for record in CATALOGUE.values() if record.torch_name and record.module_name not in DRAWN
}
DIFFERENCES = {f"{table}: {row.id}": row for tables in (HARD, ISSUES) for table, rows in tables.items() for row in rows}


@dataclass(frozen=True)
class Sample:
    """One call: `ours(*args)` is to give what `torchs(*args)` gives."""

    loss: str
    ours: Callable[..., Any]
    torchs: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    text: str
    words: str = ""  # of the error that torch declares for it

    @property
    def leaves(self) -> list[torch.Tensor]:
        """The tensors by which gradients are taken."""
        given = (*self.args, *self.kwargs.values())
        return [one for one in given if isinstance(one, torch.Tensor) and one.requires_grad]


# Which sample differs by which row of the tables; a sample that is named here must differ.
EXCUSED: tuple[tuple[str, Callable[[Sample], bool]], ...] = (
    ("likelihoods: the constant", lambda s: s.loss == "poisson_nll_loss" and bool(option(s, "full"))),
    ("values: a distribution that sums to 2", lambda s: s.loss == "cross_entropy" and sums(s.args[1]) != 1),
    ("values: a distribution that sums to 2, linear",
     lambda s: s.loss == "linear_cross_entropy" and s.args[2].is_floating_point()),
    ("values: everything ignored", lambda s: s.loss == "cross_entropy" and everything_ignored(s)),
    ("policy: one score without dimension", lambda s: s.loss == "multi_margin_loss" and s.args[0].ndim == 0),
    ("policy: one score without dimension, several labels",
     lambda s: s.loss == "multilabel_margin_loss" and s.args[0].ndim == 0),
    ("policy: a batch of one label for scores without rows",
     lambda s: s.loss == "multi_margin_loss" and s.args[0].ndim == s.args[1].ndim == 1),
    ("policy: negative margin", lambda s: s.loss == "multi_margin_loss" and (option(s, "margin") or 0) < 0),
    ("policy: a weight for each element of several labels",
     lambda s: s.loss == "multilabel_soft_margin_loss" and getattr(option(s, "weight"), "ndim", 1) > 1),
    ("sequences: one label", lambda s: s.loss == "ctc_loss"),
    ("policy: broadcast, variances", lambda s: s.loss == "gaussian_nll_loss" and s.args[0].shape != s.args[1].shape),
    ("policy: a negative share",
     lambda s: s.loss == "kl_div" and not option(s, "log_target") and not bool((s.args[1] >= 0).all())),
    ("policy: yes target above 1, several labels",
     lambda s: s.loss == "multilabel_soft_margin_loss" and bool((s.args[1].abs() > 1).any())),
)  # fmt: skip
# Which error input is none to us, by which row.
NO_ERROR: tuple[tuple[str, Callable[[Sample], bool]], ...] = (
    ("policy: weights of another type", lambda s: s.loss == "nll_loss" and s.words.startswith("expected scalar type")),
)


def sums(target: torch.Tensor) -> float:
    """What rows of probabilities sum to, of the row that is farthest from one; 1 for labels."""
    totals = target.sum(1) if target.is_floating_point() else torch.ones(1)
    return float(totals[(totals - 1).abs() > 1e-3].detach().flatten()[:1].sum()) or 1.0


def everything_ignored(sample: Sample) -> bool:
    target, ignored = sample.args[1], option(sample, "ignore_index")
    mean = (option(sample, "reduction") or "mean") == "mean"
    return mean and not target.is_floating_point() and bool((target == (-100 if ignored is None else ignored)).all())


def option(sample: Sample, name: str) -> Any:
    module = getattr(sample.torchs, "module", None)
    return getattr(module, name, None) if module is not None else sample.kwargs.get(name)


def excuse(sample: Sample, table: Any = EXCUSED) -> str:
    """The id of the row by which the sample may differ; empty for most."""
    return next((name for name, fits in table if fits(sample)), "")


def samples(dtype: torch.dtype = torch.float64) -> Iterator[Sample]:
    """Every sample input of the operators and modules whose names our losses have."""
    for op, name in operators():
        for one in op.sample_inputs("cpu", dtype, requires_grad=True):
            yield of_function(name, one)
    for info, record in modules():
        for one in info.module_inputs_func(info, "cpu", dtype, requires_grad=True, training=True):
            if one.forward_input is not None:
                yield of_module(info, record, one)


def errors() -> Iterator[Sample]:
    """Every input that torch declares as an error."""
    for op, name in operators():
        if op.error_inputs_func is not None:
            for one in op.error_inputs("cpu"):
                yield of_function(name, one.sample_input, one.error_regex)
    for info, record in modules():
        if info.module_error_inputs_func is not None:
            for one in info.module_error_inputs_func(info, "cpu", torch.float32, True, True):
                yield of_module(info, record, one.module_error_input, one.error_regex)


def operators() -> Iterator[tuple[Any, str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db
    for op in op_db:
        name = op.name.removeprefix("nn.functional.")
        if name in BY_FUNCTION and op.name.startswith("nn.functional."):
            yield op, name


def modules() -> Iterator[tuple[Any, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_modules import module_db
    for info in module_db:
        record = BY_MODULE.get(info.module_cls.__name__)
        if record is not None and info.module_cls.__module__.startswith("torch.nn.modules.loss"):
            yield info, record


def of_function(name: str, one: Any, words: str = "") -> Sample:
    ours = getattr(losslab.functional, BY_FUNCTION[name].name)
    torchs = getattr(torch.nn.functional, name)
    return Sample(name, ours, torchs, (one.input, *one.args), dict(one.kwargs), f"F.{name} {shapes(one)}", words)


def of_module(info: Any, record: Any, one: Any, words: str = "") -> Sample:
    built, called = one.constructor_input, one.forward_input
    ours, torchs = Lazily(getattr(losslab.nn, record.module_name), built), Lazily(info.module_cls, built)
    text = f"nn.{record.module_name} {built.kwargs}"
    args, kwargs = ((), {}) if called is None else (called.args, dict(called.kwargs))  # the constructor raises
    return Sample(record.torch_name, ours, torchs, args, kwargs, text, words)


class Lazily:
    """Constructs a module where it is called: some errors are the constructor's."""

    def __init__(self, kind: type[torch.nn.Module], built: Any) -> None:
        self.kind, self.built = kind, built

    @property
    def module(self) -> torch.nn.Module:
        return self.kind(*self.built.args, **self.built.kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)


def shapes(one: Any) -> str:
    given = (one.input, *one.args, *one.kwargs.values())
    return str([tuple(x.shape) if isinstance(x, torch.Tensor) else x for x in given])
