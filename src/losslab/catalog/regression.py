"""Losses for real targets."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from losslab.spec.declare import loss
from losslab.spec.interval import NON_NEGATIVE, POSITIVE, Interval
from losslab.spec.record import Case, Parameter


@loss(kind="pointwise", formula=r"|r|", task="regression")
def l1_loss(input: Tensor, target: Tensor, *, weight: Tensor | None = None) -> Tensor:
    """Absolute difference."""
    return (input - target).abs()
