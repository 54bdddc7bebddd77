"""Nested comparison: the outer split is drawn anew K times, and the whole search repeated inside each."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from losslab.search.nested import compare_nested
from losslab.search.result import TuneData
from losslab.search.study import Study
from losslab.train.member import key


def nested_comparison(study: Study, finish: Callable[[Study], TuneData]) -> dict[str, Any]:
    """Differences from the tuned default over K redrawn splits, with Nadeau and Bengio's correction.

    `finish` runs a study to its end, or reads back one that had ended. A loss without a finalist in one of the splits
    is left out.
    """
    splits = study.options.nested
    found: list[dict[str, float]] = []
    study.hooks.on_nested(0, splits)
    for place in range(splits):
        seed = key("nested", study.options.seed, place) % 2**31
        out = study.options.out and study.options.out / f"nested-{place + 1}"
        options = replace(
            study.options, seed=seed, out=out, untuned=False, baselines=False, nested=0, budget=None, storage=None
        )
        hooks = replace(study.hooks, on_rung=lambda *state: None, on_confirm=lambda *state: None)
        rows = finish(Study(study.table, study.metric, study.model, options, hooks)).table
        found.append({row.loss: row.difference for row in rows if row.role == "loss" and row.difference is not None})
        study.hooks.on_nested(place + 1, splits)
    losses = [loss for loss in study.records if all(loss in one for one in found)]
    if not losses:
        return {"splits": splits, "rows": []}
    parts = study.problem.split
    differences = [[one[loss] for one in found] for loss in losses]
    compared = compare_nested(differences, len(parts.train) + len(parts.validation), len(parts.test))
    rows_of_losses = [
        {"loss": loss, "difference": one.difference, "low": one.low, "high": one.high, "p_value": one.p_holm}
        for loss, one in zip(losses, compared, strict=True)
    ]
    return {"splits": splits, "rows": rows_of_losses}
