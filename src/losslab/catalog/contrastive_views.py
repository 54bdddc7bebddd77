"""Self-supervised losses that tell a sample's other view (or its text) from those of the rest of the batch.

Below, s_ij is the cosine of row i of the first tensor with row j of the second, and tau the temperature.
"""

from math import exp, log, log1p

import torch
from torch import Tensor

from losslab.catalog.metric_learning import BATCH, LABELS, ROWS, TURNED, by_cosines, sigmoid
from losslab.catalog.similarity import collapsed, cosines, log_sum_exp, lonely, others, pairs, softplus, unit
from losslab.spec.declare import loss
from losslab.spec.facts import Facts
from losslab.spec.interval import POSITIVE, Interval
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import Parameter, SetCase

TEMPERATURE = Parameter(POSITIVE, search=Interval(0.02, 1), log=True)
VIEWS = Layout({"input1": ROWS, "input2": ROWS}, "N", coupled=True)
CAPTIONS = Layout({"image": ROWS, "text": ROWS}, "N", coupled=True)

# Two rows of the cosines .6 and 0 with the first of two others, .8 and 1 with the second; 5, 1 | 1 and 2 long.
FIRST, SECOND = [[3.0, 4.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 2.0]]


def by_scores(g11: float, g12: float, g21: float, g22: float) -> tuple[list[list[float]], list[list[float]]]:
    """The gradients by those rows, from the slopes by their cosines."""
    first = [[0.128 * g11 - 0.096 * g12, -0.096 * g11 + 0.072 * g12], [g21, 0.0]]
    return first, [[0.0, 0.8 * g11 + g21], [0.3 * g12, 0.0]]


def info_nce_gradient(tau: float) -> dict[str, list[list[float]]]:
    p, q = sigmoid(0.2 / tau), sigmoid(-1 / tau)  # chances of the wrong one
    query, positive = by_scores(-p / tau / 2, p / tau / 2, q / tau / 2, -q / tau / 2)
    return {"query": query, "positive": positive}


def clip_gradient(tau: float) -> dict[str, list[list[float]]]:
    """Both ways: the texts' chances of the wrong image are those of -.6 and .8 - 1."""
    p, q, r, t = (sigmoid(gap / tau) / tau / 4 for gap in (0.2, -1.0, -0.6, -0.2))
    image, text = by_scores(-p - r, p + t, q + r, -q - t)
    return {"image": image, "text": text}


def siglip_gradient(tau: float, bias: float) -> dict[str, list[list[float]]]:
    own = [-sigmoid(-cosine / tau - bias) / tau / 2 for cosine in (0.6, 1.0)]
    rival = [sigmoid(cosine / tau + bias) / tau / 2 for cosine in (0.8, 0.0)]
    image, text = by_scores(own[0], rival[0], rival[1], own[1])
    return {"image": image, "text": text}


@loss(
    kind="set",
    formula=r"-\log \frac{e^{s_{ii} / \tau}}{e^{s_{ii} / \tau} + \sum_n e^{s_{in} / \tau}}",
    source="van den Oord et al., Representation learning with contrastive predictive coding, 2018",
    task="embedding",
    layout=Layout({"query": ROWS, "positive": ROWS, "negatives": Operand("M D", predicted=True)}, "N", coupled=True),
    module_name="InfoNCELoss",
    bounds={"temperature": TEMPERATURE},
    uses=(unit, others, log_sum_exp, softplus),
    smells=collapsed,
    facts=Facts(),
    cases=(
        SetCase(
            {"query": FIRST, "positive": SECOND}, (log1p(exp(2.0)) + log1p(exp(-10.0))) / 2, {},
            info_nce_gradient(0.1), 1e-12,
        ),
        SetCase(
            {"query": FIRST, "positive": SECOND}, (log1p(exp(0.4)) + log1p(exp(-2.0))) / 2, {"temperature": 0.5},
            info_nce_gradient(0.5), 1e-12,
        ),
        # three negatives for both rows, of the cosines (-.6, 1, -.8) and (0, .8, -1), in place of each other's keys
        SetCase(
            {"query": FIRST, "positive": SECOND, "negatives": [[-1.0, 0.0], [0.6, 0.8], [0.0, -3.0]]},
            log(exp(1.2) + exp(-1.2) + exp(2.0) + exp(-1.6)) - 1.2 + log(exp(2.0) + 1 + exp(1.6) + exp(-2.0)) - 2.0,
            {"temperature": 0.5, "reduction": "sum"}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def info_nce_loss(
    query: Tensor,
    positive: Tensor,
    negatives: Tensor | None = None,
    *,
    temperature: float | Tensor = 0.1,
    mask: Tensor | None = None,
) -> Tensor:
    """Each query should be nearer, by cosine, to its own positive than to the negatives.

    For pairs that belong together and nothing else known; not where many of the others belong to the query too.
    `negatives` (a queue, as in MoCo) are those of all queries; without them, the other rows' positives are. The value
    cannot exceed log(1 + negatives) where all look alike. The `info-nce-pytorch` package agrees. Detach keys that a
    momentum encoder made.
    """
    query, positive = unit(query), unit(positive)
    own = (query * positive).sum(-1)
    if negatives is None:
        rival = log_sum_exp(query @ positive.mT / temperature, others(query, mask))
    else:
        rival = (query @ unit(negatives).mT / temperature).logsumexp(-1)
    return softplus(rival - own / temperature)


@loss(
    kind="set",
    formula=r"\frac{1}{2} \sum_{v \in \{a, b\}} -\log \frac{e^{s(v_i, \bar v_i) / \tau}}{\sum_{u \ne v_i} "
    r"e^{s(v_i, u) / \tau}},\quad \bar v_i \text{ the other view of } v_i",
    source="Chen et al., A simple framework for contrastive learning of visual representations, ICML 2020",
    task="embedding",
    layout=VIEWS,
    module_name="NTXentLoss",
    bounds={"temperature": TEMPERATURE},
    uses=(unit, cosines, others, log_sum_exp),
    smells=collapsed,
    facts=Facts(),
    cases=(
        # all four rows: (3, 4)/5, (0, 1), (1, 0), (0, 1), of the cosines .8, .6, .8 | 0, 1 | 0
        SetCase(
            {"input1": FIRST, "input2": SECOND},
            (
                log(2 * exp(1.6) + exp(1.2)) - 1.2 + log(exp(1.6) + 1 + exp(2.0)) - 2.0
                + log(exp(1.2) + 2) - 1.2 + log(exp(1.6) + 1 + exp(2.0)) - 2.0
            ) / 4, {}, tolerance=1e-12,
        ),
        # one sample has nothing to be told from; of two, each slope is a share of the wrong ones
        SetCase(
            {"input1": [[1.0, 0.0], [0.0, 1.0]], "input2": [[2.0, 0.0], [0.0, 2.0]]},
            log(exp(4.0) + 2) - 4.0, {"temperature": 0.25},
            {
                "input1": [[0.0, 2 * 4 / (exp(4.0) + 2) / 2], [2 * 4 / (exp(4.0) + 2) / 2, 0.0]],
                "input2": [[0.0, 4 / (exp(4.0) + 2) / 2], [4 / (exp(4.0) + 2) / 2, 0.0]],
            },
            1e-12,
        ),
    ),
)  # fmt: skip
def nt_xent_loss(
    input1: Tensor, input2: Tensor, *, temperature: float | Tensor = 0.5, mask: Tensor | None = None
) -> Tensor:
    """Two views of a sample should be nearer to each other than to all views of the other samples (SimCLR).

    For embeddings without labels, from two views of each row. A row's value is the mean of its two views'. Negatives
    are the rest of the batch, so large batches and temperatures of .1 to .5 do best. lightly agrees;
    pytorch-metric-learning takes both views in one tensor with labels, has a temperature of .07, and agrees where each
    label comes twice.
    """
    views, twice = torch.cat([input1, input2]), None if mask is None else torch.cat([mask, mask])
    rows = input1.shape[0]
    score = cosines(views) / temperature
    total = log_sum_exp(score, others(views, twice))
    value = total.reshape(2, rows).mean(0) - score.diagonal(rows)
    return value if mask is None else torch.where(mask, value, 0.0)


@loss(
    kind="set",
    formula=r"\frac{-1}{|P_i|} \sum_{p \in P_i} \log \frac{e^{s_{ip} / \tau}}{\sum_{a \ne i} e^{s_{ia} / \tau}}",
    source="Khosla et al., Supervised contrastive learning, NeurIPS 2020",
    task="embedding",
    layout=BATCH,
    module_name="SupConLoss",
    bounds={"temperature": TEMPERATURE},
    uses=(unit, cosines, others, pairs, log_sum_exp),
    smells=lonely,
    facts=Facts(),
    cases=(
        # the first and the second find each other before the third, whose cosines are 0 and .8
        SetCase(
            {"input": TURNED, "target": LABELS}, (log1p(exp(-1.2)) + log1p(exp(0.4))) / 2, {"temperature": 0.5},
            by_cosines(-sigmoid(-1.2) - sigmoid(0.4), sigmoid(-1.2), sigmoid(0.4)), 1e-12,
        ),
        SetCase({"input": TURNED, "target": LABELS}, (log1p(exp(-6)) + log1p(exp(2))) / 2, {}, tolerance=1e-12),
        # two positives: their mean, over both
        SetCase(
            {"input": TURNED, "target": [5, 5, 5]},
            log(exp(0.6) + 1) - 0.3 + log(exp(0.6) + exp(0.8)) - 0.7 + log(1 + exp(0.8)) - 0.4,
            {"temperature": 1.0, "reduction": "sum"}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def supcon_loss(
    input: Tensor, target: Tensor, *, temperature: float | Tensor = 0.1, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Rows of one label should be nearer to each other than to the rest: `nt_xent_loss` with labels.

    For labelled batches; a first choice among the losses of all pairs. Several views of a sample are several rows with
    its label repeated. Rows without positives weigh 0. The sum over positives stands outside the logarithm, as the
    paper prefers. The authors' code multiplies by temperature over a base temperature, both .07 at first, and so
    differs once only one is changed; pytorch-metric-learning has no such factor and agrees, but its mean leaves out
    rows whose loss is exactly 0.
    """
    score, (positive, negative) = cosines(input) / temperature, pairs(target, mask)
    count, total = positive.sum(-1), log_sum_exp(score, positive | negative)
    some = count > 0
    own = torch.where(positive, score, 0.0).sum(-1) / count.clamp(min=1)
    return torch.where(some, torch.where(some, total, 0.0) - own, 0.0), some.to(score.dtype)


@loss(
    kind="set",
    formula=r"-\frac{1}{2} \log \frac{e^{s_{ii} / \tau}}{\sum_j e^{s_{ij} / \tau}} "
    r"- \frac{1}{2} \log \frac{e^{s_{ii} / \tau}}{\sum_j e^{s_{ji} / \tau}}",
    source="Radford et al., Learning transferable visual models from natural language supervision, ICML 2021",
    task="embedding",
    layout=CAPTIONS,
    module_name="CLIPLoss",
    bounds={"temperature": Parameter(POSITIVE, search=Interval(0.01, 0.5), log=True)},
    uses=(unit, others, log_sum_exp, softplus),
    smells=collapsed,
    facts=Facts(),
    cases=(
        # image by image log(1 + e^(.2 / tau)) and log(1 + e^(-1 / tau)), text by text -.6 and .8 - 1
        SetCase(
            {"image": FIRST, "text": SECOND},
            (log1p(exp(0.4)) + log1p(exp(-2.0)) + log1p(exp(-1.2)) + log1p(exp(-0.4))) / 4, {"temperature": 0.5},
            clip_gradient(0.5), 1e-12,
        ),
        SetCase(
            {"image": FIRST, "text": SECOND},
            sum(log1p(exp(gap / 0.07)) for gap in (0.2, -1.0, -0.6, -0.2)) / 4, {}, clip_gradient(0.07), 1e-12,
        ),
    ),
)  # fmt: skip
def clip_loss(image: Tensor, text: Tensor, *, temperature: float | Tensor = 0.07, mask: Tensor | None = None) -> Tensor:
    """Each image should find its text among the batch's texts, and each text its image.

    For pairs of two kinds (images and texts) in large batches; with small ones take `siglip_loss`. CLIP learns the
    temperature: give a tensor, `temperature=(-log_scale).exp()`, where `log_scale` starts at log(1 / .07) and is kept
    below log(100). OpenAI and open_clip normalise before their loss; here it is done inside.
    """
    image, text = unit(image), unit(text)
    score, apart = image @ text.mT / temperature, others(image, mask)
    own = score.diagonal()
    return 0.5 * (softplus(log_sum_exp(score, apart) - own) + softplus(log_sum_exp(score, apart, 0) - own))


@loss(
    kind="set",
    formula=r"-\sum_j \log \sigma\big(z_{ij} (s_{ij} / \tau + b)\big),\quad z_{ii} = 1,\ z_{ij} = -1",
    source="Zhai et al., Sigmoid loss for language image pre-training, ICCV 2023",
    task="embedding",
    layout=CAPTIONS,
    module_name="SigLIPLoss",
    bounds={
        "temperature": Parameter(POSITIVE, search=Interval(0.01, 1), log=True),
        "bias": Parameter(Interval(), search=Interval(-15, 0)),
    },
    uses=(unit, others, softplus),
    smells=collapsed,
    facts=Facts(),
    cases=(
        # own: 1.2 - 1 and 2 - 1; rivals: 1.6 - 1 and 0 - 1
        SetCase(
            {"image": FIRST, "text": SECOND},
            (log1p(exp(-0.2)) + log1p(exp(-1.0)) + log1p(exp(0.6)) + log1p(exp(-1.0))) / 2,
            {"temperature": 0.5, "bias": -1.0}, siglip_gradient(0.5, -1.0), 1e-12,
        ),
        SetCase(
            {"image": FIRST, "text": SECOND},
            log1p(exp(4)) + log1p(exp(0)) + log1p(exp(-2)) + log1p(exp(-10)), {"reduction": "sum"}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def siglip_loss(
    image: Tensor,
    text: Tensor,
    *,
    temperature: float | Tensor = 0.1,
    bias: float | Tensor = -10.0,
    mask: Tensor | None = None,
) -> Tensor:
    """Every image and text of the batch are asked whether they belong together, each pair by itself.

    For small batches or several machines: no sum over the batch has to be shared. Both numbers are learnt, from these
    defaults (`temperature=(-log_scale).exp()`); the bias holds back the many pairs that do not belong together. A row's
    value is the sum over all texts, so the mean divides by rows, not pairs, as in the paper and open_clip.
    """
    image, text = unit(image), unit(text)
    score, apart = image @ text.mT / temperature + bias, others(image, mask)
    return softplus(-score.diagonal()) + torch.where(apart, softplus(score), 0.0).sum(-1)
