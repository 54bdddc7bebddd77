"""How a study runs, and how it talks to the outside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from losslab.search.budget import seconds_of
from losslab.search.dimensions import choices_of
from losslab.search.propose import check_sampler
from losslab.search.space import positive
from losslab.search.storage import Address
from losslab.train.device import check_device


@dataclass
class Options:
    """How a study runs; `losslab.tune` documents each. Raises ValueError for what cannot work, whatever the data."""

    trials: int | None = 256  # None: each loss at its defaults, without a search
    losses: Any = None
    optimizers: Sequence[str] = ("adamw",)
    epochs: int | Sequence[int] = 20
    batch_size: int | Sequence[int] = 64
    sampler: str = "quasi-random"
    halving: bool = True
    runs: int = 20
    margin: float = 0.01
    nested: int = 0
    seed: int = 0
    corrupt_train: float = 0.0
    pretrained: bool = False
    engine: str = "auto"
    device: str = "cpu"
    untuned: bool = True  # whether the untuned default stands beside the tuned one
    baselines: bool = True  # whether what is no network, and remedies for uneven classes, stand beside the losses
    watch: Sequence[Any] = ()  # metrics beside the one that decides; the task's usual ones, unless given
    cost: Any = None  # what a wrong answer costs: makes the metric "cost"
    budget: str | float | None = None  # "10m": how long the study may take, from which the trials are decided
    settings: Mapping[str, Any] = field(default_factory=dict)  # see `dimensions`: one value, or several to search
    out: Path | None = None
    resume: bool = False
    storage: Any = None
    command: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.optimizers, str):
            self.optimizers = (self.optimizers,)
        if not self.optimizers:
            raise ValueError("optimizers is empty; name at least one, e.g. ['adamw']")
        self.epochs, self.batch_size = choices("epochs", self.epochs), choices("batch_size", self.batch_size)
        self.watch = (self.watch,) if isinstance(self.watch, str) or callable(self.watch) else tuple(self.watch)
        choices_of(self.settings)
        if self.budget is not None:
            seconds_of(self.budget)
            if self.trials is None:
                raise ValueError("budget: it decides the number of trials, and this study has no search; leave it out")
        if self.trials is not None:
            positive("trials", self.trials)
        if self.runs < 2:
            raise ValueError(f"runs is {self.runs}; at least 2 retrainings are needed to see how much they vary")
        if not 0 < self.margin < 1:
            raise ValueError(f"margin is {self.margin:g}; a share of the metric's scale is wanted, e.g. 0.01")
        if self.out is not None and self.out.exists() and not self.out.is_dir():
            raise ValueError(f"{self.out} is a file; a folder is wanted for what the study writes")
        if self.nested == 1 or self.nested < 0:
            raise ValueError(f"nested is {self.nested}; at least 2 splits are needed to see how much the answer varies")
        self.storage = None if self.storage is None else Address(self.storage)  # shown without its password
        check_sampler(self.sampler)
        check_device(self.device)

    @property
    def most_epochs(self) -> int:
        return self.epochs if isinstance(self.epochs, int) else max(self.epochs)

    @property
    def first_batch_size(self) -> int:
        return self.batch_size if isinstance(self.batch_size, int) else self.batch_size[0]


@dataclass
class Hooks:
    """What a study tells the outside while it runs, and how it is asked to stop."""

    stop: Callable[[], bool] = lambda: False
    on_step: Callable[[int], None] = lambda members: None
    on_rung: Callable[[int, int, float | None], None] = lambda done, alive, best: None
    on_confirm: Callable[[int, int], None] = lambda done, total: None
    on_nested: Callable[[int, int], None] = lambda done, total: None


def choices(name: str, value: int | Sequence[int]) -> int | list[int]:
    """One number, or those that are searched: each once, in the order given."""
    if not isinstance(value, Sequence):
        return positive(name, value)
    if not value or isinstance(value, str):
        raise ValueError(f"{name}: {value!r}; a whole number is wanted, or several to search")
    found = list(dict.fromkeys(positive(name, one) for one in value))
    return found if len(found) > 1 else found[0]


def searched(value: int | Sequence[int]) -> list[int] | None:
    """The choices, where there is a choice."""
    return None if isinstance(value, int) else list(value)
