"""Losses declared for the tests of spec/, outside the catalogue."""

from unittest import mock

import torch
from torch.nn import functional as F

from losslab.spec import declare
from losslab.spec.interval import POSITIVE, UNIT, Interval
from losslab.spec.record import Parameter


def private_loss(**facts):
    """`losslab.loss`, but the record is not listed."""

    def decorate(rule):
        with mock.patch.object(declare, "CATALOGUE", declare.Catalogue()):
            return declare.loss(**facts)(rule)

    return decorate


CLASSES = {
    "kind": "rowwise",
    "task": "multiclass",
    "outputs": "classes",
    "takes_weight": True,
    "takes_ignore_index": True,
}


@private_loss(
    **CLASSES,
    link="softmax",
    target="class or distribution",
    torch_name="cross_entropy",
    positional=("weight",),
    module_positional=("weight",),
    bounds={"smoothing": Parameter(UNIT, search=Interval(0, 0.3))},
)
def row_loss(input, target, *, weight=None, smoothing=0.0):
    """Cross-entropy, as short as it can be."""
    scores = -input.log_softmax(-1)
    if target.is_floating_point():
        return (target * scores * (1 if weight is None else weight)).sum(-1)
    value = scores.gather(-1, target.unsqueeze(-1)).squeeze(-1) * (1 - smoothing) + smoothing * scores.mean(-1)
    return value if weight is None else (value * weight[target], weight[target])


@private_loss(**CLASSES, target="class", torch_name="nll_loss", input_domain=Interval(high=0))
def log_row_loss(input, target, *, weight=None):
    """Minus the log-probability of the class."""
    return -input.gather(-1, target.unsqueeze(-1)).squeeze(-1)


@private_loss(kind="pointwise", task="binary", target="probability", link="sigmoid", takes_weight=True)
def logit_loss(input, target, *, weight=None, pos_weight=None):
    """Binary cross-entropy of a score."""
    value = F.binary_cross_entropy_with_logits(input, target, pos_weight=pos_weight, reduction="none")
    return value if weight is None else value * weight


@private_loss(kind="pointwise", task="binary", target="probability", input_domain=UNIT)
def probability_loss(input, target):
    """The Brier score."""
    return (input - target).square()


@private_loss(
    kind="pointwise",
    task="regression",
    bounds={"width": Parameter(POSITIVE, search=Interval(0.1, 10), log=True, unit="target")},
    formula="r^2 / w",
    source="the tests",
)
def width_loss(input, target, *, width=2.0):
    """Squared error over a width."""
    return (input - target).square() / width


@private_loss(kind="pointwise", task="regression", input_domain=POSITIVE, target_domain=POSITIVE)
def log_ratio_loss(input, target):
    """Squared difference of logarithms."""
    return (input.log() - target.log()).square()


def scores(rows=6, classes=4, *more):
    return torch.randn(rows, classes, *more, dtype=torch.float64)
