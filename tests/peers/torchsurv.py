"""torchsurv."""

from typing import Any

from .rows import Peer, Row


def names() -> dict[str, Any]:
    from torchsurv.loss import cox, weibull

    return {"cox": cox, "weibull": weibull}


MEAN = "its mean is over the times at which there are events, not over the events"
ROWS = (
    Row("F.cox_loss(x, time, event)", "cox.neg_partial_log_likelihood(x, event, time)", "times"),
    Row(
        "F.cox_loss(x, time, event)",
        "cox.neg_partial_log_likelihood(x, event, time)",
        "tied_times",
        MEAN,
        "F.cox_loss(x, time, event, reduction='sum') / time[event].unique().numel()",
    ),
    Row(
        "F.cox_loss(x, time, event, ties='breslow')",
        "cox.neg_partial_log_likelihood(x, event, time, ties_method='breslow')",
        "tied_times",
        MEAN,
        "F.cox_loss(x, time, event, ties='breslow', reduction='sum') / time[event].unique().numel()",
    ),
    Row(
        "F.weibull_aft_loss(x, scale, time, event)",
        "weibull.neg_log_likelihood_weibull(torch.stack((x, -scale), 1), event, time)",
        "times",
    ),
)
PEER = Peer("torchsurv", names, ROWS, single=True)  # parts of it are of float32
