"""A search around the user's own training function."""

import numpy as np
import optuna
import pytest
import torch
from scipy import stats

import losslab
from losslab.search.options import Options
from losslab.search.own_training import OwnStudy, read_answer
from losslab.search.own_verdict import over_seeds
from losslab.search.result import TuneData

HOW = {"task": "regression", "higher_is_better": False, "losses": ["l1_loss", "huber_loss"]}


def toy(run, *, epochs=4, test=True, calls=None):
    """A line through points of which a quarter is far off, on one side: the absolute error finds it, the square not."""
    made = torch.Generator().manual_seed(1)
    x = torch.randn(120, 1, generator=made)
    clean = 2 * x[:, 0] + 1
    y = clean + 30 * (torch.rand(120, generator=made) < 0.25)
    model = torch.nn.Linear(1, 1)
    optimizer = run.optimizer(model.parameters())
    if calls is not None:
        calls.append(run)
    for epoch in range(epochs):
        for _ in range(25):
            optimizer.zero_grad()
            run.loss(model(x[:60])[:, 0], y[:60]).backward()
            optimizer.step()
        value = (model(x[60:90])[:, 0] - clean[60:90]).abs().mean().item()
        run.report(value, epoch)
    if run.final and test:
        return {"value": value, "test": (model(x[90:])[:, 0] - clean[90:]).abs()}
    return value


def test_with_test_rows_there_is_a_verdict():
    result = losslab.tune(toy, metric="mae", trials=30, runs=3, lr=(0.02, 0.3), **HOW)
    assert isinstance(result, losslab.TuneResult)
    assert result.verdict_kind == "better"
    assert result.winner in ("l1_loss", "huber_loss")
    assert type(result.best.loss).__name__ in ("L1Loss", "HuberLoss")
    assert result.best.optimizer["name"] == "adamw"
    assert 0.02 <= result.best.optimizer["lr"] <= 0.3
    assert {row.loss: len(row.runs) for row in result.table} == {"mse_loss": 3, "l1_loss": 3, "huber_loss": 3}
    assert result.split["test"] == 30
    counts = {
        name: sum(trial.loss == name for trial in result.trials) for name in ("mse_loss", "l1_loss", "huber_loss")
    }
    assert set(counts.values()) == {10}
    states = {trial.state for trial in result.trials}
    assert states == {"complete", "pruned"}


def test_without_test_rows_the_answer_says_what_it_does_not_cover():
    result = losslab.tune(
        lambda run: toy(run, epochs=2, test=False), metric="mae", trials=12, runs=4, lr=(0.05, 0.3), **HOW
    )
    assert result.verdict_kind == "undecided"
    assert result.keep_default
    assert result.winner == "mse_loss"
    assert result.verdict.startswith("Keep mse_loss. Undecided for new rows. On the rows that the function measures, ")
    assert "covers retraining with other seeds, not other rows" in result.verdict


def test_retrainings_are_paired_by_seed_and_the_default_comes_first():
    calls = []
    losslab.tune(lambda run: toy(run, epochs=1, calls=calls), metric="mae", trials=6, runs=2, **HOW)
    search, final = [run for run in calls if not run.final], [run for run in calls if run.final]
    assert [run.configuration.loss for run in search[:3]] == ["mse_loss", "l1_loss", "huber_loss"]
    assert search[0].configuration.params == {}
    assert search[0].configuration.hyper["lr"] == 1e-3
    assert len({run.seed for run in search}) == 6
    seeds = {}
    for run in final:
        seeds.setdefault(run.configuration.loss, []).append(run.seed)
    assert len(set(map(tuple, seeds.values()))) == 1
    assert len(set(seeds["mse_loss"])) == 2


def test_pruning_is_within_a_loss_and_waits_for_four():
    study = OwnStudy(toy, Options(trials=18, runs=2, losses=HOW["losses"]), task="regression", higher_is_better=False)
    seen = {"mse_loss": 0, "l1_loss": 0, "huber_loss": 0}

    def scripted(run):
        seen[run.configuration.loss] += 1
        level = {"mse_loss": 100.0, "l1_loss": 1.0, "huber_loss": 10.0}[run.configuration.loss]
        value = level + seen[run.configuration.loss] % 6  # each is worse than the one before it, but the sixth
        run.report(value, 1)
        return value

    study.train = scripted
    study._search(None)
    states = {}
    for one in study.outcomes:
        states.setdefault(one.configuration.loss, []).append(one.state)
    assert states == {name: ["complete"] * 4 + ["pruned", "complete"] for name in seen}
    assert len(study.outcomes) == 18


def test_a_failing_trial_is_named_and_the_search_goes_on():
    def train(run):
        if run.configuration.loss == "l1_loss" and not run.final and run.configuration.params == {} and not failed:
            failed.append(run)
            raise ZeroDivisionError("by the third layer")
        return 1.0 + (run.seed % 7) / 10

    failed = []
    result = losslab.tune(train, metric="mae", trials=9, runs=2, **HOW)
    (one,) = [trial for trial in result.trials if trial.state == "failed"]
    assert (one.loss, one.reason) == ("l1_loss", "ZeroDivisionError: by the third layer")
    assert "1 trials failed (l1_loss); first: ZeroDivisionError: by the third layer" in result.notes


def test_a_function_that_fails_at_once_is_the_callers_to_see():
    def train(run):
        raise KeyError("label")

    with pytest.raises(RuntimeError, match="KeyError at its first call, with mse_loss at its defaults: 'label'"):
        losslab.tune(train, metric="mae", trials=9, runs=2, **HOW)


def test_interrupted_keeps_what_finished_and_resume_goes_on(tmp_path):
    def train(run):
        calls.append(run.configuration.number)
        if len(calls) == stop:
            raise KeyboardInterrupt
        run.report(2.0, 1)
        return 2.0 + run.configuration.number / 100

    how = {**HOW, "metric": "mae", "trials": 12, "runs": 2, "out": tmp_path / "own"}
    calls, stop = [], 8
    result = losslab.tune(train, **how)
    assert result.status == "interrupted"
    assert result.verdict == "Keep mse_loss. Undecided: interrupted after 7 of 12 trials, before the end."
    assert len(result.trials) == 7
    before, calls, stop = calls[:7], [], -1
    again = losslab.tune(train, resume=True, **how)
    assert again.status == "finished"
    assert sorted(before + calls[:5]) == list(range(12))
    assert len(calls) == 5 + 3 * 2
    with pytest.raises(ValueError, match="holds a study already"):
        losslab.tune(train, **how)
    assert {path.name for path in (tmp_path / "own").iterdir()} >= {"result.json", "report.html", "best_loss.py"}
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(tmp_path / "own/optuna.log"))
    )
    (study,) = optuna.get_all_study_summaries(storage)
    assert study.n_trials == 12


def test_over_seeds_is_the_paired_t_test():
    values = np.array([[0.50, 0.52, 0.51, 0.55, 0.49], [0.56, 0.55, 0.58, 0.60, 0.57], [0.50, 0.51, 0.53, 0.54, 0.50]])
    default, one, two = over_seeds(values)
    assert (default.difference, default.p_holm) == (0, None)
    expected = stats.ttest_rel(values[1], values[0])
    assert one.difference == pytest.approx(0.058)
    assert one.p == pytest.approx(max(expected.pvalue, 2.0**-4))  # five pairs allow no smaller p than the sign test
    assert two.p == pytest.approx(stats.ttest_rel(values[2], values[0]).pvalue)
    interval = stats.ttest_rel(values[2], values[0]).confidence_interval()
    assert (two.low, two.high) == pytest.approx((interval.low, interval.high))
    assert one.p_holm == pytest.approx(2 * one.p)


def test_what_a_function_may_return():
    assert read_answer(torch.tensor(0.5)).value == 0.5
    assert read_answer({"value": 1, "test": torch.tensor([[True], [False]])}).test == (1.0, 0.0)
    with pytest.raises(TypeError, match=r"returned None \(no return\?\); the metric, a number, is wanted"):
        read_answer(None)
    with pytest.raises(TypeError, match="returned a str"):
        read_answer("good")
    with pytest.raises(ValueError, match=r"returned \['accuracy'\]; 'value' and 'test' are known"):
        read_answer({"accuracy": 1})


def test_errors_of_the_call():
    with pytest.raises(TypeError, match="data is missing: pass it after the model, or, without data, a training func"):
        losslab.tune("mlp")
    with pytest.raises(TypeError, match="batch_size, epochs: not for a training function of your own"):
        losslab.tune(toy, epochs=3, batch_size=8, metric="mae", task="regression")
    with pytest.raises(ValueError, match="say higher_is_better=True or False: 'value' is no metric"):
        losslab.tune(toy, task="regression")

    def train(run):
        return 1.0

    with pytest.raises(TypeError, match=r"train\(run\) is a training function, which brings its own data"):
        losslab.tune(train, "digits")
    with pytest.raises(ValueError, match="lion"):
        losslab.tune(train, metric="mae", task="regression", optimizers=["lion"])


def test_losses_that_count_classes_want_the_labels():
    def train(run):
        run.loss(torch.zeros(4, 3), torch.tensor([0, 1, 2, 0]))
        return (run.seed % 5) / 10

    how = {"metric": "accuracy", "trials": 4, "runs": 2, "losses": ["logit_adjusted_loss"], "task": "multiclass"}
    notes = losslab.tune(train, **how).notes
    assert any("left out, for want of the counts" in note for note in notes)
    assert any(note.startswith("2 retrainings are few") for note in notes)
    result = losslab.tune(train, target=torch.tensor([0, 0, 0, 1, 2, 2]), **how)
    (counted,) = [row for row in result.table if row.loss != "cross_entropy"]
    assert (3.0, 1.0, 2.0) in counted.params.values()
    assert TuneData.from_json(result.to_json()).winner == result.winner
