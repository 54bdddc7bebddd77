"""Losses that forgive wrong labels. Below, p = softmax(x) and y is the target's class."""

import torch
from torch import Tensor

from losslab.catalog.classification import FIRST, SECOND, by_class, guarded, log_likelihood, log_probabilities
from losslab.spec.declare import loss
from losslab.spec.interval import Interval
from losslab.spec.record import Case, Parameter


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
    uses=(log_probabilities, log_likelihood, guarded, by_class),
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
    """Between cross-entropy (`q` near 0) and the probability of error (`q` = 1), which noise does not mislead."""
    return by_class(-torch.expm1(q * log_likelihood(input, target)) / q, target, weight)
