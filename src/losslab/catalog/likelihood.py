"""Negative log-likelihoods of one number for each row. Below, y is the target, x the output and m the mean.

The losses of counts and of positive amounts have a log link: the model gives x = log m, any real number.
"""

from math import lgamma, log, pi

import torch
import torch.nn.functional as F
from torch import Tensor

from losslab.catalog.regression import WIDTHS
from losslab.catalog.relative import STANDARDISED
from losslab.catalog.robust import half_log_one_plus_square
from losslab.spec.declare import loss
from losslab.spec.facts import Facts, certain, same
from losslab.spec.interval import NON_NEGATIVE, POSITIVE, REAL, Interval
from losslab.spec.record import Case, Parameter


def log_gamma_tail(a: Tensor) -> Tensor:
    """What Stirling's formula leaves out of log gamma(a): below 3e-14 wrong from a = 30 on."""
    square = (1 / a).square()
    return (1 / 12 - square * (1 / 360 - square / 1260)) / a


def log_gamma_step(a: Tensor, step: float | Tensor) -> Tensor:
    """log(gamma(a + step) / gamma(a)), of which the difference of two logarithms keeps little when a is large."""
    near, far = a.clamp(max=30.0), a.clamp(min=30.0)
    small = torch.lgamma(near + step) - torch.lgamma(near)
    large = (far - 0.5) * torch.log1p(step / far) + step * (torch.log(far + step) - 1)
    return torch.where(a < 30.0, small, large + log_gamma_tail(far + step) - log_gamma_tail(far))


@loss(
    kind="pointwise",
    formula=r"e^x - y\,x",
    source="Nelder and Wedderburn, Generalized linear models, Journal of the Royal Statistical Society A 1972",
    task=("regression", "count", "positive"),
    link="exp",
    target_domain=NON_NEGATIVE,
    input_domain_of=lambda log_input, **_: REAL if log_input else NON_NEGATIVE,
    bounds={"eps": Parameter(NON_NEGATIVE)},
    torch_name="poisson_nll_loss",
    module_name="PoissonNLLLoss",
    positional=("log_input", "full"),
    module_positional=("log_input", "full"),
    untunable=STANDARDISED,
    tunable_as=("count", "positive"),
    facts=Facts(REAL, attained=certain, convex=True, smooth=True, best_constant="log mean"),
    cases=(
        # m = 2, y = 3 and m = 5, y = 0: 2 - 3 ln 2 and 5; slopes (m - y) / 2
        Case([log(2), log(5)], [3.0, 0.0], (7 - 3 * log(2)) / 2, {}, [-0.5, 2.5], tolerance=1e-12),
        # the constant ln y! of y = 3 and 1 is ln 6 and 0; Stirling's formula has ln 5.836
        Case(
            [log(2), 0.0], [3.0, 1.0], [2 - 3 * log(2) + log(6), 1.0], {"full": True, "reduction": "none"}, [-1.0, 0.0],
            tolerance=1e-12,
        ),
        # means: 2 - 3 ln(2 + 1/2) and 0 - 3 ln(1/2); slopes 1 - 3 / (m + 1/2)
        Case(
            [2.0, 0.0], [3.0, 3.0], 2 - 3 * log(2.5) + 3 * log(2),
            {"log_input": False, "eps": 0.5, "reduction": "sum"}, [-0.2, -5.0], tolerance=1e-12,
        ),
        # a mean of nought for a count of nought
        Case([0.0, 4.0], [0.0, 2.0], 4 - 2 * log(4), {"log_input": False, "eps": 0.0, "reduction": "sum"}, [1.0, 0.5]),
    ),
)  # fmt: skip
def poisson_nll_loss(
    input: Tensor, target: Tensor, *, log_input: bool = True, full: bool = False, eps: float | Tensor = 1e-8
) -> Tensor:
    """Poisson likelihood of counts; the output is log m or, with `log_input=False`, m, to whose logarithm `eps` adds.

    For counts whose variance grows with their mean; where it grows faster, take `negative_binomial_nll_loss`. The best
    constant is the mean. Values are torch's, with three exceptions: `full=True` adds log y! itself, where torch has
    Stirling's approximation above 1 (0.041 less at y = 2, 0.008 at 10; the gradient is the same); a count of 0 at an
    infinitely small mean costs 0 and not NaN; negative means and counts are refused. Keras has the form of
    `log_input=False`, with eps 1e-7.
    """
    none = target == 0
    if log_input:  # beyond 1e4 the exponential is infinite, and infinity less infinity would be NaN
        value = input.exp() - target * input.masked_fill(none, 0.0).clamp(max=1e4)
    else:
        value = input - target * (input + eps).masked_fill(none, 1.0).log()
    return value + torch.lgamma(target + 1) if full else value


@loss(
    kind="pointwise",
    formula=r"k\,(x + y e^{-x}) - (k - 1)\log y - k \log k + \log\Gamma(k)",
    source="McCullagh and Nelder, Generalized linear models, Chapman and Hall 1989",
    task=("regression", "positive"),
    link="exp",
    target_domain=POSITIVE,
    bounds={"shape": Parameter(POSITIVE)},
    untunable=STANDARDISED,
    tunable_as=("positive",),
    uses=(log_gamma_tail,),
    facts=Facts(REAL, attained=certain, convex=True, smooth=True, best_constant="log mean"),
    cases=(
        # m = 2, y = 3 and m = 5, y = 1: ln m + y / m; slopes 1 - y / m
        Case([log(2), log(5)], [3.0, 1.0], (log(10) + 1.7) / 2, {}, [-0.25, 0.4], tolerance=1e-12),
        # shape 4: gamma(4) = 6
        Case(
            [log(2)], [3.0], 4 * (log(2) + 1.5) - 3 * log(3) - 4 * log(4) + log(6), {"shape": 4.0}, [-2.0],
            tolerance=1e-12,
        ),
        # shape 60, beyond the switch to the series
        Case(
            [log(2)], [3.0], 60 * (log(2) + 1.5) - 59 * log(3) - 60 * log(60) + lgamma(60), {"shape": 60.0}, [-30.0],
            tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def gamma_nll_loss(input: Tensor, target: Tensor, *, shape: float | Tensor = 1.0) -> Tensor:
    """Gamma likelihood of positive amounts of `shape` k around exp(output): errors count in proportion to the mean.

    For claims, durations and prices with a constant coefficient of variation, 1 / sqrt(shape). The best constant is the
    mean. `shape` only scales the gradient of the output; give a tensor to learn it. A zero is refused: take
    `tweedie_loss`. At shape 1 equal to scikit-learn's HalfGammaLoss and XGBoost's gamma-nloglik.
    """
    k = torch.as_tensor(shape, dtype=input.dtype, device=input.device)
    gap = input - target.log()
    near, far = k.clamp(max=30.0), k.clamp(min=30.0)
    constant = torch.where(
        k < 30.0, torch.lgamma(near) - near * near.log() + near, 0.5 * (2 * torch.pi / far).log() + log_gamma_tail(far)
    )
    return k * (gap.clamp(min=-1e4) + torch.expm1(-gap)) + target.log() + constant


@loss(
    kind="pointwise",
    formula=r"\frac{e^{(2 - p) x}}{2 - p} + \frac{y\,e^{-(p - 1) x}}{p - 1}",
    source="Jørgensen, Exponential dispersion models, Journal of the Royal Statistical Society B 1987",
    task=("regression", "count", "positive"),
    link="exp",
    target_domain=NON_NEGATIVE,
    bounds={"power": Parameter(Interval(1, 2, open_low=True, open_high=True), search=Interval(1.05, 1.95))},
    untunable=STANDARDISED,
    tunable_as=("count", "positive"),
    facts=Facts(attained=certain, convex=True, smooth=True, best_constant="log mean"),
    cases=(
        # m = 4, y = 3: 2 * 2 + 2 * 3 / 2; m = 9, y = 0: 2 * 3; slopes 2 - 3 / 2 and 3, halved
        Case([log(4), log(9)], [3.0, 0.0], 6.5, {}, [0.25, 1.5], tolerance=1e-12),
        # power 5/4 at m = 16, y = 5: 8 / (3/4) + 5 * 4 / 2; slope 8 - 5 / 2
        Case([log(16)], [5.0], 62 / 3, {"power": 1.25}, [5.5], tolerance=1e-12),
    ),
)
def tweedie_loss(input: Tensor, target: Tensor, *, power: float | Tensor = 1.5) -> Tensor:
    """Tweedie deviance of amounts that are often exactly zero: the variance grows as the `power` of the mean.

    For insurance claims, rainfall, sales. Near power 1 it is Poisson's likelihood, near 2 the gamma's. The best
    constant is the mean at every power. Half the deviance without its part in y alone, so values of two powers cannot
    be compared, and `power` cannot be learnt by it; scikit-learn's HalfTweedieLoss, XGBoost's tweedie-nloglik and
    LightGBM have this value and this default.
    """
    falling = torch.exp((1 - power) * input.masked_fill(target == 0, 0.0))
    return torch.exp((2 - power) * input) / (2 - power) + target * falling / (power - 1)


@loss(
    kind="pointwise",
    formula=r"(y + \tfrac{1}{a})\log(1 + a e^x) - y (x + \log a)"
    r" - \log\frac{\Gamma(y + 1 / a)}{\Gamma(1 / a)\,\Gamma(y + 1)}",
    source="Lawless, Negative binomial and mixed Poisson regression, Canadian Journal of Statistics 1987",
    task=("regression", "count"),
    link="exp",
    target_domain=NON_NEGATIVE,
    bounds={"dispersion": Parameter(POSITIVE, search=Interval(0.01, 10), log=True, unit="1/target")},
    untunable=STANDARDISED,
    tunable_as=("count",),
    uses=(log_gamma_tail, log_gamma_step),
    facts=Facts(attained=certain, convex=True, smooth=True, best_constant="log mean"),
    cases=(
        # dispersion 1 is geometric: probabilities (1/3) (2/3)^3 for m = 2 and 1/6 for m = 5, y = 0
        # slopes (m - y) / (1 + m) = -1/3 and 5/6, halved
        Case([log(2), log(5)], [3.0, 0.0], (4 * log(3) - 3 * log(2) + log(6)) / 2, {}, [-1 / 6, 5 / 12], 1e-12),
        # dispersion 1/2, m = 2: success 1/2 two times, y = 3: 4 * (1/2)^5 = 1/8; slope (2 - 3) / (1 + 1)
        Case([log(2)], [3.0], log(8), {"dispersion": 0.5}, [-0.5], tolerance=1e-12),
        # dispersion 1/64, m = 64: y = 2: 64 * 65 / 2 * (1/2)^66; slope (64 - 2) / 2
        Case([log(64)], [2.0], 66 * log(2) - log(2080), {"dispersion": 1 / 64}, [31.0], tolerance=1e-12),
    ),
)
def negative_binomial_nll_loss(input: Tensor, target: Tensor, *, dispersion: float | Tensor = 1.0) -> Tensor:
    """Likelihood of counts whose variance is m + dispersion * m^2; the output is log m.

    For counts more scattered than Poisson's, which is the limit of a small `dispersion`. The best constant is the mean
    at every dispersion, so it may be fixed; give a tensor to learn it, since all constants are kept. This is NB2, as in
    statsmodels; scipy's nbinom has n = 1 / dispersion and p = 1 / (1 + dispersion * m), torch.distributions'
    NegativeBinomial the same count and logits = output + log dispersion.
    """
    a = torch.as_tensor(dispersion, dtype=input.dtype, device=input.device)
    odds = input + a.log()
    none = target == 0
    missed = F.softplus(odds, threshold=40.0) / a + target * F.softplus(-odds.masked_fill(none, 0.0), threshold=40.0)
    return missed - log_gamma_step(1 / a, target) + torch.lgamma(target + 1)


@loss(
    kind="pointwise",
    formula=r"\frac{|r|}{b} + \log 2b",
    source="Laplace, Mémoire sur la probabilité des causes par les évènements, 1774",
    task="regression",
    bounds={"scale": Parameter(POSITIVE, unit="target")},
    kinks=lambda scale: (0.0,),
    group="l1_loss",
    by_default=False,
    facts=Facts(
        lambda scale: Interval(log(2 * scale)),
        attained=same,
        convex=True,
        lipschitz=lambda scale: 1 / scale,
        best_constant="median",
        symmetric=True,
    ),
    cases=(
        Case([1.0, 4.0], [3.0, 3.5], 1.25 + log(2), {}, [-0.5, 0.5], tolerance=1e-12),
        Case([1.0, 4.0], [3.0, 3.5], [4 + log(1), 1 + log(1)], {"scale": 0.5, "reduction": "none"}, [-2.0, 2.0], 1e-12),
        Case(
            [1.0, 4.0, 3.0], [3.0, 3.5, 3.0], 0.625 + 3 * log(8), {"scale": 4.0, "reduction": "sum"}, [-0.25, 0.25, 0]
        ),
    ),
)
def laplace_nll_loss(input: Tensor, target: Tensor, *, scale: float | Tensor = 1.0) -> Tensor:
    """Laplace likelihood with median at the output and a fixed `scale` b, its mean absolute error.

    The absolute error on the scale of a likelihood: to learn `scale` (give a tensor, kept positive), or to add it to
    other likelihoods. With a fixed scale, `l1_loss` learns the same. Minus torch.distributions.Laplace's log_prob.
    """
    b = torch.as_tensor(scale, dtype=input.dtype, device=input.device)
    return (input - target).abs() / b + (2 * b).log()


@loss(
    kind="pointwise",
    formula=r"\frac{\nu + 1}{2}\log\left(1 + \frac{r^2}{\nu s^2}\right) + \log s + \frac{1}{2}\log\pi\nu"
    r" - \log\frac{\Gamma((\nu + 1) / 2)}{\Gamma(\nu / 2)}",
    source="Lange, Little and Taylor, Robust statistical modeling using the t distribution, "
    "Journal of the American Statistical Association 1989",
    task="regression",
    bounds={
        "df": Parameter(Interval(0, open_low=True, open_high=True)),
        "scale": Parameter(POSITIVE, search=WIDTHS, log=True, unit="target"),
    },
    group="cauchy_loss",
    by_default=False,
    uses=(log_gamma_tail, log_gamma_step, half_log_one_plus_square),
    facts=Facts(
        lambda df, scale: Interval(log(scale * (pi * df) ** 0.5) + lgamma(df / 2) - lgamma((df + 1) / 2)),
        attained=same,
        smooth=True,
        lipschitz=lambda df, scale: (df + 1) / (2 * scale * df**0.5),
        symmetric=True,
    ),
    cases=(
        # df 4, scale 1: density 3/8 (1 + r^2 / 4)^(-5/2); r = 2 and -1; slopes 5 r / (4 + r^2), halved
        Case([3.0, 0.0], [1.0, 1.0], log(8 / 3) + 1.25 * log(2.5), {}, [0.625, -0.5], tolerance=1e-12),
        # df 1 is Cauchy's: pi s (1 + r^2 / s^2), s = 2, r = 4; slope 2 r / (s^2 + r^2)
        Case([5.0], [1.0], log(10 * pi), {"df": 1.0, "scale": 2.0}, [0.4], tolerance=1e-12),
        # df 3: density 2 / (pi sqrt(3)) (1 + r^2 / 3)^(-2), r = -3 and 0
        Case(
            [-2.0, 1.0], [1.0, 1.0], 2 * log(2 * pi * 3**0.5), {"df": 3.0, "reduction": "sum"},
            [-1.0, 0.0], tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def student_t_nll_loss(
    input: Tensor, target: Tensor, *, df: float | Tensor = 4.0, scale: float | Tensor = 1.0
) -> Tensor:
    """Student's t likelihood around the output: the pull of an error of size `scale` and more fades as 1 / r.

    For targets with gross errors, which it nearly forgets; the price is that far rows teach little at the start. With
    fixed numbers it learns as a Cauchy loss of width scale * sqrt(df), so a search varies `scale` alone; give tensors
    to learn both. `df` near 1 has the heaviest tails, above 30 it is nearly Gaussian; 4 is the authors' choice and
    statsmodels' default. Minus torch.distributions.StudentT's log_prob.
    """
    nu, s = (torch.as_tensor(one, dtype=input.dtype, device=input.device) for one in (df, scale))
    tail = (nu + 1) * half_log_one_plus_square((input - target) / (s * nu.sqrt()))
    return tail + s.log() + 0.5 * (torch.pi * nu).log() - log_gamma_step(0.5 * nu, 0.5)
