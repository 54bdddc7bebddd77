"""What is reported and compared: metrics over members, through each loss's link, with fitted thresholds."""

from losslab.metrics.links import predictions, to_label
from losslab.metrics.record import Metric
from losslab.metrics.registry import METRICS, default_metric, fitting, get, secondary
from losslab.metrics.threshold import Threshold, default_threshold, fit_threshold

__all__ = [
    "METRICS",
    "Metric",
    "Threshold",
    "default_metric",
    "default_threshold",
    "fit_threshold",
    "fitting",
    "get",
    "predictions",
    "secondary",
    "to_label",
]
