"""Writes customers.csv: a table as one gets it, drawn by chance. Which customers leave?

3,000 rows: numbers with gaps, a date, categories of few and of many values, true and false, an id; one label in twenty
is wrong. `python customers.py [FILE] [ROWS] [SEED]`
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

CITIES, PLANS = [f"Town {i:02}" for i in range(1, 61)], ["basic", "plus", "family"]
WRONG = 0.05


def customers(rows: int = 3000, seed: int = 0) -> pd.DataFrame:
    """The table; `churned` is yes or no."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 85, rows).astype(float)
    income = rng.lognormal(10.3, 0.5, rows)
    visits = rng.poisson(rng.gamma(2, 3, rows))
    plan = rng.choice(PLANS, rows, p=[0.6, 0.3, 0.1])
    city = rng.choice(CITIES, rows, p=rng.dirichlet(np.ones(len(CITIES)) * 2))
    by_city = dict(zip(CITIES, rng.normal(0, 0.7, len(CITIES)), strict=True))
    days = rng.integers(0, 2000, rows)
    app = rng.random(rows) < 0.55
    score = (
        0.6 - 0.25 * visits + 0.03 * np.abs(age - 50) - 0.9 * app + np.array([by_city[c] for c in city])
        + 0.8 * (plan == "basic") - 0.0004 * days + 0.4 * (income > 40_000)
    )  # fmt: skip
    leaves = rng.random(rows) < 1 / (1 + np.exp(-score))
    wrong = rng.random(rows) < WRONG
    age[rng.random(rows) < 0.08] = np.nan
    income[rng.random(rows) < np.where(plan == "basic", 0.2, 0.05)] = np.nan
    return pd.DataFrame(
        {
            "customer": [f"C-{100000 + i}" for i in rng.permutation(rows)],
            "signed_up": pd.Timestamp("2020-01-01") + pd.to_timedelta(days, unit="D"),
            "city": city,
            "plan": pd.Series(plan).where(rng.random(rows) > 0.03),
            "age": age,
            "income": income.round(-2),
            "has_app": app,
            "visits": visits,
            "currency": "EUR",
            "churned": np.where(leaves ^ wrong, "yes", "no"),
        }
    )


if __name__ == "__main__":
    path, rows, seed = [*sys.argv[1:], *["customers.csv", "3000", "0"][len(sys.argv) - 1 :]]
    customers(int(rows), int(seed)).to_csv(Path(path), index=False)
    print(f"wrote {path}")
