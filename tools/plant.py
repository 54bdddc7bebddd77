"""Plants faults into the rules of the catalogue and prints which survive the tests: `make plant`.

    python tools/plant.py --loss huber_loss
    python tools/plant.py --family robust --limit 50

A fault is one change of a rule, of a helper that rules use, or of a default (mutants.py makes them). It is planted in
the memory of a process of its own, forked for it. It is caught when a contract suite (losslab.testing.losses) fails for
a loss that the function serves, or a file of tests/unit/catalog that names such a loss, or when the process dies or
does not end. A survivor that changes no result is equivalent, and not counted.
Exit status: 1 when more than the allowed share survives, 2 when a test fails before any fault is planted
(it is left out).
"""

import argparse
import os
import random
import re
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any, Literal

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parent))

import pytest
import torch
import torch._dynamo  # once, and not anew in each fork that compiles
from equivalence import changes_nothing
from mutants import Mutant, mutants
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from losslab.catalog import CATALOGUE
from losslab.spec.declare import Catalogue
from losslab.spec.forms import functional
from losslab.spec.record import LossRecord, parameters_of
from losslab.testing.losses import suites_of

TESTS = Path(__file__).parents[1] / "tests" / "unit" / "catalog"
CHEAP, DEAR = ("cases", "torch"), ("gradients", "compile")  # what is tried first, and last
LONGEST = 180  # seconds for one fault; the slowest loss passes all its suites in ten
EVERY = 50  # faults between two lines of a run that nobody looks at
MOST = 4  # losses that a fault in a helper is tried with: some helpers serve forty, and others add little

Verdict = Literal["caught", "survived", "equivalent"]


@dataclass
class Plan:
    """A fault, the losses that it touches, and the test files that name one of them."""

    family: str
    mutant: Mutant
    losses: list[str]
    tests: list[Path] = field(default_factory=list)

    @property
    def text(self) -> str:
        return f"{self.family}.py {self.mutant.function.__name__}: {self.mutant.change}"


def plans(catalogue: Catalogue, families: list[str], loss: str | None, tests: bool = True) -> list[Plan]:
    """Every fault in the rules and helpers of the losses that are asked for; no families: of all."""
    users: dict[Callable[..., Any], list[LossRecord]] = {}
    for record in catalogue.values():
        for function in (record.rule, *record.uses):
            users.setdefault(function, []).append(record)
    found = []
    for function, records in users.items():
        home = function.__module__.rpartition(".")[2]
        names = [record.name for record in records if loss in (None, record.name)][:MOST]
        if names and (not families or home in families):
            files = naming(names) if tests else []
            found += [Plan(home, mutant, names, files) for mutant in mutants(function)]
    return found


def naming(losses: list[str]) -> list[Path]:
    """The test files in which one of the losses, or its module, is named."""
    words = {w for name in losses for w in (name, name.removesuffix("_loss"), CATALOGUE[name].module_name)}
    named = re.compile(rf"\b({'|'.join(map(re.escape, words))})\b")
    return [path for path in sorted(TESTS.glob("test_*.py")) if named.search(path.read_text("utf-8"))]


def judge(plan: Plan, catalogue: Catalogue) -> tuple[Verdict, str]:
    """What becomes of the fault; in a process of its own, since it stays planted."""
    records = [catalogue[name] for name in plan.losses]
    plan.mutant.plant()
    if plan.mutant.defaults:
        for record in records:
            catalogue.add(redeclared(record))
    told = first_failure(plan.losses, CHEAP, [], catalogue)
    if told:
        return "caught", told
    if not plan.mutant.defaults and changes_nothing(plan.mutant, records):
        return "equivalent", ""
    suites = {suite for record in records for suite in suites_of(record)}
    rest = sorted(suites - {*CHEAP}, key=lambda name: (name in DEAR, name))
    told = first_failure(plan.losses, rest, plan.tests, catalogue)
    return ("caught" if told else "survived"), told


def redeclared(record: LossRecord) -> LossRecord:
    """The record with the defaults that its rule has now."""
    changed = replace(record, parameters=parameters_of(record.rule, record.parameters))
    return replace(changed, form=functional(changed))


def first_failure(losses: list[str], suites: Iterable[str], tests: list[Path], catalogue: Catalogue) -> str:
    """What fails first, contract suites before test files; "" where all passes."""
    for suite in suites:
        for record in (catalogue[name] for name in losses):
            try:
                suites_of(record).get(suite, passes)(record)
            except Exception as error:
                return f"{suite} of {record.name}: {error}"
    for path in tests:
        # An error while a file is collected counts too: some compute what they expect there.
        ended = pytest.main([str(path), "-x", "-q", "-p", "no:cacheprovider"], plugins=[TestsOf({*losses})])
        if ended not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            return path.name
    return ""


def passes(record: LossRecord) -> None:
    """In the place of a suite that does not apply."""


@dataclass
class TestsOf:
    """Leaves out the tests whose parameters name other losses only."""

    losses: set[str]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if self.concerns(getattr(item, "callspec", None))]

    def concerns(self, call: Any) -> bool:
        values = call.params.values() if call is not None else ()
        words = {getattr(value, "__name__", value) for value in values if callable(value) or isinstance(value, str)}
        named = {name for word in words for name in (word, f"{word}_loss") if name in iter(CATALOGUE)}
        return not named or not self.losses or bool(named & self.losses)


def apart(work: Callable[[], Any]) -> tuple[int, Connection]:
    """Runs `work` in a fork of this process, silent and of limited time; its result arrives at the connection."""
    reader, writer = Pipe(duplex=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: torch's sleep
        child = os.fork()
    if child:
        writer.close()
        return child, reader
    signal.alarm(LONGEST)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    try:
        writer.send(work())
    finally:
        os._exit(0)


def run(works: list[Callable[[], Any]], jobs: int) -> Iterator[tuple[int, Any]]:
    """The number and the result of each work as it ends; None for one that died or did not end."""
    waiting = list(enumerate(works))[::-1]
    running: dict[Connection, tuple[int, int]] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            number, work = waiting.pop()
            child, reader = apart(work)
            running[reader] = (number, child)
        for reader in wait(list(running)):
            assert isinstance(reader, Connection)
            number, child = running.pop(reader)
            try:
                result = reader.recv()
            except EOFError:
                result = None
            reader.close()
            os.waitpid(child, 0)
            yield number, result


def unsound(losses: list[str], catalogue: Catalogue, jobs: int) -> dict[str, str]:
    """What fails although nothing is planted, and how: it would catch every fault."""
    files = naming(losses)
    works: list[Callable[[], Any]] = [
        partial(first_failure, [name], suites_of(catalogue[name]), [], catalogue) for name in losses
    ]
    works += [partial(first_failure, [], [], [path], catalogue) for path in files]
    titles = [*losses, *(path.name for path in files)]
    return {titles[n]: "does not end" if told is None else told for n, told in run(works, jobs) if told != ""}


def main(catalogue: Catalogue = CATALOGUE) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loss", help="only this loss and its helpers")
    parser.add_argument(
        "--family", action="append", default=[], help="only this file of the catalogue, such as robust or robust.py"
    )
    parser.add_argument("--limit", type=int, help="only so many faults, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument("--allow", type=float, default=2.0, help="percent that may survive")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    console = Console(soft_wrap=True)

    loss = catalogue[asked.loss].name if asked.loss else None
    planned = plans(catalogue, [name.removesuffix(".py") for name in asked.family], loss)
    if asked.limit is not None and asked.limit < len(planned):
        planned = random.Random(asked.seed).sample(planned, asked.limit)
    losses = list(dict.fromkeys(name for plan in planned for name in plan.losses))
    if not planned:
        parser.error(f"no such loss in {', '.join(asked.family) or 'the catalogue'}")

    wrong = unsound(losses, catalogue, asked.jobs)
    for title, told in wrong.items():
        console.print(f"left out, since it fails before any fault is planted: {title}: {told}", markup=False)
    for plan in planned:
        plan.losses = [name for name in plan.losses if name not in wrong]
        plan.tests = [path for path in plan.tests if path.name not in wrong]
    planned = [plan for plan in planned if plan.losses]
    verdicts: list[Verdict] = ["caught"] * len(planned)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Without a thread that redraws: this process forks.
    done: list[int] = []
    with Progress(*columns, console=console, auto_refresh=False) as progress, suppress(KeyboardInterrupt):
        task, drawn = progress.add_task("faults", total=len(planned)), 0.0
        for number, result in run([partial(judge, plan, catalogue) for plan in planned], asked.jobs):
            done.append(number)
            if result is not None:  # a fault that crashes or hangs is caught
                verdicts[number] = result[0]
            if verdicts[number] == "survived":
                progress.console.print(planned[number].text, markup=False, highlight=False)
            survived = verdicts.count("survived")
            progress.update(task, advance=1, description=f"faults, {survived} survived")
            if time.monotonic() - drawn > 0.5:
                drawn = time.monotonic()
                progress.refresh()
            if not console.is_terminal and len(done) % EVERY == 0:
                console.print(f"{len(done)} of {len(planned)} faults, {survived} survived", highlight=False)
    # What was judged before Ctrl-C counts.
    status = report(console, [planned[n] for n in done], [verdicts[n] for n in done], asked.allow)
    return 2 if wrong else status


def report(console: Console, planned: list[Plan], verdicts: list[Verdict], allow: float) -> int:
    counts = Counter((plan.family, verdict) for plan, verdict in zip(planned, verdicts, strict=True))
    table = Table(box=None)
    for title in ("family", "planted", "caught", "survived", "equivalent, not counted"):
        table.add_column(title, justify="left" if title == "family" else "right")
    totals = Counter(verdicts)
    for family in (*sorted({plan.family for plan in planned}), None):
        own = totals if family is None else Counter({v: counts[family, v] for v in totals})
        cells = (own["caught"] + own["survived"], own["caught"], own["survived"], own["equivalent"])
        table.add_row(family or "all", *map(str, cells))
    console.print(table)
    counted = totals["caught"] + totals["survived"]
    share = 100 * totals["survived"] / max(counted, 1)
    console.print(f"{share:.1f} % of {counted} faults survived; {allow:g} % may.", highlight=False)
    return int(share > allow)


if __name__ == "__main__":
    sys.exit(main())
