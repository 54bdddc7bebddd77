"""Boxes whose sides are predicted as distributions over bins."""

from collections.abc import Mapping
from math import log, sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from losslab.catalog.classification import guarded
from losslab.spec.declare import loss
from losslab.spec.facts import Facts
from losslab.spec.interval import NON_NEGATIVE
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import SetCase


def between_bins(generator: torch.Generator, sizes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    where = torch.rand(sizes["*"], generator=generator, dtype=torch.float64)
    return {"target": where * (sizes["C"][0] - 1)}


def beyond_bins(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    """What is wrong with targets beyond the last bin."""
    target, last = operands["target"], operands["input"].shape[-1] - 1
    if target.numel() == 0 or target.max() <= last:
        return None
    return (
        f"target has {float(target.max()):g}, but the last of {last + 1} bins is {last}: use target.clamp(max={last})"
    )


@loss(
    kind="set",
    formula=r"-(b + 1 - y)\log p_b - (y - b)\log p_{b + 1}, \quad b = \lfloor y\rfloor",
    source="Li et al., Generalized focal loss: learning qualified and distributed bounding boxes for dense object "
    "detection, NeurIPS 2020",
    task="boxes",
    outputs="classes",
    link="softmax",
    layout=Layout(
        {"input": Operand("* C", predicted=True), "target": Operand("*", domain=NON_NEGATIVE)}, "*", draw=between_bins
    ),
    refuses=beyond_bins,
    uses=(guarded,),
    facts=Facts(convex=True, smooth=True, lipschitz=sqrt(2)),
    cases=(
        # probabilities 1/8, 2/8 and 5/8; 1.25 is three quarters bin 1 and one quarter bin 2, and exactly 2 is all bin 2
        SetCase(
            {"input": [[0.0, log(2), log(5)], [0.0, log(2), log(5)]], "target": [1.25, 2.0]},
            [0.75 * log(4) + 0.25 * log(8 / 5), log(8 / 5)], {"reduction": "none"},
            {"input": [[1 / 8, 2 / 8 - 0.75, 5 / 8 - 0.25], [1 / 8, 2 / 8, 5 / 8 - 1]]}, 1e-12,
        ),
        SetCase({"input": [log(3), 0.0], "target": 0.75}, 0.25 * log(4 / 3) + 0.75 * log(4), tolerance=1e-12),
    ),
)  # fmt: skip
def distribution_focal_loss(input: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy with the two bins between which the target lies, each the nearer the more.

    For a side of a box as a distribution over bins 0, 1, ..., C - 1, whose mean is the prediction: input (..., C) of
    scores, target (...) in units of a bin. Beside a loss of the decoded box. Not for targets beyond the last bin: they
    are refused, where ultralytics moves them to 0.01 before it. A target of C - 1 itself is legal; mmdetection's form
    reads past the end there. The mean is over all sides.
    """
    log_p = F.log_softmax(input, -1)
    low = target.detach().floor().clamp(max=max(input.shape[-1] - 2, 0))
    share = target - low
    high = (low + 1).clamp(max=input.shape[-1] - 1)
    near, far = (log_p.gather(-1, at.long().unsqueeze(-1)).squeeze(-1) for at in (low, high))
    return -(1 - share) * guarded(near, 1 - share) - share * guarded(far, share)
