"""Losses that rank pixels by error, or weigh them by their distance from the boundary."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from losslab.catalog.segmentation import (
    SCORES,
    WEIGHT,
    already_softmax,
    not_probabilities,
    ratio,
    shares_of,
)
from losslab.spec.declare import loss
from losslab.spec.facts import Facts, certain
from losslab.spec.interval import REAL, UNIT
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import SetCase

LOVASZ = "the Lovász-softmax loss: a tractable surrogate for the optimization of the intersection-over-union measure"


def lovasz(errors: Tensor, members: Tensor, keep: Tensor | None) -> Tensor:
    """The Lovász extension of the Jaccard loss at the errors (..., pixels), of a region's members: 1, others: 0."""
    if keep is not None:
        errors, members = torch.where(keep, errors, 0.0), torch.where(keep, members, 0.0)
    ranks = errors.detach() if keep is None else torch.where(keep, errors.detach(), -1.0)
    order = ranks.argsort(dim=-1, descending=True, stable=True)
    hit = members.gather(-1, order)
    size = hit.sum(-1, keepdim=True)
    left, union = size - hit.cumsum(-1), size + (1 - hit).cumsum(-1)
    # By how much the loss grows with each pixel that is wrong. Differences of it would lose most of their digits.
    grown = torch.where(union > 1, left / (union * (union - 1).clamp(min=1)), 1.0)
    return (errors.gather(-1, order) * torch.where(hit > 0, 1 / union, grown)).sum(-1)


@loss(
    kind="set",
    formula=r"\sum_i e_{c\pi(i)} \left(J_c(\pi_1 \ldots \pi_i) - J_c(\pi_1 \ldots \pi_{i-1})\right), \quad "
    r"e_{ci} = |t_{ci} - p_{ci}|",
    source=f"Berman et al., {LOVASZ[0].upper()}{LOVASZ[1:]}, CVPR 2018",
    task="segmentation",
    outputs="classes",
    link="softmax",
    target="class",
    layout=Layout({"input": SCORES, "target": Operand("N *", "class"), "weight": WEIGHT}, "N", mask="N *"),
    choices={"classes": ("present", "all")},
    takes_ignore_index=True,
    refuses=not_probabilities,
    smells=already_softmax,
    uses=(lovasz, ratio, shares_of),
    facts=Facts(UNIT, attained=certain, unknown=("lipschitz",)),
    cases=(
        # errors of class 0: .25 (its own) and .4: first the other, which makes IoU 1 / 2, then its own, which makes it
        # 0; of class 1: .4 (its own) and .25
        SetCase(
            {"input": [[[0.75, 0.4], [0.25, 0.6]]], "target": [[0, 1]]}, (0.2 + 0.125 + 0.4) / 2,
            {"from_logits": False}, {"input": [[[-0.25, 0.25], [0.0, -0.5]]]}, 1e-12,
        ),
        # class 1 is not there: its largest error counts; weights 1 and 3
        SetCase(
            {"input": [[[0.75, 0.4], [0.25, 0.6]]], "target": [[0, 0]], "weight": [1.0, 3.0]},
            (0.3 + 0.125 + 3 * 0.6) / 4, {"from_logits": False, "classes": "all"}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def lovasz_softmax_loss(
    input: Tensor,
    target: Tensor,
    *,
    classes: str = "present",
    from_logits: bool = True,
    weight: Tensor | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Intersection over union carried on to probabilities: pixels count by their rank among the errors of a class.

    Where the metric is IoU, often to finish a training with cross-entropy. Not for soft targets, nor from a random
    start. The unreduced loss is (N,): of each image, the mean over the classes that it has, as in the authors' code
    with `per_image=True`; there, and in segmentation_models_pytorch, the default takes the batch as one image. kornia
    averages over all classes of each image, which is `classes="all"` here, and its older releases sorted class indices
    in place of the region's members.
    """
    p = (input.softmax(1) if from_logits else input).unsqueeze(-1).flatten(2)
    members = shares_of(target.unsqueeze(-1).flatten(1), p)
    keep = None if mask is None else mask.unsqueeze(-1).flatten(1).unsqueeze(1)
    value = lovasz((members - p).abs(), members, keep)
    own = torch.ones_like(value) if weight is None else weight.expand_as(value)
    if classes == "present":
        there = members if keep is None else torch.where(keep, members, 0.0)
        own = own * (there.sum(-1) > 0)
    return ratio((value * own).sum(1), own.sum(1))


def between(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    """Probabilities in place of scores."""
    input = operands["input"]
    if input.numel() < 32 or not 0 < input.min() < input.max() < 1:
        return None
    return "all inputs lie between 0 and 1, as behind a sigmoid. A hinge wants the scores before it, of either sign"


@loss(
    kind="set",
    formula=r"\sum_i e_{\pi(i)} \left(J(\pi_1 \ldots \pi_i) - J(\pi_1 \ldots \pi_{i-1})\right), \quad "
    r"e_i = \max(0, 1 - (2t_i - 1) x_i)",
    source="Yu and Blaschko, Learning submodular losses with the Lovász hinge, ICML 2015; "
    f"for Jaccard: Berman et al., {LOVASZ[0].upper()}{LOVASZ[1:]}, CVPR 2018",
    task="segmentation",
    link="arg-max",
    target="probability",
    layout=Layout({"input": Operand("N *", predicted=True), "target": Operand("N *", "flag")}, "N", mask="N *"),
    takes_ignore_index=True,
    uses=(lovasz,),
    smells=between,
    facts=Facts(attained=lambda target: 2 * target - 1, convex=True, lipschitz=1.0),
    cases=(
        # errors .5 (a yes), 1.25 (a no), 0 (a yes) and 3 (a yes). In their order IoU falls to 2/3, 2/4 and 1/4
        SetCase(
            {"input": [[0.5, 0.25, 2.0, -2.0]], "target": [[1.0, 0.0, 1.0, 1.0]]}, 3 / 3 + 1.25 / 6 + 0.5 / 4, {},
            {"input": [[-1 / 4, 1 / 6, 0.0, -1 / 3]]}, 1e-12,
        ),
        # no yes: the largest error, 1.25 in the first image and 4 in the second
        SetCase(
            {"input": [[0.25, -0.5], [-3.0, 3.0]], "target": [[0.0, 0.0], [0.0, 0.0]]}, [1.25, 4.0],
            {"reduction": "none"}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def lovasz_hinge_loss(input: Tensor, target: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Intersection over union of one region carried on to scores: hinge errors count by their rank.

    For one region of yes, (N, H, W), scored from -inf to inf with a yes above 0, where the metric is IoU. Not where the
    score should be a probability. Of several channels that may overlap pass `input.flatten(0, 1)` and the target
    likewise. The unreduced loss is (N,), of each image, as in the authors' code and kornia; the default of
    segmentation_models_pytorch takes the batch as one image. An image without a yes costs its largest error.
    """
    score, members = input.unsqueeze(-1).flatten(1), target.unsqueeze(-1).flatten(1)
    keep = None if mask is None else mask.unsqueeze(-1).flatten(1)
    return lovasz((1 - score * (2 * members - 1)).relu(), members, keep)


def unsigned(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    """What looks wrong with the scores or with a map of distances."""
    distance = operands["distance"]
    if distance.numel() and distance.min() >= 0:
        return "distance is nowhere negative, but inside a class it should be: it looks as if it had lost its sign"
    return already_softmax(operands, options)


@loss(
    kind="set",
    formula=r"p_{ci}\, d_{ci}",
    source="Kervadec et al., Boundary loss for highly unbalanced segmentation, MIDL 2019",
    task="segmentation",
    outputs="classes",
    link="softmax",
    target="real",
    layout=Layout({"input": SCORES, "distance": Operand("N C *"), "weight": WEIGHT}, "N C *", mask="N *"),
    refuses=not_probabilities,
    smells=unsigned,
    facts=Facts(REAL, smooth=True),
    cases=(
        SetCase(
            {"input": [[[0.75, 0.4], [0.25, 0.6]]], "distance": [[[-1.0, 2.0], [3.0, -0.5]]]},
            (-0.75 + 0.8 + 0.75 - 0.3) / 4, {"from_logits": False},
            {"input": [[[-0.25, 0.5], [0.75, -0.125]]]}, 1e-12,
        ),
        # of the second class alone: halves of 3 and -.5
        SetCase(
            {"input": [[[0.0, 0.0], [0.0, 0.0]]], "distance": [[[-1.0, 2.0], [3.0, -0.5]]], "weight": [0.0, 3.0]},
            0.625, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def boundary_loss(
    input: Tensor, distance: Tensor, *, from_logits: bool = True, weight: Tensor | None = None
) -> Tensor | tuple[Tensor, Tensor]:
    """The probability of each class times the pixel's signed distance from the boundary of that class's region.

    For small regions beside a region loss such as `dice_loss`, with a weight that grows over the epochs; not alone: a
    class that vanishes from the prediction costs 0. It can be negative, and is least at the target.
    distance: negative inside the class, made once of the target, such as `distance_transform_edt(~inside) -
    distance_transform_edt(inside)` of scipy.ndimage for each class (the authors take 1 from the second); 0 everywhere
    for a class that is not in the image. The unreduced loss is (N, C, *), and its mean that of the authors' code; a
    `weight` of 0 or 1 chooses the classes, which there are asked for by number.
    """
    value = (input.softmax(1) if from_logits else input) * distance
    if weight is None:
        return value
    own = weight.reshape(-1, *[1] * (value.ndim - 2)).expand_as(value)
    return value * own, own
