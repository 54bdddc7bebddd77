"""Neighbours in a stack that share a loss or an optimiser: one call computes what belongs to all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from torch import Tensor
from torch.func import vmap

from losslab.optim.fused import has_fused, update_in_place
from losslab.optim.rule import State, UpdateRule
from losslab.train.member import Member, Objective
from losslab.train.network import stacked


@dataclass
class LossGroup:
    """Neighbouring members with one loss; their parameters are tensors (k,), or (k, C) with a number for each class."""

    rows: slice
    objective: Objective
    params: dict[str, Tensor]

    def __call__(self, output: Tensor, y: Tensor, *, lift: bool) -> Tensor:
        if lift:
            each = vmap(lambda o, t, p: self.objective.mean_loss(o, t, **p))
            return each(output[self.rows], y[self.rows], self.params)
        found = []
        for k, place in enumerate(range(self.rows.start, self.rows.stop)):
            params = {name: value[k] for name, value in self.params.items()}
            found.append(self.objective.mean_loss(output[place], y[place], **params))
        return stacked(found)

    def weighted(self, output: Tensor, y: Tensor, weight: Tensor | None, *, lift: bool) -> tuple[Tensor, Tensor]:
        """Means over weighted rows (k,), and the sums of weights that they were divided by (k,)."""
        loss = self.objective.weighted
        if loss is None:
            raise ValueError(f"the objective {self.objective.name} was made without its weighted form")
        given = {"o": output[self.rows], "t": y[self.rows], **({} if weight is None else {"w": weight[self.rows]})}
        if lift:
            return vmap(lambda g, p: loss(g["o"], g["t"], g.get("w"), **p))(given, self.params)
        found = []
        for k in range(len(given["o"])):
            own = {name: value[k] for name, value in given.items()}
            params = {name: value[k] for name, value in self.params.items()}
            found.append(loss(own["o"], own["t"], own.get("w"), **params))
        return stacked([mean for mean, _ in found]), stacked([counted for _, counted in found])


@dataclass
class UpdateGroup:
    """Neighbouring members with one optimiser; hyperparameters are tensors (k, 1), or floats that all share."""

    rows: slice
    rule: UpdateRule
    hyper: dict[str, Tensor | float]
    options: dict[str, bool | int]
    state: State

    def __call__(
        self, parameters: Tensor, gradient: Tensor, clock: Tensor, hyper: Mapping[str, Any], *, in_place: bool
    ) -> Tensor:
        """The group's rows (k, P) after a step, from the matrices (K, P) and (K, 1) of all members.

        in_place: by torch's fused kernel, where it has one for the rule; then `parameters` themselves are changed.
        """
        own, grad, step = parameters[self.rows], gradient[self.rows], clock[self.rows]
        if in_place and has_fused(self.rule, parameters):
            update_in_place(self.rule, own, grad, self.state, step=step, values={**hyper, **self.options})
            return own if len(own) < len(parameters) else parameters
        new, self.state = self.rule.update(own, grad, self.state, step=step, **hyper, **self.options)
        return new


def runs(members: list[Member], by: Callable[[Member], Any]) -> list[tuple[slice, list[Member]]]:
    """Neighbours that agree in `by`, with the slice that they fill."""
    runs, first = [], 0
    for _, group in groupby(members, by):
        block = list(group)
        runs.append((slice(first, first + len(block)), block))
        first += len(block)
    return runs
