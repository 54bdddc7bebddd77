"""One native step beside the same step of PyTorch, before a population is trained natively."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from losslab.train.batches import EpochBatches, Fold
from losslab.train.member import Member
from losslab.train.native.epochs import Epochs
from losslab.train.native.network import Native
from losslab.train.network import Network, Single
from losslab.train.population import Population
from losslab.train.settings import Training
from losslab.train.step import step

TOLERANCE = 1e-3  # of the largest entry, float32: rounding is about 1e-6
EVALUATED = 32  # rows


def native_difference(modules: Sequence[nn.Module], members: Sequence[Member], folds: Sequence[Fold]) -> str:
    """What the native engine computes otherwise than each member alone, in words, or nothing.

    Compared are the losses, gradients and buffers of one step, and outputs in evaluation after it.
    """
    # Momentum, since its buffer is the gradient after the first step.
    plain = [
        replace(m, optimizer="sgd", hyper={"lr": 0.1, "momentum": 0.9}, options={}, training=Training())
        for m in members
    ]
    network = Native(modules)
    native, alone = Population(plain, network), Population(plain, Single(modules))
    one = Epochs.of(native, folds)
    if one is None:
        return "it does not run"
    one.begin()
    broken = one.run(1)
    one.show(0)
    alone.draw()
    finite = step(alone, *EpochBatches(plain, folds, 0).step(0))
    if broken or not finite.all():
        same = sorted(broken) == (~finite).nonzero().flatten().tolist()
        return "" if same else "members break that do not alone"
    found, wanted = _facts(native, folds, network), _facts(alone, folds, alone.network)
    for name, value in wanted.items():
        size, gap = _largest(value), _largest(found[name].double() - value.double())
        if name.endswith("running_mean"):  # that of centred inputs is rounding
            size = max(size, _largest(wanted[name.removesuffix("mean") + "var"]) ** 0.5)
        if math.isnan(gap) or gap > TOLERANCE * max(size, 1e-12):
            return f"{name} by {gap:.2g} of {size:.2g}"
    return ""


@torch.no_grad()
def _facts(population: Population, folds: Sequence[Fold], network: Network) -> dict[str, Tensor]:
    loss = torch.zeros(0) if population.last_loss is None else population.last_loss
    x = torch.stack([folds[member.fold].X[:EVALUATED] for member in population.members])
    outputs = network.forward(network.parameters(), x, train=False)
    gradients = torch.cat([group.state["momentum_buffer"] for group in population.update_groups])
    buffers = {f"buffer {name}": value for name, value in network.constants().items()}
    return {"losses": loss, "gradients": gradients, "outputs": outputs, **buffers}


def _largest(value: Tensor) -> float:
    return value.double().abs().max().item() if value.numel() else 0.0
