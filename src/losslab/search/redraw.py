"""Nested comparison: the outer split is drawn anew K times, and the whole search repeated inside each."""

from dataclasses import replace
from typing import Any

from losslab.search.nested import compare_nested
from losslab.search.study import Study
from losslab.train.member import key


def nested_comparison(study: Study, splits: int) -> dict[str, Any]:
    """Differences from the tuned default over K redrawn splits, with Nadeau and Bengio's correction.

    Splits in which a loss had no finalist are left out for it; ValueError where the user gave the split.
    """
    if study.table.split is not None:
        raise ValueError("nested: the parts were given, so they cannot be drawn anew; leave out nested or the parts")
    if splits < 2:
        raise ValueError(f"nested: {splits} split; at least two are needed to see how much the answer varies")
    found: list[dict[str, float]] = []
    for place in range(splits):
        seed = key("nested", study.options.seed, place) % 2**31
        out = study.options.out / f"nested-{place + 1}" if study.options.out else None
        resume = study.options.resume and out is not None and (out / "journal.jsonl").exists()
        inner = Study(
            study.table, study.metric, study.model, replace(study.options, seed=seed, out=out, untuned=False, resume=resume),
            replace(study.hooks, on_rung=lambda *state: None, on_confirm=lambda *state: None),
        )  # fmt: skip
        rows = inner.run().table
        found.append({row.loss: row.difference for row in rows if row.role == "loss" and row.difference is not None})
        study.hooks.on_nested(place + 1, splits)
    losses = [loss for loss in study.records if all(loss in one for one in found)]
    split = study.problem.split
    compared = compare_nested(
        [[one[loss] for one in found] for loss in losses], len(split.train) + len(split.validation), len(split.test)
    ) if losses else []  # fmt: skip
    rows_ = [
        {"loss": loss, "difference": c.difference, "low": c.low, "high": c.high, "p_value": c.p_holm}
        for loss, c in zip(losses, compared, strict=True)
    ]
    return {"splits": splits, "rows": rows_}
