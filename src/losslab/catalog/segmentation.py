"""Dice and its relatives: how much of a class's region the prediction and the target share, for each image.

Each is the part of the regions that is wrong over the whole, so nothing is subtracted from one and what is empty on
both sides costs nothing. They are often added to a loss of each pixel, and the sum of two losses is a loss:
`dice_loss(x, y) + cross_entropy(x, y)`. For a whole batch as one large image pass
`input.transpose(0, 1).flatten(1)[None]` and `target.flatten()[None]`.
"""

from collections.abc import Mapping
from math import cosh, log, tanh
from typing import Any

import torch
from torch import Tensor

from losslab.spec.declare import loss
from losslab.spec.facts import Facts, certain
from losslab.spec.interval import NON_NEGATIVE, UNIT, Interval
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import Parameter, SetCase

SCORES = Operand("N C *", predicted=True)
CLASSES = Operand("N *", "class or distribution")
WEIGHT = Operand("C", domain=NON_NEGATIVE)
BY_CLASS = {"input": SCORES, "target": CLASSES, "weight": WEIGHT}
BY_CHANNEL = {"input": SCORES, "target": Operand("N C *", "probability"), "weight": WEIGHT}
SMOOTH = Parameter(NON_NEGATIVE, search=Interval(1e-5, 10), log=True)
COUNTED = {"classes": ("all", "present")}
# Two pixels, of classes 0 and 1, that get 3/4 and 3/5; and a channel of three pixels with 1/2, 1/5 and 4/5.
PIXELS = {"input": [[[0.75, 0.4], [0.25, 0.6]]], "target": [[0, 1]]}
CHANNEL = {"input": [[[0.5, 0.2, 0.8]]], "target": [[[1.0, 0.0, 1.0]]]}


def shares_of(target: Tensor, input: Tensor) -> Tensor:
    """Classes (N, *) as 0 and 1 for each class, (N, C, *); distributions as they are."""
    if target.is_floating_point():
        return target
    classes = torch.arange(input.shape[1], device=input.device).reshape(-1, *[1] * (input.ndim - 2))
    return (target.unsqueeze(1) == classes).to(input.dtype)


def total(value: Tensor) -> Tensor:
    """(N, C, *) summed to (N, C)."""
    return value.unsqueeze(-1).flatten(2).sum(-1)


def regions(p: Tensor, t: Tensor, keep: Tensor | None, squared: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Of each class the sums of what both have, of what the prediction has too much, and of what it lacks."""
    over = p * (p - t) if squared else p * (1 - t)
    under = t * (t - p) if squared else t * (1 - p)
    parts = (p * t, over, under)
    both, over, under = parts if keep is None else (torch.where(keep, part, 0.0) for part in parts)
    return total(both), total(over), total(under)


def class_regions(
    input: Tensor, target: Tensor, mask: Tensor | None, from_logits: bool, squared: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """The regions of classes that exclude each other."""
    p = input.softmax(1) if from_logits else input
    return regions(p, shares_of(target, p), None if mask is None else mask.unsqueeze(1), squared)


def channel_regions(
    input: Tensor, target: Tensor, mask: Tensor | None, from_logits: bool, squared: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """The regions of channels that may overlap."""
    return regions(input.sigmoid() if from_logits else input, target, mask, squared)


def ratio(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole, and 0 of nothing."""
    nothing = whole == 0
    return torch.where(nothing, 0.0, part) / torch.where(nothing, 1.0, whole)


def counted(value: Tensor, size: Tensor, weight: Tensor | None, classes: str) -> Tensor | tuple[Tensor, Tensor]:
    """The value of each class times its weight, and that weight, 0 where only classes in the target count."""
    if weight is None and classes == "all":
        return value
    own = torch.ones_like(value) if weight is None else weight.expand_as(value)
    own = own * (size > 0) if classes == "present" else own
    return value * own, own


def dice(both: Tensor, over: Tensor, under: Tensor, smooth: float | Tensor) -> Tensor:
    return ratio(over + under, 2 * both + over + under + smooth)


def not_probabilities(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    """What is wrong with an input of probabilities."""
    input = operands["input"]
    if options["from_logits"] or input.numel() == 0:
        return None
    low, high = (float(end) for end in input.aminmax())
    if low >= -1e-5 and high <= 1 + 1e-5:
        return None
    return f"from_logits=False wants probabilities, but input has values from {low:g} to {high:g}. Leave it at True"


def already_softmax(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    input = operands["input"]
    if input.shape[1] == 1:
        return "input has one class, and the softmax of one score is 1. For one channel use the sigmoid loss"
    if not options["from_logits"] or input.numel() == 0 or input.min() < 0:
        return None
    if ((input.sum(1) - 1).abs() < 1e-3).all():
        return "input sums to one over the classes: softmax was applied already. Pass the scores, or from_logits=False"
    return None


def already_sigmoid(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    input = operands["input"]
    if options["from_logits"] and input.numel() >= 32 and input.min() > 0 and input.max() < 1:
        return "all inputs lie between 0 and 1: a sigmoid was applied already? Pass the scores, or from_logits=False"
    return None


CLASS_HELPERS = (shares_of, total, regions, class_regions, ratio, counted)
CHANNEL_HELPERS = (total, regions, channel_regions, ratio, counted)


@loss(
    kind="set",
    formula=r"1 - \frac{2\sum_i p_{ci} t_{ci} + s}{\sum_i p_{ci} + \sum_i t_{ci} + s}",
    source="Milletari et al., V-Net: fully convolutional neural networks for volumetric medical image segmentation, "
    "3DV 2016",
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
    uses=(*CLASS_HELPERS, dice),
    facts=Facts(UNIT, attained=certain, smooth=True, unknown=("lipschitz",)),
    cases=(
        # wrong: .4 + .25 of either class; the whole, with smooth .5: 1.15 + 1 + .5 and .85 + 1 + .5
        SetCase(
            PIXELS, (0.65 / 2.65 + 0.65 / 2.35) / 2, {"smooth": 0.5, "from_logits": False},
            {"input": [[[-1.65 / 2.65**2, 1 / 2.65**2], [0.85 / 2.35**2, -1.5 / 2.35**2]]]}, 1e-12,
        ),
        # squares: .25 ** 2 + .4 ** 2 of either; the whole is .5625 + .16 + 1 and .0625 + .36 + 1
        SetCase(
            {"input": [[[log(3), log(2)], [0.0, log(3)]]], "target": [[0, 1]]},
            [[0.2225 / 1.7225, 0.2225 / 1.4225]], {"squared": True, "smooth": 0.0, "reduction": "none"},
            tolerance=1e-12,
        ),
        # weights 1 and 3
        SetCase(
            {**PIXELS, "weight": [1.0, 3.0]}, (0.65 / 2.15 + 3 * 0.65 / 1.85) / 4,
            {"smooth": 0.0, "from_logits": False}, tolerance=1e-12,
        ),
        # pixel 1 is ignored: of class 0 it has .75 right and .25 wrong; class 1 is not there
        SetCase(
            {**PIXELS, "target": [[0, 9]]}, 0.25 / 1.75,
            {"smooth": 0.0, "from_logits": False, "ignore_index": 9, "classes": "present"}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def dice_loss(
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
    """One minus the overlap of prediction and target of each class and image, after a softmax over the classes.

    For regions that are small beside the background; a loss of each pixel added to it trains more steadily. Not for
    calibrated probabilities: it pushes them to 0 and 1. The unreduced loss is (N, C), as in MONAI, whose `smooth_nr`
    and `smooth_dr` are `smooth`, with the same default, and whose mean of weighted classes is `normalize="count"`.
    segmentation_models_pytorch takes the whole batch as one image, does not smooth, and a class that the target lacks
    costs nothing there but counts in the mean. kornia takes all classes of an image as one region, or with
    `average="macro"` averages those that it has (`classes="present"`), image by image, and its eps stands in the
    denominator only.
    A class that the target lacks costs S / (S + smooth) for S predicted: 1 with next to no gradient, unless `smooth`
    is about 1. A `weight` of 0 leaves out a class such as the background. squared: p ** 2 and t ** 2 in the
    denominator, as in the paper; only then is a soft target itself the best prediction.
    """
    both, over, under = class_regions(input, target, mask, from_logits, squared)
    return counted(dice(both, over, under, smooth), both + under, weight, classes)


@loss(
    kind="set",
    formula=r"1 - \frac{2\sum_i p_{ci} t_{ci} + s}{\sum_i p_{ci} + \sum_i t_{ci} + s}",
    source="Milletari et al., V-Net: fully convolutional neural networks for volumetric medical image segmentation, "
    "3DV 2016",
    task="segmentation",
    link="sigmoid",
    target="probability",
    layout=Layout(BY_CHANNEL, "N C", mask="N C *"),
    bounds={"smooth": SMOOTH},
    choices=COUNTED,
    takes_ignore_index=True,
    refuses=not_probabilities,
    smells=already_sigmoid,
    uses=(*CHANNEL_HELPERS, dice),
    facts=Facts(UNIT, smooth=True, unknown=("lipschitz",)),
    cases=(
        # wrong: .5 + .2 + .2; the whole: 1.5 + 2 + .5
        SetCase(
            CHANNEL, 0.9 / 4, {"smooth": 0.5, "from_logits": False},
            {"input": [[[-4.9 / 16, 3.1 / 16, -4.9 / 16]]]}, 1e-12,
        ),
        # odds of 1, 1/4 and 4 are the same chances; squares: .25 + .04 + .04 of .25 + .04 + .64 + 2
        SetCase(
            {"input": [[[0.0, -log(4), log(4)]]], "target": CHANNEL["target"]}, 0.33 / 2.93,
            {"squared": True, "smooth": 0.0}, tolerance=1e-12,
        ),
        # the second channel is ignored but for one pixel; weights 1 and 2
        SetCase(
            {"input": [[[0.5, 0.2], [0.3, 0.9]]], "target": [[[1.0, 0.0], [1.0, 7.0]]], "weight": [1.0, 2.0]},
            (0.7 / 1.7 + 2 * 0.7 / 1.3) / 3, {"from_logits": False, "smooth": 0.0, "ignore_index": 7}, tolerance=1e-12,
        ),
        # only the first channel is in the target
        SetCase(
            {"input": [[[0.5, 0.2], [0.3, 0.9]]], "target": [[[1.0, 0.0], [0.0, 0.0]]]}, 0.7 / 1.7,
            {"from_logits": False, "smooth": 0.0, "classes": "present"}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def sigmoid_dice_loss(
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
    """One minus the overlap of prediction and target of each channel and image, after a sigmoid of each score.

    For one channel of yes or no, (N, 1, H, W), or several that may overlap; of an input (N, H, W) each row would be a
    channel. Targets are 0 and 1, or probabilities, in the shape of the input. Everything else is as in `dice_loss`.
    """
    both, over, under = channel_regions(input, target, mask, from_logits, squared)
    return counted(dice(both, over, under, smooth), both + under, weight, classes)


def volume_weights(size: Tensor, weighting: str) -> Tensor:
    """1 / size, its square, or 1, for each class, over the largest of an image; 1 for a class that is not there."""
    there = size > 0
    smallest = torch.where(there, size, torch.inf).amin(1, keepdim=True)
    smaller = torch.where(there, smallest / torch.where(there, size, 1.0), 1.0)
    return smaller.pow({"square": 2, "simple": 1, "uniform": 0}[weighting])


@loss(
    kind="set",
    formula=r"1 - \frac{2\sum_c w_c\sum_i p_{ci} t_{ci} + s}{\sum_c w_c\sum_i (p_{ci} + t_{ci}) + s}, \quad "
    r"w_c \propto \left(\textstyle\sum_i t_{ci}\right)^{-2}",
    source="Sudre et al., Generalised Dice overlap as a deep learning loss function for highly unbalanced "
    "segmentations, DLMIA 2017",
    task="segmentation",
    outputs="classes",
    link="softmax",
    target="class or distribution",
    layout=Layout(BY_CLASS, "N", mask="N *"),
    bounds={"smooth": SMOOTH},
    choices={"weighting": ("square", "simple", "uniform")},
    takes_ignore_index=True,
    refuses=not_probabilities,
    smells=already_softmax,
    uses=(*CLASS_HELPERS, volume_weights),
    facts=Facts(UNIT, attained=certain, smooth=True, unknown=("lipschitz",)),
    cases=(
        # one pixel of class 0, two of class 1: weights 1 and 1/4; wrong of either: .6 + .5 + .2 = 1.3;
        # predicted and in the target: 1.1 + 1 and 1.9 + 2
        SetCase(
            {"input": [[[0.4, 0.5, 0.2], [0.6, 0.5, 0.8]]], "target": [[0, 1, 1]]},
            (1.3 + 1.3 / 4) / (2.1 + 3.9 / 4 + 0.5), {"smooth": 0.5, "from_logits": False}, tolerance=1e-12,
        ),
        # weights 1 and 1/2, times 1 and 3, with nothing for smoothness
        SetCase(
            {"input": [[[0.4, 0.5, 0.2], [0.6, 0.5, 0.8]]], "target": [[0, 1, 1]], "weight": [1.0, 3.0]},
            (1.3 + 1.5 * 1.3) / (2.1 + 1.5 * 3.9),
            {"smooth": 0.0, "from_logits": False, "weighting": "simple"}, tolerance=1e-12,
        ),
        # class 1 is not there: it weighs 1 too. Wrong .25 + .25 of 1.75 + .25; by p0: -(2 + .5) / 4, by p1: 1.5 / 4
        SetCase(
            {"input": [[[0.75], [0.25]]], "target": [[0]]}, 0.25, {"smooth": 0.0, "from_logits": False},
            {"input": [[[-2.5 / 4], [1.5 / 4]]]}, 1e-12,
        ),
    ),
)  # fmt: skip
def generalized_dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    smooth: float | Tensor = 1e-5,
    weighting: str = "square",
    from_logits: bool = True,
    weight: Tensor | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Dice over all classes of an image at once, where a class counts by one over its squared number of pixels.

    For classes of very different sizes: the smallest decides. Not where it is a handful of noisy pixels: then they
    decide; `weighting="simple"` (one over the number) and "uniform" are milder. The unreduced loss is (N,). A class
    that is not in the image weighs as much as the smallest that is, as in MONAI (`w_type` is `weighting`). There the
    weights are not scaled, so that for classes of a million pixels the smoothing of 1e-5 is more than all that it is
    added to, and chance costs 0.14 in place of 0.5; here the largest weight of an image is 1, and `smooth` is in pixels
    of the smallest class.
    """
    both, over, under = class_regions(input, target, mask, from_logits)
    own = volume_weights((both + under).detach(), weighting)
    own = own if weight is None else own * weight
    wrong = over + under
    return ratio((own * wrong).sum(1), (own * (2 * both + wrong)).sum(1) + smooth)


@loss(
    kind="set",
    formula=r"\log\cosh(L_{\mathrm{Dice}})",
    source="Jadon, A survey of loss functions for semantic segmentation, CIBCB 2020",
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
    uses=(*CLASS_HELPERS, dice),
    facts=Facts(Interval(0, log(cosh(1))), attained=certain, smooth=True, unknown=("lipschitz",)),
    cases=(
        # the Dice losses .65 / 2.65 and .65 / 2.35 of `dice_loss`; the slope of log cosh is tanh
        SetCase(
            PIXELS, (log(cosh(0.65 / 2.65)) + log(cosh(0.65 / 2.35))) / 2, {"smooth": 0.5, "from_logits": False},
            {
                "input": [[
                    [tanh(0.65 / 2.65) * -1.65 / 2.65**2, tanh(0.65 / 2.65) / 2.65**2],
                    [tanh(0.65 / 2.35) * 0.85 / 2.35**2, tanh(0.65 / 2.35) * -1.5 / 2.35**2],
                ]]
            }, 1e-12,
        ),
        SetCase(
            {"input": [[[log(3), log(2)], [0.0, log(3)]]], "target": [[0, 1]], "weight": [1.0, 3.0]},
            (log(cosh(0.2225 / 1.7225)) + 3 * log(cosh(0.2225 / 1.4225))) / 4, {"squared": True, "smooth": 0.0},
            tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def log_cosh_dice_loss(
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
    """The log-cosh of the Dice loss of each class and image: about half its square, so gentle near the end.

    Where Dice alone is restless late in training; its pull on a class that is nearly right is smaller, and on one that
    is missed no larger. It is taken of each class and image, and is not above log(cosh(1)) = 0.4338.
    """
    both, over, under = class_regions(input, target, mask, from_logits, squared)
    half = dice(both, over, under, smooth) / 2
    # cosh x = 1 + 2 sinh(x / 2) ** 2, which keeps the digits of a small x
    return counted((2 * half.sinh() ** 2).log1p(), both + under, weight, classes)
