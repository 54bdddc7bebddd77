"""kornia."""

from typing import Any

from .rows import Peer, Row


def names() -> dict[str, Any]:
    import kornia

    return {"kornia": kornia, "losses": kornia.losses}


ROWS = (
    Row(
        "F.charbonnier_loss(x, y)",
        "losses.charbonnier_loss(x, y, reduction='mean')",
        "real",
        "epsilon is 1, and the value at 0 is taken off",
        "F.pseudo_huber_loss(x, y)",
    ),
    Row("F.pseudo_huber_loss(x, y)", "losses.charbonnier_loss(x, y, reduction='mean')", "real"),
    Row(
        "F.cauchy_loss(x, y)",
        "losses.cauchy_loss(x, y, reduction='mean')",
        "real",
        "scale is the root of 2",
        "F.cauchy_loss(x, y, scale=2**0.5)",
    ),
    Row(
        "F.geman_mcclure_loss(x, y)",
        "losses.geman_mcclure_loss(x, y, reduction='mean')",
        "real",
        "scale is 2",
        "F.geman_mcclure_loss(x, y, scale=2.0)",
    ),
    Row(
        "F.welsch_loss(x, y)",
        "losses.welsch_loss(x, y, reduction='mean')",
        "real",
        "scale is the root of 2",
        "F.welsch_loss(x, y, scale=2**0.5)",
    ),
    Row(
        "F.focal_loss(x, y)",
        "losses.focal_loss(x, y, alpha=None, reduction='mean')",
        "classes",
        "the mean is over rows and classes",
        "F.focal_loss(x, y) / 5",
    ),
    Row(
        "F.focal_loss(x, y)",
        "losses.focal_loss(x, y, alpha=0.25, reduction='mean')",
        "classes",
        "alpha weighs class 0 by 1 - alpha and the others by alpha; the mean is over rows and classes",
        "F.focal_loss(x, y, weight=torch.tensor([0.75, 0.25, 0.25, 0.25, 0.25]), normalize='count') / 5",
    ),
    Row("F.sigmoid_focal_loss(x, y)", "losses.binary_focal_loss_with_logits(x, y, reduction='mean')", "labels"),
    Row("F.dice_loss(x, y)", "losses.dice_loss(x, y)", "masks", "all classes of an image are one region", within=0.5),
    Row(
        "F.dice_loss(x, y)",
        "losses.dice_loss(x, y, average='macro')",
        "masks",
        "no smoothing, but an eps of 1e-8 in the denominator",
        within=1e-5,
    ),
    Row(
        "F.tversky_loss(x, y)",
        "losses.tversky_loss(x, y, alpha=0.5, beta=0.5)",
        "masks",
        "no smoothing, but an eps of 1e-8 in the denominator",
        within=1e-5,
    ),
    Row("F.lovasz_softmax_loss(x, y)", "losses.lovasz_softmax_loss(x, y)", "masks"),
    Row("F.lovasz_hinge_loss(x[:, 0], y[:, 0])", "losses.lovasz_hinge_loss(x, y[:, 0])", "region"),
    Row(
        "F.js_divergence_loss(x.log(), y)",
        "losses.js_div_loss_2d((x / x.sum(1, keepdim=True))[..., None, None].movedim(1, 2), "
        "y[..., None, None].movedim(1, 2))",
        "distributions",
    ),
    Row(
        "F.kl_div(x.log(), y, reduction='batchmean')",
        "losses.kl_div_loss_2d(x[..., None, None].movedim(1, 2), y[..., None, None].movedim(1, 2))",
        "distributions",
    ),
)
PEER = Peer("kornia", names, ROWS)
