"""A saved model gives what the model in memory gives, and opening it runs no code."""

import hashlib
import json
import os
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import losslab
from losslab.data.load import load
from losslab.data.prepare import prepare
from losslab.data.split import split
from losslab.data.table import Prepared, Table
from losslab.metrics.threshold import Threshold
from losslab.train.saved import DESCRIPTION, WEIGHTS, SavedModel, load_model


def mixed(rows=80, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "size": rng.normal(3, 2, rows), "city": rng.choice(["Rome", "Oslo"], rows),
        "zip": [f"z{i % 22}" for i in range(rows)],
        "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(rows), "D"), "full": rng.normal(size=rows),
    })  # fmt: skip
    frame.loc[rng.random(rows) < 0.2, "size"] = None
    return frame


def by_hand(weight, bias=0.0, *, task="regression", link="identity", shape=(2,), **more):
    """A linear model of columns a and b, whose every number is known."""
    given = {"classes": (), "targets": (), "threshold": None, "y_mean": 0.0, "y_scale": 1.0, **more}
    weight = torch.tensor(weight)
    return SavedModel(
        "linear", "linear", shape, len(weight), {}, task, "y", given.pop("targets"), given.pop("classes"), ("a", "b"),
        (2,), {}, link, "a_loss", "a_metric",
        weights={"weight": weight, "bias": torch.full((len(weight),), bias)}, **given,
    )  # fmt: skip


ROWS = np.array([[1.0, 2], [0, -1], [3, 0]], np.float32)


def test_values_by_hand():
    """Outputs 1 a + 2 b + 0.5 are 5.5, -1.5, 3.5; times 10, plus 100."""
    saved = by_hand([[1.0, 2.0]], 0.5, y_mean=100.0, y_scale=10.0)
    assert saved.predict(ROWS).to_dict("list") == {"prediction": [155, 85, 135]}
    least = by_hand([[1.0, 2.0]], 0.5, task="count", y_scale=10.0, y_least=0.25)
    assert least.predict(ROWS)["prediction"].tolist() == [55, 0.25, 35]
    log = by_hand([[0.5, 0.0]], task="positive", link="exp", y_scale=2.0)
    assert log.predict(ROWS)["prediction"].tolist() == pytest.approx([2 * np.exp(0.5), 2, 2 * np.exp(1.5)])


def test_classes_probabilities_and_a_threshold_by_hand():
    """Scores a + b are 3, -1, 3."""
    saved = by_hand([[1.0, 1.0]], task="binary", link="sigmoid", classes=("no", "yes"))
    found = saved.predict(ROWS)
    assert list(found) == ["prediction", "probability no", "probability yes"]
    assert found["prediction"].tolist() == ["yes", "no", "yes"]
    assert found["probability yes"].tolist() == pytest.approx([0.95257413, 0.26894142, 0.95257413])
    moved = by_hand([[1.0, 1.0]], task="binary", link="sigmoid", classes=("no", "yes"), threshold=[-1.5])
    assert moved.predict(ROWS)["prediction"].tolist() == ["yes", "yes", "yes"]


def test_three_classes_with_shifts_by_hand():
    """Scores (a, b, 0): the largest of (1, 2, 0), (0, -1, 0), (3, 0, 0); with 2.5 more for the last class."""
    weight = [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    names = ("cat", "dog", "eel")
    assert by_hand(weight, task="multiclass", link="arg-max", classes=names).predict(ROWS).to_dict("list") == {
        "prediction": ["dog", "cat", "cat"]
    }
    shifted = by_hand(weight, task="multiclass", link="softmax", classes=names, threshold=[[0.0, 0.0, 2.5]])
    found = shifted.predict(ROWS)
    assert found["prediction"].tolist() == ["eel", "eel", "cat"]
    assert found.iloc[0, 1:].tolist() == pytest.approx([0.24472847, 0.66524096, 0.09003057])


def test_several_targets_by_hand():
    weight = [[1.0, 0.0], [0.0, 1.0]]
    labels = by_hand(weight, task="multilabel", link="sigmoid", targets=("hot", "wet"), threshold=[[2.0, -1.5]])
    found = labels.predict(ROWS)
    assert found["prediction hot"].tolist() == [0, 0, 1]
    assert found["prediction wet"].tolist() == [1, 1, 1]
    assert found["probability wet"].tolist() == pytest.approx([0.88079708, 0.26894142, 0.5])
    numbers = by_hand(weight, task="multioutput", targets=("up", "down"), y_mean=[1.0, 2.0], y_scale=[10.0, 100.0])
    assert numbers.predict(ROWS).to_dict("list") == {"prediction up": [11, 1, 31], "prediction down": [202, -98, 2]}


def test_an_output_that_is_no_number_has_no_class():
    saved = by_hand([[float("inf"), -float("inf")]], task="binary", link="sigmoid", classes=("no", "yes"))
    assert saved.predict(ROWS)["prediction"].tolist()[0] is None


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_saved_and_loaded_predicts_the_same(tmp_path, task):
    frame = mixed()
    y = frame["full"] + (frame["city"] == "Rome")
    frame["y"] = y if task == "regression" else np.where(y > 0, "up", "down")
    result = losslab.fit("mlp:8", frame, target="y", epochs=2)
    assert sorted(path.name for path in result.save(tmp_path)) == [DESCRIPTION, WEIGHTS]
    new = mixed(30, seed=5).rename_axis("row")
    new.loc[3, "zip"], new.loc[4, "city"], new.loc[5, "full"] = "nowhere", None, np.nan
    ours, loaded = result.predict(new), load_model(tmp_path)
    theirs = loaded.predict(new[list(reversed(new.columns))])
    assert theirs.equals(ours)
    assert list(theirs.index) == list(new.index)
    assert loaded.notes[-1] == "missing, and never so in training; filled with the training rows' mean: full (1)"
    assert "'nowhere'" not in str(ours)
    assert any("(nowhere)" in note for note in loaded.notes)
    assert np.isfinite(ours.iloc[:, -1].to_numpy(dtype=float, na_value=0) if task == "regression" else 0).all()


def test_the_training_rows_get_what_the_engine_says():
    """An oracle by another way: the network on prepared rows, and the target's unit by hand."""
    table = load("diabetes")
    result = losslab.fit("mlp:8", "diabetes", epochs=2)
    prepared = prepare(table, split(table, 0).train)
    with torch.no_grad():
        wanted = result.model(prepared.X).squeeze(1).double() * prepared.y_scale + prepared.y_mean
    assert np.allclose(result.predict(table.X.numpy())["prediction"], wanted, rtol=1e-6)
    named = pd.DataFrame(table.X.numpy(), columns=list(table.columns))
    assert np.array_equal(result.predict(named[named.columns[::-1]]), result.predict(table.X))


def test_no_rows_give_no_predictions():
    assert by_hand([[1.0, 2.0]]).predict(ROWS[:0]).shape == (0, 1)


FACTORY = """
from pathlib import Path
from torch import nn
Path(__file__).with_name("ran").touch()
def make(in_features, out_features):
    return nn.Sequential(nn.Linear(in_features, 3), nn.BatchNorm1d(3), nn.Linear(3, out_features))
"""


def test_a_file_is_imported_when_it_predicts_and_not_before(tmp_path):
    (tmp_path / "own.py").write_text(FACTORY)
    result = losslab.fit(f"{tmp_path / 'own.py'}:make", "diabetes", epochs=1)
    result.save(tmp_path / "run")
    (tmp_path / "ran").unlink()
    loaded = load_model(tmp_path / "run")
    assert not (tmp_path / "ran").exists()
    X = load("diabetes").X
    assert loaded.predict(X).equals(result.predict(X))
    assert (tmp_path / "ran").exists()


def test_an_object_has_to_be_given_again(tmp_path):
    model = nn.Sequential(nn.Linear(10, 3), nn.ReLU(), nn.Linear(3, 1))
    result = losslab.fit(model, "diabetes", epochs=1)
    result.save(tmp_path)
    X = load("diabetes").X
    with pytest.raises(ValueError, match=r"was an object in Python.*load_model\(run, model=\.\.\.\)"):
        load_model(tmp_path).predict(X)
    assert load_model(tmp_path, model=model).predict(X).equals(result.predict(X))
    with pytest.raises(ValueError, match="is not the one that was saved"):
        load_model(tmp_path, model=nn.Sequential(nn.Linear(10, 4), nn.ReLU(), nn.Linear(4, 1))).predict(X)


class Planted:
    def __reduce__(self):
        return (os.system, (f"touch {Planted.place}",))


def test_a_planted_pickle_is_not_opened(tmp_path):
    losslab.fit("linear", "diabetes", epochs=1).save(tmp_path)
    Planted.place = tmp_path / "ran"
    for name in (WEIGHTS, DESCRIPTION):
        kept = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(pickle.dumps(Planted()))
        with pytest.raises(ValueError, match="damaged"):
            load_model(tmp_path)
        (tmp_path / name).write_bytes(kept)
    content = json.loads((tmp_path / DESCRIPTION).read_text())
    planted = pickle.dumps(Planted())
    (tmp_path / WEIGHTS).write_bytes(planted)
    checksum = hashlib.sha256(json.dumps(content["model"], sort_keys=True).encode() + planted).hexdigest()
    (tmp_path / DESCRIPTION).write_text(json.dumps({**content, "checksum": checksum}))
    with pytest.raises(ValueError, match="cannot be read as safetensors"):
        load_model(tmp_path)
    assert not Planted.place.exists()


def test_damaged_files_are_refused_in_words(tmp_path):
    losslab.fit("linear", "diabetes", epochs=1).save(tmp_path)
    rng = np.random.default_rng(0)
    whole = {name: (tmp_path / name).read_bytes() for name in (WEIGHTS, DESCRIPTION)}
    for trial in range(200):
        name = (WEIGHTS, DESCRIPTION)[trial % 2]
        content = bytearray(whole[name])
        if trial % 3 == 0:
            del content[int(rng.integers(len(content) - 1)) :]
        else:
            content[int(rng.integers(len(content) - 1))] ^= 1 << int(rng.integers(8))
        (tmp_path / name).write_bytes(bytes(content))
        if name == DESCRIPTION and is_the_same(content, whole[name]):
            continue  # a space that became another one
        with pytest.raises(ValueError, match=r"model\.json"):
            load_model(tmp_path)
        (tmp_path / name).write_bytes(whole[name])


def is_the_same(content, whole):
    try:
        return json.loads(bytes(content)) == json.loads(whole)
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "has version 2; this losslab reads up to version 1"),
        ({"model": {}}, "damaged or exchanged"),
        ({"model": None}, "no description of a model"),
        ({"checksum": "0"}, "damaged or exchanged"),
    ],
)
def test_descriptions_that_cannot_be(tmp_path, change, words):
    losslab.fit("linear", "diabetes", epochs=1).save(tmp_path)
    content = json.loads((tmp_path / DESCRIPTION).read_text())
    (tmp_path / DESCRIPTION).write_text(json.dumps({**content, **change}))
    with pytest.raises(ValueError, match=words):
        load_model(tmp_path)


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no saved model"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.zeros((3, 4)), r"shape \(3, 4\); the model was trained on \(rows, 2\)"),
        (np.array([["a", "b"]]), "no numbers"),
        (np.array([[1.0, np.inf]]), "1 value infinite.*row 0"),
        (pd.DataFrame({"a": [1.0]}), "no column 'b'"),
        (pd.DataFrame({"a": [1.0], "b": ["x"]}), "column b: 'x' in row 0"),
        ("somewhere.txt", r"is no \.csv"),
    ],
)
def test_rows_that_do_not_fit(data, words):
    with pytest.raises(ValueError, match=words):
        by_hand([[1.0, 2.0]]).predict(data)


def test_what_is_kept_of_a_table():
    table = Table("t", torch.zeros(4, 2), torch.tensor([0, 1, 0, 1]), "binary", "", ("a", "b"), ("n", "y"))
    saved = SavedModel.of(
        nn.Linear(2, 1), "linear", table, Prepared(table.X, table.y), name="linear 2-1", outputs=1, link="sigmoid",
        loss="l", metric="accuracy", architecture={}, threshold=Threshold(torch.tensor([0.25])),
    )  # fmt: skip
    assert saved.threshold == [0.25]
    assert saved.classes == ("n", "y")
    assert saved.y_least is None


def test_codes_in_a_file_keep_their_zeros(tmp_path):
    train = pd.DataFrame({"shop": ["007", "012", "A1", None] * 20, "size": np.arange(80) % 7, "y": np.arange(80) % 2})
    result = losslab.fit("mlp:4", train, target="y", epochs=1)
    new = train[train["shop"].isin(["007", "012"])].drop(columns="y")
    new.to_csv(tmp_path / "new.csv", index=False)
    saved = losslab.load_model(result.save(tmp_path)[0].parent)
    assert np.array_equal(saved.predict(tmp_path / "new.csv").iloc[:, 1:], saved.predict(new).iloc[:, 1:])
    assert saved.notes == []
