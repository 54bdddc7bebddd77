"""Losses where a row has any number of classes. Below, x are the scores and C is their number."""

from collections.abc import Mapping
from math import log
from typing import Any

import torch
from torch import Tensor

from losslab.catalog.binary import log_loss
from losslab.spec.declare import loss
from losslab.spec.facts import Facts
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import SetCase

SCORES = Operand("* C", predicted=True)
PENCIL = [0.0, log(3), -log(4)]  # scores of probabilities 1/2, 3/4 and 1/5


def listed(target: Tensor) -> Tensor:
    """Which entries of lists of classes count: those before the first -1."""
    return (target >= 0).long().cumprod(-1).bool()


def kept(rows: Tensor, mask: Tensor | None) -> Tensor:
    return rows if mask is None else rows[mask]


def not_a_class(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    target, classes = operands["target"], operands["input"].shape[-1]
    bad = (target < -1) | (target >= classes)
    if not bad.any():
        return None
    where = bad.nonzero()[0].tolist()
    return (
        f"label {int(target[tuple(where)])} at {where} is out of range: input has {classes} classes, so each row of "
        f"target lists labels from 0 to {classes - 1}, then -1 to its end"
    )


def listed_twice(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    target = kept(operands["target"], options["mask"])
    count = torch.zeros_like(target).scatter_add(-1, target.clamp(min=0), listed(target).long())
    if not (count > 1).any():
        return None
    row = count.amax(-1).reshape(-1).argmax()
    found = target.reshape(-1, target.shape[-1])[row].tolist()
    return (
        f"a row of target lists a class twice: {found}. It should hold the labels of the row, then -1 to its end, and "
        "not a 0 or 1 for each class: use multilabel_soft_margin_loss for those"
    )


def lists(generator: torch.Generator, sizes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """A few classes each, then -1, then what does not count."""
    shape = (*sizes["*"], *sizes["C"])
    order = torch.rand(shape, generator=generator).argsort(-1)
    ends = torch.randint(0, shape[-1], shape[:-1], generator=generator)
    places = torch.arange(shape[-1])
    return {"target": torch.where(places == ends.unsqueeze(-1), -1, order)}


@loss(
    kind="set",
    formula=r"\frac{1}{C}\sum_{j \in y}\sum_{i \notin y}\max(0, 1 - (x_j - x_i))",
    source="Crammer and Singer, A family of additive online algorithms for category ranking, JMLR 2003",
    task="multilabel",
    link="arg-max",
    layout=Layout({"input": SCORES, "target": Operand("* C", "class list")}, "*", draw=lists),
    refuses=not_a_class,
    smells=listed_twice,
    torch_name="multilabel_margin_loss",
    module_name="MultiLabelMarginLoss",
    uses=(listed,),
    facts=Facts(convex=True, lipschitz=lambda classes: classes**0.5 / 2),
    cases=(
        # torch's own: classes 3 and 0; (1 - .1 + .2) + (1 - .1 + .4) + (1 - .8 + .2) + (1 - .8 + .4), over 4
        SetCase(
            {"input": [0.1, 0.2, 0.4, 0.8], "target": [3, 0, -1, 1]}, 0.85, {}, {"input": [-0.5, 0.5, 0.5, -0.5]}, 1e-12
        ),
        # class 1 against 0 and 2: 1 - 2 + 1.5 and none; every class: none; no class: none
        SetCase(
            {
                "input": [[1.5, 2.0, -1.0], [1.0, 5.0, 9.0], [1.0, 2.0, 3.0]],
                "target": [[1, -1, 0], [2, 0, 1], [-1, 2, 0]],
            },
            [0.5 / 3, 0.0, 0.0], {"reduction": "none"}, {"input": [[1 / 3, -1 / 3, 0.0], [0.0] * 3, [0.0] * 3]}, 1e-12,
        ),
        # a tie costs the whole margin of 1; exactly 1 above is the kink
        SetCase(
            {"input": [[2.0, 2.0, 1.0]], "target": [[0, -1, -1]]}, 1 / 3, {}, {"input": [[-1 / 3, 1 / 3, 0.0]]}, 1e-12
        ),
    ),
)  # fmt: skip
def multilabel_margin_loss(input: Tensor, target: Tensor) -> Tensor:
    """Each class that a row has should score higher than each class that it has not, by 1.

    For rows of several classes of which the best few are wanted.
    A row of `target` lists the labels of the row, then -1; what stands after the first -1 does not count. A row
    without labels, or with all, costs 0. The loss orders the classes of a row and gives no probabilities, nor a
    threshold; where each class is a yes or no of its own, take `multilabel_soft_margin_loss`.
    """
    own = listed(target)
    label = target.masked_fill(~own, 0)
    taken = torch.zeros_like(target).scatter_add(-1, label, own.long()) > 0
    gap = 1 - (input.gather(-1, label).unsqueeze(-1) - input.unsqueeze(-2))
    return gap.relu().masked_fill(~own.unsqueeze(-1) | taken.unsqueeze(-2), 0.0).sum((-2, -1)) / input.shape[-1]


def like_probabilities(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    input = kept(operands["input"], options["mask"])
    if input.numel() < 32 or not 0 < input.min() <= input.max() < 1:
        return None
    return (
        "all inputs lie between 0 and 1: it looks as if a sigmoid was applied already. This loss applies it itself; "
        "pass the scores before the sigmoid"
    )


@loss(
    kind="set",
    formula=r"-\frac{1}{C}\sum_c w_c \left(y_c \log\sigma(x_c) + (1 - y_c) \log(1 - \sigma(x_c))\right)",
    source="Cox, The regression analysis of binary sequences, Journal of the Royal Statistical Society B 1958",
    task="multilabel",
    link="sigmoid",
    layout=Layout({"input": SCORES, "target": Operand("* C", "probability"), "weight": Operand("C")}, "*"),
    smells=like_probabilities,
    untunable="",
    torch_name="multilabel_soft_margin_loss",
    module_name="MultiLabelSoftMarginLoss",
    positional=("weight",),
    module_positional=("weight",),
    group="log_loss",
    uses=(log_loss,),
    facts=Facts(
        attained=lambda target: target.logit(), convex=True, smooth=True, lipschitz=lambda classes: classes**-0.5
    ),
    cases=(
        # -ln of 1/2, 1/4 and 4/5; slopes (p - y) / 3
        SetCase(
            {"input": [PENCIL], "target": [[1.0, 0.0, 0.0]]}, (log(2) + log(4) + log(1.25)) / 3, {},
            {"input": [[-0.5 / 3, 0.25, 0.2 / 3]]}, 1e-12,
        ),
        # weights 1/2, 3 and 2, and a target of 1/4: ln 2 / 2, 3 (ln 4 - ln(3) / 4) and 2 ln 5
        SetCase(
            {"input": [PENCIL], "target": [[1.0, 0.25, 1.0]], "weight": [0.5, 3.0, 2.0]},
            [(log(2) / 2 + 3 * (log(4) - log(3) / 4) + 2 * log(5)) / 3], {"reduction": "none"},
            {"input": [[-0.25 / 3, 0.5, -1.6 / 3]]}, 1e-12,
        ),
        # one row of two, at far scores: 50 and 100, over 2
        SetCase({"input": [[50.0, -100.0], [50.0, -100.0]], "target": [[0, 1], [1, 0]]}, 37.5, {}, tolerance=1e-12),
    ),
)  # fmt: skip
def multilabel_soft_margin_loss(input: Tensor, target: Tensor, *, weight: Tensor | None = None) -> Tensor:
    """Log loss of each class as a yes or no of its own, averaged over the classes (the last dimension) of a row.

    For rows of any number of classes, each with a probability. Not where few of many are yes (`asymmetric_loss`).
    `binary_cross_entropy_with_logits` with the mean over classes taken first: the mean over rows is the same, "none"
    and "sum" differ. `weight` (C,) is one number for each class; the mean does not divide by it, as in torch.
    """
    value = log_loss(input, target)
    return (value if weight is None else value * weight).mean(-1)
