"""How numbers, names and sentences are written: the same in the terminal and on the page."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeGuard

from losslab.optim import RULES
from losslab.search.result import Row, TuneData

SHORT = {"cross_entropy": "CE", "binary_cross_entropy_with_logits": "BCE", "mse_loss": "MSE"}
NOTHING = "-"


@dataclass(frozen=True)
class Numbers:
    """Writes the values and differences of one metric with the digits that its table needs."""

    points: bool
    digits: int  # after the decimal point, of a value
    difference_digits: int

    @classmethod
    def of(cls, data: TuneData) -> "Numbers":
        """Rates have three decimals and differences in points one; other metrics three significant digits."""
        if data.points:
            return cls(points=True, digits=3, difference_digits=1)
        losses = [row for row in data.table if row.role == "loss"]
        sizes = [abs(value) for row in losses for value in (row.test, row.validation) if known(value) and value]
        widths = [
            (row.difference_high - row.difference_low) / 2
            for row in losses
            if known(row.difference_low) and known(row.difference_high)
        ]
        digits = _digits(median(sizes), significant=3) if sizes else 3
        wide = [width for width in widths if width > 0]
        return cls(False, digits, max(_digits(min(wide), significant=2), 0) if wide else digits)

    def value(self, value: float | None) -> str:
        return _fixed(value, self.digits) if known(value) else NOTHING

    def difference(self, value: float | None) -> str:
        """With its sign, also where it rounds to nothing: -0.0 ends an interval that leaves out zero."""
        if not known(value):
            return NOTHING
        text = _fixed(abs(value) * 100 if self.points else abs(value), self.difference_digits)
        return text if value == 0 else f"{'-' if value < 0 else '+'}{text}"

    def size(self, value: float) -> str:
        """A length without a sign: a margin, or the smallest visible difference, with its unit."""
        text = _fixed(abs(value) * 100 if self.points else abs(value), self.difference_digits)
        return f"{text} points" if self.points else text

    def interval(self, low: float | None, high: float | None) -> str:
        if not (known(low) and known(high)):
            return ""
        return f"[{self.difference(low)}, {self.difference(high)}]"

    @property
    def unit(self) -> str:
        return "points" if self.points else "the metric's own unit"


def known(value: float | None) -> TypeGuard[float]:
    """Whether it was measured: not None and finite."""
    return value is not None and math.isfinite(value)


def _digits(size: float, significant: int) -> int:
    """Decimals that show `size` with so many significant digits."""
    if not math.isfinite(size) or size <= 0:
        return 3
    return min(max(significant - 1 - math.floor(math.log10(size)), 0), 9)


def _fixed(value: float, digits: int) -> str:
    """With thousands separated; never "-0.0"; numbers that would fill the column are written with an exponent."""
    if abs(value) >= 1e7:
        return f"{value:.2e}"
    text = f"{value:,.{digits}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text


def number(value: Any) -> str:
    """A parameter's value, with three significant digits: 13.2, 1e-3."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return clean(str(value))
    plain, power = f"{value:.3g}", f"{value:.2e}"
    mantissa, exponent = power.split("e") if "e" in power else (power, "0")
    short = f"{float(mantissa):g}e{int(exponent)}"
    return short if len(short) < len(plain) else plain


def alike(value: float, column: Sequence[float]) -> str:
    """With as many decimals as show the column's middle with three significant digits."""
    return _fixed(value, _digits(median(abs(other) for other in column), significant=3))


def p_value(p: float | None) -> str:
    if not known(p):
        return ""
    if p < 0.001:
        return "<.001"
    return "1.0" if p >= 0.9995 else f"{p:.3f}".lstrip("0")


def count(n: int) -> str:
    return f"{n:,}"


def ordinal(n: int) -> str:
    suffix = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{suffix}"


def clean(text: str) -> str:
    """A name from a user's file, without the characters that could steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def name_of(data: TuneData) -> str:
    """The data's name: what stands before the first colon."""
    return clean(data.data.split(":")[0])


def settings(params: Mapping[str, Any]) -> str:
    """gamma 2, label_smoothing 0.04; numbers for each class, which come from the data, are left out."""
    single = {name: value for name, value in params.items() if not isinstance(value, list | tuple)}
    return ", ".join(f"{clean(name)} {number(value)}" for name, value in single.items())


def plain_name(name: str, optimizer: Mapping[str, Any]) -> str:
    """A searched parameter without the optimiser it belongs to: adamw.lr is lr."""
    return name.removeprefix(f"{optimizer.get('name', '')}.")


def at_bound(row: Row) -> list[str]:
    return [plain_name(name, row.optimizer) for name in row.at_bound]


def torch_optimizer(name: str) -> str:
    """The class in torch.optim: "adamw" is AdamW. A rule that torch lacks is written as a name too: Lion."""
    rule = RULES.get(name.lower())
    return (rule.torch_name or rule.name.capitalize()) if rule else clean(name)


def optimizer(chosen: Mapping[str, Any]) -> str:
    """AdamW lr 1e-3, weight_decay 0.01"""
    rest = {key: value for key, value in chosen.items() if key != "name"}
    return f"{torch_optimizer(str(chosen.get('name', '')))} {settings(rest)}".strip()


def label(row: Row) -> str:
    """What stands at the left of its line."""
    if row.role != "untuned":
        return clean(row.loss)
    rate = row.optimizer.get("lr")
    how = torch_optimizer(str(row.optimizer.get("name", "")))
    parts = [clean(row.loss), f"{how} {number(rate)}" if rate is not None else how]
    return "untuned: " + ", ".join(part for part in parts if part)


def ordered(data: TuneData) -> tuple[list[Row], list[Row]]:
    """The losses, the default first and then the best on the test part; and what they are measured against."""
    turn = -1 if data.higher_is_better else 1
    losses = [row for row in data.table if row.role == "loss"]
    losses.sort(key=lambda row: (row.loss != data.default, turn * row.test if known(row.test) else math.inf))
    others = [row for row in data.table if row.role == "untuned"]
    return losses, others + [row for row in data.table if row.role == "baseline"]


def default_row(data: TuneData) -> Row | None:
    return next((row for row in data.table if row.role == "loss" and row.loss == data.default), None)


def winner_row(data: TuneData) -> Row | None:
    return next((row for row in data.table if row.role == "loss" and row.loss == data.winner), None)


def recommended(data: TuneData) -> Row | None:
    """The loss that the verdict says to use."""
    return default_row(data) if data.keep_default else winner_row(data)


def against(data: TuneData) -> str:
    """What differences are from: "tuned CE", or "CE" where nothing was tuned."""
    tuned = any(row.role == "untuned" for row in data.table)
    return ("tuned " if tuned else "") + SHORT.get(data.default, "default")


def direction(data: TuneData) -> str:
    return "higher is better" if data.higher_is_better else "lower is better"


def split_sizes(data: TuneData) -> str:
    """1,078 train / 359 validation / 360 test, stratified, seed 0"""
    sizes = [f"{count(data.split[part])} {part}" for part in ("train", "validation", "test") if part in data.split]
    return ", ".join(part for part in (" / ".join(sizes), clean(str(data.split.get("how", "")))) if part)


def got_worse(data: TuneData) -> list[str]:
    """What one should know before choosing a loss for its metric alone: other metrics worse than the default's.

    One sentence for the winner, or where the default is kept, one for each loss that is not shown to be worse anyway.
    """
    rows = [row for row in ordered(data)[0] if row.worse and row.loss != data.default]
    if not data.keep_default:
        rows = [row for row in rows if row.loss == data.winner]
    rows = [row for row in rows if row.loss == data.winner or not known(row.p_value) or row.p_value >= 0.05]
    return [f"{clean(row.loss)} has worse {listed(clean(words) for words in row.worse)}." for row in rows]


def listed(words: Iterable[str]) -> str:
    """a, b and c"""
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def holds_for(data: TuneData) -> str:
    return f"Holds for {clean(data.holds_for) or f'this model, {data.epochs} epochs, data like these'}."


def readings(data: TuneData) -> str:
    """How often the test part was read; every reading makes its answers a little less independent."""
    times = max(len(data.ledger), 1)
    warning = "" if times == 1 else " Choices made after an earlier reading make these figures optimistic."
    return f"Test part read: {ordinal(times)} time.{warning}"


def footnote(data: TuneData) -> str:
    return f"* chosen by this column, so optimistic. Differences in {Numbers.of(data).unit}; p after Holm."
