"""An interval of real numbers: where a value is legal, or where the tuner looks."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`; an open end excludes its value (infinite ends are always open)."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"Interval: low {self.low} is above high {self.high}")

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below

    def __str__(self) -> str:
        left = "(" if self.open_low or math.isinf(self.low) else "["
        right = ")" if self.open_high or math.isinf(self.high) else "]"
        return f"{left}{self.low:g}, {self.high:g}{right}"


REAL = Interval()
POSITIVE = Interval(0, open_low=True)
NON_NEGATIVE = Interval(0)
UNIT = Interval(0, 1)


def harmless(domain: Interval) -> float:
    """A number inside the domain, away from zero, at which values and gradients are finite."""
    if domain == REAL:
        return 0.5
    low, high = max(domain.low, min(domain.high, 0.0) - 1.0), min(domain.high, max(domain.low, 0.0) + 1.0)
    return 0.5 * (low + high)
