"""From a file of mixed types to predictions of new rows in another process."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import losslab

ASKED = {"target": "left", "group": "shop", "losses": ["hinge_loss"], "trials": 4, "runs": 2, "epochs": 4,
         "metric": "balanced_accuracy"}  # fmt: skip


def table(rows, seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "age": rng.normal(40, 9, rows).round(1), "city": rng.choice(["Rome", "Oslo", "Bonn"], rows),
        "zip": [f"z{i}" for i in rng.integers(0, 28, rows)], "member": rng.random(rows) < 0.4,
        "joined": (pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 700, rows), "D")).strftime("%Y-%m-%d"),
        "shop": rng.integers(0, 40, rows), "price": rng.lognormal(2, 1, rows).round(2),
    })  # fmt: skip
    score = (frame.age - 40) / 9 + 2 * (frame.city == "Rome") - 1.5 * frame.member
    frame["left"] = np.where(score + rng.normal(size=rows) > 0.5, "yes", "no")
    for column in ("age", "city", "joined"):
        frame.loc[rng.random(rows) < 0.1, column] = None
    return frame


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict")
    table(300, 1).to_csv(folder / "customers.csv", index=False)
    result = losslab.tune("mlp:8", folder / "customers.csv", **ASKED, out=folder / "run")
    new = table(40, 2).drop(columns=["left", "shop"])
    new.loc[0, "zip"], new.loc[1, ["age", "city", "zip"]] = "elsewhere", None
    new = new[[*reversed(new.columns)]].assign(extra="x")
    new.to_csv(folder / "new.csv", index=False)
    return folder, result


def predict(folder, *more):
    command = [sys.executable, "-m", "losslab.cli.main", "predict", "run", *more]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def test_another_process_says_the_same(study):
    folder, result = study
    wanted = result.predict(folder / "new.csv")
    ran = predict(folder, "new.csv")
    assert ran.returncode == 0, ran.stderr
    found = pd.read_csv(folder / "run" / "predictions-new.csv", dtype=str)
    assert list(found) == list(wanted)
    assert found["prediction"].tolist() == wanted["prediction"].tolist()
    for column in list(wanted)[1:]:
        assert [float(text) for text in found[column]] == wanted[column].tolist()
    assert "not used by the model and left out: extra" in ran.stdout
    assert "column zip: 1 value that the model does not know (elsewhere)" in ran.stdout
    assert "... and 30 rows more" in ran.stdout
    assert "run/predictions-new.csv" in ran.stdout


def test_the_file_and_the_frame_in_another_order_say_the_same(study):
    folder, result = study
    frame = pd.read_csv(folder / "new.csv")
    turned = frame.iloc[::-1]
    found = losslab.load_model(folder / "run").predict(turned)
    assert found.index.tolist() == turned.index.tolist()
    wanted = result.predict(frame)
    pd.testing.assert_frame_equal(found.sort_index(), wanted, rtol=1e-6)


def test_mistakes_are_told_in_a_paragraph(study, tmp_path):
    folder, _ = study
    pd.read_csv(folder / "new.csv").drop(columns="age").to_csv(tmp_path / "less.csv", index=False)
    ran = predict(folder, str(tmp_path / "less.csv"))
    assert ran.returncode == 2
    assert "no column 'age', which the model was trained on" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (folder / "run" / "predictions-less.csv").exists()
    elsewhere = predict(folder, "new.csv", "--out", str(tmp_path / "deep" / "found.csv"))
    assert (elsewhere.returncode, len(pd.read_csv(tmp_path / "deep" / "found.csv"))) == (0, 40)
    assert "written as .csv" in predict(folder, "new.csv", "--out", "found.txt").stderr


def test_a_study_without_a_folder_trains_the_winner_when_it_is_asked(study):
    folder, result = study
    again = losslab.tune("mlp:8", folder / "customers.csv", **ASKED)
    assert "trained" not in vars(again)
    new = pd.read_csv(folder / "new.csv")
    assert again.predict(new).equals(result.predict(new))
    assert again.trained.threshold == result.trained.threshold


def test_the_threshold_is_the_one_of_this_model(study):
    """Labels are its own scores cut at its threshold, which a plain 0 is not."""
    folder, result = study
    saved = result.trained
    new = folder / "new.csv"
    plain = losslab.load_model(folder / "run")
    plain.threshold = None
    shifted = losslab.load_model(folder / "run")
    shifted.threshold = [-1e9]
    assert set(shifted.predict(new)["prediction"]) == {"yes"}
    assert saved.metric == "balanced_accuracy"
    assert set(plain.predict(new)["prediction"]) <= {"yes", "no"}
