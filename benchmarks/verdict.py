"""How often is the verdict of `losslab.tune` wrong where nothing is to be found, and right where something is?

Each repetition is a whole study, as `losslab.tune` runs it: new rows, a new split, new seeds, the search of every loss,
the retrainings and the verdict on the test part. Repetition s of a problem draws its rows and its study with seed s.

Null problems (a challenger called better is an error; at most 30 of 400 are accepted):
    again    the default entered a second time under another name: the search proposes other rates for it
    mirror   quantile losses at 0.35 and 0.65 under mae, on targets whose law is the same with the sign turned
             (rare: one row in 51 is positive, average precision; cost: a miss costs ten false alarms; median_ae)
    factor   three times the default, its rate tuned, under plain SGD, where the factor matters
Planted effects (found where a robust loss is called better; at least 80 % are wanted):
    outliers 20 % of the training and validation targets are gross outliers; the test part is clean; metric mae
    labels   30 % of the training and validation labels are another class; the test part is clean; metric accuracy;
             a network that is large enough, and trains long enough, to learn wrong labels by heart
    rare     one row in 51 is positive, two fifths of the positives lie among the negatives, far from the others, and
             drag a linear model away from the rest; metric average precision
    shortage a prediction that is too low costs nine times one that is too high: a metric of the user's own
    median   20 % gross outliers, as above; metric median_ae
"stable" is a linear model, "noisy" a small network with a high rate whose result depends on its seed.

    python benchmarks/verdict.py --problem again mirror factor --model stable noisy --repetitions 400
    python benchmarks/verdict.py --problem outliers labels --repetitions 100

A repetition that is in the record is not run again. The summary goes to benchmarks/results/verdict.json.
"""

import argparse
import json
import math
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import torch

from losslab.search.tune import finish, study_of
from losslab.search.versions import versions
from losslab.spec.declare import CATALOGUE
from losslab.spec.record import LossRecord

HERE = Path(__file__).parent
BLOCK = 25
Data = tuple[np.ndarray, np.ndarray]


def renamed(name: str, new: str, *, group: str = "", **changes: Any) -> LossRecord:
    """A loss of the catalogue under another name; of its own group, since a search takes one loss of each."""
    return replace(CATALOGUE[name], name=new, group=group or new, **changes)


def times(name: str, factor: float) -> LossRecord:
    """A constant factor times a loss."""
    rule = CATALOGUE[name].rule
    return renamed(
        name, f"{name}_x{factor:g}", rule=lambda input, target, **options: factor * rule(input, target, **options)
    )


def quantile(level: float, *, default: bool = False) -> LossRecord:
    """The quantile loss at one level; of the default's group, it takes the default's place in the search."""
    parameter = replace(CATALOGUE["quantile_loss"].parameters["quantile"], default=level, search=None)
    group = CATALOGUE["mse_loss"].group if default else ""
    return renamed("quantile_loss", f"quantile_{level:g}", group=group, parameters={"quantile": parameter})


def surface(rng: np.random.Generator, X: np.ndarray, outputs: int, curved: bool) -> np.ndarray:
    """A random function (n, outputs), of variance one, linear or curved; its negative is equally likely."""
    if not curved:
        return X @ rng.standard_normal((X.shape[1], outputs)) / math.sqrt(X.shape[1])
    hidden = np.tanh(X @ rng.standard_normal((X.shape[1], 16)) / math.sqrt(X.shape[1]) * 2)
    return hidden @ rng.standard_normal((16, outputs)) / math.sqrt(16 * 0.6)


def values(seed: int, rows: int, curved: bool, noise: float = 0.5, columns: int = 8) -> Data:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((rows, columns))
    return X, surface(rng, X, 1, curved)[:, 0] + noise * rng.standard_normal(rows)


def classes(seed: int, rows: int, curved: bool, noise: float = 0.5, columns: int = 8, count: int = 3) -> Data:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((rows, columns))
    scores = surface(rng, X, count, curved) + noise * rng.gumbel(size=(rows, count))
    return X, scores.argmax(1)


def clusters(seed: int, rows: int, curved: bool, columns: int = 20, count: int = 5, apart: float = 0.8) -> Data:
    """Gaussian clusters, one for each class, that hardly overlap: what a network gets wrong, it learned by heart."""
    rng = np.random.default_rng(seed)
    centres, y = apart * rng.standard_normal((count, columns)), rng.integers(count, size=rows)
    return centres[y] + rng.standard_normal((rows, columns)), y


def rare(seed: int, rows: int, curved: bool, columns: int = 6, signless: float = 0.4) -> Data:
    """One row in 51 is positive. Three in ten negatives lie eight units off, and so do the positives without a sign."""
    rng = np.random.default_rng(seed)
    y = rng.random(rows) < 1 / 51
    X = rng.standard_normal((rows, columns))
    off = rng.random(rows) < np.where(y, signless, 0.3)
    X[y & ~off, 0] += 3
    X[off, 0] -= 8
    return X, y.astype(np.int64)


def two_sides(seed: int, rows: int, curved: bool, columns: int = 8) -> Data:
    """Classes of a logistic law with one positive in six or so: what a linear model and cross-entropy are made for."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((rows, columns))
    return X, (1.5 * surface(rng, X, 1, curved)[:, 0] - 2 + rng.logistic(size=rows) > 0).astype(np.int64)


def shortage(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """What is missing costs nine times what is left over."""
    missing = target - prediction
    return torch.maximum(9 * missing, -missing).double().mean()


shortage.higher_is_better = False  # type: ignore[attr-defined]


def digits(seed: int, rows: int, curved: bool) -> Data:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    chosen = np.random.default_rng(seed).choice(len(y), rows, replace=False)
    return X[chosen], y[chosen]


MODELS = {
    "stable": {"model": "linear", "epochs": 8, "batch_size": 32},
    "noisy": {"model": "mlp:32", "epochs": 8, "batch_size": 16},
}
# 32 trials for each loss, as the command line gives. What only stands beside the losses is left out.
SEARCH = {"trials": 64, "runs": 10, "untuned": False, "baselines": False}


@dataclass(frozen=True)
class Problem:
    """`data(seed, rows, curved)` draws the rows; `losses()` are compared, the default first; the rest goes to `tune`.

    Small sizes, so that a repetition takes a second: 300 training rows, 100 for validation and 100 for the test.
    """

    name: str
    data: Callable[..., Data]
    losses: Callable[[], list[Any]]
    metric: Any
    rows: int = 500
    options: dict[str, Any] = field(default_factory=dict)
    models: tuple[str, ...] = ("stable", "noisy")

    @property
    def kind(self) -> str:
        return self.name.split("-")[0]

    def study(self, model: str, seed: int) -> dict[str, Any]:
        """What one repetition found; a study that could not end is counted as failed."""
        named = {"problem": self.name, "model": model, "seed": seed}
        try:
            return named | self._study(model, seed)
        except RuntimeError as error:
            return named | {"kind": "failed", "reason": str(error), "seconds": 0.0}

    def _study(self, model: str, seed: int) -> dict[str, Any]:
        started = time.perf_counter()
        data = self.data(seed, self.rows, curved=model == "noisy")
        settings = SEARCH | MODELS[model] | self.options
        found = finish(study_of(data=data, losses=self.losses(), metric=self.metric, seed=seed, **settings))
        losses = [row for row in found.table if row.role == "loss"]
        other = next((row for row in losses if row.loss == found.winner and row.loss != found.default), None)
        shown = other or min(losses[1:], key=lambda row: row.p_value if row.p_value is not None else 2.0)
        return {
            "kind": found.verdict_kind,
            "keep_default": found.keep_default,
            "winner": found.winner,
            "default": found.default,
            "test": losses[0].test,
            "difference": shown.difference,
            "low": shown.difference_low,
            "high": shown.difference_high,
            "detectable": found.detectable,
            "margin": found.margin,
            "p": shown.p_value,
            "spread_of_runs": float(np.std(losses[0].runs, ddof=1)),
            "test_rows": found.split["test"],
            "seconds": round(time.perf_counter() - started, 3),
        }


SGD = {"optimizers": ("sgd",)}
MANY_ROWS = {"epochs": 5, "batch_size": 256}
BINARY = "binary_cross_entropy_with_logits"
NULLS = [
    Problem("again-values", values, lambda: ["mse_loss", renamed("mse_loss", "mse_again")], "rmse"),
    Problem("again-classes", classes, lambda: ["cross_entropy", renamed("cross_entropy", "ce_again")], "accuracy"),
    Problem("again-digits", digits, lambda: ["cross_entropy", renamed("cross_entropy", "ce_again")], "accuracy"),
    Problem("mirror-values", values, lambda: [quantile(0.35, default=True), quantile(0.65)], "mae"),
    Problem("factor-values", values, lambda: ["mse_loss", times("mse_loss", 3)], "rmse", options=SGD),
    Problem("factor-classes", classes, lambda: ["cross_entropy", times("cross_entropy", 3)], "accuracy", options=SGD),
    Problem("factor-digits", digits, lambda: ["cross_entropy", times("cross_entropy", 3)], "accuracy", options=SGD),
]
NULLS += [
    Problem(
        "again-rare", rare, lambda: [BINARY, renamed(BINARY, "bce_again")], "average_precision", rows=10_000,
        options=MANY_ROWS, models=("stable",),
    ),
    Problem(
        "again-cost", two_sides, lambda: [BINARY, renamed(BINARY, "bce_again")], None, rows=2000,
        options={"cost": "fn=10,fp=1"},
    ),
    Problem("again-median", values, lambda: ["mse_loss", renamed("mse_loss", "mse_again")], "median_ae"),
]  # fmt: skip
PLANTED = [
    Problem(
        "outliers", values, lambda: ["mse_loss", "l1_loss", "huber_loss", "log_cosh_loss"], "mae",
        options={"corrupt_train": 0.2},
    ),
    Problem(
        "labels", clusters, lambda: ["cross_entropy", "generalized_cross_entropy"], "accuracy", rows=1000,
        options={"corrupt_train": 0.3, "model": "mlp:128", "epochs": 40, "batch_size": 64, "trials": 32},
        models=("noisy",),
    ),
    Problem(
        "rare", rare, lambda: [BINARY, "sigmoid_brier_loss", "generalized_cross_entropy"], "average_precision",
        rows=20_000, options={"epochs": 12, "batch_size": 128, "trials": 96}, models=("stable",),
    ),
    Problem("shortage", values, lambda: ["mse_loss", "l1_loss", "huber_loss", "quantile_loss"], shortage),
    Problem(
        "median", values, lambda: ["mse_loss", "l1_loss", "huber_loss", "log_cosh_loss"], "median_ae",
        options={"corrupt_train": 0.2},
    ),
]  # fmt: skip
PROBLEMS = {problem.name: problem for problem in NULLS + PLANTED}


def chosen(names: list[str] | None) -> list[Problem]:
    """Problems by name or kind; all for None."""
    found = [p for p in PROBLEMS.values() if names is None or p.name in names or p.kind in names]
    unknown = set(names or ()) - {p.name for p in found} - {p.kind for p in found}
    if unknown:
        raise SystemExit(f"no problem {', '.join(sorted(unknown))}; there are {', '.join(PROBLEMS)}")
    return found


def repeat(cells: list[tuple[Problem, str]], seeds: range, record: Path) -> None:
    """Runs what is not in the record yet, some seeds of every problem before more of any."""
    done = {(row["problem"], row["model"], row["seed"]) for row in read(record)}
    for first in range(seeds.start, seeds.stop, BLOCK):
        block = range(first, min(first + BLOCK, seeds.stop))
        for problem, model in cells:
            for seed in block:
                if (problem.name, model, seed) not in done:
                    row = json.dumps(problem.study(model, seed))
                    with record.open("a") as file:
                        file.write(row + "\n")


def read(record: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []


COUNTS = ("repetitions", "challenger_better", "default_better", "equivalent", "undecided", "failed")
SIZES = ("difference", "spread_of_difference", "spread_of_runs", "detectable", "seconds_each")
HEAD = " " * 24 + "".join(f"{name.replace('_', ' ')[:10]:>11s}" for name in COUNTS + SIZES)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts and sizes of the repetitions of one problem and model."""
    seeds = sorted(row["seed"] for row in rows)
    failed, rows = [row for row in rows if row["kind"] == "failed"], [row for row in rows if row["kind"] != "failed"]
    better = [row for row in rows if row["kind"] == "better"]
    challenger = [row for row in better if not row["keep_default"]]
    return {
        "problem": rows[0]["problem"],
        "model": rows[0]["model"],
        "repetitions": len(seeds),
        "seeds": f"{seeds[0]} to {seeds[-1]}" if seeds == list(range(seeds[0], seeds[-1] + 1)) else seeds,
        "challenger_better": len(challenger),
        "default_better": len(better) - len(challenger),
        "equivalent": sum(row["kind"] == "equivalent" for row in rows),
        "undecided": sum(row["kind"] == "undecided" for row in rows),
        "failed": len(failed),
        "test_rows": rows[0]["test_rows"],
        "default_test": mean(row["test"] for row in rows),
        "difference": mean(row["difference"] for row in rows),
        "spread_of_difference": float(np.std([row["difference"] for row in rows])),
        "spread_of_runs": mean(row["spread_of_runs"] for row in rows),
        "detectable": median(row["detectable"] for row in rows),
        "seconds_each": round(median(row["seconds"] for row in rows), 3),
    }


def total(lines: list[dict[str, Any]], problems: list[Problem]) -> dict[str, int]:
    """The counts of several problems together."""
    names = {problem.name for problem in problems}
    return {count: sum(line[count] for line in lines if line["problem"] in names) for count in COUNTS}


def summarise(record: Path, out: Path) -> list[dict[str, Any]]:
    cells: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in read(record):
        cells.setdefault((row["problem"], row["model"]), []).append(row)
    lines = [summary(cells[problem, model]) for problem in PROBLEMS for model in MODELS if (problem, model) in cells]
    content = {
        "question": "how often is the verdict of losslab.tune wrong on null problems, and right on planted effects?",
        "command": "python benchmarks/verdict.py",
        "search": SEARCH,
        "models": MODELS,
        "machine": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "versions": versions(),
        "seconds": round(sum(row["seconds"] for rows in cells.values() for row in rows), 1),
        "nulls": total(lines, NULLS),
        "planted": total(lines, PLANTED),
        "rows": lines,
    }  # fmt: skip
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(content, indent=1) + "\n")
    return lines


def line(row: dict[str, Any]) -> str:
    counts = "".join(f"{row[name]:11d}" for name in COUNTS)
    return f"{row['problem']:16s}{row['model']:8s}{counts}" + "".join(f"{row[name]:11.4f}" for name in SIZES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problem", nargs="+", help=f"by name or kind: {', '.join(PROBLEMS)}; all if left out")
    parser.add_argument("--model", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--record", type=Path, default=HERE.parent / "runs" / "verdict.jsonl")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "verdict.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.record.parent.mkdir(parents=True, exist_ok=True)
    seeds = range(options.first_seed, options.first_seed + options.repetitions)
    cells = [(p, model) for p in chosen(options.problem) for model in p.models if model in options.model]
    repeat(cells, seeds, options.record)
    print(HEAD, *(line(row) for row in summarise(options.record, options.out)), sep="\n")


if __name__ == "__main__":
    main()
