"""What do the guards cost, as a share of the call that they guard?

Forward and backward of a loss with the checks at "always" (the default), at "first" (whose five calls are over), and
"off", beside torch's own loss. In one process, the levels in turn in an order that changes each round; a time is the
quickest call of a block, the share of a level the median over rounds of its time against "off" in the same round.

    python benchmarks/guards.py           # 15 rounds; refuses a busy machine
    python benchmarks/guards.py table     # what the result file says

Results: benchmarks/results/guards.json. Seconds mean little alone; read the shares.
"""

import argparse
import json
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as theirs

import losslab
import losslab.functional as ours
from losslab.search.versions import versions

RESULT = Path(__file__).parent / "results" / "guards.json"
BUSY = 0.5  # load average beyond which times are refused
LEVELS = ("off", "first", "always")
SIZES = {"64 x 10": (64, 10, 300), "4096 x 1000": (4096, 1000, 6)}  # rows, columns, calls in a block
CASES: dict[str, Callable[[int, int], tuple[torch.Tensor, torch.Tensor]]] = {
    "cross_entropy": lambda n, c: (torch.randn(n, c), torch.randint(c, (n,))),
    "nll_loss": lambda n, c: (torch.randn(n, c).log_softmax(1), torch.randint(c, (n,))),
    "mse_loss": lambda n, c: (torch.randn(n, c), torch.randn(n, c)),
    "binary_cross_entropy_with_logits": lambda n, c: (torch.randn(n, c), (torch.rand(n, c) > 0.5).float()),
    "binary_cross_entropy": lambda n, c: (torch.rand(n, c), (torch.rand(n, c) > 0.5).float()),
    "margin_ranking_loss": lambda n, c: (torch.randn(n, c), torch.randn(n, c).sign()),
}


def seconds(loss: Callable[..., torch.Tensor], tensors: tuple[torch.Tensor, ...], calls: int) -> float:
    """The quickest of a block of calls: what slows a call down besides its own work is not the guards'."""
    spent = []
    for _ in range(calls):
        tensors[0].grad = None
        start = time.perf_counter()
        loss(*tensors).backward()
        spent.append(time.perf_counter() - start)
    return min(spent)


def measure(name: str, rows: int, columns: int, calls: int, rounds: int) -> dict:
    torch.manual_seed(0)
    input, target = CASES[name](rows, columns)
    tensors = (input.requires_grad_(), target)
    if name == "margin_ranking_loss":
        tensors = (input, torch.randn(rows, columns), target)
    order, times = [*LEVELS, "torch"], {level: [] for level in (*LEVELS, "torch")}
    for round in range(rounds + 1):  # the first warms up, and uses up the calls in which smells are looked for
        random.Random(round).shuffle(order)
        for level in order:
            if level == "torch":
                spent = seconds(getattr(theirs, name), tensors, calls)
            else:
                with losslab.checks(level):
                    spent = seconds(getattr(ours, name), tensors, calls)
            if round:
                times[level].append(spent)
    against = {level: [a / b for a, b in zip(times[level], times["off"], strict=True)] for level in times}
    return {
        "seconds": {level: statistics.median(found) for level, found in times.items()},
        "share": {level: statistics.median(against[level]) - 1 for level in ("first", "always")},
        "share_quartiles": {
            level: [q - 1 for q in statistics.quantiles(against[level], n=4)[::2]] for level in ("first", "always")
        },
        "off_against_torch": 1 / statistics.median(against["torch"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=["run", "table"], default="run")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--busy", action="store_true", help="measure on a busy machine too, and say so in the result")
    options = parser.parse_args()
    if options.what == "run":
        load = os.getloadavg()[0]
        if load > BUSY and not options.busy:
            sys.exit(f"the machine is busy (load {load:.2f}); times would mean nothing")
        result = {
            "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), **versions()},
            "threads": torch.get_num_threads(), "load_before": load, "busy": load > BUSY, "rounds": options.rounds,
            "cases": {
                f"{name}, {size}": measure(name, *numbers, options.rounds)
                for size, numbers in SIZES.items() for name in CASES
            },
        }  # fmt: skip
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    show(json.loads(RESULT.read_text(encoding="utf-8")))


def show(result: dict) -> None:
    print(f"{result['threads']} threads, load before {result['load_before']:.2f}, medians of {result['rounds']} rounds")
    print(f"{'':<46} {'always':>8} {'quartiles':>16} {'first':>8}   off / torch")
    for name, one in result["cases"].items():
        low, high = one["share_quartiles"]["always"]
        print(
            f"{name:<46} {one['share']['always']:>+8.1%} {low:>+8.1%}{high:>+8.1%} {one['share']['first']:>+8.1%}"
            f"   {one['off_against_torch']:.2f}"
        )


if __name__ == "__main__":
    main()
