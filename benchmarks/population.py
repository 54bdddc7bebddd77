"""How long does a step of K small networks take? losslab's engines against JAX, ModelBatch and a plain loop.

64-64-64-10, batch 64, AdamW, focal loss with smoothing; rate and loss parameters differ from member to member; digits.
(ModelBatch has one loss for all: cross-entropy.) A side is a process of its own; the sides run in turn, each K after
the other, and say the median step of an epoch, all that an epoch costs included; JAX compiles before its clock starts.

    python benchmarks/population.py speed --peers PYTHON   # an interpreter with jax, torch, modelbatch, scikit-learn
    python benchmarks/population.py table                  # what the result file says

Results: benchmarks/results/population.json. Milliseconds mean little alone; read the ratios. Targets: native 2.2 times
JAX, 12 times ModelBatch and 60 % of the rate of a large product at K = 64 and 256, 1.3 times JAX and 15 times the loop
at K = 1; stacked 1.3 times JAX.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

from losslab.search.versions import versions

HERE = Path(__file__).parent
RESULT = HERE / "results" / "population.json"
SIZES = (1, 8, 64, 256)
SIDES = {  # name -> script and further arguments, and whether it needs the interpreter of the peers
    "native": (("population_ours.py", "native"), False),
    "stacked": (("population_ours.py", "stacked"), False),
    "jax": (("population_jax.py",), True),
    "modelbatch": (("population_modelbatch.py",), True),
    "loop": (("population_loop.py",), False),
    "product": (("population_product.py",), False),
}
BUSY = 0.5  # load average beyond which times are refused


def run(side: str, members: int, peers: str) -> float:
    """Seconds of a step."""
    (script, *rest), peer = SIDES[side]
    command = [peers if peer else sys.executable, str(HERE / "sides" / script), str(members), *rest]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])["step"]


def peer_versions(peers: str) -> dict[str, str]:
    code = "import importlib.metadata as m, json; print(json.dumps({n: m.version(n) for n in ('jax', 'modelbatch')}))"
    return json.loads(subprocess.run([peers, "-c", code], capture_output=True, text=True, check=True).stdout)


def speed(peers: str, repetitions: int, busy: bool, sizes: list[int]) -> dict:
    load_before = os.getloadavg()[0]
    if load_before > BUSY and not busy:
        raise SystemExit(f"the machine is busy (load {load_before:.2f}); wait, or give --busy and quote nothing")
    steps: dict[str, dict[str, list[float]]] = {str(size): {side: [] for side in SIDES} for size in sizes}
    for repetition in range(repetitions):
        for size in sizes:
            for side in list(SIDES) if repetition % 2 == 0 else list(SIDES)[::-1]:
                steps[str(size)][side].append(run(side, size, peers))
                print(f"K={size:<4} {side:<11} {1e3 * steps[str(size)][side][-1]:9.3f} ms", flush=True)
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), **versions()}
    return {"load before": load_before, "machine": {**machine, **peer_versions(peers)}, "steps": steps}


def table(result: dict) -> None:
    for size, sides in result["steps"].items():
        print(f"K = {size}")
        for side, seconds in sides.items():
            print(f"  {side:<11} {1e3 * statistics.median(seconds):9.3f} ms a step")
        for ours in ("native", "stacked"):
            ratios = {
                side: statistics.median(b / a for a, b in zip(sides[ours], sides[side], strict=True))
                for side in ("jax", "modelbatch", "loop", "product")
            }
            words = ", ".join(f"{ratios[side]:.2f}x {side}" for side in ("jax", "modelbatch", "loop"))
            print(f"  {ours}: {words}; {100 * ratios['product']:.0f} % of the rate of a large product")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("speed", "table"))
    parser.add_argument("--peers", default=sys.executable, help="the interpreter that has jax and modelbatch")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--busy", action="store_true", help="measure although the machine is busy")
    given = parser.parse_args()
    if given.part == "speed":
        result = speed(given.peers, given.repetitions, given.busy, given.sizes)
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
    else:
        result = json.loads(RESULT.read_text())
    table(result)


if __name__ == "__main__":
    main()
