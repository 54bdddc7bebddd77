"""`losslab runs`: what a list says of runs of every state, and how two are compared."""

import json
import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from losslab.cli.main import app
from losslab.report.store import read_result, write_result
from losslab.search.journal import Journal
from losslab.search.result import Row, TuneData

OLDER = Path(__file__).parent / "result_of_an_older_version.json"


def say(*words, status=0):
    result = CliRunner().invoke(app, ["runs", *map(str, words)])
    assert result.exit_code == status, result.output
    return result.output


def data(**more):
    rows = [Row("cross_entropy", test=0.95, params={"label_smoothing": 0.1}), Row("focal_loss", test=0.9)]
    rows.append(Row("cross_entropy", role="untuned", test=0.8))
    return TuneData(
        data="iris: 150 rows", metric="accuracy", default="cross_entropy", winner="cross_entropy", verdict="Keep.",
        table=rows, versions={"losslab": "0.1.0"}, seed=1, **more,
    )  # fmt: skip


def put(folder, result, when):
    folder.mkdir()
    path = write_result(result, folder / "result.json")
    os.utime(path, (when, when))
    return folder


@pytest.fixture
def runs(tmp_path):
    put(tmp_path / "first", data(), 1_000_000)
    put(tmp_path / "second", data(verdict_kind="better"), 2_000_000)
    put(tmp_path / "stopped", data(status="interrupted"), 1_500_000)
    with Journal(tmp_path / "killed" / "journal.jsonl", {"data": "wine abc", "metric": "ece", "trials": 64}):
        pass
    (tmp_path / "no run").mkdir()
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "result.json").write_text('{"version": 1, "task"')
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "result.json").write_text('{"version": 99}')
    return tmp_path


def test_the_newest_comes_first_and_every_state_is_said(runs):
    rows = json.loads(say(runs, "--json"))
    dated = [row["name"] for row in rows if row["name"] in ("first", "second", "stopped")]
    assert dated == ["second", "stopped", "first"]
    by_name = {row["name"]: row for row in rows}
    assert by_name["second"]["verdict"] == "better"
    assert (by_name["second"]["winner"], by_name["second"]["test"]) == ("cross_entropy", 0.95)
    assert by_name["stopped"]["status"] == "interrupted"
    assert by_name["stopped"]["winner"] is None
    killed = by_name["killed"]
    assert (killed["status"], killed["data"], killed["metric"], killed["trials"]) == ("interrupted", "wine", "ece", 64)
    assert "no run" not in by_name


def test_damaged_and_newer_results_are_a_line_in_words(runs):
    text = say(runs)
    torn = next(line for line in text.splitlines() if line.startswith("torn"))
    later = next(line for line in text.splitlines() if line.startswith("later"))
    assert "cut short" in torn
    assert "version 99" in later
    assert text.splitlines()[0].split()[:3] == ["name", "date", "data"]


def test_one_run_alone_and_no_runs(runs, tmp_path):
    assert [row["name"] for row in json.loads(say(runs / "first", "--json"))] == ["first"]
    assert "no runs in" in say(runs / "no run")
    assert "no folder" in say(tmp_path / "nowhere", status=2)
    assert "3 folders" in say("a", "b", "c", status=2)


def test_two_runs_side_by_side(runs):
    changed = data()
    changed.seed, changed.table[0].test, changed.table[0].params = 2, 0.97, {"label_smoothing": 0.2}
    put(runs / "third", changed, 3_000_000)
    found = json.loads(say(runs / "first", runs / "third", "--json"))
    assert found["settings"] == {"seed": [1, 2]}
    assert found["result"] == {
        "cross_entropy: test": [0.95, 0.97], "cross_entropy: parameters.label_smoothing": [0.1, 0.2],
    }  # fmt: skip
    text = say(runs / "first", runs / "third")
    assert "untuned" not in text
    assert [line.split() for line in text.splitlines() if line.startswith("seed")] == [["seed", "1", "2"]]
    assert "settings: no difference" in say(runs / "first", runs / "second")


def test_a_result_of_an_older_version_is_read(tmp_path):
    (tmp_path / "old").mkdir()
    shutil.copy(OLDER, tmp_path / "old" / "result.json")
    content = json.loads(OLDER.read_text())
    assert not {"status", "metrics", "importance", "budget"} & set(content)
    found = read_result(tmp_path / "old")
    assert found.status == "finished"
    assert found.table[0].thresholds == {}
    assert (found.metrics, found.importance, found.budget) == ({}, {}, "")
    row = json.loads(say(tmp_path, "--json"))[0]
    assert (row["status"], row["winner"], row["trials"]) == ("finished", "cross_entropy", 4)


def test_names_cannot_steer_the_terminal(tmp_path):
    put(tmp_path / "run", data(model="x"), 1)
    odd = data()
    odd.data = "evil\x1b[31m: 3 rows"
    put(tmp_path / "odd", odd, 2)
    assert "\x1b" not in say(tmp_path)
