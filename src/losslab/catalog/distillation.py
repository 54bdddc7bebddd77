"""Losses that make a student give what a teacher gives: its probabilities, or the geometry of its embeddings.

`input` is what the student gives and `teacher` what the teacher gives, both as scores (logits) where there are
classes. A gradient goes to both: compute the teacher's under `torch.no_grad()`. Below, p and q are the softmax of the
student's and the teacher's scores divided by the temperature T.
"""

from collections.abc import Mapping
from math import log, sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from losslab.catalog.distributions import mixture_gap, split_entropy
from losslab.spec.declare import loss
from losslab.spec.facts import Facts, same
from losslab.spec.interval import NON_NEGATIVE, POSITIVE, Interval
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import Parameter, SetCase

SCORES = Operand("N C *", predicted=True)
BOTH = Layout({"input": SCORES, "teacher": SCORES}, "N *")
TEMPERATURE = Parameter(POSITIVE, search=Interval(1, 10), log=True)
HINTON = "Hinton, Vinyals and Dean, Distilling the knowledge in a neural network, 2015"

# Scores of (1/4, 1/4, 1/2) for the student, of (1/8, 2/8, 5/8) for the teacher.
PAIR = {"input": [[0.0, 0.0, log(2)]], "teacher": [[0.0, log(2), log(5)]]}


def softened(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> dict[str, str]:
    """Probabilities in place of scores."""
    found = {}
    for key in ("input", "teacher"):
        rows = operands[key]
        if rows.numel() and rows.shape[1] > 1 and rows.min() >= 0 and ((rows.sum(1) - 1).abs() < 1e-3).all():
            text = f"{key} sums to one over the classes: it looks as if softmax was applied already"
            found[key] = f"{text}. This loss applies it itself, with the temperature; pass the scores before softmax"
    return found


def divergence(log_q: Tensor, log_p: Tensor) -> Tensor:
    """KL(q || p) over dimension 1; what q gives no chance costs nothing."""
    none = log_q == -torch.inf
    return (log_q.exp() * (log_q.masked_fill(none, 0.0) - log_p.masked_fill(none, 0.0))).sum(1)


@loss(
    kind="set",
    formula=r"T^2\,\mathrm{KL}(q\,\Vert\,p)",
    source=HINTON,
    task="distillation",
    layout=BOTH,
    bounds={"temperature": TEMPERATURE},
    uses=(divergence,),
    smells=softened,
    facts=Facts(
        attained=same, convex=True, smooth=True, lipschitz=lambda temperature: sqrt(2) * temperature, symmetric=False
    ),
    cases=(
        # (1/8) ln(1/2) + (5/8) ln(5/4); slopes p - q
        SetCase(
            PAIR, -log(2) / 8 + 0.625 * log(1.25), {"temperature": 1.0}, {"input": [[0.125, 0.0, -0.125]]}, 1e-12,
        ),
        # temperature 2 halves the scores: (1/2, 1/2) and (2/3, 1/3); 4 KL, whose slope is 2 (p - q)
        SetCase(
            {"input": [[0.0, 0.0]], "teacher": [[log(4), 0.0]]}, 4 * (2 / 3 * log(4 / 3) + log(2 / 3) / 3),
            {"temperature": 2.0}, {"input": [[-1 / 3, 1 / 3]]}, 1e-12,
        ),
        # the default 4 divides by 4: (1/3, 2/3) against (4/5, 1/5)
        SetCase(
            {"input": [[0.0, 4 * log(2)]], "teacher": [[4 * log(4), 0.0]]}, 16 * (0.8 * log(2.4) + 0.2 * log(0.3)),
            tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def distillation_loss(input: Tensor, teacher: Tensor, *, temperature: float | Tensor = 4.0) -> Tensor:
    """Kullback-Leibler divergence of the student's softened probabilities from the teacher's, times T squared.

    For a student that should learn more than labels from a teacher of the same classes. Not from a teacher that is sure
    of everything, unless the temperature is high. The squared temperature keeps the size of the gradient when T
    changes. Add it to cross-entropy with the true labels, where there are any. A warmer temperature shows more of what
    the teacher thinks of wrong classes. Many implementations leave out the squared T or, by `kl_div` with "mean",
    divide by the number of classes too: their weights do not carry over.
    """
    soft = [scores.div(temperature).log_softmax(1) for scores in (teacher, input)]
    return temperature * temperature * divergence(soft[0], soft[1])


@loss(
    kind="set",
    formula=r"T^2\big(\beta\,\mathrm{KL}(q\,\Vert\,m) + (1 - \beta)\,\mathrm{KL}(p\,\Vert\,m)\big),"
    r"\quad m = \beta q + (1 - \beta)p",
    source="Agarwal et al., On-policy distillation of language models: learning from self-generated mistakes, 2024",
    task="distillation",
    layout=BOTH,
    bounds={
        "beta": Parameter(Interval(0, 1, True, True), search=Interval(0.05, 0.95)),
        "temperature": Parameter(POSITIVE, search=Interval(0.5, 10), log=True),
    },
    module_name="GeneralizedJSDistillationLoss",
    uses=(mixture_gap,),
    smells=softened,
    facts=Facts(
        lambda beta, temperature: Interval(0, temperature**2 * split_entropy(beta)), attained=same, smooth=True,
        symmetric=lambda beta: beta == 0.5, unknown=("lipschitz",),
    ),
    cases=(
        # p = (1/2, 1/2), q = (3/4, 1/4), m = (5/8, 3/8)
        # by p_c: ln(p_c / m_c) / 2, so the slope by the first score is (ln(4/5) - ln(4/3)) / 8
        SetCase(
            {"input": [[0.0, 0.0]], "teacher": [[log(3), 0.0]]},
            (0.75 * log(1.2) + 0.25 * log(2 / 3) + 0.5 * log(0.8) + 0.5 * log(4 / 3)) / 2, {},
            {"input": [[log(0.6) / 8, -log(0.6) / 8]]}, 1e-12,
        ),
        # temperature 2, beta 1/4: m = (9/16, 7/16)
        SetCase(
            {"input": [[1.0, 1.0]], "teacher": [[log(9), 0.0]]},
            0.75 * log(4 / 3) + 0.25 * log(4 / 7) + 1.5 * log(8 / 9) + 1.5 * log(8 / 7),
            {"beta": 0.25, "temperature": 2.0}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def generalized_js_distillation_loss(
    input: Tensor, teacher: Tensor, *, beta: float | Tensor = 0.5, temperature: float | Tensor = 1.0
) -> Tensor:
    """Generalized Jensen-Shannon divergence between student and teacher, times T squared; `beta` is the teacher's part.

    Bounded, so that a student that cannot follow everywhere is not torn. Divided by beta it goes to `distillation_loss`
    as `beta` goes to 0; divided by 1 - beta to KL(p || q), which seeks the teacher's main mode, as it goes to 1. TRL
    and Liger have the same beta and no squared temperature; there 0 and 1 stand for those two divergences themselves.
    """
    log_p, log_q = (scores.div(temperature).log_softmax(1) for scores in (input, teacher))
    return temperature * temperature * mixture_gap(log_p, log_q, beta)


@loss(
    kind="set",
    formula=r"T^2\big(\alpha\,\mathrm{KL}((q_y, 1 - q_y)\,\Vert\,(p_y, 1 - p_y)) +"
    r" \beta\,\mathrm{KL}(\hat q\,\Vert\,\hat p)\big),\quad \hat p_c = p_c / (1 - p_y),\ c \ne y",
    source="Zhao et al., Decoupled knowledge distillation, CVPR 2022",
    task="distillation",
    layout=Layout({"input": SCORES, "teacher": SCORES, "target": Operand("N *", "class")}, "N *"),
    bounds={
        "alpha": Parameter(NON_NEGATIVE, search=Interval(0, 2)),
        "beta": Parameter(NON_NEGATIVE, search=Interval(0.1, 10), log=True),
        "temperature": TEMPERATURE,
    },
    module_name="DKDLoss",
    takes_ignore_index=True,
    uses=(divergence,),
    smells=softened,
    facts=Facts(
        attained=same, convex=lambda alpha, beta: beta >= alpha, smooth=True,
        lipschitz=lambda alpha, beta, temperature: temperature * sqrt(alpha**2 + (alpha + beta) ** 2 + beta**2),
    ),
    cases=(
        # class 2: (5/8, 3/8) against (1/2, 1/2); the others (1/3, 2/3) against (1/2, 1/2)
        # slopes: p_y - q_y for class 2 and shared by the others by 1/2; 3 times (1/2 - 1/3) and (1/2 - 2/3)
        SetCase(
            {**PAIR, "target": [2]},
            0.625 * log(1.25) + 0.375 * log(0.75) + 3 * (log(2 / 3) / 3 + 2 / 3 * log(4 / 3)),
            {"alpha": 1.0, "beta": 3.0, "temperature": 1.0}, {"input": [[0.0625 + 0.5, 0.0625 - 0.5, -0.125]]}, 1e-12,
        ),
        # the defaults, 1, 8 and 4, with scores four times as large: (3/5, 2/5) against (1/3, 2/3), and halves
        SetCase(
            {"input": [[0.0] * 3], "teacher": [[4 * log(3), 0.0, 0.0]], "target": [0]},
            16 * (0.6 * log(1.8) + 0.4 * log(0.6)), tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def dkd_loss(
    input: Tensor,
    teacher: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 1.0,
    beta: float | Tensor = 8.0,
    temperature: float | Tensor = 4.0,
) -> Tensor:
    """Distillation in two parts with weights: how sure of the true class (`alpha`), how the rest is shared (`beta`).

    For a teacher that is sure and right. In `distillation_loss` the second part is weighted by how unsure the teacher
    is, so that a good teacher teaches little of it. With alpha = 1 and beta = 1 - q_y the two would be the same. It
    needs at least three classes.
    """
    own = torch.zeros_like(input).scatter(1, target.unsqueeze(1), 1.0) > 0
    parts = []
    for scores in (teacher / temperature, input / temperature):
        rest = scores.masked_fill(own, -torch.inf)
        sure = torch.stack([scores.gather(1, target.unsqueeze(1)).squeeze(1), rest.logsumexp(1)], 1).log_softmax(1)
        parts += [sure, rest.log_softmax(1)]
    value = alpha * divergence(parts[0], parts[2]) + beta * divergence(parts[1], parts[3])
    return temperature * temperature * value


CROWD = Layout({"input": Operand("N D", predicted=True), "teacher": Operand("N E", predicted=True)}, "N", coupled=True)


def lengths(gap: Tensor) -> Tensor:
    """Euclidean lengths over the last dimension, with no slope at 0."""
    square = gap.square().sum(-1)
    none = square == 0
    return torch.where(none, 0.0, torch.where(none, 1.0, square).sqrt())


def present(input: Tensor, mask: Tensor | None) -> Tensor:
    return torch.ones_like(input[:, 0]) if mask is None else mask.to(input.dtype)


def relative_distances(rows: Tensor, both: Tensor) -> Tensor:
    """All distances between rows, over the mean of those that are not 0 between rows that are there."""
    far = lengths(rows.unsqueeze(0) - rows.unsqueeze(1)) * both
    mean = far.sum() / (far > 0).sum().clamp(min=1)
    return far / torch.where(mean > 0, mean, 1.0)


@loss(
    kind="set",
    formula=r"\frac{1}{N}\sum_j \mathrm{huber}\Big(\frac{\lVert s_i - s_j\rVert}{\bar d_s}"
    r" - \frac{\lVert t_i - t_j\rVert}{\bar d_t}\Big)",
    source="Park et al., Relational knowledge distillation, CVPR 2019",
    task="distillation",
    layout=CROWD,
    module_name="RKDDistanceLoss",
    uses=(lengths, present, relative_distances),
    facts=Facts(),
    cases=(
        # distances 1, 3, 2 over their mean 2; the teacher's 5, 5, 10 over 20/3: .5, 1.5, 1 against .75, .75, 1.5
        # rows: (.25^2 + .75^2) / 2, (.25^2 + .5^2) / 2 and (.75^2 + .5^2) / 2, each over 3
        SetCase(
            {"input": [[0.0], [1.0], [3.0]], "teacher": [[0.0, 0.0], [3.0, 4.0], [-3.0, -4.0]]},
            [0.625 / 6, 0.3125 / 6, 0.8125 / 6], {"reduction": "none"},
            # by the distances 2/3 (e / 2 - 1/12), as the mean has them all: -5/36, 7/36, -2/9; each pulls its two rows
            {"input": [[-1 / 18], [1 / 12], [-1 / 36]]}, 1e-12,
        ),
        # a pair alone is as far apart as its mean, and so nothing can be wrong
        SetCase(
            {"input": [[0.0, 0.0], [3.0, 4.0]], "teacher": [[1.0], [0.0]]}, 0.0, {}, {"input": [[0.0, 0.0]] * 2}, 1e-12,
        ),
    ),
)  # fmt: skip
def rkd_distance_loss(input: Tensor, teacher: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """The student's embeddings should be as far from each other as the teacher's, measured by the mean distance.

    For a student that should keep the teacher's neighbours, not its numbers. Student and teacher may have different
    widths, as only distances are compared, each over the mean of its batch. The difference costs its square up to one
    mean distance, and beyond that its size. A gradient at equal rows is 0; NaN in some implementations.
    """
    here = present(input, mask)
    both = here.unsqueeze(0) * here.unsqueeze(1)
    gap = relative_distances(input, both) - relative_distances(teacher, both)
    return F.huber_loss(gap, torch.zeros_like(gap), reduction="none").sum(1) / here.sum().clamp(min=1)


PULL = 2 / 9 * (sqrt(0.5) + 0.5)  # of the case below


def directions(rows: Tensor) -> Tensor:
    """Unit vectors (N, N, D) from each row to each other; 0 between equal rows."""
    gap = rows.unsqueeze(0) - rows.unsqueeze(1)
    far = lengths(gap)
    return gap / torch.where(far > 0, far, 1.0).unsqueeze(-1)


@loss(
    kind="set",
    formula=r"\frac{1}{N^2}\sum_{j, k}\mathrm{huber}(\cos\angle s_j s_i s_k - \cos\angle t_j t_i t_k)",
    source="Park et al., Relational knowledge distillation, CVPR 2019",
    task="distillation",
    layout=CROWD,
    module_name="RKDAngleLoss",
    uses=(lengths, present, directions),
    facts=Facts(Interval(0, 1.5)),
    cases=(
        # a right angle at the first row and two of 45 degrees; the teacher's lie on a line, in the order 1, 0, 2
        # angles: 0 against -1, and cos 45 against 1; each angle twice of nine
        SetCase(
            {"input": [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], "teacher": [[0.0], [-1.0], [2.0]]},
            [1 / 9, (1 - sqrt(0.5)) ** 2 / 9, (1 - sqrt(0.5)) ** 2 / 9], {"reduction": "none"},
            # the corner's cosine moves by (0, 1) with its neighbour, the other two by (0, sqrt(1/2)) with the corner
            {"input": [[-PULL, -PULL], [0.0, PULL], [PULL, 0.0]]},
            1e-12,
        ),
        # turned and stretched, all angles stay
        SetCase(
            {"input": [[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]], "teacher": [[1.0, 1.0], [1.0, 3.0], [-5.0, 1.0]]}, 0.0, {},
            {"input": [[0.0, 0.0]] * 3}, 1e-12,
        ),
    ),
)  # fmt: skip
def rkd_angle_loss(input: Tensor, teacher: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """The student's embeddings should form the same angles as the teacher's, for all triples of a batch.

    For the shape of the teacher's embedding, whatever its size. Each row has a value: the mean over all pairs as seen
    from it. The authors add it, twice as heavy, to `rkd_distance_loss`. It takes memory for all triples, so keep
    batches to some hundreds.
    """
    here = present(input, mask)
    found = []
    for rows in (input, teacher):
        unit = directions(rows)
        found.append(unit @ unit.transpose(1, 2))
    gap = (found[0] - found[1]) * here.unsqueeze(0) * here.unsqueeze(1)
    value = F.huber_loss(gap * here.view(-1, 1, 1), torch.zeros_like(gap), reduction="none").sum((1, 2))
    return value / here.sum().square().clamp(min=1)


@loss(
    kind="set",
    formula=r"\frac{1}{L}\Big\lVert\frac{a_s}{\lVert a_s\rVert} - \frac{a_t}{\lVert a_t\rVert}\Big\rVert^2,"
    r"\quad a = \tfrac1C\textstyle\sum_c f_c^2",
    source="Zagoruyko and Komodakis, Paying more attention to attention, ICLR 2017",
    task="distillation",
    layout=Layout(
        {"input": Operand("N C L", predicted=True), "teacher": Operand("N E L", predicted=True)}, "N"
    ),
    uses=(lengths,),
    facts=Facts(Interval(0, 1)),
    cases=(
        # maps (3, 4) and (1, 0), so (.6, .8) against (1, 0): (.16 + .64) / 2
        SetCase(
            {"input": [[[sqrt(3), 2.0]]], "teacher": [[[1.0, 0.0], [1.0, 0.0]]]}, 0.4, {},
            # the map's length r = 5; by the map: (a (a . t) / r^2 - t) / r for its unit t = (1, 0); times 2 f
            {"input": [[[2 * sqrt(3) * (9 / 25 - 1) / 5, 4 * (12 / 25) / 5]]]}, 1e-12,
        ),
        # two channels in the student: (1 + 1) / 2 and (4 + 0) / 2, so (1, 2) / sqrt(5) against (0, 1)
        SetCase(
            {"input": [[[1.0, 2.0], [1.0, 0.0]]], "teacher": [[[0.0, 3.0]]]}, 1 - 2 / sqrt(5), tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def attention_transfer_loss(input: Tensor, teacher: Tensor) -> Tensor:
    """The student's features should be strong where the teacher's are: squared distance of their normed maps.

    For networks of images with layers of one resolution, beside a loss of the outputs. Features are (N, channels,
    places): flatten height and width first. The numbers of channels may differ, the places may not. The mean over
    places is the authors'; a map of nothing but zeros stays zero.
    """
    maps = []
    for features in (input, teacher):
        energy = features.square().mean(1)
        size = lengths(energy)
        maps.append(energy / torch.where(size > 0, size, 1.0).unsqueeze(1))
    return (maps[0] - maps[1]).square().mean(1)
