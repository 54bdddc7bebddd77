"""segmentation_models_pytorch."""

from typing import Any

from .rows import Peer, Row


def names() -> dict[str, Any]:
    from segmentation_models_pytorch import losses

    return {"losses": losses}


BATCH = "the batch counts as one image"
ROWS = (
    Row(
        "F.dice_loss(x, y)",
        "losses.DiceLoss('multiclass')(x, y)",
        "masks",
        BATCH + ", and nothing is smoothed",
        "F.dice_loss(x.movedim(1, 0).flatten(1)[None], y.flatten()[None], smooth=0.0)",
    ),
    Row(
        "F.sigmoid_dice_loss(x, y)",
        "losses.DiceLoss('binary')(x, y)",
        "region",
        BATCH + ", and nothing is smoothed",
        "F.sigmoid_dice_loss(x.flatten()[None, None], y.flatten()[None, None], smooth=0.0)",
    ),
    Row(
        "F.jaccard_loss(x, y)",
        "losses.JaccardLoss('multiclass')(x, y)",
        "masks",
        BATCH + ", and nothing is smoothed",
        "F.jaccard_loss(x.movedim(1, 0).flatten(1)[None], y.flatten()[None], smooth=0.0)",
    ),
    Row(
        "F.tversky_loss(x, y, alpha=0.3, beta=0.7)",
        "losses.TverskyLoss('multiclass', alpha=0.3, beta=0.7)(x, y)",
        "masks",
        BATCH + ", and nothing is smoothed",
        "F.tversky_loss(x.movedim(1, 0).flatten(1)[None], y.flatten()[None], alpha=0.3, beta=0.7, smooth=0.0)",
    ),
    Row(
        "F.focal_tversky_loss(x, y)",
        "losses.TverskyLoss('multiclass', alpha=0.3, beta=0.7, gamma=0.75)(x, y)",
        "masks",
        BATCH + ", and the power is taken of the mean over the classes",
        within=1.0,
    ),
    Row(
        "F.lovasz_softmax_loss(x, y)",
        "losses.LovaszLoss('multiclass', per_image=True)(x.float(), y)",
        "masks",
        single=True,
    ),
    Row(
        "F.lovasz_hinge_loss(x[:, 0], y[:, 0])",
        "losses.LovaszLoss('binary', per_image=True)(x[:, 0].float(), y[:, 0].float())",
        "region",
        single=True,
    ),
    Row(
        "F.sigmoid_focal_loss(x, y)",
        "losses.FocalLoss('binary')(x, y)",
        "region",
        "no alpha, which counts as 1 for both",
        "2 * F.sigmoid_focal_loss(x, y, alpha=0.5)",
    ),
    Row(
        "F.focal_loss(x, y)",
        "losses.FocalLoss('multiclass')(x, y)",
        "masks",
        "a sigmoid for each class, not a softmax",
        "2 * F.sigmoid_focal_loss(x, channels, alpha=0.5)",
    ),
    Row("F.cross_entropy(x, y, label_smoothing=0.1)", "losses.SoftCrossEntropyLoss(smooth_factor=0.1)(x, y)", "masks"),
)
PEER = Peer("segmentation-models-pytorch", names, ROWS)
