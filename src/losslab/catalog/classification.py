"""Losses over classes, a score for each. Below, p = softmax(x) and y is the target's class."""

from math import inf, log

import torch
import torch.nn.functional as F
from torch import Tensor

from losslab.spec.declare import loss
from losslab.spec.facts import Facts, certain
from losslab.spec.interval import NON_NEGATIVE, UNIT, Interval
from losslab.spec.record import Case, Parameter

# Scores of probabilities (1/8, 2/8, 5/8) and (3/5, 1/5, 1/5), for cases that a pencil can follow.
FIRST, SECOND = [0.0, log(2), log(5)], [log(3), 0.0, 0.0]


def log_probabilities(input: Tensor) -> Tensor:
    """log_softmax over the last dimension."""
    # torch's CPU kernel for the last dimension takes rows below 16 numbers one number at a time. With classes laid out
    # first, a step over 64 x 64 rows of 10 classes is three times as fast.
    if input.shape[-1] >= 16:
        return F.log_softmax(input, -1)
    return F.log_softmax(input.movedim(-1, 0).contiguous(), 0).movedim(0, -1)


def log_likelihood(input: Tensor, target: Tensor) -> Tensor:
    """Log-probability of the target's class: input (..., C), target (...) of class indices."""
    return log_probabilities(input).gather(-1, target.unsqueeze(-1)).squeeze(-1)


def guarded(value: Tensor, factor: float | Tensor) -> Tensor:
    """`value` with 0 for the infinities that a factor of 0 is about to meet, so that the product is 0, not NaN."""
    return value.masked_fill((factor == 0) & value.isinf(), 0.0)


def by_class(value: Tensor, target: Tensor, weight: Tensor | None) -> Tensor | tuple[Tensor, Tensor]:
    """Each row's value times the weight of its class, and that weight, by whose sum the mean divides."""
    if weight is None:
        return value
    own = weight[target]
    return guarded(value, own) * own, own


def smoothed_entropy(smoothing: float, classes: int) -> float:
    """The entropy of a smoothed label, below which cross-entropy cannot go."""
    rest = smoothing / classes
    own = 1 - smoothing + rest
    return -own * log(own) - (classes - 1) * rest * log(rest) if rest > 0 else 0.0


@loss(
    kind="rowwise",
    formula=r"-(1 - \epsilon)\log p_y - \frac{\epsilon}{C}\sum_c \log p_c",
    source="Good, Rational decisions, Journal of the Royal Statistical Society B 1952; "
    "label smoothing: Szegedy et al., Rethinking the Inception architecture for computer vision, CVPR 2016",
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class or distribution",
    bounds={"label_smoothing": Parameter(UNIT, search=Interval(0, 0.3))},
    group="log_loss",
    torch_name="cross_entropy",
    module_name="CrossEntropyLoss",
    positional=("weight",),
    module_positional=("weight",),
    takes_weight=True,
    takes_ignore_index=True,
    uses=(log_probabilities, guarded),
    facts=Facts(
        lambda label_smoothing, classes: Interval(smoothed_entropy(label_smoothing, classes)),
        attained=lambda target, label_smoothing: torch.lerp(
            target, torch.full_like(target, 1 / target.shape[-1]), label_smoothing
        ).log(),
        convex=True, smooth=True, lipschitz=2**0.5,
        best_constant=lambda label_smoothing: None if label_smoothing else "log prior",
        proper=lambda label_smoothing: label_smoothing == 0,
    ),
    cases=(
        # ln(e^.1 + e^.2 + e^.3) - .2 = ln(1.1051709 + 1.2214028 + 1.3498588) - .2 = 1.3019428 - .2
        Case([0.1, 0.2, 0.3], 1, 1.1019428, tolerance=1e-6),
        # ln(e^1.5 + e^2 + e^.5) - 2 = ln(13.5194665) - 2 = .6041309; ln(e^.5 + e + e^1.5) - 1.5 = ln(8.8486922) - 1.5
        Case([[1.5, 2.0, 0.5], [0.5, 1.0, 1.5]], [1, 2], 0.6422),
        # smoothing .3 over 3 classes: targets (.1, .8, .1); slope p - target
        Case(
            FIRST, 1, 0.1 * log(8) + 0.8 * log(4) + 0.1 * log(1.6), {"label_smoothing": 0.3}, [0.025, -0.55, 0.525],
            tolerance=1e-12,
        ),
        # weights .5 of class 1 and 3 of class 0: (.5 ln 4 + 3 ln(5/3)) / 3.5; the third row is left out
        Case(
            [FIRST, SECOND, FIRST], [1, 0, -100], (0.5 * log(4) + 3 * log(5 / 3)) / 3.5, {"weight": [3.0, 0.5, 2.0]},
            tolerance=1e-12,
        ),
        # smoothing .3 and weights: .7 * .5 ln 4 + .1 (3 ln 8 + .5 ln 4 + 2 ln 1.6), over .5
        Case(
            [FIRST], [1], 0.7 * log(4) + 0.2 * (3 * log(8) + 0.5 * log(4) + 2 * log(1.6)),
            {"weight": [3.0, 0.5, 2.0], "label_smoothing": 0.3}, tolerance=1e-12,
        ),
        # a distribution (.5, .25, .25): slope p - target
        Case(
            FIRST, [0.5, 0.25, 0.25], 0.5 * log(8) + 0.25 * log(4) + 0.25 * log(1.6), {}, [-0.375, 0.0, 0.375],
            tolerance=1e-12,
        ),
        # an impossible class that the target does not name: 0 * inf is 0
        Case([0.0, float("-inf")], [1.0, 0.0], 0.0, gradient=[0.0, 0.0], tolerance=1e-12),
        Case([10.0, 0.0, -100.0], 2, 110.0000453989, tolerance=1e-10),
    ),
)  # fmt: skip
def cross_entropy(
    input: Tensor, target: Tensor, *, label_smoothing: float | Tensor = 0.0, weight: Tensor | None = None
) -> Tensor | tuple[Tensor, Tensor]:
    """Log loss of softmax scores; targets are classes or distributions over them.

    The loss to begin with for one of C classes. Not behind a softmax: it is inside, and a second one keeps the loss
    from reaching 0. Not where many labels are wrong (`generalized_cross_entropy`) or rows may be of several classes
    (`binary_cross_entropy_with_logits`). The mean divides by the sum of the rows' class weights, as in torch. keras's
    two (for class indices, and for one-hot rows) take probabilities unless told `from_logits=True`, and have the
    classes last; scikit-learn's log_loss takes probabilities.
    """
    log_p = log_probabilities(input)
    if target.is_floating_point():
        share = target * (1 - label_smoothing) + label_smoothing / input.shape[-1]
        share = share if weight is None else share * weight
        return -(share * guarded(log_p, share)).sum(-1)
    value = -log_p.gather(-1, target.unsqueeze(-1)).squeeze(-1)
    own = None if weight is None else weight[target]
    value = value if own is None else guarded(value, own) * own
    if isinstance(label_smoothing, Tensor) or label_smoothing != 0:
        log_p = log_p if weight is None else guarded(log_p, weight) * weight
        rest = guarded(-log_p.mean(-1), label_smoothing)
        value = (1 - label_smoothing) * guarded(value, 1 - label_smoothing) + label_smoothing * rest
    return value if own is None else (value, own)


@loss(
    kind="rowwise",
    formula=r"-x_y",
    source="Good, Rational decisions, Journal of the Royal Statistical Society B 1952",
    task=("binary", "multiclass"),
    outputs="classes",
    link="exp",
    target="class",
    input_domain=Interval(high=0),
    group="log_loss",
    torch_name="nll_loss",
    module_name="NLLLoss",
    positional=("weight",),
    module_positional=("weight",),
    takes_weight=True,
    takes_ignore_index=True,
    uses=(guarded, by_class),
    facts=Facts(
        attained=torch.zeros_like, convex=True, smooth=True, lipschitz=1.0, best_constant="log prior", proper=True
    ),
    cases=(
        Case([-0.5, -2.0, -1.25], 2, 1.25, gradient=[0.0, 0.0, -1.0], tolerance=1e-12),
        # (.5 * 2 + 3 * .25) / (.5 + 3); the last row is left out
        Case(
            [[-0.5, -2.0, -1.25], [-0.25, -3.0, -1.75], [-1.0, -2.0, -3.0]], [1, 0, -100], 0.5,
            {"weight": [3.0, 0.5, 2.0]}, [[0.0, -1 / 7, 0.0], [-6 / 7, 0.0, 0.0], [0.0, 0.0, 0.0]], tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def nll_loss(input: Tensor, target: Tensor, *, weight: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
    """Log loss of log-probabilities; with scores at hand, prefer cross_entropy.

    For models that end with a `log_softmax`, or give log-probabilities by another way. It takes no logarithm itself: of
    probabilities it gives minus their mean, which training drives to -1, and with scores there is no end to it.
    """
    return by_class(-input.gather(-1, target.unsqueeze(-1)).squeeze(-1), target, weight)


@loss(
    kind="rowwise",
    formula=r"-\log p_y + \epsilon\,(1 - p_y)",
    source="Leng et al., PolyLoss: a polynomial expansion perspective of classification loss functions, ICLR 2022",
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={"epsilon": Parameter(Interval(-1), search=Interval(-1, 4))},
    module_name="Poly1CrossEntropyLoss",
    takes_weight=True,
    takes_ignore_index=True,
    uses=(log_probabilities, log_likelihood, guarded, by_class),
    facts=Facts(
        attained=certain, convex=lambda epsilon: epsilon <= 1, smooth=True,
        lipschitz=lambda epsilon: 2**0.5 * ((1 + epsilon) ** 2 / (4 * epsilon) if epsilon > 1 else 1.0),
        best_constant=lambda epsilon: None if epsilon else "log prior", proper=lambda epsilon: epsilon == 0,
    ),
    cases=(
        # p_y = 1/4: ln 4 + 3/4; slope -(1 + p_y) (onehot - p) = -1.25 (-1/8, 3/4, -5/8)
        Case(FIRST, 1, log(4) + 0.75, {}, [0.15625, -0.9375, 0.78125], tolerance=1e-12),
        # -.5 and weights: .5 (ln 4 - .375) and 3 (ln(5/3) - .2), divided by 3.5
        Case(
            [FIRST, SECOND], [1, 0], (0.5 * log(4) + 3 * log(5 / 3) - 0.7875) / 3.5,
            {"epsilon": -0.5, "weight": [3.0, 0.5, 2.0]}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def poly1_cross_entropy(
    input: Tensor, target: Tensor, *, epsilon: float | Tensor = 1.0, weight: Tensor | None = None
) -> Tensor | tuple[Tensor, Tensor]:
    """Cross-entropy plus `epsilon` times the probability of error: above 0, rows that are nearly right pull harder.

    That probability is the first term of cross-entropy's series in 1 - p. For one number to search where cross-entropy
    is good already; at 0 it is that. Not where probabilities must hold: for any other `epsilon` it is not proper. At
    -1, the least, rows that are nearly right pull least.
    """
    log_p = log_likelihood(input, target)
    return by_class(-log_p - epsilon * torch.expm1(log_p), target, weight)


@loss(
    kind="rowwise",
    formula=r"\frac{w_y}{C}\sum_{c \ne y}\max(0, m - x_y + x_c)^p",
    source="Weston and Watkins, Support vector machines for multi-class pattern recognition, ESANN 1999",
    task=("binary", "multiclass"),
    outputs="classes",
    link="arg-max",
    target="class",
    bounds={
        "p": Parameter(Interval(1, 2), search=Interval(1, 2)),
        "margin": Parameter(NON_NEGATIVE, search=Interval(0.2, 5), log=True),
    },
    torch_name="multi_margin_loss",
    module_name="MultiMarginLoss",
    positional=("p", "margin", "weight"),
    module_positional=("p", "margin", "weight"),
    takes_weight=True,
    takes_ignore_index=True,
    facts=Facts(
        attained=lambda target, margin: margin * target, convex=True, smooth=lambda p: p > 1,
        lipschitz=lambda p, classes: inf if p > 1 else (1 - 1 / classes) ** 0.5,
    ),
    cases=(
        # shortfalls 1 - 3 + 1 < 0 and 2.5 - 3 + 1 = .5, over three classes
        Case([1.0, 3.0, 2.5], 1, 1 / 6, gradient=[0.0, -1 / 3, 1 / 3], tolerance=1e-12),
        # margin 2.5: .5^2 + 2^2 over three; slopes 2 * .5 / 3 and 2 * 2 / 3
        Case([1.0, 3.0, 2.5], 1, 4.25 / 3, {"p": 2, "margin": 2.5}, [1 / 3, -5 / 3, 4 / 3], tolerance=1e-12),
        # .5 * .5 / 3 and 3 * (3 + 2.5) / 3, halved: weights do not enter the denominator
        Case(
            [[1.0, 3.0, 2.5], [1.0, 3.0, 2.5]], [1, 0], (0.25 / 3 + 5.5) / 2, {"weight": [3.0, 0.5, 2.0]},
            tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    *,
    p: float | Tensor = 1,
    margin: float | Tensor = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """How far each other class comes within `margin` of the target's, to the power `p` (1 and 2 in torch).

    For the decision alone; the scores carry no probability. crammer_singer_loss looks at the best other class only.
    """
    own = target.unsqueeze(-1)
    short = (input - input.gather(-1, own) + margin).scatter(-1, own, 0.0).relu()
    value = (short if not isinstance(p, Tensor) and p == 1 else short.pow(p)).mean(-1)
    return value if weight is None else value * weight[target]
