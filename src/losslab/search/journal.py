"""The record of a search on disk: what resume reads, and which test parts were read.

A file of JSON lines. Each line ends with a checksum of its own, so that a line torn by a kill or a full disk is known
for what it is; every line before it stays good. Lines are only ever added.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

Record = dict[str, Any]
MOST_DIFFERENCES = 3  # that are said
CHECKSUM = len(',"crc":"00000000"}')


class Journal:
    """The append-only record of one study.

    `fingerprint` says what the study is: data checksum, task, metric, losses, model, seed, trials, epochs, rungs,
    versions. It is the first line. A file that is there already is opened with `resume=True` only, and only when its
    fingerprint is the same; ValueError says what differs. `read()` gives back what was appended.
    """

    def __init__(self, path: str | Path, fingerprint: Mapping[str, Any], *, resume: bool = False) -> None:
        self.path = Path(path)
        self.fingerprint = json.loads(json.dumps(fingerprint))
        found = read_lines(self.path) if self.path.exists() else []
        self.resumed = bool(found)
        if found:
            self._check(found[0], resume)
        elif self.path.exists() and self.path.stat().st_size > 0 and not is_torn_start(self.path):
            raise ValueError(f"{self.path} is not a losslab journal; choose another output folder")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open_to_append(self.path)
        if found:
            return
        try:
            self.append([{"kind": "study", "fingerprint": self.fingerprint}])
            sync_folder(self.path.parent)
        except OSError:
            self.close()
            raise

    def append(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Adds records, one line each, in one write; they are on the disk when this returns.

        Raises OSError, with the file as it was before, when the disk is full.
        """
        append_lines(self._file, self.path, records)

    def read(self) -> list[Record]:
        """Every record appended so far, by earlier runs too, in order; torn lines are left out."""
        return read_lines(self.path)[1:]

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self, head: Record, resume: bool) -> None:
        folder = self.path.parent
        if head.get("kind") != "study":
            raise ValueError(
                f"{self.path}: its first line, which says what the study is, is damaged; choose another folder"
            )
        if not resume:
            raise ValueError(f"{folder} holds a study already: --resume goes on with it, or choose another folder")
        found = list(differences(head["fingerprint"], self.fingerprint))
        if found:
            more = f"; and {len(found) - MOST_DIFFERENCES} more" if len(found) > MOST_DIFFERENCES else ""
            differs = "; ".join(found[:MOST_DIFFERENCES]) + more
            raise ValueError(f"{folder} holds another study: {differs}. Choose another folder or the same settings")


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    """In words, what differs between two fingerprints."""
    for name in dict.fromkeys([*here, *there]):
        if there.get(name) != here.get(name):
            yield f"{name} is {json.dumps(there.get(name))} there and {json.dumps(here.get(name))} here"


def encode(record: Mapping[str, Any]) -> bytes:
    """A line: the record as JSON, its last entry the checksum of what stands before it."""
    body = json.dumps(record, separators=(",", ":"))
    if "crc" in record or not record:
        raise ValueError(f"a journal record needs entries, and none called 'crc': {body[:80]}")
    return f'{body[:-1]},"crc":"{zlib.crc32(body.encode()):08x}"}}\n'.encode()


def decode(line: bytes) -> Record | None:
    """The record of a line, or None where the checksum does not hold."""
    body, tail = line[:-CHECKSUM] + b"}", line[-CHECKSUM:]
    if tail != f',"crc":"{zlib.crc32(body):08x}"}}'.encode():
        return None
    record: Record = json.loads(body)
    return record


def read_lines(path: Path) -> list[Record]:
    """The records of a file whose checksum holds."""
    lines = (decode(line) for line in path.read_bytes().split(b"\n"))
    return [record for record in lines if record is not None]


def is_torn_start(path: Path) -> bool:
    """Whether a file without a good line is what a kill during the first write leaves."""
    content = path.read_bytes()
    return b"\n" not in content and b'{"kind":"study",'.startswith(content[:16])


def open_to_append(path: Path) -> Any:
    """The file at its end, on a line of its own: a torn end is cut off, a good last line gets its line break."""
    file = open(path, "ab", buffering=0)  # noqa: SIM115 (the caller closes it)
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    if decode(content[end:]) is not None:
        file.write(b"\n")
    elif end < len(content):
        file.truncate(end)
    return file


def append_lines(file: Any, path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Writes records in one piece and waits for the disk; on an error takes back what was written of them."""
    content = b"".join(encode(record) for record in records)
    before = os.fstat(file.fileno()).st_size
    try:
        written = file.write(content)
        while written < len(content):  # a nearly full disk takes a part, and says why at the next write
            written += file.write(content[written:])
        os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):  # what stays is a torn end, which the next opening cuts off
            file.truncate(before)
        reason = f"{error.strerror}; what was written before is kept. Make room and go on with --resume"
        raise OSError(error.errno, reason, str(path)) from error


def sync_folder(folder: Path) -> None:
    """Makes a new file's name itself last, where the system lets a folder be synced."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def fingerprint_of_rows(rows: torch.Tensor) -> str:
    """A short name for a set of row indices, whatever their order: it identifies a test part."""
    ordered = rows.detach().cpu().long().sort().values
    return hashlib.sha256(ordered.numpy().astype("<i8").tobytes()).hexdigest()[:16]


class Ledger:
    """Which test parts were read, when and for what: a file in the output folder that all studies there share.

    A test part is a data checksum and a set of rows (`fingerprint_of_rows`). Each reading makes later verdicts on the
    same rows a little less trustworthy; the report shows the count.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder) / "test-readings.jsonl"

    def record(self, data_checksum: str, split: str, *, study: str, metric: str) -> list[Record]:
        """Notes a reading, before it is made, and returns all readings of this test part, this one last."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        entry = {"date": now, "study": study, "metric": metric, "data_checksum": data_checksum, "split": split}
        with open_to_append(self.path) as file:
            append_lines(file, self.path, [entry])
        return self.readings(data_checksum, split)

    def readings(self, data_checksum: str, split: str) -> list[Record]:
        """The readings of a test part, oldest first."""
        lines = read_lines(self.path) if self.path.exists() else []
        return [line for line in lines if (line["data_checksum"], line["split"]) == (data_checksum, split)]

    def count(self, data_checksum: str, split: str) -> int:
        return len(self.readings(data_checksum, split))
