"""Native, stacked or one after the other? Compared on a step or two, then measured, then said."""

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from losslab.models.renew import drawing_from, seed_generators
from losslab.train.batches import EpochBatches, Fold
from losslab.train.member import Member
from losslab.train.native.fits import why_not
from losslab.train.native.network import Native
from losslab.train.native.plan import plan
from losslab.train.native.proof import native_difference
from losslab.train.network import Network, Single, Stacked, without_speed_warnings
from losslab.train.population import Population
from losslab.train.race import race

NARROW = 256  # features: networks up to this width are native without being timed
TOLERANCE = 1e-3  # of the largest entry, float32: correct stacking differs by rounding, about 1e-6
LENGTH = 160  # of an error's text in a reason


@dataclass(frozen=True)
class Choice:
    """Which engine runs, and why, in words."""

    engine: type[Network]
    reason: str
    lift_losses: bool = True
    ratio: float | None = None  # how many times faster than one after the other, where that is the whole reason
    not_native: str = ""  # why, where it might have been

    def __str__(self) -> str:
        return f"{self.engine.engine} ({self.reason})"


def choose(
    modules: Sequence[nn.Module], members: Sequence[Member], folds: Sequence[Fold], *, asked: str = "auto"
) -> Choice:
    """Compares a native or a stacked network with members alone, then times them; or does as it is asked.

    asked: "auto", "untimed" (native where it fits and the network is narrow, else stacked, else one after the other),
    "native", "stacked" or "single". Raises ValueError where "native" or "stacked" is asked for and cannot be. Losses
    that cannot run under vmap run member by member in either engine.
    """
    if asked == "single":
        return Choice(Single, "as asked", lift_losses=False)
    not_native, width = ("", 0) if asked == "stacked" else native_obstacle(modules, members, folds)
    if asked == "native":
        if not_native:
            text = f"engine='native' was asked for, but it is not native: {not_native}"
            raise ValueError(f"{text}; use engine='auto', 'stacked' or 'single'")
        return Choice(Native, "as asked")
    if asked != "stacked" and not not_native and width <= NARROW:
        return Choice(Native, "whole epochs in one call")
    timed = [] if not_native or asked != "auto" else [Native]
    with drawing_from(0), without_speed_warnings():
        found = _by_torch(modules, members, folds, asked, timed)
    return replace(found, not_native=not_native)


def native_obstacle(modules: Sequence[nn.Module], members: Sequence[Member], folds: Sequence[Fold]) -> tuple[str, int]:
    """Why members cannot train natively, in words, or nothing; and how wide the network is."""
    weight = next(modules[0].parameters(), torch.empty(0))
    found = plan(modules[0], tuple(folds[members[0].fold].X.shape[1:]))
    reason = why_not(found, members, folds, weight.dtype, weight.device.type)
    if not reason:
        few = list({member.objective.name: place for place, member in enumerate(members)}.values())
        with drawing_from(0):
            difference = native_difference([modules[k] for k in few], [members[k] for k in few], folds)
        reason = f"it computes another thing than PyTorch: {difference}" if difference else ""
    return reason, found.width


def _by_torch(
    modules: Sequence[nn.Module], members: Sequence[Member], folds: Sequence[Fold], asked: str,
    others: Sequence[type[Network]],
) -> Choice:  # fmt: skip
    """Stacked or one after the other, or the fastest of these and others; "untimed" and "stacked" without timing."""
    one_by_one = Choice(Single, "one member", lift_losses=False)
    choices: dict[type[Network], Choice] = {}
    if asked != "stacked" and len(members) == 1:
        if not others:
            return one_by_one
    else:
        batch = EpochBatches(members[:2], folds, 0)[0]
        reason = obstacle(modules, members[:2], batch)
        if reason and asked == "stacked":
            raise ValueError(f"engine='stacked' was asked for, but {reason}; use engine='auto' or 'single'")
        if reason:
            one_by_one = Choice(Single, reason, lift_losses=False)
            if not others:
                return one_by_one
        else:
            why_not_lift = _why_not_lift(members, modules[0], batch)
            also = f"; losses run member by member: {why_not_lift}" if why_not_lift else ""
            word = "as asked" if asked == "stacked" else "" if asked == "auto" else "not timed"
            choices[Stacked] = Choice(Stacked, f"{word}{also}", not why_not_lift)
            if asked != "auto":
                return choices[Stacked]
    return _fastest(modules, members, folds, {**choices, **{one: Choice(one, "") for one in others}}, one_by_one)


def _fastest(
    modules: Sequence[nn.Module], members: Sequence[Member], folds: Sequence[Fold],
    choices: Mapping[type[Network], Choice], one_by_one: Choice,
) -> Choice:  # fmt: skip
    """Times a few steps of each."""
    makes = {engine: partial(_population, members, engine, modules, one.lift_losses) for engine, one in choices.items()}
    times = race({**makes, Single: partial(_population, members[:1], Single, modules[:1], False)}, folds)
    alone = times.pop(Single)
    best = min(times, key=lambda engine: times[engine])
    ratio = alone / times[best]
    if ratio < 1:
        slower = f"probe: {_verb(best)} {len(members)} members is {1 / ratio:.1f}x slower"
        return Choice(Single, slower if one_by_one.reason == "one member" else one_by_one.reason, lift_losses=False)
    also = choices[best].reason
    text = f"probe: {ratio:.0f}x one after the other{also}"
    return Choice(best, text, choices[best].lift_losses, None if also else ratio)


def _population(
    members: Sequence[Member], engine: type[Network], modules: Sequence[nn.Module], lift: bool
) -> Population:
    return Population(members, engine(modules), lift_losses=lift)


def _verb(engine: type[Network]) -> str:
    return "stacking" if engine is Stacked else "a native step of"


def said(choices: Iterable[Choice]) -> str:
    """Several choices in short: stacked (probe: 4 to 10x one after the other); not native: layer 3 is none it knows."""
    choices, parts = list(choices), []
    for engine in dict.fromkeys(choice.engine for choice in choices if choice.ratio is not None):
        ratios = [c.ratio for c in choices if c.ratio is not None and c.engine is engine]
        low, high = f"{min(ratios):.0f}", f"{max(ratios):.0f}"
        span = low if low == high else f"{low} to {high}"
        parts.append(f"{engine.engine} (probe: {span}x one after the other)")
    parts += dict.fromkeys(str(choice) for choice in choices if choice.ratio is None)
    parts += dict.fromkeys(f"not native: {choice.not_native}" for choice in choices if choice.not_native)
    return "; ".join(parts)


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


def _in_short(error: Exception) -> str:
    """The type and first sentence of an error."""
    text = " ".join(str(error).split()).split(". ")[0][:LENGTH].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
