"""Overlap losses that say what counts as wrong: Jaccard, and Tversky's index with a price for each kind of mistake."""

from math import log

import torch
from torch import Tensor

from losslab.catalog.segmentation import (
    BY_CHANNEL,
    BY_CLASS,
    CHANNEL,
    CHANNEL_HELPERS,
    CLASS_HELPERS,
    COUNTED,
    PIXELS,
    SMOOTH,
    already_sigmoid,
    already_softmax,
    channel_regions,
    class_regions,
    counted,
    not_probabilities,
    ratio,
)
from losslab.spec.declare import loss
from losslab.spec.facts import Facts, certain
from losslab.spec.interval import NON_NEGATIVE, POSITIVE, UNIT, Interval
from losslab.spec.layout import Layout
from losslab.spec.record import Parameter, SetCase

JACCARD = r"1 - \frac{\sum_i p_{ci} t_{ci} + s}{\sum_i (p_{ci} + t_{ci} - p_{ci} t_{ci}) + s}"
INTERSECTION = (
    "Rahman and Wang, Optimizing intersection-over-union in deep neural networks for image segmentation, ISVC 2016"
)
TVERSKY = r"""1 - \frac{\sum_i p_{ci} t_{ci} + s}
{\sum_i p_{ci} t_{ci} + \alpha\sum_i p_{ci}(1 - t_{ci}) + \beta\sum_i (1 - p_{ci})t_{ci} + s}"""
SALEHI = (
    "Salehi et al., Tversky loss function for image segmentation using 3D fully convolutional deep networks, MLMI 2017"
)
PRICE = Parameter(NON_NEGATIVE, search=Interval(0.1, 0.9))
# Channels that share .5 and .9 with the target, have .2 and .3 too much and lack .5 and .1; and one that is not there.
WEIGHTED = {
    "input": [[[0.5, 0.2], [0.3, 0.9], [0.5, 0.5]]],
    "target": [[[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]],
    "weight": [2.0, 5.0, 9.0],
}


def jaccard(both: Tensor, over: Tensor, under: Tensor, smooth: float | Tensor) -> Tensor:
    return ratio(over + under, both + over + under + smooth)


def tversky(
    both: Tensor, over: Tensor, under: Tensor, alpha: float | Tensor, beta: float | Tensor, smooth: float | Tensor
) -> Tensor:
    wrong = alpha * over + beta * under
    return ratio(wrong, both + wrong + smooth)


def power(value: Tensor, exponent: float | Tensor) -> Tensor:
    """value ** exponent of what is not negative; at 0 the slope is 0 too."""
    none = value == 0
    return torch.where(none, 0.0, torch.where(none, 1.0, value) ** exponent)


@loss(
    kind="set",
    formula=JACCARD,
    source=INTERSECTION,
    task="segmentation",
    outputs="classes",
    link="softmax",
    target="class or distribution",
    layout=Layout(BY_CLASS, "N C", mask="N *"),
    bounds={"smooth": SMOOTH},
    choices=COUNTED,
    takes_ignore_index=True,
    refuses=not_probabilities,
    smells=already_softmax,
    uses=(*CLASS_HELPERS, jaccard),
    facts=Facts(UNIT, attained=certain, smooth=True, unknown=("lipschitz",)),
    cases=(
        # wrong: .4 + .25 of either class; both have .75 and .6;
        SetCase(
            PIXELS, (0.65 / 1.9 + 0.65 / 1.75) / 2, {"smooth": 0.5, "from_logits": False},
            {"input": [[[-0.5 / 1.9, 0.5 * 1.25 / 1.9**2], [0.5 * 1.1 / 1.75**2, -0.5 / 1.75]]]}, 1e-12,
        ),
        # squares: .25 ** 2 + .4 ** 2 of either, and both have .75 and .6
        SetCase(
            {"input": [[[log(3), log(2)], [0.0, log(3)]]], "target": [[0, 1]], "weight": [1.0, 3.0]},
            (0.2225 / 0.9725 + 3 * 0.2225 / 0.8225) / 4, {"squared": True, "smooth": 0.0}, tolerance=1e-12,
        ),
        SetCase(
            {**PIXELS, "target": [[0, 9]]}, 0.25,
            {"smooth": 0.0, "from_logits": False, "ignore_index": 9, "classes": "present"}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def jaccard_loss(
    input: Tensor,
    target: Tensor,
    *,
    smooth: float | Tensor = 1e-5,
    squared: bool = False,
    classes: str = "all",
    from_logits: bool = True,
    weight: Tensor | None = None,
    mask: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """One minus intersection over union of prediction and target of each class and image, after a softmax.

    Where the metric is IoU. It orders predictions of one region as Dice does, since without smoothing it is
    2 D / (1 + D) of the Dice loss D; so not in the hope of another ranking. The unreduced loss is (N, C). It is that of
    segmentation_models_pytorch, but of each image and not of the batch as one; MONAI's `DiceLoss(jaccard=True)`
    doubles the union and not the smoothing, so that its 1e-5 is 5e-6 here.
    """
    both, over, under = class_regions(input, target, mask, from_logits, squared)
    return counted(jaccard(both, over, under, smooth), both + under, weight, classes)


@loss(
    kind="set",
    formula=JACCARD,
    source=INTERSECTION,
    task="segmentation",
    link="sigmoid",
    target="probability",
    layout=Layout(BY_CHANNEL, "N C", mask="N C *"),
    bounds={"smooth": SMOOTH},
    choices=COUNTED,
    takes_ignore_index=True,
    refuses=not_probabilities,
    smells=already_sigmoid,
    uses=(*CHANNEL_HELPERS, jaccard),
    facts=Facts(UNIT, smooth=True, unknown=("lipschitz",)),
    cases=(
        # wrong: .5 + .2 + .2, both have 1.3, and .5 for smoothness
        SetCase(
            CHANNEL, 0.9 / 2.7, {"smooth": 0.5, "from_logits": False},
            {"input": [[[-1 / 2.7, 1.8 / 2.7**2, -1 / 2.7]]]}, 1e-12,
        ),
        SetCase(
            {"input": [[[0.0, -log(4), log(4)]]], "target": CHANNEL["target"]}, 0.33 / 1.63,
            {"squared": True, "smooth": 0.0}, tolerance=1e-12,
        ),
        # the third channel is not in the target
        SetCase(
            WEIGHTED, (2 * 0.7 / 1.2 + 5 * 0.4 / 1.3) / 7,
            {"from_logits": False, "smooth": 0.0, "classes": "present"}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def sigmoid_jaccard_loss(
    input: Tensor,
    target: Tensor,
    *,
    smooth: float | Tensor = 1e-5,
    squared: bool = False,
    classes: str = "all",
    from_logits: bool = True,
    weight: Tensor | None = None,
    mask: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """One minus intersection over union of each channel and image, after a sigmoid of each score.

    For one channel of yes or no, (N, 1, H, W), or several that may overlap; of an input (N, H, W) each row would be a
    channel. Targets are 0 and 1, or probabilities, in the shape of the input. Everything else is as in `jaccard_loss`.
    """
    both, over, under = channel_regions(input, target, mask, from_logits, squared)
    return counted(jaccard(both, over, under, smooth), both + under, weight, classes)


@loss(
    kind="set",
    formula=TVERSKY,
    source=SALEHI,
    task="segmentation",
    outputs="classes",
    link="softmax",
    target="class or distribution",
    layout=Layout(BY_CLASS, "N C", mask="N *"),
    bounds={"alpha": PRICE, "beta": PRICE, "smooth": SMOOTH},
    choices=COUNTED,
    takes_ignore_index=True,
    refuses=not_probabilities,
    smells=already_softmax,
    uses=(*CLASS_HELPERS, tversky),
    facts=Facts(UNIT, attained=certain, smooth=True, unknown=("lipschitz",)),
    cases=(
        # class 0 has .4 too much and lacks .25, class 1 the other way round: .2 * .4 + .7 * .25 and .2 * .25 + .7 * .4
        SetCase(
            PIXELS, [[0.255 / 1.505, 0.33 / 1.43]],
            {"alpha": 0.2, "beta": 0.7, "smooth": 0.5, "from_logits": False, "reduction": "none"},
            {
                "input": [[
                    [-(0.7 * 1.25 + 0.255) / 1.505**2, 0.2 * 1.25 / 1.505**2],
                    [0.2 * 1.1 / 1.43**2, -(0.7 * 1.1 + 0.33) / 1.43**2],
                ]]
            }, 1e-12,
        ),
        SetCase(
            {"input": [[[log(3), log(2)], [0.0, log(3)]]], "target": [[0, 1]], "weight": [1.0, 3.0]},
            (0.65 / 2.15 + 3 * 0.65 / 1.85) / 4, {"smooth": 0.0}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def tversky_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 0.5,
    beta: float | Tensor = 0.5,
    smooth: float | Tensor = 1e-5,
    classes: str = "all",
    from_logits: bool = True,
    weight: Tensor | None = None,
    mask: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """The overlap loss in which `alpha` is the price of a false positive and `beta` of a false negative.

    For rare classes, of which few should be missed: the paper's best was alpha 0.3, beta 0.7. With both 0.5, the
    default of MONAI and segmentation_models_pytorch too, it is `dice_loss` with twice the smoothing, with both 1 it is
    `jaccard_loss`. Not where both mistakes cost the same: there those two have a parameter less to set.
    The unreduced loss is (N, C), the smoothing as in MONAI; how the packages treat the batch and classes that are not
    there is told at `dice_loss`.
    """
    both, over, under = class_regions(input, target, mask, from_logits)
    return counted(tversky(both, over, under, alpha, beta, smooth), both + under, weight, classes)


@loss(
    kind="set",
    formula=TVERSKY,
    source=SALEHI,
    task="segmentation",
    link="sigmoid",
    target="probability",
    layout=Layout(BY_CHANNEL, "N C", mask="N C *"),
    bounds={"alpha": PRICE, "beta": PRICE, "smooth": SMOOTH},
    choices=COUNTED,
    takes_ignore_index=True,
    refuses=not_probabilities,
    smells=already_sigmoid,
    uses=(*CHANNEL_HELPERS, tversky),
    facts=Facts(UNIT, smooth=True, unknown=("lipschitz",)),
    cases=(
        # both have 1.3; .2 too much, .7 missing: .25 * .2 + .75 * .7 = .575
        SetCase(
            CHANNEL, 0.575 / 2.375, {"alpha": 0.25, "beta": 0.75, "smooth": 0.5, "from_logits": False},
            {"input": [[[-(0.75 * 1.8 + 0.575) / 2.375**2, 0.25 * 1.8 / 2.375**2, -1.925 / 2.375**2]]]}, 1e-12,
        ),
        SetCase(
            {"input": [[[0.0, -log(4), log(4)]]], "target": CHANNEL["target"]}, 0.9 / 3.5, {"smooth": 0.0},
            tolerance=1e-12,
        ),
        SetCase(
            WEIGHTED, (2 * 0.35 / 0.85 + 5 * 0.2 / 1.1) / 7,
            {"from_logits": False, "smooth": 0.0, "classes": "present"}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def sigmoid_tversky_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 0.5,
    beta: float | Tensor = 0.5,
    smooth: float | Tensor = 1e-5,
    classes: str = "all",
    from_logits: bool = True,
    weight: Tensor | None = None,
    mask: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """The Tversky loss of each channel and image, after a sigmoid of each score.

    For one channel of yes or no, (N, 1, H, W), or several that may overlap; of an input (N, H, W) each row would be a
    channel. Targets are 0 and 1, or probabilities, in the shape of the input. Everything else is as in `tversky_loss`.
    """
    both, over, under = channel_regions(input, target, mask, from_logits)
    return counted(tversky(both, over, under, alpha, beta, smooth), both + under, weight, classes)


@loss(
    kind="set",
    formula=r"(1 - T_c)^\gamma, \quad T_c = \frac{\sum_i p_{ci} t_{ci} + s}"
    r"{\sum_i p_{ci} t_{ci} + \alpha\sum_i p_{ci}(1 - t_{ci}) + \beta\sum_i (1 - p_{ci})t_{ci} + s}",
    source="Abraham and Khan, A novel focal Tversky loss function with improved attention U-Net for lesion "
    "segmentation, ISBI 2019",
    task="segmentation",
    outputs="classes",
    link="softmax",
    target="class or distribution",
    layout=Layout(BY_CLASS, "N C", mask="N *"),
    bounds={
        "alpha": PRICE,
        "beta": PRICE,
        "gamma": Parameter(POSITIVE, search=Interval(0.3, 3), log=True),
        "smooth": SMOOTH,
    },
    choices=COUNTED,
    takes_ignore_index=True,
    refuses=not_probabilities,
    smells=already_softmax,
    uses=(*CLASS_HELPERS, tversky, power),
    facts=Facts(UNIT, attained=certain, smooth=True, unknown=("lipschitz",)),
    cases=(
        # the Tversky losses of `tversky_loss`, squared: twice the loss times its slope
        SetCase(
            PIXELS, [[(0.255 / 1.505) ** 2, (0.33 / 1.43) ** 2]],
            {"alpha": 0.2, "beta": 0.7, "gamma": 2.0, "smooth": 0.5, "from_logits": False, "reduction": "none"},
            {
                "input": [[
                    [-2 * 0.255 / 1.505 * 1.13 / 1.505**2, 2 * 0.255 / 1.505 * 0.25 / 1.505**2],
                    [2 * 0.33 / 1.43 * 0.22 / 1.43**2, -2 * 0.33 / 1.43 * 1.1 / 1.43**2],
                ]]
            }, 1e-12,
        ),
        # prices .3 and .7: .3 * .4 + .7 * .25 = .295 beside .75, and .3 * .25 + .7 * .4 = .355 beside .6
        SetCase(
            {"input": [[[log(3), log(2)], [0.0, log(3)]]], "target": [[0, 1]], "weight": [1.0, 3.0]},
            ((0.295 / 1.045) ** 0.75 + 3 * (0.355 / 0.955) ** 0.75) / 4, {"smooth": 0.0}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def focal_tversky_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 0.3,
    beta: float | Tensor = 0.7,
    gamma: float | Tensor = 0.75,
    smooth: float | Tensor = 1e-5,
    classes: str = "all",
    from_logits: bool = True,
    weight: Tensor | None = None,
    mask: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """The Tversky loss of each class and image to the power `gamma`: below 1, a class that is nearly right still pulls.

    For small regions that the Tversky loss leaves half done. Two conventions are in print: the paper writes the
    exponent 1 / gamma with gamma 4/3, its authors' code the exponent 0.75 itself. Here `gamma` is the exponent, as in
    that code; above 1 it is the classes that are mostly wrong that pull, as in focal loss. segmentation_models_pytorch
    raises the mean over the classes to it, not each. The paper's alpha is for false negatives; here, as in
    `tversky_loss`, `alpha` is the price of a false positive and `beta` of a false negative, so that 0.3 and 0.7 are the
    paper's 0.7 and 0.3. Not with `gamma` far below 1: the slope grows without end as the loss goes to 0 (at 0 it is 0).
    """
    both, over, under = class_regions(input, target, mask, from_logits)
    value = power(tversky(both, over, under, alpha, beta, smooth), gamma)
    return counted(value, both + under, weight, classes)
