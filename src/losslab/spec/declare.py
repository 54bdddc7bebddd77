"""The decorator that turns a rule of a few lines into a record, and the catalogue where records are found."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from losslab.spec.facts import CONSTANTS
from losslab.spec.forms import functional
from losslab.spec.record import (
    Case,
    Kind,
    Later,
    Link,
    LossRecord,
    Outputs,
    Parameter,
    SetCase,
    Target,
    Task,
    parameters_of,
)
from losslab.spec.tasks import serves, tunable, usual

# Why a search cannot serve a loss of several tensors, by its first task.
NEEDS: dict[Task, str] = {
    "regression": "it wants more than one output for each target, and the heads that losslab makes have one",
    "binary": "it compares all rows of a batch with each other",
    "multiclass": "it wants more than scores and a class for each row",
    "multilabel": "its targets are lists of classes, and a search reads columns of yes or no",
    "ordinal": "it wants more than thresholds and a class for each row",
    "segmentation": "its targets are a class for each pixel, and a search reads one for each row",
    "boxes": "its targets are boxes, and a search reads one target for each row",
    "embedding": "it compares embeddings, and a search trains a head that predicts a target",
    "distribution": "its targets are distributions, and a search reads one target for each row",
    "distillation": "it wants the outputs of a teacher for each row",
    "ranking": "its rows are lists of items with a relevance each",
    "survival": "its targets are a time and whether the event was seen",
    "sequence": "its targets are sequences with lengths of their own",
}


class Catalogue(Mapping[str, LossRecord]):
    """The declared losses by name: `losses()["huber_loss"]`, `losses().filter(task="regression")`."""

    def __init__(self, records: Mapping[str, LossRecord] | None = None) -> None:
        self._records = dict(records or {})

    def __getitem__(self, name: str) -> LossRecord:
        for spelling in (name, f"{name}_loss"):
            if spelling in self._records:
                return self._records[spelling]
        near = get_close_matches(name, self._records, n=3, cutoff=0.4)
        hint = f"; nearest: {', '.join(near)}" if near else ""
        raise KeyError(f"no loss {name!r}{hint}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def filter(self, *, task: Task | None = None, kind: Kind | None = None, **wanted: Any) -> "Catalogue":
        """The records that fit: `filter(task="multiclass", convex=True, tunable=True)`.

        convex, smooth, proper, symmetric: True or False. lipschitz: True for a bounded gradient. best_constant: one of
        `losslab.spec.facts.CONSTANTS`. tunable: whether `fit` and a search can train with it. by_default: whether a
        search that names no losses tries it. Facts are asked at the parameters' defaults; a loss that does not state a
        fact is left out where that is asked for. Raises TypeError for another keyword, ValueError for an unknown word.
        """
        check_filter(wanted)

        def fits(r: LossRecord) -> bool:
            if (task is not None and not serves(r, task)) or (kind is not None and r.kind != kind):
                return False
            known = {"tunable": tunable(r, task), "by_default": usual(r, task)}
            if not wanted.keys() <= known.keys():
                known |= known_facts(r)  # some facts are found numerically, which takes long
            return all(known.get(key) == value for key, value in wanted.items() if value is not None)

        return Catalogue({name: record for name, record in self._records.items() if fits(record)})

    def add(self, record: LossRecord) -> None:
        self._records[record.name] = record


YES_OR_NO = ("convex", "smooth", "lipschitz", "proper", "symmetric", "tunable", "by_default")


def check_filter(wanted: Mapping[str, Any]) -> None:
    for key, value in wanted.items():
        if key not in (*YES_OR_NO, "best_constant"):
            near = get_close_matches(key, [*YES_OR_NO, "best_constant", "task", "kind"], n=1)
            hint = f", did you mean {near[0]}?" if near else "."
            known = ", ".join(("task", "kind", *YES_OR_NO, "best_constant"))
            raise TypeError(f"filter: unknown keyword {key!r}{hint} There are: {known}")
        if key == "best_constant" and value is not None and value not in CONSTANTS:
            raise ValueError(f"filter: no best_constant {value!r}; there are: {', '.join(CONSTANTS)}")
        if key in YES_OR_NO and value is not None and not isinstance(value, bool):
            raise TypeError(f"filter: {key} must be True or False, found {value!r}")


def known_facts(record: LossRecord) -> dict[str, Any]:
    """The facts at the defaults, as `filter` compares them."""
    if record.facts is None:
        return {}
    facts = record.facts.at(**record.defaults)
    known = {**vars(facts), "lipschitz": facts.lipschitz is not None}
    return {name: value for name, value in known.items() if name not in ("unknown", *facts.unknown)}


CATALOGUE = Catalogue()


def loss(
    *,
    kind: Kind,
    formula: str = "",
    source: str = "",
    task: Task | tuple[Task, ...],
    outputs: Outputs = "one",
    link: Link = "identity",
    target: Target = "real",
    bounds: Mapping[str, Parameter] | None = None,
    cases: tuple[Case, ...] | tuple[SetCase, ...] = (),
    **facts: Any,
) -> Callable[[Callable[..., Any]], LossRecord]:
    """Declares a loss: the decorated rule becomes a callable `LossRecord`, listed in the catalogue under its name."""

    def declare(rule: Callable[..., Any]) -> LossRecord:
        record = LossRecord(
            name=rule.__name__, rule=rule, kind=kind, formula=formula, source=source,
            tasks=task if isinstance(task, tuple) else (task,), outputs=outputs, link=link, target=target, cases=cases,
            parameters=parameters_of(rule, bounds or {}), **facts,
        )  # fmt: skip
        if kind == "set" and "untunable" not in facts:
            record = replace(record, untunable=NEEDS[record.tasks[0]])
        if kind == "set" and "by_default" not in facts:
            record = replace(record, by_default=False)
        record = replace(
            record, group=record.group or record.name, module_name=record.module_name or camel(rule.__name__)
        )
        record = replace(record, form=Later(functional))
        CATALOGUE.add(record)
        return record

    return declare


def camel(name: str) -> str:
    """huber_loss -> HuberLoss"""
    return "".join(part.capitalize() for part in name.split("_"))
