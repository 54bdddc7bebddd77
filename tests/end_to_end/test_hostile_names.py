"""A table whose columns, classes and file are called what would run, break out or hide, from file to prediction."""

import json
import os
import re
import runpy

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from losslab.cli.main import app

SCRIPT = "<script>document.title = 'run'</script>"
COLUMNS = [
    SCRIPT, "q\"uo'te", "new\nline", "\u202egnp.exe", "{{7*7}}", "{% raw %}", "$x$", "../../up", "back\\", "--> <!--",
    '"""\nimport os\n"""', "\x1b[2J",
]  # fmt: skip
WORDS = ["<img src=x onerror=alert(1)>", "{{7*7}}", "\u202eabc", "a\nb", "=1+1"]
TARGET = 'y\'; import os #\n"""'
CLASSES = ['<b>"yes"\n{{7*7}}', "../no\u202e$x$"]
FILE = "we<ird> {{7*7}} $x$ \u202e\"'.csv"
SETTINGS = ("--losses", "cross_entropy,focal_loss", "--trials", "4", "--epochs", "2", "--runs", "2", "--model", "mlp:4")


def says(*words):
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the study of such a table has run."""
    folder = tmp_path_factory.mktemp("hostile") / "here"
    folder.mkdir()
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({name: draw.normal(size=120) for name in COLUMNS})
    frame["cat<b>"] = draw.choice(WORDS, 120)
    frame[TARGET] = np.where(frame[SCRIPT] + 0.5 * draw.normal(size=120) > 0, *CLASSES)
    frame.to_csv(folder / FILE, index=False)
    before = os.getcwd()
    os.chdir(folder)
    try:
        said = says("tune", FILE, "--target", TARGET, *SETTINGS, "--engine", "stacked")
    finally:
        os.chdir(before)
    assert "VERDICT" in said
    assert not set(said) & {"\u202e", "\x1b"}
    return folder


@pytest.fixture
def run(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (made,) = [path for path in (folder / "runs").iterdir() if path.is_dir()]
    assert re.fullmatch(r"[\w-]+", made.name)
    return made


def test_nothing_is_written_elsewhere(run, folder):
    assert sorted(path.name for path in folder.iterdir()) == sorted([FILE, "runs"])
    assert [path.name for path in folder.parent.iterdir()] == ["here"]


def test_the_page_holds_no_name_as_it_was(run):
    page = (run / "report.html").read_text(encoding="utf-8")
    assert not [name for name in (SCRIPT, WORDS[0], CLASSES[0], "\u202e", "\x1b", "--> <!--") if name in page]
    assert "&lt;b&gt;" in page  # shown, but as text
    says("report", str(run))
    assert (run / "report.html").read_text(encoding="utf-8") == page


def test_the_generated_module_is_only_the_loss(run):
    made = runpy.run_path(str(run / "best_loss.py"))
    assert "os" not in made
    value = made["BestLoss"]()(torch.tensor([[1.0, -2.0]]), torch.tensor([0]))
    assert torch.isfinite(value)


def test_rows_are_predicted_with_the_names_of_the_classes(run):
    says("predict", str(run), FILE, "--out", "answers.csv")
    answers = pd.read_csv("answers.csv")
    os.remove("answers.csv")
    assert len(answers) == 120
    assert set(answers["prediction"]) <= set(CLASSES)
    assert json.loads((run / "result.json").read_text(encoding="utf-8"))["status"] == "finished"


def test_a_list_of_runs_has_a_line_for_it(run):
    heading, line = says("runs").splitlines()
    assert run.name in line
    assert not set(line) & {"\u202e", "\x1b"}
    assert len(heading.split()) > 5
