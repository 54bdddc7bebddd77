"""timm."""

from typing import Any

from .rows import Peer, Row


def names() -> dict[str, Any]:
    from timm import loss

    return {"loss": loss}


ROWS = (
    Row("F.cross_entropy(x, y, label_smoothing=0.1)", "loss.LabelSmoothingCrossEntropy(0.1)(x, y)", "classes"),
    Row("F.cross_entropy(x, rows)", "loss.SoftTargetCrossEntropy()(x, rows)", "classes"),
    Row("F.binary_cross_entropy_with_logits(x, y)", "loss.BinaryCrossEntropy(smoothing=0.0)(x, y)", "labels"),
    Row(
        "F.asymmetric_loss(x, y)",
        "loss.AsymmetricLossMultiLabel()(x, y)",
        "labels",
        "the sum over the labels",
        "F.asymmetric_loss(x, y, reduction='sum') / 8",
        single=True,
    ),
    Row(
        "F.poly1_cross_entropy(x, y)",
        "loss.PolyCrossEntropy()(x, y)",
        "classes",
        "epsilon is 2",
        "F.poly1_cross_entropy(x, y, epsilon=2.0)",
        single=True,
    ),
    Row(
        "F.jensen_shannon_cross_entropy_loss(x, y)",
        "loss.JsdCrossEntropy(num_splits=2, smoothing=0)(x, y)",
        "classes",
        "another loss: cross-entropy plus the divergence between augmentations",
        within=2.0,
    ),
)
PEER = Peer("timm", names, ROWS)
