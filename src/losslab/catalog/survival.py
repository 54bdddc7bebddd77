"""Losses on the time until an event that is not always seen: `event` is 1 where it was, 0 where watching ended before.

For Cox's loss the input is a risk: the higher, the sooner. Where times are predicted, they are by their logarithm.
"""

from collections.abc import Mapping
from math import exp, log, pi, sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from losslab.spec.declare import loss
from losslab.spec.facts import Facts
from losslab.spec.interval import POSITIVE, REAL, Interval
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import SetCase

Sizes = Mapping[str, tuple[int, ...]]


def tied_times(generator: torch.Generator, sizes: Sizes) -> dict[str, Tensor]:
    return {"time": torch.randint(1, 5, sizes["N"], generator=generator).double()}


def log_times(generator: torch.Generator, sizes: Sizes) -> dict[str, Tensor]:
    normal = torch.randn((2, *sizes["*"]), generator=generator, dtype=torch.float64)
    return {"time": normal[0].exp(), "log_scale": 0.3 * normal[1]}


AFT = Layout(
    {
        "location": Operand("*", predicted=True),
        "log_scale": Operand("*", domain=Interval(-20, 20), predicted=True),
        "time": Operand("*", domain=POSITIVE),
        "event": Operand("*", "flag"),
    },
    "*",
    draw=log_times,
)


def log_sum_among(input: Tensor, among: Tensor) -> Tensor:
    """For each row i of `among` (N, N), the logarithm of the sum of exp(input[j]) over its j; far down for none."""
    return input.unsqueeze(0).masked_fill(~among, torch.finfo(input.dtype).min).logsumexp(1)


def uneventful(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    event, mask = operands["event"], options.get("mask")
    if event.numel() == 0 or (event if mask is None else event[mask]).any():
        return None
    return "no row of the batch has seen its event, so there is nothing to learn from it: take larger batches"


def log_outlived(z: Tensor) -> Tensor:
    """The logarithm of the chance that a standard normal number is above z, exact in both tails."""
    late, early = z.clamp(min=0.0) * 0.5**0.5, z.clamp(max=0.0) * 0.5**0.5
    far = (torch.special.erfcx(late) / 2).log() - late.square()
    return torch.where(z > 0, far, torch.log1p(-torch.special.erfc(-early) / 2))


@loss(
    kind="set",
    formula=r"\log\sum_{j:\,t_j \ge t_i} e^{x_j} - x_i \quad\text{for each event } i",
    source="Cox, Regression models and life-tables, 1972; ties: Breslow, 1974, and Efron, The efficiency of Cox's "
    "likelihood function for censored data, Journal of the American Statistical Association 1977",
    task="survival",
    layout=Layout(
        {"input": Operand("N", predicted=True), "time": Operand("N"), "event": Operand("N", "flag")}, "N",
        coupled=True, draw=tied_times,
    ),
    choices={"ties": ("efron", "breslow")},
    smells=uneventful,
    uses=(log_sum_among,),
    facts=Facts(Interval(-1), convex=True, smooth=True, lipschitz=sqrt(2)),
    cases=(
        # events at 2 (risk 2 among 2, 3 and 1) and at 5 (alone); the censored row counts among those at risk
        SetCase(
            {"input": [log(2), log(3), 0.0], "time": [2.0, 3.0, 5.0], "event": [1.0, 0.0, 1.0]}, log(3) / 2, {},
            {"input": [-1 / 3, 0.25, 1 / 12]}, 1e-12,
        ),
        # two events at 1, risks 2 and 3 of 10: 10 for the one, 10 - 5 / 2 for the other, their mean for each
        SetCase(
            {"input": [log(2), log(3), log(5)], "time": [1.0, 1.0, 4.0], "event": [1.0, 1.0, 0.0]},
            [log(75) / 2 - log(2), log(75) / 2 - log(3), 0.0], {"reduction": "none"}, tolerance=1e-12,
        ),
        SetCase(
            {"input": [log(2), log(3), log(5)], "time": [1.0, 1.0, 4.0], "event": [1.0, 1.0, 0.0]},
            [log(5), log(10 / 3), 0.0], {"reduction": "none", "ties": "breslow"}, {"input": [-0.6, -0.4, 1.0]}, 1e-12,
        ),
    ),
)  # fmt: skip
def cox_loss(
    input: Tensor, time: Tensor, event: Tensor, *, ties: str = "efron", mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Partial likelihood of proportional hazards: at each event, the row that had it against all still at risk.

    For an order of risks, with no word on times. Rows at risk are those of the batch: take large batches, or all rows.
    Each event has a value, and the mean is over events; a batch without one gives 0. `ties` says what events at the
    same time are: "efron" treats them as one after the other in an unknown order, which is exact enough for many ties,
    "breslow" each against all. lifelines and torchsurv have Efron as default, but the mean of torchsurv is over the
    times of events; pycox and DeepSurv take the rows at risk from the order of a sort, so that ties depend on the order
    of the rows, and add 1e-7 to the sum.
    """
    here = torch.ones_like(event, dtype=torch.bool) if mask is None else mask
    seen = (event > 0) & here
    at_risk = log_sum_among(input, (time.unsqueeze(0) >= time.unsqueeze(1)) & here.unsqueeze(0))
    if ties == "efron":
        tied = (time.unsqueeze(0) == time.unsqueeze(1)) & seen.unsqueeze(0) & seen.unsqueeze(1)
        pair = tied.to(input.dtype)
        count = pair.sum(1).clamp(min=1)
        gone = pair.tril(-1).sum(1) / count
        share = (log_sum_among(input, tied) - at_risk).exp()
        at_risk = torch.where(seen, at_risk + torch.log1p(-gone * share), 0.0)
        at_risk = (pair / count.unsqueeze(1)) @ at_risk
    return torch.where(seen, at_risk - input, 0.0), seen.to(input.dtype)


@loss(
    kind="set",
    formula=r"e^z - e\,(z - s - \log t),\quad z = (\log t - m)\,e^{-s}",
    source="Kalbfleisch and Prentice, The statistical analysis of failure time data, 1980",
    task="survival",
    layout=AFT,
    module_name="WeibullAFTLoss",
    facts=Facts(REAL, convex=True, smooth=True, unknown=("lipschitz",)),
    cases=(
        # z = (ln 4 - ln 2) / (1/2) = ln 4: 4 - (ln 4 + ln 2 - ln 4) with the event, 4 without
        SetCase(
            {"location": [log(2)] * 2, "log_scale": [-log(2)] * 2, "time": [4.0] * 2, "event": [1.0, 0.0]},
            [4 - log(2), 4.0], {"reduction": "none"},
            {"location": [-6.0, -8.0], "log_scale": [1 - 3 * log(4), -4 * log(4)]}, 1e-12,
        ),
        # standard, time 1: z = 0; time e: z = 1
        SetCase(
            {"location": [0.0, 0.0], "log_scale": [0.0, 0.0], "time": [1.0, exp(1)], "event": [True, True]},
            (1 + exp(1)) / 2, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def weibull_aft_loss(location: Tensor, log_scale: Tensor, time: Tensor, event: Tensor) -> Tensor:
    """Negative log-likelihood of times that follow a Weibull law, given its location and scale in log time.

    The shape is `exp(-log_scale)` and the scale `exp(location)`, a time that 37 % outlive. With hazards that rise or
    fall with time; where they rise and then fall, `log_normal_aft_loss`. torchsurv's network gives log scale and log
    shape, so the sign of `log_scale` turns. Far beyond the expected time (e^50 of them) the loss goes on as a line.
    """
    z = (time.log() - location) * (-log_scale).exp()
    near = z.clamp(max=50.0)
    return near.exp() * (1 + z - near) - event * (z - log_scale - time.log())


@loss(
    kind="set",
    formula=r"e\,\big(\tfrac12 z^2 + \tfrac12\log 2\pi + s + \log t\big) - (1 - e)\log\Phi(-z),"
    r"\quad z = (\log t - m)\,e^{-s}",
    source="Kalbfleisch and Prentice, The statistical analysis of failure time data, 1980",
    task="survival",
    layout=AFT,
    uses=(log_outlived,),
    module_name="LogNormalAFTLoss",
    facts=Facts(REAL, convex=True, smooth=True),
    cases=(
        # as above, z = ln 4: z^2 / 2 + ln(2 pi) / 2 - ln 2 + ln 4; the slope by location is -z / scale
        SetCase(
            {"location": [log(2)], "log_scale": [-log(2)], "time": [4.0], "event": [1.0]},
            2 * log(2) ** 2 + 0.5 * log(2 * pi) + log(2), {},
            {"location": [-2 * log(4)], "log_scale": [1 - log(4) ** 2]}, 1e-12,
        ),
        # not yet at its median: a chance of one half; a slope of -2 phi(0)
        SetCase(
            {"location": [log(3)], "log_scale": [1.0], "time": [3.0], "event": [0.0]}, log(2), {},
            {"location": [-2 * exp(-1) / (2 * pi) ** 0.5]}, 1e-12,
        ),
    ),
)  # fmt: skip
def log_normal_aft_loss(location: Tensor, log_scale: Tensor, time: Tensor, event: Tensor) -> Tensor:
    """Negative log-likelihood of times whose logarithm is normal, given its mean and the logarithm of its deviation.

    Where the hazard rises and then falls. With every event seen it is `gaussian_nll_loss` of the logarithm of time.
    """
    z = (time.log() - location) * (-log_scale).exp()
    seen = 0.5 * z.square() + 0.9189385332046727 + log_scale + time.log()
    return event * seen - (1 - event) * log_outlived(z)


@loss(
    kind="set",
    formula=r"-\sum_{k < i}\log(1 - h_k) - e\log h_i - (1 - e)\log(1 - h_i),\quad h = \sigma(x)",
    source="Gensheimer and Narasimhan, A scalable discrete-time survival model for neural networks, PeerJ 2019",
    task="survival",
    layout=Layout(
        {
            "input": Operand("N T", predicted=True), "interval": Operand("N", "class", of="T"),
            "event": Operand("N", "flag"),
        },
        "N",
    ),
    facts=Facts(convex=True, smooth=True, unknown=("lipschitz",)),
    cases=(
        # hazards 3/4, 1/2, 1/4: 1/4 survive the first, half of them have it in the second
        SetCase(
            {"input": [[log(3), 0.0, -log(3)]], "interval": [1], "event": [1.0]}, log(8), {},
            {"input": [[0.75, -0.5, 0.0]]}, 1e-12,
        ),
        # lost in the third interval, which counts as survived; the event in the first
        SetCase(
            {"input": [[log(3), 0.0, -log(3)]] * 2, "interval": [2, 0], "event": [0.0, 1.0]},
            [log(32 / 3), log(4 / 3)], {"reduction": "none"}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def logistic_hazard_loss(input: Tensor, interval: Tensor, event: Tensor) -> Tensor:
    """Log loss of having the event in each interval of time that a row has reached, by scores of the hazards.

    For times cut into intervals, without any law: `interval` is that of the event, or the last one of which a row that
    was lost is known to have survived all. pycox's `nll_logistic_hazard` is the same.
    """
    place = torch.arange(input.shape[1], device=input.device)
    last = place == interval.unsqueeze(1)
    signed = torch.where(last & (event > 0).unsqueeze(1), -input, input)
    return torch.where(place <= interval.unsqueeze(1), F.softplus(signed, threshold=40.0), 0.0).sum(1)
