"""Shows one training while it runs: epochs, metric, and the time that is left."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console

from losslab.report import words
from losslab.report.progress import Progress


def lasting(seconds: float) -> str:
    """A time that is left, roughly: 8 s, 3 min, 1.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@contextmanager
def shown(epochs: int, metric: str, console: Console | None = None) -> Iterator[Callable[[Mapping[str, float]], None]]:
    """What to call with each line of a history ("epoch", "loss", the metric); the line stays when training ends."""
    start, first = time.perf_counter(), 0

    def tell(line: Mapping[str, float]) -> None:
        nonlocal first
        epoch = int(line["epoch"])
        first = first or epoch  # where training was resumed, what came before took no time
        each = (time.perf_counter() - start) / (epoch - first + 1)
        facts = [f"loss {words.number(line['loss'])}", f"{metric} {words.number(line[metric])}"]
        left = [f"{lasting(each * (epochs - epoch))} left"] if epoch < epochs else []
        progress.update(epoch, note="   ".join(facts + left))

    shown = console or Console(stderr=True, highlight=False, markup=False, emoji=False)
    with Progress("fit", epochs, shown) as progress:
        yield tell
