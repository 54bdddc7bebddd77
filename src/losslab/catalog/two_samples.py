"""Distances between two samples: how far the rows of one are, as a crowd, from the rows of another."""

from math import exp

import torch
from torch import Tensor

from losslab.spec.declare import loss
from losslab.spec.facts import Facts
from losslab.spec.interval import POSITIVE, Interval
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import Parameter, SetCase

CROWDS = Layout({"input": Operand("N D", predicted=True), "target": Operand("M D", predicted=True)}, "", coupled=True)
SEARCHES = "it compares two samples as crowds, and a search compares each prediction with its own target"


def square_distances(a: Tensor, b: Tensor) -> Tensor:
    """Of all rows of (N, D) from all rows of (M, D), by differences: near rows keep their digits."""
    return (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1)


def mean_of_pairs(value: Tensor, apart: bool) -> Tensor:
    """The mean of (N, M); of a sample with itself, with `apart`, without the pairs of a row with itself."""
    rows, columns = value.shape
    if apart:
        return (value.sum() - value.diagonal().sum()) / max(rows * (rows - 1), 1)
    return value.sum() / max(rows * columns, 1)


@loss(
    kind="set",
    formula=r"\overline{k(x, x')} + \overline{k(y, y')} - 2\,\overline{k(x, y)},"
    r"\quad k(a, b) = e^{-\lVert a - b\rVert^2 / 2 s^2}",
    source="Gretton et al., A kernel two-sample test, Journal of Machine Learning Research 2012",
    task="distribution",
    layout=CROWDS,
    bounds={"bandwidth": Parameter(POSITIVE, search=Interval(0.1, 10), log=True)},
    untunable=SEARCHES,
    uses=(square_distances, mean_of_pairs),
    module_name="MMDLoss",
    facts=Facts(Interval(0, 2), smooth=True, symmetric=True, unknown=("lipschitz",)),
    cases=(
        # x = 0, 2; y = 1: pairs of x: 2 + 2 e^-2 of 4; of y: 1; between: e^-1/2
        SetCase(
            {"input": [[0.0], [2.0]], "target": [[1.0]]}, 0.5 + 0.5 * exp(-2) + 1 - 2 * exp(-0.5), {},
            {"input": [[exp(-2) - exp(-0.5)], [exp(-0.5) - exp(-2)]], "target": [[0.0]]}, 1e-12,
        ),
        # width 2, without the pairs of a row with itself: e^-1/2 + e^-2 - (e^-25/8 + e^-1/8 + e^-9/8 + e^-9/8) / 2
        SetCase(
            {"input": [[0.0, 3.0], [0.0, 1.0]], "target": [[4.0, 0.0], [0.0, 0.0]]},
            exp(-0.5) + exp(-2) - (exp(-25 / 8) + exp(-9 / 8) + exp(-17 / 8) + exp(-1 / 8)) / 2,
            {"bandwidth": 2.0, "unbiased": True}, tolerance=1e-12,
        ),
    ),
)  # fmt: skip
def mmd_loss(input: Tensor, target: Tensor, *, bandwidth: float | Tensor = 1.0, unbiased: bool = False) -> Tensor:
    """Squared maximum mean discrepancy of two samples, with a Gaussian kernel of standard deviation `bandwidth`.

    To make generated rows, or features of two domains, look like draws from one distribution. Rows much further apart
    than `bandwidth` see nothing of each other, so take about the median distance of rows; sums over several widths are
    sums of this loss. `unbiased` leaves out the pairs of a row with itself and may be negative. Packages differ by
    their widths (many take 1 / width in the exponent, or five widths at once) and by the square root.
    """

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (-square_distances(a, b) / (2 * bandwidth * bandwidth)).exp()

    own = mean_of_pairs(kernel(input, input), unbiased) + mean_of_pairs(kernel(target, target), unbiased)
    return own - 2 * mean_of_pairs(kernel(input, target), False)


@loss(
    kind="set",
    formula=r"2\,\overline{\lVert x - y\rVert} - \overline{\lVert x - x'\rVert} - \overline{\lVert y - y'\rVert}",
    source="Székely and Rizzo, Energy statistics: a class of statistics based on distances, 2013",
    task="distribution",
    layout=CROWDS,
    untunable=SEARCHES,
    uses=(square_distances, mean_of_pairs),
    facts=Facts(symmetric=True, unknown=("lipschitz",)),
    cases=(
        # x = 0, 3; y = 1: between (1 + 2) / 2, within (3 + 3) / 4; slopes by x_1: -1 + 1/2, by x_2: 1 - 1/2
        SetCase(
            {"input": [[0.0], [3.0]], "target": [[1.0]]}, 1.5, {},
            {"input": [[-0.5], [0.5]], "target": [[0.0]]}, 1e-12,
        ),
        # (0, 0) and (3, 4) against (0, 0) and (0, 4): between (0 + 4 + 5 + 3) / 4, within 5/2 and 4/2
        SetCase(
            {"input": [[0.0, 0.0], [3.0, 4.0]], "target": [[0.0, 0.0], [0.0, 4.0]]}, 1.5, {"unbiased": False},
            tolerance=1e-12,
        ),
        # and without the pairs of a row with itself: within 5 and 4
        SetCase(
            {"input": [[0.0, 0.0], [3.0, 4.0]], "target": [[0.0, 0.0], [0.0, 4.0]]}, -3.0, {"unbiased": True},
            {"input": [[1.0 * 0.6, -0.5 + 0.8], [0.3 + 0.5 - 0.6, 0.4 - 0.8]]}, 1e-12,
        ),
    ),
)  # fmt: skip
def energy_distance_loss(input: Tensor, target: Tensor, *, unbiased: bool = False) -> Tensor:
    """Energy distance of two samples: how much further apart rows of different samples are than rows of the same.

    Like `mmd_loss` with nothing to choose, and it feels samples that are far apart; against a single target row it is
    the energy score of an ensemble, twice. `unbiased` leaves out the pairs of a row with itself and may be negative.
    scipy's `energy_distance` is its square root, in one dimension. Equal rows pull nowhere.
    """

    def distances(a: Tensor, b: Tensor) -> Tensor:
        square = square_distances(a, b)
        none = square == 0
        return torch.where(none, 0.0, torch.where(none, 1.0, square).sqrt())

    own = mean_of_pairs(distances(input, input), unbiased) + mean_of_pairs(distances(target, target), unbiased)
    return 2 * mean_of_pairs(distances(input, target), False) - own
