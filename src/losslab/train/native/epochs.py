"""Steps of a whole population in one native call: its numbers laid out for C, and handed back."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from losslab.kernels import updates
from losslab.kernels.backend import chosen
from losslab.kernels.plan import MEMBER
from losslab.train.batches import Fold, epoch_order, step_sizes
from losslab.train.native.fits import why_not
from losslab.train.native.network import Native
from losslab.train.objective import fit_target, kernel_of_loss
from losslab.train.penalty import LEAST_DIMENSIONS
from losslab.train.population import Population

AT_MOST = 0.04  # seconds of a call: a person who stops it waits no longer
GROWTH = 8  # a call is at most so many times as long as the last: the first is one step


def chunk(left: int, last: int, seconds: float) -> int:
    """How many of the `left` steps the next call makes, after one of `last` steps that take `seconds` each."""
    if not last:
        return 1
    return max(min(left, GROWTH * last, int(AT_MOST / max(seconds, 1e-9))), 1)


class Epochs:
    """The population's members as C reads them. Made anew whenever members leave."""

    def __init__(self, population: Population, network: Native, folds: Sequence[Fold]) -> None:
        if network.packed is None:
            raise ValueError(f"the model is {network.plan}")
        self.population, self.network, self.folds = population, network, folds
        self.packed, self.backend = network.packed, chosen()
        self.members = np.zeros(len(population), MEMBER)
        self.held: list[Any] = []  # what the pointers lead to
        self.own()
        for name, (address, step) in self.whole().items():
            self.members[name] = address + step * np.arange(len(population), dtype=np.uint64)
        self.fill_training()
        self.fill_losses()
        self.fill_updates()
        marks = [len(shape) >= LEAST_DIMENSIONS for shape in network.layout.shapes]
        self.steps = 0  # of the last call
        self.addresses = self.addresses_now()
        self.penalised = torch.tensor(marks, dtype=torch.uint8).repeat_interleave(torch.tensor(network.layout.sizes))

    @classmethod
    def of(cls, population: Population, folds: Sequence[Fold]) -> "Epochs | None":
        """The population laid out for C; None where its steps are made by torch."""
        network = population.network
        if not isinstance(network, Native):
            return None
        if network.packed is None and network.shape is None:
            network.read(network.module(0), tuple(folds[population.members[0].fold].X.shape[1:]))
        if network.packed is None:
            return None
        known = network.laid_out
        if isinstance(known, Epochs) and known.holds(population, folds):
            return known
        if why_not(network.plan, population.members, folds, network.flat.dtype, network.flat.device.type):
            return None
        network.laid_out = made = cls(population, network, folds)
        return made

    def holds(self, population: Population, folds: Sequence[Fold]) -> bool:
        """Whether this still describes the population: its tensors are where they were."""
        return (
            self.population is population
            and self.folds is folds
            and self.network is population.network
            and self.backend == chosen()
            and self.addresses == self.addresses_now()
        )

    def addresses_now(self) -> list[Any]:
        """What changes when a population is compacted, restored or shown with other weights."""
        population, average = self.population, self.population.average
        states = [id(state) for group in population.update_groups for state in group.state.values()]
        constants = [id(one) for one in self.network.constants().values()]
        return [population.members, id(self.network.flat), average and id(average.mean), *states, *constants]

    def again(self) -> "Epochs":
        """After members have left: for those that are still there, in the middle of the epoch."""
        self.network.laid_out = made = Epochs(self.population, self.network, self.folds)
        made.begin()
        return made

    def chunk(self, left: int) -> int:
        """How many of the steps that are left the next call makes."""
        return chunk(left, self.network.last_steps, self.network.step_seconds)

    def words(self, layer: int) -> str:
        """A layer where numbers ceased to be finite."""
        layers = self.network.plan.layers
        if layer < 0:
            return ""
        return "the loss" if layer == len(layers) else f"layer {layer}, {layers[layer]}"

    def own(self) -> None:
        """Weights and constants that nobody else holds: they are written in place."""
        population, network = self.population, self.network
        network.flat = network.flat.contiguous()
        average = population.average
        if average is not None and average.mean.data_ptr() == network.flat.data_ptr():
            average.mean = average.mean.clone()
        self.block = self.packed.block(network.constants(), network.flat)
        self.counters = network.show_constants(self.block)

    def whole(self) -> dict[str, tuple[int, int]]:
        """Where the first member's numbers are and how many bytes the next one's are further, by name."""
        flat, average = self.network.flat, self.population.average
        size = flat.element_size()
        found = {"param": (flat.data_ptr(), flat.shape[1] * size)}
        if self.block.shape[1]:
            found["constant"] = (self.block.data_ptr(), self.block.shape[1] * size)
        if average is not None:
            average.mean = average.mean.contiguous()
            found["average"] = (average.mean.data_ptr(), flat.shape[1] * size)
        return found

    def fill_training(self) -> None:
        training = [member.training for member in self.population.members]
        self.members["clip_norm"] = [one.clip_norm or np.inf for one in training]
        self.members["clip_value"] = [one.clip_value or np.inf for one in training]
        self.members["l1"] = [one.l1 for one in training]
        self.members["l2"] = [one.l2 for one in training]
        self.members["average_share"] = [1 - one.ema for one in training]
        self.members["key"] = self.population.draw_keys

    def fill_losses(self) -> None:
        for place, member in enumerate(self.population.members):
            row, fold, objective = self.members[place], self.folds[member.fold], member.objective
            kernel, record = kernel_of_loss(objective), objective.record
            if kernel is None or record is None:
                raise ValueError(f"{objective.name} has no kernel")
            row["rowwise"], row["loss"] = record.kind == "rowwise", kernel.number
            values = [member.params.get(name, record.defaults.get(name, 0.0)) for name in kernel.params]
            row["params"] = self.numbers(np.array(values, np.float64))
            for name in record.per_class:
                row["per_class"] = self.tensor(self.network.flat.new_tensor(member.params[name]))
            row["X"] = self.tensor(self.kept((id(fold.X), "X"), fold.X, self.rows_of))
            target = (id(fold.y), objective.name, row["rowwise"].item())
            row["y"] = self.tensor(self.kept(target, fold.y, partial(self.target_of, record)))
            if fold.weight is not None:
                weight = self.kept(
                    (id(fold.weight), "weight"), fold.weight, lambda one: one.to(self.network.flat.dtype).contiguous()
                )
                row["row_weight"] = self.tensor(weight)

    def fill_updates(self) -> None:
        for group in self.population.update_groups:
            kernel = updates.find(group.rule.name)
            if kernel is None:
                raise ValueError(f"{group.rule.name} has no kernel")
            rows, members = self.members[group.rows], self.population.members[group.rows]
            defaults = {name: one.default for name, one in group.rule.hyper.items()}
            hyper = np.array(
                [[member.hyper.get(name, defaults[name]) for name in kernel.hyper] for member in members], np.float64
            )
            self.held.append(hyper)
            place = np.arange(len(members), dtype=np.uint64)
            rows["hyper"] = hyper.ctypes.data + place * (8 * len(kernel.hyper))
            rows["rule"], rows["options"] = kernel.number, kernel.bits({**group.rule.options, **group.options})
            for number, name in enumerate(kernel.states):
                if name in group.state:
                    group.state[name] = state = group.state[name].contiguous()
                    rows["state"][:, number] = state.data_ptr() + place * (state.shape[1] * state.element_size())

    def rows_of(self, X: Tensor) -> Tensor:
        return X.reshape(len(X), -1).to(self.network.flat.dtype).contiguous()

    def target_of(self, record: Any, y: Tensor) -> Tensor:
        if record.kind == "rowwise":
            return y.long().contiguous()
        return fit_target(record, y, self.network.flat.new_empty(len(y), self.network.plan.outputs)).contiguous()

    def kept(self, name: Any, source: Tensor, make: Callable[[Tensor], Tensor]) -> Tensor:
        """What is made of a fold's tensor, once: networks live longer than a call."""
        if name not in self.network.kept:
            self.network.kept[name] = (source, make(source))
        found: Tensor = self.network.kept[name][1]
        return found

    def tensor(self, tensor: Tensor) -> int:
        self.held.append(tensor)
        return tensor.data_ptr()

    def numbers(self, numbers: np.ndarray) -> int:
        self.held.append(numbers)
        return int(numbers.ctypes.data)

    def begin(self) -> int:
        """Lays out the rows and rates of the epoch that the population is in; returns how many steps it has."""
        population, members = self.population, self.population.members
        orders: dict[tuple[int, int], Tensor] = {}
        for member in members:
            name = (member.seed, member.fold)
            if name not in orders:
                orders[name] = epoch_order(self.folds[member.fold], *name, population.epoch).contiguous()
        self.members["rows"] = [orders[member.seed, member.fold].data_ptr() for member in members]
        sizes = step_sizes(len(next(iter(orders.values()))), members[0])
        self.batch = np.cumsum([0, *sizes], dtype=np.int64)
        self.largest = max(sizes)
        self.orders = orders
        self.losses = torch.zeros(2, len(members), len(sizes), dtype=torch.float64)
        population.begin_epoch(len(sizes))
        return len(sizes)

    def run(self, steps: int) -> dict[int, tuple[int, int]]:
        """Makes so many steps from the population's position on. Returns who broke: place, its step among these (from
        0), and in which layer."""
        population, count = self.population, self.losses.shape[2]
        first, place = population.position, np.arange(len(population), dtype=np.uint64)
        for name, one in zip(("losses", "weights"), self.losses, strict=True):
            self.members[name] = one.data_ptr() + 8 * (first + place * count)
        if population.rates is not None:
            rates = population.rates = population.rates.contiguous()
            self.members["lr_factor"] = rates.data_ptr() + 8 * (first + place * rates.shape[1])
        self.members["done"] = population.clock[:, 0].numpy()
        start = time.perf_counter()
        self.packed.run(self.members, self.batch[first : first + steps + 1], self.penalised, self.largest)
        self.network.step_seconds, self.network.last_steps = (time.perf_counter() - start) / steps, steps
        self.steps = steps
        population.clock += steps
        for counter in self.counters:
            counter += steps
        broken = np.flatnonzero(self.members["broken_step"] >= 0)
        return {int(k): (int(self.members["broken_step"][k]), int(self.members["broken_layer"][k])) for k in broken}

    def show(self, position: int) -> None:
        """The population as it was after the step at a position of this epoch, for whoever is told of each."""
        self.population.last_loss, self.population.last_weight = (
            self.losses[0, :, position],
            self.losses[1, :, position],
        )
