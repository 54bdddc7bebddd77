"""A linear model."""

from torch import nn


def linear(in_features: int, out_features: int) -> nn.Linear:
    """(N, in_features) to (N, out_features)."""
    return nn.Linear(in_features, out_features)
