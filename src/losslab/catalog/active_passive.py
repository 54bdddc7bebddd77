"""Losses for labels of which many are wrong: a part that learns and one that forgives. Below, p = softmax(x)."""

from math import log

import torch
from torch import Tensor

from losslab.catalog.classification import FIRST, SECOND, by_class, guarded, log_probabilities
from losslab.catalog.noisy_labels import BELOW_ZERO, LOG_ZERO, PULL, SHARE
from losslab.spec.declare import loss
from losslab.spec.facts import Facts, certain
from losslab.spec.interval import UNIT, Interval
from losslab.spec.record import Case

ACTIVE_PASSIVE = "Ma et al., Normalized loss functions for deep learning with noisy labels, ICML 2020"


def normalized_pull(classes: int) -> float:
    """A bound of the gradient of normalised cross-entropy: for few classes its length at equal scores."""
    return max((1 - 1 / classes) ** 0.5 / (classes * log(classes)), 1 / classes)


def normalized(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The target's share of -log p summed over all classes, and the target's log p."""
    log_p = log_probabilities(input).clamp(min=-1e30)  # an impossible class has its limit, not inf / inf
    own = log_p.gather(-1, target.unsqueeze(-1)).squeeze(-1)
    return own / log_p.sum(-1).clamp(max=-1.0), own  # with two classes or more the sum is below; with one, 0 / 0 is 0


@loss(
    kind="rowwise",
    formula=r"\frac{\log p_y}{\sum_c \log p_c}",
    source=ACTIVE_PASSIVE,
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    by_default=False,
    takes_weight=True,
    takes_ignore_index=True,
    uses=(log_probabilities, normalized, guarded, by_class),
    facts=Facts(UNIT, attained=certain, smooth=True, lipschitz=normalized_pull, proper=False),
    cases=(
        # ln 4 over b = ln 8 + ln 4 + ln 1.6 = ln 51.2; slope (p - onehot - (ln 4 / b) (3 p - 1)) / b
        Case(
            FIRST, 1, log(4) / log(51.2), {},
            [(a - log(4) / log(51.2) * b) / log(51.2) for a, b in zip(PULL, (-0.625, -0.25, 0.875), strict=True)],
            tolerance=1e-12,
        ),
        # with weights .5 and 3; the second is ln(5/3) over ln(5/3) + 2 ln 5
        Case(
            [FIRST, SECOND], [1, 0], (0.5 * log(4) / log(51.2) + 3 * log(5 / 3) / log(125 / 3)) / 3.5,
            {"weight": [3.0, 0.5, 2.0]}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def normalized_cross_entropy_loss(
    input: Tensor, target: Tensor, *, weight: Tensor | None = None
) -> Tensor | tuple[Tensor, Tensor]:
    """Cross-entropy divided by its sum over all labels that the row could have had: between 0 and 1.

    Wrong labels spread evenly over the classes do not move it, but by itself it learns too little: it pushes the other
    classes apart as readily as it lifts the right one. Use it in `nce_and_rce_loss` or `nce_and_mae_loss`.
    """
    return by_class(normalized(input, target)[0], target, weight)


@loss(
    kind="rowwise",
    formula=r"\alpha\,\frac{\log p_y}{\sum_c \log p_c} - \beta A\,(1 - p_y)",
    source=ACTIVE_PASSIVE,
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={"alpha": SHARE, "beta": SHARE, "log_zero": BELOW_ZERO},
    group="active_passive",
    module_name="NCEAndRCELoss",
    by_default=False,
    takes_weight=True,
    takes_ignore_index=True,
    uses=(log_probabilities, normalized, guarded, by_class),
    facts=Facts(
        lambda alpha, beta, log_zero: Interval(0, alpha - beta * log_zero), attained=certain, smooth=True,
        lipschitz=lambda alpha, beta, log_zero, classes: alpha * normalized_pull(classes)
        - beta * log_zero * 2**0.5 / 4,
        proper=False,
    ),
    cases=(
        Case(FIRST, 1, log(4) / log(51.2) + 0.75 * log(1e4), tolerance=1e-12),
        # 3 NCE + .5 * 4 * 3/4; slope 3 that of NCE + .5 * 4 p_y (p - onehot)
        Case(
            FIRST, 1, 3 * log(4) / log(51.2) + 1.5, {"alpha": 3.0, "beta": 0.5, "log_zero": -4.0},
            [
                3 * (a - log(4) / log(51.2) * b) / log(51.2) + 0.5 * a
                for a, b in zip(PULL, (-0.625, -0.25, 0.875), strict=True)
            ],
            tolerance=1e-12,
        ),
        # with weights .5 and 3: .5 (NCE + 2 * 2 * 3/4) + 3 (NCE + 2 * 2 * 2/5)
        Case(
            [FIRST, SECOND], [1, 0], (0.5 * log(4) / log(51.2) + 3 * log(5 / 3) / log(125 / 3) + 6.3) / 3.5,
            {"beta": 2.0, "log_zero": -2.0, "weight": [3.0, 0.5, 2.0]}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def nce_and_rce_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 1.0,
    beta: float | Tensor = 1.0,
    log_zero: float | Tensor = LOG_ZERO,
    weight: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """`alpha` times normalised cross-entropy (active: lifts the label) plus `beta` times the reverse one (passive).

    For labels of which many are wrong: both parts bear it, and together they learn. The authors take 1 and 1 with ten
    classes, and 10 and 0.1 with a hundred.
    """
    share, log_p = normalized(input, target)
    return by_class(alpha * share + beta * log_zero * torch.expm1(log_p), target, weight)


@loss(
    kind="rowwise",
    formula=r"\alpha\,\frac{\log p_y}{\sum_c \log p_c} + 2\beta\,(1 - p_y)",
    source=ACTIVE_PASSIVE,
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={"alpha": SHARE, "beta": SHARE},
    group="active_passive",
    module_name="NCEAndMAELoss",
    by_default=False,
    takes_weight=True,
    takes_ignore_index=True,
    uses=(log_probabilities, normalized, guarded, by_class),
    facts=Facts(
        lambda alpha, beta: Interval(0, alpha + 2 * beta), attained=certain, smooth=True, proper=False,
        lipschitz=lambda alpha, beta, classes: alpha * normalized_pull(classes) + beta * 0.5**0.5,
    ),
    cases=(
        # slope that of NCE + 2 p_y (p - onehot)
        Case(
            FIRST, 1, log(4) / log(51.2) + 1.5, {},
            [
                (a - log(4) / log(51.2) * b) / log(51.2) + 0.5 * a
                for a, b in zip(PULL, (-0.625, -0.25, 0.875), strict=True)
            ],
            tolerance=1e-12,
        ),
        # with weights .5 and 3: .5 (4 NCE + .25 * 3/2) + 3 (4 NCE + .25 * 4/5)
        Case(
            [FIRST, SECOND], [1, 0], (2 * log(4) / log(51.2) + 12 * log(5 / 3) / log(125 / 3) + 0.7875) / 3.5,
            {"alpha": 4.0, "beta": 0.25, "weight": [3.0, 0.5, 2.0]}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def nce_and_mae_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 1.0,
    beta: float | Tensor = 1.0,
    weight: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """`alpha` times normalised cross-entropy (active: lifts the label) plus `beta` times absolute error (passive).

    `nce_and_rce_loss` with another factor of the passive part. The authors' code leaves out its 2: their beta is twice
    the one here.
    """
    share, log_p = normalized(input, target)
    return by_class(alpha * share - 2 * beta * torch.expm1(log_p), target, weight)
