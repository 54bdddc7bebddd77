"""A multilayer perceptron."""

from itertools import pairwise

from torch import nn


def mlp(in_features: int, out_features: int, hidden: tuple[int, ...] = (64, 64)) -> nn.Sequential:
    """(N, in_features) to (N, out_features): linear layers with a ReLU between them."""
    layers: list[nn.Module] = []
    for width, following in pairwise((in_features, *hidden)):
        layers += [nn.Linear(width, following), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear((in_features, *hidden)[-1], out_features))
