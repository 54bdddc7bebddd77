"""The table of the pages: what examples/tables/customers.py writes, and what the pages say that losslab says of it."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from typer.testing import CliRunner

from losslab.cli.main import app

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "examples" / "tables" / "customers.py"


def test_the_program_writes_the_table(tmp_path):
    ran = subprocess.run([sys.executable, PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout == "wrote customers.csv\n"
    frame = pd.read_csv(tmp_path / "customers.csv")
    assert len(frame) == 3000
    assert list(frame) == [
        "customer", "signed_up", "city", "plan", "age", "income", "has_app", "visits", "currency", "churned",
    ]  # fmt: skip
    assert frame.isna().any().to_dict() == {name: name in ("plan", "age", "income") for name in frame}
    assert frame.customer.is_unique
    assert frame.currency.nunique() == 1


def test_five_percent_of_labels_are_wrong():
    drawn = runpy.run_path(str(PROGRAM))
    right = drawn["customers"].__globals__
    assert right["WRONG"] == 0.05
    told = drawn["customers"](20_000, 1).churned
    right["WRONG"] = 0.0
    share = np.mean(told != drawn["customers"](20_000, 1).churned)
    assert 0.045 < share < 0.055


def test_the_first_page_shows_what_is_said(tmp_path, monkeypatch):
    """Everything above the search is the same, however long the search: it is in the page, word for word."""
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(PROGRAM))["customers"]().to_csv("customers.csv", index=False)
    words = ["tune", "customers.csv", "--target", "churned", "--drop", "customer"]
    few = ["--trials", "12", "--epochs", "1", "--runs", "2", "--engine", "stacked", "--losses", "sigmoid_focal_loss"]
    ran = CliRunner().invoke(app, words + few, env={"COLUMNS": "80"})
    assert ran.exit_code == 0, ran.output
    said = ran.output.split("search ")[0]
    page = (ROOT / "docs" / "getting-started.md").read_text(encoding="utf-8")
    for start in ("data ", "task ", "metric ", "split ", "note     column", "note     dates", "note     missing"):
        told = re.search(rf"^{start}.*\n( {{9}}.*\n)*", said, re.M)
        assert told is not None, said
        assert told[0] in page
