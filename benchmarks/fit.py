"""How fast does one ordinary network train? losslab's engine against what people run.

An MLP 100-256-256-1 on 200,000 synthetic rows, batch 256, AdamW, mse; 20,000 further rows are evaluated after each
epoch, by every side. Each side runs in a process of its own, from the same weights and in turn:
    dataloader   a plain loop: DataLoader over a TensorDataset with shuffle, torch.optim.AdamW as it comes
    sliced       a competent loop: tensors sliced by a permutation, AdamW(fused=True)
    compiled     the same with torch.compile of forward, loss and backward
    sklearn      scikit-learn's MLPRegressor, Adam
    losslab      the engine that `losslab.fit` runs, a population of one

    python benchmarks/fit.py step      # the same batch from the same weights: how far apart after one step
    python benchmarks/fit.py speed     # 5 repetitions, the sides in turn; refuses a busy machine
    python benchmarks/fit.py quality   # 5 seeds: the metric after training, and its spread over seeds
    python benchmarks/fit.py table     # what the result file says

Results: benchmarks/results/fit.json. Seconds mean little alone; read the ratios. Target: 1.5 times as fast as the
fastest of the others.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import losslab
from losslab.models.build import build
from losslab.search.versions import versions
from losslab.train.assemble import Assembly
from losslab.train.batches import Fold
from losslab.train.lookup import find_loss
from losslab.train.member import Member
from losslab.train.objective import objective_of
from losslab.train.session import Session

RESULT = Path(__file__).parent / "results" / "fit.json"
ROWS, HELD_OUT, COLUMNS, HIDDEN, BATCH, RATE = 200_000, 20_000, 100, (256, 256), 256, 1e-3
MODEL = "mlp:" + ",".join(map(str, HIDDEN))
BUSY = 0.5  # load average beyond which times are refused
STEP_TOLERANCE = 1e-9  # of a parameter after one step of about RATE, in float64: the rows are added in other orders


def data(rows: int) -> tuple[Tensor, Tensor]:
    """(rows, COLUMNS) and targets (rows,): a smooth function of 4 directions, standardised, with noise."""
    draw = torch.Generator().manual_seed(0)
    X = torch.randn(rows, COLUMNS, generator=draw)
    y = (X @ torch.randn(COLUMNS, 4, generator=draw) / 5).sin().sum(1) + 0.1 * torch.randn(rows, generator=draw)
    return X, (y - y.mean()) / y.std()


def untrained(seed: int) -> nn.Module:
    return build(MODEL, COLUMNS, 1).make(seed)


def dataloader(X: Tensor, y: Tensor, held: Tensor, epochs: int, seed: int) -> Iterator[Tensor]:
    """Predictions for the held-out rows after each epoch."""
    torch.manual_seed(seed)
    model = untrained(seed)
    optimizer, loss = torch.optim.AdamW(model.parameters(), lr=RATE), nn.MSELoss()
    batches = DataLoader(TensorDataset(X, y), batch_size=BATCH, shuffle=True)
    evaluated = DataLoader(TensorDataset(held), batch_size=BATCH)
    for _ in range(epochs):
        model.train()
        for x, target in batches:
            optimizer.zero_grad()
            loss(model(x).squeeze(1), target).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            yield torch.cat([model(x).squeeze(1) for (x,) in evaluated])


def sliced(X: Tensor, y: Tensor, held: Tensor, epochs: int, seed: int) -> Iterator[Tensor]:
    torch.manual_seed(seed)
    model = untrained(seed)
    optimizer, loss = torch.optim.AdamW(model.parameters(), lr=RATE, fused=True), nn.MSELoss()
    for _ in range(epochs):
        model.train()
        for rows in torch.randperm(len(X)).split(BATCH):
            optimizer.zero_grad()
            loss(model(X[rows]).squeeze(1), y[rows]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            yield torch.cat([model(x).squeeze(1) for x in held.split(2048)])


def compiled(X: Tensor, y: Tensor, held: Tensor, epochs: int, seed: int) -> Iterator[Tensor]:
    torch.manual_seed(seed)
    model = untrained(seed)
    optimizer, loss = torch.optim.AdamW(model.parameters(), lr=RATE, fused=True), nn.MSELoss()
    forward = torch.compile(lambda x, target: loss(model(x).squeeze(1), target))
    for _ in range(epochs):
        model.train()
        for rows in torch.randperm(len(X)).split(BATCH):
            if len(rows) < BATCH:  # another shape would be compiled anew
                continue
            optimizer.zero_grad()
            forward(X[rows], y[rows]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            yield torch.cat([model(x).squeeze(1) for x in held.split(2048)])


def sklearn(X: Tensor, y: Tensor, held: Tensor, epochs: int, seed: int) -> Iterator[Tensor]:
    from sklearn.neural_network import MLPRegressor

    model = MLPRegressor(
        hidden_layer_sizes=HIDDEN, batch_size=BATCH, learning_rate_init=RATE, alpha=0.0, random_state=seed
    )
    features, target, evaluated = X.numpy(), y.numpy(), held.numpy()
    for _ in range(epochs):
        model.partial_fit(features, target)  # one epoch
        yield torch.from_numpy(model.predict(evaluated))


def engine(X: Tensor, y: Tensor, held: Tensor, epochs: int, seed: int) -> Iterator[Tensor]:
    losslab.tune_allocator()  # as the command line does
    whole = Fold(torch.cat([X, held]), torch.cat([y, y.new_zeros(len(held))]), torch.arange(len(X)))
    session = Session(Assembly(build(MODEL, COLUMNS, 1), [whole]), [member(seed)])
    for epoch in range(1, epochs + 1):
        session.advance(epoch)
        ((_, outputs),) = session.predict(torch.arange(len(X), len(X) + len(held)))
        yield outputs[0].squeeze(1)


def member(seed: int) -> Member:
    return Member(0, objective_of(find_loss("mse_loss", "regression"), 1), {}, "adamw", {"lr": RATE}, seed=seed,
                  batch_size=BATCH)  # fmt: skip


SIDES: dict[str, Callable[..., Iterator[Tensor]]] = {
    "dataloader": dataloader, "sliced": sliced, "compiled": compiled, "sklearn": sklearn, "losslab": engine,
}  # fmt: skip


def one(side: str, seed: int, epochs: int, rows: int) -> dict:
    """One training: seconds and CPU seconds of each epoch after the first 20 steps, and the final metric."""
    X, y = data(rows + HELD_OUT)
    X, held, y, target = X[:rows], X[rows:], y[:rows], y[rows:]
    for _ in SIDES[side](X[: 20 * BATCH], y[: 20 * BATCH], held[:BATCH], 1, seed):
        pass  # imports, first calls, memory
    wall, cpu, seconds, cpu_seconds, outputs = time.perf_counter(), time.process_time(), [], [], held
    for predicted in SIDES[side](X, y, held, epochs, seed):
        outputs = predicted
        seconds.append(time.perf_counter() - wall)
        cpu_seconds.append(time.process_time() - cpu)
        wall, cpu = time.perf_counter(), time.process_time()
    rmse = float((outputs - target).square().mean().sqrt())
    return {"seconds": seconds, "cpu": cpu_seconds, "rmse": rmse, "threads": torch.get_num_threads()}


def run(side: str, seed: int, epochs: int, rows: int) -> dict:
    command = [sys.executable, __file__, "one", "--side", side, "--seed", str(seed)]
    done = subprocess.run(
        [*command, "--epochs", str(epochs), "--rows", str(rows)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def first_step(result: dict) -> None:
    """The parameters after one step on the same batch, against the sliced loop's."""
    X, y = (part.double() for part in data(BATCH))
    model = untrained(0).double()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    nn.MSELoss()(model(X).squeeze(1), y).backward()
    optimizer.step()
    session = Session(Assembly(build(MODEL, COLUMNS, 1), [Fold(X, y, torch.arange(BATCH))]), [member(0)])
    session.advance(1)
    pairs = zip(model.parameters(), session.populations[0].network.module(0).parameters(), strict=True)
    gap = max((ours - theirs).abs().max().item() for theirs, ours in pairs)
    result["first step"] = {"largest difference": gap, "tolerance": STEP_TOLERANCE}
    print(f"largest difference of a parameter after one step: {gap:.1e} (tolerance {STEP_TOLERANCE:g})")
    if gap > STEP_TOLERANCE:
        raise SystemExit("the first steps differ")


def speed(result: dict, repetitions: int, epochs: int, rows: int, busy: bool) -> None:
    load_before = os.getloadavg()[0]
    if load_before > BUSY and not busy:
        raise SystemExit(
            f"the machine is busy (load {load_before:.2f}); wait, or give --busy and do not quote the figures"
        )
    runs: dict[str, list[dict]] = {side: [] for side in SIDES}
    for seed in range(repetitions):
        for side in list(SIDES) if seed % 2 == 0 else list(SIDES)[::-1]:
            runs[side].append(run(side, seed, epochs, rows))
    result["speed"] = {"load before": load_before, "rows": rows, "epochs": epochs, **runs}


def quality(result: dict, repetitions: int, epochs: int, rows: int) -> None:
    found = {side: [run(side, seed, epochs, rows)["rmse"] for seed in range(repetitions)] for side in SIDES}
    result["quality"] = {"rows": rows, "epochs": epochs, **found}


def save(result: dict) -> None:
    result["machine"] = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), **versions()}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


def table(result: dict) -> None:
    if "speed" in result:
        runs = result["speed"]
        threads = runs["losslab"][0]["threads"]
        print(f"{runs['rows']:,} rows, {runs['epochs']} epochs, threads {threads}, load {runs['load before']:.2f}")
        for side in SIDES:
            wall, cpu = ([statistics.median(r[key]) for r in runs[side]] for key in ("seconds", "cpu"))
            print(f"  {side:<11} {statistics.median(wall):6.2f} s an epoch   {statistics.median(cpu):6.2f} CPU s")
        for side in [side for side in SIDES if side != "losslab"]:
            ratios = [
                [
                    statistics.median(a[key]) / statistics.median(b[key])
                    for a, b in zip(runs[side], runs["losslab"], strict=True)
                ]
                for key in ("seconds", "cpu")
            ]
            print(
                f"  {statistics.median(ratios[0]):.2f}x as fast as {side} ({statistics.median(ratios[1]):.2f}x in CPU)"
            )
    if "first step" in result:
        print(f"first step: {result['first step']['largest difference']:.1e} apart")
    if "quality" in result:
        for side in [side for side in SIDES if side in result["quality"]]:
            values = result["quality"][side]
            print(f"  {side:<11} rmse {statistics.mean(values):.4f}, spread {statistics.stdev(values):.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("step", "speed", "quality", "table", "one"))
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--busy", action="store_true", help="measure although the machine is busy")
    parser.add_argument("--side", choices=tuple(SIDES), default="losslab")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.part == "one":
        print(json.dumps(one(given.side, given.seed, given.epochs, given.rows)))
        return
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    if given.part == "step":
        first_step(result)
    elif given.part == "speed":
        speed(result, given.repetitions, given.epochs, given.rows, given.busy)
    elif given.part == "quality":
        quality(result, given.repetitions, given.epochs, given.rows)
    if given.part != "table":
        save(result)
    table(result)


if __name__ == "__main__":
    main()
