"""Losses that forgive wrong labels. Below, p = softmax(x) and y is the target's class."""

from math import inf, log, log1p

import torch
from torch import Tensor

from losslab.catalog.classification import FIRST, SECOND, by_class, guarded, log_likelihood, log_probabilities
from losslab.spec.declare import loss
from losslab.spec.facts import Facts, certain, steepest
from losslab.spec.interval import NON_NEGATIVE, Interval
from losslab.spec.record import Case, Parameter

WANG = "Wang et al., Symmetric cross entropy for robust learning with noisy labels, ICCV 2019"
LIKELIHOOD = (log_probabilities, log_likelihood, guarded, by_class)
LOG_ZERO = -9.210340371976182  # log(1e-4), at which the authors' code cuts labels of 0
SHARE = Parameter(NON_NEGATIVE, search=Interval(0.01, 10), log=True)
BELOW_ZERO = Parameter(Interval(high=0, open_high=True))  # a mere factor, so it is not searched
PULL = (0.125, -0.75, 0.625)  # p - onehot of FIRST with target 1


def mixed(share: float) -> float:
    return share * log(share)


@loss(
    kind="rowwise",
    formula=r"\frac{1 - p_y^q}{q}",
    source="Zhang and Sabuncu, Generalized cross entropy loss for training deep neural networks with noisy labels, "
    "NeurIPS 2018",
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={"q": Parameter(Interval(0, 1, open_low=True), search=Interval(0.05, 1))},
    module_name="GeneralizedCrossEntropyLoss",
    takes_weight=True,
    takes_ignore_index=True,
    uses=LIKELIHOOD,
    facts=Facts(
        lambda q: Interval(0, 1 / q),
        attained=certain,
        smooth=True,
        lipschitz=lambda q: 2**0.5 * (q / (1 + q)) ** q / (1 + q),
        proper=False,
    ),
    cases=(
        # p_y = 1/4 = e^-1.386294: p^.7 = e^-.970406 = .378929, and (1 - .378929) / .7
        Case(FIRST, 1, (1 - 0.25**0.7) / 0.7, tolerance=1e-12),
        # q = .5: (1 - 1/2) / .5 = 1; slope -p^q (onehot - p) = -1/2 (-1/8, 3/4, -5/8)
        Case(FIRST, 1, 1.0, {"q": 0.5}, [0.0625, -0.375, 0.3125], tolerance=1e-12),
        # q = 1: 1 - p = 3/4 and 2/5, with weights .5 and 3: (.375 + 1.2) / 3.5
        Case([FIRST, SECOND], [1, 0], 0.45, {"q": 1.0, "weight": [3.0, 0.5, 2.0]}, tolerance=1e-12),
    ),
)
def generalized_cross_entropy(
    input: Tensor, target: Tensor, *, q: float | Tensor = 0.7, weight: Tensor | None = None
) -> Tensor | tuple[Tensor, Tensor]:
    """Between cross-entropy (`q` near 0) and the probability of error (`q` = 1), which wrong labels do not mislead.

    For labels of which many are wrong: a hopeless row costs at most 1 / q and hardly pulls. Not with clean labels, on
    which cross-entropy learns faster, nor with `q` near 1 and many classes, where training hardly starts. 0.7 is the
    authors' choice; their truncated form, which drops rows during training, is not part of it. The code of Ma et al.
    (2020) cuts probabilities at 1e-7.
    """
    return by_class(-torch.expm1(q * log_likelihood(input, target)) / q, target, weight)


@loss(
    kind="rowwise",
    formula=r"2\,(1 - p_y)",
    source="Ghosh et al., Robust loss functions under label noise for deep neural networks, AAAI 2017",
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    group="class_absolute_error_loss",
    by_default=False,
    takes_weight=True,
    takes_ignore_index=True,
    uses=LIKELIHOOD,
    facts=Facts(Interval(0, 2), attained=certain, smooth=True, lipschitz=0.5**0.5, proper=False),
    cases=(
        # p_y = 1/4: 2 * 3/4; slope 2 p_y (p - onehot)
        Case(FIRST, 1, 1.5, {}, [0.5 * d for d in PULL], tolerance=1e-12),
        # 2 * 3/4 and 2 * 2/5, with weights .5 and 3: (.75 + 2.4) / 3.5
        Case([FIRST, SECOND], [1, 0], 0.9, {"weight": [3.0, 0.5, 2.0]}, tolerance=1e-12),
    ),
)
def class_absolute_error_loss(
    input: Tensor, target: Tensor, *, weight: Tensor | None = None
) -> Tensor | tuple[Tensor, Tensor]:
    """Absolute error of the probabilities: labels that are wrong at random, evenly over the classes, do not bend it.

    For labels of which many are wrong and few classes. It learns slowly, and with a hundred classes hardly at all, as a
    row that is far off has nearly no slope: then take `generalized_cross_entropy` or `nce_and_mae_loss`. It is half of
    this, 1 - p_y, in the code of Ma et al. (2020), and 1/C of this in keras, whose MeanAbsoluteError averages over the
    classes. `l1_loss` is for real targets.
    """
    return by_class(-2 * torch.expm1(log_likelihood(input, target)), target, weight)


@loss(
    kind="rowwise",
    formula=r"-A\,(1 - p_y)",
    source=WANG,
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={"log_zero": BELOW_ZERO},
    group="class_absolute_error_loss",
    by_default=False,
    takes_weight=True,
    takes_ignore_index=True,
    uses=LIKELIHOOD,
    facts=Facts(
        lambda log_zero: Interval(0, -log_zero),
        attained=certain,
        smooth=True,
        lipschitz=lambda log_zero: -log_zero * 2**0.5 / 4,
        proper=False,
    ),
    cases=(
        # p_y = 1/4: ln(1e4) 3/4
        Case(FIRST, 1, 0.75 * log(1e4), tolerance=1e-12),
        # A = -4: 4 * 3/4; slope 4 p_y (p - onehot)
        Case(FIRST, 1, 3.0, {"log_zero": -4.0}, list(PULL), tolerance=1e-12),
        # A = -2: 2 * 3/4 and 2 * 2/5, with weights .5 and 3
        Case([FIRST, SECOND], [1, 0], 0.9, {"log_zero": -2.0, "weight": [3.0, 0.5, 2.0]}, tolerance=1e-12),
    ),
)
def reverse_cross_entropy_loss(
    input: Tensor, target: Tensor, *, log_zero: float | Tensor = LOG_ZERO, weight: Tensor | None = None
) -> Tensor | tuple[Tensor, Tensor]:
    """Cross-entropy with label and prediction swapped, where `log_zero` (A) stands for the logarithm of a label of 0.

    A part of `symmetric_cross_entropy_loss` and `nce_and_rce_loss`; by itself it is `class_absolute_error_loss` times
    -A / 2, and learns as slowly. The code of Wang et al. and of Ma et al. (2020) cuts labels at 1e-4, the default.
    """
    return by_class(log_zero * torch.expm1(log_likelihood(input, target)), target, weight)


@loss(
    kind="rowwise",
    formula=r"-\alpha\log p_y - \beta A\,(1 - p_y)",
    source=WANG,
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={"alpha": SHARE, "beta": SHARE, "log_zero": BELOW_ZERO},
    group="poly1_cross_entropy",
    by_default=False,
    takes_weight=True,
    takes_ignore_index=True,
    uses=LIKELIHOOD,
    facts=Facts(
        lambda alpha, beta, log_zero: Interval(0, inf if alpha else -beta * log_zero), attained=certain, smooth=True,
        convex=lambda alpha, beta, log_zero: -beta * log_zero <= alpha, proper=lambda alpha, beta: beta == 0 < alpha,
        lipschitz=lambda alpha, beta, log_zero: steepest(lambda p: alpha - beta * log_zero * p),
        best_constant=lambda alpha, beta: "log prior" if beta == 0 < alpha else None,
    ),
    cases=(
        # p_y = 1/4: .1 ln 4 + ln(1e4) 3/4
        Case(FIRST, 1, 0.1 * log(4) + 0.75 * log(1e4), tolerance=1e-12),
        # .5 ln 4 + 2 * 4 * 3/4; slope (.5 + 2 * 4 p_y) (p - onehot)
        Case(
            FIRST, 1, 0.5 * log(4) + 6.0, {"alpha": 0.5, "beta": 2.0, "log_zero": -4.0}, [2.5 * d for d in PULL],
            tolerance=1e-12,
        ),
        # 3 ln 4 + .5 * 2 * 3/4 and 3 ln(5/3) + .5 * 2 * 2/5, with weights .5 and 3
        Case(
            [FIRST, SECOND], [1, 0], (1.5 * log(4) + 0.375 + 9 * log(5 / 3) + 1.2) / 3.5,
            {"alpha": 3.0, "beta": 0.5, "log_zero": -2.0, "weight": [3.0, 0.5, 2.0]}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def symmetric_cross_entropy_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 0.1,
    beta: float | Tensor = 1.0,
    log_zero: float | Tensor = LOG_ZERO,
    weight: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """`alpha` times cross-entropy, which learns, plus `beta` times reverse cross-entropy, which forgives wrong labels.

    For labels of which many are wrong; with clean ones cross-entropy is better. With one label for each row it is
    `alpha` times poly1_cross_entropy at epsilon = -beta log_zero / alpha. The authors' code cuts probabilities at 1e-7,
    so that a hopeless row stops learning; here it does not.
    """
    log_p = log_likelihood(input, target)
    return by_class(beta * log_zero * torch.expm1(log_p) - alpha * guarded(log_p, alpha), target, weight)


@loss(
    kind="rowwise",
    formula=r"\frac{\pi\,D(e_y \| m) + (1 - \pi)\,D(p \| m)}{-(1 - \pi)\log(1 - \pi)},"
    r"\quad m = \pi e_y + (1 - \pi)\,p",
    source="Englesson and Azizpour, Generalized Jensen-Shannon divergence loss for learning with noisy labels, "
    "NeurIPS 2021",
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={"label_share": Parameter(Interval(0, 1, open_low=True, open_high=True), search=Interval(0.05, 0.95))},
    by_default=False,
    takes_weight=True,
    takes_ignore_index=True,
    uses=LIKELIHOOD,
    facts=Facts(
        lambda label_share: Interval(0, 1 + mixed(label_share) / mixed(1 - label_share)), attained=certain, smooth=True,
        lipschitz=lambda label_share: steepest(
            lambda p: p * log1p(label_share / (1 - label_share) / p) / log1p(-label_share)
        ),
        proper=False,
    ),
    cases=(
        # p_y = 1/4, m_y = 5/8: (ln 1.6 + .25 ln .4 + .75 ln 2) / 2 over ln(2) / 2
        # slope p_y (onehot - p) times ln(.5 p_y / m_y) / ln 2
        Case(
            FIRST, 1, (log(1.6) + 0.25 * log(0.4) + 0.75 * log(2)) / log(2), {},
            [0.25 * log(5) / log(2) * d for d in PULL], tolerance=1e-12,
        ),
        # a share of 1/4, p_y = 1/5: m_y = .4, and the other classes shrink to 3/4
        Case(
            SECOND, 1, (0.25 * log(2.5) + 0.75 * (0.2 * log(0.5) + 0.8 * log(4 / 3))) / (0.75 * log(4 / 3)),
            {"label_share": 0.25}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def jensen_shannon_cross_entropy_loss(
    input: Tensor, target: Tensor, *, label_share: float | Tensor = 0.5, weight: Tensor | None = None
) -> Tensor | tuple[Tensor, Tensor]:
    """Scaled Jensen-Shannon divergence: from cross-entropy (`label_share` near 0) to half the absolute error (near 1).

    Bounded: at a share of one half a hopeless row costs 2. The authors' generalised form (GJS) also compares
    predictions of several augmentations of a row, which one prediction does not have; theirs with two distributions is
    this. timm's JsdCrossEntropy is another loss: cross-entropy plus the divergence between augmentations, of AugMix.
    """
    log_p = log_likelihood(input, target).clamp(min=-80.0)  # below, p counts for nothing and its inverse overflows
    share = torch.as_tensor(label_share, dtype=log_p.dtype, device=log_p.device)
    p, error = log_p.exp(), -torch.expm1(log_p)
    label = share * torch.log1p((share - 1) * error)  # -share D(e_y | m)
    own = (1 - share) * p * torch.log1p(share * torch.expm1(-log_p))  # (1 - share) p log(m_y / p)
    scale = (share - 1) * torch.log1p(-share)
    return by_class(error - (label + own) / scale, target, weight)
