"""A small version of benchmarks/inference_simulation.py."""

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def simulation():
    path = Path(__file__).parents[3] / "benchmarks" / "inference_simulation.py"
    spec = importlib.util.spec_from_file_location("inference_simulation", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["inference_simulation"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["inference_simulation"]


def test_exact_nulls_are_called_better_as_often_as_promised(simulation):
    """Of 600 repetitions a true 5 % gives 8 % or more one time in a thousand."""
    for setting in (
        simulation.gaussian(100, 5, "noisy runs"),
        simulation.right_rows(36, 5, "stable", own=0.3),
        simulation.right_rows(100, 5, "noisy runs"),
        simulation.squared(100, 5, "noisy runs", True, 3),
        simulation.one_tail(100, 5, True),
    ):
        null = simulation.measure(setting, 600, seed=1)
        for share in ("any_wrong", "wrong", "better"):
            assert null[share] <= 0.08, f"{share}: {setting.name}"
        assert null["coverage"] >= 0.92, setting.name
    assert simulation.measure(simulation.gaussian(100, 5, "stable"), 50, seed=1)["paired_t_over_runs_wrong"] > 0.5


def test_power_at_the_detectable_size(simulation):
    for setting in (simulation.gaussian(100, 20, "noisy runs"), simulation.right_rows(360, 5, "stable")):
        row = simulation.simulate([setting], 250, seed=3)[0]
        assert 0.72 <= row["planted"]["power"] <= 0.95, setting.name
        assert row["planted"]["coverage"] >= 0.9, setting.name
        assert row["null"]["coverage"] >= 0.91, setting.name
