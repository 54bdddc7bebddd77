"""How many trials a time budget allows: a few steps of a probe are timed, and nothing else depends on the clock."""

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from torch import Tensor

from losslab.search.budget import seconds_of
from losslab.search.halving import KEEP
from losslab.search.journal import read_lines
from losslab.search.propose import plan
from losslab.train.loop import Stopped
from losslab.train.session import Session

if TYPE_CHECKING:
    from losslab.search.study import Study

WARM, STEPS = 3, 9  # steps of a stack that are not timed, and that are
PROBED = 48  # members of each loss in the larger stack
MOST_TRIALS = 4096
BESIDE = 1.25  # times the steps: looking at validation, thresholds, baselines, the report
FIXED = 4.0  # seconds, whatever the search: baselines, comparison, files


@dataclass(frozen=True)
class Pace:
    """Seconds of one step, as two stacks took them: between their sizes on a line, beyond the larger in proportion."""

    few: int
    short: float
    many: int
    long: float

    def __call__(self, members: int) -> float:
        if members >= self.many:
            return self.long * members / self.many
        if members <= self.few:
            return self.short
        return self.short + (self.long - self.short) * (members - self.few) / (self.many - self.few)


def affordable(study: "Study", fewest: int) -> tuple[int, str]:
    """Trials for each loss within the budget, and the words that say so; at least `fewest`.

    What a study on disk had decided stays decided, so that it goes on with the same trials.
    """
    options, losses = study.options, len(study.records)
    decided = decided_before(study)
    if decided is not None:
        return decided
    budget, pace = str(options.budget), pace_of(study)
    seconds = seconds_of(options.budget or "") / (options.nested + 1) - elapsed(study)
    most = max(MOST_TRIALS // losses, fewest)
    low, high = fewest, most + 1  # the first is taken, the last is not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if estimate(study, pace, middle) <= seconds else (low, middle)
    share = f"{losses} {'loss' if losses == 1 else 'losses'} x {low:,}"
    how = f"decided from {2 * STEPS} steps of a probe"
    how += ", as many as are tried at most" if low == most else ""
    if low == fewest and estimate(study, pace, fewest) > seconds:
        needs = estimate(study, pace, fewest) + elapsed(study)
        return low, (
            f"{budget} is too short: {low * losses:,} trials = {share}, the fewest that can be trusted, take about "
            f"{math.ceil(needs):,} s and are searched instead ({how})"
        )
    return low, f"{budget}: {low * losses:,} trials = {share}, {how}"


def decided_before(study: "Study") -> tuple[int, str] | None:
    """What the record of a study that goes on says; None where there is none."""
    out = study.options.out
    path = None if out is None else out / "journal.jsonl"
    if path is None or not study.options.resume or not path.exists():
        return None
    lines = read_lines(path)
    told = [line for line in lines if line["kind"] == "budget"]
    trials = lines[0].get("fingerprint", {}).get("trials") if lines else None
    if not trials:
        return None
    text = told[0]["text"] if told else f"{study.options.budget}: {trials:,} trials, as decided before"
    return trials // len(study.records), text


def elapsed(study: "Study") -> float:
    """Seconds since the study began."""
    return time.perf_counter() - study.started


def estimate(study: "Study", pace: Pace, each: int) -> float:
    """Seconds of a study with so many trials for each loss, from now on."""
    options, train = study.options, len(study.problem.split.train)
    steps = math.ceil(train / options.first_batch_size)
    proposer = next(iter(study.proposers.values()))
    search = sum(
        epochs * steps * pace(alive * len(study.records))
        for size in plan(options.sampler, each, len(proposer.free), len(study.records))
        for epochs, alive in stretches(study.rungs, size, options.halving)
    )
    confirm = options.most_epochs * math.ceil(0.9 * steps) * pace(study.finalists * options.runs)
    return FIXED + BESIDE * (search + confirm)


def stretches(rungs: Sequence[int], size: int, halving: bool) -> list[tuple[int, int]]:
    """(epochs, members of a loss alive) from each rung to the next: the best third, and the default, go on."""
    if not halving:
        return [(rungs[-1], size)]
    found, before, alive = [], 0, size
    for rung in rungs:
        found.append((rung - before, alive))
        before, alive = rung, min(math.ceil(KEEP * alive) + 1, alive)
    return found


def pace_of(study: "Study") -> Pace:
    """From the steps of a stack with one member of each loss, and of one about as large as a search has."""
    return Pace(*timed(study, 1), *timed(study, PROBED))


def timed(study: "Study", each: int) -> tuple[int, float]:
    """Members of the first stack with so many of each loss, and the median seconds of its steps."""
    stage = study.probe_stage()
    wanted = [default for default in study.defaults.values() for _ in range(each)]
    members = [stage.member(one, number=place) for place, one in enumerate(wanted)]
    made: list[int] = []  # steps that were made together, and when they were done
    moments: list[float] = []

    def note(losses: Tensor, _: Tensor) -> None:
        made.append(losses.shape[1])
        moments.append(time.perf_counter())

    enough = WARM + STEPS
    session = Session(study.assembly, members, stop=lambda: sum(made) > enough and len(made) > WARM, on_losses=note)
    stack = len(session.populations[0])
    with suppress(Stopped):
        session.advance(10**6)
    spans = zip(moments[WARM - 1 :], moments[WARM:], made[WARM:], strict=False)
    return stack, median((after - before) / steps for before, after, steps in spans)
