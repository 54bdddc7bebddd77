"""Drives `step` over epochs, and reads predictions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from losslab.models.renew import drawing_from, seed_generators
from losslab.train.batches import EpochBatches, Fold, FoldView, gather
from losslab.train.member import key
from losslab.train.native.epochs import Epochs
from losslab.train.network import Single, without_speed_warnings
from losslab.train.population import Population
from losslab.train.step import step

ROWS_AT_ONCE = 2048  # per member: bounds the memory of a prediction


@dataclass(frozen=True)
class Broken:
    """A member whose gradient was not finite: it stopped, the others went on."""

    number: int
    loss: str
    epoch: int
    step: int
    where: str = ""  # it began, where that is known

    def __str__(self) -> str:
        return f"{self.loss} (trial {self.number}): {self.why}"

    @property
    def why(self) -> str:
        where = f", first in {self.where}" if self.where else ""
        return f"its gradient was not finite in epoch {self.epoch}, step {self.step}{where}"


class Stopped(Exception):  # noqa: N818 (not an error: a person asked for it)
    """Training was asked to stop, and did so between two steps; `broken` are the members that broke before."""

    def __init__(self, broken: Sequence[Broken] = ()) -> None:
        super().__init__("training was asked to stop")
        self.broken = list(broken)


Losses = Callable[[Tensor, Tensor], None]


def nobody(members: int) -> None:
    """Is told of each step, and does not listen."""


def nobody_of_losses(losses: Tensor, weights: Tensor) -> None:
    """Is told of the losses of some steps, and does not listen."""


def advance(
    population: Population,
    folds: Sequence[Fold],
    epochs: int,
    *,
    stop: Callable[[], bool] = lambda: False,
    on_step: Callable[[int], None] = nobody,
    on_losses: Losses = nobody_of_losses,
) -> list[Broken]:
    """Trains until each member has seen `epochs` epochs in all; members that break are dropped and named.

    `stop()` is asked before each step, and raises `Stopped` when it answers yes; where C++ makes the steps, before each
    call of some of them, which takes a moment. `on_step(K)` is told of each step, and `on_losses(losses (K, s),
    weights (K, s))` of those that were made together: their mean losses, and what these are means over.
    """
    broken: list[Broken] = []
    with drawing_from(0), without_speed_warnings():
        while population.epoch < epochs and len(population):
            native = Epochs.of(population, folds)
            if native is not None:
                _native_epoch(population, native, broken, stop, on_step, on_losses)
                continue
            batches = EpochBatches(population.members, folds, population.epoch)
            population.begin_epoch(len(batches))
            while population.position < len(batches):
                if stop():
                    raise Stopped(broken)
                _draw(population, batches.changing)
                finite = step(population, *batches.step(population.position))
                population.position += 1
                on_step(len(population))
                if on_losses is not nobody_of_losses:
                    _tell(population, on_losses)
                if not finite.all():
                    broken += _drop(population, finite)
                    if not len(population):
                        return broken
                    batches = EpochBatches(population.members, folds, population.epoch)
            population.epoch, population.position = population.epoch + 1, 0
    return broken


def _native_epoch(
    population: Population, native: Epochs, broken: list[Broken], stop: Callable[[], bool],
    on_step: Callable[[int], None], on_losses: Losses,
) -> None:  # fmt: skip
    """Trains natively to the end of the epoch, or until nobody is left; adds who broke to `broken`."""
    total = native.begin()
    while population.position < total:
        if stop():
            raise Stopped(broken)
        lost = native.run(native.chunk(total - population.position))
        first, population.position = population.position, population.position + native.steps
        native.show(population.position - 1)
        on_losses(*native.losses[:, :, first : population.position])
        for done in range(0 if on_step is nobody else native.steps):
            here = sum(step >= done for step, _ in lost.values())
            on_step(len(population) - len(lost) + here)
        if lost:
            at = first + 1
            broken += [
                Broken(m.number, m.objective.name, population.epoch + 1, at + lost[k][0], native.words(lost[k][1]))
                for k, m in enumerate(population.members)
                if k in lost
            ]
            population.keep([k for k in range(len(population)) if k not in lost])
            if not len(population):
                return
            native = native.again()
    population.epoch, population.position = population.epoch + 1, 0


def _tell(population: Population, on_losses: Losses) -> None:
    """The losses of the last step."""
    loss, weight = population.last_loss, population.last_weight
    if loss is not None and weight is not None:
        on_losses(loss[:, None], torch.as_tensor(weight, dtype=loss.dtype).expand(len(loss))[:, None])


def _draw(population: Population, changing: bool) -> None:
    """Random numbers of the next step: each member's own where members run one by one, else those of the stack.

    The latter draw what augmentation changes, too: without any, those of members that run one by one are enough.
    """
    population.draw()
    place = (population.epoch, population.position)
    if changing or not isinstance(population.network, Single):
        seed_generators(key("step", population.seed, *place))
    if isinstance(population.network, Single):
        population.network.keys = [key("step", member.seed, member.fold, *place) for member in population.members]


def _drop(population: Population, finite: Tensor) -> list[Broken]:
    lost = [member for member, fine in zip(population.members, finite.tolist(), strict=True) if not fine]
    broken = [Broken(m.number, m.objective.name, population.epoch + 1, population.position) for m in lost]
    population.keep(finite.nonzero().flatten().tolist())
    return broken


@torch.no_grad()
def predict(population: Population, folds: Sequence[Fold], rows: Tensor, *, best: bool = True) -> Tensor:
    """Raw outputs (K, n, ...) in evaluation mode for row numbers (n,), each member through its own preprocessing.

    With the weights that predict (see `Population.showing`), in full precision.
    """
    of_member = [member.fold for member in population.members]
    view = None if len(set(of_member)) == 1 else FoldView(folds, of_member)
    parts = []
    seed = key("predict", population.seed, population.epoch)
    with drawing_from(seed), without_speed_warnings(), population.showing(best=best) as network:
        network.keys, parameters = [], network.parameters()
        for part in rows.split(ROWS_AT_ONCE):
            if view is None:
                x, _ = gather(folds[of_member[0]], part, len(population))
            else:
                x, _ = view.gather(part.expand(len(population), -1))
            parts.append(network.forward(parameters, x, train=False))
    return torch.cat(parts, dim=1)
