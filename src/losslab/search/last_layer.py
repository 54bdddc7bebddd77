"""What a model's last layer says to the losses proposed for a target."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from losslab.catalog import CATALOGUE
from losslab.spec.interval import NON_NEGATIVE, UNIT, Interval

if TYPE_CHECKING:
    from losslab.search.advice import Proposal

CLASSES = ("class", "distribution", "pixels")
ANSWERS = ("binary", "columns", "share", "ordered")
OUTPUTS: dict[type[nn.Module], Interval] = {
    nn.Sigmoid: UNIT,
    nn.Softmax: UNIT,
    nn.Tanh: Interval(-1, 1),
    nn.ReLU: NON_NEGATIVE,
    nn.Softplus: NON_NEGATIVE,
    nn.LogSoftmax: Interval(high=0),
}


def adapted(found: "Proposal", model: nn.Module, target: Any) -> "Proposal":
    """The proposal with losses for what the last layer gives, and warnings where the two do not go together.

    The last layer is the last that the model registers, which is the last that runs in all but unusual models.
    """
    leaves = [layer for layer in model.modules() if not list(layer.children())]
    leaves = [layer for layer in leaves if not isinstance(layer, nn.Identity | nn.Dropout | nn.Flatten)] or [model]
    last = leaves[-1]
    widths = [layer.out_features for layer in leaves[-2:] if isinstance(layer, nn.Linear)]
    width = widths[-1] if widths else found.outputs
    if found.kind == "binary" and width == 2:
        found = _first(found, "cross_entropy", "the model has two outputs: a score for no, one for yes")
        found = replace(found, kind="class", outputs=2)
    if found.kind in CLASSES and isinstance(last, nn.LogSoftmax) and found.kind != "distribution":
        found = _first(found, "nll_loss", "the model ends in a LogSoftmax: these are log-probabilities")
    elif found.kind in ANSWERS and isinstance(last, nn.Sigmoid):
        found = _first(found, "binary_cross_entropy", "the model ends in a Sigmoid: these are probabilities")
    warnings = [*found.warnings, mismatch(found, last), unreachable(found, last, target)]
    if width != found.outputs and found.outputs is not None:
        warnings.append(f"the model has {width} outputs and the target wants {found.outputs}")
    return replace(found, warnings=tuple(text for text in warnings if text))


def mismatch(found: "Proposal", last: nn.Module) -> str:
    """What is wrong with a last activation for such a target; empty where nothing is."""
    name = type(last).__name__
    if found.kind in CLASSES and isinstance(last, nn.Softmax):
        floor = math.log(1 + (found.outputs - 1) / math.e) if found.outputs else 0.0
        also = f", and the loss could not fall below {floor:.3f}" if floor else ""
        return f"the model ends in a Softmax and the loss has one inside: it would act twice{also}. Leave it out"
    if found.kind in ANSWERS and isinstance(last, nn.Sigmoid):
        return (
            "the model ends in a Sigmoid; leave it out and take binary_cross_entropy_with_logits, which loses no "
            "precision where the model is sure"
        )
    if found.kind in CLASSES and isinstance(last, nn.Sigmoid):
        return "the model ends in a Sigmoid, so the classes do not compete; leave it out where one of C is right"
    if found.kind in ANSWERS and isinstance(last, nn.Softmax):
        return "the model ends in a Softmax, which makes independent answers compete; leave it out"
    if found.kind in ("count", "positive") and isinstance(last, nn.Softplus | nn.ReLU):
        return (
            f"the model ends in a {name}, and a loss with a log link wants the log of the mean, which is any number; "
            "leave it out, or for counts pass log_input=False to poisson_nll_loss"
        )
    return ""


def unreachable(found: "Proposal", last: nn.Module, target: Any) -> str:
    """Whether targets lie where the last activation never comes."""
    if found.kind not in ("real", "positive", "count") or type(last) not in OUTPUTS:
        return ""
    reach = OUTPUTS[type(last)]
    values = target.detach() if isinstance(target, Tensor) else torch.as_tensor(np.asarray(target, dtype=float))
    outside = int(((values < reach.low) | (values > reach.high)).sum())
    if not outside:
        return ""
    return (
        f"the model ends in a {type(last).__name__}, whose output lies in {reach}, and {outside:,} targets lie "
        "outside: they cannot be reached. Leave it out"
    )


def _first(found: "Proposal", name: str, reason: str) -> "Proposal":
    """The proposal with another loss in front."""
    rest = [(r, why) for r, why in zip(found.losses, found.reasons, strict=True) if r.name != name]
    losses = (CATALOGUE[name], *(r for r, _ in rest))
    return replace(found, losses=losses, reasons=(reason, *(why for _, why in rest)))
