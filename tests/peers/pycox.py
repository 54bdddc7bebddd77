"""pycox."""

from typing import Any

from .rows import Peer, Row


def names() -> dict[str, Any]:
    from pycox.models import loss

    return {"loss": loss}


ROWS = (
    Row(
        "F.cox_loss(x, time, event)",
        "loss.cox_ph_loss(x, time, event.double())",
        "times",
        "1e-7 is added to the sum",
        within=1e-5,
    ),
    Row(
        "F.cox_loss(x, time, event, ties='breslow')",
        "loss.cox_ph_loss(x, time, event.double())",
        "tied_times",
        "rows of one time are at risk in the order of a sort",
        within=1.0,
    ),
    Row(
        "F.logistic_hazard_loss(x, interval, event)",
        "loss.nll_logistic_hazard(x, interval, event.double())",
        "intervals",
    ),
)
PEER = Peer("pycox", names, ROWS)
