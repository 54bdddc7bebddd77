"""pytorch-toolbelt."""

from typing import Any

from .rows import Peer, Row


def names() -> dict[str, Any]:
    from pytorch_toolbelt import losses

    return {"losses": losses}


ROWS = (
    Row(
        "F.wing_loss(x, y)",
        "losses.WingLoss()(x, y)",
        "real",
        "width is 5, and epsilon, called curvature, 0.5",
        "F.wing_loss(x, y, width=5.0, epsilon=0.5)",
    ),
    Row(
        "F.bi_tempered_logistic_loss(x, y)",
        "losses.BiTemperedLogisticLoss(0.8, 1.2)(x, rows)",
        "classes",
        "in float32, and its normaliser is five steps of an iteration",
        within=1e-4,
    ),
    Row("F.log_cosh_loss(x, y)", "losses.LogCoshLoss()(x, y)", "real"),
    Row("F.quality_focal_loss(x, y)", "losses.QualityFocalLoss()(x, y)", "labels", single=True),
    Row("F.sigmoid_focal_loss(x, y)", "losses.focal_loss_with_logits(x, y)", "labels", single=True),
    Row(
        "F.focal_loss(x, y)",
        "losses.CrossEntropyFocalLoss()(x, y)",
        "classes",
        "another loss: log losses of sigmoids, weighted by errors of the softmax",
        within=1.0,
    ),
    Row(
        "F.soft_f1_loss(x[:, :1], y[:, :1])",
        "losses.BinarySoftF1Loss()(x[:, :1], y[:, :1])",
        "labels",
        "1e-6 is added below, and probabilities are cut at it",
        within=1e-5,
    ),
    Row(
        "F.lovasz_softmax_loss(x, y)",
        "losses.LovaszLoss(per_image=True)(x.softmax(1).float(), y)",
        "masks",
        single=True,
    ),
    Row(
        "F.lovasz_hinge_loss(x[:, 0], y[:, 0])",
        "losses.BinaryLovaszLoss(per_image=True)(x[:, 0].float(), y[:, 0].float())",
        "region",
        single=True,
    ),
)
PEER = Peer("pytorch-toolbelt", names, ROWS)
