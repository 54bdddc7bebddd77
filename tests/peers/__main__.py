"""Makes all comparisons, says which packages are missing, and writes docs/peers.md; fails on what is not explained.

With names of files, such as `keras`, it makes those comparisons only and writes nothing.
"""

import logging
import sys
import warnings
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import losslab

from .operators import name_missing
from .page import Section, number, page
from .rows import Peer, compare

PAGE = Path(__file__).parents[2] / "docs" / "peers.md"
FILES = (
    "geomloss", "keras", "kornia", "lifelines", "lightgbm", "lightly", "monai", "optax", "pml", "pycox", "scipy",
    "sklearn", "smp", "statsmodels", "timm", "toolbelt", "torchmetrics", "torchsurv", "torchvision", "xgboost",
)  # fmt: skip


def section(peer: Peer) -> Section:
    """All comparisons with a package; none, and why, where it is not there."""
    try:
        found, names = version(peer.package), peer.names()
    except PackageNotFoundError:
        return Section(peer, "", "it is not installed.", ())
    except ImportError as error:
        return Section(peer, "", f"it cannot be imported ({error}).", ())
    return Section(peer, found, "", tuple(compare(peer, names, row) for row in peer.rows))


def said(one: Section) -> bool:
    """Prints a package's line and its faults; whether there are any."""
    faults = [outcome for outcome in one.outcomes if outcome.fault]
    print(f"{one.peer.package} {one.version}: {one.missing or f'{len(one.outcomes)} rows, {len(faults)} unexplained'}")
    for outcome in faults:
        print(f"    {outcome.row.ours}, {outcome.row.peer}: {number(outcome.value)} and {number(outcome.slope)} apart")
        print(f"    {outcome.fault}")
    return bool(faults)


def main(only: list[str]) -> int:
    warnings.simplefilter("ignore")  # the peers' own
    logging.disable(logging.WARNING)
    name_missing()
    with losslab.checks("off"):
        sections = [section(import_module(f"{__package__}.{name}").PEER) for name in only or FILES]
    unexplained = [said(one) for one in sections]
    if not only:
        PAGE.write_text(page(sections), encoding="utf-8")
        print(f"wrote {PAGE.relative_to(PAGE.parents[1])}")
    return int(any(unexplained))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
