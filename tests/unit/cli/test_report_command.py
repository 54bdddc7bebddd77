"""`losslab report` of one run and of several."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.append(str(Path(__file__).parents[1] / "report"))
import report_examples

from losslab.cli.main import app
from losslab.report.store import write_result


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = {"digits-1": report_examples.digits(), "digits-2": report_examples.equivalent(),
             "other": report_examples.diabetes(), "stopped": report_examples.interrupted()}  # fmt: skip
    for name, data in found.items():
        write_result(data, tmp_path / name / "result.json")
    return tmp_path


def report(*arguments):
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


def test_one_run_is_written_beside_its_result(runs):
    told = report("digits-1")
    assert told.exit_code == 0
    assert "wrote    digits-1/  report.html" in told.output
    assert (runs / "digits-1" / "report.html").stat().st_size > 1e6
    assert report("digits-1/result.json", "--out", "a.html").exit_code == 0
    assert (runs / "a.html").exists()


def test_a_stopped_run_says_so_and_how_to_go_on(runs):
    told = report("stopped")
    assert "STOPPED  There is no verdict" in told.output
    assert "losslab tune digits --out stopped --resume" in (runs / "stopped" / "report.html").read_text("utf-8")


def test_two_runs_come_on_one_page(runs):
    told = report("digits-1", "digits-2")
    assert told.exit_code == 0, told.output
    assert told.output.index("-- digits-1 ---") < told.output.index("-- digits-2 ---")
    assert "compare-digits-1-digits-2.html" in told.output
    assert "cannot be compared" not in told.output
    assert (runs / "compare-digits-1-digits-2.html").exists()
    told = report("digits-1", "other", "--out", "two.html")
    assert "They differ in the metric, so their numbers cannot be compared" in told.output
    assert (runs / "two.html").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["digits-1", "digits-1"], "given twice"),
        (["digits-1", "digits-2", "other", "stopped"], "4 results; two or three"),
        (["digits-1", "nowhere\x1b[2J"], "no result at nowhere?[2J;"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(runs, given, said):
    told = report(*given)
    assert told.exit_code == 2
    assert said in told.output.replace("\n", " ")
    assert "\x1b" not in told.output
    assert not list(runs.glob("compare-*"))
