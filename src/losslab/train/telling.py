"""Who is told of each epoch of `losslab.fit`: a line on the screen, TensorBoard, the caller."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from losslab.train.course import Line, Told


@contextmanager
def telling(epochs: int, metric: str, *, progress: bool | Told = False, log_dir: Any = None) -> Iterator[list[Told]]:
    """What to call with each line of the history, for as long as the context lasts."""
    with ExitStack() as stack:
        told: list[Told] = []
        if log_dir is not None:
            told.append(stack.enter_context(to_tensorboard(log_dir)))
        if callable(progress):
            told.append(progress)
        elif progress:
            from losslab.report.live_fit import shown

            told.append(stack.enter_context(shown(epochs, metric)))
        yield told


@contextmanager
def to_tensorboard(log_dir: Any) -> Iterator[Told]:
    """Writes each number of a line as a scalar of its name, by epoch."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        text = "log_dir: TensorBoard is not installed; pip install tensorboard, or leave log_dir out"
        raise ModuleNotFoundError(text) from error
    writer = SummaryWriter(str(log_dir))

    def tell(line: Line) -> None:
        for name, value in line.items():
            if name != "epoch":
                writer.add_scalar(name, value, int(line["epoch"]))

    try:
        yield tell
    finally:
        writer.close()
