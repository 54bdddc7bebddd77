"""Stacked or one after the other? Compared on one step, then measured, then said."""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from losslab.train.batches import EpochBatches, Fold
from losslab.train.member import Member
from losslab.train.network import Network, Single, Stacked
from losslab.train.population import Population
from losslab.train.step import step

TOLERANCE = 1e-3  # of the largest entry, float32: correct stacking differs by rounding, about 1e-6


@dataclass(frozen=True)
class Choice:
    """Which engine runs, and why, in words."""

    engine: type[Network]
    reason: str
    lift_losses: bool = True

    def __str__(self) -> str:
        return f"{self.engine.engine} ({self.reason})"


def choose(modules: Sequence[nn.Module], members: Sequence[Member], folds: Sequence[Fold]) -> Choice:
    """Compares outputs, gradients and buffers of a stacked step with those of members alone, then times both."""
    if len(members) == 1:
        return Choice(Single, "one member", lift_losses=False)
    few, pair = members[:2], [_without_dropout(module) for module in modules[:2]]
    batch = EpochBatches(few, folds, 0)[0]
    try:
        difference = _difference(_facts(Single(pair), few, batch), _facts(Stacked(pair), few, batch))
    except Exception as error:  # a user's module can fail under vmap in any way: the reason is shown, training goes on
        return Choice(Single, f"it cannot be stacked: {_first_line(error)}", lift_losses=False)
    if difference:
        return Choice(Single, f"stacking changes its {difference}", lift_losses=False)
    lift = _losses_lift(members, pair[0], batch)
    stacked = _seconds(lambda: Population(members, Stacked(modules), lift_losses=lift), members, folds)
    alone = _seconds(lambda: Population(members[:1], Single(modules[:1])), members[:1], folds) * len(members)
    ratio = alone / stacked
    if ratio < 1:
        return Choice(Single, f"probe: stacking {len(members)} members is {1 / ratio:.1f}x slower", lift_losses=False)
    return Choice(Stacked, f"probe: {ratio:.0f}x one after the other", lift)


def _without_dropout(module: nn.Module) -> nn.Module:
    """A copy whose dropout does nothing: its masks differ between engines, and that is no fault."""
    module = copy.deepcopy(module)
    for part in module.modules():
        if "Dropout" in type(part).__name__ and isinstance(getattr(part, "p", None), float):
            part.p = 0.0
        if isinstance(part, nn.RNNBase):
            part.dropout = 0.0
    return module


def _facts(network: Network, members: Sequence[Member], batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
    """What a step computes before the update: outputs, gradients, and the buffers that it leaves behind."""
    population = Population(members, network)
    parameters = network.parameters()
    state = torch.get_rng_state()
    output = network.forward(parameters, batch[0], train=True)
    torch.set_rng_state(state)
    gradients = torch.autograd.grad(population.losses(output, batch[1]).sum(), parameters, materialize_grads=True)
    buffers = {f"buffer {name}": value.detach().clone() for name, value in network.constants().items()}
    return {"outputs": output.detach(), "gradients": network.gradient(gradients), **buffers}


def _difference(alone: dict[str, Tensor], stacked: dict[str, Tensor]) -> str:
    """The name of the first fact that differs by more than rounding, or nothing."""
    for name, value in alone.items():
        other = stacked[name]
        if value.shape != other.shape:
            return f"{name}: {tuple(value.shape)} became {tuple(other.shape)}"
        size = value.to(torch.float64).abs().max().item() if value.numel() else 0.0
        gap = (value.to(torch.float64) - other.to(torch.float64)).abs().max().item() if value.numel() else 0.0
        if gap > TOLERANCE * max(size, 1e-12) or math.isnan(gap) != math.isnan(size):
            return f"{name} (by {gap:.2g} of {size:.2g})"
    return ""


def _losses_lift(members: Sequence[Member], module: nn.Module, batch: tuple[Tensor, Tensor]) -> bool:
    """Whether every loss gives the same values under vmap: a user's own may branch on numbers."""
    firsts = {member.objective.name: member for member in members}
    for member in firsts.values():
        pair, network = [member, member], Single([module, module])
        x, y = batch[0][:1].expand(2, *batch[0].shape[1:]), batch[1][:1].expand(2, -1)
        output = network.forward(network.parameters(), x, train=True).detach()
        try:
            lifted = Population(pair, network, lift_losses=True).losses(output, y)
        except Exception:  # as above: then the losses run member by member
            return False
        if not torch.allclose(
            lifted, Population(pair, network, lift_losses=False).losses(output, y), rtol=TOLERANCE, equal_nan=True
        ):
            return False
    return True


def _seconds(make: Callable[[], Population], members: Sequence[Member], folds: Sequence[Fold]) -> float:
    """The faster of two steps after a first one."""
    population, batch = make(), EpochBatches(members, folds, 0)[0]
    step(population, *batch)
    times = []
    for _ in range(2):
        start = time.perf_counter()
        step(population, *batch)
        times.append(time.perf_counter() - start)
    return min(times)


def _first_line(error: Exception) -> str:
    return (
        f"{type(error).__name__}: {str(error).strip().splitlines()[0][:160]}"
        if str(error).strip()
        else type(error).__name__
    )
