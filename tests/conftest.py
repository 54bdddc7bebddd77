"""One thread in tests: two busy processes on a small machine make threaded code many times slower."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

from losslab.spec import deferred, policy

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _nothing_said_yet():
    """Losses warn once: each test hears what it would hear alone, in whatever order tests run."""
    policy.forget()
    deferred.forget()
