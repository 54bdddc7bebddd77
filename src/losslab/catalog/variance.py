"""Losses of a mean and a variance for each target. Below, r = y - m and s^2 is the variance."""

from collections.abc import Mapping
from math import erf, exp, inf, log, pi, sqrt
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from losslab.spec.declare import loss
from losslab.spec.facts import Facts, same
from losslab.spec.interval import NON_NEGATIVE, POSITIVE, UNIT, Interval
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import Parameter, SetCase


def spread(tensors: dict[str, Any]) -> dict[str, Any]:
    """One variance for each target: from a number, from one for each row, or from one size of 1."""
    input, var = tensors.get("input"), tensors.get("var")
    if not isinstance(input, Tensor) or not isinstance(var, Tensor | Real) or isinstance(var, bool):
        return tensors
    if not isinstance(var, Tensor):
        var = torch.full_like(input, float(var))
    elif var.shape != input.shape and var.shape == input.shape[:-1]:
        var = var.unsqueeze(-1).expand_as(input)
    elif var.ndim == input.ndim:
        other = [size for size, wanted in zip(var.shape, input.shape, strict=True) if size != wanted]
        var = var.expand_as(input) if other == [1] else var
    return {**tensors, "var": var}


def negative_variance(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    var = operands["var"]
    if var.numel() == 0 or not var.min() < 0:
        return None
    return (
        f"var holds variances, but its smallest value is {var.min():g}. If the model gives logarithms, use var.exp(); "
        "if it gives any number, torch.nn.functional.softplus(var)"
    )


def floored(var: Tensor, eps: float | Tensor) -> Tensor:
    """The variance, not below eps; its gradient goes on below, as in torch, so that it can come back."""
    return torch.where(var < eps, eps + (var - var.detach()), var)


def variances(generator: torch.Generator, sizes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Above the least that the hand-worked cases use, where the slope is no slope."""
    return {"var": 0.3 + torch.rand(sizes["*"], generator=generator, dtype=torch.float64)}


def least_likely(beta: float, eps: float) -> Interval:
    """Above the least value of v ** beta log(v) / 2, which is at v = exp(-1 / beta) unless eps is larger."""
    v = max(eps, exp(-1 / beta) if beta > 0 else 0.0)
    return Interval(v**beta * log(v) / 2)


MEAN_AND_VARIANCE = Layout(
    {
        "input": Operand("*", predicted=True), "target": Operand("*"),
        "var": Operand("*", domain=NON_NEGATIVE, predicted=True),
    },
    "*",
    prepare=spread,
    draw=variances,
)  # fmt: skip


@loss(
    kind="set",
    formula=r"\frac{1}{2}\left(\log s^2 + \frac{r^2}{s^2}\right) \left[ + \frac{1}{2}\log 2\pi\right]",
    source="Nix and Weigend, Estimating the mean and variance of the target probability distribution, ICNN 1994",
    task="regression",
    layout=MEAN_AND_VARIANCE,
    refuses=negative_variance,
    bounds={"eps": Parameter(NON_NEGATIVE)},
    torch_name="gaussian_nll_loss",
    module_name="GaussianNLLLoss",
    positional=("full", "eps", "reduction"),
    uses=(floored,),
    facts=Facts(
        lambda eps: Interval(log(eps) / 2 if eps > 0 else -inf), attained=same, convex=True, smooth=True, symmetric=True
    ),
    cases=(
        # errors 3 and -1 of variances 4 and 1/2: (ln 4 + 9/4) / 2 and (ln(1/2) + 2) / 2; slopes -r / s^2 and
        # (1 / s^2 - r^2 / s^4) / 2, halved by the mean
        SetCase(
            {"input": [1.0, 2.0], "target": [4.0, 1.0], "var": [4.0, 0.5]}, (log(4) + 2.25 - log(2) + 2) / 4, {},
            {"input": [-0.375, 1.0], "var": [(0.25 - 9 / 16) / 4, (2 - 4) / 4]}, 1e-12,
        ),
        # a variance of 1/10 below eps = 1/4 counts as 1/4, and still has a slope: (4 - 16) / 2
        SetCase(
            {"input": [1.0], "target": [2.0], "var": [0.1]}, (log(0.25) + 4 + log(2 * pi)) / 2,
            {"eps": 0.25, "full": True}, {"input": [-4.0], "var": [-6.0]}, 1e-12,
        ),
        # no variance at all, and no error: ln(1e-6) / 2
        SetCase({"input": [3.0], "target": [3.0], "var": [0.0]}, -6.907755278982137, tolerance=1e-12),
        # one variance for each row
        SetCase(
            {"input": [[0.0, 1.0], [2.0, 3.0]], "target": [[2.0, 1.0], [2.0, 2.0]], "var": [4.0, 0.5]},
            log(4) + 0.5 - log(2) + 1, {"reduction": "sum"}, {"var": [0.25 - 0.125, 2 - 2.0]}, 1e-12,
        ),
    ),
)  # fmt: skip
def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Tensor, *, full: bool = False, eps: float | Tensor = 1e-6
) -> Tensor:
    """Gaussian likelihood of a target around the mean `input`, with a variance that the model gives too.

    var: a number, a tensor of input's shape, or one with a size of 1 or without the last dimension (one for each row).
    For noise that differs between rows. Small variances rule the gradient: rows that are fitted early are fitted more,
    and hard ones neglected; `beta_nll_loss` mends it, `crps_gaussian_loss` is the calmer likelihood. `eps` is the least
    variance and not added to it; below it the gradient goes on as if the variance were `eps`. `full` adds
    log(2 pi) / 2.
    """
    s2 = floored(var, eps)
    value = 0.5 * (s2.log() + (input - target).square() / s2)
    return value + 0.9189385332046727 if full else value


@loss(
    kind="set",
    formula=r"\mathrm{const}(s^{2\beta}) \cdot \frac{1}{2}\left(\log s^2 + \frac{r^2}{s^2}\right)",
    source="Seitzer et al., On the pitfalls of heteroscedastic uncertainty estimation with probabilistic neural "
    "networks, ICLR 2022",
    task="regression",
    layout=MEAN_AND_VARIANCE,
    refuses=negative_variance,
    bounds={"beta": Parameter(UNIT, search=UNIT), "eps": Parameter(POSITIVE)},
    lacks={"finite differences": "the factor var ** beta is held constant, as its authors define it"},
    uses=(floored,),
    facts=Facts(least_likely, attained=same, convex=True, smooth=True, symmetric=True),
    cases=(
        # errors 3 and -1 of variances 4 and 1/4: 2 (ln 4 + 9/4) / 2 and (ln(1/4) + 4) / 4; the slopes of the likelihood
        # times 2 and 1/2: -3/4 and 4 by the mean, (1/4 - 9/16) / 2 and (4 - 16) / 2 by the variance
        SetCase(
            {"input": [1.0, 2.0], "target": [4.0, 1.0], "var": [4.0, 0.25]}, log(4) + 2.25 + (4 - log(4)) / 4,
            {"reduction": "sum"}, {"input": [-1.5, 2.0], "var": [-0.3125, -3.0]}, 1e-12,
        ),
        # beta 1: by the mean, the slope of half the squared error; a variance below eps = 1/4 counts as 1/4
        SetCase(
            {"input": [1.0, 2.0], "target": [4.0, 1.0], "var": [4.0, 0.125]},
            [2 * (log(4) + 2.25), (log(0.25) + 4) / 8], {"beta": 1.0, "eps": 0.25, "reduction": "none"},
            {"input": [-3.0, 1.0], "var": [4 * (0.25 - 9 / 16) / 2, (4 - 16) / 8]}, 1e-12,
        ),
    ),
)  # fmt: skip
def beta_nll_loss(
    input: Tensor, target: Tensor, var: Tensor, *, beta: float | Tensor = 0.5, eps: float | Tensor = 1e-6
) -> Tensor:
    """Gaussian likelihood of a mean and a variance, each row weighted by its variance to the power `beta`.

    The weight is held constant for the gradient. At beta 0 it is `gaussian_nll_loss`; at 1 the mean learns as by the
    squared error, whatever the variance. 1/2, the authors' choice, keeps hard rows from being given up for noise.
    Values of two betas cannot be compared: judge by the likelihood itself. var: as in `gaussian_nll_loss`.
    """
    s2 = floored(var, eps)
    return s2.detach() ** beta * 0.5 * (s2.log() + (input - target).square() / s2)


@loss(
    kind="set",
    formula=r"s\left(z\,(2\Phi(z) - 1) + 2\varphi(z) - \frac{1}{\sqrt\pi}\right),\quad z = \frac{r}{s}",
    source="Gneiting et al., Calibrated probabilistic forecasting using ensemble model output statistics and minimum "
    "CRPS estimation, Monthly Weather Review 2005",
    task="regression",
    layout=MEAN_AND_VARIANCE,
    refuses=negative_variance,
    bounds={"eps": Parameter(POSITIVE)},
    uses=(floored,),
    facts=Facts(
        lambda eps: Interval((sqrt(2) - 1) * sqrt(eps / pi)), attained=same, convex=True, smooth=True, lipschitz=1.0,
        symmetric=True,
    ),
    cases=(
        # no error: s (sqrt(2 / pi) - 1 / sqrt(pi)), s = 2; the slope by s over 2 s
        SetCase(
            {"input": [1.0], "target": [1.0], "var": [4.0]}, 2 * (sqrt(2) - 1) / sqrt(pi), {},
            {"input": [0.0], "var": [(sqrt(2) - 1) / sqrt(pi) / 4]}, 1e-12,
        ),
        # errors of one and a half deviations above, s = 2, and far below, where only the distance counts
        SetCase(
            {"input": [1.0, 500.0], "target": [4.0, 0.0], "var": [4.0, 1.0]},
            3 * erf(1.5 / sqrt(2)) + 4 * exp(-1.125) / sqrt(2 * pi) - 2 / sqrt(pi) + 500 - 1 / sqrt(pi),
            {"reduction": "sum"},
            {
                "input": [-erf(1.5 / sqrt(2)), 1.0],
                "var": [(2 * exp(-1.125) / sqrt(2 * pi) - 1 / sqrt(pi)) / 4, -0.5 / sqrt(pi)],
            },
            1e-12,
        ),
        # a variance of 0 counts as eps = 1/4
        SetCase({"input": [1.0], "target": [1.0], "var": [0.0]}, (sqrt(2) - 1) / sqrt(pi) / 2, {"eps": 0.25}),
    ),
)  # fmt: skip
def crps_gaussian_loss(input: Tensor, target: Tensor, var: Tensor, *, eps: float | Tensor = 1e-6) -> Tensor:
    """Continuous ranked probability score of a Gaussian with mean `input` and variance `var`, in closed form.

    In the unit of the target; with a vanishing variance it is the absolute error. Like the likelihood it is proper (the
    true mean and variance are best), but it grows with the error itself and not its square, so that rows that fit no
    Gaussian pull less. It takes the variance, as `gaussian_nll_loss` does, so that one head serves both; the functions
    of properscoring and scoringrules take the deviation. var: as in `gaussian_nll_loss`.
    """
    s = floored(var, eps).sqrt()
    gap = input - target
    z = gap / s
    return gap * torch.erf(z * 0.5**0.5) + s * ((2 / torch.pi) ** 0.5 * torch.exp(-0.5 * z.square()) - torch.pi**-0.5)
