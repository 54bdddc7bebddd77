"""Losses compiled with torch's default compiler: one of each kind here, all of them in `make nightly`."""

import os

import pytest
import torch

from losslab.catalog import CATALOGUE
from losslab.testing import set_samples
from losslab.testing.claims import compiled_as_eager, counts
from losslab.testing.samples import draw

# Pointwise, over classes, with class counts, of separate tensors, of a batch whose rows see each other.
ONE_OF_EACH = ("huber_loss", "focal_loss", "ldam_loss", "dice_loss", "supcon_loss")
NAMES = tuple(CATALOGUE) if os.environ.get("NIGHTLY") else ONE_OF_EACH


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own, on its first compilation
@pytest.mark.filterwarnings(
    "ignore:`torch._prims_common.check`:FutureWarning"
)  # of torch's own, where it compiles diagonal
@pytest.mark.parametrize("name", NAMES)
def test_the_default_compiler_gives_the_same(name):
    torch.compiler.reset()
    record = CATALOGUE[name]
    if "compile" in record.lacks:
        pytest.skip(f"{name} does not compile: {record.lacks['compile']}")
    if record.kind == "set":
        batch = set_samples.draw(record)
        compiled_as_eager(record, batch, set_samples.predicted(record, batch), "inductor")
        return
    input, target = draw(record)
    compiled_as_eager(record, {"input": input, "target": target, **counts(record)}, ["input"], "inductor")
