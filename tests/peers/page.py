"""docs/peers.md, from the outcomes of the comparisons."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .rows import SEEDS, Outcome, Peer

INTRODUCTION = f"""# Beside other packages

Written by `make peers`: change a row in `tests/peers/`, not this page. It is written when that is run, and not at each
change, as the packages are no part of losslab.

Each row is two calls on the same inputs, which are drawn {len(SEEDS)} times in float64. The numbers are the largest
difference of the two values, and of their gradients by the first input, as a share of the larger; about 1e-16 is
rounding, and 1e-7 rounding in float32, in which some packages compute. `F` is `losslab.functional`; smells are off.
Where two calls differ by more than rounding, the last column says why, and most often which call of losslab is the
other's equal: that is compared too, and must be the same to rounding. Where two packages disagree, the paper's
definition decides, and the page of the loss says so.
"""
NOT_COMPARED = """
## Not compared here

What pages of losses say of these was checked by reading their code: TRL and Liger (their losses are parts of trainers
and of GPU kernels), TensorFlow Ranking, RecBole, Ceres, Open3D, mmdetection and mmpose (they stand on other systems, or
want more than a package), allRank (it asks for an older torch), and robust_loss_pytorch (it is not on PyPI).
"""


@dataclass(frozen=True)
class Section:
    """What came of one package; `missing` says why nothing did."""

    peer: Peer
    version: str
    missing: str
    outcomes: tuple[Outcome, ...]


def page(sections: Sequence[Section]) -> str:
    there = [one for one in sections if one.outcomes]
    pairs = {(one.peer.package, outcome.row.loss) for one in there for outcome in one.outcomes}
    losses = {loss for _, loss in pairs}
    count = (
        f"\n{len(losses)} losses are compared with {len(there)} packages: {len(pairs)} pairs of a loss and a package.\n"
    )
    return INTRODUCTION + count + "".join(map(section, sections)) + NOT_COMPARED


def section(one: Section) -> str:
    if one.missing:
        return f"\n## {one.peer.package}\n\nNot compared this time: {one.missing}\n"
    head = (("Loss", "losslab", one.peer.package, "Inputs", "Value", "Gradient", "Why they differ"), ("---",) * 7)
    note = f"{one.peer.note}\n\n" if one.peer.note else ""
    return f"\n## {one.peer.package} {one.version}\n\n{note}{table((*head, *map(cells, one.outcomes)))}"


def table(lines: Iterable[Iterable[str]]) -> str:
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def cells(outcome: Outcome) -> tuple[str, ...]:
    row = outcome.row
    link = f"[{row.loss}](losses/{row.loss}.md)"
    why = row.why
    if row.same:
        why += f". Equal, to {number(outcome.same)}: `{row.same}`"
    return (
        link,
        f"`{row.ours}`",
        f"`{row.peer}`",
        row.draw.replace("_", " "),
        number(outcome.value),
        number(outcome.slope),
        why,
    )


def number(difference: float | None) -> str:
    return "" if difference is None else f"{difference:.0e}" if difference else "0"
