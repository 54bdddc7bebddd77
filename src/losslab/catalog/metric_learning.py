"""Losses that compare the embeddings of a batch by their labels. Below, P and N are a row's positives and negatives."""

from math import e, exp, log, log1p, sqrt

import torch
import torch.nn.functional as F
from torch import Tensor

from losslab.catalog.similarity import (
    collapsed,
    cosines,
    distances,
    labelled,
    length,
    log_sum_exp,
    lonely,
    others,
    pairs,
    softplus,
    unit,
)
from losslab.spec.declare import loss
from losslab.spec.facts import Facts
from losslab.spec.interval import NON_NEGATIVE, POSITIVE, UNIT, Interval
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import Parameter, SetCase

PAIR = Operand("* D", predicted=True)
ROWS = Operand("N D", predicted=True)
BATCH = Layout({"input": ROWS, "target": Operand("N", "label")}, "N", coupled=True, draw=labelled)
# Rows of the cosines .6 (first and second), 0 (first and third) and .8 (second and third); the first is 2 long.
TURNED, LABELS = [[2.0, 0.0], [0.6, 0.8], [0.0, 1.0]], [0, 0, 1]
LINE = [[0.0], [1.0], [3.0], [3.5]]  # of which the first two have one label, and the last two


def by_cosines(g01: float, g02: float, g12: float) -> dict[str, list[list[float]]]:
    """The gradient by those rows, from the slopes by their cosines."""
    first, third = [0.0, 0.4 * g01 + 0.5 * g02], [g02 + 0.6 * g12, 0.0]
    return {"input": [first, [0.64 * g01 - 0.48 * g12, -0.48 * g01 + 0.36 * g12], third]}


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def smooth_ap_case(temperature: float) -> SetCase:
    """Each of the two anchors has one positive, behind which the one negative stands by a share a or b."""
    a, b = sigmoid(-0.6 / temperature), sigmoid(0.2 / temperature)
    da, db = a * (1 - a) / temperature / (1 + a) ** 2 / 2, b * (1 - b) / temperature / (1 + b) ** 2 / 2
    return SetCase(
        {"input": TURNED, "target": LABELS}, (a / (1 + a) + b / (1 + b)) / 2, {"temperature": temperature},
        by_cosines(-da - db, da, db), 1e-12,
    )  # fmt: skip


@loss(
    kind="set",
    formula=r"\frac{y}{2} d^2 + \frac{1 - y}{2} \max(0, m - d)^2,\quad d = \lVert x_1 - x_2\rVert",
    source="Hadsell et al., Dimensionality reduction by learning an invariant mapping, CVPR 2006",
    task="embedding",
    layout=Layout({"input1": PAIR, "input2": PAIR, "target": Operand("*", "flag")}, "*"),
    bounds={"margin": Parameter(NON_NEGATIVE, search=Interval(0.1, 4), log=True)},
    uses=(length,),
    smells=collapsed,
    facts=Facts(),
    cases=(
        # the same, 5 apart: 25 / 2; different, .5 apart: .25 / 2; different, 5 apart: nothing
        SetCase(
            {
                "input1": [[0.0, 0.0], [0.3, 0.4], [5.0, 0.0]], "input2": [[3.0, 4.0], [0.0, 0.0], [0.0, 0.0]],
                "target": [1, 0, 0],
            },
            12.625 / 3, {}, {"input1": [[-1.0, -4 / 3], [-0.1, -0.4 / 3], [0.0, 0.0]]}, 1e-12,
        ),
        # margin 2: 1.5 ** 2 / 2, and a yes that is .5 apart
        SetCase(
            {"input1": [[0.3, 0.4], [0.3, 0.4]], "input2": [[0.0, 0.0], [0.0, 0.0]], "target": [0, 1]}, 1.25,
            {"margin": 2.0, "reduction": "sum"}, {"input2": [[0.9, 1.2], [-0.3, -0.4]]}, 1e-12,
        ),
    ),
)  # fmt: skip
def contrastive_loss(input1: Tensor, input2: Tensor, target: Tensor, *, margin: float | Tensor = 1.0) -> Tensor:
    """Pairs with target 1 are pulled together; pairs with target 0 are pushed apart until they are `margin` apart.

    For pairs that are known to be the same or not; where there are labels, losses over a batch learn from more pairs.
    The paper writes 1 for *different*; here, as in most code since, 1 is the same. It has the squares and the halves.
    Others differ: pytorch-metric-learning makes the pairs from labels, does not square, and averages pairs that are the
    same and pairs that are not each by themselves, over those that are not 0; TensorFlow Addons leaves out the halves.
    """
    gap = length(input1 - input2)
    return 0.5 * torch.where(target > 0.5, gap, (margin - gap).relu()).square()


@loss(
    kind="set",
    formula=r"-\log \frac{e^{a_i \cdot p_i}}{e^{a_i \cdot p_i} + \sum_{j: y_j \ne y_i} e^{a_i \cdot p_j}}",
    source="Sohn, Improved deep metric learning with multi-class N-pair loss objective, NeurIPS 2016",
    task="embedding",
    layout=Layout({"anchor": ROWS, "positive": ROWS, "target": Operand("N", "label")}, "N", coupled=True),
    uses=(log_sum_exp, others, softplus),
    smells=collapsed,
    facts=Facts(convex=True, smooth=True),
    cases=(
        # scores ln 2 and 0, then ln 3 and ln 5: the chances of the pairs are 2/3 and 5/8
        SetCase(
            {"anchor": [[1.0, 0.0], [0.0, 1.0]], "positive": [[log(2), log(3)], [0.0, log(5)]]}, log(2.4) / 2, {},
            {
                "anchor": [[-log(2) / 6, log(5 / 3) / 6], [log(2) * 3 / 16, log(3 / 5) * 3 / 16]],
                "positive": [[-1 / 6, 3 / 16], [1 / 6, -3 / 16]],
            },
            1e-12,
        ),
        # the first and the third are of one label, so no negatives of each other: 2/3, 5/9, 1/6
        SetCase(
            {
                "anchor": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], "positive": [[log(2), log(3)], [0.0, log(5)], [0, 0]],
                "target": [4, 7, 4],
            },
            log(1.5 * 1.8 * 6), {"reduction": "sum"}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def n_pair_loss(
    anchor: Tensor, positive: Tensor, target: Tensor | None = None, *, mask: Tensor | None = None
) -> Tensor:
    """Each anchor's product with its own positive should exceed those with the other anchors' positives.

    One anchor and one positive of each class; where classes come more than once, give the labels as `target`, and
    positives of an anchor's class are not its negatives. Products are not normalised: the paper adds a small penalty on
    the squared lengths, which is yours to add; `info_nce_loss` normalises instead. pytorch-metric-learning draws such
    pairs from labels, and agrees on them once its `DotProductSimilarity` is told not to normalise, which it does
    unasked. TensorFlow Addons takes all of an anchor's class for positives, in equal shares, without the penalty.
    """
    score, keep = anchor @ positive.mT, others(anchor, mask)
    rival = log_sum_exp(score, keep if target is None else keep & (target.unsqueeze(1) != target))
    return softplus(rival - score.diagonal())


@loss(
    kind="set",
    formula=r"\frac{1}{2} \sum_{j \in P_i} \max(0, J_{ij})^2,\quad J_{ij} = d_{ij} + \log\Big(\sum_{k \in N_i} "
    r"e^{m - d_{ik}} + \sum_{k \in N_j} e^{m - d_{jk}}\Big)",
    source="Oh Song et al., Deep metric learning via lifted structured feature embedding, CVPR 2016",
    task="embedding",
    layout=BATCH,
    bounds={"margin": Parameter(NON_NEGATIVE, search=Interval(0.1, 4), log=True)},
    uses=(length, distances, others, pairs, log_sum_exp),
    smells=lonely,
    facts=Facts(),
    cases=(
        # 1 apart, and 3 and 2 from the third: J = 1 + ln(e^-2 + e^-1) = ln(1 + e) - 1
        SetCase(
            {"input": LINE[:3], "target": LABELS}, (log(1 + e) - 1) ** 2 / 2, {},
            {
                "input": [
                    [(log(1 + e) - 1) * -e / (1 + e)], [(log(1 + e) - 1) * (1 + e / (1 + e))], [1 - log(1 + e)],
                ],
            },
            1e-12,
        ),
        SetCase(
            {"input": LINE[:3], "target": LABELS}, log(1 + e) ** 2, {"margin": 2.0, "reduction": "sum"},
            tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def lifted_structure_loss(
    input: Tensor, target: Tensor, *, margin: float | Tensor = 1.0, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Each pair of one label should be nearer than all negatives of both, of which the near ones count most.

    For labelled batches with several rows of each label; `multi_similarity_loss` is its calmer successor. A row's value
    is the sum over its positives, and the mean divides by the number of pairs, as the paper does; a batch of one label
    gives 0. Distances are Euclidean and embeddings are taken as they are. pytorch-metric-learning agrees once its
    distance is told not to normalise them (`LpDistance(normalize_embeddings=False)`).
    """
    gap, (positive, negative) = distances(input), pairs(target, mask)
    near = log_sum_exp(margin - gap, negative)
    some = near > -torch.inf  # rows of one label have the same negatives, so both of a pair have some, or neither
    near = torch.where(some, near, 0.0)
    both = torch.stack(torch.broadcast_tensors(near.unsqueeze(1), near)).logsumexp(0)
    value = torch.where(positive & some.unsqueeze(1), (gap + both).relu(), 0.0).square().sum(-1)
    return 0.5 * value, positive.sum(-1).to(value.dtype)


@loss(
    kind="set",
    formula=r"\frac{1}{\alpha} \log\Big(1 + \sum_{j \in P_i} e^{-\alpha (s_{ij} - \lambda)}\Big) "
    r"+ \frac{1}{\beta} \log\Big(1 + \sum_{j \in N_i} e^{\beta (s_{ij} - \lambda)}\Big)",
    source="Wang et al., Multi-similarity loss with general pair weighting for deep metric learning, CVPR 2019",
    task="embedding",
    layout=BATCH,
    bounds={
        "alpha": Parameter(POSITIVE, search=Interval(0.5, 10), log=True),
        "beta": Parameter(POSITIVE, search=Interval(10, 80), log=True),
        "base": Parameter(Interval(-1, 1), search=Interval(0.2, 0.9)),
    },
    uses=(unit, cosines, others, pairs, log_sum_exp, softplus),
    smells=lonely,
    facts=Facts(),
    cases=(
        SetCase(
            {"input": TURNED, "target": LABELS}, (
                log1p(exp(-0.2)) + (log1p(exp(-25)) + log1p(exp(15)) + log1p(exp(-25) + exp(15))) / 50
            ), {"reduction": "sum"}, tolerance=1e-12,
        ),
        # slopes: of both anchors by their cosine; by the negatives, each pair is seen from both its ends
        SetCase(
            {"input": TURNED, "target": LABELS}, (
                2 * log1p(exp(-0.4)) / 4 + (log1p(exp(-0.5)) + log1p(exp(0.3)) + log1p(exp(-0.5) + exp(0.3))) / 1
            ), {"alpha": 4.0, "beta": 1.0, "base": 0.5, "reduction": "sum"},
            by_cosines(
                -2 * sigmoid(-0.4), sigmoid(-0.5) + exp(-0.5) / (1 + exp(-0.5) + exp(0.3)),
                sigmoid(0.3) + exp(0.3) / (1 + exp(-0.5) + exp(0.3)),
            ),
            1e-12,
        ),
        SetCase(
            {"input": TURNED[:2], "target": [0, 1]}, log1p(exp(5 * (0.6 + 0.25))) / 5,
            {"alpha": 3.0, "beta": 5.0, "base": -0.25}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def multi_similarity_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 2.0,
    beta: float | Tensor = 50.0,
    base: float | Tensor = 0.5,
    mask: Tensor | None = None,
) -> Tensor:
    """Cosines of one label are pushed above `base`, those of two below; the hardest of each count most.

    For labelled batches with several rows of each label, compared by cosine later. Not with two rows of a label at
    most: then few positives say how hard they are. `alpha` and `beta` say how much more the hardest positives and
    negatives count. A row without positives still repels, and counts. The paper first mines pairs within .1 of the
    hardest of the other sort: pytorch-metric-learning has that as a miner, apart from its loss, with which this one
    agrees; the authors' code has it inside and leaves out rows of which nothing remains.
    """
    cosine, (positive, negative) = cosines(input), pairs(target, mask)
    pull = softplus(log_sum_exp(alpha * (base - cosine), positive))
    return pull / alpha + softplus(log_sum_exp(beta * (cosine - base), negative)) / beta


@loss(
    kind="set",
    formula=r"\log\Big(1 + \sum_{j \in N_i} e^{\gamma [s_{ij} + m]_+ (s_{ij} - m)} "
    r"\sum_{j \in P_i} e^{-\gamma [1 + m - s_{ij}]_+ (s_{ij} - 1 + m)}\Big)",
    source="Sun et al., Circle loss: a unified perspective of pair similarity optimization, CVPR 2020",
    task="embedding",
    layout=BATCH,
    bounds={
        "margin": Parameter(Interval(-1, 1), search=Interval(0.05, 0.5)),
        "gamma": Parameter(POSITIVE, search=Interval(16, 256), log=True),
    },
    uses=(unit, cosines, others, pairs, log_sum_exp, softplus),
    smells=lonely,
    lacks={"finite differences": "the factors in brackets are held constant, which the paper's gradient does too"},
    facts=Facts(),
    cases=(
        # both pull with .65 * .15; the negatives of the first and second push with .25 * -.25 and 1.05 * .55
        SetCase(
            {"input": TURNED, "target": LABELS}, (log1p(exp(0.07)) + log1p(exp(1.35))) / 2,
            {"margin": 0.25, "gamma": 2.0},
            by_cosines(
                -0.65 * (sigmoid(0.07) + sigmoid(1.35)), 0.25 * sigmoid(0.07), 1.05 * sigmoid(1.35),
            ),
            1e-12,
        ),
        # margin .5: .9 * .1 + .5 * -.5 and .9 * -.1 * -1 + 1.3 * .3, times 80
        SetCase(
            {"input": TURNED, "target": LABELS}, log1p(exp(-80 * 0.34)) + log1p(exp(80 * 0.3)),
            {"margin": 0.5, "gamma": 80.0, "reduction": "sum"}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def circle_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float | Tensor = 0.25,
    gamma: float | Tensor = 80.0,
    mask: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Cosines of one label should exceed those of two; what is farther from its optimum is moved faster.

    For labelled batches where the positives and negatives that are already well placed should be left alone. Not where
    the scale of the loss is to be compared: `gamma` changes it as much as its shape. Rows without positives or without
    negatives weigh 0. The paper takes `margin` .25 and `gamma` 256 for faces, .4 and 80 for products. The factors in
    brackets are held constant: the gradient is the paper's, not the derivative of the value. pytorch-metric-learning
    agrees in each row; its mean leaves out rows whose loss is exactly 0, which this one counts.
    """
    cosine, (positive, negative) = cosines(input), pairs(target, mask)
    fixed = cosine.detach()
    pull = log_sum_exp(gamma * (1 + margin - fixed).relu() * (1 - margin - cosine), positive)
    push = log_sum_exp(gamma * (fixed + margin).relu() * (cosine - margin), negative)
    both = positive.any(-1) & negative.any(-1)
    return torch.where(both, softplus(torch.where(both, pull + push, 0.0)), 0.0), both.to(cosine.dtype)


@loss(
    kind="set",
    formula=r"\max(0, m + \max_{j \in P_i} d_{ij} - \min_{j \in N_i} d_{ij})",
    source="Hermans et al., In defense of the triplet loss for person re-identification, 2017",
    task="embedding",
    layout=BATCH,
    bounds={"margin": Parameter(NON_NEGATIVE, search=Interval(0.05, 2), log=True)},
    uses=(length, distances, others, pairs, softplus),
    smells=lonely,
    facts=Facts(lipschitz=sqrt(6)),
    cases=(
        # farthest positives 1, 1, .5, .5; nearest negatives 3, 2, 2, 2.5
        SetCase(
            {"input": LINE, "target": [0, 0, 1, 1]}, 0.25, {"margin": 1.75},
            {"input": [[-0.25], [0.75], [-0.75], [0.25]]}, 1e-12,
        ),
        SetCase(
            {"input": LINE, "target": [0, 0, 1, 1]},
            log1p(exp(-2)) + log1p(exp(-1)) + log1p(exp(-1.5)) + log1p(exp(-2)), {"soft": True, "reduction": "sum"},
            tolerance=1e-12,
        ),
        # of three with one label the farthest counts; the fourth has no positive
        SetCase({"input": LINE, "target": [0, 0, 0, 1]}, (0.1 + 0.1 + 3.1) / 3, {"margin": 0.6}, tolerance=1e-12),
    ),
)  # fmt: skip
def batch_hard_triplet_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float | Tensor = 0.2,
    soft: bool = False,
    mask: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The farthest row of an anchor's label should be nearer to it than the nearest of another, by `margin`.

    For labelled batches that hold several rows of each of several labels. Not where labels are often wrong: the hardest
    pairs are then the wrong ones. With `soft`, log(1 + exp(difference of distances)) in place of the hinge, without
    `margin`: it never stops pulling. Rows without positives or without negatives weigh 0, so a batch without triplets
    gives 0. A loss that stands at `margin` (soft: at .6931) has collapsed: all embeddings are one. Distances are
    Euclidean, embeddings are taken as they are. pytorch-metric-learning spells it TripletMarginLoss with
    BatchHardMiner, normalises embeddings, and averages only the triplets whose loss is not 0 (so that its value tells
    little; Hermans et al. discuss both).
    """
    gap, (positive, negative) = distances(input), pairs(target, mask)
    far = F.pad(torch.where(positive, gap, 0.0), (0, 1)).amax(-1)
    near = F.pad(torch.where(negative, gap, torch.inf), (0, 1), value=torch.inf).amin(-1)
    both = positive.any(-1) & negative.any(-1)
    rise = far - torch.where(both, near, 0.0)
    value = softplus(rise) if soft else (rise + margin).relu()
    return torch.where(both, value, 0.0), both.to(value.dtype)


@loss(
    kind="set",
    formula=r"1 - \frac{1}{|P_i|} \sum_{p \in P_i} "
    r"\frac{1 + \sum_{j \in P_i, j \ne p} \sigma((s_{ij} - s_{ip}) / \tau)}"
    r"{1 + \sum_{j \in P_i \cup N_i, j \ne p} \sigma((s_{ij} - s_{ip}) / \tau)}",
    source="Brown et al., Smooth-AP: smoothing the path towards large-scale image retrieval, ECCV 2020",
    task="embedding",
    layout=BATCH,
    bounds={"temperature": Parameter(POSITIVE, search=Interval(0.005, 0.2), log=True)},
    uses=(unit, cosines, others, pairs),
    smells=lonely,
    facts=Facts(UNIT),
    cases=(smooth_ap_case(0.2), smooth_ap_case(0.01), smooth_ap_case(1.5)),
)
def smooth_ap_loss(
    input: Tensor, target: Tensor, *, temperature: float | Tensor = 0.01, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """One minus the average precision with which each row finds the others of its label, by smoothed ranks.

    For retrieval, where average precision is the metric; not from a random start, nor with large batches. Rows without
    positives weigh 0. The smaller `temperature`, the nearer to average precision and the fewer pairs have a slope. The
    row itself is left out of its own list, as in the paper; its authors' code and pytorch-metric-learning count the row
    as a find of its own, ask for labels in equal numbers, and give smaller values. Memory grows with N^3.
    """
    cosine, (positive, negative) = cosines(input), pairs(target, mask)
    apart = ~torch.eye(len(cosine), dtype=torch.bool, device=cosine.device)
    above = ((cosine.unsqueeze(1) - cosine.unsqueeze(2)) / temperature).sigmoid() * apart  # anchor, found, above it
    ahead = 1 + (above * positive.unsqueeze(1)).sum(-1)
    precision = ahead / (ahead + (above * negative.unsqueeze(1)).sum(-1))
    count = positive.sum(-1)
    value = 1 - (precision * positive).sum(-1) / count.clamp(min=1)
    return torch.where(count > 0, value, 0.0), (count > 0).to(value.dtype)
