"""The commands as a person runs them: what they print and what they write."""

import json
import re
import subprocess
import sys

import pandas as pd
import pytest
from sklearn.datasets import load_iris
from small_studies import diabetes, two_classes
from typer.testing import CliRunner

import losslab
from losslab.cli import folders
from losslab.cli.main import app
from losslab.cli.people import listed, numbers
from losslab.data.load import load
from losslab.data.split import split

SMALL_WORDS = ("--trials", "8", "--epochs", "2", "--runs", "2", "--model", "linear")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def losslab_says(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


def test_tune_prints_the_way_from_data_to_verdict_and_writes_three_files(folder):
    output = losslab_says("tune", "iris", *SMALL_WORDS, "--losses", "cross_entropy,focal_loss")
    order = ["data ", "task ", "split ", "plan ", "search ", "confirm ", "cross_entropy", "VERDICT", "wrote "]
    places = [output.index(word) for word in order]
    assert places == sorted(places)
    assert {path.name for path in (folder / "runs/iris-1").iterdir()} == {
        "report.html", "result.json", "best_loss.py", "journal.jsonl", "optuna.log", "model.json", "model.safetensors",
    }  # fmt: skip


def test_runs_are_numbered_and_resume_takes_the_last(folder):
    words = ("tune", "iris", *SMALL_WORDS, "--losses", "cross_entropy,focal_loss")
    losslab_says(*words)
    losslab_says(*words, "--seed", "1")
    assert sorted(path.name for path in (folder / "runs").glob("iris-*")) == ["iris-1", "iris-2"]
    output = losslab_says(*words, "--seed", "1", "--resume")
    assert "search   #" not in output  # it had ended: nothing is trained
    assert "iris-2" in output


def test_the_command_line_and_python_agree(folder):
    output = losslab_says("tune", "diabetes", *SMALL_WORDS, "--losses", "mse,huber", "--out", "run", "--metric", "mae")
    content = json.loads((folder / "run/result.json").read_text())
    again = losslab.tune("linear", "diabetes", metric="mae", trials=8, epochs=2, runs=2, losses=["mse", "huber"])
    for one, two in zip(content["table"], again.table, strict=True):
        assert one["loss"] == two.loss
        assert one["test"] == pytest.approx(two.test, rel=1e-4)
    assert " ".join(content["verdict"].split()[:3]) in " ".join(output.split())
    assert content["command"].startswith("losslab")


def test_a_file_with_its_parts(folder):
    X, y = diabetes()
    frame = pd.DataFrame(X[:, :3], columns=["age", "sex", "bmi"]).assign(progress=y)
    frame[:300].to_csv("train.csv", index=False)
    frame[300:370].to_csv("validation.csv", index=False)
    frame[370:].to_csv("test.csv", index=False)
    words = ("--target", "progress", "--validation", "validation.csv", "--test", "test.csv", "--out", "run")
    losslab_says("tune", "train.csv", *SMALL_WORDS, "--losses", "mse,l1", *words)
    split = json.loads((folder / "run/result.json").read_text())["split"]
    assert (split["train"], split["validation"], split["test"]) == (300, 70, 72)


def test_several_values_are_searched(folder):
    words = ("--optimizers", "sgd,adamw", "--batch-size", "32,64", "--epochs", "1,2", "--trials", "24", "--out", "run")
    losslab_says("tune", "iris", *SMALL_WORDS, "--losses", "cross_entropy", *words)
    optimizers = [trial["optimizer"] for trial in json.loads((folder / "run/result.json").read_text())["trials"]]
    assert {one["name"] for one in optimizers} == {"sgd", "adamw"}
    assert {one["batch_size"] for one in optimizers} == {32, 64}
    assert {one["epochs"] for one in optimizers} == {1, 2}


def test_nested_is_shown_and_corruption_is_said(folder):
    words = ("--nested", "2", "--corrupt-train", "0.2", "--out", "run")
    output = losslab_says("tune", "iris", *SMALL_WORDS, "--losses", "cross_entropy,focal_loss", *words)
    assert re.search(r"nested +#+ +2/2", output)
    assert "20 %" in output


def test_the_report_is_written_again(folder):
    losslab_says("tune", "iris", *SMALL_WORDS, "--losses", "cross_entropy,focal_loss", "--out", "run")
    page = folder / "run/report.html"
    page.unlink()
    output = losslab_says("report", "run")
    assert "VERDICT" in output
    assert "focal_loss" in page.read_text()
    losslab_says("report", "run/result.json", "--include-rows")


def test_compare(folder):
    output = losslab_says(
        "compare", "iris", "--losses", "focal_loss", "--epochs", "2", "--seeds", "2", "--model", "linear"
    )
    assert "2 losses at their defaults" in output
    assert "VERDICT" in output
    assert not (folder / "runs").exists()


def test_fit_prints_a_line_for_each_epoch(folder):
    lines = losslab_says("fit", "iris", "--epochs", "3", "--loss", "focal", "--model", "linear").splitlines()
    assert lines[0].split() == ["epoch", "focal_loss", "accuracy"]
    assert [line.split()[0] for line in lines[1:4]] == ["1", "2", "3"]
    result = losslab.fit("linear", "iris", epochs=3, loss="focal_loss", lr=1e-3)
    assert [float(line.split()[1]) for line in lines[1:4]] == pytest.approx(
        [line["loss"] for line in result.history], abs=1e-4
    )
    assert lines[4:] == [f"engine: {result.engine}"]


def test_fit_says_the_engine_that_was_asked_for():
    assert losslab_says("fit", "iris", "--epochs", "1", "--engine", "single").splitlines()[-1] == (
        "engine: single (as asked)"
    )


def test_fit_takes_a_schedule_goes_on_from_a_checkpoint_and_saves(folder):
    words = ("fit", "iris", "--model", "mlp:4", "--schedule", "cosine", "--warmup", "0.2", "--ema", "0.9")
    whole = losslab_says(*words, "--epochs", "4", "--out", "whole")
    assert "losslab predict whole FILE" in whole
    constant = losslab_says("fit", "iris", "--model", "mlp:4", "--epochs", "4")
    assert constant.splitlines()[4] != whole.splitlines()[4]
    result = losslab.fit("mlp:4", "iris", schedule="cosine", warmup=0.2, ema=0.9, epochs=4, lr=1e-3)
    assert float(whole.splitlines()[4].split()[1]) == pytest.approx(result.history[3]["loss"], abs=1e-4)
    rows = losslab.load_model("whole").predict(load_iris().data[:9])
    assert rows.equals(result.predict(load_iris().data[:9]))
    kept = ("--checkpoint", "half.pt")
    free = ("fit", "iris", "--model", "mlp:4", "--clip-norm", "0.5")
    losslab_says(*free, "--epochs", "2", *kept)
    again = losslab_says(*free, "--epochs", "4", *kept, "--resume", "--out", "again")
    assert again.replace("again", "") == losslab_says(*free, "--epochs", "4", "--out", "straight").replace(
        "straight", ""
    )
    assert (folder / "again/model.safetensors").read_bytes() == (folder / "straight/model.safetensors").read_bytes()


def test_compare_by_what_errors_cost_with_whole_groups_and_another_metric_beside(folder):
    X, y = two_classes()
    pd.DataFrame(X, columns=list("abc")).assign(site=[n % 30 for n in range(len(y))], y=y).to_csv(
        "rows.csv", index=False
    )
    output = losslab_says(
        "compare", "rows.csv", "--target", "y", "--group", "site", "--cost", "fn=9,fp=2", "--watch", "log_loss",
        "--losses", "focal_loss", "--epochs", "2", "--seeds", "2", "--model", "linear",
    )  # fmt: skip
    assert re.search(r"metric +cost, lower is better", output)
    assert re.search(r"split .*, whole groups", output)
    assert "VERDICT" in output
    parts = split(load("rows.csv", target="y", group="site"), 0)
    sites = [set((rows % 30).tolist()) for rows in (parts.train, parts.validation, parts.test)]
    assert not sites[0] & sites[1] | sites[0] & sites[2] | sites[1] & sites[2]


def test_losses_are_listed_and_explained():
    output = losslab_says("losses")
    assert all(name in output for name in losslab.losses())
    regression = losslab_says("losses", "--task", "regression")
    assert "huber_loss" in regression
    assert "cross_entropy" not in regression
    explained = losslab_says("losses", "huber_loss")
    assert all(part in explained for part in ("delta", "(0, inf)", "Formula", "Huber"))


@pytest.mark.parametrize("command", ["tune", "compare", "fit", "losses", "report"])
def test_every_command_has_help(command):
    output = losslab_says(command, "--help")
    assert len(output.splitlines()) > 5
    assert all(re.search(rf"{option}\b", output) for option in (["--target"] if command in ("tune", "fit") else []))


@pytest.mark.parametrize(
    ("data", "name"), [("iris", "iris"), ("a/b c.csv", "b-c"), ("Überschuß.csv", "Überschuß"), ("--.csv", "data")]
)
def test_names_of_folders(data, name, folder):
    assert folders.choose(data, None, False) == folders.RUNS / f"{name}-1"


def test_options_with_several_values():
    assert listed("a, b,,c ") == ["a", "b", "c"]
    assert listed(None) is None
    assert numbers("20", "--epochs") == 20
    assert numbers("10,20", "--epochs") == [10, 20]


def test_a_reader_that_has_enough_is_no_error():
    command = [sys.executable, "-m", "losslab.cli.main", "losses"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()  # as `| head` does
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait() == 0


@pytest.mark.parametrize(
    ("data", "said"), [("iris", "losslab tune my.csv"), ("t.csv", "losslab predict runs/t-1 new.csv")]
)
def test_what_to_do_next_depends_on_whose_data_it_was(folder, data, said):
    if data == "t.csv":
        rows = [f"{i},{i * 7 % 5},{'yes' if i % 3 else 'no'}" for i in range(90)]
        (folder / "t.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")
    words = [*SMALL_WORDS, *(["--target", "y"] if data == "t.csv" else [])]
    text = losslab_says("tune", data, *words, "--losses", "focal_loss")
    assert said in " ".join(text.split())
