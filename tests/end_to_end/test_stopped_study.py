"""A study that was stopped: what had ended is written and read, and resume puts the whole result in its place."""

import errno
import importlib
import json

import pytest
from small_studies import SMALL, iris, said

import losslab
from losslab.report.store import read_result
from losslab.search.options import Hooks
from losslab.train.loop import Stopped

# Stacked: how often native training asks whether to stop is up to the clock.
TWO_BATCHES = {**SMALL, "trials": 40, "sampler": "random", "seed": 3, "engine": "stacked"}


def after(steps):
    """Hooks that ask for a stop after so many questions."""
    asked = iter(range(10**9))
    return Hooks(stop=lambda: next(asked) >= steps)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return losslab.tune("linear", iris(), **TWO_BATCHES, out=tmp_path_factory.mktemp("whole") / "run")


def steps_of(out=None):
    """How often a study asks whether it shall stop."""
    count = [0]

    def ask():
        count[0] += 1
        return False

    losslab.tune("linear", iris(), **TWO_BATCHES, out=out, hooks=Hooks(stop=ask))
    return count[0]


def stopped(out, steps):
    with pytest.raises(Stopped):
        losslab.tune("linear", iris(), **TWO_BATCHES, out=out, hooks=after(steps))


def test_what_had_ended_is_written_and_resume_gives_the_whole(whole, tmp_path):
    out = tmp_path / "run"
    stopped(out, steps_of() - 2)  # in the retrainings
    part = read_result(out)
    assert part.status == "interrupted"
    assert part.table == []
    assert [trial.number for trial in part.trials] == list(range(40))
    assert part.verdict == "Interrupted: 40 of 40 trials had ended, so there is no verdict."
    page = (out / "report.html").read_text()
    assert "interrupted" in page
    assert not (out / "best_loss.py").exists()

    result = losslab.tune("linear", iris(), **TWO_BATCHES, out=out, resume=True)
    assert said(result) == said(whole)
    assert read_result(out).status == "finished"
    assert (out / "best_loss.py").exists()
    again = losslab.tune("linear", iris(), **TWO_BATCHES, out=out, resume=True, hooks=after(0))
    assert again.table == result.table  # read back: nothing asked, nothing trained


def test_stopped_in_the_search_only_trials_that_ended_are_told(whole, tmp_path):
    out = tmp_path / "run"
    stopped(out, 3)  # in the second epoch, to which the best third of each loss came
    content = json.loads((out / "result.json").read_text())
    assert 20 <= len(content["trials"]) < 40
    known = {trial.number: trial for trial in whole.trials}
    for trial in content["trials"]:
        assert trial["state"] != "running"
        assert trial["value"] == known[trial["number"]].value
    assert said(losslab.tune("linear", iris(), **TWO_BATCHES, out=out, resume=True)) == said(whole)


def test_a_study_that_fell_in_the_first_step_leaves_no_result(tmp_path):
    stopped(tmp_path / "run", 0)
    assert not (tmp_path / "run" / "result.json").exists()


def test_a_full_disk_keeps_what_was_finished(whole, tmp_path, monkeypatch):
    """The journal's third write finds no room; what came before is kept, told, and gone on with."""
    from losslab.search import journal

    out, writes, write = tmp_path / "run", [], journal.append_lines

    def full(file, path, records):
        writes.append(path)
        if len(writes) == 3:
            raise OSError(errno.ENOSPC, "No space left on device; what was written before is kept", str(path))
        write(file, path, records)

    with monkeypatch.context() as patched:
        patched.setattr(journal, "append_lines", full)
        with pytest.raises(OSError, match="kept"):
            losslab.tune("linear", iris(), **TWO_BATCHES, out=out)
    assert json.loads((out / "result.json").read_text())["status"] == "interrupted"
    assert said(losslab.tune("linear", iris(), **TWO_BATCHES, out=out, resume=True)) == said(whole)


def test_no_room_for_the_partial_result_hides_no_error(tmp_path, monkeypatch):
    def no_room(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(importlib.import_module("losslab.search.tune"), "write_page", no_room)
    stopped(tmp_path / "run", 9)
    assert not (tmp_path / "run" / "result.json").exists()
