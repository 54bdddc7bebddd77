"""torchvision's losses of boxes, and its focal loss."""

from typing import Any

from .rows import Peer, Row

EPS = "eps is 1e-7, which is added to what divides"


def names() -> dict[str, Any]:
    from torchvision import ops

    return {"ops": ops}


ROWS = (
    Row(
        "F.giou_loss(x, y)",
        "ops.generalized_box_iou_loss(x, y, reduction='mean')",
        "boxes",
        EPS,
        "F.giou_loss(x, y, eps=1e-7)",
    ),
    Row(
        "F.diou_loss(x, y)",
        "ops.distance_box_iou_loss(x, y, reduction='mean')",
        "boxes",
        EPS,
        "F.diou_loss(x, y, eps=1e-7)",
    ),
    Row(
        "F.ciou_loss(x, y)",
        "ops.complete_box_iou_loss(x, y, reduction='mean')",
        "boxes",
        EPS,
        "F.ciou_loss(x, y, eps=1e-7)",
    ),
    Row("F.sigmoid_focal_loss(x, y)", "ops.sigmoid_focal_loss(x, y, reduction='mean')", "labels"),
    Row("F.iou_loss(x, y)", "1 - ops.box_iou(x, y).diagonal().mean()", "boxes"),
)
PEER = Peer("torchvision", names, ROWS)
