"""Losses for rare classes: easy rows count less. Below, p is the probability of a yes or of the target's class."""

from math import inf, log

import torch
import torch.nn.functional as F
from torch import Tensor

from losslab.catalog.binary import log_loss
from losslab.catalog.classification import (
    FIRST,
    SECOND,
    by_class,
    guarded,
    log_likelihood,
    log_probabilities,
    smoothed_entropy,
)
from losslab.spec.declare import loss
from losslab.spec.facts import Facts, certain, steepest
from losslab.spec.interval import NON_NEGATIVE, UNIT, Interval
from losslab.spec.record import Case, Parameter

FOCAL = "Lin et al., Focal loss for dense object detection, ICCV 2017"
GAMMA = Parameter(NON_NEGATIVE, search=Interval(0, 5))


def focal_pull(gamma: float, epsilon: float = 0.0) -> float:
    """The longest gradient of focal loss by its scores, with `epsilon` times the error's probability for PolyLoss."""

    def slope(p: float) -> float:
        q = 1 - p
        return q**gamma * (1 + epsilon * (gamma + 1) * p) - gamma * p * q ** (gamma - 1) * log(p)

    return steepest(slope)


def clipped_pull(gamma: float, clip: float) -> float:
    """The steepest slope of the asymmetric loss for a no target, over p above the clip."""
    slopes = [1.0 if clip == 0 else 0.0]  # the first: at the end, where p is 1
    for q in ((1 - clip) * step / 2000 for step in range(1, 2000)):
        p = q + clip
        slopes.append(p * (1 - p) * (q**gamma / (1 - q) - gamma * q ** (gamma - 1) * log(1 - q)))
    return max(slopes)


def error_of(log_p: Tensor) -> Tensor:
    """1 - p, for powers of it."""
    # The bounds keep the power's slope finite where the error is 0 or the logit -inf; a step from 0 is far above 1e-18.
    return -log_p.clamp(-1000.0, -1e-18).expm1()


@loss(
    kind="pointwise",
    formula=r"-\alpha\,y\,(1 - p)^\gamma\log p - (1 - \alpha)(1 - y)\,p^\gamma\log(1 - p),\quad p = \sigma(x)",
    source=FOCAL,
    task="binary",
    link="sigmoid",
    target="probability",
    target_domain=UNIT,
    bounds={"alpha": Parameter(UNIT, search=Interval(0.1, 0.9)), "gamma": GAMMA},
    group="focal",
    uses=(log_loss,),
    facts=Facts(
        convex=lambda gamma: gamma == 0, smooth=True,
        lipschitz=lambda alpha, gamma: max(alpha, 1 - alpha) * focal_pull(gamma) / 2**0.5,
        best_constant=lambda alpha, gamma: "log odds" if gamma == 0 and alpha == 0.5 else None,
        proper=lambda alpha, gamma: gamma == 0 and alpha == 0.5,
    ),
    cases=(
        # p = 3/4, y = 0: 3/4 * (3/4)^2 ln 4; p = 1/5, y = 1: 1/4 * (4/5)^2 ln 5
        Case([log(3), -log(4)], [0.0, 1.0], (27 / 64 * log(4) + 0.16 * log(5)) / 2, tolerance=1e-12),
        # alpha .6, gamma 1: .4 * 3/4 ln 4 and .6 * 4/5 ln 5
        # slopes .4 p ((1 - p) ln 4 + p) and -.6 (1 - p) (p ln 5 + 1 - p)
        Case(
            [log(3), -log(4)], [0.0, 1.0], [0.3 * log(4), 0.48 * log(5)],
            {"alpha": 0.6, "gamma": 1.0, "reduction": "none"},
            [0.3 * (0.25 * log(4) + 0.75), -0.48 * (0.2 * log(5) + 0.8)], tolerance=1e-12,
        ),
        # half of (1 - p)^g (-ln p) at p = 1/2 with g = 1/2
        Case([0.0], [1.0], 0.24506453586713680, {"alpha": 0.5, "gamma": 0.5}, [-0.23804282926342108], tolerance=1e-12),
    ),
)  # fmt: skip
def sigmoid_focal_loss(
    input: Tensor, target: Tensor, *, alpha: float | Tensor = 0.25, gamma: float | Tensor = 2.0
) -> Tensor:
    """Log loss times the `gamma`-th power of the error's probability; yes targets weigh `alpha`, others the rest to 1.

    For detectors, and other targets of which nearly all are an easy no. Not where probabilities must hold: they come
    out too near one half. The same as torchvision's, which reduces nothing by default and takes `alpha=-1` for no
    weights: that is twice this one at 0.5. Detectors divide the sum by the number of yes targets. keras's
    BinaryFocalCrossentropy uses its alpha only with `apply_class_balancing=True`, and takes probabilities unless told
    `from_logits=True`.
    """
    near = input.clamp(-40.0, 40.0)  # so that no power of the error overflows; beyond, the loss is below 1e-17
    error = torch.lerp(near.sigmoid(), (-near).sigmoid(), target)
    share = 1 - alpha + target * (2 * alpha - 1)
    return share * error.pow(gamma) * log_loss(input, target)


@loss(
    kind="rowwise",
    formula=r"-(1 - p_y)^\gamma\left((1 - \epsilon)\log p_y + \frac{\epsilon}{C}\sum_c \log p_c\right)",
    source=FOCAL,
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={"gamma": GAMMA, "label_smoothing": Parameter(UNIT)},
    group="focal",
    takes_weight=True,
    takes_ignore_index=True,
    uses=(log_probabilities, error_of, guarded, by_class),
    facts=Facts(
        lambda gamma, label_smoothing, classes: Interval(0 if gamma else smoothed_entropy(label_smoothing, classes)),
        convex=lambda gamma: gamma == 0, smooth=True,
        lipschitz=lambda gamma, label_smoothing: inf if gamma and label_smoothing else focal_pull(gamma, 0.0),
        best_constant=lambda gamma, label_smoothing: None if gamma or label_smoothing else "log prior",
        proper=lambda gamma, label_smoothing: gamma == 0 and label_smoothing == 0,
    ),
    cases=(
        # p_y = 1/4: (3/4)^2 ln 4; slope (2 p ln(p) (1 - p) - (1 - p)^2) (onehot - p)
        Case(
            FIRST, 1, 0.5625 * log(4), {}, [(0.375 * log(4) + 0.5625) * d for d in (0.125, -0.75, 0.625)],
            tolerance=1e-12,
        ),
        # gamma 1/2: (3/4)^.5 ln 4 and (2/5)^.5 ln(5/3), with weights .5 and 3
        Case(
            [FIRST, SECOND], [1, 0], (0.5 * 0.75**0.5 * log(4) + 3 * 0.4**0.5 * log(5 / 3)) / 3.5,
            {"gamma": 0.5, "weight": [3.0, 0.5, 2.0]}, tolerance=1e-12,
        ),
        # smoothing .3 over 3 classes: a label of (.1, .8, .1), and (3/4)^2 before the cross-entropy with it
        Case(
            FIRST, 1, 0.5625 * (0.1 * log(8) + 0.8 * log(4) + 0.1 * log(1.6)), {"label_smoothing": 0.3},
            # 9/16 (p - label) + 2 (3/4) p (p - onehot) times that cross-entropy
            [
                0.5625 * slope + 0.375 * (0.1 * log(8) + 0.8 * log(4) + 0.1 * log(1.6)) * pull
                for slope, pull in ((0.025, 0.125), (-0.55, -0.75), (0.525, 0.625))
            ],
            tolerance=1e-12,
        ),
        # a row that is right beyond doubt: no loss, no slope
        Case([100.0, 0.0], 0, 0.0, {"gamma": 0.5}, [0.0, 0.0], tolerance=1e-12),
    ),
)  # fmt: skip
def focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma: float | Tensor = 2.0,
    label_smoothing: float | Tensor = 0.0,
    weight: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """Cross-entropy times the `gamma`-th power of the error's probability; `weight` plays the part of alpha.

    For classes of which most rows are easy; at `gamma` 0 it is `cross_entropy`. Not where probabilities must hold: they
    come out too even, nor with wrong labels, which are the hard rows it looks at. `label_smoothing` is that of the
    cross-entropy inside; the power looks at the label's own class. A loss of that name is often the
    sum of `sigmoid_focal_loss` over the classes, as in the paper, and in MONAI unless `use_softmax=True`. Widely copied
    code holds the power constant in the gradient, which is another loss.
    """
    log_p = log_probabilities(input)
    own = log_p.gather(-1, target.unsqueeze(-1)).squeeze(-1)
    hard = error_of(own).pow(gamma)
    if not isinstance(label_smoothing, Tensor) and label_smoothing == 0:
        return by_class(-hard * own, target, weight)
    rest = guarded(-log_p.mean(-1), label_smoothing)
    entropy = label_smoothing * rest - (1 - label_smoothing) * guarded(own, 1 - label_smoothing)
    return by_class(hard * guarded(entropy, hard), target, weight)


@loss(
    kind="rowwise",
    formula=r"-(1 - p_y)^\gamma\log p_y + \epsilon\,(1 - p_y)^{\gamma + 1}",
    source="Leng et al., PolyLoss: a polynomial expansion perspective of classification loss functions, ICLR 2022",
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={"epsilon": Parameter(Interval(-1), search=Interval(-1, 4)), "gamma": GAMMA},
    by_default=False,
    takes_weight=True,
    takes_ignore_index=True,
    uses=(log_probabilities, log_likelihood, error_of, guarded, by_class),
    facts=Facts(
        attained=certain, convex=lambda epsilon, gamma: gamma == 0 and epsilon <= 1, smooth=True,
        lipschitz=lambda epsilon, gamma: focal_pull(gamma, epsilon),
        best_constant=lambda epsilon, gamma: "log prior" if epsilon == gamma == 0 else None,
        proper=lambda epsilon, gamma: epsilon == gamma == 0,
    ),
    cases=(
        # p_y = 1/4: (3/4)^2 ln 4 + (3/4)^3; slope that of the focal loss - 3 p (1 - p)^2 (onehot - p)
        Case(
            FIRST, 1, 0.5625 * log(4) + 0.421875, {},
            [(0.375 * log(4) + 0.5625 + 0.421875) * d for d in (0.125, -0.75, 0.625)], tolerance=1e-12,
        ),
        # gamma 1/2, epsilon -1/2: (3/4)^.5 (ln 4 - 3/8) and (2/5)^.5 (ln(5/3) - 1/5), with weights .5 and 3
        Case(
            [FIRST, SECOND], [1, 0], (0.5 * 0.75**0.5 * (log(4) - 0.375) + 3 * 0.4**0.5 * (log(5 / 3) - 0.2)) / 3.5,
            {"epsilon": -0.5, "gamma": 0.5, "weight": [3.0, 0.5, 2.0]}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def poly1_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    epsilon: float | Tensor = 1.0,
    gamma: float | Tensor = 2.0,
    weight: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """Focal loss whose first term in 1 - p is weighted anew: `epsilon` below 0 leaves it out, above 0 pulls harder.

    For rare classes, where focal loss is tried too; the authors take -1 to detect objects. polyloss-pytorch's loss of
    the name reads each score by a sigmoid of its own, has an alpha of 0.25 and does not average.
    """
    log_p = log_likelihood(input, target)
    error = error_of(log_p)
    return by_class(error.pow(gamma) * (epsilon * error - log_p), target, weight)


def clip_kink(gamma_neg: float, gamma_pos: float, clip: float) -> tuple[float, ...]:
    """The logit at which the clip starts to act on a no target."""
    return (log(clip / (1 - clip)),) if clip > 0 else ()


@loss(
    kind="pointwise",
    formula=r"-y\,(1 - p)^{\gamma_+}\log p - (1 - y)\,p_m^{\gamma_-}\log(1 - p_m),"
    r"\quad p = \sigma(x),\ p_m = \max(p - m, 0)",
    source="Ridnik et al., Asymmetric loss for multi-label classification, ICCV 2021",
    task="binary",
    link="sigmoid",
    target="probability",
    target_domain=UNIT,
    bounds={
        "gamma_neg": Parameter(NON_NEGATIVE, search=Interval(0, 6)),
        "gamma_pos": Parameter(NON_NEGATIVE, search=Interval(0, 3)),
        "clip": Parameter(Interval(0, 1, open_high=True), search=Interval(0, 0.2)),
    },
    kinks=clip_kink,
    facts=Facts(
        convex=lambda gamma_neg, gamma_pos, clip: gamma_neg == gamma_pos == clip == 0,
        smooth=lambda clip: clip == 0,
        lipschitz=lambda gamma_neg, gamma_pos, clip: max(focal_pull(gamma_pos) / 2**0.5, clipped_pull(gamma_neg, clip)),
        best_constant=lambda gamma_neg, gamma_pos, clip: "log odds" if gamma_neg == gamma_pos == clip == 0 else None,
        proper=lambda gamma_neg, gamma_pos, clip: gamma_neg == gamma_pos == clip == 0,
    ),
    cases=(
        # y = 0, p = 3/4: p_m = .7, so .7^4 (-ln .3); y = 1, p = 1/5: .8 ln 5
        Case([log(3), -log(4)], [0.0, 1.0], (0.2401 * -log(0.3) + 0.8 * log(5)) / 2, tolerance=1e-12),
        # clip .15: p_m = .6, so .36 (-ln .4); p_m = .05 (p = .2): .0025 (-ln .95); y = 1, p = 1/5: .8^.5 ln 5
        # slopes p (1 - p) (2 p_m (-ln(1 - p_m)) + p_m^2 / (1 - p_m)) and -(1 - p)^.5 (p ln(5) / 2 + 1 - p)
        Case(
            [log(3), -log(4), -log(4)], [0.0, 0.0, 1.0],
            [-0.36 * log(0.4), -0.0025 * log(0.95), 0.8**0.5 * log(5)],
            {"gamma_neg": 2.0, "gamma_pos": 0.5, "clip": 0.15, "reduction": "none"},
            [
                0.1875 * (-1.2 * log(0.4) + 0.9),
                0.16 * (-0.1 * log(0.95) + 0.0025 / 0.95),
                -(0.8**0.5) * (0.1 * log(5) + 0.8),
            ],
            tolerance=1e-12,
        ),
        # a no with p = 1/5 below the clip .3 costs nothing
        Case([-log(4), 0.0], [0.0, 0.0], -(0.2**4) * log(0.8) / 2, {"clip": 0.3}, tolerance=1e-12),
    ),
)  # fmt: skip
def asymmetric_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma_neg: float | Tensor = 4.0,
    gamma_pos: float | Tensor = 1.0,
    clip: float | Tensor = 0.05,
) -> Tensor:
    """Focal loss with a power of its own for no targets, which cost nothing while their probability is below `clip`.

    For many answers, each yes or no, of which few are yes (tags of an image). Not where probabilities must hold. The
    authors' code sums over the batch, where this one averages as any other loss here, so their learning rates do not
    carry over; it cuts probabilities at 1e-8, and one of its options, off by default, holds the power constant in the
    gradient. Their ASLSingleLabel, for one of C classes, is another loss.
    """
    near = input.clamp(-40.0, 40.0)  # so that no power of the error overflows; beyond, the loss is below 1e-17
    p, q = near.sigmoid(), (-near).sigmoid()
    error = torch.lerp((p - clip).clamp(min=1e-18), q, target)
    power = error.pow(gamma_neg + target * (gamma_pos - gamma_neg))
    room = torch.as_tensor(clip, dtype=input.dtype, device=input.device)
    clipped = -(q + torch.where(room > 0, room, 1.0)).log()
    no = torch.where(room > 0, clipped, F.softplus(input, threshold=40.0)).relu()  # without clip, far logits pull
    value = power * torch.addcmul(target * F.softplus(-input, threshold=40.0), 1 - target, no)
    return value.masked_fill(input.isinf() & value.isnan(), 0.0)  # 0 * inf, as in the log loss
