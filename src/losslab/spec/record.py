"""What a loss is, as data: the record that every other part of losslab reads."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from losslab.spec.facts import Facts
from losslab.spec.interval import REAL, Interval
from losslab.spec.layout import Layout

Kind = Literal["pointwise", "rowwise", "set"]
Task = Literal[
    "regression", "binary", "multiclass", "multilabel", "multioutput", "count", "positive", "ordinal", "segmentation",
    "boxes", "embedding", "distribution", "distillation", "ranking", "survival", "sequence",
]  # fmt: skip
# "finite differences": the gradient is by definition not the derivative, for a part of the loss is held constant.
Lack = Literal["double backward", "forward mode", "finite differences", "vmap", "compile"]
Outputs = Literal["one", "classes", "thresholds"]  # one for each target column, C, or C - 1
Link = Literal["identity", "sigmoid", "softmax", "exp", "arg-max", "cumulative"]
Unit = Literal["none", "target", "1/target"]
Target = Literal["real", "probability", "sign", "class", "class or distribution"]


@dataclass(frozen=True)
class Parameter:
    """A numeric parameter: where it is legal, where the tuner looks, and its unit.

    `unit="target"` says that the value is a length on the target's axis: the tuner searches it in multiples of the
    training targets' median absolute deviation and reports it in the target's own unit. `unit="1/target"` is searched
    as it is for the targets that the network sees, and reported divided by the length of their unit.
    """

    domain: Interval
    search: Interval | None = None
    log: bool = False
    unit: Unit = "none"
    default: float = 0.0  # filled in by the decorator, from the signature
    optional: bool = False  # None may be passed for the default, where torch's own default is None


@dataclass(frozen=True)
class Case:
    """A value worked by hand: `loss(input, target, **options)` is `value`, to 1e-4 unless `tolerance` says better."""

    input: Any
    target: Any
    value: Any
    options: Mapping[str, Any] = field(default_factory=dict)
    gradient: Any = None  # with respect to the input, where it was worked too
    tolerance: float = 1e-4


@dataclass(frozen=True)
class SetCase:
    """A value worked by hand for a loss of several tensors: `loss(**operands, **options)` is `value`.

    gradient: with respect to some of the operands, by name.
    """

    operands: Mapping[str, Any]
    value: Any
    options: Mapping[str, Any] = field(default_factory=dict)
    gradient: Mapping[str, Any] | None = None
    tolerance: float = 1e-4


class Form:
    """The functional form in a record: made, with the text that it carries, when it is first asked for.

    Most programs use a few losses of the many that are declared on import.
    """

    def __get__(self, record: "LossRecord | None", owner: type) -> Callable[..., Any] | None:
        if record is None:
            return None  # the field's default
        form = record.__dict__["_form"]
        if isinstance(form, Later):
            form = record.__dict__["_form"] = form.made_by(record)
        return form

    def __repr__(self) -> str:
        return "None"  # what is given where nothing is

    def __set__(self, record: "LossRecord", form: "Callable[..., Any] | Later | None") -> None:
        record.__dict__["_form"] = None if isinstance(form, Form) else form  # itself: nothing was given


@dataclass(frozen=True)
class Later:
    """A form that is not made yet, and what makes it from the record."""

    made_by: Callable[["LossRecord"], Callable[..., Any]]


@dataclass(frozen=True)
class LossRecord:
    """The one declaration of a loss. `rule` returns one value per sample (or element) and never reduces.

    A pointwise rule sees input and target of one shape. A rowwise rule sees classes last: input (..., C), target (...)
    of class indices, or (..., C) of probabilities. A rule of kind "set" sees the tensors of its `layout`. Parameters
    are floats or zero-dimensional tensors; a rule never branches on the value of a tensor. A rule may return
    `(value, weight)`: the mean then divides by the sum of weights. It uses torch and torch.nn.functional as F only, so
    that its source can be pasted anywhere.
    """

    name: str
    rule: Callable[..., Any]
    kind: Kind
    formula: str
    source: str
    tasks: tuple[Task, ...]
    outputs: Outputs
    link: Link
    target: Target
    cases: tuple[Any, ...]  # Case, or SetCase where the kind is "set"
    parameters: Mapping[str, Parameter]
    input_domain: Interval = REAL
    input_domain_of: Callable[..., Interval] | None = None  # by the loss's own options, where they decide it
    target_domain: Interval = REAL
    group: str = ""  # losses of one group are the same up to a reparametrisation
    kinks: Callable[..., tuple[float, ...]] | None = None  # of a pointwise loss: values of input - target, or of input
    facts: Facts | None = None
    layout: Layout | None = None  # of kind "set": its tensors
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # what an option that is a word may be
    more_reductions: tuple[str, ...] = ()  # beside "mean", "sum" and "none": "batchmean"
    per_class: tuple[str, ...] = ()  # tensors (C,) that a rowwise rule needs by name, counts of the training rows
    refuses: Callable[..., str | None] | None = None  # (operands, options) -> what is wrong with them, in words
    smells: Callable[..., Any] | None = None  # (operands, options) -> what looks like a mistake: text, or {topic: text}
    lacks: Mapping[Lack, str] = field(default_factory=dict)  # what autograd cannot do with it, and why
    torch_name: str | None = None  # the name in torch.nn.functional, where torch has it
    positional: tuple[str, ...] = ()  # what may be passed by position after input and target
    module_name: str = ""
    module_positional: tuple[str, ...] = ()
    module_class: type | None = None  # a LossModule that the module form is made from, where torch's has layers
    by_default: bool = True  # whether a search that names no losses tries this one: budgets are shared by all that do
    untunable: str = ""  # why neither `fit` nor a search can train with it, to follow "because"; "" where they can
    tunable_as: tuple[Task, ...] = ()  # tasks for which they can all the same
    takes_weight: bool = False
    takes_ignore_index: bool = False
    takes_complex: bool = False
    uses: tuple[Callable[..., Any], ...] = ()  # helpers that the rule calls, exported with it
    form: Any = field(default=Form(), compare=False, repr=False)  # the functional form
    tensors: tuple[str, ...] = field(init=False)  # the names of those that a call takes first, by position
    reads_mask: bool = field(init=False)  # whether the rule itself leaves elements out

    def __post_init__(self) -> None:
        tensors: tuple[str, ...] = ("input", "target")
        reads_mask = False
        if self.layout is not None:
            taken, keyword = inspect.signature(self.rule).parameters, inspect.Parameter.KEYWORD_ONLY
            tensors = tuple(name for name, one in taken.items() if one.kind is not keyword)
            reads_mask = "mask" in taken
        object.__setattr__(self, "tensors", tensors)
        object.__setattr__(self, "reads_mask", reads_mask)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The functional form: checks, rule, weights and masks, reduction."""
        if self.form is None:
            raise TypeError(f"{self.name}: the record was made without its functional form; use losslab.loss")
        return self.form(*args, **kwargs)

    @property
    def summary(self) -> str:
        return (inspect.getdoc(self.rule) or "").split("\n")[0]

    @property
    def defaults(self) -> dict[str, float]:
        return {name: parameter.default for name, parameter in self.parameters.items()}

    def spell(self, answer: Any) -> Any:
        """A yes (1) or no (0), a number or a tensor, as this loss writes it: 1 and -1 for the target "sign"."""
        return 2 * answer - 1 if self.target == "sign" else answer

    def check_parameters(self, params: Mapping[str, float]) -> None:
        """Raises ValueError for a name that is not a parameter, or a number out of its domain."""
        for name, value in params.items():
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise ValueError(f"{self.name}: no parameter {name!r}; its parameters: {known}")
            domain = self.parameters[name].domain
            if float(value) not in domain:
                raise ValueError(f"{self.name}: {name} = {value:g} is out of bounds; it must lie in {domain}")


def parameters_of(rule: Callable[..., Any], bounds: Mapping[str, Parameter]) -> Mapping[str, Parameter]:
    """The parameters of a rule with the defaults of its signature; every bound must name an argument."""
    arguments = inspect.signature(rule).parameters
    unknown = set(bounds) - set(arguments)
    if unknown:
        raise ValueError(f"{rule.__name__}: bounds for {sorted(unknown)}, which the rule does not take")
    return MappingProxyType({name: replace(bound, default=arguments[name].default) for name, bound in bounds.items()})
