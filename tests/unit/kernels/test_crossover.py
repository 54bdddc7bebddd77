"""From which size on a kernel is taken: measured on request, for this process."""

import subprocess
import sys

import pytest
import torch

import losslab.functional
from losslab.kernels import crossover
from losslab.kernels.dispatch import explain
from losslab.kernels.native import OPERATORS
from losslab.spec.policy import _POLICY

PAIR = torch.linspace(-1, 2, 12), torch.zeros(12)


@pytest.fixture(autouse=True)
def _as_shipped():
    yield
    crossover.use(crossover.BELOW)


def test_what_is_measured_is_used():
    before = _POLICY.calls.copy()
    found = crossover.measure(sizes=(64, 256), rounds=1)
    assert found.keys() == OPERATORS.keys()
    assert set(found.values()) <= {0, 256, 512}
    assert {name: crossover.below(name) for name in found} == found
    assert _POLICY.calls == before, "what is said in the first calls is still to be said"


@pytest.mark.parametrize(("kernel", "torchs", "wanted"), [(1, 3, 0), (3, 1, 512), (2, 2, 0)])
def test_the_quicker_one_is_found(kernel, torchs, wanted, monkeypatch):
    """With a clock that tells what a call of each is said to take."""
    now = [0.0]
    monkeypatch.setattr(crossover, "perf_counter", lambda: now[0])

    def call():
        now[0] += kernel if crossover.below("mse_loss") == 0 else torchs

    monkeypatch.setattr(crossover, "_call", lambda *_: call)
    assert crossover._crossover("mse_loss", None, (64, 256), 2) == wanted


def test_a_loss_goes_by_the_table():
    crossover.use({"mse_loss": 12})
    assert explain("mse_loss", *PAIR) == "the fused kernel"
    assert explain("l1_loss", *PAIR) == "the fused kernel"
    crossover.use({"mse_loss": 13})
    assert explain("mse_loss", *PAIR) == "torch's own operator"
    losslab.functional.mse_loss(*PAIR)


@pytest.mark.parametrize("table", [{"focal_loss": 3}, {"mse_loss": -1}, {"mse_loss": 2.5}, {"mse_loss": True}])
def test_another_table_is_refused(table):
    with pytest.raises(ValueError, match="crossover: "):
        crossover.use(table)
    assert {name: crossover.below(name) for name in crossover.BELOW} == crossover.BELOW


@pytest.mark.parametrize("wrong", [{"sizes": ()}, {"sizes": (8, 4)}, {"sizes": (8,), "rounds": 0}])
def test_wrong_sizes_are_refused(wrong):
    with pytest.raises(ValueError, match="sizes must rise"):
        crossover.measure(**wrong)


@pytest.mark.without_kernels
def test_explain_needs_nothing_imported_first():
    code = """
import torch
from losslab.kernels.dispatch import explain
print(explain("focal_loss", torch.zeros(2, 3), torch.tensor([0, 2])))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(("the fused kernel", "the rule: "))
