"""Every row of every table, by losslab and by the installed torch, eager and compiled."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from case_rows import Gives, Row, outcome, shown, unlike
from hard_cases import TABLES as HARD
from torch_issues import PINNED
from torch_issues import TABLES as ISSUES

import losslab
from losslab.catalog import CATALOGUE
from losslab.spec import policy

TORCHS = 1e-8  # of a denominator, torch keeps 1e-12 in float32
ROWS = {f"{table}: {row.id}": row for tables in (HARD, ISSUES) for table, rows in tables.items() for row in rows}
IN_TORCH = {name: row for name, row in ROWS.items() if row.torch_name}
COMPILED = {
    name: row
    for tables in (HARD,)
    for table, rows in tables.items()
    for row in rows
    if (name := f"{table}: {row.id}") and row.way == "eager" and isinstance(row.right, Gives) and not row.pending
}


@pytest.fixture(autouse=True)
def _anew():
    policy.forget()


@pytest.mark.parametrize("name", ROWS)
def test_losslab_is_right(name):
    row = ROWS[name]
    found = outcome(row, losslab)
    kinds = ("ValueError", "TypeError") if row.way == "eager" else ("RuntimeError",)  # all that a graph can raise
    assert isinstance(found, Gives) or found.words.startswith(kinds)
    wrong = unlike(found, row.right, row.tolerance)
    if row.pending:
        assert wrong, f"{name} is right by now: take pending= off the row"
    else:
        assert not wrong


@pytest.mark.parametrize("name", IN_TORCH)
def test_torch_gives_what_the_row_says(name):
    row = IN_TORCH[name]
    found = outcome(row, torch)
    if row.torch is None:
        assert not unlike(found, without_warning(row), row.tolerance), f"torch {torch.__version__} differs: name it"
    else:
        told = unlike(found, row.torch, max(row.tolerance, TORCHS))
        if told and not unlike(found, row.right, row.tolerance):
            told = f"torch mended {row.issue or 'this'}: drop torch= of the row {name!r}"
        assert not told


@pytest.mark.parametrize("name", [name for name, row in IN_TORCH.items() if row.torch is not None])
def test_a_difference_is_one_and_is_explained(name):
    row = IN_TORCH[name]
    assert row.why
    assert shown(row.torch) != shown(row.right)


@pytest.mark.parametrize("name", COMPILED)
def test_the_compiled_form_gives_the_same(name):
    row = COMPILED[name]
    assert not unlike(outcome(row, losslab, "compiled"), without_warning(row), row.tolerance)


@pytest.mark.parametrize("name", [name for name, row in IN_TORCH.items() if row.torch and row.way == "eager"])
def test_torch_compatible_ends_choices_and_keeps_corrections(name):
    row = IN_TORCH[name]
    rounding = 1e-3 if row.dtype in ("float16", "bfloat16") else TORCHS
    with losslab.torch_compatible():
        found = outcome(row, losslab)
    if row.compatible:
        assert row.policy, "a defect of torch's is not a choice"
        assert not unlike(found, row.torch, max(row.tolerance, rounding))
        assert isinstance(found, Gives)
        assert isinstance(row.torch, Gives)
        assert row.torch.warns or not found.warns
    elif not row.pending:
        assert not unlike(found, without_warning(row), max(row.tolerance, rounding))


def without_warning(row: Row) -> Gives:
    """A compiled loss looks at no values, so it warns of none."""
    return replace(row.right, warns="") if isinstance(row.right, Gives) else row.right


def test_the_tables_speak_of_the_torch_that_is_installed_by_make():
    makefile = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
    assert set(re.findall(r"torch==(\S+)", makefile)) == {PINNED}


def test_no_two_rows_share_a_name():
    names = Counter(f"{t}: {row.id}" for tables in (HARD, ISSUES) for t, rows in tables.items() for row in rows)
    assert max(names.values()) == 1


def test_rows_name_losses_of_the_catalogue():
    assert {row.loss for row in ROWS.values()} <= set(CATALOGUE)
