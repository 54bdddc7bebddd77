"""Losses that give each class centres of its own in the space of embeddings, as weights that learn with the model.

Below, s_c is the cosine of the embedding with the centre of class c, theta_c its angle, and y the row's class.
"""

from math import acos, cos, exp, log, log1p, pi

import torch
from torch import Tensor, nn

from losslab.catalog.classification import log_likelihood, log_probabilities
from losslab.catalog.similarity import length, unit
from losslab.spec.declare import loss
from losslab.spec.facts import Facts
from losslab.spec.interval import NON_NEGATIVE, POSITIVE, Interval
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import Parameter, SetCase

ROWS = Operand("N D", predicted=True)
LABELS = Operand("N", "class")
ONE, SEVERAL = Operand("C D", predicted=True), Operand("C K D", predicted=True)


def spread_out(weight: Tensor) -> Tensor:
    """Centres in directions drawn at random."""
    return nn.init.normal_(weight)


CENTRES = Layout({"input": ROWS, "weight": ONE, "target": LABELS}, "N", owned={"weight": spread_out})
SUB_CENTRES = Layout({"input": ROWS, "weight": SEVERAL, "target": LABELS}, "N", owned={"weight": spread_out})
SCALE = Parameter(POSITIVE, search=Interval(4, 96), log=True)

# A row 5 long whose cosines with the centres are .6, .8 and -.6. Seen as angles, it stands at acos(.6), and they at 0,
# 90 and 180 degrees. By its turn, its cosines change by -.8, .6 and .8.
ROW, WEIGHT = [[3.0, 4.0]], [[2.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]
HALF = 5 * log(2)  # a scale at which powers of two are left


def cross_entropy(scores: list[float]) -> float:
    """Of the first class."""
    return log(sum(exp(score - scores[0]) for score in scores))


def by_slopes(own: float, second: float, third: float) -> dict[str, list[list[float]]]:
    """The gradient by that row and those centres, from slopes: `own` by the angle to the first, others by cosines."""
    turn = own + 0.6 * second + 0.8 * third
    return {
        "input": [[-0.16 * turn, 0.12 * turn]],
        "weight": [[0.0, -own / 2], [0.6 * second, 0.0], [0.0, 0.8 * third]],
    }


def by_turns(scores: list[float], scale: float, own: float) -> dict[str, list[list[float]]]:
    """The same of cross-entropy, where by the row's turn the first class's score over `scale` changes by `own`."""
    total = sum(exp(score) for score in scores)
    p0, p1, p2 = (exp(score) / total for score in scores)
    return by_slopes(scale * (p0 - 1) * own, scale * p1, scale * p2)


def by_margin(cosine: Tensor, own: Tensor, target: Tensor, scale: float | Tensor) -> Tensor:
    """Cross-entropy of scaled cosines (N, C), with another number for that of the row's own class."""
    mine = target.unsqueeze(-1) == torch.arange(cosine.shape[-1], device=cosine.device)
    return -log_likelihood(scale * torch.where(mine, own.unsqueeze(-1), cosine), target)


def angle(direction: Tensor, centre: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the angle between rows of length one.

    The sine is the length of what the centre does not explain: exact for small angles, its slope finite at 0 and pi,
    where those of acos(s) and sqrt(1 - s * s) are infinite.
    """
    cosine = (direction * centre).sum(-1)
    return cosine, length(direction - cosine.unsqueeze(-1) * centre)


def added(cosine: Tensor, sine: Tensor, margin: float | Tensor) -> Tensor:
    """cos(theta + margin), and beyond where that would rise again cos(theta) - margin * sin(margin)."""
    m = torch.as_tensor(margin, dtype=cosine.dtype, device=cosine.device)
    return torch.where(cosine > -m.cos(), cosine * m.cos() - sine * m.sin(), cosine - m * m.sin())


@loss(
    kind="set",
    formula=r"-\log \frac{e^{s \cos(\theta_y + m)}}{e^{s \cos(\theta_y + m)} + \sum_{c \ne y} e^{s \cos\theta_c}}",
    source="Deng et al., ArcFace: additive angular margin loss for deep face recognition, CVPR 2019",
    task="embedding",
    layout=CENTRES,
    module_name="ArcFaceLoss",
    bounds={"scale": SCALE, "margin": Parameter(Interval(0, pi / 2), search=Interval(0.1, 0.8))},
    uses=(unit, length, angle, added, by_margin, log_probabilities, log_likelihood),
    facts=Facts(),
    cases=(
        # a margin that turns acos(.6) to 90 degrees: scores 0, 4 ln 2 and -3 ln 2
        SetCase(
            {"input": ROW, "weight": WEIGHT, "target": [0]}, log(17.125), {"scale": HALF, "margin": acos(0.8)},
            by_turns([0.0, 4 * log(2), -3 * log(2)], HALF, -1.0), 1e-12,
        ),
        # of the third class the angle acos(-.6) and the margin exceed 180 degrees: -.6 - m sin m
        SetCase(
            {"input": ROW, "weight": WEIGHT, "target": [2]},
            cross_entropy([2 * (-0.6 - 1.25 * cos(1.25 - pi / 2)), 1.6, 1.2]), {"scale": 2.0, "margin": 1.25},
            tolerance=1e-12,
        ),
        # straight on the centre
        SetCase(
            {"input": [[5.0, 0.0]], "weight": WEIGHT[::2], "target": [0]}, log1p(exp(-64 * (1 + cos(0.5)))),
            {}, {"input": [[0.0, 0.0]]}, 1e-12,
        ),
    ),
)  # fmt: skip
def arcface_loss(
    input: Tensor, weight: Tensor, target: Tensor, *, scale: float | Tensor = 64.0, margin: float | Tensor = 0.5
) -> Tensor:
    """Cross-entropy over cosines with class centres, after the angle to the row's own class was widened by `margin`.

    For embeddings that are compared by cosine after training (faces, products), with many classes and no need of
    pairs. A small `scale` keeps the loss from reaching 0, a large `margin` from starting to fall. `margin` is in
    radians, as in the paper; beyond pi - m the score is `cos(theta) - m sin(m)`, as in InsightFace, which agrees.
    pytorch-metric-learning does too, but takes degrees (28.6) and holds its weights transposed. Their slopes, by the
    root of 1 - cos^2 and by acos, are infinite or NaN straight on the centre; here they are 0 there.
    """
    direction, centres = unit(input), unit(weight)
    return by_margin(direction @ centres.mT, added(*angle(direction, centres[target]), margin), target, scale)


@loss(
    kind="set",
    formula=r"-\log \frac{e^{s (s_y - m)}}{e^{s (s_y - m)} + \sum_{c \ne y} e^{s\, s_c}}",
    source="Wang et al., CosFace: large margin cosine loss for deep face recognition, CVPR 2018",
    task="embedding",
    layout=CENTRES,
    module_name="CosFaceLoss",
    bounds={"scale": SCALE, "margin": Parameter(NON_NEGATIVE, search=Interval(0.05, 0.6))},
    uses=(unit, by_margin, log_probabilities, log_likelihood),
    facts=Facts(),
    cases=(
        # scores 5 ln 2 (.6 - .2), 4 ln 2 and -3 ln 2
        SetCase(
            {"input": ROW, "weight": WEIGHT, "target": [0]}, log(1 + 4 + 1 / 32), {"scale": HALF, "margin": 0.2},
            by_turns([2 * log(2), 4 * log(2), -3 * log(2)], HALF, -0.8), 1e-12,
        ),
        SetCase(
            {"input": ROW, "weight": WEIGHT, "target": [0]}, cross_entropy([16.0, 51.2, -38.4]), {}, tolerance=1e-12
        ),
    ),
)  # fmt: skip
def cosface_loss(
    input: Tensor, weight: Tensor, target: Tensor, *, scale: float | Tensor = 64.0, margin: float | Tensor = 0.35
) -> Tensor:
    """Cross-entropy over cosines with class centres, after that of the row's own class was lowered by `margin`.

    Also known as AM-softmax. Close to `arcface_loss`, with a margin that is constant in the cosine, so without its
    break at large angles. With `margin` 0 it is the normalised softmax. pytorch-metric-learning agrees; InsightFace
    too, with a margin of .4.
    """
    cosine = unit(input) @ unit(weight).mT
    return by_margin(cosine, cosine.gather(-1, target.unsqueeze(-1)).squeeze(-1) - margin, target, scale)


@loss(
    kind="set",
    formula=r"-\log \frac{e^{s \lVert x\rVert \psi(\theta_y)}}{e^{s \lVert x\rVert \psi(\theta_y)} + \sum_{c \ne y} "
    r"e^{s \lVert x\rVert \cos\theta_c}},\quad \psi(\theta) = (-1)^k \cos(m \theta) - 2 k,\ k = \lfloor m \theta / \pi"
    r"\rfloor",
    source="Liu et al., SphereFace: deep hypersphere embedding for face recognition, CVPR 2017",
    task="embedding",
    layout=CENTRES,
    module_name="SphereFaceLoss",
    bounds={
        "scale": Parameter(POSITIVE, search=Interval(0.25, 8), log=True),
        "margin": Parameter(Interval(1), search=Interval(1, 4)),
    },
    uses=(unit, length, angle, by_margin, log_probabilities, log_likelihood),
    facts=Facts(unknown=("lipschitz",)),
    cases=(
        # twice acos(.6): 2 * .36 - 1 = -.28, times the length 5; by its length, the gradient has the scores over 5
        SetCase(
            {"input": ROW, "weight": WEIGHT, "target": [0]}, cross_entropy([-1.4, 4.0, -3.0]), {"margin": 2.0},
            {"weight": by_turns([-1.4, 4.0, -3.0], 5.0, -2 * 0.96)["weight"]}, 1e-12,
        ),
        # four times acos(.6) is in the second half turn: -(2 * .28 ** 2 - 1) - 2
        SetCase(
            {"input": ROW, "weight": WEIGHT, "target": [0]}, cross_entropy([-5 * 1.1568, 4.0, -3.0]), {},
            tolerance=1e-12,
        ),
        # margins between whole numbers: 1.5 times 180 degrees, less one half turn
        SetCase(
            {"input": [[-3.0, 0.0]], "weight": WEIGHT, "target": [0]}, cross_entropy([-12.0, 0.0, 6.0]),
            {"margin": 1.5, "scale": 2.0}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def sphereface_loss(
    input: Tensor, weight: Tensor, target: Tensor, *, scale: float | Tensor = 1.0, margin: float | Tensor = 4.0
) -> Tensor:
    """Cross-entropy over cosines times the row's length, after the angle to its own class was multiplied by `margin`.

    The oldest of the angular margins, and the hardest to train: the authors begin with a small part of it and raise
    that slowly, for which `margin` need not be a whole number here (1 is none). Prefer `arcface_loss` or `cosface_loss`
    for a first try. pytorch-metric-learning agrees for whole margins.
    """
    direction, centres, size = unit(input), unit(weight), length(input)
    cosine, sine = angle(direction, centres[target])
    turned = margin * torch.atan2(sine, torch.where((cosine == 0) & (sine == 0), 1.0, cosine))
    half_turns = (turned / torch.pi).detach().floor()
    own = (1 - 2 * half_turns.remainder(2)) * turned.cos() - 2 * half_turns
    return by_margin(size.unsqueeze(-1) * (direction @ centres.mT), size * own, target, scale)


@loss(
    kind="set",
    formula=r"-\log \frac{e^{s \cos(\theta_y + m)}}{e^{s \cos(\theta_y + m)} + \sum_{c \ne y} e^{s \cos\theta_c}},"
    r"\quad \theta_c = \min_k \angle(x, w_{ck})",
    source="Deng et al., Sub-center ArcFace: boosting face recognition by large-scale noisy web faces, ECCV 2020",
    task="embedding",
    layout=SUB_CENTRES,
    module_name="SubCenterArcFaceLoss",
    bounds={"scale": SCALE, "margin": Parameter(Interval(0, pi / 2), search=Interval(0.1, 0.8))},
    uses=(unit, length, angle, added, by_margin, log_probabilities, log_likelihood),
    facts=Facts(),
    cases=(
        # the nearer of each class's two centres are those of the first case of arcface_loss
        SetCase(
            {
                "input": ROW, "target": [0],
                "weight": [[[0.0, -1.0], [2.0, 0.0]], [[0.0, 1.0], [-3.0, 0.0]], [[-0.5, -0.5], [-1.0, 0.0]]],
            },
            log(17.125), {"scale": HALF, "margin": acos(0.8)},
            {
                "input": by_turns([0.0, 4 * log(2), -3 * log(2)], HALF, -1.0)["input"],
                "weight": [
                    [[0.0, 0.0], by_turns([0.0, 4 * log(2), -3 * log(2)], HALF, -1.0)["weight"][0]],
                    [by_turns([0.0, 4 * log(2), -3 * log(2)], HALF, -1.0)["weight"][1], [0.0, 0.0]],
                    [[0.0, 0.0], by_turns([0.0, 4 * log(2), -3 * log(2)], HALF, -1.0)["weight"][2]],
                ],
            },
            1e-12,
        ),
        SetCase(
            {"input": [[5.0, 0.0]], "weight": [[[0.0, 1.0], [2.0, 0.0]], [[-1.0, 0.0], [-2.0, -1e-3]]], "target": [0]},
            log1p(exp(-64 * (cos(0.5) + cos(5e-4)))), {}, tolerance=1e-9,
        ),
    ),
)  # fmt: skip
def sub_center_arcface_loss(
    input: Tensor, weight: Tensor, target: Tensor, *, scale: float | Tensor = 64.0, margin: float | Tensor = 0.5
) -> Tensor:
    """`arcface_loss` with several centres for each class, of which the nearest counts: wrong labels get their own.

    For labels of which some are wrong, or classes of several kinds; afterwards, rows far from their class's main centre
    can be dropped. With one centre it is `arcface_loss`. pytorch-metric-learning agrees, with degrees and its weights
    transposed in one matrix.
    """
    direction, centres = unit(input), unit(weight)
    cosine, mine = torch.einsum("nd,ckd->nck", direction, centres).amax(-1), centres[target]
    nearest = (direction.unsqueeze(1) * mine).sum(-1).argmax(-1)
    mine = mine.take_along_dim(nearest.reshape(-1, 1, 1), 1).squeeze(1)
    return by_margin(cosine, added(*angle(direction, mine), margin), target, scale)
