"""How long a step takes by each engine: some of each in turn, so that a busy moment hits all, and the least counts."""

import time
from collections.abc import Callable, Mapping, Sequence

from losslab.train.batches import EpochBatches, Fold
from losslab.train.native.epochs import Epochs
from losslab.train.network import Network
from losslab.train.population import Population
from losslab.train.step import step

LEAST, MOST = 3, 12  # rounds
MEASURED = 0.01  # seconds of each engine, after which it is enough
CLEAR = 20.0  # times behind the fastest: who is so far behind is not asked again; less as rounds go by
TOGETHER, CALL = 8, 0.005  # steps of a native call at most, and its seconds about


class Runner:
    """A population that makes the first steps of an epoch, again and again; the first of them untimed."""

    def __init__(self, population: Population, folds: Sequence[Fold]) -> None:
        self.population, self.steps = population, 1
        self.native = Epochs.of(population, folds)
        if self.native is None:
            self.batch = EpochBatches(population.members, folds, 0)[0]
        else:
            most = min(self.native.begin(), TOGETHER)
        first = self.run()
        if self.native is not None:  # as in training, where what a member needs stays in cache between its steps
            self.steps = max(min(most, int(CALL / max(first * len(population), 1e-9))), 1)

    def run(self) -> float:
        """Seconds of a member's step."""
        start = time.perf_counter()
        if self.native is not None:
            self.native.run(self.steps)
        else:
            step(self.population, *self.batch)
        return (time.perf_counter() - start) / self.steps / len(self.population)


def race(makes: Mapping[type[Network], Callable[[], Population]], folds: Sequence[Fold]) -> dict[type[Network], float]:
    """The least seconds of a member's step by each engine; of those that are clearly slower, of one step."""
    running = {engine: Runner(make(), folds) for engine, make in makes.items()}
    least = dict.fromkeys(makes, float("inf"))
    start = time.perf_counter()
    for done in range(MOST):
        enough = time.perf_counter() - start > MEASURED * len(makes)
        if done and (len(running) == 1 or (done >= LEAST and enough)):
            break
        for engine, runner in running.items():
            least[engine] = min(least[engine], runner.run())
        most = min(least.values()) * (1 + CLEAR / (done + 1) ** 2)
        running = {engine: runner for engine, runner in running.items() if least[engine] <= most}
    return least
