"""Losses that pull embeddings to proxies of their classes, which are weights that learn with the model.

Below, s_c is the cosine of the embedding with the proxy of class c, and y the row's class.
"""

from collections.abc import Mapping
from math import exp, log, log1p
from typing import Any

import torch
from torch import Tensor

from losslab.catalog.class_centres import (
    CENTRES,
    LABELS,
    ONE,
    ROW,
    ROWS,
    SUB_CENTRES,
    WEIGHT,
    by_slopes,
    by_turns,
    cross_entropy,
    spread_out,
)
from losslab.catalog.classification import log_likelihood, log_probabilities
from losslab.catalog.similarity import log_sum_exp, softplus, unit
from losslab.spec.declare import loss
from losslab.spec.facts import Facts
from losslab.spec.interval import NON_NEGATIVE, POSITIVE, REAL, Interval
from losslab.spec.layout import Layout
from losslab.spec.record import Parameter, SetCase

SUMMED = Layout(
    {"input": ROWS, "weight": ONE, "target": LABELS}, "", mask="N", coupled=True, owned={"weight": spread_out}
)


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def needs_others(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    if operands["weight"].shape[0] > 1 or options.get("with_own"):
        return None
    return "weight holds one proxy; the paper's loss divides by those of other classes, so there must be two or more"


@loss(
    kind="set",
    formula=r"-\log \frac{e^{-s \lVert x - p_y\rVert^2}}{\sum_{c \ne y} e^{-s \lVert x - p_c\rVert^2}},\quad "
    r"\lVert x\rVert = \lVert p_c\rVert = 1",
    source="Movshovitz-Attias et al., No fuss distance metric learning using proxies, ICCV 2017",
    task="embedding",
    layout=CENTRES,
    module_name="ProxyNCALoss",
    bounds={"scale": Parameter(POSITIVE, search=Interval(0.5, 32), log=True)},
    uses=(unit, log_sum_exp, log_probabilities, log_likelihood),
    refuses=needs_others,
    facts=Facts(REAL),
    cases=(
        # squared distances are 2 - 2 s: scores 1.2, 1.6 and -1.2, the first of which is not in the sum
        SetCase(
            {"input": ROW, "weight": WEIGHT, "target": [0]}, log(exp(1.6) + exp(-1.2)) - 1.2, {},
            by_slopes(1.6, 2 * sigmoid(2.8), 2 * sigmoid(-2.8)), 1e-12,
        ),
        SetCase(
            {"input": ROW, "weight": WEIGHT, "target": [0]}, cross_entropy([3.6, 4.8, -3.6]),
            {"scale": 3.0, "with_own": True}, by_turns([3.6, 4.8, -3.6], 6.0, -0.8), 1e-12,
        ),
        SetCase(
            {"input": [[0.0, 2.0], [1.0, 0.0]], "weight": WEIGHT, "target": [0, 2]},
            (log(exp(8.0) + 1) + log(exp(8.0) + 1) + 8.0) / 2, {"scale": 4.0}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def proxy_nca_loss(
    input: Tensor, weight: Tensor, target: Tensor, *, scale: float | Tensor = 1.0, with_own: bool = False
) -> Tensor:
    """A row should be nearer to the proxy of its class than to those of the others; all are normalised.

    For labelled rows without a choice of pairs. Not with few rows for each class of many: its proxy is then rarely
    moved. The paper's sum leaves out the row's own class, so that the loss is negative where it is right; with
    `with_own` it takes it in, as in ProxyNCA++ and pytorch-metric-learning, which then agrees: that is the normalised
    softmax at twice the scale. The larger `scale` (one over ProxyNCA++'s temperature), the more the nearest proxies
    count.
    """
    score = 2 * scale * (unit(input) @ unit(weight).mT)  # less squared distances, but for a constant
    if with_own:
        return -log_likelihood(score, target)
    other = target.unsqueeze(-1) != torch.arange(score.shape[-1], device=score.device)
    return log_sum_exp(score, other) - score.gather(-1, target.unsqueeze(-1)).squeeze(-1)


@loss(
    kind="set",
    formula=r"\frac{1}{|C^+|} \sum_{c \in C^+} \log\Big(1 + \sum_{i: y_i = c} e^{-\alpha (s_{ic} - m)}\Big) "
    r"+ \frac{1}{|C|} \sum_c \log\Big(1 + \sum_{i: y_i \ne c} e^{\alpha (s_{ic} + m)}\Big)",
    source="Kim et al., Proxy anchor loss for deep metric learning, CVPR 2020",
    task="embedding",
    layout=SUMMED,
    bounds={
        "margin": Parameter(NON_NEGATIVE, search=Interval(0, 0.5)),
        "alpha": Parameter(POSITIVE, search=Interval(8, 64), log=True),
    },
    uses=(unit, log_sum_exp, softplus),
    facts=Facts(),
    cases=(
        # one row, which only the first class's proxy pulls, and the others push
        SetCase(
            {"input": ROW, "weight": WEIGHT, "target": [0]},
            log1p(exp(-0.8)) + (log1p(exp(2.0)) + log1p(exp(-0.8))) / 3, {"margin": 0.2, "alpha": 2.0},
            by_slopes(1.6 * sigmoid(-0.8), 2 / 3 * sigmoid(2.0), 2 / 3 * sigmoid(-0.8)), 1e-12,
        ),
        # two rows of one class, whose cosines with its proxy are 1 and .6, and with the other 0 and .8
        SetCase(
            {"input": [[1.0, 0.0], *ROW], "weight": WEIGHT[:2], "target": [0, 0]},
            log1p(exp(-28.8) + exp(-16)) + log1p(exp(3.2) + exp(28.8)) / 2, {}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def proxy_anchor_loss(
    input: Tensor,
    weight: Tensor,
    target: Tensor,
    *,
    margin: float | Tensor = 0.1,
    alpha: float | Tensor = 32.0,
    mask: Tensor | None = None,
) -> Tensor:
    """Each class's proxy pulls all rows of its class and pushes all others, the hardest of the batch most.

    For labelled rows, where proxies should still see how the rows of a batch lie; quick to train. One value for the
    batch; C+ are the classes that are in it. Proxies want a learning rate far above the model's (the authors: 100
    times). The authors' code and pytorch-metric-learning agree.
    """
    cosine = unit(input) @ unit(weight).mT
    own = target.unsqueeze(-1) == torch.arange(cosine.shape[-1], device=cosine.device)
    kept = torch.ones_like(own) if mask is None else mask.unsqueeze(-1)
    pull = softplus(log_sum_exp(alpha * (margin - cosine), own & kept, 0))
    push = softplus(log_sum_exp(alpha * (cosine + margin), ~own & kept, 0))
    return pull.sum() / (own & kept).any(0).sum().clamp(min=1) + push.mean()


@loss(
    kind="set",
    formula=r"-\log \frac{e^{\lambda (S_y - m)}}{e^{\lambda (S_y - m)} + \sum_{c \ne y} e^{\lambda S_c}},\quad "
    r"S_c = \sum_k \frac{e^{s_{ck} / \gamma}}{\sum_j e^{s_{cj} / \gamma}} s_{ck}",
    source="Qian et al., SoftTriple loss: deep metric learning without triplet sampling, ICCV 2019",
    task="embedding",
    layout=SUB_CENTRES,
    bounds={
        "scale": Parameter(POSITIVE, search=Interval(4, 64), log=True),
        "gamma": Parameter(POSITIVE, search=Interval(0.02, 1), log=True),
        "margin": Parameter(NON_NEGATIVE, search=Interval(0, 0.3)),
    },
    uses=(unit, log_probabilities, log_likelihood),
    facts=Facts(),
    cases=(
        # gamma makes the shares of the cosines .6 and .8 1 to 3, so S is .75; it changes by p (1 + (s - S) / gamma)
        SetCase(
            {
                "input": ROW, "weight": [[[2.0, 0.0], [0.0, 1.0]], [[-1.0, 0.0], [-3.0, 0.0]]], "target": [0],
            },
            log1p(exp(-2.6)), {"scale": 2.0, "gamma": 0.2 / log(3), "margin": 0.05},
            {
                "input": [
                    [
                        side * sigmoid(-2.6)
                        * (0.8 + 0.8 * 0.25 * (1 - 0.75 * log(3)) - 0.6 * 0.75 * (1 + 0.25 * log(3)))
                        for side in (-0.32, 0.24)
                    ]
                ],
            },
            1e-12,
        ),
        SetCase(
            {"input": ROW, "weight": [[[2.0, 0.0], [0.0, 1.0]], [[-1.0, 0.0], [-3.0, 0.0]]], "target": [1]},
            log1p(exp(20 * ((0.6 + 0.8 * exp(2.0)) / (1 + exp(2.0)) + 0.61))), {}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def soft_triple_loss(
    input: Tensor,
    weight: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 20.0,
    gamma: float | Tensor = 0.1,
    margin: float | Tensor = 0.01,
) -> Tensor:
    """Cross-entropy over cosines with classes of several centres each, of which the near ones count most.

    For classes of several kinds; a small `gamma` makes only the nearest centre count. `scale` is the paper's lambda.
    The paper adds a penalty (tau) that merges a class's centres, which is not part of this loss, nor of
    pytorch-metric-learning's, which agrees.
    """
    cosine = torch.einsum("nd,ckd->nck", unit(input), unit(weight))
    score = ((cosine / gamma).softmax(-1) * cosine).sum(-1)
    own = target.unsqueeze(-1) == torch.arange(score.shape[-1], device=score.device)
    return -log_likelihood(scale * torch.where(own, score - margin, score), target)


@loss(
    kind="set",
    formula=r"\frac{1}{2} \lVert x - c_y\rVert^2",
    source="Wen et al., A discriminative feature learning approach for deep face recognition, ECCV 2016",
    task="embedding",
    layout=CENTRES,
    facts=Facts(convex=True, smooth=True),
    cases=(
        SetCase(
            {"input": ROW, "weight": WEIGHT, "target": [1]}, 9.0, {},
            {"input": [[3.0, 3.0]], "weight": [[0.0, 0.0], [-3.0, -3.0], [0.0, 0.0]]}, 1e-12,
        ),
        # 1 + 16 and 4 + 0, halved; both by the same centre
        SetCase(
            {"input": [*ROW, [0.0, 0.0]], "weight": WEIGHT, "target": [0, 0]}, 10.5, {"reduction": "sum"},
            {"input": [[1.0, 4.0], [-2.0, 0.0]], "weight": [[1.0, -4.0], [0.0, 0.0], [0.0, 0.0]]}, 1e-12,
        ),
    ),
)  # fmt: skip
def center_loss(input: Tensor, weight: Tensor, target: Tensor) -> Tensor:
    """Half the squared distance of each row to the centre of its class.

    Only beside a loss that keeps classes apart (cross-entropy plus a hundredth of this one, say): alone it is least
    where all rows and centres are one point. Here the centres learn by the gradient; the paper moves each by the mean
    of its rows' differences, at a rate of its own, so give them one: a parameter group with SGD. Widely used code
    clamps the other classes' distances at 1e-12 and adds those up too, and leaves out the half.
    """
    return 0.5 * (input - weight[target]).square().sum(-1)
