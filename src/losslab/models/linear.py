"""A linear model."""

from collections.abc import Mapping

from torch import nn

from losslab.models.codes import LinearOfCodes


def linear(in_features: int, out_features: int, *, levels: Mapping[int, int] | None = None) -> nn.Module:
    """(N, in_features) to (N, out_features); columns of codes have a weight for each level."""
    return LinearOfCodes(in_features, out_features, levels) if levels else nn.Linear(in_features, out_features)
