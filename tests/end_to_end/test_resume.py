"""Stopped, killed, torn, full: what was finished is kept, nothing is trained twice, and the result is the same."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from small_studies import diabetes, iris, said
from typer.testing import CliRunner

import losslab
from losslab.cli.main import app
from losslab.search.options import Hooks
from losslab.train.loop import Stopped

ONE_LOSS = {"trials": 10, "epochs": 4, "runs": 3, "losses": ["cross_entropy"], "engine": "stacked"}
SEVERAL_ENDS = {**ONE_LOSS, "trials": 12, "losses": ["cross_entropy", "focal_loss"], "epochs": (2, 4)}


class Count:
    """Counts steps, and asks to stop after some of them."""

    def __init__(self, stop_after=None):
        self.steps, self.stop_after = 0, stop_after
        self.hooks = Hooks(stop=self.asked, on_step=self.step)

    def asked(self):
        return self.steps == self.stop_after

    def step(self, members):
        self.steps += 1


def run(out=None, stop_after=None, resume=False, **options):
    count = Count(stop_after)
    try:
        return losslab.tune("mlp:8", iris(), out=out, resume=resume, hooks=count.hooks, **options), count.steps
    except Stopped:
        return None, count.steps


@pytest.fixture(scope="module", params=[ONE_LOSS, SEVERAL_ENDS], ids=["one end", "several ends"])
def whole(request):
    """Options, and the result and steps of a study that nobody disturbed."""
    return request.param, *run(**request.param)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.55, 0.8, 0.98])
def test_a_stopped_study_goes_on_without_training_anything_twice(whole, share, tmp_path):
    options, result, steps = whole
    stop_after = int(share * steps)
    stopped, first = run(tmp_path / "run", stop_after=stop_after, **options)
    assert stopped is None
    assert first == stop_after
    again, second = run(tmp_path / "run", resume=True, **options)
    assert first + second == steps
    assert said(again) == said(result)


def test_stopped_again_and_again(whole, tmp_path):
    options, result, steps = whole
    done, found = 0, None
    for number in range(8):
        found, more = run(tmp_path / "run", stop_after=steps // 5, resume=number > 0, **options)
        done += more
        if found is not None:
            break
    assert done == steps
    assert said(found) == said(result)
    assert len(found.ledger) == 1  # the test part was read once, at the end
    assert not list((tmp_path / "run").glob("*.pt"))


def test_a_member_that_broke_before_the_stop_is_not_forgotten(tmp_path):
    def breaks(input, target):
        return ((input - target) * 1e25).square().mean()

    options = {"trials": 4, "epochs": 2, "runs": 2, "losses": ["mse_loss", breaks], "engine": "stacked"}
    whole = losslab.tune("linear", diabetes(), **options)
    assert any("breaks has no finalist" in note and "not finite" in note for note in whole.notes)
    with pytest.raises(Stopped):
        losslab.tune("linear", diabetes(), out=tmp_path / "run", hooks=Count(stop_after=2).hooks, **options)
    again = losslab.tune("linear", diabetes(), out=tmp_path / "run", resume=True, **options)
    assert said(again) == said(whole)
    assert [trial.state for trial in again.trials if trial.loss == "breaks"] == ["failed", "failed"]


def test_a_finished_study_is_read_back_and_the_test_part_is_not_read_again(tmp_path, monkeypatch):
    first, _ = run(tmp_path / "run", **ONE_LOSS)
    monkeypatch.setattr("losslab.search.study.decide_study", None)  # would fail if it were called
    again, steps = run(tmp_path / "run", resume=True, **ONE_LOSS)
    assert steps == 0
    assert said(again) == said(first)
    assert again.best.loss.label_smoothing == first.best.loss.label_smoothing
    assert len((tmp_path / "test-readings.jsonl").read_text().splitlines()) == 1


def test_nested_splits_that_had_ended_are_not_repeated(tmp_path):
    options = {**ONE_LOSS, "trials": 4, "losses": ["cross_entropy", "focal_loss"], "nested": 3}
    whole, steps = run(**options)
    stopped, first = run(tmp_path / "run", stop_after=int(0.8 * steps), **options)
    assert stopped is None
    assert (tmp_path / "run/result.json").exists()  # the verdict of the study itself was there already
    again, second = run(tmp_path / "run", resume=True, **options)
    assert first + second == steps
    assert again.nested == whole.nested


def test_a_torn_last_line_is_trained_again(whole, tmp_path):
    options, result, steps = whole
    run(tmp_path / "run", stop_after=int(0.4 * steps), **options)
    journal = tmp_path / "run/journal.jsonl"
    content = journal.read_bytes()
    assert content.count(b"\n") > 2
    journal.write_bytes(content[:-25])
    again, _ = run(tmp_path / "run", resume=True, **options)
    assert said(again) == said(result)


def test_a_damaged_checkpoint_costs_time_and_nothing_else(whole, tmp_path):
    options, result, steps = whole
    run(tmp_path / "run", stop_after=int(0.4 * steps), **options)
    (checkpoint,) = (tmp_path / "run").glob("*.pt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:200])
    again, more = run(tmp_path / "run", resume=True, **options)
    assert more <= steps
    assert said(again) == said(result)


def test_a_checkpoint_of_an_older_version_costs_time_and_nothing_else(whole, tmp_path):
    options, result, steps = whole
    run(tmp_path / "run", stop_after=int(0.4 * steps), **options)
    (checkpoint,) = (tmp_path / "run").glob("*.pt")
    content = torch.load(checkpoint, weights_only=True)
    for name in ("format", "stopped", "notes"):
        del content[name]
    for one in content["populations"]:
        for name in ("mean", "best", "rested"):
            del one["state"][name]
    torch.save(content, checkpoint)
    again, more = run(tmp_path / "run", resume=True, **options)
    assert more <= steps
    assert said(again) == said(result)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"seed": 1}, "seed is 0 there and 1 here"),
        ({"runs": 4}, "runs is 3 there and 4 here"),
        ({"trials": 6}, "trials is 10 there and 6 here"),
        ({"losses": ["cross_entropy", "focal_loss"]}, "losses is"),
        ({"corrupt_train": 0.1}, "corrupt_train is 0.0 there and 0.1 here"),
        ({"batch_size": 32}, "batch_size is 64 there and 32 here"),
        ({"metric": "macro_f1"}, 'metric is "accuracy" there and "macro_f1" here'),
        ({"margin": 0.05}, "margin is 0.01 there and 0.05 here"),
    ],
)
def test_a_folder_of_another_study_is_refused_and_the_difference_named(changed, named, tmp_path):
    run(tmp_path / "run", stop_after=6, **ONE_LOSS)
    with pytest.raises(ValueError, match=f"run holds another study: .*{named}"):
        run(tmp_path / "run", resume=True, **{**ONE_LOSS, **changed})


def test_a_folder_with_a_study_is_refused_without_resume(tmp_path):
    run(tmp_path / "run", stop_after=6, **ONE_LOSS)
    before = (tmp_path / "run/journal.jsonl").read_bytes()
    with pytest.raises(ValueError, match="run holds a study already: --resume goes on with it, or choose another"):
        run(tmp_path / "run", **ONE_LOSS)
    assert (tmp_path / "run/journal.jsonl").read_bytes() == before


def test_other_data_in_the_same_folder_is_refused(tmp_path):
    run(tmp_path / "run", stop_after=6, **ONE_LOSS)
    X, y = iris()
    X[7, 2] += 0.1
    with pytest.raises(ValueError, match=r'holds another study: data is "data .*" there and "data'):
        losslab.tune("mlp:8", (X, y), out=tmp_path / "run", resume=True, **ONE_LOSS)


@pytest.mark.parametrize("at", [2, 4, 6])
def test_a_full_disk_is_said_and_the_study_goes_on_when_there_is_room(at, whole, tmp_path, monkeypatch):
    options, result, steps = whole
    calls, sync = 0, os.fsync

    def full(handle):
        nonlocal calls
        calls += 1
        if calls >= at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        run(tmp_path / "run", **options)
    monkeypatch.undo()
    lines = (tmp_path / "run/journal.jsonl").read_bytes().splitlines()
    assert all(json.loads(line) for line in lines)
    again, more = run(tmp_path / "run", resume=at > 1 and bool(lines), **options)
    assert more <= steps
    assert said(again) == said(result)


def test_a_full_disk_while_the_result_is_written_loses_no_training(tmp_path, monkeypatch):
    import losslab.search.tune as module

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "result.json")

    monkeypatch.setattr(module, "write_result", full)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path / "run", **ONE_LOSS)
    monkeypatch.undo()
    again, steps = run(tmp_path / "run", resume=True, **ONE_LOSS)
    assert steps == 0
    assert again.verdict
    assert len(again.ledger) == 1


def words(folder, *options):
    """A search of `losslab tune` that is long enough to be disturbed."""
    return [
        *("tune", "digits", "--trials", "16", "--epochs", "40", "--runs", "3", "--out", str(folder)),
        *("--losses", "cross_entropy,focal_loss", "--model", "mlp:16", *options),
    ]


def process(folder):
    return subprocess.Popen(
        [sys.executable, "-m", "losslab.cli.main", *words(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def wait_for_a_rung(folder, running):
    """Until the journal has a rung, so that the process is in mid-search."""
    journal, end = folder / "journal.jsonl", time.monotonic() + 60
    while not (journal.exists() and journal.read_bytes().count(b'"kind":"rung"')):
        assert running.poll() is None, running.stderr.read()
        assert time.monotonic() < end, "no rung was written"
        time.sleep(0.01)


def test_a_killed_process_loses_no_finished_trial(tmp_path):
    folder = tmp_path / "run"
    running = process(folder)
    wait_for_a_rung(folder, running)
    running.kill()
    running.communicate()
    assert running.returncode == -signal.SIGKILL
    before = (folder / "journal.jsonl").read_bytes()
    again = CliRunner().invoke(app, words(folder, "--resume"))
    assert again.exit_code == 0, again.output
    assert "VERDICT" in again.output
    assert (folder / "journal.jsonl").read_bytes().startswith(before[: before.rindex(b"\n") + 1])
    result = json.loads((folder / "result.json").read_text())
    assert [trial["number"] for trial in result["trials"]] == list(range(16))
    written = [json.loads(line) for line in before.splitlines()[1:] if line.endswith(b"}")]
    for number, value in written[0]["values"].items():
        assert result["trials"][int(number)]["curve"][0] == [written[0]["epoch"], value]


def test_ctrl_c_stops_at_the_next_step_and_says_how_to_go_on(tmp_path):
    folder = tmp_path / "a run"
    running = process(folder)
    wait_for_a_rung(folder, running)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in out + err
    assert f"kept in {folder}/; go on with:\n  losslab tune digits" in err
    assert err.rstrip().endswith("--resume")
    assert f"'{folder}'" in err  # the space in the name is quoted
