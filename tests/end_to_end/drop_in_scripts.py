"""The scripts of examples/drop_in, the changes that docs/drop-in.md shows for them, and what they print."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import torch

from losslab.spec import policy

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "examples" / "drop_in"
PAGE = ROOT / "docs" / "drop-in.md"
TORCH = "Scripts for torch"  # the heading of the changes that serve every script written for torch
Changes = list[tuple[str, str]]


def changes() -> dict[str, Changes]:
    """Under each heading of the page that has a block of `diff`: pairs of old and new lines."""
    found: dict[str, Changes] = {}
    for section in re.split(r"^#+ ", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]:
        heading = section.split("\n")[0].strip("`")
        for block in re.findall(r"^```diff\n(.*?)^```$", section, re.M | re.S):
            found[heading] = [pair(part) for part in re.findall(r"(?:^-.*\n)+(?:^\+.*\n)+", block, re.M)]
    return found


def pair(part: str) -> tuple[str, str]:
    old, new = ("".join(line[1:] + "\n" for line in part.splitlines() if line[0] == sign) for sign in "-+")
    return old, new


def changed(source: str, pairs: Changes, each: bool) -> str:
    """The source with old lines replaced by new ones; `each` says that every one must be there, once."""
    for old, new in pairs:
        count = len(re.findall("^" + re.escape(old), source, re.M))
        assert count == 1 or (count == 0 and not each), f"{count} times in the script:\n{old}"
        source = ("\n" + source).replace("\n" + old, "\n" + new)[1:]
    return source


def printed(name: str, source: str, dtype: torch.dtype = torch.float64) -> list[float]:
    """The last number of every line that the script prints when it is run, with that type in place of float."""
    policy.forget()  # a warning that another test has seen would not come again
    source = source.replace(".float()", ".double()") if dtype == torch.float64 else source
    before, out = torch.get_default_dtype(), io.StringIO()
    torch.set_default_dtype(dtype)
    try:
        with redirect_stdout(out):
            exec(compile(source, name, "exec"), {"__name__": "__main__"})
    finally:
        torch.set_default_dtype(before)
    return [float(line.split()[-1]) for line in out.getvalue().splitlines()]


def seen() -> set[str]:
    """The losses of losslab that were called since the last script began."""
    return set(policy._POLICY.calls)
