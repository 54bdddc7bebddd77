"""Neighbours in a stack that share a loss or an optimiser: one call computes what belongs to all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from losslab.kernels.backend import chosen
from losslab.kernels.population import Losses
from losslab.kernels.updates import Update, find, takes
from losslab.optim.fused import has_fused, update_in_place
from losslab.optim.registry import RULES
from losslab.optim.rule import State, UpdateRule
from losslab.train.member import Member, Objective
from losslab.train.network import stacked
from losslab.train.objective import fit_target, kernel_of_loss


@dataclass
class LossGroup:
    """Neighbouring members with one loss; their parameters are tensors (k,), or (k, C) with a number for each class.

    Computed in one pass where the loss has a kernel for such outputs, else by its rule: `lift` says whether that runs
    under vmap or member by member.
    """

    rows: slice
    objective: Objective
    params: dict[str, Tensor]

    def __call__(self, output: Tensor, y: Tensor, *, lift: bool) -> Tensor:
        """Means (k,) from the members' outputs (k, B, ...) and targets (k, B, ...)."""
        if fused := self._fused(output, y, None):
            return fused[0]
        if lift:
            each = vmap(lambda o, t, p: self.objective.mean_loss(o, t, **p))
            return each(output, y, self.params)
        found = []
        for k in range(len(output)):
            params = {name: value[k] for name, value in self.params.items()}
            found.append(self.objective.mean_loss(output[k], y[k], **params))
        return stacked(found)

    def weighted(self, output: Tensor, y: Tensor, weight: Tensor | None, *, lift: bool) -> tuple[Tensor, Tensor]:
        """Means over weighted rows (k,), and the sums of weights that they were divided by (k,)."""
        loss = self.objective.weighted
        if loss is None:
            raise ValueError(f"the objective {self.objective.name} was made without its weighted form")
        if fused := self._fused(output, y, weight):
            return fused
        given = {"o": output, "t": y, **({} if weight is None else {"w": weight})}
        if lift:
            return vmap(lambda g, p: loss(g["o"], g["t"], g.get("w"), **p))(given, self.params)
        found = []
        for k in range(len(output)):
            own = {name: value[k] for name, value in given.items()}
            params = {name: value[k] for name, value in self.params.items()}
            found.append(loss(own["o"], own["t"], own.get("w"), **params))
        return stacked([mean for mean, _ in found]), stacked([counted for _, counted in found])

    def _fused(self, output: Tensor, y: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor] | None:
        """The same as `weighted`, value and gradient in one pass; None where the rule has to do it."""
        record = self.objective.record
        if self._losses is None or record is None or chosen() in ("rule", "torch"):
            return None
        if len(y) > 1 and y.stride(0) == 0:  # the rows of all members
            return self._losses(output, fit_target(record, y[0], output[0]), weight)
        return self._losses(output, fit_target(record, y, output), weight)

    @cached_property
    def _losses(self) -> Losses | None:
        """The loss's kernel with the members' parameters."""
        record, kernel = self.objective.record, kernel_of_loss(self.objective)
        if record is None or kernel is None or not self.params.keys() <= {*kernel.params, *record.per_class}:
            return None
        given = {**record.defaults, **self.params}
        if not given.keys() >= {*kernel.params, *record.per_class}:
            return None
        params = torch.empty(self.rows.stop - self.rows.start, len(kernel.params), dtype=torch.float64)
        for place, name in enumerate(kernel.params):
            params[:, place] = torch.as_tensor(given[name])
        return Losses(kernel, params, *(self.params[name] for name in record.per_class))


@dataclass
class UpdateGroup:
    """Neighbouring members with one optimiser; hyperparameters are tensors (k, 1), or floats that all share."""

    rows: slice
    rule: UpdateRule
    hyper: dict[str, Tensor | float]
    options: dict[str, bool | int]
    state: State
    prepared: tuple[State, Update] | None = None  # the kernel, and the state that it was prepared for

    def __call__(
        self, parameters: Tensor, gradient: Tensor, clock: Tensor, rates: Tensor | None, *, one_by_one: bool
    ) -> Tensor | None:
        """The group's rows (k, P) after a step, from the matrices (K, P) and (K, 1) of all members.

        None where a kernel has changed the rows of `parameters` themselves: ours, or for members that run one by one,
        torch's. rates: factors (K,) of a schedule on the learning rates.
        """
        own, grad, step = parameters[self.rows], gradient[self.rows], clock[self.rows]
        rates = None if rates is None else rates[self.rows]
        if chosen() != "rule":
            if kernel := self._kernel(own):
                kernel(own, grad if grad.is_contiguous() else grad.contiguous(), step[:, 0], rates)
                return None
            if one_by_one and has_fused(self.rule, own):
                values = {**self._hyper(rates), **self.options}
                update_in_place(self.rule, own, grad, self.state, step=step, values=values)
                return None
        new, self.state = self.rule.update(own, grad, self.state, step=step, **self._hyper(rates), **self.options)
        return new

    def _hyper(self, rates: Tensor | None) -> dict[str, Tensor | float]:
        if rates is None:
            return self.hyper
        return {**self.hyper, "lr": self.hyper.get("lr", self.rule.hyper["lr"].default) * rates[:, None]}

    def _kernel(self, own: Tensor) -> Update | None:
        """The rule's kernel on this state, where there is one for such rows."""
        if self.prepared is not None and self.prepared[0] is self.state:
            return self.prepared[1]
        kernel = find(self.rule.name) if RULES.get(self.rule.name) is self.rule and takes(own) else None
        if kernel is None:
            return None
        hyper = torch.empty(len(own), len(kernel.hyper), dtype=torch.float64)
        for place, name in enumerate(kernel.hyper):
            hyper[:, place : place + 1] = self.hyper.get(name, self.rule.hyper[name].default)
        update = Update(kernel, [self.state.get(name) for name in kernel.states], hyper, kernel.bits(self.options))
        self.prepared = self.state, update
        return update


def runs(members: list[Member], by: Callable[[Member], Any]) -> list[tuple[slice, list[Member]]]:
    """Neighbours that agree in `by`, with the slice that they fill."""
    runs, first = [], 0
    for _, group in groupby(members, by):
        block = list(group)
        runs.append((slice(first, first + len(block)), block))
        first += len(block)
    return runs
