"""A small version of benchmarks/verdict.py: whole studies where nothing is to be found, and where something is."""

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def verdict():
    path = Path(__file__).parents[2] / "benchmarks" / "verdict.py"
    spec = importlib.util.spec_from_file_location("verdict_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["verdict_benchmark"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["verdict_benchmark"]


def repeated(verdict, name, count):
    return verdict.summary([verdict.PROBLEMS[name].study("stable", 7000 + seed) for seed in range(count)])


@pytest.mark.parametrize("name", ["mirror-values", "factor-values"])
def test_a_loss_that_is_no_better_is_seldom_called_better(verdict, name):
    """Of 20 repetitions a true 5 % gives more than 4 three times in a thousand."""
    found = repeated(verdict, name, 20)
    assert found["challenger_better"] + found["default_better"] <= 4
    assert found["failed"] == 0


def test_robust_losses_are_found_among_gross_outliers(verdict):
    found = repeated(verdict, "outliers", 5)
    assert found["challenger_better"] == 5
    assert found["difference"] < -0.5  # of an error of about 1.5


def test_a_summary_counts_each_answer(verdict):
    named = {"problem": "again-values", "model": "stable", "seconds": 1.0}
    sizes = {"test": 2.0, "spread_of_runs": 0.1, "detectable": 0.2, "test_rows": 100}
    answers = [("better", False), ("better", True), ("undecided", True), ("better", False)]
    rows = [
        named | sizes | {"seed": seed, "kind": kind, "keep_default": keep, "difference": 0.5 * seed}
        for seed, (kind, keep) in enumerate(answers)
    ]
    rows.append(named | {"seed": 4, "kind": "failed", "reason": "no trial came to its end"})
    found = verdict.summary(rows)
    assert (found["repetitions"], found["failed"], found["seeds"]) == (5, 1, "0 to 4")
    assert (found["challenger_better"], found["default_better"]) == (2, 1)
    assert (found["equivalent"], found["undecided"], found["difference"]) == (0, 1, 0.75)


def test_a_record_is_gone_on_with(verdict, tmp_path, monkeypatch):
    asked = []

    def study(problem, model, seed):
        asked.append((problem.name, model, seed))
        return {"problem": problem.name, "model": model, "seed": seed}

    monkeypatch.setattr(verdict.Problem, "study", study)
    cells = [(verdict.PROBLEMS["outliers"], "stable"), (verdict.PROBLEMS["labels"], "noisy")]
    verdict.repeat(cells, range(2), tmp_path / "record.jsonl")
    assert asked == [
        ("outliers", "stable", 0),
        ("outliers", "stable", 1),
        ("labels", "noisy", 0),
        ("labels", "noisy", 1),
    ]
    asked.clear()
    verdict.repeat(cells, range(1, 3), tmp_path / "record.jsonl")
    assert asked == [("outliers", "stable", 2), ("labels", "noisy", 2)]
