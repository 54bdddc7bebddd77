"""`losslab.lr_find`: the range test of learning rates (Smith 2017), which leaves everything as it was."""

import copy
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

import losslab.catalog  # noqa: F401 (declares the losses)
from losslab.models.renew import drawing_from
from losslab.spec.declare import CATALOGUE
from losslab.train.lookup import by_name

SMOOTHING = 0.9  # of the running mean that says when to stop
DIVERGED = 3.0  # times the size of the losses: a running mean so far above its lowest has diverged
HALF = 5  # a smoothed loss is the mean of so many steps on both sides, and its own
FEWEST = 20  # steps before the loss diverged; fewer say nothing
LEAST_FALL = 0.05  # of the first smoothed loss: a smaller fall is flat
NOISE = 4  # standard errors of a smoothed loss: a smaller fall is lost in them
CAUTION = 10  # a suggestion is at least so many times below the rate of the lowest loss


@dataclass(frozen=True)
class LRFind:
    """What a range test saw. `lrs` and `losses` have one value for each step; `smoothed` are means over neighbours.

    `suggestion` is a learning rate, or None where none can be said; `reason` says why, in words.
    """

    lrs: list[float]
    losses: list[float]
    smoothed: list[float]
    suggestion: float | None
    reason: str

    @property
    def table(self) -> list[dict[str, float]]:
        """One row for each step: lr, loss, smoothed."""
        rows = zip(self.lrs, self.losses, self.smoothed, strict=True)
        return [dict(zip(("lr", "loss", "smoothed"), row, strict=True)) for row in rows]

    def figure(self) -> Any:
        """The losses over the learning rates, as a figure of matplotlib."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(self.lrs, self.losses, color="0.75", label="loss of each batch")
        axes.plot(self.lrs, self.smoothed, color="C0", label="smoothed")
        if self.suggestion is not None:
            axes.axvline(self.suggestion, color="C1", linestyle="--", label=f"suggestion {self.suggestion:.2g}")
        axes.set(xscale="log", xlabel="learning rate", ylabel="loss")
        axes.legend()
        return figure

    def save(self, path: str | Path) -> Path:
        """Writes the figure as a .png, .svg or .pdf file."""
        self.figure().savefig(path)
        return Path(path)

    def __str__(self) -> str:
        start = "no suggestion" if self.suggestion is None else f"learning rate {self.suggestion:.2g}"
        return f"{start}: {self.reason}"


def lr_find(
    model: nn.Module,
    data: Any,
    *,
    loss: str | Callable[[Any, Any], Tensor],
    optimizer: torch.optim.Optimizer | Callable[..., torch.optim.Optimizer] = torch.optim.AdamW,
    low: float = 1e-7,
    high: float = 10.0,
    steps: int = 100,
    batch_size: int = 64,
    seed: int = 0,
) -> LRFind:
    """Trains with learning rates that grow from `low` to `high`, one for each step, until the loss diverges.

    model: an `nn.Module`, in the mode and on the device where it trains. data: `(X, y)`, in batches drawn at random,
    or an iterable of `(input, target)` batches such as a DataLoader, which is gone through again where it ends. loss:
    `loss(output, target)`, a number, or the name of one in `losslab.losses()`. optimizer: the one that will train
    (its rates are changed for the test, each group by its own share), or a class of `torch.optim`.

    Afterwards model, optimiser, gradients, modes and random states of torch are what they were, bit for bit, also when
    a step raises; so are the random states of numpy and Python, and a DataLoader's generators. What a model or a
    dataset keeps elsewhere than in tensors of the model is not.

    Source: Smith 2017, who reads the rate off the curve; `suggest` says how that is done here, and `reason` what came
    of it. Raises ValueError or TypeError in words.
    """
    _check(model, low, high, steps)
    if isinstance(loss, str):
        loss = cast(Callable[[Any, Any], Tensor], by_name(loss, CATALOGUE).form)
    factor = (high / low) ** (1 / max(steps - 1, 1))
    device = next(model.parameters()).device
    lrs: list[float] = []
    losses: list[float] = []
    with _same_draws(data), drawing_from(seed), _restored(model, optimizer):
        chosen = optimizer
        if not isinstance(chosen, torch.optim.Optimizer):
            chosen = chosen([p for p in model.parameters() if p.requires_grad], lr=low)
        shares = _shares(chosen)
        means: list[float] = []
        for step, (x, y) in zip(range(steps), _batches(data, batch_size), strict=False):
            lr = low * factor**step
            for group, share in zip(chosen.param_groups, shares, strict=True):
                _set_rate(group, lr * share)
            value = _train(model, chosen, loss, _to(x, device), _to(y, device))
            lrs.append(lr)
            losses.append(value)
            means.append(value if not means else SMOOTHING * means[-1] + (1 - SMOOTHING) * value)
            if not math.isfinite(value) or has_diverged(means):
                break
    smoothed = smooth(losses)
    stopped = not math.isfinite(losses[-1]) or has_diverged(means)
    return LRFind(lrs, losses, smoothed, *suggest(lrs, losses, smoothed, stopped=stopped))


def has_diverged(means: Sequence[float]) -> bool:
    """Whether the running mean of the losses has left its lowest point behind."""
    lowest = min(means)
    return means[-1] - lowest > DIVERGED * max(abs(lowest), abs(means[0]))


def smooth(losses: Sequence[float]) -> list[float]:
    """Means over neighbours on both sides: a running mean would lag, and suggest rates that are too high."""
    parts = [losses[max(i - HALF, 0) : i + HALF + 1] for i in range(len(losses))]
    return [sum(fine) / len(fine) if (fine := [v for v in part if math.isfinite(v)]) else math.nan for part in parts]


def suggest(
    lrs: Sequence[float], losses: Sequence[float], smoothed: Sequence[float], *, stopped: bool
) -> tuple[float | None, str]:
    """The suggestion of a test and its reason; None with a reason where there is none.

    The rate in the middle of the steepest fall of the smoothed loss (steps are equal in log(rate)), but at least ten
    times below the rate of the lowest loss. `stopped`: the loss diverged at the last step.
    """
    if len(losses) < FEWEST:
        if stopped:
            return None, f"the loss diverged after {len(losses)} steps, at {lrs[-1]:.2g}: start at a lower rate"
        return None, f"{len(losses)} steps are too few to read a curve; {FEWEST} or more are wanted"
    lowest = min(range(len(smoothed)), key=lambda i: math.inf if math.isnan(smoothed[i]) else smoothed[i])
    fall, noise = smoothed[0] - smoothed[lowest], _noise(losses[: lowest + 1], smoothed[: lowest + 1])
    if lowest < 2 * HALF:
        return None, (
            f"the loss is lowest at the start, at {lrs[lowest]:.2g}, and rises from there: start at a lower rate, or "
            "the model is trained already"
        )
    if fall <= LEAST_FALL * abs(smoothed[0]):
        return None, (
            f"the loss is flat up to {lrs[-1]:.2g}: it falls by {fall:.2g} from {smoothed[0]:.3g}; go up to higher "
            "rates, or look for a fault in model and data"
        )
    if fall <= NOISE * noise:
        return None, (
            f"the smoothed loss falls by {fall:.2g}, and scatters by {noise:.2g} from batch to batch: larger batches "
            "or more steps are wanted"
        )
    slopes = {i: smoothed[i + HALF] - smoothed[i - HALF] for i in range(HALF, lowest - HALF + 1)}
    steepest, careful = lrs[min(slopes, key=slopes.__getitem__)], lrs[lowest] / CAUTION
    where = "the loss falls steepest there" if steepest <= careful else "a tenth of the rate of the lowest loss"
    then = "diverges" if stopped else "has not diverged"
    return min(steepest, careful), f"{where}; it is lowest at {lrs[lowest]:.2g}, and {then} at {lrs[-1]:.2g}"


def _noise(losses: Sequence[float], smoothed: Sequence[float]) -> float:
    """The standard error of a smoothed loss, from how far the batches lie from it."""
    gaps = torch.tensor([a - b for a, b in zip(losses, smoothed, strict=True)], dtype=torch.float64)
    return float(gaps.square().mean().sqrt()) / (2 * HALF + 1) ** 0.5


def _check(model: nn.Module, low: float, high: float, steps: int) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}; an nn.Module is wanted")
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError(f"{type(model).__name__} has no parameter that is trained")
    if not (0 < low < high and math.isfinite(high)):
        raise ValueError(f"the range of learning rates is {low!r} to {high!r}; 0 < low < high is wanted")
    if isinstance(steps, bool) or int(steps) != steps or steps < 2:
        raise ValueError(f"steps is {steps!r}; a whole number of at least 2 is wanted")


def _shares(optimizer: torch.optim.Optimizer) -> list[float]:
    """Each group's rate as a share of the largest: groups with lower rates keep them lower."""
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    return [rate / max(rates) if max(rates) > 0 else 1.0 for rate in rates]


def _set_rate(group: dict[str, Any], lr: float) -> None:
    """A rate held as a tensor stays one: capturable optimisers read it in place."""
    group["lr"] = torch.full_like(group["lr"], lr) if isinstance(group["lr"], Tensor) else lr


def _train(model: nn.Module, optimizer: torch.optim.Optimizer, loss: Callable[..., Tensor], x: Any, y: Any) -> float:
    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(model(x), y)
        if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad:
            raise TypeError("loss must give one number with a gradient, as loss(model(input), target)")
        value.backward()
        return value

    return float(cast(Tensor, optimizer.step(cast(Any, closure))).detach())


def _batches(data: Any, size: int) -> Iterator[tuple[Any, Any]]:
    """Batches without an end."""
    if isinstance(data, tuple) and len(data) == 2 and all(hasattr(part, "__len__") for part in data):
        X, y = (part if isinstance(part, Tensor) else torch.as_tensor(part) for part in data)
        if len(X) != len(y) or not len(X):
            raise ValueError(
                f"data: {len(X)} rows of inputs and {len(y)} targets; as many, and at least one, are wanted"
            )
        while True:
            for rows in torch.randperm(len(X)).split(size):
                yield X[rows], y[rows]
    if not isinstance(data, Iterable):
        raise TypeError(f"data is a {type(data).__name__}; (X, y) or an iterable of (input, target) batches is wanted")
    while True:
        found = False
        for batch in data:
            if not isinstance(batch, tuple | list) or len(batch) != 2:
                raise TypeError(f"data gives a {type(batch).__name__}; batches (input, target) are wanted")
            found = True
            yield batch[0], batch[1]
        if not found:
            raise ValueError("data gives no batch: it is empty, or an iterator that was used up; pass a DataLoader")


def _to(part: Any, device: torch.device) -> Any:
    return part.to(device) if isinstance(part, Tensor) else part


@contextmanager
def _same_draws(data: Any) -> Iterator[None]:
    """Puts back the random states of numpy and Python, and those of a DataLoader's own generators."""
    holders = (data, getattr(data, "sampler", None))
    own = [one for one in (getattr(holder, "generator", None) for holder in holders) if one is not None]
    states = [generator.get_state() for generator in own]
    numpy_state, python_state = np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)
        for generator, state in zip(own, states, strict=True):
            generator.set_state(state)


@contextmanager
def _restored(model: nn.Module, optimizer: Any) -> Iterator[None]:
    """Puts back, whatever happens inside: weights, buffers, gradients, modes, and the optimiser's state and rates.

    Values are copied back into the same tensors, so that whoever holds them (an optimiser, a tied layer) still does.
    """
    tensors = [*model.parameters(), *model.buffers()]
    values = [tensor.detach().clone() for tensor in tensors]
    slots = [(module, name, buffer) for module in model.modules() for name, buffer in module._buffers.items()]
    own = isinstance(optimizer, torch.optim.Optimizer)
    others = [p for group in optimizer.param_groups for p in group["params"]] if own else []
    parameters = list({id(p): p for p in [*model.parameters(), *others]}.values())
    outside = [p for p in others if all(p is not tensor for tensor in tensors)]
    tensors, values = [*tensors, *outside], [*values, *(p.detach().clone() for p in outside)]
    gradients = [(p, p.grad) for p in parameters]  # put aside, so that nothing is written into them
    modes = [(module, module.training) for module in model.modules()]
    state = {p: copy.deepcopy(kept) for p, kept in optimizer.state.items()} if own else {}
    groups = (
        [{k: copy.deepcopy(v) for k, v in g.items() if k != "params"} for g in optimizer.param_groups] if own else []
    )
    for parameter in parameters:
        parameter.grad = None
    try:
        yield
    finally:
        with torch.no_grad():
            for module, name, buffer in slots:
                module._buffers[name] = buffer
            for tensor, value in zip(tensors, values, strict=True):
                tensor.copy_(value)
            for parameter, gradient in gradients:
                parameter.grad = gradient
        for module, training in modes:
            module.training = training
        if own:
            optimizer.state.clear()
            optimizer.state.update(state)
            for group, kept in zip(optimizer.param_groups, groups, strict=True):
                for name in set(group) - {"params"} - set(kept):
                    del group[name]
                group.update(kept)
