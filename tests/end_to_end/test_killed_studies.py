"""A study of a table, killed at any moment: no finished trial is lost, and the end is that of one left alone."""

import json
import os
import random
import re
import shutil
import signal

import pytest
from process_studies import after, ended, mixed_table, said_by, start

KILLS = int(os.environ.get("LOSSLAB_KILLS", "5"))
SETTINGS = (
    "--target", "y", "--weight", "weight", "--group", "site", "--drop", "spare", "--trials", "12", "--runs", "2",
    "--losses", "cross_entropy,focal_loss", "--epochs", "3,5", "--model", "mlp:4", "--dropout", "0,0.2", "--patience",
    "2", "--engine", "stacked", "--sampler", "random",
)  # fmt: skip
WORDS = ("tune", "rows.csv", "--out", "run", *SETTINGS)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A folder in which a study ran that nobody disturbed."""
    folder = tmp_path_factory.mktemp("alone")
    mixed_table(folder / "rows.csv")
    status, said = ended(folder, WORDS)
    assert status == 0, said
    return folder


@pytest.fixture
def folder(alone, tmp_path):
    shutil.copy(alone / "rows.csv", tmp_path)
    return tmp_path


def found(folder):
    """What a study found, without how long it took, how it was called, and when the test part was read."""
    result = json.loads((folder / "run/result.json").read_text())
    return {name: value for name, value in result.items() if name not in ("seconds", "command", "ledger")}


def files(folder):
    return {name: (folder / "run" / name).read_bytes() for name in ("best_loss.py", "model.safetensors", "model.json")}


def names(folder):
    """What lies in the run's folder; Optuna breaks a lock that a kill left behind by itself."""
    return sorted(path.name for path in (folder / "run").iterdir() if path.name != "optuna.log.lock")


def words_now(folder):
    """With --resume where there is something to go on with."""
    return (*WORDS, *["--resume"] * (folder / "run/journal.jsonl").exists())


def lines_of(journal):
    """Whole lines, the last of which may be torn."""
    content = journal.read_bytes() if journal.exists() else b""
    return content[: content.rfind(b"\n") + 1]


def test_killed_again_and_again_nothing_is_lost(alone, folder):
    draw, known, kills = random.Random(11), b"", 0
    while kills < KILLS:
        running = start(folder, words_now(folder))
        alive = after(draw.randint(1, 4), folder / "run", running, draw.random() * 0.03)
        running.kill()
        said = said_by(running)
        assert running.exitcode in (-9, 0), said
        lines = lines_of(folder / "run/journal.jsonl")
        assert lines.startswith(known)
        known, kills = lines, kills + 1
        if not alive:
            break
    for name in (".model.safetensors.4711", ".report.html.4711", "search-0.new"):  # as a kill while they were written
        (folder / "run" / name).touch()
    status, said = ended(folder, words_now(folder))
    assert status == 0, said
    assert lines_of(folder / "run/journal.jsonl").startswith(known)
    assert found(folder) == found(alone)
    assert files(folder) == files(alone)
    assert [path for path in names(folder) if path not in names(alone)] == []


def test_a_polite_kill_leaves_a_report_and_resume_puts_the_whole_one_in_its_place(alone, folder):
    running = start(folder, WORDS)
    assert after(4, folder / "run", running)
    os.kill(running.pid, signal.SIGTERM)
    said = said_by(running)
    assert running.exitcode == 130, said
    assert "run/report.html shows what was found so far." in said
    assert json.loads((folder / "run/result.json").read_text())["status"] == "interrupted"
    status, told = ended(folder, ("report", "run"))
    assert (status, "STOPPED  There is no verdict" in told) == (0, True), told
    status, told = ended(folder, ("runs", "."))
    assert (status, "interrupted" in told) == (0, True), told
    status, said = ended(folder, (*WORDS, "--resume"))
    assert status == 0, said
    assert found(folder) == found(alone)
    assert files(folder) == files(alone)
    assert "interrupted" not in ended(folder, ("runs", "."))[1]


def test_killed_after_the_end_leaves_nothing_lying_about(alone, folder):
    shutil.copytree(alone / "run", folder / "run")
    (folder / "run/search-0.pt").touch()
    status, said = ended(folder, (*WORDS, "--resume"))
    assert status == 0, said
    assert names(folder) == names(alone)
    assert found(folder) == found(alone)


@pytest.mark.parametrize("most", [1_000, 3_000, 40_000])
def test_a_disk_that_takes_no_more_is_said_and_loses_nothing(most, alone, folder):
    """No file may grow past so many bytes: the journal, a checkpoint, or the report is the first that cannot."""
    status, said = ended(folder, WORDS, most=most)
    assert status == 2, said
    assert "Traceback" not in said
    assert re.search(r"losslab: .*run/\S+: .*File too large", said)
    lines = lines_of(folder / "run/journal.jsonl")
    status, said = ended(folder, words_now(folder))
    assert status == 0, said
    assert lines_of(folder / "run/journal.jsonl").startswith(lines)
    assert found(folder) == found(alone)
    assert files(folder) == files(alone)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (("--drop", "spare,day"), r'drop is \["spare"\] there and \["day", "spare"\] here'),
        (("--weight", "other_weight"), 'weight is "weight" there and "other_weight" here'),
        (("--group", "day"), 'group is "site" there and "day" here'),
    ],
)
def test_other_columns_are_another_study(changed, named, alone, folder):
    shutil.copytree(alone / "run", folder / "run")
    before = lines_of(folder / "run/journal.jsonl")
    option = WORDS.index(changed[0])
    status, said = ended(folder, (*WORDS[:option], *changed, *WORDS[option + 2 :], "--resume"))
    assert status == 2, said
    assert re.search(rf"run holds another study: .*{named}", said)
    assert lines_of(folder / "run/journal.jsonl") == before
