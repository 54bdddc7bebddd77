"""A time budget becomes a number of trials, and nothing else."""

import numpy as np
import pytest

import losslab
from losslab.search import afford
from losslab.search.afford import Pace, stretches
from losslab.search.budget import is_duration, seconds_of

X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
DATA = (X, (X[:, 0] > 0).astype(int))
TUNED = {"epochs": 4, "runs": 2, "engine": "stacked", "losses": ["sigmoid_focal_loss"]}
SETTINGS = {**TUNED, "baselines": False}


@pytest.fixture
def clock(monkeypatch):
    """One step takes a thousandth of a second for each member, however fast the machine is."""
    monkeypatch.setattr(afford, "pace_of", lambda study: Pace(1, 1e-3, 100, 0.1))
    monkeypatch.setattr(afford, "elapsed", lambda study: 0.0)


def study(budget, **more):
    from losslab.search.tune import study_of

    return study_of("linear", DATA, budget=budget, **{**SETTINGS, **more})


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("1.5h", 5400), (12, 12)])
def test_durations(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["10", "ten minutes", "10 min", "-5s", "", "0s", 0, float("nan"), float("inf")])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="budget"):
        seconds_of(text)


def test_a_column_is_no_duration():
    assert not is_duration("date")
    assert is_duration(" 10m ")


def test_halving_by_hand():
    assert stretches([2, 5, 10, 20], 51, True) == [(2, 51), (3, 18), (5, 7), (10, 4)]
    assert stretches([2, 5, 10, 20], 51, False) == [(20, 51)]
    assert stretches([1], 1, True) == [(1, 1)]


def test_pace_between_two_stacks_and_beyond():
    pace = Pace(5, 0.01, 105, 0.03)
    assert [pace(1), pace(5), pace(55), pace(105)] == pytest.approx([0.01, 0.01, 0.02, 0.03])
    assert pace(210) == pytest.approx(0.06)


def test_more_time_more_trials_and_the_estimate_holds_it(clock):
    each = [study(budget).quota.each for budget in ("5s", "6s", "8s")]
    assert 16 < each[0] < each[1] < each[2]
    one = study("6s")
    assert afford.estimate(one, Pace(1, 1e-3, 100, 0.1), each[1]) <= 6
    assert afford.estimate(one, Pace(1, 1e-3, 100, 0.1), each[1] + 1) > 6
    assert one.data.budget == f"6s: {2 * each[1]:,} trials = 2 losses x {each[1]}, decided from 18 steps of a probe"
    assert one.data.plan.endswith(one.data.budget)
    assert study("6s", nested=2).quota.each < each[1]


def test_too_short_a_budget_says_what_is_done_instead(clock):
    one = study("1s")
    assert one.quota.each == 16
    assert "1s is too short: 32 trials = 2 losses x 16, the fewest that can be trusted, take about" in one.data.budget


def test_a_repeat_with_the_same_trials_gives_the_same_and_resume_decides_nothing_anew(clock, tmp_path, monkeypatch):
    out = tmp_path / "run"
    first = losslab.tune("linear", DATA, budget="5s", out=out, **TUNED)
    trials = len(first.trials)
    repeat = losslab.tune("linear", DATA, trials=trials, **TUNED)
    assert repeat.table == first.table
    assert repeat.trials == first.trials
    monkeypatch.setattr(afford, "pace_of", lambda study: Pace(1, 1.0, 100, 100.0))  # a slower machine
    (out / "result.json").unlink()
    again = losslab.tune("linear", DATA, budget="5s", out=out, resume=True, **TUNED)
    assert again.table == first.table
    assert again.budget == first.budget
    with pytest.raises(ValueError, match="budget"):
        losslab.tune("linear", DATA, budget="9s", out=out, resume=True, **TUNED)


def test_a_probe_times_both_stacks():
    one = study("5s")
    few, short = afford.timed(one, 1)
    many, long = afford.timed(one, 20)
    assert (few, many) == (2, 40)
    assert min(short, long) > 0


def test_without_a_search_there_is_nothing_to_decide():
    with pytest.raises(ValueError, match="no search"):
        losslab.compare("linear", DATA, ["focal_loss"], budget="1m")
