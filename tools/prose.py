"""From the text of a docstring to Markdown, and signatures that fit a page."""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

LINE = 116  # columns of a docstring inside a function: a line that could have held another word ends a paragraph
WIDTH = 88  # columns of a signature on a page


def markdown(text: str) -> str:
    """Text in which `<` is no tag; code between backticks stays as it is."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts)


def paragraphs(text: str, line: int = LINE) -> list[str]:
    """Cut at empty lines, and where a sentence ends a line although the next word would have fitted."""
    found: list[list[str]] = [[]]
    lines = text.strip("\n").split("\n")
    for one, following in zip(lines, [*lines[1:], ""], strict=True):
        found[-1].append(one.strip())
        if not one.strip() or (one.endswith(".") and len(one) + 1 + len(following.split(" ")[0]) <= line):
            found.append([])
    return [" ".join(filter(None, lines)) for lines in found if any(lines)]


def described(text: str) -> str:
    """A docstring that explains arguments: `name: words` becomes a line of a list, indented blocks stay code."""
    return "\n\n".join(_block(block.split("\n")) for block in re.split(r"\n\s*\n", text.strip("\n")) if block.strip())


def _block(lines: list[str]) -> str:
    if all(line.startswith("    ") for line in lines):
        return "```text\n" + textwrap.dedent("\n".join(lines)) + "\n```"
    items: list[str] = []
    for line in lines:
        named = re.match(r"([a-zA-Z_]+(?:(?:, | and )[a-zA-Z_]+)*): (?=\S)", line)
        if named:
            names = re.sub(r"\b(?!and\b)([a-zA-Z_]+)", r"`\1`", named[1])
            items.append(f"- {names}: {markdown(line[named.end() :])}")
        elif items:
            items[-1] += " " + markdown(line.strip())
        else:
            items.append(markdown(line))
    return "\n".join(items)


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def signature(name: str, form: Callable[..., Any]) -> str:
    """`name(arguments)` without annotations, folded."""
    shown = inspect.signature(form)
    bare = inspect.Signature([one.replace(annotation=inspect.Parameter.empty) for one in shown.parameters.values()])
    folded = textwrap.wrap(f"{name}{bare}", WIDTH, subsequent_indent="    ", break_long_words=False)
    return "\n".join(folded).replace("<factory>", "...")
