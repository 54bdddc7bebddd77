"""Losses for real targets. Below, r is input - target."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from losslab.spec.declare import loss
from losslab.spec.facts import Facts, same
from losslab.spec.interval import NON_NEGATIVE, POSITIVE, Interval
from losslab.spec.record import Case, Parameter

# In multiples of the training targets' median absolute deviation. Residuals are shorter than targets: for a Gaussian
# residual of a tenth of the targets' spread, Huber's 95 % efficiency is at 0.2 of these units; at 10 it is mse.
WIDTHS = Interval(0.05, 10)


@loss(
    kind="pointwise",
    formula=r"|r|",
    source="Laplace, Mémoire sur la probabilité des causes par les évènements, 1774",
    task="regression",
    kinks=lambda: (0.0,),
    torch_name="l1_loss",
    module_name="L1Loss",
    takes_weight=True,
    takes_complex=True,
    facts=Facts(attained=same, convex=True, lipschitz=1.0, best_constant="median", symmetric=True),
    cases=(
        Case([[[[1.0, 2.0, 3.0]]]], [[[[1.0, 2.0, 5.0]]]], 2 / 3),
        Case([[[[1.0, 2.0, 3.0]]]], [[[[1.0, 2.0, 5.0]]]], 2.0, {"reduction": "sum"}),
        Case([4.0, 5.0, 6.0], [1.0, 2.0, 3.0], 3.0),
        Case([30.0, 20.0, 50.0], [10.0, 10.0, 10.0], 70.0, {"reduction": "sum"}, gradient=[1.0, 1.0, 1.0]),
        Case([30.0, 20.0, 50.0], [10.0, 10.0, 10.0], 70 / 3),
        Case([1.0, 4.0], [3.0, 3.5], 0.875, {"weight": [1.0, 3.0]}, gradient=[-0.25, 0.75]),
        Case([3 + 4j, 1j], [0j, 1j], 2.5),
    ),
)
def l1_loss(input: Tensor, target: Tensor, *, weight: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
    """Absolute error: its best constant is the median.

    For targets of which some are far off: a far row pulls no harder than a near one. Its slope does not fade near zero,
    so end with small steps, or take `smooth_l1_loss`. Not where sums or means must come out right: the best constant is
    below the mean where targets are skewed to the right. The same as scikit-learn's mean_absolute_error and keras's.
    """
    size = (input - target).abs()
    return size if weight is None else (size * weight, weight)


@loss(
    kind="pointwise",
    formula=r"|r|^2",
    source="Legendre, Nouvelles méthodes pour la détermination des orbites des comètes, 1805",
    task="regression",
    torch_name="mse_loss",
    module_name="MSELoss",
    takes_weight=True,
    takes_complex=True,
    facts=Facts(attained=same, convex=True, smooth=True, best_constant="mean", symmetric=True),
    cases=(
        Case([[[[1.0, 2.0, 3.0]]]], [[[[1.0, 2.0, 5.0]]]], 4 / 3),
        Case([6.0, 3.0, 2.0], [1.0, 4.0, 5.0], 35 / 3, gradient=[10 / 3, -2 / 3, -2.0]),
        Case([1.0, 4.0], [3.0, 3.5], 1.1875, {"weight": [1.0, 3.0]}, gradient=[-1.0, 0.75]),
        Case([1.0, 4.0], [3.0, 3.5], [4.0, 0.25], {"reduction": "none"}),
        Case([3 + 4j, 1j], [0j, 3j], 14.5),
    ),
)
def mse_loss(input: Tensor, target: Tensor, *, weight: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
    """Squared error: its best constant is the mean.

    For errors of about one size, and where the mean is wanted. Not with gross errors among the targets: a row ten times
    as far off pulls ten times as hard (`huber_loss`, `l1_loss`). The same as scikit-learn's mean_squared_error and
    keras's; optax's `l2_loss` and the losses inside scikit-learn's SGDRegressor and boosting are half of it.
    With `reduction="sum"` it is the sum of squares, the squared L2 distance between input and target.
    """
    r = input - target
    square = (r * r.conj()).real
    return square if weight is None else (square * weight, weight)


@loss(
    kind="pointwise",
    formula=r"\min(|r|, \beta)\,(|r| - \min(|r|, \beta) / 2) / \beta",
    source="Girshick, Fast R-CNN, ICCV 2015",
    task="regression",
    bounds={"beta": Parameter(NON_NEGATIVE, search=WIDTHS, log=True, unit="target")},
    kinks=lambda beta: (-beta, beta),
    group="huber",
    torch_name="smooth_l1_loss",
    module_name="SmoothL1Loss",
    facts=Facts(attained=same, convex=True, smooth=lambda beta: beta > 0, lipschitz=1.0, symmetric=True),
    cases=(
        Case([1.0, 2.0, 3.0, 4.0], [3.0, 2.5, 3.5, 4.5], 0.46875, gradient=[-0.25, -0.125, -0.125, -0.125]),
        Case([1.0, 4.0], [3.0, 3.5], [1.0, 0.0625], {"beta": 2.0, "reduction": "none"}),
        Case([1.0, 4.0], [3.0, 3.5], 2.0, {"beta": 0.5, "reduction": "sum"}, gradient=[-1.0, 1.0]),
        Case([1.0, 4.0, 7.0], [3.0, 3.5, 7.0], 2.5, {"beta": 0.0, "reduction": "sum"}, gradient=[-1.0, 1.0, 0.0]),
    ),
)
def smooth_l1_loss(input: Tensor, target: Tensor, *, beta: float = 1.0) -> Tensor:
    """Absolute error with a quadratic tip of half-width `beta`: Huber's loss divided by `beta`.

    For the corners of boxes and other targets in which far errors should not rule; the slope is at most 1 whatever
    `beta` is, which is 0 for the absolute error. Not with targets of another unit at the default: `beta` is a length on
    their axis. MXNet's `smooth_l1` has a parameter whose square is one over `beta`.
    """
    r = input - target
    # The floor makes beta = 0 the absolute error: far below any residual's rounding, and its inverse does not overflow.
    floor = torch.finfo(r.dtype).tiny ** 0.5
    width = torch.as_tensor(beta, dtype=r.dtype, device=r.device).clamp(min=floor)
    core = r.clamp(-width, width)
    return core / width * (r - 0.5 * core)


@loss(
    kind="pointwise",
    formula=r"\min(|r|, \delta)\,(|r| - \min(|r|, \delta) / 2)",
    source="Huber, Robust estimation of a location parameter, Annals of Mathematical Statistics 1964",
    task="regression",
    bounds={"delta": Parameter(POSITIVE, search=WIDTHS, log=True, unit="target")},
    kinks=lambda delta: (-delta, delta),
    group="huber",
    torch_name="huber_loss",
    module_name="HuberLoss",
    positional=("reduction", "delta", "weight"),
    module_positional=("reduction", "delta"),
    takes_weight=True,
    facts=Facts(attained=same, convex=True, smooth=True, lipschitz=lambda delta: delta, symmetric=True),
    cases=(
        Case([1.5, 4.0], [1.0, 1.0], [0.125, 2.5], {"reduction": "none"}),
        Case([1.0, 4.0], [3.0, 3.5], 1.0, {"delta": 1.5}, gradient=[-0.75, 0.25], tolerance=1e-6),
        Case([1.0, 4.0], [3.0, 3.5], 2.0625, {"delta": 1.5, "weight": [2.0, 3.0]}, gradient=[-1.5, 0.75]),
        Case([7.0, 1.0], [3.0, 3.0], 10.0, {"delta": float("inf"), "reduction": "sum"}, gradient=[4.0, -2.0]),
    ),
)
def huber_loss(input: Tensor, target: Tensor, *, delta: float | Tensor = 1.0, weight: Tensor | None = None) -> Tensor:
    """Half the squared error near zero, linear beyond `delta`.

    For targets with some gross errors, where the mean of the others is wanted: the usual first step away from the
    squared error. Not where many are wrong: far rows still pull with the full slope (`cauchy_loss`). `delta` is in the
    target's unit; 1.345 times the spread of Gaussian errors is 95 % efficient. The same as keras's Huber, optax's
    huber_loss and scipy.special.huber. scikit-learn's HuberRegressor has no half, and finds the spread by itself.
    """
    r = input - target
    largest = torch.finfo(r.dtype).max  # an infinite delta would leave inf - inf at an infinite error
    width: Any = delta.clamp(max=largest) if isinstance(delta, Tensor) else min(delta, largest)
    core = r.clamp(-width, width)
    value = core * (r - 0.5 * core)
    return value if weight is None else value * weight


@loss(
    kind="pointwise",
    formula=r"s^2 \log\cosh(r / s)",
    source="Green, Bayesian reconstructions from emission tomography data, IEEE Transactions on Medical Imaging 1990",
    task="regression",
    bounds={"scale": Parameter(POSITIVE, search=WIDTHS, log=True, unit="target")},
    facts=Facts(attained=same, convex=True, smooth=True, lipschitz=lambda scale: scale, symmetric=True),
    cases=(
        Case([1.0, 0.0], [0.0, 100.0], [0.43378083, 99.30685282], {"reduction": "none"}, tolerance=1e-5),
        Case([2.0], [0.0], 1.73512332, {"scale": 2.0}, gradient=[1.52318831], tolerance=1e-6),
        Case([0.0, 3.0], [1.0, 1.0], 0.57902387, {"scale": 0.5}, gradient=[-0.24100690, 0.24983234], tolerance=1e-6),
    ),
)
def log_cosh_loss(input: Tensor, target: Tensor, *, scale: float = 1.0) -> Tensor:
    """A smooth relative of Huber's loss: half the squared error near zero, slope `scale` far away.

    Use it where Huber's loss fits and all derivatives should exist; `pseudo_huber_loss` nears its slope later. Not
    against many gross errors, which still pull. keras's LogCosh and optax's log_cosh are this one at `scale` 1.
    """
    z = (input - target) / scale
    size = z.abs()
    near = torch.log1p(2 * torch.sinh(0.5 * z.clamp(-1, 1)).square())  # exact for small z, where the far form cancels
    far = size + torch.log1p(0.5 * torch.expm1(-2 * size))  # does not overflow
    return scale * scale * torch.where(size < 1, near, far)


@loss(
    kind="pointwise",
    formula=r"\max(-q\,r, (1 - q)\,r)",
    source="Koenker and Bassett, Regression quantiles, Econometrica 1978",
    task="regression",
    bounds={"quantile": Parameter(Interval(0, 1, open_low=True, open_high=True), search=Interval(0.1, 0.9))},
    kinks=lambda quantile: (0.0,),
    by_default=False,  # at one half it is l1_loss; a metric that weighs the two sides differently asks for it by name
    facts=Facts(
        attained=same,
        convex=True,
        lipschitz=lambda quantile: max(quantile, 1 - quantile),
        best_constant="quantile",
        symmetric=lambda quantile: quantile == 0.5,
    ),
    cases=(
        Case([1.0, 4.0], [3.0, 3.5], [1.8, 0.05], {"quantile": 0.9, "reduction": "none"}),
        Case([1.0, 4.0, 2.0], [3.0, 3.5, 2.0], 0.875 / 3, {"quantile": 0.25}, gradient=[-0.25 / 3, 0.25, 0.0]),
        Case([1.0, 4.0], [3.0, 3.5], 0.625),
    ),
)
def quantile_loss(input: Tensor, target: Tensor, *, quantile: float = 0.5) -> Tensor:
    """Pinball loss: its best constant is the `quantile`-quantile; at 0.5 it is half the absolute error.

    For a level that a known share of the targets stays below (stocks, waiting times), and in pairs for a range. Not for
    levels that few rows lie beyond: 0.99 of a hundred rows is one row. Levels that are fitted apart may cross. The same
    as scikit-learn's mean_pinball_loss (`alpha`), XGBoost's reg:quantileerror (`quantile_alpha`) and LightGBM's
    quantile (`alpha`).
    """
    r = input - target
    return quantile * F.relu(-r) + (1 - quantile) * F.relu(r)
