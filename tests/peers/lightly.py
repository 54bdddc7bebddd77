"""lightly."""

from typing import Any

from .rows import Peer, Row


def names() -> dict[str, Any]:
    from lightly import loss

    return {"loss": loss}


ROWS = (
    Row("F.nt_xent_loss(x, y)", "loss.NTXentLoss()(x, y)", "views"),
    Row(
        "F.barlow_twins_loss(x, y)",
        "loss.BarlowTwinsLoss()(x, y)",
        "views",
        "lambda is 0.005",
        "F.barlow_twins_loss(x, y, redundancy=0.005)",
    ),
    Row("F.vicreg_loss(x, y)", "loss.VICRegLoss()(x, y)", "views"),
    Row("F.simsiam_loss(x, y)", "loss.NegativeCosineSimilarity()(x, y)", "views"),
    Row("F.koleo_loss(x)", "loss.KoLeoLoss()(x)", "views", "eps is added to each difference too", within=1e-6),
    Row(
        "F.dino_loss(x, y)",
        "loss.DINOLoss(6).double()([y, y], [x, x])",
        "views",
        "the temperature of the teacher is a number of float32",
        within=1e-7,
    ),
)
PEER = Peer("lightly", names, ROWS)
