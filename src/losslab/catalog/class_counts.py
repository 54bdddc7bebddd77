"""Losses that know how often each class occurs. Below, n are the counts of the training rows and y the target's class.

The counts are those of the rows that are trained on: `torch.bincount(labels, minlength=C)`. Shares do as well where
only their ratios matter.
"""

from math import exp, log

import torch
from torch import Tensor

from losslab.catalog.classification import FIRST, SECOND, log_likelihood, log_probabilities
from losslab.spec.declare import loss
from losslab.spec.facts import Facts, certain
from losslab.spec.interval import NON_NEGATIVE, POSITIVE, Interval
from losslab.spec.record import Case, Parameter

COUNTS = [2.0, 4.0, 1.0]


def centred(input: Tensor) -> Tensor:
    """Scores with their largest at 0, so that what is added to them is not lost in their size."""
    return input - input.detach().amax(-1, keepdim=True)


@loss(
    kind="rowwise",
    formula=r"-w_y\log p_y,\quad w_c \propto \frac{1 - \beta}{1 - \beta^{n_c}},\ \sum_c w_c = C",
    source="Cui et al., Class-balanced loss based on effective number of samples, CVPR 2019",
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={"beta": Parameter(Interval(0, 1, open_high=True), search=Interval(0.9, 0.9999))},
    by_default=False,
    takes_ignore_index=True,
    per_class=("class_counts",),
    uses=(log_probabilities, log_likelihood),
    facts=Facts(attained=certain, convex=True, smooth=True, proper=lambda beta: beta == 0),
    cases=(
        # beta 1/2, counts 2, 4, 1: 1 - beta^n = 3/4, 15/16, 1/2; inverses 4/3, 16/15, 2, together 22/5; times 3 over it
        # p_y = 1/4 of class 1: 8/11 ln 4
        Case(
            FIRST, 1, 8 / 11 * log(4), {"beta": 0.5, "class_counts": COUNTS},
            [8 / 11 * d for d in (0.125, -0.75, 0.625)], tolerance=1e-12,
        ),
        # the mean is over rows, whatever they weigh: 8/11 ln 4 and 10/11 ln(5/3)
        Case(
            [FIRST, SECOND], [1, 0], (8 / 11 * log(4) + 10 / 11 * log(5 / 3)) / 2,
            {"beta": 0.5, "class_counts": COUNTS}, tolerance=1e-12,
        ),
        # beta 0: every class counts as seen once, so this is cross-entropy
        Case([FIRST, SECOND], [2, 1], [log(1.6), log(5)], {"beta": 0.0, "class_counts": COUNTS, "reduction": "none"},
             tolerance=1e-12),
    ),
)  # fmt: skip
def class_balanced_loss(input: Tensor, target: Tensor, *, class_counts: Tensor, beta: float | Tensor = 0.999) -> Tensor:
    """Cross-entropy with classes weighted by one over how many different rows they have, in effect.

    For rare classes; `beta` near 1 weighs nearly by one over the counts, and 0 not at all. The weights are one on
    average over the classes, and the mean is over rows, as in the authors' code; packages that hand such weights to
    torch's `weight` divide by their sum over the batch, which takes half of the effect back where batches are small.
    Where scores only need to be shifted, `logit_adjusted_loss` distorts less.
    """
    few = torch.as_tensor(beta - 1, dtype=input.dtype, device=input.device).log1p()  # log beta
    weight = -1 / torch.expm1((class_counts * few).clamp(min=-1e4))
    weight = weight / weight.mean()
    return -weight[target] * log_likelihood(input, target)


@loss(
    kind="rowwise",
    formula=r"-\log\frac{n_y e^{x_y}}{\sum_c n_c e^{x_c}}",
    source="Ren et al., Balanced meta-softmax for long-tailed visual recognition, NeurIPS 2020",
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={},
    by_default=False,
    takes_ignore_index=True,
    per_class=("class_counts",),
    uses=(log_probabilities, log_likelihood, centred),
    facts=Facts(attained=certain, convex=True, smooth=True, lipschitz=2**0.5, proper=False),
    cases=(
        # odds 1, 2, 5 times counts 2, 4, 1: 2, 8, 5 of 15
        Case(FIRST, 1, log(15 / 8), {"class_counts": COUNTS}, [2 / 15, -7 / 15, 5 / 15], tolerance=1e-12),
        # odds 3, 1, 1: 6, 4, 1 of 11
        Case(
            [FIRST, SECOND], [2, 0], [log(3), log(11 / 6)], {"class_counts": COUNTS, "reduction": "none"},
            tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def balanced_softmax_loss(input: Tensor, target: Tensor, *, class_counts: Tensor) -> Tensor:
    """Cross-entropy of scores to which the logarithms of the counts are added, for training only.

    The scores alone then speak for a world in which every class is as frequent as the others. It is
    `logit_adjusted_loss` with `tau=1`. Not where probabilities must be those of the data: add the logarithms of the
    counts to the scores for that.
    """
    return -log_likelihood(centred(input) + class_counts.log(), target)


@loss(
    kind="rowwise",
    formula=r"-\log\frac{n_y^\tau e^{x_y}}{\sum_c n_c^\tau e^{x_c}}",
    source="Menon et al., Long-tail learning via logit adjustment, ICLR 2021",
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={"tau": Parameter(NON_NEGATIVE, search=Interval(0, 2))},
    by_default=False,
    takes_ignore_index=True,
    per_class=("class_counts",),
    uses=(log_probabilities, log_likelihood, centred),
    facts=Facts(attained=certain, convex=True, smooth=True, lipschitz=2**0.5, proper=lambda tau: tau == 0),
    cases=(
        # tau 1/2: odds 1, 2, 5 times sqrt(2), 2, 1: 1.414, 4, 5
        Case(
            FIRST, 1, log((9 + 2**0.5) / 4), {"tau": 0.5, "class_counts": COUNTS},
            [2**0.5 / (9 + 2**0.5), -(5 + 2**0.5) / (9 + 2**0.5), 5 / (9 + 2**0.5)], tolerance=1e-12,
        ),
        # tau 1: as the balanced softmax
        Case([FIRST, SECOND], [2, 0], (log(3) + log(11 / 6)) / 2, {"class_counts": COUNTS}, tolerance=1e-12),
        # tau 2: odds 3, 1, 1 times 4, 16, 1
        Case(SECOND, 0, log(29 / 12), {"tau": 2.0, "class_counts": COUNTS}, tolerance=1e-12),
    ),
)  # fmt: skip
def logit_adjusted_loss(input: Tensor, target: Tensor, *, class_counts: Tensor, tau: float | Tensor = 1.0) -> Tensor:
    """Cross-entropy of scores plus `tau` times the logarithms of the counts: rare classes must win by more.

    For rare classes, and best for the balanced error at `tau=1`; 0 is cross-entropy. Predict with the scores alone.
    Not where probabilities must be those of the data.
    """
    return -log_likelihood(centred(input) + tau * class_counts.log(), target)


@loss(
    kind="rowwise",
    formula=r"-\log\frac{e^{s(x_y - m_y)}}{e^{s(x_y - m_y)} + \sum_{c\ne y}e^{s x_c}},"
    r"\quad m_c = m\,\Big(\frac{\min_j n_j}{n_c}\Big)^{1/4}",
    source="Cao et al., Learning imbalanced datasets with label-distribution-aware margin loss, NeurIPS 2019",
    task=("binary", "multiclass"),
    outputs="classes",
    link="softmax",
    target="class",
    bounds={
        "max_margin": Parameter(NON_NEGATIVE, search=Interval(0.05, 2), log=True),
        "scale": Parameter(POSITIVE, search=Interval(0.5, 40), log=True),
    },
    by_default=False,
    takes_ignore_index=True,
    per_class=("class_counts",),
    uses=(log_probabilities, log_likelihood, centred),
    facts=Facts(
        attained=certain, convex=True, smooth=True, lipschitz=lambda scale: scale * 2**0.5,
        proper=lambda max_margin, scale: max_margin == 0 and scale == 1,
    ),
    module_name="LDAMLoss",
    cases=(
        # counts 16, 1, 81: margins ln(16) times 1/2, 1, 1/3; scale 1/2 and class 0: odds 1/2, 2^.5, 5^.5
        Case(
            FIRST, 0, log(1 + 2 * (2**0.5 + 5**0.5)),
            {"class_counts": [16.0, 1.0, 81.0], "max_margin": log(16), "scale": 0.5},
            [0.5 * (0.5 / (0.5 + 2**0.5 + 5**0.5) - 1), 0.5 * 2**0.5 / (0.5 + 2**0.5 + 5**0.5),
             0.5 * 5**0.5 / (0.5 + 2**0.5 + 5**0.5)],
            tolerance=1e-12,
        ),
        # the defaults, margin .5 and scale 30: class 0 of 16 has half the margin of class 1 of 1; its lead is .2
        Case(
            [[0.2, 0.0], [0.2, 0.0]], [0, 1], [log(1 + exp(1.5)), log(1 + exp(21))],
            {"class_counts": [16.0, 1.0], "reduction": "none"}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def ldam_loss(
    input: Tensor,
    target: Tensor,
    *,
    class_counts: Tensor,
    max_margin: float | Tensor = 0.5,
    scale: float | Tensor = 30.0,
) -> Tensor:
    """Cross-entropy with a margin that is larger for rare classes: `max_margin` for the rarest.

    For rare classes, on cosines between features and class weights, as the authors train it: the defaults suit scores
    from -1 to 1. On the scores of an ordinary linear layer take a `scale` near 1. Their later weights (DRW) are a
    `class_balanced_loss` of the second half of training.
    """
    margin = max_margin * (class_counts.amin() / class_counts).pow(0.25)
    own = torch.zeros_like(input).scatter(-1, target.unsqueeze(-1), 1.0)
    return -log_likelihood(scale * (centred(input) - own * margin), target)
