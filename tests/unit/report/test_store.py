import errno
import json
import math
import os
import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from report_examples import diabetes, digits

from losslab.report import files
from losslab.report.files import write_whole
from losslab.report.store import plain, read_result, write_result
from losslab.search.result import VERSION, Row, Trial, TuneData

DOCS = Path(__file__).parents[3] / "docs" / "result.md"


@pytest.mark.parametrize("data", [digits(), diabetes(), TuneData()], ids=["digits", "diabetes", "empty"])
def test_what_is_read_is_what_was_written(tmp_path, data):
    path = write_result(data, tmp_path / "run" / "result.json")
    expected = TuneData.from_json(plain(data.to_json()))
    for trial in expected.trials:
        trial.curve = [(epoch, value) for epoch, value in trial.curve]
    assert read_result(path) == expected
    assert read_result(tmp_path / "run") == expected


def test_numbers_that_are_not_finite_are_null_and_arrays_are_lists(tmp_path):
    detail = {"a": np.array([1.5, np.inf]), "b": torch.tensor([[2, 3]]), "c": np.float32(0.5), "d": (1, -math.inf)}
    data = digits(detectable=math.nan, winner_detail=detail, seed=np.int64(7))
    data.table[0].test = torch.tensor(0.25)
    data.table[1].runs = [0.5, math.nan]
    text = write_result(data, tmp_path / "result.json").read_text()
    content = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert content["detectable"] is None
    assert content["winner_detail"] == {"a": [1.5, None], "b": [[2, 3]], "c": 0.5, "d": [1, None]}
    assert content["seed"] == 7
    assert content["table"][0]["test"] == 0.25
    assert content["table"][1]["runs"] == [0.5, None]


def test_a_value_that_json_cannot_hold_is_named(tmp_path):
    with pytest.raises(TypeError, match=r"result\.table\[0\]\.params\.gamma holds a set"):
        write_result(TuneData(table=[Row("focal_loss", params={"gamma": {1}})]), tmp_path / "result.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_earlier_file(tmp_path, monkeypatch, step):
    path = write_whole(tmp_path / "result.json", "earlier")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, step, full)
    with pytest.raises(
        OSError, match=r"could not write .*result\.json: No space left .*earlier file is intact"
    ) as error:
        write_result(digits(), path)
    assert error.value.errno == errno.ENOSPC
    assert path.read_text() == "earlier"
    assert [p.name for p in tmp_path.iterdir()] == ["result.json"]


def test_a_real_full_disk_is_a_clear_error():
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OSError, match="could not write"):
        write_whole("/dev/full/result.json", "x")


def test_a_folder_that_is_a_file_is_a_clear_error(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(OSError, match="could not write"):
        write_result(TuneData(), tmp_path / "run" / "result.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cut short"),
        ("[]", "no version"),
        ('{"task": "binary"}', "no version"),
        (json.dumps({"version": VERSION + 1}), f"version {VERSION + 1}; this losslab reads up to version {VERSION}"),
        (json.dumps({"version": VERSION}), "not a whole result"),
        (json.dumps({"version": VERSION, "table": [{"los": "a"}], "trials": []}), "not a whole result"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path, text, message):
    path = tmp_path / "result.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_result(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no result at"):
        read_result(tmp_path)


def test_a_study_that_was_killed_is_not_called_missing(tmp_path):
    (tmp_path / "journal.jsonl").write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"no result at .* yet: .* was killed; losslab tune with --resume"):
        read_result(tmp_path)


def test_a_field_of_the_future_is_told(tmp_path):
    path = write_result(digits(), tmp_path / "result.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "novel": 1}))
    assert "novel" in read_result(path).notes[-1]


@pytest.mark.parametrize(
    ("heading", "kind"), [("The result", TuneData), ("A line of the table", Row), ("A trial", Trial)]
)
def test_every_field_is_documented_and_nothing_else(heading, kind):
    section = DOCS.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    assert re.findall(r"(?m)^\| `(\w+)` \|", section) == [field.name for field in fields(kind)]
    assert all(len(line.split(" | ")) == 3 for line in section.splitlines() if line.startswith("| `"))


def test_the_documented_version_is_the_current_one():
    assert f"\nVersion {VERSION}. " in DOCS.read_text(encoding="utf-8")
