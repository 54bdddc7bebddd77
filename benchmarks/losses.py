"""How fast are the losses? Forward and backward of every fused loss, 4 million float32 elements, against torch.

Sides, each a process of its own, in turn:
    eager       torch's operator, or the formula in torch's operators where torch has none; no checks
    tuned       the same with losslab.tune_allocator()
    compiled    the same under torch.compile
    losslab     the functional form, checks at their default level; gradients are dropped, so buffers are recycled
    rule        the same with losslab.backend("rule")
`traffic` is one read of input and target and one write of the gradient, by torch, in losslab's process.

    python benchmarks/losses.py speed       # all sides but compiled, 3 repetitions
    python benchmarks/losses.py compiled    # that side: minutes of compilation
    python benchmarks/losses.py small       # calls of 1 x 10 to 64 x 1000: microseconds over torch
    python benchmarks/losses.py table       # what the result file says

Results: benchmarks/results/losses.json. Targets (geometric means): 5 times eager, 2 times tuned, 1.5 times compiled,
none slower than eager; at most 2.5 times the traffic without transcendental functions, 4 times with; small calls at
most 8 microseconds over torch.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

from losslab.kernels.library import status
from losslab.search.versions import versions

HERE = Path(__file__).parent
RESULT = HERE / "results" / "losses.json"
SIDES = ("eager", "tuned", "losslab", "rule")
BUSY = 0.5  # load average beyond which times are refused
PLAIN = {  # losses without transcendental functions
    "l1_loss", "mse_loss", "smooth_l1_loss", "huber_loss", "quantile_loss", "expectile_loss", "mape_loss", "smape_loss",
    "epsilon_insensitive_loss", "squared_epsilon_insensitive_loss", "hinge_loss", "squared_hinge_loss",
    "modified_huber_loss", "hinge_embedding_loss", "tukey_biweight_loss", "geman_mcclure_loss", "pseudo_huber_loss",
    "charbonnier_loss", "laplace_nll_loss",
}  # fmt: skip


def run(script: str, *arguments: str) -> dict:
    done = subprocess.run(
        [sys.executable, str(HERE / "sides" / script), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{script} {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def refuse_busy(busy: bool) -> float:
    load = os.getloadavg()[0]
    if load > BUSY and not busy:
        raise SystemExit(f"the machine is busy (load {load:.2f}); wait, or give --busy and quote nothing")
    return load


def speed(result: dict, repetitions: int, busy: bool, only: list[str]) -> None:
    result["speed"] = {"load before": refuse_busy(busy), "runs": {side: [] for side in SIDES}}
    for repetition in range(repetitions):
        for side in SIDES if repetition % 2 == 0 else SIDES[::-1]:
            found = run("losses_one.py", side, "0.15", *only)
            result["speed"]["threads"] = found["threads"]
            result["speed"]["runs"][side].append(found["losses"])
            print(f"{side} done", flush=True)


def seconds(runs: list[dict], loss: str, what: str = "seconds") -> list[float]:
    return [run[loss][what] for run in runs if what in run.get(loss, {})]


def geometric(values: list[float]) -> float:
    return statistics.geometric_mean(values) if values else float("nan")


def table(result: dict) -> None:
    if "speed" in result:
        runs = result["speed"]["runs"]
        losses = list(runs["losslab"][0])
        compiled = [result["compiled"]["losses"]] if "compiled" in result else []
        ratios: dict[str, dict[str, float]] = {}
        for loss in losses:
            mine = seconds(runs["losslab"], loss)
            others = {side: seconds(runs[side], loss) for side in ("eager", "tuned", "rule")}
            ratios[loss] = {
                side: statistics.median(b / a for a, b in zip(mine, found, strict=True))
                for side, found in others.items()
            }
            if slow := seconds(compiled, loss):
                ratios[loss]["compiled"] = slow[0] / statistics.median(mine)
            traffic = seconds(runs["losslab"], loss, "traffic")
            ratios[loss]["traffic"] = statistics.median(a / b for a, b in zip(mine, traffic, strict=True))
        print(f"threads {result['speed']['threads']}; {result['machine'].get('kernels', '')}")
        for loss, own in sorted(ratios.items(), key=lambda pair: pair[1]["eager"]):
            words = "  ".join(f"{own.get(side, float('nan')):6.2f}x {side}" for side in ("eager", "tuned", "compiled"))
            print(f"  {loss:<36} {words}   {own['traffic']:5.2f} times the traffic")
        for side in ("eager", "tuned", "compiled", "rule"):
            print(f"geometric mean: {geometric([own[side] for own in ratios.values() if side in own]):.2f}x {side}")
        for what, limit, chosen in (("plain", 2.5, True), ("others", 4, False)):
            over = [loss for loss, own in ratios.items() if (loss in PLAIN) is chosen and own["traffic"] > limit]
            print(f"{what}: more than {limit} times the traffic: {', '.join(over) or 'none'}")
    if "small" in result:
        for loss, shapes in result["small"]["losses"].items():
            words = ", ".join(
                f"{shape}: {mine - torch:+.1f} us on {torch:.1f}" for shape, (mine, torch) in shapes.items()
            )
            print(f"  {loss:<36} {words}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("speed", "compiled", "small", "table"))
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], help="losses to measure, for a quick look")
    parser.add_argument("--busy", action="store_true", help="measure although the machine is busy")
    given = parser.parse_args()
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    if given.part == "speed":
        speed(result, given.repetitions, given.busy, given.only)
    elif given.part == "compiled":
        load = refuse_busy(given.busy)
        result["compiled"] = {"load before": load, **run("losses_one.py", "compiled", "0.15", *given.only)}
    elif given.part == "small":
        result["small"] = {"load before": refuse_busy(given.busy), "losses": run("losses_small.py", *given.only)}
    if given.part != "table":
        machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
        result["machine"] = {**machine, "kernels": status(), **versions()}
        if not given.only:
            RESULT.write_text(json.dumps(result, indent=1) + "\n")
    table(result)


if __name__ == "__main__":
    main()
