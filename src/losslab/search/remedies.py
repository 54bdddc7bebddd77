"""What a loss for uneven classes has to beat: the tuned default with its classes weighed, resampled or shifted."""

import math
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from losslab.catalog import imbalance
from losslab.search.confirm import Confirmation, Retrained
from losslab.search.problem import Folds, Problem
from losslab.search.space import Configuration
from losslab.spec.record import LossRecord
from losslab.train.member import key

WEIGHTS, SAMPLING, ADJUSTMENT = "class weights", "balanced sampling", "logit adjustment"
TRAINED = (WEIGHTS, SAMPLING)  # the adjustment takes what the default has learnt
OWN_WEIGHT = "pos_weight"  # a parameter that weighs a class already
UNEVEN = 0.5  # of its even share: a smallest class below that


def label(default: str, remedy: str) -> str:
    """The name of its line."""
    return f"{default} + {remedy}"


def wanted(problem: Problem, records: Mapping[str, LossRecord], *, named: bool) -> bool:
    """Whether they stand beside the losses: classes are uneven, or somebody named a loss made for such classes."""
    if problem.table.task not in ("binary", "multiclass"):
        return False
    shares = counts_of(problem, problem.split.train) / len(problem.split.train)
    made_for_it = any(record.per_class or hasattr(imbalance, record.name) for record in records.values())
    return (named and made_for_it) or float(shares.min()) * problem.classes < UNEVEN


def counts_of(problem: Problem, rows: Tensor) -> Tensor:
    """How many of these rows are of each class (C,), at least one."""
    return torch.bincount(problem.y_seen[rows], minlength=problem.classes).clamp_min(1).double()


def class_weights(problem: Problem, rows: Tensor) -> Tensor:
    """(N,) n / (C n_c) for a row of class c: every class weighs the same in the mean over these rows."""
    counts = counts_of(problem, rows)
    return (len(rows) / (problem.classes * counts)).float()[problem.y_seen]


def balanced_rows(problem: Problem, rows: Tensor, seed: int) -> Tensor:
    """As many rows as there are, equally many of each class (to one): of a small class each several times.

    As many as before, so that an epoch has as many steps; of a large class some are left out.
    """
    generator = torch.Generator().manual_seed(seed)
    classes = problem.y_seen[rows].unique().tolist()
    found = []
    for place, label in enumerate(classes):
        mine = rows[problem.y_seen[rows] == label]
        want = len(rows) // len(classes) + (place < len(rows) % len(classes))
        rounds = [mine[torch.randperm(len(mine), generator=generator)] for _ in range(-(-want // len(mine)))]
        found.append(torch.cat(rounds)[:want])
    return torch.cat(found).sort().values


def remedied(folds: Folds, seed: int) -> Folds:
    """The folds of the two that are trained, one after the other: with the rows weighed, and drawn evenly."""
    problem, rows = folds.problem, list(folds.rows)
    drawn = [balanced_rows(problem, one, key("balance", seed, place)) for place, one in enumerate(rows)]
    weights = [class_weights(problem, one) for one in rows]
    return Folds(problem, [*rows, *drawn], [*folds.prepared] * 2, [*weights, *[None] * len(rows)])


class Remedied(Confirmation):
    """Trains the default's configuration on rows that are weighed, and on rows that are drawn evenly."""

    kind = "remedied"

    def _trained_on(self, folds: Folds) -> Folds:
        return remedied(folds, self.seed)

    def _first_fold(self, place: int, block: range) -> int:
        return place * len(block)


def unweighted(configuration: Configuration) -> Configuration:
    """Without the weight of a class that was searched: a remedy takes its place."""
    if OWN_WEIGHT not in configuration.params:
        return configuration
    return replace(configuration, params={**configuration.params, OWN_WEIGHT: 1.0})


def adjusted(folds: Folds, one: Retrained, tau: float = 1.0) -> Retrained | None:
    """Raw outputs less `tau` times the log of each class's share of the training rows; None for other links.

    With the probabilities of a calibrated model the largest adjusted score is the class with the fewest errors in the
    mean over classes. A weight of the positive class that was searched has shifted the scores already, and is taken
    back too. Source: Menon et al., Long-tail learning via logit adjustment, ICLR 2021.
    """
    link = one.members[0].objective.link
    if link not in ("softmax", "sigmoid"):
        return None
    found = replace(one, validation=[], test=[], curve={})
    for member, validation, test in zip(one.members, one.validation, one.test, strict=True):
        prior = counts_of(folds.problem, folds.rows[member.fold]).log()
        shift = tau * (prior - prior.logsumexp(0) if link == "softmax" else prior[1:] - prior[:1])
        shift = (shift + math.log(float(member.params.get(OWN_WEIGHT, 1.0)))).to(validation.dtype)  # type: ignore[arg-type]
        shift = shift if validation.dim() == 2 else shift.squeeze()
        found.validation.append(validation - shift)
        found.test.append(test - shift)
    return found
