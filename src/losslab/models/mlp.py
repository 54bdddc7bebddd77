"""A multilayer perceptron."""

from collections.abc import Mapping
from itertools import pairwise

from torch import nn

from losslab.models.codes import Codes


def mlp(
    in_features: int,
    out_features: int,
    hidden: tuple[int, ...] = (64, 64),
    *,
    dropout: float = 0.0,
    levels: Mapping[int, int] | None = None,
) -> nn.Sequential:
    """(N, in_features) to (N, out_features): linear layers with a ReLU between them, and dropout after each ReLU.

    Columns of codes are embedded first.
    """
    layers: list[nn.Module] = []
    if levels:
        codes = Codes(in_features, levels)
        layers, in_features = [codes], codes.out_features
    for width, following in pairwise((in_features, *hidden)):
        layers += [nn.Linear(width, following), nn.ReLU()]
        if dropout:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear((in_features, *hidden)[-1], out_features))
