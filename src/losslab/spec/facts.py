"""What a loss is, as data that can be searched and tested: range, minimum, best constant, shape."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from losslab.spec.interval import NON_NEGATIVE, Interval

BestConstant = Literal[
    "mean", "median", "quantile", "expectile", "midrange", "log mean", "log odds", "log prior", "sign of the majority"
]


@dataclass(frozen=True)
class Facts:
    """Facts about one element of the unreduced loss, as a function of the raw input, at every legal parameter.

    A fact that depends on the loss's parameters is a function of them by name (`lambda delta, **_: delta`). Each is
    drawn and tested: a fact that no test could refute is left at None.
    """

    values: Interval | Callable[..., Interval] = NON_NEGATIVE  # between which numbers the loss lies
    attained: Callable[..., Any] | None = None  # (target, **parameters) -> an input that reaches `values.low`
    convex: bool | Callable[..., bool] = False  # in the input
    smooth: bool | Callable[..., bool] = False  # its gradient is continuous
    lipschitz: float | Callable[..., float] | None = None  # of the gradient; None: unbounded
    best_constant: BestConstant | None = None  # the one prediction for all rows that has the least mean loss
    proper: bool | None = None  # whether the true probabilities have the least expected loss; None: it gives none
    symmetric: bool | None = None  # whether swapping input and target changes nothing
