"""Writes a file whole or not at all, so that a full disk leaves what was there before."""

import os
from pathlib import Path


def write_whole(path: str | Path, text: str) -> Path:
    """Writes `text` (UTF-8) beside `path` and puts it in place in one step; makes the folder where it is missing.

    Raises OSError that says which file, why, and that the earlier one is intact.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if temporary.is_file():
            temporary.unlink()
        intact = " The earlier file is intact." if path.is_file() else ""
        reason = error.strerror or str(error)
        advice = "Make room or choose another folder, then run again"
        raise OSError(error.errno, f"could not write {path}: {reason}.{intact} {advice}") from error
    return path
