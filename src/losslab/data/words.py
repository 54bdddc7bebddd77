"""Small pieces of sentences that error messages share."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """`"; nearest: huber, hinge"`, or nothing where no known name is close."""
    spelling = {word.lower(): word for word in known}
    near = [spelling[word] for word in get_close_matches(name.lower(), spelling, n=3, cutoff=0.5)]
    return f"; nearest: {', '.join(near)}" if near else ""


def some(words: Sequence[object], limit: int = 8) -> str:
    """The first few of many words: `a, b, c and 12 more`."""
    shown = ", ".join(str(word) for word in words[:limit])
    return f"{shown} and {len(words) - limit} more" if len(words) > limit else shown


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 row`, `1,797 rows`, `3 classes`"""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
