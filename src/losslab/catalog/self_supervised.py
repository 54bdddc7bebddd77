"""Self-supervised losses without negatives: they keep embeddings from collapsing by statistics or by a teacher."""

from collections.abc import Mapping
from math import log, sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from losslab.catalog.metric_learning import ROWS, TURNED, by_cosines
from losslab.catalog.similarity import collapsed, distances, length, others, unit
from losslab.spec.declare import loss
from losslab.spec.facts import Facts
from losslab.spec.interval import NON_NEGATIVE, POSITIVE, Interval
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import Parameter, SetCase

STATISTICS = Layout({"input1": ROWS, "input2": ROWS}, "", mask="N", coupled=True)
PREDICTED = Layout({"prediction": Operand("* D", predicted=True), "target": Operand("* D")}, "*")
EPS = Parameter(POSITIVE)


def one_row(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    mask, x = options.get("mask"), operands["input1"]
    if x.shape[0] != 1 or mask is not None:
        return None
    return "a batch of one row has no variance; give two rows or more"


def centred(x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | int]:
    """The rows less their mean, 0 where they are left out; and how many take part."""
    if mask is None:
        return x - x.mean(0), x.shape[0]
    keep, count = mask.unsqueeze(-1), mask.sum().clamp(min=1)
    return torch.where(keep, x - torch.where(keep, x, 0.0).sum(0) / count, 0.0), count


def covariance(x: Tensor, mask: Tensor | None) -> Tensor:
    """Of the columns, unbiased; 0 for one row."""
    x, count = centred(x, mask)
    return x.mT @ x / (torch.as_tensor(count, dtype=x.dtype, device=x.device) - 1).clamp(min=1)


def off_diagonal(x: Tensor) -> Tensor:
    """A square matrix with zeros in its diagonal."""
    return x * ~torch.eye(x.shape[-1], dtype=torch.bool, device=x.device)


@loss(
    kind="set",
    formula=r"\frac{\lambda}{N D} \sum_i \lVert a_i - b_i\rVert^2 + \sum_{z \in \{a, b\}} \Big[\frac{\mu}{2 D} \sum_d "
    r"\max\big(0, 1 - \sqrt{\mathrm{Var}(z_d) + \epsilon}\big) + \frac{\nu}{D} \sum_{d \ne e} "
    r"\mathrm{Cov}(z_d, z_e)^2\Big]",
    source="Bardes et al., VICReg: variance-invariance-covariance regularization for self-supervised learning, "
    "ICLR 2022",
    task="embedding",
    layout=STATISTICS,
    module_name="VICRegLoss",
    bounds={
        "invariance": Parameter(NON_NEGATIVE, search=Interval(1, 100), log=True),
        "variance": Parameter(NON_NEGATIVE, search=Interval(1, 100), log=True),
        "covariance_weight": Parameter(NON_NEGATIVE, search=Interval(0.1, 25), log=True),
        "eps": EPS,
    },
    uses=(centred, covariance, off_diagonal),
    refuses=one_row,
    facts=Facts(),
    cases=(
        # deviations sqrt(1/2 + 1/16) = .75 and more than 1, .75 and .25; covariances 1 and 0; squared differences 1/2
        SetCase(
            {"input1": [[0.0, 0.0], [1.0, 2.0]], "input2": [[0.0, 1.0], [1.0, 1.0]]}, 12.5 + 7.8125 + 1,
            {"eps": 0.0625},
            {"input1": [[25 / 6 - 2, -13.5], [2 - 25 / 6, 13.5]]}, 1e-12,
        ),
        SetCase(
            {"input1": [[0.0, 0.0], [1.0, 2.0]], "input2": [[0.0, 1.0], [1.0, 1.0]]}, 1.5 + 1.875 + 0.25,
            {"invariance": 3.0, "variance": 6.0, "covariance_weight": 0.25, "eps": 0.0625},
            {"input1": [[1 - 0.5, -1.75], [0.5 - 1, 1.75]]}, 1e-12,
        ),
    ),
)  # fmt: skip
def vicreg_loss(
    input1: Tensor,
    input2: Tensor,
    *,
    invariance: float | Tensor = 25.0,
    variance: float | Tensor = 25.0,
    covariance_weight: float | Tensor = 1.0,
    eps: float | Tensor = 1e-4,
    mask: Tensor | None = None,
) -> Tensor:
    """Two views should agree, each column should vary by 1 or more, and no two columns should vary together.

    For embeddings from two views without negatives, a teacher or large batches. One value for the batch; embeddings are
    taken as they are, best from a wide expander. This is the authors' code, with which lightly and
    pytorch-metric-learning agree: the first term is averaged over columns and the second over the two views, where the
    paper's text sums. With the paper's sums these weights would mean something else.
    """
    spread = [covariance(x, mask) for x in (input1, input2)]
    apart = sum((1 - (c.diagonal() + eps).sqrt()).relu().mean() for c in spread) / 2
    together = sum(off_diagonal(c).square().sum(-1).mean() for c in spread)
    gap = (input1 - input2).square().mean(-1)
    gap = gap.mean() if mask is None else torch.where(mask, gap, 0.0).sum() / mask.sum().clamp(min=1)
    return invariance * gap + variance * apart + covariance_weight * together


@loss(
    kind="set",
    formula=r"\sum_d (1 - C_{dd})^2 + \lambda \sum_{d \ne e} C_{de}^2,\quad C_{de} = \frac{1}{N} \sum_i "
    r"\frac{a_{id} - \bar a_d}{\sqrt{\mathrm{Var}(a_d) + \epsilon}} "
    r"\frac{b_{ie} - \bar b_e}{\sqrt{\mathrm{Var}(b_e) + \epsilon}}",
    source="Zbontar et al., Barlow twins: self-supervised learning via redundancy reduction, ICML 2021",
    task="embedding",
    layout=STATISTICS,
    bounds={"redundancy": Parameter(NON_NEGATIVE, search=Interval(5e-4, 0.05), log=True), "eps": EPS},
    uses=(centred, off_diagonal),
    refuses=one_row,
    facts=Facts(smooth=True, unknown=("lipschitz",)),
    cases=(
        # halves of the differences are 1, -1 and 1, 0; over sqrt(1 + 3): C is 1/4 and 0 | -1/4 and 0
        SetCase(
            {"input1": [[0.0, 5.0], [2.0, 3.0]], "input2": [[1.0, 4.0], [3.0, 4.0]]}, 1.5625 + 0.03125,
            {"redundancy": 0.5, "eps": 3.0},
            {
                "input1": [[9 / 64, 3 / 128], [-9 / 64, -3 / 128]],
                "input2": [[15 / 128, -0.5 / sqrt(3)], [-15 / 128, 0.5 / sqrt(3)]],
            },
            1e-12,
        ),
        # (3 - 1) / 2 over sqrt(1 + 1e-5)
        SetCase(
            {"input1": [[1.0], [3.0]], "input2": [[0.0], [2.0]]}, (1 - 1 / 1.00001) ** 2, {}, tolerance=1e-15
        ),
    ),
)  # fmt: skip
def barlow_twins_loss(
    input1: Tensor,
    input2: Tensor,
    *,
    redundancy: float | Tensor = 0.0051,
    eps: float | Tensor = 1e-5,
    mask: Tensor | None = None,
) -> Tensor:
    """The correlations of two views' columns should be one for the same column and zero for two.

    For embeddings from two views without negatives or a teacher, with batches of some hundreds: with few rows, chance
    correlations rule. One value for the batch. `redundancy` is the paper's lambda; variances are those of the batch,
    with `eps`, as in batch normalisation, which the authors use. Code that divides by the unbiased deviation gives
    other values for small batches.
    """
    columns = []
    for x in (input1, input2):
        x, count = centred(x, mask)
        columns.append(x / (x.square().sum(0) / count + eps).sqrt())
    cross = columns[0].mT @ columns[1] / count
    return (1 - cross.diagonal()).square().sum() + redundancy * off_diagonal(cross).square().sum()


@loss(
    kind="set",
    formula=r"\Big\lVert \frac{p}{\lVert p\rVert} - \frac{z}{\lVert z\rVert} \Big\rVert^2 = 2 - 2 \cos(p, z)",
    source="Grill et al., Bootstrap your own latent: a new approach to self-supervised learning, NeurIPS 2020",
    task="embedding",
    layout=PREDICTED,
    module_name="BYOLLoss",
    uses=(unit,),
    facts=Facts(Interval(0, 4)),
    cases=(
        # cosine .8; by the prediction, -2 (z - .8 p) / 5
        SetCase(
            {"prediction": [[3.0, 4.0]], "target": [[0.0, 2.0]]}, 0.4, {}, {"prediction": [[0.192, -0.144]]}, 1e-12
        ),
        SetCase(
            {"prediction": [[3.0, 4.0], [0.0, 1.0]], "target": [[0.0, 2.0], [0.0, -3.0]]}, 4.4, {"reduction": "sum"},
            {"prediction": [[0.192, -0.144], [0.0, 0.0]]}, 1e-12,
        ),
    ),
)  # fmt: skip
def byol_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """The predictor's output should point where the teacher's projection of the other view points.

    For embeddings from two views, with a teacher that is a slow average of the student. No gradient goes to `target`:
    it is held constant here. Call it for both views, each as the prediction once, and add. Without a predictor
    embeddings collapse, which this loss cannot see: watch their spread. Twice `simsiam_loss`, plus 2.
    """
    return (unit(prediction) - unit(target.detach())).square().sum(-1)


@loss(
    kind="set",
    formula=r"-\cos(p, z)",
    source="Chen and He, Exploring simple Siamese representation learning, CVPR 2021",
    task="embedding",
    layout=PREDICTED,
    module_name="SimSiamLoss",
    group="byol_loss",
    uses=(unit,),
    facts=Facts(Interval(-1, 1)),
    cases=(
        SetCase(
            {"prediction": [[3.0, 4.0]], "target": [[0.0, 2.0]]}, -0.8, {}, {"prediction": [[0.096, -0.072]]}, 1e-12
        ),
        SetCase(
            {"prediction": [[3.0, 4.0], [0.0, 1.0]], "target": [[0.0, 2.0], [2.0, 0.0]]}, -0.4, {},
            {"prediction": [[0.048, -0.036], [-0.5, 0.0]]}, 1e-12,
        ),
    ),
)  # fmt: skip
def simsiam_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """The negative cosine of the predictor's output with the projection of the other view, which is held constant.

    For embeddings from two views, without a teacher: the projection is that of the same network. The same as
    `byol_loss` up to scale and shift. Call it for both views and halve the sum, as the paper does. lightly spells it
    NegativeCosineSimilarity and leaves holding the target constant to you.
    """
    return -(unit(prediction) * unit(target.detach())).sum(-1)


@loss(
    kind="set",
    formula=r"-\sum_c q_c \log p_c,\quad q = \mathrm{softmax}((t - m) / \tau_t),\ p = \mathrm{softmax}(s / \tau_s)",
    source="Caron et al., Emerging properties in self-supervised vision transformers, ICCV 2021",
    task="embedding",
    layout=Layout(
        {"student": Operand("* C", predicted=True), "teacher": Operand("* C"), "center": Operand("C")}, "*"
    ),
    module_name="DINOLoss",
    bounds={
        "student_temperature": Parameter(POSITIVE, search=Interval(0.05, 1), log=True),
        "teacher_temperature": Parameter(POSITIVE, search=Interval(0.01, 0.2), log=True),
    },
    facts=Facts(convex=True, smooth=True, lipschitz=lambda student_temperature: sqrt(2) / student_temperature),
    cases=(
        # the student's shares are 1/4 and 3/4, the teacher's .8 and .2
        SetCase(
            {"student": [[0.0, 0.5 * log(3)]], "teacher": [[0.25 * log(4) + 0.1, 0.3]], "center": [0.1, 0.3]},
            0.8 * log(4) + 0.2 * log(4 / 3), {"student_temperature": 0.5, "teacher_temperature": 0.25},
            {"student": [[-1.1, 1.1]]}, 1e-12,
        ),
        SetCase(
            {"student": [[0.0, 0.1 * log(3)]], "teacher": [[0.04 * log(4), 0.0]]}, 0.8 * log(4) + 0.2 * log(4 / 3), {},
            {"student": [[-5.5, 5.5]]}, 1e-12,
        ),
    ),
)  # fmt: skip
def dino_loss(
    student: Tensor,
    teacher: Tensor,
    center: Tensor | None = None,
    *,
    student_temperature: float | Tensor = 0.1,
    teacher_temperature: float | Tensor = 0.04,
) -> Tensor:
    """Cross-entropy of the student's outputs with the sharpened, centred outputs of a teacher, which is held constant.

    For embeddings from several crops of an image, with a teacher that is a slow average of the student. For one pair of
    views; average over the pairs of different crops. `center` is a slow average of the teacher's outputs, and yours to
    keep: `center = 0.9 * center + 0.1 * teacher.mean(0)` after each step. Without it, one output wins everywhere;
    without the low `teacher_temperature`, all become alike. The authors' module keeps the centre itself and warms the
    teacher's temperature up.
    """
    teacher = teacher.detach() if center is None else (teacher - center).detach()
    wanted = F.softmax(teacher / teacher_temperature, -1)
    return -(wanted * F.log_softmax(student / student_temperature, -1)).sum(-1)


@loss(
    kind="set",
    formula=r"-\log(\min_{j \ne i} \lVert x_i - x_j\rVert + \epsilon),\quad \lVert x_i\rVert = 1",
    source="Sablayrolles et al., Spreading vectors for similarity search, ICLR 2019",
    task="embedding",
    layout=Layout({"input": ROWS}, "N", coupled=True),
    module_name="KoLeoLoss",
    bounds={"eps": EPS},
    uses=(unit, length, distances, others),
    smells=collapsed,
    facts=Facts(lambda eps: Interval(-log(2 + eps), -log(eps))),
    cases=(
        # distances sqrt(2 - 2 s) of the cosines .6 and .8: the second is nearest to both others
        SetCase(
            {"input": TURNED}, -(log(sqrt(0.8) + 0.1) + 2 * log(sqrt(0.4) + 0.1)) / 3, {"eps": 0.1},
            by_cosines(1 / 3 / (0.8 + 0.1 * sqrt(0.8)), 0.0, 2 / 3 / (0.4 + 0.1 * sqrt(0.4))), 1e-12,
        ),
        SetCase({"input": TURNED}, -log(0.8 * 0.4 * 0.4) / 2, {"reduction": "sum"}, tolerance=1e-7),
    ),
)  # fmt: skip
def koleo_loss(input: Tensor, *, eps: float | Tensor = 1e-8, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Each embedding should be far from its nearest neighbour in the batch, so that all spread out over the sphere.

    A small addition to another loss (DINOv2 adds a tenth of it). A row alone weighs 0. Two equal rows give -log(eps),
    and no way to part. DINOv2's code agrees, but for an `eps` that it adds to differences too.
    """
    gap, apart = distances(unit(input)), others(input, mask)
    near = F.pad(torch.where(apart, gap, torch.inf), (0, 1), value=torch.inf).amin(-1)
    some = apart.any(-1)
    return torch.where(some, -(torch.where(some, near, 1.0) + eps).log(), 0.0), some.to(gap.dtype)
