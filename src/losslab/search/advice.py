"""Which losses fit a target, and why: what the target looks like, then what the model's last layer says to it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor, nn

from losslab.catalog import CATALOGUE
from losslab.data.kinds import series_values
from losslab.data.target import read_target
from losslab.search.last_layer import adapted
from losslab.spec.record import LossRecord

FAR, MANY_FAR = 5.0, 0.005  # robust deviations from the median; the share of rows beyond them that is a heavy tail
SKEWED = 5.0  # how many times the median the 95th percentile is where sizes are compared by ratio
WIDE = 1.5  # how many times the mean the variance of counts is where Poisson's likelihood is too narrow


@dataclass(frozen=True)
class Proposal:
    """The losses that fit a target, best first, with a reason for each, and what looks like a mistake."""

    target: str  # what was seen, in words
    losses: tuple[LossRecord, ...]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    kind: str = ""  # the row of the guide: "real", "count", "class", ...
    outputs: int | None = None  # how many the model should have, where the target says it

    def __str__(self) -> str:
        width = max((len(record.name) for record in self.losses), default=0)
        lines = [f"target: {self.target}"]
        pairs = zip(self.losses, self.reasons, strict=True)
        lines += [f"  {record.name:<{width}}  {reason}" for record, reason in pairs]
        lines += ["  the catalogue has no loss for it"] * (not self.losses)
        return "\n".join([*lines, *(f"warning: {text}" for text in self.warnings)])


def propose(target: Any, model: nn.Module | None = None) -> Proposal:
    """The losses that fit the target, best first, and why.

    target: a tensor, array, list or Series (N,) of numbers, classes or words; (N, C) of shares that sum to one or of
    0/1 columns; (N, d1, ..., dk) of class indices for pixels; or a tuple `(time, event)` of durations and of 1 where
    the event was seen, or `(relevance, group)` of grades and of the list that each row belongs to.
    model: its last layer is compared with what the losses expect.
    Raises ValueError for targets that are empty, missing, infinite or all the same, TypeError for a model that is not
    an nn.Module.
    """
    if model is not None and not isinstance(model, nn.Module):
        raise TypeError(f"propose: model must be an nn.Module, found {type(model).__name__}")
    if isinstance(target, tuple) and len(target) == 2 and all(np.ndim(_plain(part)) == 1 for part in target):
        found = _pair(*(_plain(part) for part in target))
    else:
        values = _plain(target)
        if values.size == 0:
            raise ValueError("propose: the target is empty")
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            where = np.argwhere(~np.isfinite(values))[0].tolist()
            raise ValueError(f"propose: the target holds a missing or infinite number, the first at {where}")
        if values.ndim == 0:
            raise ValueError("propose: the target is a single number; one for each row is wanted")
        if values.ndim > 1 and values.shape[1:] == (1,) * (values.ndim - 1):
            values = values.reshape(-1)
        ordered = bool(getattr(getattr(target, "dtype", None), "ordered", False))  # a pandas Categorical
        found = _ordered(len(np.unique(values))) if ordered else _one(values) if values.ndim == 1 else _many(values)
    return found if model is None else adapted(found, model, target)


def told(target: str, kind: str, *pairs: tuple[str, str], outputs: int | None = None) -> Proposal:
    """A proposal of those losses that the catalogue has."""
    known = [(CATALOGUE[name], reason) for name, reason in pairs if name in list(CATALOGUE)]
    return Proposal(
        target, tuple(r for r, _ in known), tuple(reason for _, reason in known), kind=kind, outputs=outputs
    )


def _plain(target: Any) -> np.ndarray:
    if isinstance(target, Tensor):
        return target.detach().cpu().numpy()
    if hasattr(target, "to_numpy"):
        return target.to_numpy() if np.ndim(target) > 1 else series_values(target)
    try:
        return np.asarray(target)
    except ValueError:
        raise ValueError("propose: the rows of the target differ in length") from None


def _pair(values: np.ndarray, other: np.ndarray) -> Proposal:
    if len(values) != len(other):
        raise ValueError(f"propose: the two parts of the target have {len(values)} and {len(other)} rows")
    if len(values) == 0:
        raise ValueError("propose: the target is empty")
    by_task = lambda task, why: tuple((name, why) for name in CATALOGUE.filter(task=task))  # noqa: E731
    if np.isin(other, (0, 1)).all():
        seen = f"times until an event, which was seen in {int(other.sum()):,} of {len(other):,} rows"
        return told(seen, "event", *by_task("survival", "counts rows whose event was not seen for what they say"))
    if other.dtype.kind == "f" and not (other == np.round(other)).all():
        raise ValueError("propose: the second part of the target is neither 0/1 (events) nor labels of groups")
    seen = f"grades in {len(np.unique(other)):,} groups"
    return told(seen, "group", *by_task("ranking", "compares the rows of a group with each other"))


def _one(values: np.ndarray) -> Proposal:
    if values.dtype.kind in "biuf" and len(np.unique(values)) < 2:
        raise ValueError(f"propose: the target is {values[0]} in all {len(values):,} rows: nothing to learn")
    if values.dtype.kind in "iuf" and set(np.unique(values)) == {-1, 1}:
        why = "takes -1 and +1; its scores are logits"
        return told("-1 and +1", "binary", ("soft_margin_loss", why), outputs=1)
    read = None if _fractions(values) else read_target(values, "target")
    if read is not None and read.task == "binary":
        return _binary(np.asarray(read.y).mean().item(), read.why)
    if read is not None and read.task == "multiclass":
        return _classes(len(read.classes), np.bincount(np.asarray(read.y)), f"classes, {read.why}")
    return _numbers(values.astype(float))


def _fractions(values: np.ndarray) -> bool:
    return values.dtype.kind == "f" and bool((values != np.round(values)).any())


def _binary(share: float, why: str = "") -> Proposal:
    seen = f"yes or no, {share:.1%} yes{f' ({why})' if why else ''}"
    rare = bool(min(share, 1 - share) < 0.1)
    more = [("sigmoid_focal_loss", "easy rows count less, which helps where one answer is rare")] if rare else []
    first = "one logit for each row; the sigmoid is inside" + (", and pos_weight lifts the rare answer" * rare)
    last = ("sigmoid_brier_loss", "as proper, and bounded: a wrong label costs 1 at the most")
    return told(seen, "binary", ("binary_cross_entropy_with_logits", first), *more, last, outputs=1)


def _classes(count: int, rows: np.ndarray, seen: str) -> Proposal:
    rare = bool(rows.min() < 0.2 * rows.mean())
    more = [("focal_loss", "easy rows count less, which helps where classes are rare")] if rare else []
    first = "one score for each class; the softmax is inside" + (", and weight= lifts rare classes" * rare)
    robust = ("generalized_cross_entropy", "where many labels are wrong")
    proposal = told(seen, "class", ("cross_entropy", first), *more, robust, outputs=count)
    if seen.startswith(("classes, from whole numbers", "classes, from an integer")):
        text = "grades or stages have an order that these losses do not see; pass an ordered Categorical for those"
        return replace(proposal, target=f"{seen} ({text})")
    return proposal


def _ordered(count: int) -> Proposal:
    thresholds = ("all_threshold_loss", f"{count - 1} outputs, each of which asks: is the class above k?")
    score = (
        "ranked_probability_loss",
        "an output for each class; probability far off costs more than next to it",
    )
    soft = ("soft_ordinal_loss", "an output for each class; where even people mix up neighbours")
    plain = ("cross_entropy", "forgets the order, and is simple; what the others are compared with")
    return told(f"{count} ordered classes", "ordered", thresholds, score, soft, plain)


def _numbers(values: np.ndarray) -> Proposal:
    low, high, mean = values.min(), values.max(), values.mean()
    if low >= 0 and not _fractions(values):
        wide = values.var() > WIDE * mean
        counts = [("poisson_nll_loss", "one output, the log of the mean; the variance grows with it")]
        more = (
            "negative_binomial_nll_loss",
            "the same, for a variance above the mean" + f": {values.var():.3g} and {mean:.3g} here" * bool(wide),
        )
        pairs = [more, *counts] if wide else [*counts, more]
        return told("counts: whole numbers of 0 and more", "count", *pairs, ("mse_loss", "where counts are large"))
    if low >= 0 and high <= 1:
        first = ("binary_cross_entropy_with_logits", "takes shares as well as 0 and 1; its best constant is their mean")
        return told("shares from 0 to 1", "share", first, ("sigmoid_brier_loss", "bounded"), outputs=1)
    median = float(np.median(values))
    if low >= 0 and np.quantile(values, 0.95) > SKEWED * max(median, 1e-300):
        own = ("tweedie_loss", "takes zeros; one output, the log of the mean") if low == 0 else (
            "gamma_nll_loss", "one output, the log of the mean; errors count in proportion to it"
        )  # fmt: skip
        ratio = ("msle_loss", "compares by ratio, zeros too") if low == 0 else ("log_ratio_loss", "compares by ratio")
        seen = f"{'zeros and ' if low == 0 else ''}positive numbers over orders of magnitude (median {median:.3g})"
        return told(seen, "positive", own, ratio, ("mse_loss", "on the logarithms of the targets"))
    spread = 1.4826 * float(np.median(np.abs(values - median))) or float(values.std())
    far = float((np.abs(values - median) > FAR * spread).mean())
    squared = ("mse_loss", "aims at the mean; one output without an activation")
    huber = ("huber_loss", "the squared error near zero, and a far row pulls with a bounded slope")
    if far <= MANY_FAR:
        seen = "real numbers without heavy tails" if low < 0 else "positive numbers on one scale"
        return told(seen, "real", squared, huber, ("l1_loss", "aims at the median"))
    seen = f"real numbers with heavy tails ({far:.1%} lie more than {FAR:g} robust deviations from the median)"
    robust = (("cauchy_loss", "where far targets are errors: their pull fades"), ("l1_loss", "aims at the median"))
    return told(seen, "real", huber, *robust, squared)


def _many(values: np.ndarray) -> Proposal:
    if values.ndim > 2 and values.dtype.kind in "biu":
        pixels = ("cross_entropy", "a class for each place: scores of shape (N, C, ...)")
        overlap = ("dice_loss", "measures overlap, for small regions")
        return told("class indices for each place of a grid", "pixels", pixels, overlap, outputs=int(values.max()) + 1)
    if values.dtype.kind not in "biuf":
        raise ValueError(f"propose: a target of shape {values.shape} must hold numbers, not {values.dtype}")
    numbers = values.astype(float)
    if not np.isin(numbers, (0, 1)).all():
        if values.ndim == 2 and (numbers >= 0).all() and np.allclose(numbers.sum(1), 1, atol=1e-3):
            first = ("cross_entropy", "takes distributions over the classes as targets; scores of the same shape")
            more = ("kl_div", "the same gradient, for log-probabilities; reads 0 where they agree")
            return told("rows that sum to one", "distribution", first, more, outputs=values.shape[1])
        return replace(_numbers(numbers.reshape(-1)), outputs=values.shape[-1])
    count = values.shape[-1]
    if values.ndim == 2 and count > 1 and (numbers.sum(1) == 1).all():
        return _classes(count, numbers.sum(0), f"one-hot rows of {count} classes: pass target.argmax(1)")
    levels = values.ndim == 2 and count > 1 and (np.diff(numbers, axis=1) <= 0).all() and numbers.sum(1).max() > 1
    if levels:
        return _ordered(count + 1)
    each = ("binary_cross_entropy_with_logits", "each column is a question of its own, with a logit of its own")
    rare = ("asymmetric_loss", "where most answers are no")
    return told(f"{count} independent columns of 0 and 1", "columns", each, rare, outputs=count)
