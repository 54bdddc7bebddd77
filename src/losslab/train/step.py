"""One step of training, for all members at once: read this first.

Shapes: K members, B rows in a batch, P parameters of one member.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from losslab.train.accumulate import Total

if TYPE_CHECKING:
    from losslab.train.population import Population


def step(population: "Population", x: Tensor, y: Tensor, weight: Tensor | None = None) -> Tensor:
    """Trains every member on its own rows x (K, B, ...), y (K, B, ...), each counting by its weight (K, B), or by one.

    Returns which members stayed finite (K,); the others are of no use any more, and are to be dropped.
    """
    network, total = population.network, Total()

    parameters = network.parameters()
    for part in population.parts(x, y, weight):  # one, unless a step accumulates the gradients of several batches
        output = population.forward(parameters, part.x)  # 1. forward
        loss, counted = population.weighted_losses(output, part)  # 2. loss (K,), a mean over what was counted
        gradients = torch.autograd.grad(loss.sum(), parameters, materialize_grads=True)  # 3. gradient (K, P); a sum,
        one_batch = not population.accumulates  # as no loss depends on another's weights
        total.add(loss.detach(), network.gradient(gradients, reuse=one_batch), counted)

    finite = torch.isfinite(total.gradient.sum(dim=1))  # a NaN or an infinity anywhere in a row spoils its sum
    population.clock += 1
    with torch.no_grad():
        gradient = population.penalised_and_clipped(total.gradient)
        network.flat = population.update(network.flat, gradient)  # 4. update (K, P)
        population.follow()  # the mean of the weights, where one is kept

    population.last_loss, population.last_weight = total.loss, total.weight
    return finite  # 5. repeat
