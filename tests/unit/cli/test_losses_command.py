"""losslab losses: the list, its filters, one loss, and losses for a column."""

import pytest
from typer.testing import CliRunner

import losslab
from losslab.cli.losses import show
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
    assert "  not searched  " in found["msle_loss"]
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


@pytest.fixture
def terminal(monkeypatch, capsys):
    """What `show` prints on a terminal of so many columns."""

    def shown(columns, **wanted):
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
        show(list(losslab.losses().filter(**wanted).values()))
        return capsys.readouterr().out.splitlines()

    return shown


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_on_a_terminal_losses_stand_by_task_and_lines_fit(terminal, columns):
    printed = terminal(columns)
    assert max(map(len, printed)) < columns
    headings = [line for line in printed if line and line[0].isalpha() and "." not in line]
    assert headings[:3] == ["regression", "binary", "binary, multiclass"]
    assert headings[-1] == "sequence"
    named = {line[2:].split()[0] for line in printed if line[:1] in ("*", "+", " ") and line[2:3].strip()}
    assert named >= set(losslab.losses())
    assert f"{len(losslab.losses())} losses." in "\n".join(printed[-5:])


def test_marks_say_how_a_search_takes_a_loss(terminal):
    printed = terminal(120, task="regression")
    assert any(line.startswith("* huber_loss ") for line in printed)
    assert any(line.startswith("+ cauchy_loss ") for line in printed)
    assert any(line.startswith("  msle_loss ") for line in printed)


def test_what_it_is_stands_beside_the_name_or_below_it(terminal):
    summary = losslab.losses()["mse_loss"].summary
    assert f"* mse_loss  {summary}" in "\n".join(terminal(120, task="regression", best_constant="mean"))
    wide = terminal(80, task="segmentation")
    assert wide[wide.index("  jaccard_loss") + 1].startswith("      One minus intersection")


@pytest.mark.parametrize("task", sorted({task for record in losslab.losses().values() for task in record.tasks}))
def test_every_task_can_be_asked_for_and_stands_in_the_help(task):
    assert lines("--task", task)
    assert task in run("--help").output


def test_a_loss_of_several_tensors_is_explained():
    text = run("dice").output
    assert text.startswith("dice_loss: segmentation; not searched: its targets are a class for each pixel")
    assert "weight: (C,), numbers in [0, inf) (may be left out)" in text
    assert "target: (N, ...), class indices (integers) from 0 to C - 1, or probabilities with a dimension C\n" in text
    assert """classes (default 'all'): "all" or "present"\n""" in text
    assert "mask (default None): bool tensor (N, ...); True keeps" in text
