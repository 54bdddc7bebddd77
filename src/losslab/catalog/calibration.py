"""Losses against overconfidence, for probabilities that hold. Below, p = softmax(x) and y is the target's class."""

from math import exp, hypot, inf, log

import torch
from torch import Tensor

from losslab.catalog.classification import FIRST, SECOND, by_class, guarded, log_likelihood, log_probabilities
from losslab.catalog.imbalance import error_of, focal_pull
from losslab.spec.declare import loss
from losslab.spec.facts import Facts, certain
from losslab.spec.interval import NON_NEGATIVE, Interval
from losslab.spec.record import Case, Parameter

INSIDE = Interval(0, 1, open_low=True, open_high=True)
GAMMA = Parameter(NON_NEGATIVE, search=Interval(0, 8))
PULL = (0.125, -0.75, 0.625)  # p - onehot of FIRST with target 1
ENTROPY = log(8) / 8 + log(4) / 4 + 0.625 * log(1.6)  # of FIRST


def least_penalised(beta: float, classes: int) -> float:
    """The least of the confidence penalty's loss: over p of the target's class, with the rest spread evenly."""
    best = 0.0
    for error in (1 / (1 + exp(step / 40)) for step in range(-600, 1201)):
        entropy = error * (log(classes - 1) - log(error)) - (1 - error) * log(1 - error)
        best = min(best, -log(1 - error) - beta * entropy)
    return best


def best_gap(margin: float, penalty: float, classes: int) -> float:
    """How far the target's score is best above the others': up to the margin, beyond it while that pays."""
    room = 1 / max(penalty, 1e-300) - (classes - 1)
    return max(margin, log(room)) if room > 0 else margin


def least_with_margin(margin: float, penalty: float, classes: int) -> float:
    """The least of margin-based label smoothing."""
    gap = best_gap(margin, penalty, classes)
    return log(1 + (classes - 1) * exp(-gap)) + (penalty * (classes - 1) * (gap - margin) if penalty else 0.0)


@loss(
    kind="rowwise",
    formula=r"-\log p_y + \beta\sum_c p_c\log p_c",
    source="Pereyra et al., Regularizing neural networks by penalizing confident output distributions, "
    "ICLR workshop 2017",
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={"beta": Parameter(NON_NEGATIVE, search=Interval(0.01, 1), log=True)},
    by_default=False,
    takes_weight=True,
    takes_ignore_index=True,
    uses=(log_probabilities, guarded, by_class),
    facts=Facts(
        lambda beta, classes: Interval(least_penalised(beta, classes)),
        convex=lambda beta: beta == 0, smooth=True,
        lipschitz=lambda beta, classes: 2**0.5 + 0.5 * beta * log(classes),
        best_constant=lambda beta: None if beta else "log prior", proper=lambda beta: beta == 0,
    ),
    cases=(
        # p = (1/8, 1/4, 5/8), entropy H = .9: ln 4 - .5 H; slope p - onehot + .5 p (ln p + H)
        Case(
            FIRST, 1, log(4) - 0.5 * ENTROPY, {"beta": 0.5},
            [d + 0.5 * p * (log(p) + ENTROPY) for d, p in zip(PULL, (0.125, 0.25, 0.625), strict=True)],
            tolerance=1e-12,
        ),
        # with weights .5 and 3; the second has entropy .6 ln(5/3) + .4 ln 5
        Case(
            [FIRST, SECOND], [1, 0],
            (0.5 * (log(4) - 0.1 * ENTROPY) + 3 * (log(5 / 3) - 0.06 * log(5 / 3) - 0.04 * log(5))) / 3.5,
            {"weight": [3.0, 0.5, 2.0]}, tolerance=1e-12,
        ),
        # an impossible class has no part in the entropy; slope 1/4 + 2 (1/4) (H - ln 4), where H - ln 4 = -.75 ln 3
        Case(
            [0.0, float("-inf"), log(3)], 2, log(4 / 3) - 2 * (0.25 * log(4) + 0.75 * log(4 / 3)), {"beta": 2.0},
            [0.25 - 0.375 * log(3), 0.0, 0.375 * log(3) - 0.25], tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def confidence_penalty_loss(
    input: Tensor, target: Tensor, *, beta: float | Tensor = 0.1, weight: Tensor | None = None
) -> Tensor | tuple[Tensor, Tensor]:
    """Cross-entropy less `beta` times the entropy of the prediction: being sure costs something by itself.

    For networks that grow too sure. Label smoothing does nearly the same, with the divergence the other way round. It
    can be negative. It is a sum over the classes, as in the paper; the code of MbLS averages over them, so that its
    weight is C times the one here, and is 1 by default.
    """
    log_p = log_probabilities(input)
    p = log_p.exp()
    value = (p * guarded(log_p, p)).sum(-1) * beta - log_p.gather(-1, target.unsqueeze(-1)).squeeze(-1)
    return by_class(value, target, weight)


@loss(
    kind="rowwise",
    formula=r"-\log p_y + \lambda\sum_c\max(0, \max_j x_j - x_c - m)",
    source="Liu et al., The devil is in the margin: margin-based label smoothing for network calibration, CVPR 2022",
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={
        "margin": Parameter(NON_NEGATIVE, search=Interval(1, 20), log=True),
        "penalty": Parameter(NON_NEGATIVE, search=Interval(0.001, 1), log=True),
    },
    by_default=False,
    takes_weight=True,
    takes_ignore_index=True,
    uses=(log_probabilities, log_likelihood, guarded, by_class),
    facts=Facts(
        lambda margin, penalty, classes: Interval(least_with_margin(margin, penalty, classes)),
        attained=lambda target, margin, penalty: target * best_gap(margin, penalty, target.shape[-1]),
        convex=True, smooth=lambda penalty: penalty == 0,
        lipschitz=lambda penalty, classes: hypot(
            1 + penalty * (classes - 1), 1 + penalty, penalty * (classes - 2) ** 0.5
        ),
        best_constant=lambda penalty: None if penalty else "log prior", proper=lambda penalty: penalty == 0,
    ),
    cases=(
        # only the first score is more than 10 below the highest, by 2
        Case([0.0, 12.0, 3.0], 1, log(1 + exp(-12) + exp(-9)) + 0.2, tolerance=1e-12),
        # gaps ln 5, ln 2.5 and 0 over the margin 1/2: ln 4 + .2 (ln 12.5 - 1); slope p - onehot + .2 (-1, -1, 2)
        Case(
            FIRST, 1, log(4) + 0.2 * (log(12.5) - 1), {"margin": 0.5, "penalty": 0.2}, [-0.075, -0.95, 1.025],
            tolerance=1e-12,
        ),
        # gaps over 1: ln 5 - 1; ln 3 - 1 twice; with weights .5 and 3
        Case(
            [FIRST, SECOND], [1, 0], (0.5 * (log(4) + log(5) - 1) + 3 * (log(5 / 3) + 2 * log(3) - 2)) / 3.5,
            {"margin": 1.0, "penalty": 1.0, "weight": [3.0, 0.5, 2.0]}, [
                [0.5 / 3.5 * d for d in (0.125 - 1, -0.75, 0.625 + 1)],
                [3 / 3.5 * d for d in (-0.4 + 2, 0.2 - 1, 0.2 - 1)],
            ], tolerance=1e-12,
        ),
        # an impossible class, whose gap costs nothing: 0 * inf is 0
        Case([0.0, float("-inf")], 0, 0.0, {"penalty": 0.0}, [0.0, 0.0], tolerance=1e-12),
    ),
)  # fmt: skip
def margin_label_smoothing_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float | Tensor = 10.0,
    penalty: float | Tensor = 0.1,
    weight: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """Cross-entropy plus `penalty` for each score that is more than `margin` below the highest (MbLS).

    For networks that grow too sure: scores may part as far as the margin at no cost, unlike under label smoothing. It
    is a sum over the classes, as in the paper; the authors' code averages over them, so that its weight (alpha, 0.1
    too) is C times the one here.
    """
    gap = (input.amax(-1, keepdim=True) - input.clamp(min=-1e30) - margin).relu()  # finite, so that 0 * gap is 0
    return by_class(penalty * gap.sum(-1) - log_likelihood(input, target), target, weight)


@loss(
    kind="rowwise",
    formula=r"-(1 - p_y + p_j)^\gamma\log p_y,\quad p_j = \max\{p_c : p_c < p_y\}",
    source="Tao et al., Dual focal loss for calibration, ICML 2023",
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={"gamma": GAMMA},
    by_default=False,
    takes_weight=True,
    takes_ignore_index=True,
    uses=(log_probabilities, error_of, guarded, by_class),
    facts=Facts(
        attained=certain, convex=lambda gamma: gamma == 0, smooth=lambda gamma: gamma == 0,
        lipschitz=lambda gamma: inf if gamma else 2**0.5,
        best_constant=lambda gamma: None if gamma else "log prior", proper=lambda gamma: gamma == 0,
    ),
    cases=(
        # p_y = 1/4, p_j = 1/8, so b = 7/8: b^2 ln 4; slope 2 b ln(4) (9, -14, 5) / 64 + b^2 (p - onehot)
        Case(
            FIRST, 1, 49 / 64 * log(4), {},
            [1.75 * log(4) * b / 64 + 49 / 64 * d for b, d in zip((9, -14, 5), PULL, strict=True)], tolerance=1e-12,
        ),
        # p_y = 5/8 and p_j = 1/4: b = 5/8; p_y = 1/8 and no class is below: b = 7/8; weights 2 and 3
        Case(
            [FIRST, FIRST], [2, 0], (2 * 0.625**0.5 * log(1.6) + 3 * 0.875**0.5 * log(8)) / 5,
            {"gamma": 0.5, "weight": [3.0, 0.5, 2.0]}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def dual_focal_loss(
    input: Tensor, target: Tensor, *, gamma: float | Tensor = 2.0, weight: Tensor | None = None
) -> Tensor | tuple[Tensor, Tensor]:
    """Focal loss that also looks at the best class below the target's: a row counts more while the two are close.

    For networks that are too sure under cross-entropy and not sure enough under focal loss. It jumps where the target's
    class passes another, and a class that ties with it does not count as below. The authors choose gamma on validation
    rows; in their code it is 0 by default, which is cross-entropy, and rows are summed.
    """
    log_p = log_probabilities(input)
    own = log_p.gather(-1, target.unsqueeze(-1))
    below = torch.where(input < input.gather(-1, target.unsqueeze(-1)), log_p, -torch.inf).amax(-1).exp()
    own = own.squeeze(-1)
    return by_class(-(error_of(own) + below).pow(gamma) * own, target, weight)


@loss(
    kind="rowwise",
    formula=r"-(1 - p_y)^\gamma\log p_y,\quad \gamma = \gamma_h\ \mathrm{if}\ p_y < t,\ \mathrm{else}\ \gamma_e",
    source="Mukhoti et al., Calibrating deep neural networks using focal loss, NeurIPS 2020",
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={"gamma_hard": GAMMA, "gamma_easy": GAMMA, "threshold": Parameter(INSIDE)},
    by_default=False,
    takes_weight=True,
    takes_ignore_index=True,
    uses=(log_probabilities, log_likelihood, error_of, guarded, by_class),
    facts=Facts(
        attained=certain, convex=lambda gamma_hard, gamma_easy: gamma_hard == gamma_easy == 0,
        smooth=lambda gamma_hard, gamma_easy: gamma_hard == gamma_easy,
        lipschitz=lambda gamma_hard, gamma_easy: focal_pull(gamma_hard) if gamma_hard == gamma_easy else inf,
        best_constant=lambda gamma_hard, gamma_easy: "log prior" if gamma_hard == gamma_easy == 0 else None,
        proper=lambda gamma_hard, gamma_easy: gamma_hard == gamma_easy == 0,
    ),
    cases=(
        # p_y = 1/4, above the threshold: (3/4)^3 ln 4; slope (3 p ln(4) (1 - p)^2 + (1 - p)^3) (p - onehot)
        Case(FIRST, 1, 27 / 64 * log(4), {}, [27 / 64 * (log(4) + 1) * d for d in PULL], tolerance=1e-12),
        # p_y = 1/8, below it: (7/8)^5 ln 8
        Case(FIRST, 0, 0.875**5 * log(8), tolerance=1e-12),
        # threshold 1/2, p_y = 1/4 and 3/5, weights .5 and 3
        Case(
            [FIRST, SECOND], [1, 0], (0.5 * 0.75**0.5 * log(4) + 3 * 0.4**2 * log(5 / 3)) / 3.5,
            {"gamma_hard": 0.5, "gamma_easy": 2.0, "threshold": 0.5, "weight": [3.0, 0.5, 2.0]}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def sample_dependent_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma_hard: float | Tensor = 5.0,
    gamma_easy: float | Tensor = 3.0,
    threshold: float | Tensor = 0.2,
    weight: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """Focal loss with a power of its own for rows whose target has a probability below `threshold` (FLSD-53).

    For calibrated networks without a choice of gamma: the defaults are the authors'. Their code takes 3 between 0.2 and
    0.5 whatever it is given, and its gamma from 0.5 on; with 3 that is this loss. It jumps at the threshold.
    """
    log_p = log_likelihood(input, target)
    easy = (log_p.exp() >= threshold).to(log_p.dtype)
    return by_class(-error_of(log_p).pow(gamma_hard + easy * (gamma_easy - gamma_hard)) * log_p, target, weight)


@loss(
    kind="rowwise",
    formula=r"(1 - \alpha)\log\frac{1 - \alpha}{p_y} + \alpha\log\frac{\alpha}{1 - p_y}"
    r"\ \mathrm{where}\ p_y < 1 - \alpha,\ \mathrm{else}\ 0",
    source="Lienen and Hüllermeier, From label smoothing to label relaxation, AAAI 2021",
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={"alpha": Parameter(INSIDE, search=Interval(0.01, 0.4), log=True)},
    by_default=False,
    takes_weight=True,
    takes_ignore_index=True,
    uses=(log_probabilities, log_likelihood, error_of, guarded, by_class),
    facts=Facts(
        attained=lambda target, alpha: target * (1 + log((target.shape[-1] - 1) * (1 / alpha - 1))),
        convex=True, smooth=True, lipschitz=lambda alpha: 2**0.5 * (1 - alpha), proper=False,
    ),
    cases=(
        # p_y = 1/4: .9 ln(.9 / .25) + .1 ln(.1 / .75); slope (.9 - p_y) / (1 - p_y) (p - onehot)
        Case(
            FIRST, 1, 0.9 * log(3.6) - 0.1 * log(7.5), {}, [0.65 / 0.75 * d for d in PULL], tolerance=1e-12,
        ),
        # alpha .4: p_y = 5/8 is above .6 and costs nothing; p_y = 1/5: .6 ln 3 + .4 ln(1/2), weight .5 to 2
        Case(
            [FIRST, SECOND], [2, 1], 0.5 * (0.6 * log(3) - 0.4 * log(2)) / 2.5,
            {"alpha": 0.4, "weight": [3.0, 0.5, 2.0]},
            [[0.0, 0.0, 0.0], [0.5 / 2.5 * 0.5 * d for d in (0.6, -0.8, 0.2)]], tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def label_relaxation_loss(
    input: Tensor, target: Tensor, *, alpha: float | Tensor = 0.1, weight: Tensor | None = None
) -> Tensor | tuple[Tensor, Tensor]:
    """Nothing while the target's probability is at least 1 - `alpha`; below, the divergence from the nearest such one.

    Label smoothing that leaves the other classes to the model: in place of one smoothed target, all that give the label
    1 - `alpha` or more will do. For calibrated probabilities; a row that is right beyond that teaches nothing more. The
    authors' package gives the same values, classes last.
    """
    log_p = log_likelihood(input, target)
    share = torch.as_tensor(alpha, dtype=log_p.dtype, device=log_p.device)
    far = (1 - share) * (torch.log1p(-share) - log_p) + share * (share.log() - error_of(log_p).log())
    return by_class(torch.where(log_p.exp() >= 1 - share, 0.0, far), target, weight)  # NaN is not within
