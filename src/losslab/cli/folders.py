"""Where a study's files go: runs/NAME-1, runs/NAME-2, ..."""

import re
from pathlib import Path

RUNS = Path("runs")


def name_of(data: str) -> str:
    """What a data set is called in a folder's name."""
    return re.sub(r"\W+", "-", Path(data).stem).strip("-") or "data"


def choose(data: str, out: Path | None, resume: bool) -> Path:
    """The folder that was asked for; else a new one, or with `resume` the latest that is there.

    Raises ValueError where there is nothing to resume.
    """
    if out is not None:
        if resume and not (out / "journal.jsonl").exists():
            raise ValueError(f"{out} holds no study to resume; leave out --resume to start one there")
        return out
    name = name_of(data)
    numbers = [
        int(path.name.removeprefix(f"{name}-"))
        for path in RUNS.glob(f"{name}-*")
        if path.name[len(name) + 1 :].isdecimal()
    ]
    if resume:
        if not numbers:
            raise ValueError(f"no study of {data} in {RUNS}/ to resume; name its folder with --out")
        return RUNS / f"{name}-{max(numbers)}"
    return RUNS / f"{name}-{max(numbers, default=0) + 1}"
