"""Errors for people, and Ctrl-C that stops between two steps."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.text import Text

    from losslab.search.result import TuneData

WRONG_INPUT, INTERRUPTED = 2, 130
WIDEST = 110  # columns of text
EXPECTED = (ValueError, TypeError, OSError, ModuleNotFoundError, RuntimeError)


@contextmanager
def plain_errors(debug: bool = False) -> Iterator[None]:
    """Shows what is wrong in one paragraph and exits with status 2; `debug` shows the traceback too."""
    try:
        yield
    except typer.Exit:  # which is a RuntimeError
        raise
    except BrokenPipeError:  # as after `| head`: whoever read has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except EXPECTED as error:
        if debug:
            raise
        text = str(error) or type(error).__name__
        if isinstance(error, OSError) and error.strerror and error.filename is not None:
            text = f"{error.filename}: {error.strerror}"
        from losslab.report.words import clean

        shown = "\n".join(clean(line) for line in text.splitlines())  # names in it may hold escape codes
        typer.echo(f"losslab: {shown}", err=True)
        raise typer.Exit(WRONG_INPUT) from None


class Interrupt:
    """Ctrl-C (and a polite kill) as a question that training asks between two steps; the second one is immediate."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self) -> bool:
        return self.asked

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        sys.stderr.write("\nstopping at the next step ...\n")

    @contextmanager
    def listening(self) -> Iterator["Interrupt"]:
        before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def numbers(text: str, name: str) -> int | list[int]:
    """An option that is one whole number, or several to search: "20" or "10,20,40"."""
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"{name} {text!r}: a whole number, or several with commas between them") from None
    return found[0] if len(found) == 1 else found


def listed(text: str | None) -> list[str] | None:
    """An option with commas between its values."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def show(data: "TuneData", *parts: "Callable[[TuneData, int], Text]") -> None:
    """Prints parts of a result, a blank line after each, as wide as the terminal and a page allow."""
    from losslab.report import terminal

    console = terminal.console()
    for part in parts:
        console.print(part(data, min(console.width, WIDEST)))
        console.print()
