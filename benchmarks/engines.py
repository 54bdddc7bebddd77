"""Which engine is fastest where, and does "auto" choose it? A grid of widths, depths, batch sizes and members.

Every cell trains K members of one hidden width and depth (16 inputs, 4 classes, AdamW, cross-entropy) by each
engine, in turn, in one process; a step's time is the least of several epochs. "auto" is asked for its choice; its loss
is how much slower that engine is than the best. Cells that need too much memory or time are left out, and named.

    python benchmarks/engines.py grid        # the grid; writes the heat map beside the results
    python benchmarks/engines.py growth      # time by members and rows, memory told and used
    python benchmarks/engines.py table       # what the result file says

Results: benchmarks/results/engines.json and engines.png. Targets: auto nowhere more than 5 % slower than the best; time
linear in members and rows within 10 %; memory told right within 10 %.
"""

import argparse
import json
import os
import platform
import statistics
import time
from itertools import product
from pathlib import Path

import torch

import losslab
from losslab.kernels.library import status
from losslab.models.build import build
from losslab.search.versions import versions
from losslab.train.assemble import Assembly
from losslab.train.batches import Fold
from losslab.train.lookup import find_loss
from losslab.train.member import Member
from losslab.train.objective import objective_of
from losslab.train.session import Session

RESULTS = Path(__file__).parent / "results"
RESULT, PICTURE = RESULTS / "engines.json", RESULTS / "engines.png"
WIDTHS, DEPTHS, BATCHES, MEMBERS = (16, 64, 256, 1024), (1, 3, 6), (8, 64, 256, 1024), (1, 8, 64, 512)
ENGINES = ("native", "stacked", "single")
INPUTS, CLASSES, STEPS = 16, 4, 4
MOST_WORK = 6e11  # multiply-adds of a step beyond which a cell is left out: seconds
MOST_MEMORY = 6e9  # bytes
BUSY = 0.5  # load average beyond which times are refused


def fold(rows: int) -> Fold:
    draw = torch.Generator().manual_seed(0)
    X = torch.randn(rows, INPUTS, generator=draw)
    return Fold(X, torch.randint(CLASSES, (rows,), generator=draw), torch.arange(rows))


def members(count: int, batch: int) -> list[Member]:
    objective = objective_of(find_loss("cross_entropy", "multiclass"), CLASSES)
    rates = torch.linspace(1e-4, 1e-3, count).tolist()
    return [
        Member(k, objective, {"label_smoothing": 0.1}, "adamw", {"lr": rate}, batch_size=batch)
        for k, rate in enumerate(rates)
    ]


def assembly(width: int, depth: int, rows: int, engine: str) -> Assembly:
    return Assembly(build("mlp:" + ",".join([str(width)] * depth), INPUTS, CLASSES), [fold(rows)], engine=engine)


def cost(width: int, depth: int, batch: int, count: int) -> tuple[float, float]:
    """Multiply-adds of a step, and bytes of weights, state and activations with room for temporaries."""
    weights = INPUTS * width + (depth - 1) * width**2 + width * CLASSES
    return 3.0 * weights * batch * count, 4.0 * count * (10 * weights + 4 * batch * width * depth)


def measured(sessions: dict[str, Session], least: float, epochs: int) -> dict[str, float]:
    """The least seconds of a step, of epochs of each engine in turn."""
    found: dict[str, list[float]] = {engine: [] for engine in sessions}
    start = time.perf_counter()
    for number in range(60):
        for engine, session in sessions.items():
            begin = time.perf_counter()
            session.advance(session.reached + 1, save=False)
            if number:
                found[engine].append((time.perf_counter() - begin) / STEPS)
        if number >= epochs and time.perf_counter() - start > least:
            break
    return {engine: min(seconds) for engine, seconds in found.items()}


def cell(width: int, depth: int, batch: int, count: int) -> dict:
    own, rows = members(count, batch), STEPS * batch
    sessions, failed = {}, {}
    for engine in ENGINES:
        try:
            sessions[engine] = Session(assembly(width, depth, rows, engine), own)
        except ValueError as error:
            failed[engine] = str(error)
    seconds = measured(sessions, 0.4, 4)
    plan = assembly(width, depth, rows, "auto").plans(own)[0]
    chosen = plan.choice.engine.engine
    behind = seconds[chosen] / min(seconds.values())
    if behind > 1.05:  # was it noise? once more, longer
        seconds = measured(sessions, 1.5, 8)
        behind = seconds[chosen] / min(seconds.values())
    return {"width": width, "depth": depth, "batch": batch, "members": count, "seconds": seconds, "failed": failed,
            "auto": chosen, "why": str(plan.choice), "behind": behind}  # fmt: skip


def grid(result: dict) -> None:
    cells, left_out = [], []
    for width, depth, batch, count in product(WIDTHS, DEPTHS, BATCHES, MEMBERS):
        work, memory = cost(width, depth, batch, count)
        if work > MOST_WORK or memory > MOST_MEMORY:
            left_out.append([width, depth, batch, count])
            continue
        cells.append(cell(width, depth, batch, count))
        one = cells[-1]
        times = "  ".join(f"{engine} {1e3 * value:.3f}" for engine, value in one["seconds"].items())
        where = f"{width:>5} x {depth}, batch {batch:>4}, K {count:>3}"
        print(f"{where}: {times} ms; auto {one['auto']} {one['behind']:.2f}", flush=True)
    result["grid"] = {"cells": cells, "left out": left_out}
    heat_map(result["grid"])


def heat_map(found: dict) -> None:
    """How many times faster the native engine is than the best other one; a mark where auto is 5 % behind."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.colors import LogNorm

    cells = {(c["width"], c["depth"], c["batch"], c["members"]): c for c in found["cells"]}
    figure, axes = plt.subplots(len(DEPTHS), len(BATCHES), figsize=(13, 8), layout="constrained", squeeze=False)
    image = None
    for (row, depth), (column, batch) in product(enumerate(DEPTHS), enumerate(BATCHES)):
        axis = axes[row][column]
        values = [[float("nan")] * len(MEMBERS) for _ in WIDTHS]
        for (y, width), (x, count) in product(enumerate(WIDTHS), enumerate(MEMBERS)):
            one = cells.get((width, depth, batch, count))
            if one is None or "native" not in one["seconds"]:
                continue
            others = [value for engine, value in one["seconds"].items() if engine != "native"]
            values[y][x] = min(others) / one["seconds"]["native"]
            mark = "" if one["behind"] <= 1.05 else f"\nauto {one['behind']:.2f}"
            axis.text(x, y, f"{values[y][x]:.1f}\n{one['auto']}{mark}", ha="center", va="center", fontsize=7)
        image = axis.imshow(values, cmap="RdYlGn", norm=LogNorm(0.2, 20), aspect="auto")
        axis.set_xticks(range(len(MEMBERS)), MEMBERS)
        axis.set_yticks(range(len(WIDTHS)), WIDTHS)
        axis.set_title(f"depth {depth}, batch {batch}", fontsize=9)
    figure.supxlabel("members")
    figure.supylabel("hidden width")
    figure.suptitle("How many times faster the native engine is than the best other one, and what auto chooses")
    figure.colorbar(image, ax=axes)
    figure.savefig(PICTURE, dpi=110)


def growth(result: dict) -> None:
    """Seconds of an epoch of 64-64-64 by members and by rows, for the engine that auto chooses."""
    found: dict[str, list] = {"members": [], "rows": []}
    for count in (32, 64, 128, 256, 512):
        found["members"].append([count, epoch_seconds(count, 64 * 20)])
    for rows in (64 * 50, 64 * 100, 64 * 200, 64 * 400, 64 * 800):
        found["rows"].append([rows, epoch_seconds(16, rows)])
    result["growth"] = found


def epoch_seconds(count: int, rows: int) -> float:
    session = Session(assembly(64, 3, rows, "auto"), members(count, 64))
    times = []
    for _ in range(8):
        start = time.perf_counter()
        session.advance(session.reached + 1, save=False)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def table(result: dict) -> None:
    if "grid" in result:
        cells = result["grid"]["cells"]
        behind = sorted((c for c in cells if c["behind"] > 1.05), key=lambda c: -c["behind"])
        left_out = len(result["grid"]["left out"])
        print(f"{len(cells)} cells, {left_out} left out; auto more than 5 % behind in {len(behind)}")
        for c in behind:
            print(
                f"  {c['width']} x {c['depth']}, batch {c['batch']}, K {c['members']}: {c['behind']:.2f} ({c['why']})"
            )
        for engine in ENGINES:
            best = sum(min(c["seconds"], key=c["seconds"].get) == engine for c in cells)
            print(f"  {engine} is the fastest in {best}")
    for what, points in result.get("growth", {}).items():
        each = [seconds / size for size, seconds in points]
        middle = statistics.median(each)
        spread = ", ".join(
            f"{size}: {100 * (one / middle - 1):+.0f} %" for (size, _), one in zip(points, each, strict=True)
        )
        print(f"time for each of {what}, against the median: {spread}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("grid", "growth", "table", "picture"))
    parser.add_argument("--busy", action="store_true", help="measure although the machine is busy")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    if given.part in ("grid", "growth") and load > BUSY and not given.busy:
        raise SystemExit(f"the machine is busy (load {load:.2f}); wait, or give --busy and quote nothing")
    losslab.tune_allocator()  # as the command line does
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    if given.part == "grid":
        grid(result)
    elif given.part == "growth":
        growth(result)
    elif given.part == "picture":
        heat_map(result["grid"])
    if given.part in ("grid", "growth"):
        machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), **versions()}
        result["machine"] = {**machine, "kernels": status(), "threads": torch.get_num_threads(), "load before": load}
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
    table(result)


if __name__ == "__main__":
    main()
