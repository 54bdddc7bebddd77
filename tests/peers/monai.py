"""MONAI."""

from typing import Any

from .rows import Peer, Row


def names() -> dict[str, Any]:
    import monai

    return {"monai": monai, "losses": monai.losses}


ROWS = (
    Row("F.dice_loss(x, y)", "losses.DiceLoss(softmax=True)(x, channels)", "masks"),
    Row("F.dice_loss(x, y, squared=True)", "losses.DiceLoss(softmax=True, squared_pred=True)(x, channels)", "masks"),
    Row(
        "F.dice_loss(x, y, weight=torch.tensor([0.0, 1.0, 1.0]), normalize='weight')",
        "losses.DiceLoss(softmax=True, include_background=False)(x, channels)",
        "masks",
    ),
    Row("F.sigmoid_dice_loss(x, y)", "losses.DiceLoss(sigmoid=True)(x, y)", "region"),
    Row(
        "F.jaccard_loss(x, y)",
        "losses.DiceLoss(softmax=True, jaccard=True)(x, channels)",
        "masks",
        "the union is doubled, the smoothing is not",
        "F.jaccard_loss(x, y, smooth=5e-6)",
    ),
    Row(
        "F.tversky_loss(x, y, alpha=0.3, beta=0.7)",
        "losses.TverskyLoss(softmax=True, alpha=0.3, beta=0.7)(x, channels)",
        "masks",
    ),
    Row(
        "F.sigmoid_tversky_loss(x, y, alpha=0.3, beta=0.7)",
        "losses.TverskyLoss(sigmoid=True, alpha=0.3, beta=0.7)(x, y)",
        "region",
    ),
    Row(
        "F.generalized_dice_loss(x, y)",
        "losses.GeneralizedDiceLoss(softmax=True)(x, channels)",
        "masks",
        "weights are not scaled, so that smoothing counts more",
        within=1e-3,
    ),
    Row(
        "F.generalized_dice_loss(x, y, smooth=0.0)",
        "losses.GeneralizedDiceLoss(softmax=True, smooth_nr=0.0, smooth_dr=0.0)(x, channels)",
        "masks",
        "weights are computed in float32",
        within=1e-6,
    ),
    Row(
        "F.focal_loss(x, y)",
        "losses.FocalLoss(use_softmax=True)(x, channels)",
        "masks",
        "the mean is over pixels and classes",
        "F.focal_loss(x, y) / 3",
        single=True,
    ),
    Row("F.sigmoid_focal_loss(x, y)", "losses.FocalLoss(alpha=0.25)(x, y)", "region", single=True),
    Row(
        "F.giou_loss(x, y)",
        "losses.BoxGIoULoss()(x, y)",
        "boxes",
        "in float32, with an eps of its rounding in the denominators",
        within=1e-5,
    ),
    Row(
        "F.barlow_twins_loss(x, y)",
        "losses.BarlowTwinsLoss()(x, y)",
        "views",
        "it divides by the unbiased deviation; lambda is 0.005",
        within=0.3,
    ),
    Row("F.nt_xent_loss(x, y)", "losses.ContrastiveLoss()(x, y)", "views"),
)
PEER = Peer("monai", names, ROWS)
