"""Losses for scores that stand for a quality from 0 to 1, such as how well a box fits. Below, p = sigmoid(x)."""

from math import log

from torch import Tensor

from losslab.catalog.binary import log_loss
from losslab.spec.declare import loss
from losslab.spec.facts import Facts
from losslab.spec.interval import UNIT, Interval
from losslab.spec.record import Case, Parameter


def quality_pull(beta: float) -> float:
    """The steepest slope by the score, over qualities and predictions."""
    steps = [step / 200 for step in range(1, 200)]
    found = 1.0  # of a prediction that is wrong beyond doubt
    for p in steps:
        for y in (0.0, *steps, 1.0):
            gap = p - y
            entropy = -y * log(p) - (1 - y) * log(1 - p)
            slope = beta * abs(gap) ** (beta - 1) * p * (1 - p) * entropy * (1 if gap > 0 else -1)
            found = max(found, abs(slope + abs(gap) ** beta * gap))
    return found


@loss(
    kind="pointwise",
    formula=r"-|y - p|^\beta\,\big(y\log p + (1 - y)\log(1 - p)\big)",
    source="Li et al., Generalized focal loss: learning qualified and distributed bounding boxes, NeurIPS 2020",
    task="binary",
    link="sigmoid",
    target="probability",
    target_domain=UNIT,
    bounds={"beta": Parameter(Interval(1), search=Interval(1, 4))},
    by_default=False,
    uses=(log_loss,),
    facts=Facts(
        attained=lambda target: target.logit(), smooth=lambda beta: beta > 1, lipschitz=quality_pull, proper=False,
    ),
    cases=(
        # p = 3/4, y = 1/4: (1/2)^2 (ln 4 / 4 + 3 ln 4 / 4 - 1/4 ln 3) and p = 1/5, y = 1: (4/5)^2 ln 5
        # slopes: 2 gap p (1 - p) entropy + gap^3
        Case(
            [log(3), -log(4)], [0.25, 1.0], [0.25 * (log(4) - 0.25 * log(3)), 0.64 * log(5)], {"reduction": "none"},
            [0.1875 * (log(4) - 0.25 * log(3)) + 0.125, -1.6 * 0.16 * log(5) - 0.512], 1e-12,
        ),
        # beta 1: 3/4 ln 4
        Case([log(3), 0.0], [0.0, 0.5], 0.375 * log(4), {"beta": 1.0}, tolerance=1e-12),
    ),
)  # fmt: skip
def quality_focal_loss(input: Tensor, target: Tensor, *, beta: float | Tensor = 2.0) -> Tensor:
    """Log loss times a power of the distance from the target's quality: nothing where the quality is met.

    For targets between 0 and 1 that are to be met, not only ranked: the overlap of a detected box, a soft label. At
    targets 0 and 1 it is twice `sigmoid_focal_loss` with `alpha=0.5` and `gamma=beta`. Not for probabilities of events
    that are seen as 0 and 1, for which it is not proper.
    """
    near = input.clamp(-1e3, 1e3)  # where p and its slope are 0 or 1 to all digits: 0 * inf would be NaN
    return (near.sigmoid() - target).abs().pow(beta) * log_loss(input, target)
