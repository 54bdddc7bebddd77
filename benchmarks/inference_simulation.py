"""How often are the intervals and p-values of `losslab.search.inference` wrong? Measured on made-up test parts.

Nothing is trained: values of L losses (the default first) in R runs on N test rows are drawn from known distributions,
in which all losses are equally good ("null"), or one is better by a known amount ("planted"). For each setting:

    wrong        share of p < 0.05 of the first challenger, two-sided (nominal 5 %)
    any_wrong    share of tables with some Holm-adjusted p < 0.05 (at most 5 %); better: with one in the good direction
    coverage     share of 95 % intervals that hold the truth: of the difference, and of the metric itself
    ratio        mean estimated variance of the difference / the variance seen over repetitions
    power        share of tables that show a loss whose true gain is the (median) `detectable` (nominal 80 %), where
                 the default leaves room for such a gain

beside the wrong ways: a paired t over runs, Nadeau-Bengio on this one test part, rows without the run part, and, for
metrics that are no means, percentiles of the two-way bootstrap.

    python benchmarks/inference_simulation.py [--repetitions 1000] [--out benchmarks/results/inference_simulation.json]
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import torch
from scipy.special import stdtr
from scipy.stats import norm

from losslab.metrics.classification import BALANCED_ACCURACY, MACRO_F1
from losslab.metrics.ranking import ROC_AUC
from losslab.metrics.regression import MEDIAN_AE
from losslab.search.inference import compare_bootstrap, compare_rows, resampled
from losslab.search.spread import Sampling

Array = np.ndarray
NOMINAL = 0.05


@dataclass(frozen=True)
class Setting:
    """`draw(rng, gain)` gives values (L, R, N), or predictions and a target; `gain` is the true gain of loss 1."""

    name: str
    draw: Callable[[np.random.Generator, float], Any]
    truth: float | None = None  # of the metric itself, where it is known
    root: bool = False
    metric: Any = None
    room: float = 0.0  # the largest gain that can be planted; the gain is `detectable` where that fits
    lower_is_better: bool = False
    draws: int = 300


def noise(rng: np.random.Generator, shape: tuple[int, int, int], row: float, run: float, both: float) -> Array:
    """Row, run and left-over effects of each loss, (L, R, N); the runs' effects are shared by half between losses."""
    L, R, N = shape
    runs = math.sqrt(0.5) * (rng.normal(size=(L, R, 1)) + rng.normal(size=(1, R, 1)))
    return row * rng.normal(size=(L, 1, N)) + run * runs + both * rng.normal(size=shape)


NOISY = {"stable": (0.0, 0.0), "noisy runs": (0.1, 0.6), "very noisy runs": (0.4, 1.5)}


def gaussian(N: int, R: int, runs: str, L: int = 6) -> Setting:
    """Real-valued rows: a difficulty that all losses share, and their own effects."""

    def draw(rng: np.random.Generator, gain: float) -> Array:
        values = rng.normal(size=N) + noise(rng, (L, R, N), 0.5, *NOISY[runs])
        values[1] += gain
        return values

    return Setting(f"real rows, N={N}, R={R}, {L - 1} challengers, {runs}", draw, truth=0.0, room=math.inf)


def right_rows(N: int, R: int, runs: str, easy: float = 1.5, own: float = 0.5, L: int = 6) -> Setting:
    """Rows that are right (1) or wrong (0): a hidden number above zero."""
    run, both = NOISY[runs]
    scale = math.sqrt(1 + own**2 + run**2 + both**2)
    accuracy = float(norm.cdf(easy / scale))

    def draw(rng: np.random.Generator, gain: float) -> Array:
        level = np.full((L, 1, 1), easy)
        level[1] = scale * norm.ppf(min(accuracy + gain, 1 - 1e-12))
        return (level + rng.normal(size=N) + noise(rng, (L, R, N), own, run, both) > 0).astype(np.float64)

    name = f"accuracy {accuracy:.3f}, N={N}, R={R}, {L - 1} challengers, {runs}"
    return Setting(name, draw, truth=accuracy, room=0.99 - accuracy)


def squared(N: int, R: int, runs: str, root: bool, tail: int, own: float = 0.6, L: int = 6) -> Setting:
    """Squared errors with heavy tails: t with `tail` degrees of freedom in the target."""
    run, both = NOISY[runs]
    rest = tail / (tail - 2) + (run**2 + both**2) / 4
    metric = math.sqrt if root else float

    def draw(rng: np.random.Generator, gain: float) -> Array:
        wanted = metric(rest + own**2) - gain
        sizes = np.full((L, 1, 1), own)
        sizes[1] = math.sqrt(max((wanted**2 if root else wanted) - rest, 0.0))
        own_rows = sizes * rng.normal(size=(L, 1, N))
        return (rng.standard_t(tail, size=N) + own_rows + noise(rng, (L, R, N), 0.0, run / 2, both / 2)) ** 2

    name = f"{'rmse' if root else 'mse'}, errors t({tail}), N={N}, R={R}, {L - 1} challengers, {runs}"
    truth = metric(rest + own**2)
    return Setting(name, draw, truth=truth, root=root, room=0.9 * (truth - metric(rest)), lower_is_better=True)


def one_tail(N: int, R: int, lower_is_better: bool) -> Setting:
    """Equal means, but differences with a long tail on one side: what a challenger adds to a row is log-normal."""

    def draw(rng: np.random.Generator, gain: float) -> Array:
        values = np.repeat(rng.normal(size=(1, R, N)), 3, 0)
        values[1:] += np.exp(rng.normal(size=(2, 1, N))) - math.exp(0.5)
        return values

    name = f"log-normal, rarely much {'worse' if lower_is_better else 'better'}, N={N}, R={R}, 2 challengers"
    return Setting(name, draw, lower_is_better=lower_is_better)


def scores(metric: Any, N: int, R: int, share: float, runs: str, L: int = 3) -> Setting:
    """Scores of a class that `share` of the rows have (at least two do), cut to labels where the metric wants those."""

    def draw(rng: np.random.Generator, gain: float) -> tuple[torch.Tensor, torch.Tensor]:
        target = (np.arange(N) < max(2, round(share * N))).astype(np.int64)
        found = 2.0 * target + rng.normal(size=N) + noise(rng, (L, R, N), 0.5, *NOISY[runs])
        predictions = torch.as_tensor(found > 1 if metric.needs == "label" else found)
        return predictions.long() if metric.needs == "label" else predictions, torch.as_tensor(target)

    return Setting(
        f"{metric.name}, {share:.0%} positive, N={N}, R={R}, {L - 1} challengers, {runs}", draw, metric=metric
    )


def residuals(N: int, R: int, runs: str, L: int = 3) -> Setting:
    def draw(rng: np.random.Generator, gain: float) -> tuple[torch.Tensor, torch.Tensor]:
        found = rng.standard_t(3, size=N) + noise(rng, (L, R, N), 0.5, *NOISY[runs])
        return torch.as_tensor(found), torch.zeros(N, dtype=torch.float64)

    name = f"median_ae, N={N}, R={R}, {L - 1} challengers, {runs}"
    return Setting(name, draw, metric=MEDIAN_AE, lower_is_better=True)


def settings() -> list[Setting]:
    return [
        *(gaussian(N, R, runs) for N in (100, 360) for R in (5, 20) for runs in NOISY),
        right_rows(36, 5, "stable", own=0.3),
        right_rows(36, 20, "stable"),
        right_rows(36, 20, "stable", own=0.3, L=2),
        right_rows(36, 20, "noisy runs", own=0.3),
        right_rows(36, 5, "very noisy runs", easy=1.0),
        *(right_rows(N, R, runs) for N in (100, 360) for R in (5, 20) for runs in ("stable", "noisy runs")),
        right_rows(360, 20, "stable", easy=2.2, own=0.3),
        right_rows(360, 20, "noisy runs", easy=2.2, own=0.3, L=2),
        *(squared(N, R, "noisy runs", False, 3) for N, R in ((36, 5), (100, 5), (360, 20))),
        *(squared(N, R, "noisy runs", True, tail) for tail in (3, 5) for N, R in ((36, 5), (100, 5), (360, 20))),
        *(one_tail(N, R, lower) for lower in (True, False) for N, R in ((100, 5), (360, 20))),
        *(scores(m, 100, 5, 0.3, "noisy runs") for m in (ROC_AUC, BALANCED_ACCURACY, MACRO_F1)),
        *(scores(m, 100, 5, 0.06, "stable") for m in (ROC_AUC, BALANCED_ACCURACY, MACRO_F1)),
        *(scores(m, 36, 5, 0.3, "stable") for m in (ROC_AUC, BALANCED_ACCURACY)),
        scores(BALANCED_ACCURACY, 100, 5, 0.3, "very noisy runs"),
        residuals(100, 5, "noisy runs"),
        residuals(100, 5, "very noisy runs"),
    ]


def paired_t(differences: Array, factor: float | None = None) -> float:
    """p of a paired t over n differences (n,); a `factor` in place of 1 / n makes it Nadeau and Bengio's."""
    n = len(differences)
    error = differences.std(ddof=1) * math.sqrt(1 / n if factor is None else factor)
    if error <= 1e-12:
        return 1.0 if abs(differences.mean()) <= 1e-12 else 0.0
    return float(2 * stdtr(n - 1, -abs(differences.mean()) / error))


def percentile_wrong(setting: Setting, predictions: torch.Tensor, target: torch.Tensor, seed: int) -> bool:
    """Whether the 95 % percentiles of the two-way bootstrap (rows and runs) of the first challenger leave out zero."""
    L, R, N = predictions.shape

    def values(weight: torch.Tensor) -> Array:
        found = setting.metric.value(predictions.reshape(L * R, N), target, weight=weight[:, None, :])
        return found.numpy().reshape(len(weight), L, R).transpose(1, 2, 0)

    drawn = resampled(values, Sampling.of(N, None, None), setting.draws, seed, np.ones(L, bool), L * R * N)
    runs = np.random.default_rng(seed).integers(R, size=(R, drawn.shape[2]))
    difference = np.take_along_axis(drawn[1] - drawn[0], runs, axis=0).mean(0)
    low, high = np.quantile(difference, (NOMINAL / 2, 1 - NOMINAL / 2))
    return bool(low > 0 or high < 0)


def measure(setting: Setting, repetitions: int, seed: int, gain: float = 0.0) -> dict[str, float]:
    """The figures of one setting, as shares of the repetitions."""
    rng = np.random.default_rng(seed)
    truth = -gain if setting.lower_is_better else gain
    seen: dict[str, list[float]] = {}

    def note(**figures: float) -> None:
        for name, figure in figures.items():
            seen.setdefault(name, []).append(float(figure))

    for repetition in range(repetitions):
        drawn = setting.draw(rng, gain)
        if setting.metric:
            found = compare_bootstrap(setting.metric.value, *drawn, draws=setting.draws, seed=repetition)
            predictions, target = drawn
            note(percentile_wrong=percentile_wrong(setting, predictions, target, repetition))
        else:
            found = compare_rows(drawn, root=setting.root)
            d = drawn[1] - drawn[0]
            if setting.root:
                d = d / np.sqrt(drawn[:2].mean(2, keepdims=True)).sum(0)
            note(
                paired_t_over_runs_wrong=paired_t(d.mean(1)) < NOMINAL,
                nadeau_bengio_wrong=paired_t(d.mean(1), 1 / d.shape[0] + 0.25) < NOMINAL,
                rows_only_wrong=paired_t(d.mean(0)) < NOMINAL,
            )
        sign = -1 if setting.lower_is_better else 1
        shown = [(c.p_holm or 0) < NOMINAL for c in found[1:]]
        first = found[1]
        note(
            wrong=first.p < NOMINAL,
            any_wrong=any(shown),
            better=any(s and sign * c.difference > 0 for s, c in zip(shown, found[1:], strict=True)),
            power=shown[0] and sign * first.difference > 0,
            coverage=first.low <= truth <= first.high,
            difference=first.difference,
            variance=first.standard_error**2,
            detectable=first.detectable,
        )
        if setting.truth is not None:
            note(coverage_of_metric=found[0].test_low <= setting.truth <= found[0].test_high)
    figures = {name: float(np.mean(values)) for name, values in seen.items()}
    figures["detectable"] = float(np.median(seen["detectable"]))
    figures["ratio"] = figures.pop("variance") / max(float(np.var(seen["difference"])), 1e-300)
    figures.pop("difference")
    return figures


def simulate(chosen: list[Setting], repetitions: int, seed: int = 0) -> list[dict[str, Any]]:
    rows = []
    for number, setting in enumerate(chosen):
        count = repetitions if setting.metric is None else min(repetitions, 400)
        null = measure(setting, count, seed + 1000 * number)
        null.pop("power")
        row: dict[str, Any] = {
            "setting": setting.name,
            "repetitions": count,
            "seed": seed + 1000 * number,
            "null": null,
        }
        if setting.room > 0:
            gain = min(null["detectable"], setting.room)
            planted = measure(setting, count, seed + 1000 * number + 1, gain)
            row["planted"] = {"gain": gain, "coverage": planted["coverage"]}
            if gain == null["detectable"]:
                row["planted"]["power"] = planted["power"]
        rows.append(row)
    return rows


def line(row: dict[str, Any]) -> str:
    null, planted = row["null"], row.get("planted", {})
    shown = [null["wrong"], null["any_wrong"], null["better"], null["coverage"], null.get("coverage_of_metric")]
    shown += [null["ratio"], planted.get("power"), planted.get("coverage"), null["detectable"]]
    names = ("paired_t_over_runs_wrong", "nadeau_bengio_wrong", "rows_only_wrong", "percentile_wrong")
    shown += [null.get(name) for name in names]
    return f"{row['setting']:68s}" + "".join("      -" if value is None else f"{value:7.3f}" for value in shown)


HEAD = " " * 68 + "  wrong    any better  cover cov.met  ratio  power  cov.pl  detect   t.run   n.b.   rows  perc."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "inference_simulation.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(HEAD)
    started, rows = time.perf_counter(), []
    for number, setting in enumerate(settings()):
        rows += simulate([setting], options.repetitions, options.seed + 1000 * number)
        print(line(rows[-1]), flush=True)
    content = {
        "question": "how often are the intervals and p-values of losslab.search.inference wrong?",
        "command": f"benchmarks/inference_simulation.py --repetitions {options.repetitions} --seed {options.seed}",
        "seconds": round(time.perf_counter() - started, 1),
        "threads": 1,
        "machine": platform.processor() or platform.machine(),
        "versions": {
            "python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
        "rows": rows,
    }  # fmt: skip
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(content, indent=1) + "\n")
    print(f"{content['seconds']} s, written to {options.out}")


if __name__ == "__main__":
    main()
