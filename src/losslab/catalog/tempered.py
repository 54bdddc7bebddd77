"""Logistic loss of tempered exponentials and logarithms. Below, p is the tempered softmax and y the target's class."""

from math import inf, log

import torch
from torch import Tensor

from losslab.catalog.classification import FIRST, by_class, guarded
from losslab.spec.declare import loss
from losslab.spec.facts import Facts, steepest
from losslab.spec.interval import UNIT, Interval
from losslab.spec.record import Case, Parameter

TEMPERED = [4.0, 3.0, 0.0]  # scores whose tempered softmax at t2 = 2, 1 / (6 - x), is (1/2, 1/3, 1/6)


def tempered_expm1(value: Tensor, c: Tensor) -> Tensor:
    """(exp(c value) - 1) / c, which at c = 0 is `value`, with the right slope in c there too."""
    safe = torch.where(c == 0, 1.0, c)
    near = value + 0.5 * c * value.clamp(-1e6, 1e6).square()
    return torch.where(c == 0, near, torch.expm1(safe * value) / safe)


def tempered_log1p(value: Tensor, c: Tensor) -> Tensor:
    """log(1 + c value) / c, which at c = 0 is `value`, with the right slope in c there too."""
    safe = torch.where(c == 0, 1.0, c)
    near = value - 0.5 * c * value.clamp(-1e6, 1e6).square()
    return torch.where(c == 0, near, torch.log1p(safe * value) / safe)


def newton(size: Tensor, gap: Tensor, c: Tensor) -> Tensor:
    """`size` brought nearer to where the probabilities (1 + c (size + gap))^(-1/c) of a row sum to one."""
    log_p = -tempered_log1p(size + gap, c)
    slope = (log_p.softmax(-1) / (1 + c * (size + gap).clamp(max=1e30))).sum(-1, keepdim=True)
    return size + tempered_expm1(log_p.logsumexp(-1, keepdim=True), c) / slope


def tempered_log_probabilities(input: Tensor, t2: float | Tensor) -> Tensor:
    """log p over the last dimension, where p = exp_t2(input - normaliser) sums to one."""
    c = torch.as_tensor(t2, dtype=input.dtype, device=input.device) - 1
    gap = input.amax(-1, keepdim=True) - input
    size = torch.zeros_like(gap[..., :1])
    # From the left, Newton's steps rise to the root without passing it: nine are exact for 50,000 classes and t2 = 5.
    for _ in range(7):
        size = newton(size, gap.detach(), c.detach())
    # At the root, one step is the implicit derivative; two are right for second and third derivatives too.
    size = newton(newton(size.detach(), gap, c), gap, c)
    return -tempered_log1p(size + gap, c)


def tempered_pull(t1: float, t2: float) -> float:
    """The longest gradient by scores, which two classes have."""

    def slope(p: float) -> float:
        q, c = 1 - p, t2 - t1
        return p**c + p**t2 / (p**t2 + q**t2) * (q**c - p**c)

    return steepest(slope)


@loss(
    kind="rowwise",
    formula=r"-\log_{t_1} p_y - \frac{1 - \sum_c p_c^{2 - t_1}}{2 - t_1},\quad p_c = \exp_{t_2}(x_c - \lambda(x)),\ "
    r"\log_t u = \frac{u^{1 - t} - 1}{1 - t},\ \exp_t u = [1 + (1 - t)\,u]_+^{1 / (1 - t)}",
    source="Amid et al., Robust bi-tempered logistic loss based on Bregman divergences, NeurIPS 2019",
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    # Above 5, the normaliser of many classes leaves float32.
    bounds={"t1": Parameter(UNIT, search=Interval(0, 1)), "t2": Parameter(Interval(1, 5), search=Interval(1, 4))},
    by_default=False,
    takes_weight=True,
    takes_ignore_index=True,
    uses=(tempered_expm1, tempered_log1p, newton, tempered_log_probabilities, guarded, by_class),
    facts=Facts(
        lambda t1: Interval(0, inf if t1 == 1 else 1 / (1 - t1)), convex=lambda t1, t2: t1 == t2 == 1, smooth=True,
        lipschitz=tempered_pull, best_constant=lambda t2: "log prior" if t2 == 1 else None, proper=lambda t2: t2 == 1,
    ),
    cases=(
        # t1 = 0, t2 = 2, p = (1/2, 1/3, 1/6): half the squared error, (1/4 + 4/9 + 1/36) / 2
        # slope p^2 (p - onehot - 1/7), since (p - onehot) p^2 sums to 1/18 and p^2 to 7/18
        Case(TEMPERED, 1, 13 / 36, {"t1": 0.0, "t2": 2.0}, [5 / 56, -17 / 189, 1 / 1512], tolerance=1e-12),
        # t1 = 1/2, t2 = 1, p = (1/8, 1/4, 5/8): (1 - 4^-.5) / .5 - (1 - sum of p^1.5) / 1.5
        Case(
            FIRST, 1, 1 - (1 - 8**-1.5 - 4**-1.5 - 0.625**1.5) / 1.5, {"t1": 0.5, "t2": 1.0}, tolerance=1e-12,
        ),
        # t1 = 1, t2 = 3, p = (37 - 2 x)^-.5 = (1/2, 1/3, 1/6): log losses ln 6 and ln 2, with weights 2 and .5
        Case(
            [[16.0, 13.5, 0.0], [0.0, 16.0, 13.5]], [2, 1], (2 * log(6) + 0.5 * log(2)) / 2.5,
            {"t1": 1.0, "t2": 3.0, "weight": [3.0, 0.5, 2.0]}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def bi_tempered_logistic_loss(
    input: Tensor, target: Tensor, *, t1: float | Tensor = 0.8, t2: float | Tensor = 1.2, weight: Tensor | None = None
) -> Tensor | tuple[Tensor, Tensor]:
    """Cross-entropy made bounded by `t1` below 1, and heavy-tailed by `t2` above 1; at 1 and 1 it is cross-entropy.

    `t1` is for outliers far from the boundary, `t2` for wrong labels near it. The model's probabilities are then those
    of the tempered softmax: read through an ordinary softmax, scores have the right order and the wrong confidence. The
    authors' code normalises by five steps of a slower iteration, after which the probabilities of 1,000 classes may sum
    to 1.03 at a `t2` of 1.2 and to 1.2 at 2; here they sum to 1. It also smooths labels and takes a `t2` below 1.
    """
    log_p = tempered_log_probabilities(input, t2)
    b = 1 - torch.as_tensor(t1, dtype=input.dtype, device=input.device)
    own = tempered_expm1(log_p.gather(-1, target.unsqueeze(-1)).squeeze(-1), b)
    rest = (log_p.exp() * torch.expm1(b * log_p.clamp(min=-1e30))).sum(-1)  # the sum of p^(1 + b) - p
    return by_class(rest / (1 + b) - own, target, weight)
