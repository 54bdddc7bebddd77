"""The declared facts of a loss, each tried on draws from its declared domains: a fact that fails is not one.

Each `check_...` takes the record and, where others than the seeded ones are wanted, the draws. They see losses of kind
pointwise and rowwise that state facts.
"""

import math
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor

from losslab.spec.facts import Known
from losslab.spec.record import LossRecord
from losslab.testing.claims import need
from losslab.testing.fact_draws import (
    FAR,
    Draw,
    drawn,
    each,
    inputs_at,
    inside,
    lengths,
    of_each,
    slopes,
    steepest_bend,
    targets_at,
)

Draws = Iterable[Draw]


def stated(record: LossRecord) -> bool:
    """Whether the suites of this file apply."""
    return record.facts is not None and record.kind in ("pointwise", "rowwise")


def facts_of(record: LossRecord, draw: Draw) -> Known:
    if record.facts is None:
        raise ValueError(f"{record.name} states no facts")
    return record.facts.at(classes=draw.classes, **draw.params)


def check_values(record: LossRecord, draws: Draws | None = None) -> None:
    """No value lies outside `values`, and, over the seeded draws, values come near both ends."""
    for draw in drawn(record) if draws is None else draws:
        found, wanted = each(record, draw), facts_of(record, draw).values
        slack = 1e-9 * (1 + max(abs(end) for end in (wanted.low, wanted.high, 0.0) if math.isfinite(end)))
        wrong = ~((found >= wanted.low - slack) & (found <= wanted.high + slack))
        need(record, not wrong.any(), f"{told(draw, wrong, found)} is not in {wanted}")
    if draws is None:
        for draw in drawn(record):
            check_reach(record, draw)


def check_reach(record: LossRecord, draw: Draw) -> None:
    wanted = facts_of(record, draw).values
    near, far = (each(record, probes(record, draw, reach)) for reach in (FAR / 4, FAR))
    for end, extreme in ((wanted.low, torch.min), (wanted.high, torch.max)):
        before, after = extreme(near).item(), extreme(far).item()
        if math.isfinite(end):
            width = wanted.high - wanted.low
            room = 0.05 * (width if math.isfinite(width) else 1 + abs(end))
            reached = abs(after - end) <= max(room, 0.8 * abs(before - end))  # near, or on its way
        else:
            reached = math.isinf(after) or abs(after) > 1.2 * abs(before)
        need(record, reached, f"no value comes near the end {end:g} of {wanted} at {dict(draw.params)}")


def probes(record: LossRecord, draw: Draw, reach: float) -> Draw:
    """Inputs against targets, all pairs of coordinates up to `reach`; of classes, scores for and against each class."""
    if record.kind == "rowwise":
        line = torch.linspace(-reach, reach, 601, dtype=torch.float64)
        pull = torch.eye(draw.classes, dtype=torch.float64)[[0, 1, -1]]  # the target's class, the next and the last
        rest = torch.zeros(2, 1, draw.classes, dtype=torch.float64)
        rest[1, :, 2:] = -FAR  # as if there were only two
        inputs = inputs_at(record, ((line[:, None, None] * pull).flatten(0, 1) + rest).flatten(0, 1))
        targets = torch.zeros(len(inputs), dtype=torch.int64)
    else:
        line = torch.linspace(-reach, reach, 61, dtype=torch.float64)
        x, y = (one.flatten() for one in torch.meshgrid(line, line, indexing="ij"))
        ends = [end for end in (record.input_domain.low, record.input_domain.high) if end in record.input_domain]
        inputs = torch.cat([inputs_at(record, x), *(torch.full_like(line, end) for end in ends if math.isfinite(end))])
        targets = targets_at(record, torch.cat([y, line, line])[: len(inputs)])
    found = Draw(draw.params, inputs, targets)
    if record.facts is not None and record.facts.attained is not None:
        found = Draw(draw.params, torch.cat([inputs, legal(record, least(record, found))]), torch.cat([targets] * 2))
    return found


def least(record: LossRecord, draw: Draw) -> Tensor:
    """Where the fact says that the loss of each row is least; numbers stand for infinite inputs."""
    if record.facts is None:
        raise ValueError(f"{record.name} states no facts")
    facts = record.facts
    if record.kind == "rowwise":
        found = of_each(draw, lambda shares: facts.least_at(shares, **draw.params))
    else:
        found = facts.least_at(draw.target, **draw.params)
    return inside(record, found)


def check_attained(record: LossRecord, draws: Draws | None = None) -> None:
    """No input, far or near, has less loss for a target than the one that the fact names."""
    if not says("attained")(record):
        return
    for draw in drawn(record) if draws is None else draws:
        best = least(record, draw)
        lowest = each(record, draw, best)
        step = torch.where(torch.arange(len(best)) % 2 == 0, 1.0, -1.0).double()
        step = step if record.kind == "pointwise" else step[:, None] * torch.eye(draw.classes)[:1]
        for other in (draw.input, *(inside(record, best + size * step) for size in (1e-4, -1e-4, 0.1, -0.1, 2, -2))):
            value = each(record, draw, legal(record, other))
            wrong = ~(value >= lowest - 1e-9 * (1 + lowest.abs()))
            text = f"{told(draw, wrong, value)} is less than at the input that should be best"
            need(record, not wrong.any(), text)


def legal(record: LossRecord, input: Tensor) -> Tensor:
    """Log-probabilities stay so."""
    return input.log_softmax(-1) if record.kind == "rowwise" and record.input_domain.high == 0 else input


def check_convex(record: LossRecord, draws: Draws | None = None) -> None:
    """Between any two inputs the loss is not above its chord, where the fact says convex."""
    for draw in drawn(record, reach=2.0) if draws is None else draws:
        if facts_of(record, draw).convex:
            gap = above_chord(record, draw)
            need(record, not (gap > 1e-12).any(), f"above its chord near {told(draw, gap > 1e-12, gap)}")


def above_chord(record: LossRecord, draw: Draw) -> Tensor:
    """By how much the loss lies above chords between the rows' inputs and others, as a share of its size."""
    found = torch.zeros(len(draw.input), dtype=torch.float64)
    for other in (draw.input.roll(1, 0), inside(record, draw.input + 0.5), inside(record, draw.input - 0.1)):
        ends = each(record, draw), each(record, draw, other)
        for share in (0.5, 0.1):
            middle = each(record, draw, share * draw.input + (1 - share) * other)
            gap = middle - share * ends[0] - (1 - share) * ends[1]
            size = 1 + torch.maximum(ends[0].abs(), ends[1].abs())
            found = torch.maximum(found, (gap / size).nan_to_num(0.0))
    return found


def check_smooth(record: LossRecord, draws: Draws | None = None) -> None:
    """The gradient does not jump, where the fact says smooth."""
    for draw in drawn(record, reach=1.0) if draws is None else draws:
        if facts_of(record, draw).smooth:
            jump = jumps(record, draw)
            need(record, not jump.any(), f"the gradient jumps near {told(draw, jump, jump)}")


def jumps(record: LossRecord, draw: Draw) -> Tensor:
    """Of each row, whether the gradient jumps between its input and another, or near a kink or the target."""
    few = Draw(draw.params, draw.input[:40], draw.target[:40])
    lines = [(few.input, few.input.roll(1, 0)), (few.input, few.input + 0.3)]
    if record.kind == "pointwise":
        middle = few.target if record.target == "real" else torch.zeros_like(few.input)
        lines += [(middle - 0.7, middle + 0.4), (middle - 3.1, middle + 3.3)]
    found = torch.zeros(len(draw.input), dtype=torch.bool)
    for start, end in lines:
        start, end = (inside(record, one, room=1e-3) for one in (start, end))
        coarse, fine = steepest_bend(record, few, start, end)
        found[: len(few.input)] |= (fine > 1e-5) & (fine > 0.5 * coarse)
    return found


def check_lipschitz(record: LossRecord, draws: Draws | None = None) -> None:
    """No gradient is longer than the constant, and, over the seeded draws, one is at least half as long."""
    for draw in drawn(record) if draws is None else draws:
        bound = facts_of(record, draw).lipschitz
        if bound is None:
            continue
        found = lengths(record, slopes(record, draw))
        wrong = ~(found <= bound * (1 + 1e-3))
        need(record, not wrong.any(), f"the gradient at {told(draw, wrong, found)} is longer than {bound:g}")
        if draws is None:
            probe = lengths(record, slopes(record, probes(record, draw, 4.0)))
            top = max(found.max().item(), probe.max().item())
            need(record, top >= 0.5 * bound, f"the longest gradient is {top:g} at {dict(draw.params)}, not {bound:g}")


def check_best_constant(record: LossRecord, draws: Draws | None = None) -> None:
    """No other constant has less mean loss over the rows than the named one."""
    for draw in drawn(record, reach=1.0) if draws is None else draws:
        name = facts_of(record, draw).best_constant
        if name is None:
            continue
        target = draw.target
        target = target[: len(target) - (len(target) % 2 == 0)]  # an odd number: the median is one of them
        if record.kind == "rowwise" or record.target in ("sign", "probability"):
            target = uneven(record, target, draw.classes)
        best = CONSTANT[name](target, draw)
        rows = Draw(draw.params, draw.input[:1], target)
        lowest = mean_loss(record, rows, best)
        for size in (1e-3, 1e-2, 0.1, 0.5, 2.0):
            for sign in (-1, 1):
                other = legal(record, inside(record, best + sign * size * first(best)))
                need(
                    record,
                    mean_loss(record, rows, other) >= lowest - 1e-9 * (1 + abs(lowest)),
                    f"the constant {other.tolist()} is better than the {name}, {best.tolist()}, at {dict(draw.params)}",
                )


def uneven(record: LossRecord, target: Tensor, classes: int) -> Tensor:
    """Answers of which one is the most frequent, and each occurs."""
    place = torch.arange(len(target))
    if record.kind == "rowwise":
        return (place % (classes + 2)).clamp(max=classes - 1)
    return record.spell((place % 3 == 0).double())


def first(best: Tensor) -> Tensor:
    """A step of a constant: of scores, of the first alone."""
    return torch.eye(max(best.numel(), 1), dtype=best.dtype)[0].reshape(best.shape)


def mean_loss(record: LossRecord, rows: Draw, constant: Tensor) -> float:
    return each(record, rows, constant.expand(len(rows.target), *constant.shape)).mean().item()


def expectile(target: Tensor, level: float) -> Tensor:
    """By repeated weighted means, which settle at once on finitely many numbers."""
    found = target.mean()
    for _ in range(100):
        weight = torch.where(target > found, level, 1 - level)
        found = (weight * target).sum() / weight.sum()
    return found


def shares(target: Tensor, classes: int) -> Tensor:
    return torch.bincount(target, minlength=classes).double() / len(target)


def yes(target: Tensor) -> Tensor:
    """The share of yes of answers 0 and 1, or -1 and +1."""
    return (target > 0).double().mean()


CONSTANT: Mapping[str, Callable[[Tensor, Draw], Tensor]] = {
    "mean": lambda target, draw: target.mean(),
    "median": lambda target, draw: target.median(),
    "quantile": lambda target, draw: target.sort()[0][math.ceil(len(target) * draw.params["quantile"]) - 1],
    "expectile": lambda target, draw: expectile(target, draw.params["expectile"]),
    "geometric mean": lambda target, draw: target.log1p().mean().expm1(),
    "log mean": lambda target, draw: target.mean().log(),
    "log odds": lambda target, draw: yes(target).logit(),
    "half log odds": lambda target, draw: yes(target).logit() / 2,
    "log prior": lambda target, draw: shares(target, draw.classes).log(),
    "mean sign": lambda target, draw: (2 * yes(target) - 1) * draw.params.get("margin", 1.0),
    "majority": lambda target, draw: (2 * yes(target) - 1).sign() * draw.params["margin"],
}


def check_proper(record: LossRecord, draws: Draws | None = None) -> None:
    """The true probabilities have no more expected loss than any others, where the fact says proper."""
    for draw in drawn(record, reach=1.0) if draws is None else draws:
        if facts_of(record, draw).proper:
            gain = gains(record, draw)
            need(record, not (gain > 1e-10).any(), f"others than the true probabilities win {gain.max():g}")


def gains(record: LossRecord, draw: Draw) -> Tensor:
    """How much less expected loss other probabilities have than the true ones, at the most of those that are tried."""
    scores = torch.linspace(-6.0, 9.0, 40, dtype=torch.float64)
    if record.kind == "rowwise":
        scores = torch.stack([scores * (-1.0) ** c + 0.3 * c for c in range(draw.classes)], -1)
        truth = scores.softmax(-1)
    else:
        truth = scores.sigmoid()
    right = expected(record, draw, scores, truth)
    found = torch.full_like(right, -math.inf)
    others = [draw.input[row].expand_as(scores) for row in range(0, len(draw.input), 40)]
    others += [scores + size * first(scores[0]) for size in (1e-3, -1e-3, 0.05, -0.05, 0.5, -0.5)]
    for other in others:
        found = torch.maximum(found, right - expected(record, draw, other, truth))
    return found


def expected(record: LossRecord, draw: Draw, scores: Tensor, truth: Tensor) -> Tensor:
    """The mean loss of each row under its true probabilities; scores are as under a softmax or sigmoid."""
    if record.kind == "rowwise":
        input, labels = legal(record, scores), torch.arange(draw.classes)
        parts = [each(record, draw, input, label.expand(len(input))) for label in labels]
        return (truth * torch.stack(parts, -1)).sum(-1)
    input = scores.sigmoid() if record.link == "identity" else scores
    ones = torch.ones_like(input)
    no, yes = (each(record, draw, input, record.spell(answer)) for answer in (0 * ones, ones))
    return (1 - truth) * no + truth * yes


def check_symmetric(record: LossRecord, draws: Draws | None = None) -> None:
    """Swapping input and target changes nothing, where the fact says symmetric."""
    for draw in drawn(record) if draws is None else draws:
        if facts_of(record, draw).symmetric:
            wrong = swapped(record, draw) > 1e-9
            need(record, not wrong.any(), f"input and target do not swap at {told(draw, wrong, draw.target)}")


def swapped(record: LossRecord, draw: Draw) -> Tensor:
    """The change of the loss when input and target are swapped, as a share of its size."""
    low = max(record.input_domain.low, record.target_domain.low)
    input = draw.input.clamp(low, min(record.input_domain.high, record.target_domain.high))
    here, there = each(record, draw, input), each(record, draw, draw.target, input)
    return (here - there).abs() / (1e-300 + here.abs() + there.abs())


def says(fact: str) -> Callable[[LossRecord], bool]:
    """Whether a suite applies: the fact is stated, at some parameters at least."""
    return lambda record: stated(record) and getattr(record.facts, fact) not in (None, False)


SUITES: Mapping[str, tuple[Callable[[LossRecord], None], Callable[[LossRecord], bool]]] = {
    "facts: values": (check_values, stated),
    "facts: least": (check_attained, says("attained")),
    "facts: convex": (check_convex, says("convex")),
    "facts: smooth": (check_smooth, says("smooth")),
    "facts: Lipschitz": (check_lipschitz, says("lipschitz")),
    "facts: best constant": (check_best_constant, says("best_constant")),
    "facts: proper": (check_proper, says("proper")),
    "facts: symmetric": (check_symmetric, says("symmetric")),
}


def told(draw: Draw, wrong: Tensor, value: Tensor) -> str:
    """The first wrong row in words."""
    if not wrong.any():
        return ""
    row = int(wrong.double().argmax())
    own = f"input {draw.input[row].tolist()}, target {draw.target[row].tolist()}"
    return f"{own}, {dict(draw.params)}: {value[row].item():g}"
