"""What is fixed during a study: data, split, metric, and how outputs are scored."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from losslab.data.prepare import prepare
from losslab.data.scale import own_unit
from losslab.data.table import CLASSES, COLUMNS, Prepared, Split, Table
from losslab.metrics.links import predictions
from losslab.metrics.record import Metric, Needs
from losslab.metrics.threshold import Threshold, fit_threshold
from losslab.search.dimensions import architecture_of, training_of
from losslab.search.space import Configuration, in_target_unit
from losslab.spec.record import LossRecord
from losslab.train.batches import Fold
from losslab.train.early import Watch
from losslab.train.member import Member
from losslab.train.objective import class_counts, objective_of


@dataclass(frozen=True)
class Problem:
    """A table with its parts and the metric that decides.

    `y_seen` are the targets that training and validation see: the table's, or spoiled ones (`--corrupt-train`); the
    test part's are never spoiled. `watched` are the metrics that are shown beside the one that decides.
    """

    table: Table
    split: Split
    metric: Metric
    y_seen: Tensor
    watched: tuple[Metric, ...] = ()

    @property
    def classes(self) -> int:
        return max(len(self.table.classes), 1)

    @property
    def by_column(self) -> bool:
        """Whether the target has several columns, each with an answer of its own."""
        return self.table.task in COLUMNS

    @property
    def strata(self) -> Tensor | None:
        """The class of each row (N,), where the parts are drawn with the same mix of them."""
        return self.table.y if self.table.task in CLASSES else None

    def prepare(self, rows: Tensor) -> Prepared:
        """Preprocessing fitted on these training rows only."""
        return prepare(self.table, rows, self.y_seen)

    def fold(self, prepared: Prepared, rows: Tensor, factor: Tensor | None = None) -> Fold:
        """Training rows as the engine takes them; a row counts by its weight in the table, times its `factor` (N,)."""
        given = [one for one in (self.table.weight, factor) if one is not None]
        weight = math.prod(given[1:], start=given[0]) if given else None
        return Fold(prepared.X, prepared.y, rows, self.table.changing, weight)


@dataclass(frozen=True)
class Folds:
    """Row lists with the preprocessing that was fitted on each, and how much each row of the table counts (N,)."""

    problem: Problem
    rows: Sequence[Tensor]
    prepared: Sequence[Prepared]
    factors: Sequence[Tensor | None] = ()  # None, or nothing at all: one

    @classmethod
    def of(cls, problem: Problem, rows: Sequence[Tensor]) -> "Folds":
        return cls(problem, rows, [problem.prepare(part) for part in rows])

    def training(self) -> list[Fold]:
        factors = self.factors or [None] * len(self.rows)
        return [self.problem.fold(*one) for one in zip(self.prepared, self.rows, factors, strict=True)]

    def member(
        self, configuration: Configuration, record: LossRecord, *, number: int, seed: int, fold: int, batch_size: int,
        epochs: int,
    ) -> Member:  # fmt: skip
        """A configuration as the engine sees it: parameters in units of the standardised target of its fold."""
        params = in_target_unit(configuration.params, record, self.prepared[fold].mad)
        return Member(
            number=number,
            objective=objective_of(record, self.problem.classes, self.problem.table.width),
            params={**params, **self.counts(record, fold)},
            optimizer=configuration.optimizer,
            hyper=configuration.hyper,
            seed=seed,
            fold=fold,
            batch_size=configuration.batch_size or batch_size,
            epochs=configuration.epochs or epochs,
            training=training_of(configuration.settings),
            architecture=architecture_of(configuration.settings),
        )

    def counts(self, record: LossRecord, fold: int) -> dict[str, tuple[float, ...]]:
        """How often each class is among the rows of a fold, for a loss that wants to know."""
        if not record.per_class:
            return {}
        return class_counts(record, self.problem.y_seen[self.rows[fold]], self.problem.classes)

    def read(self, members: Sequence[Member], outputs: Tensor, needs: Needs) -> Tensor | None:
        """What a metric needs, (K, n), (K, n, C) or (K, n, T), from raw outputs (K, n, ...) by links.

        Values come back in the target's own unit. None where a link gives no such thing.
        """
        outputs = outputs if outputs.dim() == 3 else outputs[..., None]
        links = [member.objective.link for member in members]
        parts: list[Tensor] = []
        for link in dict.fromkeys(links):
            chosen = torch.tensor([place for place, own in enumerate(links) if own == link])
            raw = outputs[chosen]
            found = predictions(raw, link, needs, self.problem.by_column)  # type: ignore[arg-type]
            if found is None:
                return None
            if not parts:
                parts = [found.new_zeros(len(members), *found.shape[1:])]
            parts[0][chosen] = found
        value = parts[0]
        if needs != "value":
            return value
        pairs = zip(value, members, strict=True)
        return torch.stack([own_unit(one, self.prepared[member.fold]) for one, member in pairs])


def decide(read: Tensor, threshold: Threshold | None) -> Tensor:
    """Labels from scores, where there is a threshold."""
    return read if threshold is None else threshold.apply(read)


def score_needs(metric: Metric) -> Needs:
    """What to read from outputs: scores where a threshold turns them into labels."""
    return "score" if metric.thresholded else metric.needs


def thresholds_for(metric: Metric, score: Tensor, target: Tensor) -> Threshold | None:
    """Thresholds fitted on validation rows, for metrics that have one."""
    return fit_threshold(score, target, metric) if metric.thresholded else None


def watch(folds: Folds, rows: Tensor) -> Watch:
    """What members with patience are judged by: the metric on these validation rows."""
    higher = folds.problem.metric.higher_is_better
    return Watch(rows, lambda members, outputs: validation_values(folds, members, outputs, rows), higher)


def validation_values(folds: Folds, members: Sequence[Member], outputs: Tensor, rows: Tensor) -> Tensor:
    """The metric of each member (K,) on validation rows during the search, at the default threshold.

    A threshold is fitted for the finalists; within a loss, members are ranked without one.
    """
    metric, target = folds.problem.metric, folds.problem.y_seen[rows]
    found = folds.read(members, outputs, metric.needs)
    if found is None:
        return torch.full((len(members),), torch.nan)
    return metric.value(found, target)
