"""Losses on boxes by their overlap: corners x1, y1, x2, y2 against corners, box by box.

Two boxes without area have the overlap 1 where they are the same and 0 elsewhere. Nothing divides by 0, so `eps` is 0;
1e-7, the default of torchvision, which is added to what divides, is a tenth of the area of a box of 0.001 x 0.001 of an
image. For centre, width and height (cx, cy, w, h) pass (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2).
"""

from math import atan, exp, pi

import torch
from torch import Tensor

from losslab.catalog.segmentation import ratio
from losslab.catalog.tversky import power
from losslab.spec.declare import loss
from losslab.spec.facts import Facts, same
from losslab.spec.interval import NON_NEGATIVE, POSITIVE, Interval
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import Parameter, SetCase

BOX = Layout({"input": Operand("* 4", "box", predicted=True), "target": Operand("* 4", "box")}, "*")
EPS = Parameter(NON_NEGATIVE)
# 2 x 2 against 2 x 4 that begins 1 to the right: they share 1 x 2, the union is 10, the hull is 3 x 4 with the diagonal
# 5, and the centres are 1 apart.
PAIR = {"input": [[0.0, 0.0, 2.0, 2.0]], "target": [[1.0, -1.0, 3.0, 3.0]]}
APART = {"input": [[0.0, 0.0, 1.0, 1.0]], "target": [[2.0, -1.0, 3.0, 2.0]]}  # 1 x 1 and 1 x 3, with a gap of 1
INSIDE = {"input": [[1.0, 1.0, 2.0, 3.0]], "target": [[0.0, 0.0, 4.0, 4.0]]}  # 1 x 2 in 4 x 4, centres .5 apart
# Of the pair's shapes, 1 to 1 and 1 to 2: v, and alpha times the slope of v by the angle, over 4 = 8 / 2.
SHAPES = 4 / pi**2 * (atan(0.5) - pi / 4) ** 2
TURN = SHAPES / (0.8 + SHAPES) * 8 / pi**2 * (atan(0.5) - pi / 4) / 4


def area(box: Tensor) -> Tensor:
    return (box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1])


def overlap(a: Tensor, b: Tensor, eps: float | Tensor) -> tuple[Tensor, Tensor]:
    """Intersection over union, and the union."""
    size = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).relu()
    both = size[..., 0] * size[..., 1]
    union = area(a) + area(b) - both
    nothing = union + eps == 0
    same = (a == b).all(-1).to(both.dtype)
    return torch.where(nothing, same, ratio(both, union + eps)), union


def hull(a: Tensor, b: Tensor) -> Tensor:
    """Width and height of the smallest box around both."""
    return torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])


def centre_gap(a: Tensor, b: Tensor) -> Tensor:
    """From centre to centre, along each axis."""
    return (b[..., :2] + b[..., 2:] - a[..., :2] - a[..., 2:]) / 2


def centre_cost(a: Tensor, b: Tensor, eps: float | Tensor) -> Tensor:
    """The squared distance of the centres over the squared diagonal of the hull."""
    return ratio(centre_gap(a, b).square().sum(-1), hull(a, b).square().sum(-1) + eps)


@loss(
    kind="set",
    formula=r"1 - \frac{|A \cap B|}{|A \cup B|}",
    source="Rahman and Wang, Optimizing intersection-over-union in deep neural networks for image segmentation, "
    "ISVC 2016; of boxes: Yu et al., UnitBox: an advanced object detection network, MM 2016",
    task="boxes",
    layout=BOX,
    bounds={"eps": EPS},
    facts=Facts(Interval(0, 1), attained=same, symmetric=True),
    uses=(area, overlap, ratio),
    cases=(
        # by x1 the union shrinks by 2; by x2 the overlap grows by 2 and the union stays; by y1 the overlap shrinks by 1
        # and the union too; by y2 the other way round
        SetCase(PAIR, 0.8, {}, {"input": [[-0.04, 0.08, -0.2, -0.08]]}, 1e-12),
        SetCase(PAIR, 1 - 2 / 10.5, {"eps": 0.5}, tolerance=1e-12),
        SetCase(APART, 1.0, {}, {"input": [[0.0, 0.0, 0.0, 0.0]]}, 1e-12),
    ),
)  # fmt: skip
def iou_loss(input: Tensor, target: Tensor, *, eps: float | Tensor = 0.0) -> Tensor:
    """One minus intersection over union of each predicted box and its target.

    Where boxes overlap from the start; not as the only loss of a fresh detector: boxes apart cost 1 and have no
    gradient. mmdetection's `IoULoss` is minus the logarithm of the IoU unless `mode="linear"`, as is the UnitBox
    paper's; torchvision has no loss of plain IoU.
    """
    return 1 - overlap(input, target, eps)[0]


@loss(
    kind="set",
    formula=r"1 - \mathrm{IoU} + \frac{|H| - |A \cup B|}{|H|}, \quad H \text{ the smallest box around both}",
    source="Rezatofighi et al., Generalized intersection over union: a metric and a loss for bounding box regression, "
    "CVPR 2019",
    task="boxes",
    layout=BOX,
    bounds={"eps": EPS},
    facts=Facts(Interval(0, 2), attained=same, symmetric=True),
    uses=(area, overlap, hull, ratio),
    cases=(
        SetCase(PAIR, 0.8 + 2 / 12, tolerance=1e-12),
        SetCase(PAIR, 1 - 2 / 10.5 + 2 / 12.5, {"eps": 0.5}, tolerance=1e-12),
        # the union is 4 of 9: by x1 the union shrinks by 1 and the hull by 3; else the union alone changes, by 1
        SetCase(APART, 1 + 5 / 9, {}, {"input": [[-1 / 27, 1 / 9, -1 / 9, -1 / 9]]}, 1e-12),
    ),
)  # fmt: skip
def giou_loss(input: Tensor, target: Tensor, *, eps: float | Tensor = 0.0) -> Tensor:
    """The IoU loss, plus the share of the hull that is in neither box, so that boxes apart come together.

    The usual choice beside an l1 loss (DETR). Not where boxes lie within one another: it is then the IoU loss, and says
    nothing of where (`diou_loss` does). torchvision's `generalized_box_iou_loss` is this with an eps of 1e-7 and no
    reduction by default; of two equal boxes without area it makes 1, here 0.
    """
    iou, union = overlap(input, target, eps)
    whole = hull(input, target).prod(-1)
    return 1 - iou + ratio(whole - union, whole + eps)


@loss(
    kind="set",
    formula=r"1 - \mathrm{IoU} + \frac{\lVert c_A - c_B\rVert^2}{\lVert (w_H, h_H)\rVert^2}, \quad "
    r"H \text{ the smallest box around both}",
    source="Zheng et al., Distance-IoU loss: faster and better learning for bounding box regression, AAAI 2020",
    task="boxes",
    layout=BOX,
    bounds={"eps": EPS},
    facts=Facts(Interval(0, 2), attained=same, symmetric=True),
    uses=(area, overlap, hull, centre_gap, centre_cost, ratio),
    cases=(
        SetCase(PAIR, 0.8 + 1 / 25, tolerance=1e-12),
        SetCase(PAIR, 1 - 2 / 10.5 + 1 / 25.5, {"eps": 0.5}, tolerance=1e-12),
        # by x1 the squared distance of 4 falls by 2 and the squared diagonal of 18 by 6; by x2 the distance alone;
        # by y nothing, as the centres are level
        SetCase(
            APART, 1 + 4 / 18, {}, {"input": [[(-2 * 18 + 4 * 6) / 18**2, 0.0, -2 / 18, 0.0]]}, 1e-12,
        ),
    ),
)  # fmt: skip
def diou_loss(input: Tensor, target: Tensor, *, eps: float | Tensor = 0.0) -> Tensor:
    """The IoU loss, plus the squared distance of the centres over the squared diagonal of the hull.

    Faster than `giou_loss` at bringing boxes together, and it still pulls where one lies within the other. Not where
    the shape matters more than the place: for it `ciou_loss` and `eiou_loss` have a term. torchvision's
    `distance_box_iou_loss` is this with an eps of 1e-7 and no reduction by default.
    """
    return 1 - overlap(input, target, eps)[0] + centre_cost(input, target, eps)


def aspect(box: Tensor) -> Tensor:
    """The angle of the diagonal, 0 of a box without width and height."""
    size = box[..., 2:] - box[..., :2]
    point = (size == 0).all(-1)
    return torch.atan2(torch.where(point, 0.0, size[..., 0]), torch.where(point, 1.0, size[..., 1]))


@loss(
    kind="set",
    formula=r"1 - \mathrm{IoU} + \frac{\lVert c_A - c_B\rVert^2}{\lVert (w_H, h_H)\rVert^2} + \alpha v, \quad "
    r"v = \frac{4}{\pi^2}\left(\arctan\frac{w_B}{h_B} - \arctan\frac{w_A}{h_A}\right)^2, \quad "
    r"\alpha = \frac{v}{1 - \mathrm{IoU} + v}",
    source="Zheng et al., Distance-IoU loss: faster and better learning for bounding box regression, AAAI 2020",
    task="boxes",
    layout=BOX,
    bounds={"eps": EPS},
    facts=Facts(Interval(0, 2.5), attained=same, symmetric=True),
    lacks={"finite differences": "alpha is held constant, as in the paper"},
    uses=(area, overlap, hull, centre_gap, centre_cost, aspect, ratio),
    cases=(
        # the slopes of the IoU and of the centres, (-1 * 25 + 1 * 6) / 625 by x1 and -1 / 25 by x2, and of the shape
        SetCase(
            PAIR, 0.84 + SHAPES**2 / (0.8 + SHAPES), {},
            {"input": [[-0.04 - 19 / 625 + TURN, 0.08 - TURN, -0.2 - 1 / 25 - TURN, -0.08 + TURN]]}, 1e-12,
        ),
        SetCase(
            PAIR, 1 - 2 / 10.5 + 1 / 25.5 + SHAPES**2 / (1 - 2 / 10.5 + SHAPES + 0.5), {"eps": 0.5}, tolerance=1e-12
        ),
    ),
)  # fmt: skip
def ciou_loss(input: Tensor, target: Tensor, *, eps: float | Tensor = 0.0) -> Tensor:
    """The DIoU loss, plus a penalty for another ratio of width to height, which counts more the better boxes overlap.

    The choice of many detectors of the YOLO family. Not where widths and heights matter apart: two boxes of one shape
    and different sizes have no penalty (`eiou_loss` has one). As in torchvision's `complete_box_iou_loss` and in the
    paper, alpha is held constant in the gradient; there eps is 1e-7, nothing is reduced by default, and a height of 0
    divides by it. The paper's code also drops the factor 1 / (w ** 2 + h ** 2) of the gradient, and its later version
    the penalty of boxes with an IoU below 0.5: neither does torchvision, nor this.
    """
    iou = overlap(input, target, eps)[0]
    v = 4 / torch.pi**2 * (aspect(target) - aspect(input)).square()
    alpha = ratio(v, 1 - iou + v + eps).detach()
    return 1 - iou + centre_cost(input, target, eps) + alpha * v


@loss(
    kind="set",
    formula=r"1 - \mathrm{IoU} + \frac{\lVert c_A - c_B\rVert^2}{\lVert (w_H, h_H)\rVert^2} + "
    r"\frac{(w_A - w_B)^2}{w_H^2} + \frac{(h_A - h_B)^2}{h_H^2}",
    source="Zhang et al., Focal and efficient IOU loss for accurate bounding box regression, Neurocomputing 2022",
    task="boxes",
    layout=BOX,
    bounds={"eps": EPS},
    facts=Facts(Interval(0, 3.25), attained=same, symmetric=True),
    uses=(area, overlap, hull, centre_gap, centre_cost, ratio),
    cases=(
        SetCase(PAIR, 0.84 + 4 / 16, tolerance=1e-12),
        SetCase(INSIDE, 1 - 2 / 16.5 + 0.25 / 32.5 + 9 / 16.5 + 4 / 16.5, {"eps": 0.5}, tolerance=1e-12),
        # hull and union stay; by x2 the overlap grows by 2, the centres come nearer, and 3 of 4 are lacking in width
        SetCase(
            INSIDE, 1 - 2 / 16 + 0.25 / 32 + 9 / 16 + 4 / 16, {},
            {"input": [[2 / 16 - 0.5 / 32 + 6 / 16, 5 / 16, -2 / 16 - 0.5 / 32 - 6 / 16, -5 / 16]]}, 1e-12,
        ),
    ),
)  # fmt: skip
def eiou_loss(input: Tensor, target: Tensor, *, eps: float | Tensor = 0.0) -> Tensor:
    """The DIoU loss, plus the squared differences of the widths and of the heights, over those of the hull.

    Where `ciou_loss` is slow to settle width and height. Not for its focal form: that weighs each box by a power of its
    IoU, which is `sample_weight` here. torchvision does not have it.
    """
    size, other = input[..., 2:] - input[..., :2], target[..., 2:] - target[..., :2]
    sides = ratio((size - other).square(), hull(input, target).square() + eps).sum(-1)
    return 1 - overlap(input, target, eps)[0] + centre_cost(input, target, eps) + sides


@loss(
    kind="set",
    formula=r"1 - \mathrm{IoU} + \frac{1}{2}\sum_{k \in \{w, h\}} \left[1 - e^{-(2 - \Lambda)\rho_k} + "
    r"(1 - e^{-\omega_k})^\theta\right], \quad \Lambda = \frac{2 |d_x d_y|}{d_x^2 + d_y^2}, \quad "
    r"\rho_w = \frac{d_x^2}{w_H^2}, \quad \omega_w = \frac{|w_A - w_B|}{\max(w_A, w_B)}",
    source="Gevorgyan, SIoU loss: more powerful learning for bounding box regression, arXiv:2205.12740, 2022",
    task="boxes",
    layout=BOX,
    bounds={"theta": Parameter(Interval(1), search=Interval(2, 6)), "eps": EPS},
    facts=Facts(lambda theta: Interval(0, 2 - exp(-2) + (1 - exp(-1)) ** theta), attained=same, symmetric=True),
    uses=(area, overlap, hull, centre_gap, ratio),
    cases=(
        # level centres, 1 of 3 apart: no angle, so exp(-2 / 9); equal widths, and half the height is lacking
        SetCase(PAIR, 0.8 + (1 - exp(-2 / 9) + (1 - exp(-0.5)) ** 4) / 2, tolerance=1e-12),
        # centres 2 and 1 apart, angle 4 / 5, and with .5 more below 4 / 5.5; 1 x 1 against 1 x 3
        SetCase(
            {"input": [[0.0, 0.0, 1.0, 1.0]], "target": [[2.0, 0.0, 3.0, 3.0]]},
            1 + (2 - exp(-7 / 5.5 * 4 / 9.5) - exp(-7 / 5.5 / 9.5) + (1 - exp(-2 / 3.5)) ** 2) / 2,
            {"theta": 2.0, "eps": 0.5}, tolerance=1e-12,
        ),
        # by x2 the overlap grows by 2 of 16, the centres come nearer, (.5 / 4) ** 2 by .5 / 16, and 3 of 4 are lacking
        SetCase(
            INSIDE, 1 - 2 / 16 + (1 - exp(-2 / 64) + (1 - exp(-0.75)) ** 3 + (1 - exp(-0.5)) ** 3) / 2, {"theta": 3.0},
            {
                "input": [[
                    2 / 16 - exp(-2 / 64) / 32 + 3 / 8 * (1 - exp(-0.75)) ** 2 * exp(-0.75),
                    1 / 16 + 3 / 8 * (1 - exp(-0.5)) ** 2 * exp(-0.5),
                    -2 / 16 - exp(-2 / 64) / 32 - 3 / 8 * (1 - exp(-0.75)) ** 2 * exp(-0.75),
                    -1 / 16 - 3 / 8 * (1 - exp(-0.5)) ** 2 * exp(-0.5),
                ]]
            }, 1e-12,
        ),
    ),
)  # fmt: skip
def siou_loss(input: Tensor, target: Tensor, *, theta: float | Tensor = 4.0, eps: float | Tensor = 0.0) -> Tensor:
    """The IoU loss, plus costs of distance and shape; the distance counts less where the centres lie on a diagonal.

    In use with the YOLO family. Not where terms should be few and separate: the costs of angle and distance are one
    product. The paper is loose about its symbols; this is the reading of YOLOv6, in which the distance along each axis
    is taken over the hull's side.
    theta: the power of the cost of shape, from 2 to 6 in the paper; the larger, the less a nearly right shape matters.
    """
    size, other, around = input[..., 2:] - input[..., :2], target[..., 2:] - target[..., :2], hull(input, target)
    gap = centre_gap(input, target)
    angle = ratio(2 * gap.abs().prod(-1), gap.square().sum(-1) + eps)
    near = torch.exp((angle - 2).unsqueeze(-1) * ratio(gap.square(), around.square() + eps))
    shape = -torch.expm1(-ratio((size - other).abs(), torch.maximum(size, other) + eps))
    return 1 - overlap(input, target, eps)[0] + (1 - near + shape**theta).sum(-1) / 2


@loss(
    kind="set",
    formula=r"1 - \mathrm{IoU}^\alpha",
    source="He et al., Alpha-IoU: a family of power intersection over union losses for bounding box regression, "
    "NeurIPS 2021",
    task="boxes",
    layout=BOX,
    bounds={"alpha": Parameter(POSITIVE, search=Interval(0.5, 5), log=True), "eps": EPS},
    facts=Facts(Interval(0, 1), attained=same, symmetric=True),
    uses=(area, overlap, power, ratio),
    cases=(
        SetCase(PAIR, 1 - 0.2**3, tolerance=1e-12),
        SetCase(PAIR, 1 - (2 / 10.5) ** 2, {"alpha": 2.0, "eps": 0.5}, tolerance=1e-12),
        # half the slope of the IoU, over the root of .2
        SetCase(
            PAIR, 1 - 0.2**0.5, {"alpha": 0.5},
            {"input": [[slope / 2 / 0.2**0.5 for slope in (-0.04, 0.08, -0.2, -0.08)]]}, 1e-12,
        ),
    ),
)  # fmt: skip
def alpha_iou_loss(input: Tensor, target: Tensor, *, alpha: float | Tensor = 3.0, eps: float | Tensor = 0.0) -> Tensor:
    """One minus a power of the IoU: above 1, boxes that fit well already pull more.

    For exact boxes, the paper's advice is 3. Not for boxes that hardly overlap: above 1 they have next to no gradient,
    and boxes apart none at all. alpha 1 is `iou_loss`, 2 mmdetection's `IoULoss(mode="square")`. The paper's powers of
    the terms of `giou_loss`, `diou_loss` and `ciou_loss` are not in it.
    """
    return 1 - power(overlap(input, target, eps)[0], alpha)
