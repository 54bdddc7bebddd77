"""docs/api.md: every public name with its signature, what it says of itself, and where the guides use it."""

import importlib
import inspect
import re
from pathlib import Path

from prose import described, markdown, signature

import losslab
from losslab import nn
from losslab.catalog import CATALOGUE

DOCS = Path(__file__).parents[1] / "docs"
GUIDES = ("getting-started", "which-loss", "verdict", "trace", "check-gradients", "paths", "curves", "course", "result")
INTRODUCTION = """# Public names

Written by `make docs`. What is not on this page may change without notice.

- [`losslab`](#losslab): {names}.
- [`losslab.functional`](#losslabfunctional) and [`losslab.nn`](#losslabnn): the losses. Other names there are torch's.
- `losslab.optim`: [the optimisers](optimizers.md).
"""


def page() -> str:
    """Raises ValueError for a public name that says nothing of itself."""
    names = ", ".join(f"[`{name}`](#{name.lower()})" for name in losslab.__all__)
    parts = [INTRODUCTION.format(names=names), "## losslab\n"]
    parts += [section(name) for name in losslab.__all__]
    parts += [forms("functional", {one.name: one.name for one in CATALOGUE.values()})]
    modules = {one.module_name: one.name for one in CATALOGUE.values()}
    parts += [forms("nn", modules), *(beside(name) for name in nn.__all__ if name not in modules)]
    return "\n".join(parts)


def section(name: str) -> str:
    thing = getattr(losslab, name)
    said = inspect.getdoc(thing)
    if not said:
        raise ValueError(f"losslab.{name} is public and has no docstring, so it would have an empty page")
    summary, _, rest = said.partition("\n\n")
    text = [f"### {name}", markdown(summary), f"```text\n{signature(f'losslab.{name}', thing)}\n```"]
    text += [described(rest)] if rest.strip() else []
    places = [f"[{title(guide)}]({guide}.md)" for guide in GUIDES if uses(guide, name)]
    text += [f"In use: {', '.join(places)}."] if places else []
    return "\n\n".join(text) + "\n"


def beside(name: str) -> str:
    """A module of losslab.nn that is no form of a declared loss."""
    summary, _, rest = (inspect.getdoc(getattr(nn, name)) or "").partition("\n\n")
    return "\n\n".join([f"### {name}", markdown(summary), *([described(rest)] if rest.strip() else [])]) + "\n"


def uses(guide: str, name: str) -> bool:
    path = DOCS / f"{guide}.md"
    return path.exists() and bool(re.search(rf"losslab\.{name}\b", path.read_text(encoding="utf-8")))


def title(guide: str) -> str:
    return (DOCS / f"{guide}.md").read_text(encoding="utf-8").split("\n")[0].removeprefix("# ")


def forms(place: str, losses: dict[str, str]) -> str:
    """The losses of losslab.functional or losslab.nn, each with its page."""
    importlib.import_module(f"losslab.{place}")
    lines = [f"| [`{name}`](losses/{loss}.md) | {summary(loss)} |" for name, loss in sorted(losses.items())]
    return "\n".join([f"## losslab.{place}\n", "| name | in words |", "|---|---|", *lines]) + "\n"


def summary(loss: str) -> str:
    return markdown(CATALOGUE[loss].summary).replace("|", r"\|")
