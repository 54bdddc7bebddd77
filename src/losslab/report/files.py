"""Writes a file whole or not at all, so that a full disk leaves what was there before."""

import os
from pathlib import Path


def write_whole(path: str | Path, content: str | bytes) -> Path:
    """Writes `content` (text in UTF-8) beside `path` and puts it in place in one step; makes a missing folder.

    Raises OSError that says which file, why, and that the earlier one is intact.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            # A file's name on disk may hold what is no text: it must not cost the whole result.
            file.write(content.encode("utf-8", "replace") if isinstance(content, str) else content)
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
