"""geomloss, whose energy distance and Gaussian kernel have a half in front."""

from typing import Any

from .rows import Peer, Row


def names() -> dict[str, Any]:
    import geomloss

    return {"SamplesLoss": geomloss.SamplesLoss}


ROWS = (
    Row(
        "F.energy_distance_loss(x, y)",
        "SamplesLoss('energy', backend='tensorized')(x, y)",
        "samples",
        "half of it, where distances below 1e-4 count as that and do not pull",
        within=0.6,
    ),
    Row(
        "F.mmd_loss(x, y, bandwidth=0.7)",
        "SamplesLoss('gaussian', blur=0.7, backend='tensorized')(x, y)",
        "samples",
        "half of it",
        "F.mmd_loss(x, y, bandwidth=0.7) / 2",
    ),
)
PEER = Peer("geomloss", names, ROWS)
