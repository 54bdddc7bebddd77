"""`result.json`: everything a search found, versioned; its fields are described in docs/result.md."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from losslab.report.files import write_whole
from losslab.search.result import VERSION, TuneData


def write_result(data: TuneData, path: str | Path) -> Path:
    """Writes `result.json`. A number that is not finite is written as null.

    Raises OSError (with the earlier file intact) when the disk refuses, TypeError for a value that JSON cannot hold.
    """
    return write_whole(path, json.dumps(plain(data.to_json()), indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def read_result(path: str | Path) -> TuneData:
    """Reads `result.json`. Raises FileNotFoundError, or ValueError when it is no result or of a newer version."""
    path = Path(path)
    if path.is_dir():
        path = path / "result.json"
    if not path.is_file():
        if path.with_name("journal.jsonl").exists():
            raise FileNotFoundError(
                f"no result at {path} yet: the study there runs, or was killed; losslab tune with --resume goes on"
            )
        raise FileNotFoundError(f"no result at {path}; give the file result.json or the folder that holds it")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); it may have been cut short: run the search again") from error
    if not isinstance(content, dict) or not isinstance(content.get("version"), int):
        raise ValueError(f"{path} is not a result of losslab: it has no version")
    if content["version"] > VERSION:
        raise ValueError(
            f"{path} has version {content['version']}; this losslab reads up to version {VERSION}: upgrade it"
        )
    known = {field.name for field in fields(TuneData)}
    unknown = sorted(set(content) - known)
    try:
        data = TuneData.from_json({key: value for key, value in content.items() if key in known})
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a whole result: {error}") from error
    if unknown:
        data.notes.append(f"{path.name} has fields that this losslab does not know: {', '.join(unknown)}")
    for trial in data.trials:
        trial.curve = [(epoch, value) for epoch, value in trial.curve]
    return data


def plain(value: Any, where: str = "result") -> Any:
    """`value` as JSON holds it: arrays and tensors become lists, numbers that are not finite None."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if hasattr(value, "tolist"):
        return plain(value.tolist(), where)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{where} holds a {type(value).__name__}, which {VERSION=} of result.json cannot store")
