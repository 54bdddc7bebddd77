"""Losses that are scores of a whole batch, made smooth: counts of right and wrong become sums of probabilities."""

from math import log

import torch
from torch import Tensor

from losslab.spec.declare import loss
from losslab.spec.facts import Facts
from losslab.spec.interval import POSITIVE, UNIT, Interval
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import Parameter, SetCase


@loss(
    kind="set",
    formula=r"1 - \frac{(1 + \beta^2)\sum_n p_n y_n}{\sum_n p_n + \beta^2\sum_n y_n},\quad p = \sigma(x)",
    source="Bénédict et al., sigmoidF1: a smooth F1 score surrogate loss for multilabel classification, 2022",
    task="multilabel",
    layout=Layout(
        {"input": Operand("N C", predicted=True), "target": Operand("N C", "probability")}, "C", mask="N", coupled=True
    ),
    bounds={"beta": Parameter(POSITIVE, search=Interval(0.25, 4), log=True)},
    untunable="it compares all rows of a batch with each other",
    facts=Facts(UNIT, smooth=True, unknown=("lipschitz",)),
    cases=(
        # column 1: p = 3/4, 1/2, yes and no: 2 (3/4) / (5/4 + 1); column 2: p = 1/5, 1/2, no and yes: 1 / (7/10 + 1)
        # slopes of -2 a / b: -2 (y b - a) / b^2 times p (1 - p)
        SetCase(
            {"input": [[log(3), -log(4)], [0.0, 0.0]], "target": [[1.0, 0.0], [0.0, 1.0]]}, [1 / 3, 1 - 1 / 1.7],
            {"reduction": "none"},
            {"input": [
                [-2 * 1.5 / 5.0625 * 0.1875, 2 * 0.5 / 2.89 * 0.16],
                [2 * 0.75 / 5.0625 * 0.25, -2 * 1.2 / 2.89 * 0.25],
            ]},
            1e-12,
        ),
        # beta 2: 5 (3/4) / (5/4 + 4); the column without a yes does not count
        SetCase(
            {"input": [[log(3), 5.0], [0.0, 5.0]], "target": [[1.0, 0.0], [0.0, 0.0]]}, 1 - 3.75 / 5.25, {"beta": 2.0},
            tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def soft_f1_loss(
    input: Tensor, target: Tensor, *, beta: float | Tensor = 1.0, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """One minus the F score of each column over a batch, by sums of probabilities; `beta` above 1 favours recall.

    For columns of yes and no where F1 is what counts, with batches that hold several yes of each column: the F score of
    a batch is not that of all rows. The mean is over columns (macro); one without a yes weighs 0. One column is
    `input[:, None]`. With beta = 1 it is the dice loss over a batch. The authors' sigmoid has a slope and an offset of
    its own; many implementations add a constant to both parts, which makes a column without a yes count.
    """
    here = torch.ones_like(input[:, 0]) if mask is None else mask.to(input.dtype)
    p, y = input.sigmoid() * here.unsqueeze(1), target * here.unsqueeze(1)
    any_yes = (y > 0).any(0)
    square = beta * beta
    total = torch.where(any_yes, p.sum(0) + square * y.sum(0), 1.0)
    return torch.where(any_yes, 1 - (1 + square) * (p * y).sum(0) / total, 0.0), any_yes.to(input.dtype)
