"""Losses for classes that have an order. Below, x are the outputs, y is the true class and C the number of classes."""

from math import log

import torch
from torch import Tensor

from losslab.catalog.binary import log_loss
from losslab.spec.declare import loss
from losslab.spec.facts import Facts, certain
from losslab.spec.interval import POSITIVE, Interval
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import Case, Parameter, SetCase


def log_shares(target: Tensor, decay: float) -> Tensor:
    """Of one-hot classes (..., C): the logarithms of shares that fall with the distance from the class."""
    classes = torch.arange(target.shape[-1], device=target.device)
    return (-decay * (classes - target.argmax(-1, keepdim=True)).abs().to(target.dtype)).log_softmax(-1)


@loss(
    kind="rowwise",
    formula=r"\frac{1}{C - 1}\sum_{k < C} \left(\sum_{c \le k} p_c - [y \le k]\right)^2,\quad p = \mathrm{softmax}(x)",
    source="Epstein, A scoring system for probability forecasts of ranked categories, Journal of Applied Meteorology "
    "1969; as a loss: Hou, Yu and Samaras, Squared earth mover's distance-based loss for training deep neural "
    "networks, 2016",
    task="ordinal",
    outputs="classes",
    link="softmax",
    target="class",
    facts=Facts(
        Interval(0, 1), attained=certain, smooth=True, best_constant="log prior", proper=True, unknown=("lipschitz",)
    ),
    cases=(
        # p = (1/2, 1/4, 1/4), y = 1: F = (1/2, 3/4) against (0, 1): (1/4 + 1/16) / 2
        # slopes by F: 1/2 and -1/4, times p_j ([j <= k] - F_k)
        Case([[log(2), 0.0, 0.0]], [1], [5 / 32], {"reduction": "none"}, [[3 / 32, -5 / 64, -1 / 64]], 1e-12),
        # the same p with y = 2 is farther off than with y = 0: (1/4 + 9/16) / 2 and (1/4 + 1/16) / 2
        Case([[log(2), 0.0, 0.0], [log(2), 0.0, 0.0]], [2, 0], (13 / 32 + 5 / 32) / 2, {}, tolerance=1e-12),
        # two classes: the squared error of p_0 = 3/4
        Case([[log(3), 0.0]], [0], 1 / 16, {}, [[-3 / 32, 3 / 32]], 1e-12),
    ),
)  # fmt: skip
def ranked_probability_loss(input: Tensor, target: Tensor) -> Tensor:
    """Squared error of the chances to lie above each class: a probability one class off costs less than one far off.

    For grades and stages whose probabilities count, with an output for each class. With two classes it is half of
    `brier_loss`. Not where the prediction starts far off: as for all squared errors of probabilities, the slope fades
    there. It is the ranked probability score, divided by C - 1 to lie in [0, 1], and the squared earth mover's distance
    between the probabilities and the true class.
    """
    classes = input.shape[-1]
    below = input.softmax(-1).cumsum(-1)[..., :-1]
    reached = target.unsqueeze(-1) <= torch.arange(classes - 1, device=input.device)
    return (below - reached.to(input.dtype)).square().sum(-1) / max(classes - 1, 1)


@loss(
    kind="rowwise",
    formula=r"\sum_c q_c \log\frac{q_c}{p_c},\quad q_c \propto e^{-\alpha |c - y|},\quad p = \mathrm{softmax}(x)",
    source="Díaz and Marathe, Soft labels for ordinal regression, CVPR 2019",
    task="ordinal",
    outputs="classes",
    link="softmax",
    target="class",
    bounds={"decay": Parameter(POSITIVE, search=Interval(0.5, 8), log=True)},
    facts=Facts(attained=log_shares, convex=True, smooth=True, unknown=("lipschitz",)),
    cases=(
        # y = 0, decay ln 2: q = (4, 2, 1) / 7; p = (1/2, 1/4, 1/4): (4 ln(8/7) + 2 ln(8/7) + ln(4/7)) / 7; slopes p - q
        Case(
            [[log(2), 0.0, 0.0]], [0], (6 * log(8 / 7) + log(4 / 7)) / 7, {"decay": log(2)},
            [[-1 / 14, -1 / 28, 3 / 28]], 1e-12,
        ),
        # y = 1, decay ln 3: q = (1, 3, 1) / 5: (ln(2/5) + 3 ln(12/5) + ln(4/5)) / 5
        Case(
            [[log(2), 0.0, 0.0]], [1], [(log(0.4) + 3 * log(2.4) + log(0.8)) / 5],
            {"decay": log(3), "reduction": "none"}, tolerance=1e-12,
        ),
        # a large decay leaves the cross-entropy
        Case([[log(2), 0.0, 0.0]], [2], log(4), {"decay": 60.0}, [[0.5, 0.25, -0.75]], 1e-12),
    ),
)  # fmt: skip
def soft_ordinal_loss(input: Tensor, target: Tensor, *, decay: float | Tensor = 2.0) -> Tensor:
    """Divergence from a target that gives the classes next to the true one a share that falls with their distance.

    For grades that even people do not tell apart exactly; an output for each class. A small `decay` blurs the target,
    a large one leaves the cross-entropy. Its probabilities are spread as the targets are, so they are too careful: not
    where they are used as such. The authors also try other distances; this is the absolute one.
    """
    classes = torch.arange(input.shape[-1], device=input.device)
    wanted = (-decay * (classes - target.unsqueeze(-1)).abs().to(input.dtype)).log_softmax(-1)
    return (wanted.exp() * (wanted - input.log_softmax(-1))).sum(-1)


@loss(
    kind="set",
    formula=r"\frac{1}{C - 1}\sum_{k < C} \log\left(1 + e^{-s_k x_k}\right),"
    r"\quad s_k = 1\text{ where }y \ge k,\text{ else }-1",
    source="Rennie and Srebro, Loss functions for preference levels: regression with discrete ordered labels, 2005; "
    "for networks: Cao, Mirjalili and Raschka, Rank consistent ordinal regression, Pattern Recognition Letters 2020",
    task="ordinal",
    outputs="thresholds",
    link="cumulative",
    layout=Layout({"input": Operand("* K", predicted=True), "target": Operand("*", "grade", of="K")}, "*"),
    by_default=True,
    untunable="",
    uses=(log_loss,),
    facts=Facts(convex=True, smooth=True, unknown=("lipschitz",)),
    cases=(
        # four classes, log odds of 3/4, 1/2 and 1/5 to lie above; y = 1: above the first only
        SetCase(
            {"input": [[log(3), 0.0, -log(4)]], "target": [1]}, (log(4 / 3) + log(2) + log(1.25)) / 3, {},
            {"input": [[-1 / 12, 1 / 6, 1 / 15]]}, 1e-12,
        ),
        # the highest class, which is above all, and the lowest
        SetCase(
            {"input": [[log(3), 0.0], [log(3), 0.0]], "target": [2, 0]},
            [(log(4 / 3) + log(2)) / 2, (log(4) + log(2)) / 2], {"reduction": "none"},
            {"input": [[-1 / 8, -1 / 4], [3 / 8, 1 / 4]]}, 1e-12,
        ),
    ),
)  # fmt: skip
def all_threshold_loss(input: Tensor, target: Tensor) -> Tensor:
    """For each of the C - 1 thresholds between two classes, the log loss of whether the row lies above it.

    For grades and stages: a class far off is on the wrong side of more thresholds. Output k, counted from 1, is the log
    odds of class k or higher; the outputs of a network may cross, and are put in order before they are read as
    probabilities. With one direction of weights and C - 1 biases (CORAL) they do not. The mean over thresholds; the
    authors take the sum, which is C - 1 times as much.
    """
    thresholds = torch.arange(input.shape[-1], device=input.device)
    above = (target.unsqueeze(-1) > thresholds).to(input.dtype)
    return log_loss(input, above).mean(-1)
