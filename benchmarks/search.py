"""How long does a search take, and is what it finds as good? losslab against two scripts that people write.

The sides (benchmarks/sides) search the same space of one loss (focal with smoothing, AdamW) for the same network with
the same number of configurations, each in a process of its own, on the same training and validation parts; none sees
the test part. Rungs are fixed: losslab compares at epochs 2, 5 and 10, the competent script prunes after 2, 6 and 18.

    python benchmarks/search.py quality   # 20 repetitions: the chosen configuration, trained afresh, on the test part
    python benchmarks/search.py speed     # 5 repetitions, the sides in turn; refuses a busy machine
    python benchmarks/search.py verdict   # the whole command, from start to verdict
    python benchmarks/search.py table     # what the result file says

Results: benchmarks/results/search.json. Seconds mean little alone; read the ratios.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from losslab.data.load import load
from losslab.data.prepare import prepare
from losslab.data.split import split
from losslab.search.halving import rungs
from losslab.search.versions import versions

HERE = Path(__file__).parent
RESULT = HERE / "results" / "search.json"
DATA = ("digits", "breast_cancer")
TRIALS, EPOCHS = 64, 20
SIDES = {  # name -> (script, how, trials)
    "dataloader, all to the end": ("dataloader", "full", TRIALS),
    "sliced, all to the end": ("sliced", "full", TRIALS),
    "sliced, halving": ("sliced", "halving", TRIALS),
    "losslab, all to the end": ("ours", "full", TRIALS),
    "losslab, halving": ("ours", "halving", TRIALS),
    "dataloader, 8 to the end": ("dataloader", "full", 8),
    "losslab, 256 to the end": ("ours", "full", 256),
}
FIRST, COMPETENT, COMPETENT_FAST, OURS, OURS_FAST, FIRST_EIGHT, OURS_MANY = SIDES
JUDGED = (FIRST, COMPETENT_FAST, OURS, OURS_FAST)  # whose choice is trained afresh
RATIOS = (  # what, our side, the competent side, which seconds
    ("all to the end, search alone", OURS, COMPETENT, "search_seconds"),
    ("all to the end, import included", OURS, COMPETENT, "until_choice"),
    ("halving, search alone", OURS_FAST, COMPETENT_FAST, "search_seconds"),
    ("halving, import included", OURS_FAST, COMPETENT_FAST, "until_choice"),
)
MARGIN = 0.005  # half a point of accuracy
BUSY = 0.5  # load average beyond which times are refused


def parts(name: str, folder: Path) -> Path:
    """Writes training and validation parts, scaled, for the sides, and the test part beside them for the judge."""
    path = folder / f"{name}.npz"
    table = load(name)
    rows, X = split(table, 0), prepare(table, split(table, 0).train).X
    arrays = {}
    for part in ("train", "validation", "test"):
        chosen = getattr(rows, part)
        arrays |= {f"x_{part}": X[chosen].numpy(), f"y_{part}": table.y[chosen].numpy()}
    np.savez(path, **{key: value for key, value in arrays.items() if "test" not in key})
    np.savez(folder / f"{name}-test.npz", **{key: value for key, value in arrays.items() if "test" in key})
    return path


def run(side: str, path: Path, seed: int) -> dict:
    """One search in a process of its own; what it chose and when, counted from the start of the process."""
    script, how, trials = SIDES[side]
    command = [
        sys.executable,
        str(HERE / "sides" / f"{script}.py"),
        str(path),
        str(trials),
        str(EPOCHS),
        str(seed),
        how,
    ]
    start = time.time()
    done = subprocess.run(
        command, env={**os.environ, "STARTED": str(start)}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr[-2000:]}")
    return {**json.loads(done.stdout.strip().splitlines()[-1]), "whole_process": time.time() - start}


def accuracy_afresh(name: str, folder: Path, chosen: dict, seed: int) -> float:
    """The chosen configuration, trained afresh by the same script for all sides, on the test part."""
    sys.path.insert(0, str(HERE / "sides"))
    from task import train

    data, test = np.load(folder / f"{name}.npz"), np.load(folder / f"{name}-test.npz")
    x, y = torch.from_numpy(data["x_train"]), torch.from_numpy(data["y_train"])
    model = train(x, y, int(y.max()) + 1, EPOCHS, 1000 + seed, chosen)
    with torch.no_grad():
        return float((model(torch.from_numpy(test["x_test"])).argmax(1).numpy() == test["y_test"]).mean())


def quality(result: dict, folder: Path, repetitions: int, again: str) -> None:
    for name in DATA:
        path = parts(name, folder)
        found = result.setdefault("quality", {}).setdefault(name, {})
        for seed in range(repetitions):
            for side in JUDGED:
                mine = found.setdefault(side, {})
                if str(seed) in mine and again not in side:
                    continue
                chosen = run(side, path, seed)["chosen"]
                mine[str(seed)] = accuracy_afresh(name, folder, chosen, seed)
                save(result)


def speed(result: dict, folder: Path, repetitions: int, busy: bool) -> None:
    load_before = os.getloadavg()[0]
    if load_before > BUSY and not busy:
        raise SystemExit(
            f"the machine is busy (load {load_before:.2f}); wait, or give --busy and do not quote the figures"
        )
    result["speed"] = {"load_before": load_before, "repetitions": repetitions}
    for name in DATA:
        path = parts(name, folder)
        runs: dict[str, list[dict]] = {side: [] for side in SIDES}
        for seed in range(repetitions):
            order = list(SIDES) if seed % 2 == 0 else list(SIDES)[::-1]
            for side in order:
                runs[side].append(run(side, path, seed))
        keys = ("search_seconds", "until_choice", "whole_process")
        result["speed"][name] = {side: {key: [r[key] for r in done] for key in keys} for side, done in runs.items()}
        result["speed"]["threads"] = runs[OURS][0]["threads"]
        save(result)


def verdict(result: dict, folder: Path, repetitions: int) -> None:
    """`losslab tune NAME` with its defaults, start to verdict."""
    result["verdict"] = {}
    for name in DATA:
        seconds = []
        for place in range(repetitions):
            start = time.time()
            command = [sys.executable, "-m", "losslab.cli.main", "tune", name, "--out", str(folder / f"{name}-{place}")]
            subprocess.run(command, check=True, capture_output=True)
            seconds.append(time.time() - start)
        stages = json.loads((folder / f"{name}-0" / "result.json").read_text())["seconds"]
        result["verdict"][name] = {"whole_process": seconds, "first run": stages}
        save(result)


def save(result: dict) -> None:
    result["machine"] = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), **versions()}
    result["setting"] = {"trials": TRIALS, "epochs": EPOCHS, "rungs": rungs(EPOCHS), "margin": MARGIN}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


def upper_bound(first: list[float], other: list[float]) -> tuple[float, float]:
    """How much better the first is, on average, and the upper end of a 95 % interval (one-sided, paired by seed)."""
    from scipy.stats import t

    gaps = [a - b for a, b in zip(first, other, strict=True)]
    mean = statistics.mean(gaps)
    return mean, mean + float(t.ppf(0.95, len(gaps) - 1)) * statistics.stdev(gaps) / len(gaps) ** 0.5


def ratio(runs: dict, slow: str, fast: str, key: str) -> float:
    """How many times longer one side took: the median over repetitions."""
    return statistics.median(a / b for a, b in zip(runs[slow][key], runs[fast][key], strict=True))


def table(result: dict) -> None:
    for name in DATA:
        print(f"\n{name}: {TRIALS} configurations, {EPOCHS} epochs, threads {result['speed']['threads']}")
        runs = result["speed"][name]
        for side, times in runs.items():
            search, choice = (statistics.median(times[key]) for key in ("search_seconds", "until_choice"))
            print(f"  {side:<28} search {search:7.2f} s   process start to choice {choice:7.2f} s")
        for what, ours, competent, key in RATIOS:
            first, other = (ratio(runs, side, ours, key) for side in (FIRST, competent))
            print(f"  {what:<34} {first:5.1f}x the first, {other:5.1f}x the competent ({competent})")
        if OURS_MANY in runs:
            many = ratio(runs, FIRST_EIGHT, OURS_MANY, "search_seconds")
            print(f"  256 configurations to the end: {many:.2f}x as fast as the first side's 8")
        found = result["quality"][name]
        seeds = sorted(set.intersection(*(set(found[side]) for side in JUDGED)), key=int)
        best = [found[FIRST][seed] for seed in seeds]
        print(f"  test accuracy, trained afresh, {len(seeds)} repetitions: first {statistics.mean(best):.4f}")
        for side in JUDGED[1:]:
            mine = [found[side][seed] for seed in seeds]
            gap, bound = upper_bound(best, mine)
            behind = f"behind the first by {100 * gap:+.2f} points, at most {100 * bound:+.2f}"
            print(f"    {side:<28} {statistics.mean(mine):.4f}   {behind}")
        if "verdict" in result:
            print(f"  start to verdict: {statistics.median(result['verdict'][name]['whole_process']):.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("quality", "speed", "verdict", "table"))
    parser.add_argument("--repetitions", type=int)
    parser.add_argument("--busy", action="store_true", help="measure on a busy machine too")
    parser.add_argument("--again", default="nobody", help="repeat the quality runs of sides whose name holds this")
    given = parser.parse_args()
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    with tempfile.TemporaryDirectory() as name:
        if given.part == "quality":
            quality(result, Path(name), given.repetitions or 20, given.again)
        elif given.part == "speed":
            speed(result, Path(name), given.repetitions or 5, given.busy)
        elif given.part == "verdict":
            verdict(result, Path(name), given.repetitions or 5)
        else:
            table(result)


if __name__ == "__main__":
    main()
