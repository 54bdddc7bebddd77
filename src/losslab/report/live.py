"""Shows a study while it runs: a line for the search, one for the retrainings."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from losslab.report import terminal, words
from losslab.report.progress import Progress

if TYPE_CHECKING:
    from losslab.search.study import Study


@contextmanager
def watched(study: "Study", console: Console | None = None) -> Iterator[None]:
    """Fills the study's hooks for as long as the context lasts; the line of a stage stays when the stage ends."""
    console = console or terminal.console()
    numbers = words.Numbers.of(study.data)
    search = Progress("search", study.quota.total, console, write_best=numbers.value)
    confirm = Progress("confirm", study.finalists * study.options.runs, console)
    nested = Progress("nested", 0, console)
    open_stages: list[Progress] = []
    steps = 0

    def enter(stage: Progress) -> None:
        if stage not in open_stages:
            leave()
            open_stages.append(stage)
            stage.__enter__()

    def leave() -> None:
        while open_stages:
            open_stages.pop().__exit__(None, None, None)

    def on_step(members: int) -> None:
        nonlocal steps
        steps += 1
        if not open_stages:
            enter(search)
        if steps % 10 == 0:
            open_stages[-1].update(note=f"step {steps:,}" if console.is_terminal else None)

    def on_rung(done: int, alive: int, best: float | None) -> None:
        search.update(done, alive=alive, best=best)
        if done == search.total:
            search.update(note="")
            enter(confirm)

    def on_confirm(done: int, total: int) -> None:
        enter(confirm)
        confirm.update(done, note="test part read once" if done == total else None)

    def on_nested(done: int, total: int) -> None:
        nested.total = total
        enter(nested)
        nested.update(done)

    hooks = study.hooks
    before = (hooks.on_step, hooks.on_rung, hooks.on_confirm, hooks.on_nested)
    hooks.on_step, hooks.on_rung, hooks.on_confirm, hooks.on_nested = on_step, on_rung, on_confirm, on_nested
    try:
        yield
    finally:
        leave()
        hooks.on_step, hooks.on_rung, hooks.on_confirm, hooks.on_nested = before
