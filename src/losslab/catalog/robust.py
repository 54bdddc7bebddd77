"""Losses that far errors do not rule. Below, r is input - target; near zero most are half the squared error."""

from math import exp, inf, log, sqrt

import torch
from torch import Tensor

from losslab.catalog.regression import WIDTHS
from losslab.spec.declare import loss
from losslab.spec.facts import Facts, same
from losslab.spec.interval import Interval
from losslab.spec.record import Case, Parameter

FINITE = Interval(0, open_low=True, open_high=True)
SCALE = Parameter(FINITE, search=WIDTHS, log=True, unit="target")
# For losses whose slope dies away: of a narrow one, most rows of an untrained network feel nothing.
WIDER = Parameter(FINITE, search=Interval(0.2, 40), log=True, unit="target")


def root_less_one(z: Tensor) -> Tensor:
    """sqrt(1 + z^2) - 1, to full precision from 0 to infinity."""
    size = z.abs()
    core, inverse = z.clamp(-1, 1).square(), size.clamp(min=1).reciprocal()
    near = core / (1 + torch.sqrt(1 + core))  # the plain form cancels for small z
    far = size - 1 + inverse / (1 + torch.sqrt(1 + inverse.square()))  # and z^2 overflows
    return torch.where(size < 1, near, far)


@loss(
    kind="pointwise",
    formula=r"s^2 (\sqrt{1 + (r / s)^2} - 1)",
    source="Charbonnier et al., Deterministic edge-preserving regularization in computed imaging, IEEE Transactions on "
    "Image Processing 1997",
    task="regression",
    bounds={"scale": SCALE},
    group="pseudo_huber",
    by_default=False,
    uses=(root_less_one,),
    facts=Facts(attained=same, convex=True, smooth=True, lipschitz=lambda scale: scale, symmetric=True),
    cases=(
        # triangles: the root is 5/4 for 3 and 4, 10/6 for 8 and 6, and the slope r divided by it
        Case([1.75, 1.0], [1.0, 1.0], [0.25, 0.0], {"reduction": "none"}, [0.6, 0.0], tolerance=1e-12),
        Case([5.0], [2.0], 4.0, {"scale": 4.0}, [2.4], tolerance=1e-12),
        Case([-6.0, 2.0], [2.0, 2.0], 24.0, {"scale": 6.0, "reduction": "sum"}, [-4.8, 0.0], tolerance=1e-12),
    ),
)
def pseudo_huber_loss(input: Tensor, target: Tensor, *, scale: float | Tensor = 1.0) -> Tensor:
    """Huber's loss with a smooth bend: half the squared error near zero, slope `scale` far away.

    Use it where Huber's loss fits and second derivatives matter, or where the width is learned. A far error still pulls
    with the full slope: against many gross ones, use `cauchy_loss` or a bounded loss.
    The same as scipy.special.pseudo_huber, XGBoost's reg:pseudohubererror (`huber_slope`) and soft_l1 of
    scipy.optimize.least_squares. At `scale` 1 it is kornia's charbonnier_loss; at the root of 2, the L1-L2 estimator.
    """
    return scale * (scale * root_less_one((input - target) / scale))


@loss(
    kind="pointwise",
    formula=r"\sqrt{r^2 + \epsilon^2}",
    source="Lai et al., Deep Laplacian pyramid networks for fast and accurate super-resolution, CVPR 2017",
    task="regression",
    bounds={"epsilon": Parameter(FINITE, search=Interval(0.001, 10), log=True, unit="target")},
    group="pseudo_huber",
    by_default=False,
    facts=Facts(
        lambda epsilon: Interval(low=epsilon), attained=same, convex=True, smooth=True, lipschitz=1.0, symmetric=True
    ),
    cases=(
        Case([0.00075, -2.0], [0.0, -2.0], [0.00125, 0.001], {"reduction": "none"}, [0.6, 0.0], tolerance=1e-12),
        Case([5.0, -6.0], [2.0, 2.0], (5 + sqrt(80)) / 2, {"epsilon": 4.0}, [0.3, -4 / sqrt(80)], tolerance=1e-12),
        Case([-6.0], [2.0], 10.0, {"epsilon": 6.0}, [-0.8], tolerance=1e-12),
    ),
)
def charbonnier_loss(input: Tensor, target: Tensor, *, epsilon: float | Tensor = 1e-3) -> Tensor:
    """Absolute error with its tip rounded off over a width of `epsilon`; a perfect fit costs `epsilon`.

    Use it in place of absolute error, in restoring images above all. It is `pseudo_huber_loss` divided by its scale,
    plus its scale: take that one for a width of the order of the errors, or to have a perfect fit cost nothing.
    Public code of this name differs: in much of it epsilon stands under the root unsquared, so that 1e-6 there is 1e-3
    here; kornia's has no parameter and is sqrt(r^2 + 1) - 1.
    """
    r = input - target
    largest = torch.finfo(r.dtype).max
    core = r.clamp(-largest, largest)
    root = torch.hypot(core, torch.as_tensor(epsilon, dtype=r.dtype, device=r.device))
    return torch.where(r.isinf(), r.abs(), root)  # there the slope of the root is NaN


@loss(
    kind="pointwise",
    formula=r"s^2 (|r| / s - \log(1 + |r| / s))",
    source="Fair, On the robust estimation of econometric models, Annals of Economic and Social Measurement 1974",
    task="regression",
    bounds={"scale": SCALE},
    by_default=False,
    facts=Facts(attained=same, convex=True, smooth=True, lipschitz=lambda scale: scale, symmetric=True),
    cases=(
        # slope r / (1 + |r| / s)
        Case([4.0, 1.0], [1.0, 1.0], [3 - log(4), 0.0], {"reduction": "none"}, [0.75, 0.0], tolerance=1e-12),
        Case([1.0, 8.0], [2.0, 2.0], 14 - 4 * log(6), {"scale": 2.0, "reduction": "sum"}, [-2 / 3, 1.5],
             tolerance=1e-12),
        Case([0.08, 0.0], [0.0, 0.05], [0.08 - log(1.08), 0.05 - log(1.05)], {"reduction": "none"},
             [0.08 / 1.08, -0.05 / 1.05], tolerance=1e-12),
    ),
)  # fmt: skip
def fair_loss(input: Tensor, target: Tensor, *, scale: float | Tensor = 1.0) -> Tensor:
    """Between squared and absolute error like the pseudo-Huber loss, but bends sooner and nears its slope later.

    Use it as the mildest of the robust losses with one minimum. Its third derivative jumps at zero.
    The same as LightGBM's objective fair (`fair_c`). 95 % efficient on Gaussian errors at 1.3998 of their spread.
    """
    z = (input - target) / scale
    size, core = z.abs(), z.clamp(-0.1, 0.1)
    near = core.abs()
    w, tail = near / (2 + near), torch.zeros_like(z)  # log(1 + z) = 2 atanh(w): a fast series where the log cancels
    for odd in (15, 13, 11, 9, 7, 5, 3):
        tail = tail * w * w + 1 / odd
    series = core.square() / (2 + near) * (1 - 2 * w * tail / (2 + near))
    far = size - torch.log1p(size.clamp(max=torch.finfo(z.dtype).max))
    return scale * (scale * torch.where(size < 0.1, series, far))


def half_log_one_plus_square(z: Tensor) -> Tensor:
    """log(1 + z^2) / 2, to full precision from 0 to infinity."""
    size = z.abs()
    outer = size.clamp(min=1)
    far = outer.log() + 0.5 * torch.log1p(outer.reciprocal().square())  # z^2 would overflow
    return torch.where(size < 1, 0.5 * torch.log1p(z.clamp(-1, 1).square()), far)


@loss(
    kind="pointwise",
    formula=r"\frac{s^2}{2}\log(1 + (r / s)^2)",
    source="Black and Anandan, The robust estimation of multiple motions, Computer Vision and Image Understanding 1996",
    task="regression",
    bounds={"scale": SCALE},
    by_default=False,
    uses=(half_log_one_plus_square,),
    facts=Facts(attained=same, smooth=True, lipschitz=lambda scale: scale / 2, symmetric=True),
    cases=(
        # slope r / (1 + (r / s)^2)
        Case([3.0, 0.0], [1.0, 1.0], [log(5) / 2, log(2) / 2], {"reduction": "none"}, [0.4, -0.5], tolerance=1e-12),
        Case([-4.0, 3.0], [2.0, 2.0], log(10) + log(1.25), {"scale": 2.0}, [-0.3, 0.4], tolerance=1e-12),
    ),
)
def cauchy_loss(input: Tensor, target: Tensor, *, scale: float | Tensor = 1.0) -> Tensor:
    """Lorentzian loss: grows like a logarithm, so that the pull of far errors fades as 1 / r.

    Use it where a good share of the targets is grossly wrong. It may have several minima: start from a fair fit, or
    with a wide `scale`. Up to factor and constant, it is the negative log-likelihood of Student's t with one degree of
    freedom.
    The same as the cost of Ceres' CauchyLoss and of scipy.optimize.least_squares with cauchy, their half included.
    kornia's cauchy_loss is this one at `scale` root of 2. 95 % efficient on Gaussian errors at 2.3849 of their spread.
    """
    return scale * (scale * half_log_one_plus_square((input - target) / scale))


@loss(
    kind="pointwise",
    formula=r"\frac{1}{2}\,\frac{r^2}{1 + (r / s)^2}",
    source="Geman and McClure, Bayesian image analysis: an application to single photon emission tomography, "
    "Proceedings of the Statistical Computing Section, American Statistical Association 1985",
    task="regression",
    bounds={"scale": WIDER},
    module_name="GemanMcClureLoss",
    by_default=False,
    facts=Facts(
        lambda scale: Interval(0, scale**2 / 2),
        attained=same,
        smooth=True,
        lipschitz=lambda scale: scale * sqrt(3) * 3 / 16,
        symmetric=True,
    ),
    cases=(
        # slope r / (1 + (r / s)^2)^2
        Case([3.0, 1.5], [1.0, 1.0], [0.4, 0.1], {"reduction": "none"}, [0.08, 0.32], tolerance=1e-12),
        Case([1.0, 8.0], [2.0, 2.0], 2.025, {"scale": 3.0}, [-0.405, 0.12], tolerance=1e-12),
    ),
)
def geman_mcclure_loss(input: Tensor, target: Tensor, *, scale: float | Tensor = 1.0) -> Tensor:
    """Bounded: no error costs more than half of `scale` squared, and the pull of far ones fades as 1 / r^3.

    Use it where a large share of the targets is wrong, from a good start: it has many minima, and far rows hardly pull.
    kornia's geman_mcclure_loss is this one at `scale` 2. Open3D's GMLoss(k) is this one at `scale` root of k, divided
    by k, so that its curvature at zero depends on k.
    """
    z = (input - target) / scale
    size, core = z.abs(), z.clamp(-1, 1).square()
    far = 1 / (1 + size.clamp(min=1).reciprocal().square())  # of the near form the slope would cancel
    return 0.5 * scale * (scale * torch.where(size < 1, core / (1 + core), far))


@loss(
    kind="pointwise",
    formula=r"\frac{s^2}{2}(1 - e^{-(r / s)^2})",
    source="Dennis and Welsch, Techniques for nonlinear least squares and robust regression, Communications in "
    "Statistics: Simulation and Computation 1978",
    task="regression",
    bounds={"scale": WIDER},
    by_default=False,
    facts=Facts(
        lambda scale: Interval(0, scale**2 / 2), attained=same, smooth=True,
        lipschitz=lambda scale: scale * sqrt(exp(-1) / 2), symmetric=True,
    ),
    cases=(
        # slope r e^(-(r / s)^2)
        Case([sqrt(log(2)), -sqrt(log(4))], [0.0, 0.0], [0.25, 0.375], {"reduction": "none"},
             [sqrt(log(2)) / 2, -sqrt(log(4)) / 4], tolerance=1e-12),
        Case([3 * sqrt(log(4)), 1.0], [0.0, 1.0], 1.6875, {"scale": 3.0}, [0.375 * sqrt(log(4)), 0.0], tolerance=1e-12),
        Case([inf, -inf], [0.0, 0.0], [0.5, 0.5], {"reduction": "none"}, [0.0, 0.0], tolerance=1e-12),
    ),
)  # fmt: skip
def welsch_loss(input: Tensor, target: Tensor, *, scale: float | Tensor = 1.0) -> Tensor:
    """Leclerc's, or the correntropy loss: bounded by half of `scale` squared, beyond three scales without a pull.

    Use it as `tukey_biweight_loss`, but smooth. A row farther than a few scales gets no slope at all: begin with a wide
    `scale`, or from a fit by another loss.
    kornia's welsch_loss is this one at `scale` root of 2. 95 % efficient on Gaussian errors at 2.9846 of their spread.
    """
    z = ((input - target) / scale).clamp(-40.0, 40.0)  # beyond, the slope is 0 in every precision
    q = z.square()
    # Far out, 1 - e^-q has the better slope.
    return 0.5 * scale * (scale * torch.where(q < 1, -torch.expm1(-q), 1 - torch.exp(-q)))


@loss(
    kind="pointwise",
    formula=r"\frac{s^2}{6}(1 - (1 - \min(|r| / s, 1)^2)^3)",
    source="Beaton and Tukey, The fitting of power series, meaning polynomials, illustrated on band-spectroscopic "
    "data, Technometrics 1974",
    task="regression",
    bounds={"scale": WIDER},
    by_default=False,
    facts=Facts(
        lambda scale: Interval(0, scale**2 / 6), attained=same, smooth=True,
        lipschitz=lambda scale: scale * sqrt(0.2) * 16 / 25, symmetric=True,
    ),
    cases=(
        # slope r (1 - (r / s)^2)^2
        Case([4.3425, 2.0], [2.0, 2.0], [4.685**2 * 37 / 384, 0.0], {"reduction": "none"}, [2.3425 * 9 / 16, 0.0],
             tolerance=1e-12),
        Case([3.0, -1.0, 1.0], [2.0, 2.0, 2.0], [37 / 96, 2 / 3, 37 / 96], {"scale": 2.0, "reduction": "none"},
             [0.5625, 0.0, -0.5625], tolerance=1e-12),
    ),
)  # fmt: skip
def tukey_biweight_loss(input: Tensor, target: Tensor, *, scale: float | Tensor = 4.685) -> Tensor:
    """Bisquare: errors beyond `scale` cost a sixth of its square and pull no more.

    Use it to leave gross errors out altogether, from a fit by another loss: rows beyond `scale` never come back by
    themselves. The default is 95 % efficient on Gaussian errors of spread 1, in the target's own unit.
    The same as statsmodels' TukeyBiweight (its c is `scale`).
    """
    q = ((input - target) / scale).clamp(-1, 1).square()
    return 0.5 * scale * (scale * (q * (1 - q + q.square() / 3)))


def robust_series(q: Tensor, sign: Tensor, b: Tensor) -> Tensor:
    """The general robust loss where q max(1/2, 1/b) is small, as a power series: its slope by alpha is of order q^3."""
    half, step = 0.5 * q * sign, q / b
    total = torch.full_like(q, 1 / 17)
    for k in range(15, -1, -1):
        total = (1 + (half - k * step) * total) / (k + 1)
    return 0.5 * q * total


def robust_top(alpha: float) -> float:
    """What the general robust loss nears for far errors."""
    return inf if alpha >= 0 else 1.0 if alpha == -inf else 1 - 2 / alpha


def robust_pull(alpha: float, scale: float) -> float:
    """The steepest slope of the general robust loss."""
    if alpha >= 1:
        return 1 / scale if alpha == 1 else inf
    b = 2 - alpha
    return (exp(-0.5) if b == inf else (b / (b - 1)) ** ((1 - b) / 2)) / scale


def expm1_ratio(t: Tensor) -> Tensor:
    """(e^t - 1) / t for t from -0.1 to 0.1."""
    total = torch.ones_like(t)
    for k in range(10, 1, -1):
        total = 1 + t / k * total
    return total


@loss(
    kind="pointwise",
    formula=r"\frac{|\alpha - 2|}{\alpha}\left(\left(\frac{(r / c)^2}{|\alpha - 2|} + 1\right)^{\alpha / 2} - 1\right)",
    source="Barron, A general and adaptive robust loss function, CVPR 2019",
    task="regression",
    bounds={
        "alpha": Parameter(Interval(open_high=True), search=Interval(-4, 2)),
        "scale": SCALE,
    },
    by_default=False,
    uses=(robust_series, expm1_ratio),
    facts=Facts(
        lambda alpha: Interval(0, robust_top(alpha)), attained=same, convex=lambda alpha: alpha >= 1, smooth=True,
        lipschitz=robust_pull, symmetric=True,
    ),
    cases=(
        # alpha 1: the root of 1 + (3/4)^2 is 5/4, slope r / c^2 / (5/4)
        Case([1.75, 1.0], [1.0, 1.0], [0.25, 0.0], {"reduction": "none"}, [0.6, 0.0], tolerance=1e-12),
        Case([5.0, -1.0], [2.0, 2.0], 0.25, {"scale": 4.0}, [0.075, -0.075], tolerance=1e-12),
        # alpha 0: log(q / 2 + 1); 2: q / 2; -2: 2 q / (q + 4); -inf: 1 - e^(-q / 2); 4: ((q / 2 + 1)^2 - 1) / 2
        Case([2.0, -4.0], [0.0, 0.0], log(27), {"alpha": 0.0, "reduction": "sum"}, [2 / 3, -4 / 9], tolerance=1e-12),
        Case([5.0, 1.0], [2.0, 2.0], 0.625, {"alpha": 2.0, "scale": 2.0}, [0.375, -0.125], tolerance=1e-12),
        Case([3.0, 2.0], [2.0, 2.0], [1.0, 0.0], {"alpha": -2.0, "scale": 0.5, "reduction": "none"}, [1.0, 0.0],
             tolerance=1e-12),
        Case([sqrt(log(16)), 0.0], [0.0, 0.0], [0.75, 0.0], {"alpha": -inf, "reduction": "none"},
             [sqrt(log(16)) / 4, 0.0], tolerance=1e-12),
        Case([2.0, -1.0], [0.0, 0.0], 4.625, {"alpha": 4.0, "reduction": "sum"}, [6.0, -1.5], tolerance=1e-12),
    ),
)  # fmt: skip
def general_robust_loss(
    input: Tensor, target: Tensor, *, alpha: float | Tensor = 1.0, scale: float | Tensor = 1.0
) -> Tensor:
    """From squared error (`alpha` 2) by way of pseudo-Huber (1), Cauchy (0) and Geman-McClure (-2) to Welsch (-inf).

    Use it to search for how robust a loss should be. Near zero it is half of (r / scale)^2. The loss falls as `alpha`
    falls and as `scale` grows, so to learn them with the network takes the paper's likelihood, with the normaliser that
    this loss lacks. Slopes by `alpha` are those of the formula, at 0 too; at 2, where the formula's is infinite, the
    slope is that of the next number below.
    robust_loss_pytorch's lossfun has the same values, but says of itself that its slope by alpha is 0 at 0 and at 2.
    """
    r = input - target
    info = torch.finfo(r.dtype)
    power = torch.as_tensor(alpha, dtype=r.dtype, device=r.device).clamp(min=-1 / info.eps**2)  # is -inf to all digits
    q = (r / scale).clamp(-(info.max**0.3), info.max**0.3).square()
    power = torch.where(power == 2, power - info.eps, power)
    d = power - 2
    b = d.abs()
    bend = 0.1 / (0.5 + 1 / b)
    growth = torch.log1p(q / b)
    t, s = 0.5 * power * growth, 0.5 * d * growth
    middle = t.abs() < 0.1
    gentle = 0.5 * b * growth * expm1_ratio(t.clamp(-0.1, 0.1))  # through alpha = 0
    # Both are the same, but the slope by alpha of the second cancels where b is small, of the first where it is large.
    steep = torch.where(b < 1, q * torch.exp(s) + b * torch.expm1(s), b * (torch.exp(t) - 1))
    far = torch.where(middle, gentle, steep / torch.where(middle, 1.0, power))
    return torch.where(q < bend, robust_series(torch.minimum(q, bend), d.sign(), b), far)
