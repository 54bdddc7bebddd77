"""losslab losses: the list, its filters, one loss, and losses for a column."""

import pytest
from typer.testing import CliRunner

import losslab
from losslab.cli.losses import shortened, show
from losslab.cli.main import app


def run(*arguments):
    return CliRunner().invoke(app, ["losses", *arguments])


def lines(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_the_list_says_of_each_loss_its_tasks_whether_it_is_searched_and_what_it_is():
    found = {line.split()[0]: line for line in lines()}
    assert set(found) == set(losslab.losses())
    assert "regression" in found["huber_loss"]
    assert "searched by default" in found["huber_loss"]
    assert "searched where named" in found["cauchy_loss"]
    assert "not searched: a regression's targets are ..." in found["msle_loss"]
    assert found["huber_loss"].endswith(losslab.losses()["huber_loss"].summary)
    assert len({line.index(losslab.losses()[name].summary) for name, line in found.items()}) == 1


def test_filters():
    assert [line.split()[0] for line in lines("--task", "regression", "--best-constant", "mean")] == ["mse_loss"]
    names = [line.split()[0] for line in lines("--task", "multiclass", "--not-convex", "--proper")]
    assert "brier_loss" in names
    assert "cross_entropy" not in names
    assert not any("not searched" in line for line in lines("--tunable"))


def test_one_loss_is_explained_with_its_facts():
    text = run("huber").output
    assert text.startswith("huber_loss: regression; searched by default\n")
    assert "Facts:\n    values in [0, inf)" in text


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "claims.csv"
    rows = [f"{k},{k * 7 % 5},{'yes' if k % 3 else 'no'},{1.1**k:.4f}" for k in range(60)]
    path.write_text("\n".join(["id,grade,paid,amount", *rows]))
    return path


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("paid", "target: yes or no, 66.7% yes"),
        ("amount", "  gamma_nll_loss"),
        ("grade", "  cross_entropy"),
    ],
)
def test_losses_for_a_column(table, column, words):
    assert words in run("--for", f"{table}:{column}").output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--task", "regresion"], "no task 'regresion'; there are: "),
        (["hubr_loss"], "nearest: huber_loss"),
        (["--best-constant", "average"], "no best_constant 'average'"),
        (["--task", "regression", "--proper"], "no loss of the catalogue is all of this"),
        (["huber_loss", "--convex"], "give one of the three"),
        (["--for", "claims.csv"], "table.csv:column is wanted"),
        (["--for", "nowhere.csv:y"], "no file nowhere.csv"),
    ],
)
def test_wrong_input_is_told_in_one_paragraph(arguments, words):
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.output + getattr(result, "stderr", "")


def test_a_column_that_is_not_there(table):
    assert "no column 'paied'; nearest: paid" in run("--for", f"{table}:paied").output


def test_long_reasons_end_between_words():
    assert shortened("as short as this") == "as short as this"
    assert shortened("one two three four", width=12) == "one two ..."


@pytest.mark.parametrize("columns", ["60", "120"])
def test_on_a_terminal_a_table_keeps_names_whole(monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    show(list(losslab.losses().filter(task="binary", convex=True, lipschitz=True).values()))
    printed = capsys.readouterr().out
    assert "what it is" in " ".join(printed.split()) or columns == "60"
    assert "binary_cross_entropy_with_logits" in printed
    assert "───" in printed
