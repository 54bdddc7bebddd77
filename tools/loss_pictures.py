"""docs/losses/pictures/<name>.png: value and gradient of a loss at its defaults, drawn by losslab's own curves."""

from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

import losslab
from losslab.report.curves import AXIS_WORDS, Curves
from losslab.spec.record import LossRecord

WIDTH, COLOURS = 1000, 24
TEXT = "Description"  # of a PNG file: the curves at a few points, by which a picture that is out of date is known


def has_curve(record: LossRecord) -> bool:
    """Whether a line can stand for the loss: `losslab.curves` knows what to move, and what to give beside it."""
    try:
        drawn(record)
    except ValueError:
        return False
    return True


def drawn(record: LossRecord) -> Curves:
    return losslab.curves(record)


def description(record: LossRecord) -> str:
    """What is to be seen, for those who do not see it."""
    shown = drawn(record)
    words = " and ".join(AXIS_WORDS[axis] for axis in shown.axes())
    both = ", solid for a yes and dashed for a no" if any(map(shown.both, shown.subjects)) else ""
    return f"Value (left) and gradient (right) of {record.name} against the {words}{both}"


def numbers(record: LossRecord) -> str:
    return str(drawn(record))


def shown_in(path: Path) -> str:
    """The numbers that a picture was drawn from; empty where there is none."""
    if not path.exists():
        return ""
    with Image.open(path) as picture:
        return str(picture.info.get(TEXT, ""))


def draw(records: Mapping[str, LossRecord], folder: Path) -> list[str]:
    """Draws the pictures that are missing or out of date, takes away those of no loss, and returns the names drawn."""
    folder.mkdir(exist_ok=True)
    wanted = {f"{name}.png": record for name, record in records.items() if has_curve(record)}
    for path in folder.glob("*.png"):
        if path.name not in wanted:
            path.unlink()
    stale = {name: record for name, record in wanted.items() if shown_in(folder / name) != numbers(record)}
    for name, record in stale.items():
        drawn(record).png(folder / name)
        shrink(folder / name, numbers(record))
    return list(stale)


def shrink(path: Path, text: str) -> None:
    with Image.open(path) as whole:
        picture = whole.convert("RGB")
    picture.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    said = PngInfo()
    said.add_itxt(TEXT, text)
    few = picture.quantize(COLOURS, kmeans=3, dither=Image.Dither.NONE)
    few.save(path, optimize=True, pnginfo=said)
