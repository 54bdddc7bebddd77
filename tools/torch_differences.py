"""docs/differences-from-torch.md, from the tables of hard cases that the tests hold losslab and torch against."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests" / "contracts"))

from case_rows import Refuses, Row, code, shown
from hard_cases import TABLES as HARD
from torch_issues import PINNED
from torch_issues import TABLES as ISSUES

TRACKER = "https://github.com/pytorch/pytorch/issues/"
INTRODUCTION = f"""# Differences from torch

Written from the tables of the tests by `make docs`: change a row there, not this page. For each row the tests ask
losslab and the installed torch, so a row fails on the day that torch changes.

A loss of torch's name gives torch's value and gradient wherever torch is finite and does not warn, except for what
stands here. "torch" is torch {PINNED} on the CPU. `F` is `losslab.functional` for losslab and `torch.nn.functional` for
torch; `tensor` and `full` are torch's, of float64 unless a type is named; gradients are those of the sum. What differs
falls in two kinds: *corrections*, where torch gives a wrong number or none, and *choices*, where both are sane.
`losslab.torch_compatible()` takes back the choices that say so, for a block or from now on:

```python
import torch
import losslab
import losslab.functional as F

input, nobody = torch.zeros(1, 3), torch.tensor([-100])
with losslab.torch_compatible():
    assert F.cross_entropy(input, nobody).isnan()
assert F.cross_entropy(input, nobody, empty="nan").isnan()
```

A compiled kernel ([speed](speed.md)) differs in two things more, in both ways of `torch_compatible`: where the value of
an element is NaN, so is its slope (torch's `l1_loss` has 0, its `hinge_embedding_loss` 1 or 0); and an element of
weight 0 adds nothing, even where it is NaN or infinite (torch: 0 times NaN is NaN).
"""
CORRECTIONS = """
## Corrections

These stay in `losslab.torch_compatible()`.
"""
MORE = """
## What torch refuses and losslab does
"""
CHOICES = """
## Choices

In the last column, *ends* means that `losslab.torch_compatible()` does as torch does.
"""
REFUSALS = """
## The same refusal, in other words

losslab raises `ValueError` or `TypeError`, and the text says what was found, where, and what to do.
"""
PENDING = """
## Not mended yet

Here losslab gives what torch gives, or does not do what it should.
"""


def page() -> str:
    rows = [row for tables in (HARD, ISSUES) for table in tables.values() for row in table if row.torch is not None]
    open_ = [row for row in rows if row.pending]
    rows = [row for row in rows if not row.pending]
    choices = [row for row in rows if row.policy]
    rows = [row for row in rows if not row.policy]
    refused = [row for row in rows if isinstance(row.torch, Refuses)]
    return "".join(
        (
            INTRODUCTION,
            CORRECTIONS,
            table(row for row in rows if row not in refused),
            MORE,
            table(row for row in refused if not isinstance(row.right, Refuses)),
            CHOICES,
            table(choices, last=True),
            REFUSALS,
            table(row for row in refused if isinstance(row.right, Refuses)),
            PENDING if open_ else "",
            table(open_) if open_ else "",
        )
    )


def table(rows: Iterable[Row], last: bool = False) -> str:
    head = ["Case", "torch", "losslab", "Why", "Issue", *(["Compatible"] if last else [])]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        assert row.torch is not None
        ours = f"{row.pending}; it should be: {shown(row.right)}" if row.pending else shown(row.right)
        cells = [case(row), shown(row.torch), ours, row.why, linked(row.issue)]
        lines.append([*map(escaped, cells), *(["ends" if row.compatible else "stays"] if last else [])])
    return "\n" + "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def case(row: Row) -> str:
    kind = "" if row.dtype == "float64" else f" in {row.dtype}"
    return f"`{code(row)}`{kind}"


def linked(issues: str) -> str:
    return re.sub(r"#(\d+)", rf"[#\1]({TRACKER}\1)", issues)


def escaped(text: str) -> str:
    return text.replace("|", "\\|")
