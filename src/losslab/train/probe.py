"""Stacked or one after the other? Compared on two steps, then measured, then said."""

import copy
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from losslab.models.renew import drawing_from, seed_generators
from losslab.train.batches import EpochBatches, Fold
from losslab.train.member import Member
from losslab.train.network import Network, Single, Stacked, without_speed_warnings
from losslab.train.population import Population
from losslab.train.step import step

TOLERANCE = 1e-3  # of the largest entry, float32: correct stacking differs by rounding, about 1e-6
LENGTH = 160  # of an error's text in a reason


@dataclass(frozen=True)
class Choice:
    """Which engine runs, and why, in words."""

    engine: type[Network]
    reason: str
    lift_losses: bool = True
    ratio: float | None = None  # how many times faster than one after the other, where that is the whole reason

    def __str__(self) -> str:
        return f"{self.engine.engine} ({self.reason})"


def choose(
    modules: Sequence[nn.Module], members: Sequence[Member], folds: Sequence[Fold], *, asked: str = "auto"
) -> Choice:
    """Compares a stacked network with members alone, then times both; or does as it is asked.

    asked: "auto", "stacked" or "single". Raises ValueError where "stacked" is asked for and cannot be. Losses that
    cannot run under vmap run member by member in either engine.
    """
    if asked == "single":
        return Choice(Single, "as asked", lift_losses=False)
    if asked == "auto" and len(members) == 1:
        return Choice(Single, "one member", lift_losses=False)
    with drawing_from(0), without_speed_warnings():
        batch = EpochBatches(members[:2], folds, 0)[0]
        reason = obstacle(modules, members[:2], batch)
        if reason and asked == "stacked":
            raise ValueError(f"engine='stacked' was asked for, but {reason}; use engine='auto' or 'single'")
        if reason:
            return Choice(Single, reason, lift_losses=False)
        why_not = _why_not_lift(members, modules[0], batch)
        lift, also = not why_not, f"; losses run member by member: {why_not}" if why_not else ""
        if asked == "stacked":
            return Choice(Stacked, f"as asked{also}", lift)
        stacked = _seconds(lambda: Population(members, Stacked(modules), lift_losses=lift), members, folds)
        alone = _seconds(lambda: Population(members[:1], Single(modules[:1])), members[:1], folds) * len(members)
    ratio = alone / stacked
    if ratio < 1:
        return Choice(Single, f"probe: stacking {len(members)} members is {1 / ratio:.1f}x slower", lift_losses=False)
    return Choice(Stacked, f"probe: {ratio:.0f}x one after the other{also}", lift, None if also else ratio)


def said(choices: Iterable[Choice]) -> str:
    """Several choices in short: stacked (probe: 4 to 10x one after the other)."""
    choices = list(choices)
    ratios = [choice.ratio for choice in choices if choice.ratio is not None]
    others = dict.fromkeys(str(choice) for choice in choices if choice.ratio is None)
    if not ratios:
        return "; ".join(others)
    low, high = f"{min(ratios):.0f}", f"{max(ratios):.0f}"
    span = low if low == high else f"{low} to {high}"
    return "; ".join([f"stacked (probe: {span}x one after the other)", *others])


def obstacle(modules: Sequence[nn.Module], members: Sequence[Member], batch: tuple[Tensor, Tensor]) -> str:
    """Why these modules (one or two) cannot be stacked, in words, or nothing.

    Outputs, gradients and buffers of two steps must be those of the members alone. Where `forward` draws numbers that
    cannot be switched off, two members draw them in another order together than alone; one in a stack of one does not.
    """
    few = [_without_dropout(module, 1 + place / 4) for place, module in enumerate(modules[: len(members)])]
    facts = _facts(Single(few), members, batch)
    try:
        network = Stacked(few)
        before = _attributes(network.template)
        difference = _difference(facts, _facts(network, members, batch))
        if difference and _difference(facts, _facts(Single(few), members, batch, seed=1)):
            difference = ""
            for place, member in enumerate(members):
                module, own = few[place : place + 1], (batch[0][place : place + 1], batch[1][place : place + 1])
                alone, stacked = _facts(Single(module), [member], own), _facts(Stacked(module), [member], own)
                difference = difference or _difference(alone, stacked)
    except Exception as error:  # a user's module can fail under vmap in any way: the reason is shown, training goes on
        return f"the model cannot be stacked: {_in_short(error)}"
    if difference:
        return f"stacking changes the model's {difference}"
    written = [name for name, tensor in _attributes(network.template).items() if before.get(name) is not tensor]
    return f"the model's forward writes to its attribute {written[0]!r}" if written else ""


def _attributes(module: nn.Module) -> dict[str, Tensor]:
    """Tensors that are plain attributes: neither parameters nor buffers, so that a stack has one for all members."""
    parts = {name: vars(part) for name, part in module.named_modules()}
    return {
        f"{name}.{key}".lstrip("."): v for name, own in parts.items() for key, v in own.items() if isinstance(v, Tensor)
    }


def _without_dropout(module: nn.Module, factor: float) -> nn.Module:
    """A copy with weights times the factor, so that two members differ, whose dropout does nothing.

    Dropout draws other masks in a stack than alone, and that is no fault.
    """
    module = copy.deepcopy(module)
    for part in module.modules():
        if "Dropout" in type(part).__name__ and isinstance(getattr(part, "p", None), float):
            part.p = 0.0  # type: ignore[assignment]
        if isinstance(part, nn.RNNBase | nn.MultiheadAttention):
            part.dropout = 0.0
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(factor)
    return module


def _facts(
    network: Network, members: Sequence[Member], batch: tuple[Tensor, Tensor], seed: int = 0
) -> dict[str, Tensor]:
    """What two steps compute before an update: outputs, gradients, and the buffers that they leave behind."""
    population = Population(members, network, lift_losses=False)
    seed_generators(seed)
    facts: dict[str, Tensor] = {}
    for again in ("", " of a second pass"):  # state that is kept anywhere else than in buffers shows there
        parameters = network.parameters()
        output = network.forward(parameters, batch[0], train=True)
        gradients = torch.autograd.grad(population.losses(output, batch[1]).sum(), parameters, materialize_grads=True)
        facts |= {f"outputs{again}": output.detach(), f"gradients{again}": network.gradient(gradients)}
    return facts | {f"buffer {name}": value.detach().clone() for name, value in network.constants().items()}


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


def _why_not_lift(members: Sequence[Member], module: nn.Module, batch: tuple[Tensor, Tensor]) -> str:
    """Which loss does not give the same values under vmap, and why, or nothing: a user's own may branch on numbers."""
    firsts = {member.objective.name: member for member in members}
    for name, member in firsts.items():
        pair, network = [member, member], Single([module, module])
        x, y = batch[0][:1].expand(2, *batch[0].shape[1:]), batch[1][:1].expand(2, *batch[1].shape[1:])
        output = network.forward(network.parameters(), x, train=True).detach()
        try:
            lifted = Population(pair, network, lift_losses=True).losses(output, y)
        except Exception as error:  # as above: then the losses run member by member
            return f"{name} cannot be stacked ({_in_short(error)})"
        alone = Population(pair, network, lift_losses=False).losses(output, y)
        if not torch.allclose(lifted, alone, rtol=TOLERANCE, equal_nan=True):
            return f"stacking changes the values of {name}"
    return ""


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


def _in_short(error: Exception) -> str:
    """The type and first sentence of an error."""
    text = " ".join(str(error).split()).split(". ")[0][:LENGTH].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
