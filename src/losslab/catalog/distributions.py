"""Distances between distributions over classes: of the softmax of scores from given probabilities.

The input holds scores; log-probabilities are scores too, as a log-softmax leaves them as they are. The target holds
probabilities. Below, p = softmax(x) and t is the target; classes are in dimension 1 unless `class_dim` says otherwise.
"""

from collections.abc import Mapping
from math import log, log1p, sqrt
from typing import Any

import torch
from torch import Tensor

from losslab.spec.declare import loss
from losslab.spec.facts import Facts, certain
from losslab.spec.interval import POSITIVE, Interval
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import Parameter, SetCase

SHARES = Layout({"input": Operand("N C *", predicted=True), "target": Operand("N C *", "distribution")}, "N *")

# Scores of (1/8, 2/8, 5/8) and probabilities (1/2, 1/4, 1/4); scores of (1/4, 1/4, 1/2) and a certain class.
FIRST = {"input": [[0.0, log(2), log(5)]], "target": [[0.5, 0.25, 0.25]]}
SURE = {"input": [[0.0, 0.0, log(2)]], "target": [[0.0, 0.0, 1.0]]}


def log_share(share: Tensor) -> Tensor:
    """The logarithm of probabilities, far below any other where one is 0; its slope there is 0."""
    none = share == 0  # finite, so that no gradient of a sum of exponentials is 0 * inf
    return share.masked_fill(none, 1.0).log().masked_fill(none, -1e5)


def split_entropy(share: float) -> float:
    """The entropy of `share` against the rest: the most that `mixture_gap` can be."""
    return -share * log(share) - (1 - share) * log1p(-share)


def mixture_gap(log_p: Tensor, log_t: Tensor, beta: float | Tensor) -> Tensor:
    """beta KL(t || m) + (1 - beta) KL(p || m) with m = beta t + (1 - beta) p, over dimension 1."""
    beta = torch.as_tensor(beta, dtype=log_p.dtype, device=log_p.device)
    log_p, log_t = log_p.clamp(min=-1e5), log_t.clamp(min=-1e5)
    middle = torch.logaddexp(log_t + beta.log(), log_p + (-beta).log1p())
    return (beta * log_t.exp() * (log_t - middle) + (1 - beta) * log_p.exp() * (log_p - middle)).sum(1)


@loss(
    kind="set",
    formula=r"\beta\,\mathrm{KL}(t\,\Vert\,m) + (1 - \beta)\,\mathrm{KL}(p\,\Vert\,m),\quad m = \beta t + (1 - \beta)p",
    source="Lin, Divergence measures based on the Shannon entropy, IEEE Transactions on Information Theory 1991",
    task="distribution",
    layout=SHARES,
    bounds={"beta": Parameter(Interval(0, 1, True, True), search=Interval(0.05, 0.95))},
    uses=(log_share, mixture_gap),
    module_name="JSDivergenceLoss",
    facts=Facts(
        lambda beta: Interval(0, split_entropy(beta)), attained=certain, smooth=True, unknown=("lipschitz",)
    ),
    cases=(
        # p = (1/4, 1/4, 1/2), t = (0, 0, 1): m = (1/8, 1/8, 3/4); t: ln(4/3) / 2; p: (ln(2) / 2 + ln(2/3) / 2) / 2
        # by p_c: ln(p_c / m_c) / 2, which are ln(2) / 2 twice and ln(2/3) / 2; their mean under p is ln(4/3) / 4
        SetCase(
            SURE, [log(4 / 3) / 2 + log(4 / 3) / 4], {"reduction": "none"},
            {"input": [[(log(2) - log(4 / 3) / 2) / 8] * 2 + [(log(2 / 3) - log(4 / 3) / 2) / 4]]}, 1e-12,
        ),
        # beta 1/4: m = (3/16, 3/16, 5/8); t: ln(8/5) / 4; p: 3/4 (ln(4/3) / 2 + ln(4/5) / 2)
        SetCase(SURE, log(1.6) / 4 + 0.375 * log(16 / 15), {"beta": 0.25}, tolerance=1e-12),
    ),
)  # fmt: skip
def js_divergence_loss(input: Tensor, target: Tensor, *, beta: float | Tensor = 0.5) -> Tensor:
    """Jensen-Shannon divergence: how far both distributions are from their mixture, in nats; never above ln 2.

    It is symmetric at `beta=0.5` and stays finite where one of the two gives no chance, so it suits noisy targets and
    pairs of outputs that should agree. Divided by beta, it goes to KL(target || input) as `beta` goes to 0. Where the
    target is right, `kl_div` pulls harder. scipy's `jensenshannon` is the square root.
    """
    return mixture_gap(input.log_softmax(1), log_share(target), beta)


@loss(
    kind="set",
    formula=r"\tfrac12\sum_c |p_c - t_c|",
    source="Levin, Peres and Wilmer, Markov chains and mixing times, 2009",
    task="distribution",
    layout=SHARES,
    facts=Facts(Interval(0, 1), attained=certain, lipschitz=sqrt(2) / 4),
    cases=(
        # (3/8 + 0 + 3/8) / 2
        SetCase(FIRST, 0.375, tolerance=1e-12),
        # by p: -1/2, -1/2, 1/2 around their mean under (1/8, 3/8, 1/2), which is 0
        SetCase(
            {"input": [[0.0, log(3), log(4)], [0.0, 0.0, 0.0]], "target": [[0.25, 0.5, 0.25], [0.0, 1.0, 0.0]]},
            [0.25, 2 / 3], {"reduction": "none"},
            {"input": [[-0.0625, -0.1875, 0.25], [1 / 9, -2 / 9, 1 / 9]]}, 1e-12,
        ),
    ),
)  # fmt: skip
def total_variation_loss(input: Tensor, target: Tensor) -> Tensor:
    """The largest difference that two distributions give to the probability of any event: half the sum of differences.

    For targets that are wrong for some rows, as it is bounded by 1. Not from a poor start: where the prediction is far
    off, its slope vanishes. It is not the total variation of an image.
    """
    return 0.5 * (input.softmax(1) - target).abs().sum(1)


@loss(
    kind="set",
    formula=r"\tfrac12\sum_c (\sqrt{p_c} - \sqrt{t_c})^2",
    source="Hellinger, Neue Begründung der Theorie quadratischer Formen von unendlichvielen Veränderlichen, 1909",
    task="distribution",
    layout=SHARES,
    uses=(log_share,),
    facts=Facts(Interval(0, 1), attained=certain, smooth=True, unknown=("lipschitz",)),
    cases=(
        # 1 - sum of sqrt(p t) = 1 - sqrt(1/2); slopes (p_c sum - sqrt(p_c t_c)) / 2
        SetCase(SURE, 1 - sqrt(0.5), {}, {"input": [[sqrt(0.5) / 8] * 2 + [-sqrt(0.5) / 4]]}, 1e-12),
        # 1 - 1/4 - 1/4 - sqrt(10)/8, and its root
        SetCase(FIRST, sqrt(0.5 - sqrt(10) / 8), {"squared": False}, tolerance=1e-12),
    ),
)  # fmt: skip
def hellinger_loss(input: Tensor, target: Tensor, *, squared: bool = True) -> Tensor:
    """Squared Hellinger distance, from 0 to 1; with `squared=False` its root, which is a distance.

    Between total variation and Kullback-Leibler: bounded like the one, and smooth. For soft targets that may be wrong;
    not where the prediction is far off, as it then hardly pulls. The root has no slope where the two agree, by
    convention.
    """
    square = 0.5 * ((input.log_softmax(1) / 2).exp() - (log_share(target) / 2).exp()).square().sum(1)
    if squared:
        return square
    none = square == 0
    return torch.where(none, 0.0, torch.where(none, 1.0, square).sqrt())


def not_one(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    alpha = options["alpha"]
    return "alpha = 1 is the limit in which this is the Kullback-Leibler divergence: use kl_div" if alpha == 1 else None


@loss(
    kind="set",
    formula=r"\frac{1}{\alpha - 1}\log\sum_c t_c^\alpha\,p_c^{1 - \alpha}",
    source="Rényi, On measures of entropy and information, Berkeley Symposium 1961",
    task="distribution",
    layout=SHARES,
    bounds={"alpha": Parameter(POSITIVE, search=Interval(0.1, 0.9))},
    refuses=not_one,
    uses=(log_share,),
    facts=Facts(attained=certain, convex=lambda alpha: alpha > 1, smooth=True, lipschitz=sqrt(2)),
    cases=(
        # alpha 1/2: -2 ln(sqrt(1/2)); slopes p_c - (1 for the certain class)
        SetCase(SURE, log(2), {}, {"input": [[0.25, 0.25, -0.5]]}, 1e-12),
        # alpha 2: ln((1/4) 8 + (1/16) 4 + (1/16) 8/5)
        SetCase(FIRST, log(2.35), {"alpha": 2.0}, tolerance=1e-12),
        SetCase(FIRST, -4 / 3 * log(0.5**0.25 * 0.125**0.75 + 0.25 + 0.25**0.25 * 0.625**0.75), {"alpha": 0.25},
                tolerance=1e-12),
    ),
)  # fmt: skip
def renyi_divergence_loss(input: Tensor, target: Tensor, *, alpha: float | Tensor = 0.5) -> Tensor:
    """Rényi divergence of order `alpha` of the target from the prediction: small orders forgive, large ones punish.

    For a say in how much a chance counts that the prediction gives away: below 1 little, above 1 more than in `kl_div`.
    Where no such say is wanted, take that. At 1, which is refused, it would be `kl_div`; at 1/2 it is -2 ln(1 - squared
    Hellinger distance); as `alpha` grows it comes to the logarithm of the largest ratio t / p.
    """
    return (alpha * log_share(target) + (1 - alpha) * input.log_softmax(1)).logsumexp(1) / (alpha - 1)


@loss(
    kind="set",
    formula=r"\sum_{k < C}\Big|\sum_{c \le k}(p_c - t_c)\Big|^q",
    source="Hou et al., Squared earth mover's distance-based loss for training deep neural networks, 2016",
    task="distribution",
    layout=SHARES,
    bounds={"power": Parameter(Interval(1), search=Interval(1, 3))},
    module_name="Wasserstein1DLoss",
    facts=Facts(
        lambda classes: Interval(0, classes - 1), attained=certain, smooth=lambda power: power > 1,
        unknown=("lipschitz",),
    ),
    cases=(
        # (1/8, 3/8) against (1/2, 3/4): 3/8 + 3/8
        SetCase(FIRST, 0.75, tolerance=1e-12),
        # power 2: 9/64 twice; by p_1: -3/4 - 3/4, by p_2: -3/4, by p_3: 0; mean under p -3/8
        SetCase(
            FIRST, 9 / 32, {"power": 2.0}, {"input": [[-1.125 / 8, -0.375 / 4, 0.375 * 5 / 8]]}, 1e-12,
        ),
    ),
)  # fmt: skip
def wasserstein_1d_loss(input: Tensor, target: Tensor, *, power: float | Tensor = 1.0) -> Tensor:
    """Distance between cumulative probabilities: the work of moving one distribution over ordered classes to the other.

    For classes in an order (grades, ages, bins of a histogram), one step apart: a prediction two classes off costs
    twice as much as one class off, where cross-entropy sees no difference. `power=1` is the Wasserstein-1 (earth
    mover's) distance in steps; `power=2`, with a smooth minimum, is the authors' loss and the ranked probability
    score. Other powers are no Wasserstein distance of that order. Not for classes without an order.
    """
    gap = (input.softmax(1) - target).cumsum(1)[:, :-1]
    return gap.abs().pow(power).sum(1)
