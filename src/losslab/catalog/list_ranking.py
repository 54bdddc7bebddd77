"""Losses on lists of items: each should be scored above those of its list that are less relevant.

A row is a list (a query, a user): scores (N, L) and a relevance for each item, 0 for none. Lists of different lengths
are padded, and `mask` says which items are there. A list that teaches nothing weighs 0 in the mean.
"""

from collections.abc import Mapping
from math import inf, log, log2
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from losslab.spec.declare import loss
from losslab.spec.facts import Facts, same
from losslab.spec.interval import NON_NEGATIVE, POSITIVE, UNIT, Interval
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import Parameter, SetCase

LISTS = Layout(
    {"input": Operand("N L", predicted=True), "target": Operand("N L", domain=NON_NEGATIVE)}, "N", mask="N L"
)
SIGMA = Parameter(POSITIVE, search=Interval(0.1, 10), log=True)
HIGHEST = 30  # the relevance above which 2 ** relevance is nobody's grade


def there(input: Tensor, mask: Tensor | None) -> Tensor:
    """Which items of each list are there."""
    return torch.ones_like(input, dtype=torch.bool) if mask is None else mask


def pairs(input: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Of all pairs (N, L, L) of a list: the lead of the first's score, and whether the first is more relevant."""
    here = there(input, mask)
    better = (target.unsqueeze(2) > target.unsqueeze(1)) & here.unsqueeze(2) & here.unsqueeze(1)
    return input.unsqueeze(2) - input.unsqueeze(1), better


def discounted(gain: Tensor) -> Tensor:
    """The gains (N, L) in the best order, each divided by log2(1 + its place), summed; at least a little."""
    place = torch.arange(gain.shape[1], dtype=gain.dtype, device=gain.device)
    return (gain.sort(dim=1, descending=True)[0] / (place + 2).log2()).sum(1)


def level(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    """Lists in which no item is more relevant than another."""
    target, mask = operands["target"], options["mask"]
    if target.numel() == 0:
        return None
    here = there(target, mask)
    low, high = target.masked_fill(~here, inf).amin(1), target.masked_fill(~here, -inf).amax(1)
    if (high > low).any():
        return None
    return "in no list is an item more relevant than another, so there is no order to learn: is target the relevance?"


def large_grades(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    top = operands["target"].max() if operands["target"].numel() else 0
    if top <= HIGHEST:
        return None
    return (
        f"the gain of an item is 2 ** relevance - 1, and the largest relevance is {top:g}; pass grades (0 to 4, say), "
        "such as the logarithm of what was counted"
    )


@loss(
    kind="set",
    formula=r"\frac{1}{|P|}\sum_{(i, j) \in P}\log(1 + e^{-\sigma(x_i - x_j)}),\quad P = \{(i, j): t_i > t_j\}",
    source="Burges et al., Learning to rank using gradient descent, ICML 2005",
    task="ranking",
    layout=LISTS,
    smells=level,
    bounds={"sigma": SIGMA},
    uses=(there, pairs),
    module_name="RankNetLoss",
    facts=Facts(convex=True, smooth=True, lipschitz=lambda sigma: 2**0.5 * sigma),
    cases=(
        # one pair of ties is left out; 0 above ln 3 and above ln 2: (ln 4 + ln 3) / 2
        SetCase(
            {"input": [[log(3), 0.0, log(2)]], "target": [[0.0, 2.0, 0.0]]}, (log(4) + log(3)) / 2, {},
            {"input": [[3 / 8, -3 / 8 - 1 / 3, 1 / 3]]}, 1e-12,
        ),
        # sigma 2: leads ln 3 and 0; the list without pairs weighs nothing
        SetCase(
            {"input": [[log(3), 0.0, 0.0], [1.0, 2.0, 3.0]], "target": [[1.0, 0.0, 3.0], [1.0, 1.0, 1.0]]},
            (log(10 / 9) + log(2) + log(10)) / 3, {"sigma": 2.0}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def ranknet_loss(
    input: Tensor, target: Tensor, *, sigma: float | Tensor = 1.0, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Log loss on the order of every pair of items that differ in relevance, averaged over the pairs of a list.

    Where any pair in wrong order is as bad as another. Where the top of the list matters, `lambdarank_loss` or
    `approx_ndcg_loss`. It takes memory for all pairs. allRank averages over the pairs of all lists at once, so that
    long lists count more; the authors sum.
    """
    lead, better = pairs(input, target, mask)
    count = better.sum((1, 2))
    value = torch.where(better, F.softplus(-sigma * lead), 0.0).sum((1, 2)) / count.clamp(min=1)
    return value, (count > 0).to(value.dtype)


@loss(
    kind="set",
    formula=r"\sum_{t_i > t_j}\frac{|g_i - g_j|}{\mathrm{maxDCG}}\Big|\tfrac{1}{d_i} - \tfrac{1}{d_j}\Big|"
    r"\log(1 + e^{-\sigma(x_i - x_j)}),\quad g = 2^t - 1,\ d = \log_2(1 + \mathrm{place})",
    source="Burges, From RankNet to LambdaRank to LambdaMART: an overview, 2010",
    task="ranking",
    layout=LISTS,
    smells=level,
    bounds={"sigma": SIGMA},
    refuses=large_grades,
    uses=(there, pairs, discounted),
    module_name="LambdaRankLoss",
    facts=Facts(unknown=("lipschitz",)),
    cases=(
        # places 1, 3, 2; gains 0, 3, 1; best 3 + 1 / log2(3); pairs (1 over 0), (1 over 2), (2 over 0)
        SetCase(
            {"input": [[log(4), 0.0, log(2)]], "target": [[0.0, 2.0, 1.0]]},
            (3 * 0.5 * log(5) + 2 * (1 / log2(3) - 0.5) * log(3) + (1 - 1 / log2(3)) * log(3)) / (3 + 1 / log2(3)),
            tolerance=1e-12,
        ),
        # sigma 2: places 2, 1, gain 1: (1 - 1 / log2(3)) ln(1 + 9)
        SetCase(
            {"input": [[0.0, log(3)]], "target": [[1.0, 0.0]]}, (1 - 1 / log2(3)) * log(10), {"sigma": 2.0},
            {"input": [[-1.8 * (1 - 1 / log2(3)), 1.8 * (1 - 1 / log2(3))]]}, 1e-12,
        ),
    ),
)  # fmt: skip
def lambdarank_loss(
    input: Tensor, target: Tensor, *, sigma: float | Tensor = 1.0, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """RankNet's pairs, each weighted by how much NDCG would change if the two items changed places.

    The usual choice where NDCG is reported. Places are those of the scores, items of equal scores in the order in which
    they stand; they have no gradient, so the value jumps where two items pass each other. allRank's `lambdaLoss` with
    the lambdaRank scheme takes the logarithm to base 2 and sums over lists; LightGBM has the gradients of this sum with
    `lambdarank_norm=False`, and by default norms them by the distance of the scores and over the list.
    """
    lead, better = pairs(input, target, mask)
    here = there(input, mask)
    order = input.detach().masked_fill(~here, -torch.inf).argsort(dim=1, descending=True, stable=True)
    discount = 1 / (order.argsort(dim=1) + 2).to(input.dtype).log2()
    gain = torch.where(here, torch.exp2(target) - 1, 0.0)
    best = discounted(gain)
    swap = (gain.unsqueeze(2) - gain.unsqueeze(1)) * (discount.unsqueeze(2) - discount.unsqueeze(1)).abs()
    value = torch.where(better, swap * F.softplus(-sigma * lead), 0.0).sum((1, 2)) / torch.where(best > 0, best, 1.0)
    return value, better.any(2).any(1).to(value.dtype)


@loss(
    kind="set",
    formula=r"-\sum_i \frac{e^{t_i}}{\sum_j e^{t_j}}\log\frac{e^{x_i}}{\sum_j e^{x_j}}",
    source="Cao et al., Learning to rank: from pairwise approach to listwise approach, ICML 2007",
    task="ranking",
    layout=LISTS,
    smells=level,
    uses=(there,),
    module_name="ListNetLoss",
    facts=Facts(attained=same, convex=True, smooth=True, lipschitz=2**0.5),
    cases=(
        # relevance as shares (1/4, 3/4), scores (2/3, 1/3)
        SetCase(
            {"input": [[log(2), 0.0]], "target": [[0.0, log(3)]]}, 0.25 * log(1.5) + 0.75 * log(3), {},
            {"input": [[2 / 3 - 0.25, 1 / 3 - 0.75]]}, 1e-12,
        ),
        SetCase(
            {"input": [[0.0, log(3), 0.0], [0.0, 0.0, 0.0]], "target": [[log(2), 0.0, 0.0], [1.0, 1.0, 1.0]]},
            [0.75 * log(5) + 0.25 * log(5 / 3), log(3)], {"reduction": "none"}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def listnet_loss(input: Tensor, target: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Cross-entropy between the softmax of the relevance and that of the scores, over the items of a list.

    The chance of each item to come first. Cheap: no pairs. The softmax of the relevance says how sharply it is meant:
    scale it beforehand; probabilities belong into `cross_entropy`.
    """
    here = there(input, mask)
    none = torch.finfo(input.dtype).min
    log_p = input.masked_fill(~here, none).log_softmax(1)
    return -(target.masked_fill(~here, none).softmax(1) * log_p.masked_fill(~here, 0.0)).sum(1)


@loss(
    kind="set",
    formula=r"\sum_i\Big(\log\sum_{j:\,t_j \le t_i} e^{x_j} - x_i\Big)",
    source="Xia et al., Listwise approach to learning to rank: theory and algorithm, ICML 2008",
    task="ranking",
    layout=LISTS,
    smells=level,
    uses=(there,),
    module_name="ListMLELoss",
    facts=Facts(convex=True, smooth=True, unknown=("lipschitz",)),
    cases=(
        # order 2, 0, 1: ln((1 + 2 + 3) / 3), ln((1 + 2) / 1), 0
        SetCase(
            {"input": [[0.0, log(2), log(3)]], "target": [[1.0, 0.0, 4.0]]}, log(2) + log(3), {},
            {"input": [[1 / 6 + 1 / 3 - 1, 1 / 3 + 2 / 3, 0.5 - 1]]}, 1e-12,
        ),
        # two ties at the top, each against all three: ln 6 + ln(6 / 2), and 0
        SetCase(
            {"input": [[0.0, log(2), log(3)], [0.0, 0.0, 0.0]], "target": [[1.0, 1.0, 0.0], [3.0, 2.0, 1.0]]},
            [log(6) + log(3), log(3) + log(2)], {"reduction": "none"}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def listmle_loss(input: Tensor, target: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Negative log-likelihood of the order by relevance, where items are drawn one after the other by their scores.

    The likelihood of Plackett and Luce. Where the whole order counts, top and bottom alike. Items of equal relevance
    each count against all of their group, so that their order in the list says nothing; packages shuffle them
    instead. It sums over items: a long list weighs more.
    """
    here = there(input, mask)
    rivals = (target.unsqueeze(1) <= target.unsqueeze(2)) & here.unsqueeze(1) & here.unsqueeze(2)
    among = input.unsqueeze(1).masked_fill(~rivals, torch.finfo(input.dtype).min).logsumexp(2)
    return torch.where(here, among - input, 0.0).sum(1)


@loss(
    kind="set",
    formula=r"1 - \frac{1}{\mathrm{maxDCG}}\sum_i\frac{2^{t_i} - 1}{\log_2(1 + r_i)},"
    r"\quad r_i = 1 + \sum_{j \ne i}\sigma\Big(\frac{x_j - x_i}{\tau}\Big)",
    source="Qin, Liu and Li, A general approximation framework for direct optimization of information retrieval "
    "measures, Information Retrieval 2010",
    task="ranking",
    layout=LISTS,
    smells=level,
    bounds={"temperature": Parameter(POSITIVE, search=Interval(0.05, 2), log=True)},
    refuses=large_grades,
    uses=(there, discounted),
    module_name="ApproxNDCGLoss",
    facts=Facts(UNIT, smooth=True, unknown=("lipschitz",)),
    cases=(
        # temperature 1: places 1 + 3/4 and 1 + 1/4, one relevant item of gain 3
        SetCase(
            {"input": [[0.0, log(3)]], "target": [[2.0, 0.0]]}, 1 - 1 / log2(2.75), {"temperature": 1.0},
            {"input": [[sign * log(2) * 0.1875 / 2.75 / log(2.75) ** 2 for sign in (-1, 1)]]}, 1e-12,
        ),
        # the default 1/10: odds 2 ** 10 and 1; gains 1 and 3 in the wrong order; the other list teaches nothing
        SetCase(
            {"input": [[log(2), 0.0], [0.0, 0.0]], "target": [[1.0, 2.0], [0.0, 0.0]]},
            1 - (1 / log2(2 + 1 / 1025) + 3 / log2(3 - 1 / 1025)) / (3 + 1 / log2(3)), tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def approx_ndcg_loss(
    input: Tensor, target: Tensor, *, temperature: float | Tensor = 0.1, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """One minus NDCG with soft places: the lower the `temperature`, the nearer to NDCG, and the fewer pairs it feels.

    Where NDCG itself is wanted and `lambdarank_loss` has got near; a low temperature leaves items that are far apart
    without a gradient. TensorFlow Ranking has the temperature 0.1 and the sign of a gain; allRank's `alpha` is one over
    the temperature, 1 by default.
    """
    here = there(input, mask)
    ahead = ((input.unsqueeze(1) - input.unsqueeze(2)) / temperature).sigmoid()
    place = 0.5 + torch.where(here.unsqueeze(1), ahead, 0.0).sum(2)  # an item is half ahead of itself
    gain = torch.where(here, torch.exp2(target) - 1, 0.0)
    best = discounted(gain)
    reached = (gain / (1 + place).log2()).sum(1) / torch.where(best > 0, best, 1.0)
    any_gain = best > 0
    return torch.where(any_gain, 1 - reached, 0.0), any_gain.to(input.dtype)


@loss(
    kind="set",
    formula=r"\frac{1}{K}\sum_k\log(1 + e^{-(x^+ - x^-_k)})",
    source="Rendle et al., BPR: Bayesian personalized ranking from implicit feedback, UAI 2009",
    task="ranking",
    layout=Layout(
        {"positive": Operand("N", predicted=True), "negative": Operand("N K", predicted=True)}, "N", mask="N K"
    ),
    uses=(there,),
    module_name="BPRLoss",
    facts=Facts(convex=True, smooth=True, lipschitz=1.0),
    cases=(
        # leads ln 3 and -ln 2: (ln(4/3) + ln 3) / 2
        SetCase(
            {"positive": [log(3)], "negative": [[0.0, log(6)]]}, log(4) / 2, {},
            {"positive": [-(1 / 4 + 2 / 3) / 2], "negative": [[1 / 8, 1 / 3]]}, 1e-12,
        ),
        SetCase(
            {"positive": [0.0, log(2)], "negative": [[0.0], [0.0]]}, [log(2), log(1.5)], {"reduction": "none"},
            tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def bpr_loss(positive: Tensor, negative: Tensor, *, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The score of an item that was chosen should be above those of items that were not: log loss of the difference.

    For clicks and purchases without grades: a row is a user with one item that was chosen, and K that are drawn from
    the rest. The mean is over those K. RecBole and others add 1e-10 before the logarithm, which bounds the loss at 23.
    """
    here = there(negative, mask)
    each = torch.where(here, F.softplus(negative - positive.unsqueeze(1)), 0.0)
    count = here.sum(1)
    return each.sum(1) / count.clamp(min=1), (count > 0).to(each.dtype)
