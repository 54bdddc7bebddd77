"""`losslab.tune` from data to verdict, on studies of a second each."""

import json
import math
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from small_studies import SMALL, SMALL_REGRESSION, by_loss, diabetes, iris, said
from torch import nn
from torch.nn import functional

import losslab
from losslab.search.result import Row

DOCUMENTED = (
    "task", "metric", "default", "winner", "verdict_kind", "keep_default", "verdict", "detectable", "table", "seconds",
    "trials", "versions", "data_checksum",
)  # fmt: skip
COLUMNS = (
    "loss", "params", "optimizer", "validation", "test", "low", "high", "difference", "difference_low",
    "difference_high", "p_value",
)  # fmt: skip


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "iris"
    return losslab.tune("mlp:16", iris(), out=out, **{**SMALL, "trials": 24}), out


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "diabetes"
    return losslab.tune("mlp:16", diabetes(), metric="mae", out=out, **SMALL_REGRESSION), out


@pytest.fixture(params=["classes", "values"])
def study(request):
    return request.getfixturevalue(request.param)


def test_the_documented_fields_are_attributes_and_in_the_file(study):
    result, out = study
    content = json.loads((out / "result.json").read_text())
    for name in DOCUMENTED:
        assert name in content
        assert hasattr(result, name)
    assert content["version"] == 1
    assert set(COLUMNS) <= set(content["table"][0])
    assert content["winner"] == result.winner
    assert content["verdict"] == result.verdict
    assert {"search", "compare", "total"} <= set(result.seconds)
    assert result.seconds["search"] + result.seconds["compare"] == pytest.approx(result.seconds["total"])
    assert result.verdict_kind in ("better", "equivalent", "undecided")


def test_the_leaderboard_has_the_default_the_untuned_one_and_all_baselines(study):
    result, _ = study
    assert result.table[0].loss == result.default
    assert result.table[0].difference is None
    assert sum(row.role == "untuned" for row in result.table) == 1
    simple = ["not a network: gradient boosting", "not a network: linear"]
    named = (  # a loss for uneven classes was named for the first
        [f"cross_entropy + {how}" for how in ("class weights", "balanced sampling", "logit adjustment")]
        if result.task == "multiclass"
        else []
    )
    constant = "majority class" if result.task == "multiclass" else "mean"
    assert {row.loss for row in result.table if row.role == "baseline"} == {*named, *simple, constant}
    for row in result.table[1:]:
        assert row.difference == pytest.approx(row.test - result.table[0].test)
        assert row.difference_low <= row.difference <= row.difference_high
        assert (row.p_value is not None) == (row.role == "loss")
        assert row.test == pytest.approx(np.mean(row.runs))


def test_untuned_means_adamw_at_one_in_a_thousand(study):
    result, _ = study
    untuned = next(row for row in result.table if row.role == "untuned")
    assert untuned.optimizer["name"] == "adamw"
    assert untuned.optimizer["lr"] == 1e-3


def test_every_loss_gets_the_same_trials_and_halves_by_itself(classes):
    result, _ = classes
    assert result.trials[0].params["label_smoothing"] == 0  # the default configuration is the first of its loss
    for loss in ("cross_entropy", "focal_loss"):
        mine = [trial for trial in result.trials if trial.loss == loss]
        assert len(mine) == 12
        assert sum(trial.state == "complete" for trial in mine) >= 1
        assert sum(trial.state == "pruned" for trial in mine) >= 6
        assert loss in by_loss(result)


def test_members_are_compared_at_the_same_age(classes):
    result, _ = classes
    assert result.rungs == [1, 2]
    for trial in result.trials:
        ages = [epoch for epoch, _ in trial.curve]
        assert ages == ([1, 2] if trial.state == "complete" else [1])


def test_who_was_halted_was_not_better_than_who_went_on(classes):
    result, _ = classes
    default, *first = [t for t in result.trials if t.loss == "focal_loss"][:9]  # a later batch meets other values
    kept = [t.curve[0][1] for t in first if t.state == "complete"]
    halted = [t.curve[0][1] for t in first if t.state == "pruned"]
    assert min(kept) >= max(halted)
    start = {"gamma": 2.0, "label_smoothing": 0.0}
    assert (default.params, default.state, default.curve[0][1] < min(kept)) == (start, "complete", True)


def test_the_defaults_of_every_loss_train_to_the_end(classes):
    result, _ = classes
    first = {trial.loss: trial for trial in reversed(result.trials)}
    assert len(first) == 2
    assert {trial.state for trial in first.values()} == {"complete"}


def hopeless(input, target):
    """Learns the opposite."""
    return -functional.cross_entropy(input, target).clamp(max=3)


@pytest.mark.parametrize("sampler", ["quasi-random", "tpe"])
def test_halving_is_within_a_loss_and_its_neighbours_change_nothing(sampler):
    options = {**SMALL, "trials": 48, "epochs": 4, "sampler": sampler, "engine": "single"}
    beside_good, beside_bad = (
        losslab.tune("linear", iris(), **{**options, "losses": ["cross_entropy", other]})
        for other in ("focal_loss", hopeless)
    )
    ours, theirs = (
        [(t.params, t.optimizer, t.state, t.curve) for t in result.trials if t.loss == "cross_entropy"]
        for result in (beside_good, beside_bad)
    )
    assert ours == theirs
    rows = by_loss(beside_bad)
    assert rows["hopeless"].validation < rows["cross_entropy"].validation
    assert sum(t.state == "complete" for t in beside_bad.trials if t.loss == "hopeless") >= 3


def test_a_finalist_is_the_best_complete_trial_of_its_loss(study):
    result, _ = study
    best = max if result.higher_is_better else min
    for loss, row in by_loss(result).items():
        ended = [t for t in result.trials if t.loss == loss and t.state == "complete"]
        assert row.validation == best(trial.value for trial in ended)
        assert any(trial.params == row.params and trial.value == row.validation for trial in ended)


def test_the_report_fetches_nothing(study):
    _, out = study
    page = (out / "report.html").read_text()
    assert len(page) > 10_000
    assert not re.search(r"""(?:\bsrc|<link[^>]*\bhref)\s*=\s*["']?(?:https?:)?//""", page)
    assert not re.search(r"""@import|url\(\s*["']?https?:""", page)


def test_best_loss_runs_without_losslab_and_gives_the_same_value(study):
    result, out = study
    torch.manual_seed(4)
    input = torch.randn(7, 3 if result.task == "multiclass" else 1)
    target = torch.tensor([0, 2, 1, 1, 0, 2, 2]) if result.task == "multiclass" else torch.randn(7, 1) * 3
    text = f"""
import sys
sys.modules["losslab"] = None
sys.path.insert(0, {str(out)!r})
import torch, best_loss
loss = next(v for v in vars(best_loss).values() if isinstance(v, type) and issubclass(v, torch.nn.Module))()
print(repr(loss(torch.tensor({input.tolist()}), torch.tensor({target.tolist()})).item()))
"""
    ran = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout) == pytest.approx(result.best.loss(input, target).item(), rel=1e-6)


def test_the_best_loss_has_the_parameters_of_its_row(study):
    result, _ = study
    row = by_loss(result)[result.winner]
    assert isinstance(result.best.loss, nn.Module)
    assert result.best.row is row
    assert result.best.optimizer == row.optimizer
    for name, value in row.params.items():
        assert getattr(result.best.loss, name) == pytest.approx(value)


def test_a_report_is_written_where_it_is_wanted(classes, tmp_path):
    result, _ = classes
    assert result.report(tmp_path / "page.html") == tmp_path / "page.html"
    assert "focal_loss" in (tmp_path / "page.html").read_text()


def test_the_ledger_counts_readings_of_a_test_part(classes, tmp_path):
    result, out = classes
    assert len(result.ledger) == 1
    again = losslab.tune("linear", iris(), out=out.parent / "second", **SMALL)
    assert [reading["study"] for reading in again.ledger] == [str(out), str(out.parent / "second")]
    other_rows = losslab.tune("linear", iris(), out=out.parent / "third", seed=1, **SMALL)
    assert len(other_rows.ledger) == 1


def test_parameters_with_the_targets_unit_come_back_in_it():
    small, large = (
        losslab.tune("linear", (X, y * scale), **SMALL_REGRESSION) for scale in (1.0, 100.0) for X, y in [diabetes()]
    )
    ours, theirs = by_loss(small)["huber_loss"], by_loss(large)["huber_loss"]
    assert theirs.params["delta"] == pytest.approx(100 * ours.params["delta"], rel=1e-3)
    assert theirs.test == pytest.approx(100 * ours.test, rel=1e-3)


def test_the_same_seed_gives_the_same_result_and_another_one_does_not():
    one, two, other = (losslab.tune("mlp:8", iris(), seed=seed, engine="stacked", **SMALL) for seed in (5, 5, 6))
    assert said(one) == said(two)
    assert [trial.curve for trial in one.trials] != [trial.curve for trial in other.trials]


@pytest.mark.parametrize("sampler", ["random", "grid", "tpe", "gp", "cma-es", "nsga-ii"])
def test_samplers_by_name(sampler):
    if sampler == "cma-es":
        pytest.importorskip("cmaes")
    result = losslab.tune("linear", iris(), sampler=sampler, **SMALL)
    assert len(result.trials) == 12
    assert len({(trial.loss, trial.optimizer["lr"]) for trial in result.trials}) > 6


def test_optimizers_batch_size_and_epochs_are_searched():
    result = losslab.tune(
        "linear", iris(), **{**SMALL, "trials": 40, "epochs": (2, 4)}, optimizers=("sgd", "adamw"), batch_size=(32, 64)
    )
    assert {trial.optimizer["name"] for trial in result.trials} == {"sgd", "adamw"}
    assert {trial.optimizer["batch_size"] for trial in result.trials} == {32, 64}
    assert {trial.optimizer["epochs"] for trial in result.trials} == {2, 4}
    for trial in result.trials:
        if trial.state == "complete":
            assert trial.curve[-1][0] == trial.optimizer["epochs"]
        assert ("momentum" in trial.optimizer) == (trial.optimizer["name"] == "sgd")


def test_without_halving_everyone_trains_to_the_end():
    result = losslab.tune("linear", iris(), halving=False, **SMALL)
    assert all(trial.state == "complete" and trial.curve[-1][0] == 2 for trial in result.trials)


def test_nested_splits_stand_beside_the_verdict(tmp_path):
    result = losslab.tune("linear", iris(), nested=2, out=tmp_path / "run", **{**SMALL, "trials": 4})
    assert result.nested["splits"] == 2
    (row,) = [row for row in result.nested["rows"] if row["loss"] == "focal_loss"]
    assert row["low"] <= row["difference"] <= row["high"]
    inner = [json.loads((tmp_path / f"run/nested-{k}/result.json").read_text()) for k in (1, 2)]
    assert row["difference"] == pytest.approx(
        np.mean([next(r["difference"] for r in one["table"] if r["loss"] == "focal_loss") for one in inner])
    )
    assert inner[0]["seed"] != inner[1]["seed"]
    assert json.loads((tmp_path / "run/result.json").read_text())["nested"]["splits"] == 2


def test_compare_runs_losses_at_their_defaults():
    result = losslab.compare("linear", diabetes(), ["l1_loss", "huber_loss"], seeds=2, epochs=2)
    assert result.table[0].loss == result.default == "mse_loss"
    assert {trial.optimizer["lr"] for trial in result.trials} == {1e-3}
    assert len(result.trials) == 3
    assert not any(row.role == "untuned" for row in result.table)
    assert len(result.table[0].runs) == 2


def test_what_is_written_to_optuna_can_be_opened(classes):
    import optuna

    result, out = classes
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(out / "optuna.log")))
    study = optuna.load_study(study_name=out.name, storage=storage)
    assert len(study.trials) == len(result.trials)
    assert study.best_value == max(trial.value for trial in result.trials if trial.value is not None)


def test_a_loss_inside_an_optuna_study_of_ones_own():
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    X, y = (torch.tensor(part) for part in iris())

    def objective(trial):
        loss = losslab.suggest_loss(trial, task="multiclass")
        net = nn.Linear(4, 3)
        optimizer = torch.optim.Adam(net.parameters(), 0.05)
        for _ in range(3):
            optimizer.zero_grad()
            loss(net(X.float()), y).backward()
            optimizer.step()
        return (net(X.float()).argmax(1) == y).float().mean().item()

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=6)
    assert all(math.isfinite(trial.value) for trial in study.trials)
    again = losslab.suggest_loss(study.best_trial, task="multiclass")
    assert isinstance(again, nn.Module)


def test_rows_are_plain_data(classes):
    result, _ = classes
    assert all(isinstance(row, Row) for row in result.table)
    assert str(result) == result.verdict
