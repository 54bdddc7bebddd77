"""What a loss is, as data that can be searched and tested: range, minimum, best constant, shape."""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from losslab.spec.interval import NON_NEGATIVE, Interval

if TYPE_CHECKING:  # the command line reads records before torch is imported
    from torch import Tensor

BestConstant = Literal[
    "mean", "median", "quantile", "expectile", "geometric mean", "log mean", "log odds", "half log odds", "log prior",
    "mean sign", "majority",
]  # fmt: skip
# Each in the unit of the raw input, so before the link: "log odds" is the logit of the mean.
CONSTANTS: Mapping[str, str] = {
    "mean": "the mean of the targets",
    "median": "the median of the targets",
    "quantile": "the quantile of the targets at `quantile`",
    "expectile": "the expectile of the targets at `expectile`",
    "geometric mean": "the geometric mean of 1 + target, less 1",
    "log mean": "the logarithm of the mean of the targets",
    "log odds": "the log odds of the share of yes",
    "half log odds": "half the log odds of the share of yes",
    "log prior": "the logarithms of the shares of the classes",
    "mean sign": "the mean of the targets as -1 and +1, times `margin` where there is one",
    "majority": "`margin` with the sign of the majority",
}
CLASSES = 10  # at which number of classes a fact is told that depends on it


@dataclass(frozen=True)
class Known:
    """The facts at given parameters; the meanings are those of `Facts`. What is `unknown` is None, and named there."""

    values: Interval
    convex: bool | None
    smooth: bool | None
    lipschitz: float | None
    best_constant: BestConstant | None
    proper: bool | None
    symmetric: bool | None
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """Facts about one element of the unreduced loss as a function of the raw input, at every legal parameter.

    Of a loss of several tensors the input is the first operand that is predicted and the target the operand that comes
    second; tensors that may be left out are.

    A fact that depends on the loss's parameters, or on the number of `classes`, is a function of those by name
    (`lambda delta: delta`); `at` gives its value. Options that are no numbers stand at their defaults. Each fact is
    drawn and tested: a fact that no test could refute is left out.
    """

    values: Interval | Callable[..., Interval] = NON_NEGATIVE  # the narrowest interval that holds every value
    attained: Callable[..., Any] | None = None  # (target, parameters) -> where the loss is least; may be infinite
    convex: bool | Callable[..., bool] = False  # in the input
    smooth: bool | Callable[..., bool] = False  # its gradient is continuous
    lipschitz: float | Callable[..., float] | None = None  # no gradient is longer (Euclidean); None: some are
    best_constant: BestConstant | Callable[..., BestConstant | None] | None = None  # the input with the least mean loss
    proper: bool | Callable[..., bool] | None = None  # the true probabilities are best; None: it gives none
    symmetric: bool | Callable[..., bool] | None = None  # swapping input and target changes nothing; None: no sense
    unknown: tuple[str, ...] = ()  # of convex, smooth and lipschitz those of which neither yes nor no is said

    def at(self, classes: float = CLASSES, **parameters: float) -> "Known":
        """The facts with values for functions, without `attained`; an infinite Lipschitz constant is None."""
        given = {"classes": classes, **parameters}
        found = {f.name: _call(getattr(self, f.name), given) for f in fields(self) if f.name != "attained"}
        bound = found["lipschitz"]
        unsaid = dict.fromkeys(self.unknown)
        return Known(**{**found, "lipschitz": None if bound is None or math.isinf(bound) else bound, **unsaid})

    def least_at(self, target: "Tensor", **parameters: float) -> Any:
        """An input at which the loss of each target is least; of classes, the target is given as shares (..., C)."""
        if self.attained is None:
            raise ValueError("where the loss is least is not among the facts")
        return _call(lambda **own: self.attained(target, **own), parameters, self.attained)

    @property
    def varies(self) -> bool:
        """Whether a fact depends on parameters or on the number of classes."""
        return any(callable(getattr(self, f.name)) for f in fields(self) if f.name != "attained")

    @property
    def depends_on_classes(self) -> bool:
        return any("classes" in _names(getattr(self, f.name)) for f in fields(self) if f.name != "attained")


def _names(function: Any) -> tuple[str, ...]:
    """What a function takes; of torch's own, which have no signature, nothing beside the target."""
    try:
        return tuple(inspect.signature(function).parameters) if callable(function) else ()
    except ValueError:
        return ()


def _call(fact: Any, given: Mapping[str, Any], names_of: Any = None) -> Any:
    if not callable(fact):
        return fact
    return fact(**{name: given[name] for name in _names(names_of or fact) if name in given})


def same(target: "Tensor") -> "Tensor":
    """Least where input and target agree."""
    return target


def certain(target: "Tensor") -> "Tensor":
    """Least, in the limit, where the scores are the logarithms of the target's shares."""
    return target.log()


def steepest(slope: Callable[[float], float]) -> float:
    """The largest |slope| of a loss by the log of its class's probability p, as a bound of the gradient by scores.

    slope: of p. The gradient of log p is longest, (1 - p) sqrt(2), where one other class has all the rest.
    """
    chances = [1 / (1 + math.exp(-step / 40)) for step in range(-1200, 1201)]
    return math.sqrt(2) * max((1 - p) * abs(slope(p)) for p in chances)
