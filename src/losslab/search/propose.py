"""Which configuration to try next: Optuna's samplers, asked in batches, one in-memory study for each loss.

A batch depends on (seed, loss, batch number) and on what was told before, in trial order, and on nothing else. So a
resumed search makes the same proposals again: ask for the batches in turn and tell what the record on disk holds.
"""

import itertools
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch

from losslab.search.space import Configuration, Space, State, to_configuration, to_values
from losslab.spec.record import LossRecord
from losslab.train.member import key

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial

SAMPLERS = ("quasi-random", "random", "grid", "tpe", "gp", "cma-es", "nsga-ii")
ADAPTIVE_SHARE = 8  # the last eighth of a quasi-random search adapts (TPE)
ADAPTIVE_BATCHES = 2
SMALLEST_STACK = 16  # of members of all losses: a smaller one takes nearly as long, for fewer configurations
BATCHES = 8  # of the samplers that adapt throughout
UNAWARE_OF_PRUNING = ("gp", "cma-es", "nsga-ii")  # told of a pruned member as if its last rung had been its end


class Proposer:
    """Proposes the configurations of one loss: `quota` of them, the default first.

    `space` is `space_of(record, ...)`, `default` is `default_configuration(record, ...)`. Trial numbers run from
    `start`; `peers` losses train in one stack. Ask `next_batch()`, `tell` every member of the batch, ask again, until
    an empty list comes back. `batches` says how many configurations each batch has. Values are told in the metric's own
    sense (`higher_is_better`). Raises ValueError for an unknown sampler, ModuleNotFoundError where it needs a package.
    """

    def __init__(
        self,
        record: LossRecord,
        space: Space,
        sampler: str = "quasi-random",
        *,
        default: Configuration,
        quota: int,
        seed: int = 0,
        higher_is_better: bool = True,
        start: int = 0,
        peers: int = 1,
    ) -> None:
        import optuna

        self.sampler = check_sampler(sampler)
        if quota < 1:
            raise ValueError(f"{record.name}: a quota of {quota} trials; it must be at least 1")
        self.record, self.seed, self.quota, self.start = record, seed, quota, start
        self.space = space
        self.default = default
        self.free = {name: d for name, d in space.items() if not d.single()}
        self.fixed = {name: only_value(d) for name, d in space.items() if d.single()}
        self.batches = plan(self.sampler, quota, len(self.free), peers)
        self._asked: dict[int, Trial] = {}
        self._told: dict[int, tuple[list[tuple[int, float]], float | None, State]] = {}
        self._batch = 0
        with quiet():
            self._study = optuna.create_study(direction="maximize" if higher_is_better else "minimize")

    def next_batch(self) -> list[Configuration]:
        """The next configurations, in the order of their numbers; empty when the quota is used up.

        Raises RuntimeError while members of the batch before have not been told.
        """
        self._settle()
        if self._batch == len(self.batches):
            return []
        first = self.start + sum(self.batches[: self._batch])
        numbers = range(first, first + self.batches[self._batch])
        points = self._points(numbers)
        self._batch += 1
        return [self._configuration(number, point) for number, point in zip(numbers, points, strict=True)]

    def tell(self, number: int, curve: Sequence[tuple[int, float]], value: float | None, state: State) -> None:
        """How trial `number` ended. `curve` has (epoch, metric) at each rung; a pruned trial is known by its curve."""
        if number not in self._asked or number in self._told:
            raise ValueError(f"{self.record.name}: trial {number} is not waiting for an outcome")
        self._told[number] = (list(curve), value, state)

    def _settle(self) -> None:
        """Tells the study what came in, in trial order, whatever the order it came in."""
        from optuna.trial import TrialState

        missing = [number for number in self._asked if number not in self._told]
        if missing:
            raise RuntimeError(f"{self.record.name}: trials {missing[:5]} of the last batch have no outcome yet")
        for number in sorted(self._asked):
            trial, (curve, value, state) = self._asked[number], self._told[number]
            for epoch, metric in curve:
                trial.report(metric, epoch)
            if state == "pruned" and self.sampler in UNAWARE_OF_PRUNING:
                state, value = "complete", curve[-1][1] if curve else None
            if state == "complete" and value is not None and math.isfinite(value):
                self._study.tell(trial, value)
            else:
                self._study.tell(trial, state=TrialState.PRUNED if state == "pruned" else TrialState.FAIL)
        self._asked.clear()
        self._told.clear()

    def _points(self, numbers: range) -> list[dict[str, Any]]:
        """A point of the space for each number: the default, a grid, Sobol points are given; the rest is asked for."""
        from optuna.samplers import RandomSampler

        seed = key("propose", self.seed, self.record.name, self._batch) % 2**32
        given: list[dict[str, Any]] = []
        if self._batch == 0:
            given = [within(to_values(self.default, self.space), self.free)]
            given += grid(self.free, self.quota - 1) if self.sampler == "grid" else []
            given += (
                sobol(self.free, len(numbers) - len(given), seed) if self.sampler in ("quasi-random", "grid") else []
            )
        with quiet():
            self._study.sampler = RandomSampler(seed=seed)
            for point in given:
                self._study.enqueue_trial(point)
            trials = [self._study.ask(self.free) for _ in given]
            self._study.sampler = self._make_sampler(seed, len(numbers))
            trials += [self._study.ask(self.free) for _ in range(len(numbers) - len(given))]
        self._asked = dict(zip(numbers, trials, strict=True))
        return [trial.params for trial in trials]

    def _configuration(self, number: int, values: Mapping[str, Any]) -> Configuration:
        if number == self.start:
            return Configuration.from_json({**self.default.to_json(), "number": number})
        known = {**self.fixed, **values}
        ordered = {name: known[name] for name in self.space if name in known}  # members of a family look alike
        return to_configuration(ordered, self.record, number=number)

    def _make_sampler(self, seed: int, batch: int) -> "BaseSampler":
        """A sampler for one batch; `seed` depends on (seed, loss, batch number) alone."""
        from optuna import samplers

        startup = min(10, max(self.quota // 4, 1))
        if not self.free:
            return samplers.RandomSampler(seed=seed)
        if self.sampler == "tpe" or (self.sampler == "quasi-random" and self._batch > 0):
            return samplers.TPESampler(seed=seed, n_startup_trials=startup, constant_liar=True)
        if self.sampler == "gp":
            return samplers.GPSampler(seed=seed, n_startup_trials=startup)
        if self.sampler == "cma-es":
            return samplers.CmaEsSampler(seed=seed, popsize=self.batches[0], warn_independent_sampling=False)
        if self.sampler == "nsga-ii":
            return samplers.NSGAIISampler(seed=seed, population_size=max(self.batches[0], 2))
        return samplers.RandomSampler(seed=seed)


def check_sampler(name: str) -> str:
    """The name of a sampler, or an error with the nearest names, or with the package that is missing."""
    spelling = str(name).lower().replace("_", "-")
    if spelling not in SAMPLERS:
        near = get_close_matches(spelling, SAMPLERS, n=2, cutoff=0.4)
        raise ValueError(f"no sampler {name!r}; {'nearest' if near else 'known'}: {', '.join(near or SAMPLERS)}")
    if spelling == "cma-es" and find_spec("cmaes") is None:
        raise ModuleNotFoundError("sampler 'cma-es' needs the package cmaes: pip install cmaes", name="cmaes")
    return spelling


def plan(sampler: str, quota: int, dimensions: int, peers: int = 1) -> tuple[int, ...]:
    """How many configurations each batch asks for; they add up to the quota. `peers` losses train in one stack."""
    if sampler in ("random", "grid"):
        return (quota,)
    if sampler == "quasi-random":
        adaptive = quota // ADAPTIVE_SHARE
        batches = min(ADAPTIVE_BATCHES, adaptive * peers // SMALLEST_STACK)
        return (quota - adaptive, *chunks(adaptive, math.ceil(adaptive / batches))) if batches else (quota,)
    size = math.ceil(quota / BATCHES)
    if sampler == "cma-es":  # its population must not be smaller than the usual one
        size = max(size, 4 + int(3 * math.log(max(dimensions, 1))))
    return chunks(quota, max(size, 4 if sampler == "nsga-ii" else 1))


def chunks(total: int, size: int) -> tuple[int, ...]:
    """`total` in parts of `size`, the last one smaller."""
    return tuple(min(size, total - first) for first in range(0, total, max(size, 1)))


def sobol(space: Space, count: int, seed: int) -> list[dict[str, Any]]:
    """Scrambled Sobol points of a space's numbers, `count` of them; choices are left to be drawn at random.

    From torch: Optuna's sampler needs scipy, whose import takes longer than a small search.
    """
    numbers = {name: d for name, d in space.items() if not hasattr(d, "choices")}
    if not numbers or count < 1:
        return []
    shares = torch.quasirandom.SobolEngine(len(numbers), scramble=True, seed=seed).draw(count, dtype=torch.float64)
    return [
        {name: at(d, share) for (name, d), share in zip(numbers.items(), row, strict=True)} for row in shares.tolist()
    ]


def at(distribution: Any, share: float) -> float:
    """The number at a share of a range, or of its logarithm where it is searched so."""
    low, high = distribution.low, distribution.high
    value = low * (high / low) ** share if distribution.log else low + (high - low) * share
    return float(min(max(value, low), high))


def grid(space: Space, count: int) -> list[dict[str, Any]]:
    """At most `count` points on a grid, with as equal a number of values in each dimension as fits.

    A dimension is cut in k equal parts (of its logarithm, where it is searched so) and the middle of each is taken.
    With several optimisers each has a grid of its own hyperparameters.
    """
    optimizers = getattr(space.get("optimizer"), "choices", ())
    if not optimizers:
        return lattice(space, count)
    points = []
    for place, optimizer in enumerate(optimizers):
        others = tuple(f"{other}." for other in optimizers if other != optimizer)
        branch = {n: d for n, d in space.items() if n != "optimizer" and not n.startswith(others)}
        share = count // len(optimizers) + (place < count % len(optimizers))
        points += [{"optimizer": optimizer, **point} for point in lattice(branch, share)]
    return points


def lattice(space: Space, count: int) -> list[dict[str, Any]]:
    """The grid of a space all of whose dimensions apply."""
    if count < 1:
        return []
    sides = dict.fromkeys(space, 1)
    limits = {name: len(getattr(d, "choices", ())) or math.inf for name, d in space.items()}

    def can_grow(name: str) -> bool:
        return sides[name] < limits[name] and math.prod(sides.values()) // sides[name] * (sides[name] + 1) <= count

    while growable := [name for name in space if can_grow(name)]:
        sides[min(growable, key=lambda name: (sides[name], math.isinf(limits[name])))] += 1  # of equals, choices first
    values = [middles(distribution, sides[name]) for name, distribution in space.items()]
    return [dict(zip(space, point, strict=True)) for point in itertools.product(*values)]


def middles(distribution: Any, parts: int) -> list[Any]:
    """The middles of equal parts of a range, or the first choices."""
    if hasattr(distribution, "choices"):
        return list(distribution.choices[:parts])
    return [at(distribution, (i + 0.5) / parts) for i in range(parts)]


def within(values: Mapping[str, Any], space: Space) -> dict[str, Any]:
    """The values of the dimensions of a space, moved to the nearest value that the search can propose."""
    moved = {name: values[name] for name in space if name in values}
    for name, value in moved.items():
        distribution: Any = space[name]
        if not hasattr(distribution, "choices"):
            moved[name] = min(max(value, distribution.low), distribution.high)
    return moved


def only_value(distribution: Any) -> Any:
    """The one value of a distribution that has no other."""
    return distribution.choices[0] if hasattr(distribution, "choices") else distribution.low


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps Optuna's notices (a study was created, a class is experimental) from the reader; puts its level back."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)
