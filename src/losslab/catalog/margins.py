"""Losses on margins: how far a score lies on the right side. Below, x is the score, positive for a yes, m the margin.

y is 1 or 0, and -1 or +1 where torch wants signs. A target between 0 and 1 is the probability of a yes: the loss is
then the mean over both answers.
"""

from math import exp, inf, log

import torch
import torch.nn.functional as F
from torch import Tensor

from losslab.catalog.classification import by_class, guarded
from losslab.spec.declare import loss
from losslab.spec.facts import Facts
from losslab.spec.interval import NON_NEGATIVE, UNIT, Interval
from losslab.spec.record import Case, Parameter

MARGIN = Parameter(NON_NEGATIVE, search=Interval(0.2, 5), log=True)
BOOSTING = "Friedman, Hastie and Tibshirani, Additive logistic regression: a statistical view of boosting, "
BOOSTING += "Annals of Statistics 2000"


def sides(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The score as an answer of yes and as one of no; 0 for an answer of probability 0, where inf would give NaN."""
    return input.masked_fill(target == 0, 0.0), -input.masked_fill(target == 1, 0.0)


def both_ends(margin: float) -> tuple[float, ...]:
    """The scores at which a hinge starts to act, for a no and for a yes."""
    return (-margin, margin)


@loss(
    kind="pointwise",
    formula=r"\log(1 + e^{-y x}),\quad y = \pm 1",
    source=BOOSTING,
    task="binary",
    link="sigmoid",
    target="sign",
    group="log_loss",
    torch_name="soft_margin_loss",
    by_default=False,
    facts=Facts(
        attained=lambda target: target * inf, convex=True, smooth=True, lipschitz=1.0, best_constant="log odds",
        proper=True,
    ),
    cases=(
        # ln(1 + e^-ln 3) = ln(4/3) and ln(1 + e^(ln 4)) = ln 5, halved; slopes -y / (1 + e^(y x)) = -1/4, -4/5, halved
        Case([log(3), -log(4)], [1.0, 1.0], (log(4 / 3) + log(5)) / 2, {}, [-0.125, -0.4], tolerance=1e-12),
        # a no: ln(1 + 3), slope 3/4; far off, the score itself; far on the right side, e^-20
        Case(
            [log(3), -100.0, 20.0], [-1.0, 1.0, 1.0], [log(4), 100.0, 2.0611536203143807e-09], {"reduction": "none"},
            [0.75, -1.0, -2.061153618190204e-09], tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def soft_margin_loss(input: Tensor, target: Tensor) -> Tensor:
    """Log loss of logits, for targets -1 and +1.

    For code that has such targets already; it is binary_cross_entropy_with_logits of (target + 1) / 2, which also takes
    probabilities and `pos_weight`. A target of 0 gives log 2 whatever the score is, and trains nothing.
    torch's own takes exp(-y x) and gives inf, with a gradient of NaN, where that overflows.
    """
    return F.softplus(-target * input, threshold=40.0)  # from 40 on, softplus(x) rounds to x in float64 too


@loss(
    kind="pointwise",
    formula=r"x \text{ if } y = 1,\quad \max(0, m - x) \text{ if } y = -1",
    source="Mobahi, Collobert and Weston, Deep learning from temporal coherence in video, ICML 2009",
    task="binary",
    target="sign",
    input_domain=NON_NEGATIVE,
    untunable="it reads the distance between two embeddings, and a model gives a score",
    bounds={"margin": MARGIN},
    kinks=lambda margin: (margin,),
    torch_name="hinge_embedding_loss",
    positional=("margin",),
    module_positional=("margin",),
    by_default=False,
    facts=Facts(
        attained=lambda target, margin: margin * (1 - target) / 2, convex=True, smooth=lambda margin: margin == 0,
        lipschitz=1.0,
    ),
    cases=(
        # .3 for a similar pair; 1 - .75 and nothing for dissimilar ones
        Case(
            [0.3, 0.75, 1.5], [1.0, -1.0, -1.0], [0.3, 0.25, 0.0], {"reduction": "none"}, [1.0, -1.0, 0.0],
            tolerance=1e-12,
        ),
        Case([0.5, 1.5, 4.0], [-1.0, -1.0, 1.0], 6.5 / 3, {"margin": 2.25}, [-1 / 3, -1 / 3, 1 / 3], tolerance=1e-12),
    ),
)  # fmt: skip
def hinge_embedding_loss(input: Tensor, target: Tensor, *, margin: float | Tensor = 1.0) -> Tensor:
    """Pulls the distances of similar pairs (+1) to 0 and pushes those of dissimilar pairs (-1) beyond `margin`.

    The input is a distance, 0 or more, such as the L1 norm of a difference of embeddings. It is no score: below 0 the
    loss of a similar pair falls without end, so no search trains with it; for scores take hinge_loss.
    A target that is neither -1 nor +1 counts as both, as in torch.
    """
    similar, dissimilar = torch.where(target != -1, input, 0.0), torch.where(target != 1, (margin - input).relu(), 0.0)
    return similar + dissimilar


@loss(
    kind="pointwise",
    formula=r"y\max(0, m - x) + (1 - y)\max(0, m + x)",
    source="Cortes and Vapnik, Support-vector networks, Machine Learning 1995",
    task="binary",
    link="arg-max",
    target="probability",
    target_domain=UNIT,
    bounds={"margin": MARGIN},
    kinks=both_ends,
    by_default=False,
    uses=(sides,),
    facts=Facts(
        attained=lambda target, margin: margin * (2 * target - 1).sign(), convex=True, lipschitz=1.0,
        best_constant="majority",
    ),
    cases=(
        # 1 - .25, 1 - .5, and nothing beyond the margin
        Case([0.25, -0.5, 3.0], [1.0, 0.0, 1.0], 1.25 / 3, {}, [-1 / 3, 1 / 3, 0.0], tolerance=1e-12),
        # margin 2.5: 2.5 - 2, 2.5 + 2; y = .25: (2.5 - 1) / 4 + .75 (2.5 + 1) = 3, slope -.25 + .75
        Case(
            [2.0, 2.0, 1.0], [1.0, 0.0, 0.25], [0.5, 4.5, 3.0], {"margin": 2.5, "reduction": "none"}, [-1.0, 1.0, 0.5],
            tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def hinge_loss(input: Tensor, target: Tensor, *, margin: float | Tensor = 1.0) -> Tensor:
    """How far the score falls short of `margin` on the target's side: the loss of support vector machines.

    For the decision alone: rows beyond the margin count nothing, so training ends on the hard ones. The scores carry no
    probability; where one is needed, take the log loss. One far wrong label pulls with slope 1, not more.
    Targets are 0 and 1. keras's `hinge` takes these or -1 and +1, and decides batch by batch; one label in between, and
    it takes the whole batch for signs. scikit-learn's `metrics.hinge_loss` and `SGDClassifier(loss="hinge")` take any
    two labels. All of these have margin 1.
    """
    yes, no = sides(input, target)
    return target * (margin - yes).relu() + (1 - target) * (margin - no).relu()


@loss(
    kind="pointwise",
    formula=r"y\max(0, m - x)^2 + (1 - y)\max(0, m + x)^2",
    source="Chapelle, Training a support vector machine in the primal, Neural Computation 2007",
    task="binary",
    link="arg-max",
    target="probability",
    target_domain=UNIT,
    bounds={"margin": MARGIN},
    kinks=both_ends,
    by_default=False,
    uses=(sides,),
    facts=Facts(
        attained=lambda target, margin: margin * (2 * target - 1), convex=True, smooth=True, best_constant="mean sign"
    ),
    cases=(
        # .75^2 and .5^2; slopes -2 * .75 and 2 * .5, over three
        Case([0.25, -0.5, 3.0], [1.0, 0.0, 1.0], 0.8125 / 3, {}, [-0.5, 1 / 3, 0.0], tolerance=1e-12),
        # margin 2.5: .5^2, 4.5^2; y = .25: 1.5^2 / 4 + .75 * 3.5^2, slope -.25 * 3 + .75 * 7
        Case(
            [2.0, 2.0, 1.0], [1.0, 0.0, 0.25], [0.25, 20.25, 9.75], {"margin": 2.5, "reduction": "none"},
            [-1.0, 9.0, 4.5], tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def squared_hinge_loss(input: Tensor, target: Tensor, *, margin: float | Tensor = 1.0) -> Tensor:
    """The square of hinge_loss: no corner at the margin, and a pull that grows with the shortfall.

    For clean labels; one far wrong label outweighs many rows, where hinge_loss and modified_huber_loss stay linear.
    `squared_hinge` in keras, and in scikit-learn's `LinearSVC` (its default) and `SGDClassifier`; for their targets see
    hinge_loss.
    """
    yes, no = sides(input, target)
    return target * (margin - yes).relu().square() + (1 - target) * (margin - no).relu().square()


def smoothed(margin: Tensor) -> Tensor:
    """The square of the shortfall from 1, and from -1 on its tangent."""
    short = (1 - margin).relu()
    core = short.clamp(max=2.0)
    return core * (2 * short - core)


@loss(
    kind="pointwise",
    formula=r"y\,\phi(x) + (1 - y)\,\phi(-x),\quad"
    r" \phi(z) = \max(0, 1 - z)^2 \text{ for } z \ge -1,\ -4 z \text{ below}",
    source="Zhang, Solving large scale linear prediction problems using stochastic gradient descent algorithms, "
    "ICML 2004",
    task="binary",
    link="arg-max",
    target="probability",
    target_domain=UNIT,
    kinks=lambda: (-1.0, 1.0),
    by_default=False,
    uses=(sides, smoothed),
    facts=Facts(
        attained=lambda target: 2 * target - 1, convex=True, smooth=True, lipschitz=4.0, best_constant="mean sign"
    ),
    cases=(
        # .75^2, .5^2 and nothing; slopes as in the squared hinge
        Case([0.25, -0.5, 3.0], [1.0, 0.0, 1.0], 0.8125 / 3, {}, [-0.5, 1 / 3, 0.0], tolerance=1e-12),
        # beyond -1: 4 * 1.5 and 4 * 2; y = .25 at 3: nothing / 4 + .75 * 12
        Case(
            [-1.5, 2.0, 3.0], [1.0, 0.0, 0.25], [6.0, 8.0, 9.0], {"reduction": "none"}, [-4.0, 4.0, 3.0],
            tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def modified_huber_loss(input: Tensor, target: Tensor) -> Tensor:
    """The squared hinge, made linear where the score is beyond the margin on the wrong side.

    A middle way: smooth at the margin, and a wrong label pulls with slope 4 at most. It is scikit-learn's
    `SGDClassifier(loss="modified_huber")`, which reads min(max((x + 1) / 2, 0), 1) as a probability. It is no
    relative of huber_loss, which is for real targets.
    """
    yes, no = sides(input, target)
    return target * smoothed(yes) + (1 - target) * smoothed(no)


def steep(value: Tensor) -> Tensor:
    """exp(value), from 70 on along its tangent: float32 ends at exp(88), and leaves room for a sum of rows."""
    return value.clamp(max=70.0).exp() * (1 + (value - 70.0).relu())


@loss(
    kind="pointwise",
    formula=r"y\,e^{-x} + (1 - y)\,e^x",
    source="Freund and Schapire, A decision-theoretic generalization of on-line learning and an application to "
    f"boosting, Journal of Computer and System Sciences 1997; {BOOSTING}",
    task="binary",
    link="arg-max",
    target="probability",
    target_domain=UNIT,
    by_default=False,
    uses=(sides, steep),
    facts=Facts(
        attained=lambda target: target.logit() / 2, convex=True, smooth=True, best_constant="half log odds"
    ),
    cases=(
        # e^-ln 3 = 1/3 and e^ln 4 = 4 for a yes, halved
        Case([log(3), -log(4)], [1.0, 1.0], 13 / 6, {}, [-1 / 6, -2.0], tolerance=1e-12),
        # a no: 3; y = .25: 1/8 + .75 * 2, slope -1/8 + 1.5; at 71 the tangent from 70: 2 e^70
        Case(
            [log(3), log(2), -71.0], [0.0, 0.25, 1.0], [3.0, 1.625, 2 * exp(70)], {"reduction": "none"},
            [3.0, 1.375, -exp(70)], tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def exponential_loss(input: Tensor, target: Tensor) -> Tensor:
    """AdaBoost's loss: the pull of a row grows as the exponential of how wrong it is.

    For clean labels and small scores; one far wrong label drowns a batch, where the log loss does not. Its best score
    is half the log odds, so the probability is sigmoid(2 x); a search does not know this and uses the decision alone.
    On the wrong side beyond 70 it goes on along its tangent instead of to infinity.
    scikit-learn has it as `GradientBoostingClassifier(loss="exponential")`, with half the log odds as its score too.
    """
    yes, no = sides(input, target)
    return target * steep(-yes) + (1 - target) * steep(-no)


@loss(
    kind="rowwise",
    formula=r"\max(0, m - x_y + \max_{c \ne y} x_c)",
    source="Crammer and Singer, On the algorithmic implementation of multiclass kernel-based vector machines, "
    "Journal of Machine Learning Research 2001",
    task=("binary", "multiclass"),
    outputs="classes",
    link="arg-max",
    target="class",
    bounds={"margin": MARGIN},
    group="hinge_loss",
    takes_weight=True,
    takes_ignore_index=True,
    by_default=False,
    uses=(guarded, by_class),
    facts=Facts(
        attained=lambda target, margin: margin * target, convex=True, lipschitz=2**0.5
    ),
    cases=(
        # the best rival of 3 is 2.5: 1 - 3 + 2.5
        Case([1.0, 3.0, 2.5], 1, 0.5, {}, [0.0, -1.0, 1.0], tolerance=1e-12),
        # margin 2.5, all scores negative: 2.5 + 3 - 1; weights .5 and 3: (.5 * 2 + 3 * 4.5) / 3.5
        Case(
            [[1.0, 3.0, 2.5], [-3.0, -2.0, -1.0]], [1, 0], 14.5 / 3.5, {"margin": 2.5, "weight": [3.0, 0.5, 2.0]},
            [[0.0, -1 / 7, 1 / 7], [-6 / 7, 0.0, 6 / 7]], tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def crammer_singer_loss(
    input: Tensor, target: Tensor, *, margin: float | Tensor = 1.0, weight: Tensor | None = None
) -> Tensor | tuple[Tensor, Tensor]:
    """How far the best of the other classes comes within `margin` of the target's: the multiclass hinge.

    For the decision alone; the scores carry no probability. One rival is pushed at a time, where multi_margin_loss,
    torch's, sums over all and divides by the number of classes (Weston and Watkins): with many classes take that one.
    jaxopt's `multiclass_hinge_loss` and scikit-learn's `hinge_loss` of more than two classes are this one. keras's
    `categorical_hinge` is not where all rivals score below 0: it takes the largest of them and 0.
    """
    own = target.unsqueeze(-1)
    rival = input.scatter(-1, own, float("-inf")).amax(-1)
    return by_class((rival - input.gather(-1, own).squeeze(-1) + margin).relu(), target, weight)
