"""Losses for real targets on scales of their own: ratios, levels, bands. Below, r is input - target, y the target."""

from math import log

import torch
import torch.nn.functional as F
from torch import Tensor

from losslab.spec.declare import loss
from losslab.spec.facts import Facts, same
from losslab.spec.interval import NON_NEGATIVE, POSITIVE, Interval
from losslab.spec.record import Case, Parameter

# Follows "because": what a loss of ratios or counts, or with a log link, has against fit and tune.
STANDARDISED = (
    "a regression's targets are standardised there (training mean 0, deviation 1), and this loss wants them as they are"
)
ABOVE_MINUS_ONE = Interval(-1, open_low=True)
BAND = Parameter(NON_NEGATIVE, search=Interval(0.01, 1), log=True, unit="target")


def log_ratio(input: Tensor, target: Tensor, offset: float) -> Tensor:
    """log((input + offset) / (target + offset)), of which the difference of two logarithms keeps little when near 0."""
    change = (input - target) / (target + offset)
    near = torch.log1p(change.clamp(-0.5, 1.0))
    far = (input + offset).log() - (target + offset).log()
    return torch.where((change > -0.5) & (change < 1.0), near, far)


@loss(
    kind="pointwise",
    formula=r"\log\left(\frac{1 + x}{1 + y}\right)^2",
    source="Tofallis, A better measure of relative prediction accuracy for model selection and model estimation, "
    "Journal of the Operational Research Society 2015; the one that is added: Bartlett, The use of transformations, "
    "Biometrics 1947",
    task="regression",
    input_domain=ABOVE_MINUS_ONE,
    target_domain=ABOVE_MINUS_ONE,
    by_default=False,
    untunable=STANDARDISED,
    uses=(log_ratio,),
    facts=Facts(attained=same, smooth=True, best_constant="geometric mean", symmetric=True),
    cases=(
        # (1 + 3) / (1 + 1) = 2 and (1 + 0) / (1 + 2) = 1/3; slopes 2 ln 2 / 4 and 2 (-ln 3) / 1
        Case(
            [3.0, 0.0], [1.0, 2.0], [log(2) ** 2, log(3) ** 2], {"reduction": "none"}, [log(2) / 2, -2 * log(3)],
            tolerance=1e-12,
        ),
        # below zero: 1/2 over 1/4, and far off: 8 over 1/4
        Case([-0.5, 7.0], [-0.75, -0.75], (log(2) ** 2 + log(32) ** 2) / 2, {}, [2 * log(2), log(32) / 8], 1e-12),
    ),
)  # fmt: skip
def msle_loss(input: Tensor, target: Tensor) -> Tensor:
    """Squared difference of log(1 + value): sizes are compared by ratio, and zero is a legal target.

    For targets that grow over orders of magnitude. A prediction too low by a factor costs as much as one too high, so
    the best constant is a geometric mean, below the mean: not where sums matter, and not below -1, where it is refused.
    Equal to scikit-learn's mean_squared_log_error. Keras raises all values below 1e-7 to 1e-7 first, without a word.
    """
    return log_ratio(input, target, 1.0).square()


@loss(
    kind="pointwise",
    formula=r"\left|\log\frac{x}{y}\right|",
    source="Morley, Brito and Welling, Measures of model performance based on the log accuracy ratio, "
    "Space Weather 2018",
    task="regression",
    input_domain=POSITIVE,
    target_domain=POSITIVE,
    kinks=lambda: (0.0,),
    by_default=False,
    untunable=STANDARDISED,
    uses=(log_ratio,),
    facts=Facts(attained=same, best_constant="median", symmetric=True),
    cases=(
        # 6/2 and 1/4; slopes 1/6 and -1/1, halved
        Case([6.0, 1.0], [2.0, 4.0], (log(3) + log(4)) / 2, {}, [1 / 12, -0.5], tolerance=1e-12),
        Case([5.0, 3.0], [4.0, 3.0], log(1.25), {"reduction": "sum"}, [0.2, 0.0], tolerance=1e-12),
    ),
)
def log_ratio_loss(input: Tensor, target: Tensor) -> Tensor:
    """Absolute logarithm of prediction over target: 0.69 for half as for twice the target.

    For positive targets whose ratios matter (prices, durations), robust as the absolute error is; the best constant is
    the median. Where targets can be zero, take `msle_loss`.
    """
    return log_ratio(input, target, 0.0).abs()


@loss(
    kind="pointwise",
    formula=r"\frac{|r|}{\max(|y|, \epsilon)}",
    source="De Myttenaere et al., Mean absolute percentage error for regression models, Neurocomputing 2016",
    task=("regression", "count", "positive"),
    bounds={"eps": Parameter(POSITIVE, unit="target")},
    kinks=lambda eps: (0.0,),
    by_default=False,
    untunable=STANDARDISED,
    tunable_as=("count", "positive"),
    facts=Facts(attained=same, convex=True, lipschitz=lambda eps: 1 / eps, symmetric=False),
    cases=(
        # 1/4 and 3/2; slopes 1/4 and -1/2, halved
        Case([5.0, -5.0], [4.0, -2.0], 0.875, {}, [0.125, -0.25], tolerance=1e-12),
        # eps 1: targets 0 and -1/2 are divided by 1, the target 4 by 4
        Case([3.0, 0.0, 1.0], [0.0, -0.5, 4.0], 4.25, {"eps": 1.0, "reduction": "sum"}, [1.0, 1.0, -0.25], 1e-12),
        Case([2.0], [0.0], 2e7, gradient=[1e7], tolerance=1e-12),
    ),
)
def mape_loss(input: Tensor, target: Tensor, *, eps: float | Tensor = 1e-7) -> Tensor:
    """Absolute error as a share of the target's size, which counts as at least `eps`.

    For targets far from zero. Its best constant is below the median, since a prediction too low costs at most 1 for
    positive targets; a target near zero outweighs all others (raise `eps`). A fraction, as in scikit-learn (eps
    2.2e-16) and torchmetrics (1.17e-6); Keras gives percent, 100 times as much, with eps 1e-7; LightGBM has eps 1.
    """
    return (input - target).abs() / target.abs().clamp(min=eps)


@loss(
    kind="pointwise",
    formula=r"\frac{2\,|r|}{|x| + |y|}",
    source="Makridakis, Accuracy measures: theoretical and practical concerns, "
    "International Journal of Forecasting 1993",
    task=("regression", "count", "positive"),
    kinks=lambda: (0.0,),
    by_default=False,
    untunable=STANDARDISED,
    tunable_as=("count", "positive"),
    facts=Facts(Interval(0, 2), attained=same, symmetric=True),
    cases=(
        # 2 * 2 / 8 and 2 * 3 / 5; slopes 4 |y| / (|x| + |y|)^2: 12/64 and -16/25, halved
        Case([5.0, 1.0], [3.0, 4.0], 0.85, {}, [0.09375, -0.32], tolerance=1e-12),
        # signs that differ, a target of zero and zeros alone: 2, 2 and 0, and nothing to learn
        Case([-1.0, 3.0, 0.0], [4.0, 0.0, 0.0], [2.0, 2.0, 0.0], {"reduction": "none"}, [0.0, 0.0, 0.0], 1e-12),
    ),
)
def smape_loss(input: Tensor, target: Tensor) -> Tensor:
    """Absolute error as a share of the mean size of prediction and target, from 0 to 2; 0 where both are zero.

    A competition's metric rather than a loss: where the target is zero or has the other sign it is 2 whatever the
    prediction, with gradient 0. Most use this form (torchmetrics; the M4 competition in percent, 200 at most); others
    halve it, so that 1 is the worst (AutoGluon for tables, not for time series); Armstrong (1985) adds without absolute
    values, which can be negative.
    """
    largest = torch.finfo(input.dtype).max / 4  # beyond, it is 2 to all digits, and inf / inf would be NaN
    input, target = input.clamp(-largest, largest), target.clamp(-largest, largest)
    mean = 0.5 * input.abs() + 0.5 * target.abs()
    return (input - target).abs() / mean.masked_fill(mean == 0, 1.0)


@loss(
    kind="pointwise",
    formula=r"\tau \max(-r, 0)^2 + (1 - \tau) \max(r, 0)^2",
    source="Newey and Powell, Asymmetric least squares estimation and testing, Econometrica 1987",
    task="regression",
    bounds={"expectile": Parameter(Interval(0, 1, open_low=True, open_high=True), search=Interval(0.1, 0.9))},
    kinks=lambda expectile: (0.0,),
    by_default=False,
    facts=Facts(
        attained=same,
        convex=True,
        smooth=True,
        best_constant="expectile",
        symmetric=lambda expectile: expectile == 0.5,
    ),
    cases=(
        # r = -2 and 1/2: .9 * 4 and .1 / 4; slopes -2 * .9 * 2 and 2 * .1 / 2
        Case(
            [1.0, 4.0], [3.0, 3.5], [3.6, 0.025], {"expectile": 0.9, "reduction": "none"}, [-3.6, 0.1], tolerance=1e-12
        ),
        Case([1.0, 4.0, 2.0], [3.0, 3.5, 2.0], 1.1875 / 3, {"expectile": 0.25}, [-1 / 3, 0.25, 0.0], tolerance=1e-12),
        Case([1.0, 4.0], [3.0, 3.5], 1.0625, tolerance=1e-12),
    ),
)
def expectile_loss(input: Tensor, target: Tensor, *, expectile: float | Tensor = 0.5) -> Tensor:
    """Squared error with weight `expectile` where the prediction is too low, else one minus it; at 0.5 half the square.

    To the mean what `quantile_loss` is to the median: smooth, and moved by how far the values beyond lie. Take
    quantiles where a level must mean a share of the targets.
    """
    r = input - target
    return expectile * F.relu(-r).square() + (1 - expectile) * F.relu(r).square()


@loss(
    kind="pointwise",
    formula=r"\max(|r| - \epsilon, 0)",
    source="Vapnik, The nature of statistical learning theory, Springer 1995",
    task="regression",
    bounds={"epsilon": BAND},
    kinks=lambda epsilon: (-epsilon, epsilon),
    by_default=False,
    facts=Facts(attained=same, convex=True, lipschitz=1.0, symmetric=True),
    cases=(
        Case([1.0, 4.0], [3.0, 3.5], [1.9, 0.4], {"reduction": "none"}, [-1.0, 1.0], tolerance=1e-12),
        Case([1.0, 4.0, 7.0], [3.0, 3.5, 4.0], 3.5 / 3, {"epsilon": 0.75}, [-1 / 3, 0.0, 1 / 3], tolerance=1e-12),
        Case([1.0, 3.5], [3.0, 3.5], 2.0, {"epsilon": 0.0, "reduction": "sum"}, [-1.0, 0.0], tolerance=1e-12),
    ),
)
def epsilon_insensitive_loss(input: Tensor, target: Tensor, *, epsilon: float | Tensor = 0.1) -> Tensor:
    """Absolute error beyond a band of half-width `epsilon`, within which errors are free.

    The loss of support vector regression: for targets known to a tolerance only. Rows inside the band teach nothing.
    Equal to scikit-learn's in SVR and SGDRegressor, with their epsilon of 0.1 (LinearSVR: 0, the absolute error).
    """
    return F.relu((input - target).abs() - epsilon)


@loss(
    kind="pointwise",
    formula=r"\max(|r| - \epsilon, 0)^2",
    source="Ho and Lin, Large-scale linear support vector regression, Journal of Machine Learning Research 2012",
    task="regression",
    bounds={"epsilon": BAND},
    kinks=lambda epsilon: (-epsilon, epsilon),
    by_default=False,
    facts=Facts(attained=same, convex=True, smooth=True, symmetric=True),
    cases=(
        Case([1.0, 4.0], [3.0, 3.5], [3.61, 0.16], {"reduction": "none"}, [-3.8, 0.8], tolerance=1e-12),
        # 1.25^2, nothing, 2.25^2
        Case([1.0, 4.0, 7.0], [3.0, 3.5, 4.0], 6.625, {"epsilon": 0.75, "reduction": "sum"}, [-2.5, 0.0, 4.5], 1e-12),
    ),
)
def squared_epsilon_insensitive_loss(input: Tensor, target: Tensor, *, epsilon: float | Tensor = 0.1) -> Tensor:
    """Squared error beyond a band of half-width `epsilon`, within which errors are free.

    Smooth at the edge of the band, where `epsilon_insensitive_loss` has a kink, and as open to outliers as the squared
    error. Equal to scikit-learn's in SGDRegressor and LinearSVR.
    """
    return F.relu((input - target).abs() - epsilon).square()
