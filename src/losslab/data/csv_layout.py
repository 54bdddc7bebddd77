"""The layout of a CSV file, checked line by line before anything is read as numbers."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from losslab.data.words import count, some

SEPARATORS = ",;\t|"
SAMPLE = 2**20  # bytes by which the layout is guessed
LOOKED_AT = 200  # records by which separators are compared
CHUNK = 2**24
FORMATS = {
    b"PAR1": "a Parquet file: call it .parquet", b"ARROW1": "a Feather file: call it .feather",
    b"PK\x03\x04": "a ZIP archive (a workbook, or .npz): save it as CSV", b"\x1f\x8b": "compressed: unpack it",
    b"\xff\xfe": "UTF-16 text: save it as UTF-8", b"\xfe\xff": "UTF-16 text: save it as UTF-8",
}  # fmt: skip
COMMA, POINT = re.compile(r"[+-]?\d*,\d+"), re.compile(r"[+-]?\d*\.\d+")


@dataclass(frozen=True)
class Layout:
    """What the bytes of a file say of its columns. `first` is the line of the first record, counted from 1."""

    separator: str
    names: tuple[str, ...]
    decimal: str = "."
    rows: int = 0
    first: int = 2
    even: bool = True  # each record is one line, without blank ones between
    notes: tuple[str, ...] = ()


def guess(path: Path) -> tuple[Layout, list[list[str]]]:
    """Separator, names and decimal sign from the start of a file, and its first records."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = file.read(SAMPLE).splitlines(keepends=True)
    found = {separator: _sample(lines, separator) for separator in SEPARATORS}
    if not found[","]:
        raise ValueError(f"{path} cannot be read as a table: it is empty")

    def fit(separator: str) -> tuple[bool, float, int]:
        records = found[separator]
        width = len(records[0])
        return width > 1, sum(len(record) == width for record in records) / len(records), width

    separator = max(SEPARATORS, key=fit)
    header, *records = found[separator]
    cells = [cell.strip() for record in records for cell in record] if separator != "," else []
    comma = any(COMMA.fullmatch(cell) for cell in cells) and not any(POINT.fullmatch(cell) for cell in cells)
    names, notes = _names(path, [name.strip() for name in header])
    notes += ["numbers are written with a decimal comma"] * comma
    return Layout(separator, names, "," if comma else ".", notes=tuple(notes)), records


def check_bytes(path: Path) -> None:
    """Raises ValueError for what is no UTF-8 text, naming the line."""
    lines, rest = 1, b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            for start, kind in FORMATS.items():
                if lines == 1 and not rest and chunk.startswith(start):
                    raise ValueError(f"{path} is {kind}")
            if b"\0" in chunk:
                line = lines + rest.count(b"\n") + chunk[: chunk.index(b"\0")].count(b"\n")
                raise ValueError(f"{path}, line {line}: a NUL byte; the file is damaged, or no text")
            whole, end, rest = (rest + chunk).rpartition(b"\n")
            _check_text(path, whole, lines)
            lines += whole.count(b"\n") + len(end)
    _check_text(path, rest, lines)


def scan(path: Path, layout: Layout) -> Layout:
    """The layout with the number of records; raises ValueError where one has too few or too many fields."""
    from dataclasses import replace

    width, rows, blank, line = len(layout.names), -1, [], 0
    first, ends = 0, 0
    for line, last, record in records_of(path, layout.separator):
        if _is_blank(record, width):
            blank.append(line)
            continue
        if len(record) != width:
            raise ValueError(f"{path}, line {line}: {_ragged(record, width)}{_cut(path, last)}")
        rows, ends = rows + 1, last
        first = line if rows == 1 else first
    notes = list(layout.notes)
    inside = [number for number in blank if number < line and number < ends]
    if inside:
        notes.append(f"{count(len(inside), 'blank line')} skipped; first: line {inside[0]}")
    if rows > 0 and not _ends_with_newline(path):
        notes.append(f"{path.name} ends without a line end: if it was cut off, the last value (line {ends}) is wrong")
    return replace(layout, rows=max(rows, 0), first=first, even=ends - first + 1 == rows, notes=tuple(notes))


def line_of(path: Path, layout: Layout, row: int) -> int:
    """The line, counted from 1, in which a row (counted from 0) starts."""
    if layout.even:
        return layout.first + row
    width = len(layout.names)
    found = (line for line, _, record in records_of(path, layout.separator) if not _is_blank(record, width))
    return next(islice(found, row + 1, None))


def records_of(path: Path, separator: str) -> Iterator[tuple[int, int, list[str]]]:
    """First and last line, and fields, of each record, blank ones and the header too."""
    line = 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=separator, skipinitialspace=True, strict=True)
        try:
            for record in reader:
                last = reader.line_num
                yield line + 1, last, record
                line = last
        except csv.Error as error:
            raise ValueError(f"{path}, line {line + 1}: {_trouble(str(error), reader.line_num)}") from None


def _trouble(error: str, line: int) -> str:
    if "unexpected end" in error or "field limit" in error:
        return "a quote is opened here and not closed; close it, or double a quote that belongs to the text"
    if "expected after" in error:
        return (
            f"a quote is closed (in line {line}) and text follows; a quote is missing before, or one that belongs to "
            "the text must be doubled"
        )
    return error


def _check_text(path: Path, text: bytes, line: int) -> None:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        line += text[: error.start].count(b"\n")
        raise ValueError(f"{path}, line {line}, is not UTF-8 text ({error.reason}): save the file as UTF-8") from None


def _sample(lines: list[str], separator: str) -> list[list[str]]:
    """The first records, without blank ones and without one that may be cut off."""
    try:
        reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
        found = [record for record in islice(reader, LOOKED_AT) if any(cell.strip() for cell in record)]
    except csv.Error:
        return [[""]]
    return found[:-1] if len(found) > 2 else found


def _names(path: Path, header: list[str]) -> tuple[tuple[str, ...], list[str]]:
    twice = [name for name in dict.fromkeys(header) if name and header.count(name) > 1]
    if twice:
        raise ValueError(f"{path}: two columns are called {twice[0]!r} in the header line; rename one")
    if all(_is_number(name) for name in header):
        values = [float(name) for name in header]
        if values not in ([float(i) for i in range(len(header))], [float(i + 1) for i in range(len(header))]):
            raise ValueError(f"{path}: the header line holds only numbers ({some(header, 5)}): add a line with names")
    unnamed = [place for place, name in enumerate(header, 1) if not name]
    names = tuple(name or f"column {place}" for place, name in enumerate(header, 1))
    notes = [f"columns without a name are called {some([names[place - 1] for place in unnamed])}"] if unnamed else []
    return names, notes


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_blank(record: list[str], width: int) -> bool:
    return not record or (len(record) == 1 and not record[0].strip())


def _ragged(record: list[str], width: int) -> str:
    few = "few" if len(record) < width else "many"
    return f"{count(len(record), 'field')}, too {few}: the header line has {width}"


def _cut(path: Path, last: int) -> str:
    """Whether the line is the last and has no end."""
    if _ends_with_newline(path):
        return ""
    with path.open("rb") as file:
        lines = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(CHUNK), b""))
    return "; the file ends in this line: it was cut off" if last == lines + 1 else ""


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(0, 2)
        if not file.tell():
            return False
        file.seek(-1, 2)
        return file.read(1) in b"\r\n"
