"""Losses for yes-or-no targets, one output each. Below, y is the target and p = sigmoid(x) the probability of a yes."""

from math import log

import torch
import torch.nn.functional as F
from torch import Tensor

from losslab.catalog.classification import guarded
from losslab.spec.declare import loss
from losslab.spec.facts import Facts, same
from losslab.spec.interval import NON_NEGATIVE, UNIT, Interval
from losslab.spec.record import Case, Parameter


def log_loss(input: Tensor, target: Tensor, pos_weight: float | Tensor = 1.0) -> Tensor:
    """pos_weight * y * (-log p) + (1 - y) * (-log(1 - p)) of logits, elementwise."""
    # Two softplus terms keep full relative precision at both ends; from 40 on, softplus(x) rounds to x in float64 too.
    yes, no = F.softplus(-input, threshold=40.0), F.softplus(input, threshold=40.0)
    value = torch.addcmul(pos_weight * target * yes, 1 - target, no)
    # At an infinite logit, NaN can only be 0 * inf: the term that the target leaves out, beside one that is 0.
    return value.masked_fill(input.isinf() & value.isnan(), 0.0)


def log_floored(value: Tensor, argument: Tensor) -> Tensor:
    """`value`, which is log(argument), not below -100. Its slope is 1 / argument all the way, and at 0 torch's 1e12."""
    smooth = torch.where(argument < torch.finfo(argument.dtype).tiny, argument + 1e-12, argument).log()
    return smooth + (value.clamp(min=-100.0) - smooth).detach()


@loss(
    kind="pointwise",
    formula=r"-y\log p - (1 - y)\log(1 - p)",
    source="Cox, The regression analysis of binary sequences, Journal of the Royal Statistical Society B 1958",
    task="binary",
    link="identity",
    target="probability",
    input_domain=UNIT,
    target_domain=UNIT,
    group="log_loss",
    torch_name="binary_cross_entropy",
    module_name="BCELoss",
    positional=("weight",),
    module_positional=("weight",),
    takes_weight=True,
    uses=(log_floored,),
    facts=Facts(
        Interval(0, 100), attained=same, convex=True, smooth=True, best_constant="mean", proper=True, symmetric=False
    ),
    cases=(
        # -(ln .7 + ln .8 + ln .9 + ln .3) / 4 = (.356675 + .223144 + .105361 + 1.203973) / 4 = 1.889152 / 4
        Case([0.7, 0.2, 0.9, 0.7], [1.0, 0.0, 1.0, 0.0], 0.4722880, tolerance=1e-6),
        # weights 2 and .5, then half of each: (-2 ln .2 - .5 ln .4) / 2; slopes 2 * (-1/.2) / 2 and .5 * (1/.4) / 2
        Case([0.2, 0.6], [1.0, 0.0], log(5) + log(2.5) / 4, {"weight": [2.0, 0.5]}, [-5.0, 0.625], tolerance=1e-12),
        # y = .25 at p = .5: ln 2 whatever y is; slope (p - y) / (p (1 - p)) = .25 / .25 = 1
        Case([0.5], [0.25], log(2), gradient=[1.0], tolerance=1e-12),
        # the ends: right answers cost 0 with slopes +1 and -1, a wrong one 100 as in torch
        Case([0.0, 1.0], [0.0, 1.0], [0.0, 0.0], {"reduction": "none"}, [1.0, -1.0], tolerance=1e-12),
        Case([0.0, 1.0], [1.0, 0.0], 200.0, {"reduction": "sum"}, [-1e12, 1e12], tolerance=1e-12),
    ),
)
def binary_cross_entropy(input: Tensor, target: Tensor, *, weight: Tensor | None = None) -> Tensor:
    """Log loss of probabilities, with the exact slope at both ends; with logits at hand, prefer the loss on logits.

    For models that give probabilities and nothing else. Not behind a sigmoid of your own: it rounds to 0 and 1 at
    logits that `binary_cross_entropy_with_logits` still tells apart. It is scikit-learn's `log_loss` and keras's
    `binary_crossentropy`. They clip the probabilities, scikit-learn at the rounding of their type and keras at 1e-7;
    here, as in torch, the logarithm does not go below -100.
    """
    yes, no = log_floored(input.log(), input), log_floored((-input).log1p(), 1 - input)
    value = -(target * yes + (1 - target) * no)
    return value if weight is None else value * weight


@loss(
    kind="pointwise",
    formula=r"-w\,y\log p - (1 - y)\log(1 - p),\quad p = \sigma(x)",
    source="Cox, The regression analysis of binary sequences, Journal of the Royal Statistical Society B 1958",
    task="binary",
    link="sigmoid",
    target="probability",
    target_domain=UNIT,
    bounds={"pos_weight": Parameter(NON_NEGATIVE, search=Interval(0.1, 10), log=True, optional=True)},
    group="log_loss",
    torch_name="binary_cross_entropy_with_logits",
    module_name="BCEWithLogitsLoss",
    positional=("weight",),
    module_positional=("weight",),
    takes_weight=True,
    uses=(log_loss, guarded),
    facts=Facts(
        attained=lambda target, pos_weight: target.logit() + log(pos_weight or 1e-300),
        convex=True, smooth=True,
        lipschitz=lambda pos_weight: max(1.0, pos_weight),
        best_constant=lambda pos_weight: "log odds" if pos_weight == 1 else None,
        proper=lambda pos_weight: pos_weight == 1,
    ),
    cases=(
        # p = 3/4 and 1/5: -ln(1/4) and -3 ln(1/5), halved; slopes p - y = 3/4 and 3 (p - 1) = -12/5, halved
        Case(
            [log(3), -log(4)], [0.0, 1.0], (log(4) + 3 * log(5)) / 2, {"pos_weight": 3.0}, [0.375, -1.2],
            tolerance=1e-12,
        ),
        # p = 3/4, y = 1/5: -(ln .75) / 5 - 4 (ln .25) / 5, twice; slope 2 (.75 - .2) = 1.1
        Case([log(3)], [0.2], 2 * (log(4 / 3) + 4 * log(4)) / 5, {"weight": [2.0]}, [1.1], tolerance=1e-12),
        # a weight for each column: row by row -.5 ln(3/4), -4 ln(1/5), -ln(1/4), -ln(4/5), over four
        Case(
            [[log(3), -log(4)], [log(3), -log(4)]], [[1.0, 1.0], [0.0, 0.0]],
            (0.5 * log(4 / 3) + 4 * log(5) + log(4) + log(1.25)) / 4, {"pos_weight": [0.5, 4.0]}, tolerance=1e-12,
        ),
        # far logits: ln(1 + e^-10), 50, and a right answer at infinity
        Case(
            [10.0, 50.0, float("inf")], [1.0, 0.0, 1.0], [4.5398899216864646e-05, 50.0, 0.0], {"reduction": "none"},
            [-4.5397868702434395e-05, 1.0, 0.0], tolerance=1e-10,
        ),
        # 21 + ln(1 + e^-21) on either side: softplus is not linear yet
        Case([-21.0, 21.0], [1.0, 0.0], [21.000000000758256] * 2, {"reduction": "none"}, tolerance=1e-12),
    ),
)  # fmt: skip
def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, *, pos_weight: float | Tensor = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Log loss of logits; `pos_weight` times more for the yes targets, one number or one for each column.

    The loss to begin with for yes or no, and for several answers each yes or no. Not behind a sigmoid: it is inside.
    Probabilities are those of the data at a `pos_weight` of 1 only; where a decision is all that is off, move the
    threshold. It is keras's BinaryCrossentropy with `from_logits=True`, which by default takes probabilities, optax's
    sigmoid_binary_cross_entropy and, with `pos_weight`, TensorFlow's weighted_cross_entropy_with_logits.
    """
    value = log_loss(input, target, pos_weight)
    return value if weight is None else guarded(value, weight) * weight
