"""Bounded relatives of the log loss: a label that is far wrong costs no more than a fixed amount.

Below, p is the probability, of a yes or of each class, and y the target.
"""

from math import log

import torch
import torch.nn.functional as F
from torch import Tensor

from losslab.catalog.classification import FIRST, SECOND, by_class, guarded, log_probabilities
from losslab.spec.declare import loss
from losslab.spec.facts import Facts, certain, steepest
from losslab.spec.interval import UNIT, Interval
from losslab.spec.record import Case, Parameter

BRIER = "Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review 1950"


def other_probabilities(input: Tensor, target: Tensor) -> Tensor:
    """softmax with 0 for the target's class. The sum is the error 1 - p without its cancellation near p = 1."""
    return log_probabilities(input).exp().scatter(-1, target.unsqueeze(-1), 0.0)


@loss(
    kind="pointwise",
    formula=r"(p - y)^2,\quad p = \sigma(x)",
    source=BRIER,
    task="binary",
    link="sigmoid",
    target="probability",
    target_domain=UNIT,
    group="brier",
    by_default=False,
    facts=Facts(
        UNIT, attained=torch.logit, smooth=True, lipschitz=8 / 27, best_constant="log odds", proper=True
    ),
    cases=(
        # p = 3/4 and 1/5: (1/4)^2 and (1/5)^2, halved; slopes (p - y) p (1 - p) = -3/64 and 4/125
        Case([log(3), -log(4)], [1.0, 0.0], (1 / 16 + 1 / 25) / 2, {}, [-3 / 64, 4 / 125], tolerance=1e-12),
        # y = .25: (3/4 - 1/4)^2, slope 2 * 1/2 * 3/16; far on the right side, e^-40
        Case(
            [log(3), -20.0], [0.25, 0.0], [0.25, 4.2483542377e-18], {"reduction": "none"},
            [0.1875, 8.4967084405e-18], tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def sigmoid_brier_loss(input: Tensor, target: Tensor) -> Tensor:
    """Squared error of the probability, from a logit: from 0 to 1, so a wrong label costs no more than 1.

    A proper score, like the log loss, and softer: for noisy labels and calibrated probabilities. Rows far wrong
    hardly pull at all, so training may start slowly. It is scikit-learn's `brier_score_loss` of two classes, which
    takes probabilities; in torch, the mse_loss of a sigmoid.
    """
    # The error as y (1 - p) - (1 - y) p, both by exponentials: nothing cancels, and slopes do not round to 0 far away.
    yes, no = F.softplus(-input, threshold=40.0), F.softplus(input, threshold=40.0)
    return (target * (-no).exp() - (1 - target) * (-yes).exp()).square()


@loss(
    kind="rowwise",
    formula=r"\sum_c (p_c - [c = y])^2",
    source=BRIER,
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    group="brier",
    takes_weight=True,
    takes_ignore_index=True,
    by_default=False,
    uses=(log_probabilities, other_probabilities, guarded, by_class),
    facts=Facts(
        Interval(0, 2), attained=certain, smooth=True, lipschitz=16 / 27 * 2**0.5, best_constant="log prior",
        proper=True,
    ),
    cases=(
        # p = (1/8, 1/4, 5/8): (1 + 36 + 25) / 64; slope 2 p_c (d_c - sum p d) with d = (1, -6, 5) / 8, sum p d = 7/32
        Case(FIRST, 1, 62 / 64, {}, [2 / 8 * (-3 / 32), 2 / 4 * (-31 / 32), 10 / 8 * (13 / 32)], tolerance=1e-12),
        # p = (3/5, 1/5, 1/5): (4 + 1 + 1) / 25; weights .5 and 3 over 3.5; the third row is left out
        Case(
            [FIRST, SECOND, FIRST], [1, 0, -100], (0.5 * 62 / 64 + 3 * 6 / 25) / 3.5, {"weight": [3.0, 0.5, 2.0]},
            tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def brier_loss(input: Tensor, target: Tensor, *, weight: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
    """Squared error of the probabilities, summed over the classes: from 0 to 2.

    A proper score, like cross-entropy, and bounded: for noisy labels and calibrated probabilities. With two classes it
    is twice sigmoid_brier_loss; scikit-learn's `brier_score_loss` halves it for two classes, and not for more.
    The mse_loss of a softmax and one-hot targets is this divided by the number of classes.
    """
    others = other_probabilities(input, target)
    return by_class(others.square().sum(-1) + others.sum(-1).square(), target, weight)


def taylor_sum(order: float, error: float, power: int = 0) -> float:
    """Taylor's terms up to `order`, each divided by error ** power and, for the slope (power 1), times its number."""
    terms = [(i, min(max(order - i + 1, 0.0), 1.0)) for i in range(1, 9)]
    return sum(part * error ** (i - power) / (1 if power else i) for i, part in terms)


@loss(
    kind="rowwise",
    formula=r"\sum_{i=1}^{t} (1 - p_y)^i / i",
    source="Feng et al., Can cross entropy loss be robust to label noise?, IJCAI 2020",
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={"order": Parameter(Interval(1, 8), search=Interval(1, 8))},
    module_name="TaylorCrossEntropyLoss",
    takes_weight=True,
    takes_ignore_index=True,
    by_default=False,
    uses=(log_probabilities, other_probabilities, guarded, by_class),
    facts=Facts(
        lambda order: Interval(0, taylor_sum(order, 1.0)), attained=certain, smooth=True,
        lipschitz=lambda order: steepest(lambda p: p * taylor_sum(order, 1 - p, 1)), proper=False,
    ),
    cases=(
        # p_y = 1/4: 3/4 + 9/32; slope -p_y (1 + 3/4) (onehot - p)
        Case(FIRST, 1, 33 / 32, {}, [0.4375 * d for d in (0.125, -0.75, 0.625)], tolerance=1e-12),
        # order 3 of 3/4 and 2/5 with weights .5 and 3: 33/32 + 9/64 and .4 + .08 + .064 / 3
        Case(
            [FIRST, SECOND], [1, 0], (0.5 * 75 / 64 + 3 * (0.48 + 0.064 / 3)) / 3.5,
            {"order": 3, "weight": [3.0, 0.5, 2.0]}, tolerance=1e-12,
        ),
        # order 2.5: half of the third term, 9/64
        Case(FIRST, 1, 33 / 32 + 4.5 / 64, {"order": 2.5}, tolerance=1e-12),
    ),
)  # fmt: skip
def taylor_cross_entropy_loss(
    input: Tensor, target: Tensor, *, order: float | Tensor = 2.0, weight: Tensor | None = None
) -> Tensor | tuple[Tensor, Tensor]:
    """The first `order` terms of cross-entropy's Taylor series in 1 - p, which stays bounded for wrong labels.

    For noisy labels: order 1 is the probability of error, half the absolute error of the probabilities; many terms are
    cross-entropy. With few terms and many classes it learns slowly: raise the order. Between two whole orders the next
    term counts in part, so that the order can be searched. generalized_cross_entropy goes the same way by a power.
    """
    error = other_probabilities(input, target).sum(-1)
    count = torch.as_tensor(order, dtype=error.dtype, device=error.device)
    total = torch.zeros_like(error)
    for i in range(8, 0, -1):  # Horner's scheme
        total = error * ((count - i + 1).clamp(0.0, 1.0) / i + total)
    return by_class(total, target, weight)
