"""The record on disk: torn lines, other studies, full disks, and the ledger of test readings."""

import errno
import json
import os
import signal
import subprocess
import sys

import pytest
import torch

from losslab.search.journal import Journal, Ledger, decode, encode, fingerprint_of_rows, read_lines

STUDY = {"data_checksum": "ab12", "task": "multiclass", "losses": ("a", "b"), "seed": 0, "versions": {"torch": "2.13"}}


def trial(number, **more):
    return {"kind": "trial", "number": number, "value": 0.1 + number / 3, **more}


def filled(path, count=3, study=STUDY):
    with Journal(path, study) as journal:
        for number in range(count):
            journal.append([trial(number)])
    return path


def numbers(path, study=STUDY):
    with Journal(path, study, resume=True) as journal:
        return [record["number"] for record in journal.read()]


def test_what_is_appended_is_read_back_exactly(tmp_path):
    with Journal(tmp_path / "new" / "journal.jsonl", STUDY) as journal:
        assert not journal.resumed
        assert journal.read() == []
        journal.append([trial(0), trial(1, curve=[[1, 1e-17]], name="naïve\n")])
        assert journal.read() == [trial(0), trial(1, curve=[[1, 1e-17]], name="naïve\n")]
        journal.append([])
    lines = (tmp_path / "new" / "journal.jsonl").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["study", "trial", "trial"]


def test_resume_goes_on_after_the_last_line(tmp_path):
    path = filled(tmp_path / "j", 2)
    with Journal(path, {**STUDY, "losses": ["a", "b"]}, resume=True) as journal:
        assert journal.resumed
        journal.append([trial(2)])
        assert [record["number"] for record in journal.read()] == [0, 1, 2]
    assert len(read_lines(path)) == 4


def test_an_existing_study_is_refused_without_resume(tmp_path):
    path = filled(tmp_path / "j")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="holds a study already: --resume goes on with it"):
        Journal(path, STUDY)
    assert path.read_bytes() == before


def test_another_study_is_refused_and_the_difference_named(tmp_path):
    path = filled(tmp_path / "j")
    other = {**STUDY, "seed": 1, "losses": ["a"], "model": "mlp"}
    with pytest.raises(ValueError, match="another study") as refused:
        Journal(path, other, resume=True)
    text = str(refused.value)
    assert 'losses is ["a", "b"] there and ["a"] here' in text
    assert "seed is 0 there and 1 here" in text
    assert 'model is null there and "mlp" here' in text
    assert "task" not in text


def test_cut_at_every_byte_of_the_last_two_lines_no_earlier_trial_is_lost(tmp_path):
    content = filled(tmp_path / "j", 4).read_bytes()
    lines = content.splitlines(keepends=True)
    path = tmp_path / "cut"
    for length in range(len(content) - len(lines[-1]) - len(lines[-2]), len(content) + 1):
        path.write_bytes(content[:length])
        whole = sum(length >= sum(map(len, lines[: i + 1])) - 1 for i in range(len(lines)))  # without its line break
        with Journal(path, STUDY, resume=True) as journal:
            assert [record["number"] for record in journal.read()] == list(range(whole - 1))
            journal.append([trial(9)])
            assert [record["number"] for record in journal.read()] == [*range(whole - 1), 9]


def test_a_damaged_line_costs_itself_only(tmp_path):
    path = filled(tmp_path / "j", 3)
    content = path.read_bytes()
    place = content.index(b'"number":1')
    path.write_bytes(content.replace(b'"number":1', b'"number":7'))
    assert numbers(path) == [0, 2]
    path.write_bytes(content[:place] + b"\0" * 5 + content[place + 5 :])
    assert numbers(path) == [0, 2]


def test_killed_while_the_first_line_was_written(tmp_path):
    content = filled(tmp_path / "j", 0).read_bytes()
    path = tmp_path / "cut"
    for length in range(len(content) - 1):
        path.write_bytes(content[:length])
        with Journal(path, STUDY, resume=length % 2 == 0) as journal:
            assert not journal.resumed
            journal.append([trial(5)])
        assert numbers(path) == [5]


def test_damaged_first_line_and_files_of_others(tmp_path):
    path = filled(tmp_path / "j", 2)
    path.write_bytes(path.read_bytes().replace(b"ab12", b"ab13"))
    with pytest.raises(ValueError, match="first line, which says what the study is, is damaged"):
        Journal(path, STUDY, resume=True)
    for strange in ("my notes", '{"kind":"study"}\n', "a,b\n1,2\n"):
        path.write_text(strange)
        with pytest.raises(ValueError, match="is not a losslab journal"):
            Journal(path, STUDY, resume=True)
        assert path.read_text() == strange


class FullDisk:
    """A file on a disk that takes `room` bytes more; `stuck` means that not even a shortening gets through."""

    def __init__(self, file, room, stuck=False):
        self.file, self.room, self.stuck = file, room, stuck

    def fileno(self):
        return self.file.fileno()

    def write(self, content):
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = self.file.write(content[: self.room])
        self.room -= taken
        return taken

    def truncate(self, size):
        if self.stuck:
            raise OSError(errno.EIO, "stuck")
        return self.file.truncate(size)

    def close(self):
        self.file.close()


@pytest.mark.parametrize("room", [0, 1, 30, 80])
@pytest.mark.parametrize("stuck", [False, True])
def test_full_disk_is_said_and_keeps_earlier_lines(tmp_path, room, stuck):
    path = filled(tmp_path / "j", 2)
    journal = Journal(path, STUDY, resume=True)
    before = path.read_bytes()
    journal._file = FullDisk(journal._file, room, stuck)
    with pytest.raises(OSError, match="No space left on device; what was written before is kept") as failed:
        journal.append([trial(2), trial(3)])
    assert failed.value.errno == errno.ENOSPC
    assert failed.value.filename == str(path)
    assert path.read_bytes()[: len(before)] == before
    if not stuck:
        assert path.read_bytes() == before
    journal.close()
    with Journal(path, STUDY, resume=True) as again:
        again.append([trial(4)])
        numbers = [record["number"] for record in again.read()]
    assert numbers == ([0, 1, 2, 4] if stuck and room == 80 else [0, 1, 4])


def test_lines_reach_the_disk_before_append_returns(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("os.fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    path = filled(tmp_path / "j", 2)
    assert path.stat().st_size in synced
    assert len([size for size in synced if size <= path.stat().st_size]) >= 3


def test_a_killed_process_leaves_what_it_appended(tmp_path):
    code = (
        "import os, signal, sys\nfrom losslab.search.journal import Journal\n"
        "journal = Journal(sys.argv[1], {'seed': 3})\n"
        "journal.append([{'number': 0}]); journal.append([{'number': 1}])\n"
        "journal._file.write(b'{\"number\":2,')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = tmp_path / "j"
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -signal.SIGKILL
    with Journal(path, {"seed": 3}, resume=True) as journal:
        assert [record["number"] for record in journal.read()] == [0, 1]


def test_lines_with_checksums():
    line = encode({"a": [1, None, "ü"]})
    assert line.endswith(b'"}\n')
    assert decode(line[:-1]) == {
        "a": [1, None, "ü"],
    }
    assert decode(line[:-1].replace(b"1", b"2", 1)) is None
    assert decode(b"") is None
    with pytest.raises(ValueError, match="none called 'crc'"):
        encode({"crc": 1})
    with pytest.raises(ValueError, match="needs entries"):
        encode({})


def test_ledger_counts_readings_of_one_test_part(tmp_path):
    ledger = Ledger(tmp_path / "runs")
    rows = fingerprint_of_rows(torch.tensor([5, 2, 9]))
    assert rows == fingerprint_of_rows(torch.tensor([9, 5, 2], dtype=torch.int32))
    assert rows != fingerprint_of_rows(torch.tensor([9, 5, 3]))
    assert ledger.count("ab12", rows) == 0
    ledger.record("ab12", rows, study="digits-1", metric="accuracy")
    ledger.record("ab12", "other rows", study="digits-1", metric="accuracy")
    ledger.record("cd34", rows, study="wine-1", metric="accuracy")
    readings = Ledger(tmp_path / "runs").record("ab12", rows, study="digits-2", metric="log_loss")
    assert [(r["study"], r["metric"]) for r in readings] == [("digits-1", "accuracy"), ("digits-2", "log_loss")]
    assert ledger.count("ab12", rows) == 2
    assert readings[0]["date"][:2] == "20"


def test_ledger_after_a_torn_line(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.record("ab12", "r", study="a", metric="mae")
    ledger.path.write_bytes(ledger.path.read_bytes() + b'{"date":"20')
    assert [r["study"] for r in ledger.record("ab12", "r", study="b", metric="mae")] == ["a", "b"]
