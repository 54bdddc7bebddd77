"""Losses for landmarks, where the last bit of precision counts. Below, r is input - target and y is the target."""

from math import log

import torch
from torch import Tensor

from losslab.catalog.robust import FINITE, SCALE
from losslab.spec.declare import loss
from losslab.spec.facts import Facts, same
from losslab.spec.interval import UNIT, Interval
from losslab.spec.record import Case, Parameter


@loss(
    kind="pointwise",
    formula=r"w\log(1 + \min(|r|, w) / \epsilon) + \max(|r| - w, 0)",
    source="Feng et al., Wing loss for robust facial landmark localisation with convolutional neural networks, "
    "CVPR 2018",
    task="regression",
    bounds={
        "width": SCALE,
        "epsilon": Parameter(FINITE, search=Interval(0.1, 5), log=True, unit="target"),
    },
    kinks=lambda width, epsilon: (-width, 0.0, width),
    by_default=False,
    facts=Facts(attained=same, lipschitz=lambda width, epsilon: max(width / epsilon, 1.0), symmetric=True),
    cases=(
        # slope w / (epsilon + |r|), beyond w: 1
        Case([7.0, -13.0], [1.0, 1.0], [10 * log(4), 4 + 10 * log(6)], {"reduction": "none"}, [1.25, -1.0],
             tolerance=1e-12),
        Case([0.0, 5.0, 1.0], [1.0, 1.0, 1.0], 1 + 3 * log(21), {"width": 3.0, "epsilon": 0.5, "reduction": "sum"},
             [-2.0, 1.0, 0.0], tolerance=1e-12),
    ),
)  # fmt: skip
def wing_loss(input: Tensor, target: Tensor, *, width: float | Tensor = 10.0, epsilon: float | Tensor = 2.0) -> Tensor:
    """Logarithmic below `width`, so that small errors pull hardest; absolute error beyond.

    Use it for coordinates of landmarks, where gross errors are rare and small ones worth removing. At zero the slope
    jumps between -width / epsilon and width / epsilon: end with small steps, and take no tiny `epsilon`. The defaults
    are the paper's, in pixels.
    mmpose's WingLoss (its omega is `width`) adds up coordinates before it averages over rows. pytorch-toolbelt calls
    `epsilon` curvature and starts at 5 and 0.5.
    """
    size = (input - target).abs()
    core = size.clamp(max=width)
    return width * torch.log1p(core / epsilon) + torch.relu(size - width)


def adaptive_pull(alpha: float, omega: float, epsilon: float, theta: float) -> float:
    """The steepest slope of the adaptive wing loss over its powers p, each at its inflection point or at `theta`."""
    slopes = []
    for p in (alpha - step / 100 for step in range(101)):
        at = min(theta, epsilon * (p - 1) ** (1 / p))
        slopes.append(omega * p / at / (1 + (epsilon / at) ** p))
    return max(slopes)


@loss(
    kind="pointwise",
    formula=r"\omega\log(1 + (m / \epsilon)^p) + \omega\frac{p}{\theta}\,\frac{|r| - m}{1 + (\epsilon / \theta)^p},"
    r"\quad p = \alpha - y,\ m = \min(|r|, \theta)",
    source="Wang et al., Adaptive wing loss for robust face alignment via heatmap regression, ICCV 2019",
    task="regression",
    target_domain=UNIT,
    bounds={
        "alpha": Parameter(Interval(2, open_low=True, open_high=True), search=Interval(2.02, 3)),
        "omega": Parameter(FINITE, search=Interval(1, 30), log=True),
        "epsilon": Parameter(FINITE, search=Interval(0.2, 5), log=True),
        "theta": Parameter(FINITE, search=Interval(0.1, 0.9)),
    },
    kinks=lambda alpha, omega, epsilon, theta: (-theta, 0.0, theta),
    untunable="its targets lie in [0, 1], and the targets of a regression are standardised",
    by_default=False,
    facts=Facts(attained=same, smooth=True, lipschitz=adaptive_pull, symmetric=False),
    cases=(
        # y = .1, so p = 2: 14 log(1 + .3^2) with slope 14 2 .3 / 1.09; beyond .5 the slope is 14 (2 / .5) .25 / 1.25
        Case([0.4, 1.1, 0.1], [0.1, 0.1, 0.1], [14 * log(1.09), 5.6 + 14 * log(1.25), 0.0], {"reduction": "none"},
             [8.4 / 1.09, 11.2, 0.0], tolerance=1e-12),
        # y = 1, so p = 2: (.1 / .4)^2 = 1/16
        # y = 0, so p = 3: (.2 / .4)^3 = 1/8, slope 6 (3 / .2) / 9 beyond
        Case([0.9, -0.5, 0.5], [1.0, 0.0, 0.5], [6 * log(1.0625), 3 + 6 * log(1.125), 0.0],
             {"alpha": 3.0, "omega": 6.0, "epsilon": 0.4, "theta": 0.2, "reduction": "none"},
             [-6 * 2 * 0.25 / 0.4 / 1.0625, -10.0, 0.0], tolerance=1e-12),
    ),
)  # fmt: skip
def adaptive_wing_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 2.1,
    omega: float | Tensor = 14.0,
    epsilon: float | Tensor = 1.0,
    theta: float | Tensor = 0.5,
) -> Tensor:
    """Wing loss of heatmaps with targets from 0 to 1: sharp at the peaks, nearly squared error on the background.

    Use it for heatmap regression (landmarks, keypoints) with targets in [0, 1]; elsewhere the power p means nothing.
    `omega` is a factor alone. The paper's weights for pixels around a peak are `sample_weight`.
    The same as mmpose's AdaptiveWingLoss, whose keypoint weights multiply input and target, not the loss.
    """
    size = (input - target).abs().clamp(min=1e-18)  # so that second derivatives are finite at a perfect fit
    core, power = size.clamp(max=theta), alpha - target
    slope = omega * power / theta / (1 + (epsilon / theta) ** power)
    return omega * torch.log1p((core / epsilon) ** power) + slope * torch.relu(size - theta)
