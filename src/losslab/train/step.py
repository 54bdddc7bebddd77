"""One step of training, for all members at once: read this first.

Shapes: K members, B rows in a batch, P parameters of one member.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from losslab.train.population import Population


def step(population: "Population", x: Tensor, y: Tensor) -> Tensor:
    """Trains every member on its own batch x (K, B, ...), y (K, B, ...).

    Returns which members stayed finite (K,); the others are of no use any more, and are to be dropped.
    """
    network = population.network

    parameters = network.parameters()
    output = network.forward(parameters, x, train=True)  # 1. forward
    loss = population.losses(output, y)  # 2. loss (K,)
    gradients = torch.autograd.grad(loss.sum(), parameters, materialize_grads=True)  # 3. gradient (K, P); a sum,
    gradient = network.gradient(gradients)  # because no member's loss depends on another's weights

    finite = torch.isfinite(gradient.sum(dim=1))  # a NaN or an infinity anywhere in a row spoils its sum
    population.clock += 1
    with torch.no_grad():
        network.flat = population.update(network.flat, gradient)  # 4. update (K, P)

    population.last_loss = loss.detach()
    return finite  # 5. repeat
