"""A live line for each stage of a search; without a terminal, one plain line when the stage ends."""

import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from losslab.report import words

BAR = 26


class Progress:
    """`with Progress("search", 255, console) as progress: progress.update(done=32, alive=12, best=0.981)`

    `write_best` turns the best value into text. The last line stays on the screen, after Ctrl-C too.
    """

    def __init__(
        self, stage: str, total: int, console: Console, *, write_best: Callable[[float], str] = words.number
    ) -> None:
        self.stage, self.total, self.console, self.write_best = stage, total, console, write_best
        self.done = 0
        self.alive: int | None = None
        self.best: float | None = None
        self.note = ""
        self._start = time.perf_counter()
        self._live: Live | None = None

    def update(
        self, done: int | None = None, *, alive: int | None = None, best: float | None = None, note: str | None = None
    ) -> None:
        """What is None stays as it was."""
        self.done = self.done if done is None else done
        self.alive = self.alive if alive is None else alive
        self.best = self.best if best is None else best
        self.note = self.note if note is None else note

    def line(self) -> Text:
        share = min(self.done / self.total, 1) if self.total else 1
        facts = [f"{words.count(self.done)}/{words.count(self.total)}"]
        if self.alive is not None:
            facts.append(f"alive {self.alive}")
        if self.best is not None:
            facts.append(f"best {self.write_best(self.best)}")
        if self.note:
            facts.append(words.clean(self.note))
        facts.append(f"{time.perf_counter() - self._start:.1f} s")
        return Text(f"{self.stage:<8} {'#' * int(share * BAR):<{BAR}} {'   '.join(facts)}", no_wrap=True)

    def __enter__(self) -> "Progress":
        self._start = time.perf_counter()
        if self.console.is_terminal:
            self._live = Live(get_renderable=self.line, console=self.console, refresh_per_second=8, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        self.console.print(self.line())
