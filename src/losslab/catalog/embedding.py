"""Losses on pairs and triplets of embeddings: near what belongs together, far what does not."""

from collections.abc import Callable
from math import inf, sqrt

import torch
from torch import Tensor

from losslab.catalog.similarity import collapsed, unit
from losslab.spec.declare import loss
from losslab.spec.facts import Facts
from losslab.spec.interval import NON_NEGATIVE, Interval
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import Parameter, SetCase

EMBEDDING = Operand("* D", predicted=True)
SCORE = Operand("*", predicted=True)
SIGN = Operand("*", "sign")


def distance(a: Tensor, b: Tensor, p: float | Tensor, eps: float | Tensor) -> Tensor:
    """The p-norm of a - b + eps over the last dimension; its slope at 0 is 0."""
    gap = a - b + eps
    # Divided by its largest entry, no power overflows; at 0 there is no way to go, so the slope is 0 too.
    largest = gap.detach().abs().amax(-1, keepdim=True)
    safe = torch.where(largest > 0, largest, 1.0)
    gap = gap / safe
    # By way of abs(), the second slope of a square would be lost at 0.
    total = (gap.square() if not isinstance(p, Tensor) and p == 2 else gap.abs().pow(p)).sum(-1)
    none = total == 0
    return torch.where(none, 0.0, torch.where(none, 1.0, total).pow(1 / p)) * safe.squeeze(-1)


@loss(
    kind="set",
    formula=r"\max(0, -y\,(x_1 - x_2) + m)",
    source="Herbrich et al., Large margin rank boundaries for ordinal regression, 2000",
    task="ranking",
    layout=Layout({"input1": SCORE, "input2": SCORE, "target": SIGN}, "*"),
    bounds={"margin": Parameter(NON_NEGATIVE, search=Interval(0.01, 2), log=True)},
    torch_name="margin_ranking_loss",
    positional=("margin",),
    module_positional=("margin",),
    facts=Facts(convex=True, lipschitz=1.0),
    cases=(
        # 1 should be above .5 and is, by more than 0: nothing; 2 should be below 1.5: .5
        SetCase(
            {"input1": [1.0, 2.0], "input2": [0.5, 1.5], "target": [1.0, -1.0]}, 0.25, {},
            {"input1": [0.0, 0.5], "input2": [0.0, -0.5]}, 1e-12,
        ),
        # margin .75: .75 - .5 and .75 + .5
        SetCase(
            {"input1": [1.0, 2.0], "input2": [0.5, 1.5], "target": [1.0, -1.0]}, 1.5,
            {"margin": 0.75, "reduction": "sum"}, {"input1": [-1.0, 1.0], "input2": [1.0, -1.0]}, 1e-12,
        ),
    ),
)  # fmt: skip
def margin_ranking_loss(input1: Tensor, input2: Tensor, target: Tensor, *, margin: float | Tensor = 0.0) -> Tensor:
    """Of two scores, the first should be above the second by `margin` where the target is 1, below where it is -1.

    For pairs of which only the order is known. Not at the default margin of 0 by itself: two equal scores then cost
    nothing, so a model that gives one number for all is done. Where a row is a whole list with grades, `ranknet_loss`
    and its relatives learn from all its pairs; `bpr_loss` has no margin to choose.
    """
    return (margin - target * (input1 - input2)).relu()


@loss(
    kind="set",
    formula=r"\max(0, \lVert a - p\rVert_p - \lVert a - n\rVert_p + m)",
    source="Schroff et al., FaceNet: a unified embedding for face recognition and clustering, CVPR 2015",
    task="embedding",
    layout=Layout({"anchor": EMBEDDING, "positive": EMBEDDING, "negative": EMBEDDING}, "*"),
    bounds={
        "margin": Parameter(Interval(0, open_low=True), search=Interval(0.05, 2), log=True),
        "p": Parameter(Interval(1)),
        "eps": Parameter(NON_NEGATIVE),
    },
    torch_name="triplet_margin_loss",
    uses=(distance,),
    smells=collapsed,
    positional=("margin", "p", "eps", "swap"),
    module_positional=("margin", "p", "eps", "swap"),
    facts=Facts(lipschitz=lambda p: 2.0 if p >= 2 else inf),
    cases=(
        # distances 5 and 13, margin 10
        SetCase(
            {"anchor": [[0.0, 0.0]], "positive": [[3.0, 4.0]], "negative": [[5.0, 12.0]]}, 2.0,
            {"margin": 10.0, "eps": 0.0},
            {
                "anchor": [[-3 / 5 + 5 / 13, -4 / 5 + 12 / 13]], "positive": [[0.6, 0.8]],
                "negative": [[-5 / 13, -12 / 13]],
            },
            1e-12,
        ),
        # p = 1: 7 - 17 + 12; swapped, the negative is 2 + 8 = 10 from the positive: 7 - 10 + 12
        SetCase(
            {"anchor": [[0.0, 0.0]], "positive": [[3.0, 4.0]], "negative": [[5.0, 12.0]]}, 9.0,
            {"margin": 12.0, "p": 1.0, "eps": 0.0, "swap": True}, tolerance=1e-12,
        ),
        # eps is added to each difference: sqrt(2) .5 - sqrt(.5 ** 2 + 2.5 ** 2) + 3
        SetCase(
            {"anchor": [[1.0, 1.0]], "positive": [[1.0, 1.0]], "negative": [[1.0, -1.0]]},
            0.5 * sqrt(2) - sqrt(6.5) + 3, {"margin": 3.0, "eps": 0.5}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    margin: float | Tensor = 1.0,
    p: float | Tensor = 2.0,
    eps: float | Tensor = 1e-6,
    swap: bool = False,
) -> Tensor:
    """The positive should be nearer to the anchor than the negative, by `margin`.

    For triplets that are given. Most triplets of a trained model cost nothing, so where there are labels
    `batch_hard_triplet_loss` finds those that still teach. Not with embeddings of any length and a small margin, which
    growing lengths alone can meet: normalise them. Distances are not squared, as in torch; the paper squares them, so
    that its margin of 0.2 means something else. A zero difference has the slope 0.
    p, eps: of the norm of a difference, to each entry of which `eps` is added. swap: the negative is compared with the
    nearer of anchor and positive (Balntas et al., BMVC 2016).
    """
    near, far = distance(anchor, positive, p, eps), distance(anchor, negative, p, eps)
    far = torch.minimum(far, distance(positive, negative, p, eps)) if swap else far
    return (near - far + margin).relu()


@loss(
    kind="set",
    formula=r"\max(0, d(a, p) - d(a, n) + m)",
    source="Schroff et al., FaceNet: a unified embedding for face recognition and clustering, CVPR 2015",
    task="embedding",
    layout=Layout({"anchor": EMBEDDING, "positive": EMBEDDING, "negative": EMBEDDING}, "*", fewer=True),
    bounds={"margin": Parameter(Interval(0, open_low=True), search=Interval(0.05, 2), log=True)},
    torch_name="triplet_margin_with_distance_loss",
    uses=(distance,),
    facts=Facts(lipschitz=2.0),
    cases=(
        # Euclidean distances 5 and 13, margin 10
        SetCase(
            {"anchor": [[0.0, 0.0]], "positive": [[3.0, 4.0]], "negative": [[5.0, 12.0]]}, 2.0, {"margin": 10.0},
            tolerance=1e-6,
        ),
        # largest differences 4 and 12; swapped, the negative is 8 from the positive: 4 - 8 + 5
        SetCase(
            {"anchor": [[0.0, 0.0]], "positive": [[3.0, 4.0]], "negative": [[5.0, 12.0]]}, 1.0,
            {"margin": 5.0, "swap": True, "distance_function": lambda a, b: (a - b).abs().amax(-1)},
            {"anchor": [[0.0, -1.0]], "positive": [[0.0, 2.0]], "negative": [[0.0, -1.0]]}, 1e-12,
        ),
        # one number for a whole picture: 1 + 4 less 9
        SetCase(
            {"anchor": [[[0.0], [0.0]]], "positive": [[[1.0], [2.0]]], "negative": [[[3.0], [0.0]]]}, [1.0],
            {"margin": 5.0, "distance_function": lambda a, b: (a - b).square().sum((-2, -1)), "reduction": "none"},
            tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float | Tensor = 1.0,
    swap: bool = False,
) -> Tensor:
    """The positive should be nearer to the anchor than the negative, by `margin`, in a distance of your own.

    Where the Euclidean distance of `triplet_margin_loss` does not fit: a cosine, a learnt one. Not by a similarity,
    which is large for what is near: pass one minus it.
    distance_function: takes two batches and returns a distance for each pair, of the dimensions before the last or of
    the first of them; a module with parameters trains with the model. Without it this is `triplet_margin_loss`.
    swap: the negative is compared with the nearer of anchor and positive (Balntas et al., BMVC 2016).
    """
    apart = distance_function or (lambda one, other: distance(one, other, 2.0, 1e-6))
    near, far = apart(anchor, positive), apart(anchor, negative)
    far = torch.minimum(far, apart(positive, negative)) if swap else far
    return (near - far + margin).relu()


@loss(
    kind="set",
    formula=r"1 - \cos(x_1, x_2)\text{ if }y = 1,\quad\max(0, \cos(x_1, x_2) - m)\text{ if }y = -1",
    source="Tang et al., User modeling with neural network for review rating prediction, IJCAI 2015",
    task="embedding",
    layout=Layout({"input1": EMBEDDING, "input2": EMBEDDING, "target": SIGN}, "*"),
    bounds={"margin": Parameter(Interval(-1, 1), search=Interval(0, 0.8))},
    torch_name="cosine_embedding_loss",
    uses=(unit,),
    positional=("margin",),
    module_positional=("margin",),
    facts=Facts(Interval(0, 2), symmetric=True),
    cases=(
        # cosines 24/25 and 3/5; by input1, slopes are (second unit vector - cos * first) / length
        SetCase(
            {"input1": [[3.0, 4.0], [1.0, 0.0]], "input2": [[4.0, 3.0], [6.0, 8.0]], "target": [1.0, -1.0]},
            (0.04 + 0.6) / 2, {},
            {"input1": [[-0.0224, 0.0168], [0.0, 0.4]], "input2": [[0.0168, -0.0224], [0.032, -0.024]]}, 1e-12,
        ),
        # margin 1/2: nothing of a cosine of 0, .1 of .6, 1 of a vector without direction
        SetCase(
            {
                "input1": [[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]], "input2": [[0.0, 2.0], [3.0, 4.0], [1.0, 1.0]],
                "target": [-1.0, -1.0, 1.0],
            },
            1.1, {"margin": 0.5, "reduction": "sum"}, {"input1": [[0.0, 0.0], [0.0, 0.8], [0.0, 0.0]]}, 1e-12,
        ),
    ),
)  # fmt: skip
def cosine_embedding_loss(input1: Tensor, input2: Tensor, target: Tensor, *, margin: float | Tensor = 0.0) -> Tensor:
    """Two embeddings should point the same way where the target is 1; where it is -1, their cosine is at most `margin`.

    The cosine is at most 1 in size, also of equal vectors, finite at every finite length, and 0 with slope 0 where one
    vector is 0. torch adds 1e-12 to each squared length, which takes vectors shorter than 1e-5 for nearly orthogonal.
    A target that is neither -1 nor 1 costs 0 there and here, and is warned of once. Where a batch holds many pairs,
    losses that compare each with all others learn from more of them.
    """
    cosine = (unit(input1) * unit(input2)).sum(-1).clamp(-1.0, 1.0)
    apart = torch.where(target == -1, (cosine - margin).relu(), 0.0)
    return torch.where(target == 1, 1 - cosine, apart)
