"""The answer in plain words: better, equivalent or undecided."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from losslab.search.inference import LEVEL, Comparison
from losslab.search.result import VerdictKind


@dataclass(frozen=True)
class Verdict:
    """`winner` is the loss to use: the default itself where `keep_default`. `detectable` is a length, or None."""

    kind: VerdictKind
    winner: str
    keep_default: bool
    detectable: float | None
    sentence: str
    better: tuple[str, ...] = ()  # every loss shown to be better than the default
    worse: tuple[str, ...] = ()  # every loss shown to be worse


def decide(
    comparisons: Sequence[Comparison],
    names: Sequence[str],
    metric_name: str,
    higher_is_better: bool,
    margin: float,
    points: bool,
    n_rows: int,
    validation: Sequence[float | None] | None = None,
    *,
    default: int = 0,
    unit: str = "test rows",
) -> Verdict:
    """The verdict over the comparisons that have a Holm-adjusted p-value (the challengers).

    - *better*: a challenger's difference is in the metric's good direction, its adjusted p is below 0.05, and its
      interval is not inside the margin. Any one of those shown may be recommended at that level. Of several, the one
      that is best on `validation` is taken, which leaves the test part out of the choice: its difference and interval
      stay those of a loss that was named before. Without validation values: the smallest p. If every challenger is
      shown to be worse, the default is better.
    - *equivalent*: the 95 % intervals of all challengers that are not shown to be worse lie inside +- `margin` (in
      the metric's unit). All must pass, so none needs an adjustment. So small a difference counts for nothing even
      where it is not zero: two finalists of one and the same loss differ as much, by their rates.
    - *undecided*: all else. `detectable` is the typical (median) challenger's, see `Comparison`.

    ValueError: lists of different lengths, or a margin that is not positive.
    """
    if len(names) != len(comparisons) or (validation is not None and len(validation) != len(names)):
        raise ValueError(f"decide: {len(comparisons)} comparisons for {len(names)} names; give one of each per loss")
    if not margin > 0:
        raise ValueError(f"decide: margin {margin:g} must be above zero")
    sign = 1 if higher_is_better else -1
    family = [i for i, found in enumerate(comparisons) if found.p_holm is not None and i != default]
    differ = [i for i in family if comparisons[i].comparable and (comparisons[i].p_holm or 0.0) < LEVEL]
    shown = [i for i in differ if not inside(comparisons[i], margin)]
    slight = [i for i in differ if i not in shown and sign * comparisons[i].difference > 0]
    better = [i for i in shown if sign * comparisons[i].difference > 0]
    worse = [i for i in shown if i not in better]
    open_ = [i for i in family if i not in shown]
    sizes = [comparisons[i].detectable for i in family if math.isfinite(comparisons[i].detectable)]
    detectable = median(sizes) if sizes else None
    say = Words(metric_name, higher_is_better, points)

    def verdict(kind: VerdictKind, winner: int, sentence: str) -> Verdict:
        lists = (tuple(names[i] for i in better), tuple(names[i] for i in worse))
        return Verdict(kind, names[winner], winner == default, detectable, sentence, *lists)

    if better:
        winner = max(better, key=lambda i: rank(comparisons[i], validation[i] if validation else None, sign))
        return verdict("better", winner, say.better(names, winner, default, comparisons[winner], better))

    keep = f"Keep {names[default]}."
    if not family:
        return verdict("undecided", default, f"{keep} Undecided: there was no other loss to compare.")
    if not open_:
        return verdict("better", default, f"{keep} It is better than {listed([names[i] for i in worse])}.")
    also = f" {listed([names[i] for i in worse])} {'is' if len(worse) == 1 else 'are'} worse." if worse else ""
    if all(comparisons[i].comparable and inside(comparisons[i], margin) for i in open_):
        which = listed([names[i] for i in open_])
        verb = "differs" if len(open_) == 1 else "differ"
        return verdict(
            "equivalent", default, f"{keep} Equivalent: {which} {verb} from it by less than {say.size(margin)}.{also}"
        )
    if slight:
        verb = "is" if len(slight) == 1 else "are"
        also = f" {listed([names[i] for i in slight])} {verb} better, but by less than {say.size(margin)}.{also}"
    failed = [names[i] for i in open_ if not comparisons[i].comparable]
    if failed:
        also = f" {listed(failed)} could not be compared: retrainings failed.{also}"
    if len(failed) == len(open_):
        return verdict("undecided", default, f"{keep} Undecided.{also}")
    could = say.could(n_rows, unit, detectable, names[default], comparisons[default].test)
    return verdict("undecided", default, f"{keep} Undecided: no loss is shown to be better.{could}{also}")


def rank(found: Comparison, validation: float | None, sign: int) -> tuple[float, float]:
    known = validation is not None and math.isfinite(validation)
    return (sign * validation if known and validation is not None else -math.inf, -found.p)


def inside(found: Comparison, margin: float) -> bool:
    return -margin < found.low and found.high < margin


def listed(names: Sequence[str]) -> str:
    """a, b and c"""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


@dataclass(frozen=True)
class Words:
    metric: str
    higher_is_better: bool
    points: bool

    def number(self, value: float) -> str:
        """Points are hundredths; other units get three significant digits."""
        return f"{100 * value:.1f}" if self.points else f"{value:.3g}"

    def size(self, value: float) -> str:
        shown = f"{round(100 * value, 1):g}"
        return f"{shown} point{'' if shown == '1' else 's'}" if self.points else f"{value:.3g} in {self.metric}"

    def could(self, n_rows: int, unit: str, detectable: float | None, default: str, test: float) -> str:
        """What this test part can show, and what there is to gain where that is less."""
        if not detectable:
            return ""
        text = f" {n_rows:,} {unit} can show gains of about {self.size(detectable)} or more"
        room = (1 - test if self.higher_is_better else test) if self.points else math.nan
        return text + (f"; {default} leaves {self.size(room)} to gain." if room < detectable else ".")

    def better(self, names: Sequence[str], winner: int, default: int, found: Comparison, better: Sequence[int]) -> str:
        verb = "rises" if self.higher_is_better else "falls"
        ends = sorted((abs(found.low), abs(found.high)))
        gain = f"{self.number(abs(found.difference))}{' points' if self.points else ''}"
        p = "p < 0.001" if found.p_holm is not None and found.p_holm < 0.001 else f"p = {found.p_holm:.2g}"
        text = (
            f"Use {names[winner]} instead of {names[default]}. Better: {self.metric} {verb} by {gain} "
            f"[{self.number(ends[0])}, {self.number(ends[1])}], {p} after Holm."
        )
        others = [names[i] for i in better if i != winner]
        return text + (f" Also shown to be better: {listed(others)}." if others else "")
