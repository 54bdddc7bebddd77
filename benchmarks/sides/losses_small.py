"""Small calls: microseconds that losslab takes over torch, forward and backward, checks at their default level.

Both in one process, in blocks that alternate; of each pair of neighbouring blocks the fastest call of each side. The
difference of the two minima over all blocks is what is printed.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable

import torch.nn.functional as F
from losses_one import batch
from torch import Tensor

import losslab

BLOCKS, CALLS = 50, 40
NAMES = ("cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
         "binary_cross_entropy_with_logits", "soft_margin_loss", "poisson_nll_loss")  # fmt: skip
SHAPES = ((1, 10), (64, 10), (64, 1000))


def fastest(loss: Callable[[Tensor, Tensor], Tensor], input: Tensor, target: Tensor) -> float:
    best = float("inf")
    for _ in range(CALLS):
        input.grad = None
        start = time.perf_counter()
        loss(input, target).backward()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    warnings.simplefilter("ignore")
    found: dict[str, dict[str, list[float]]] = {}
    for name in sys.argv[1:] or NAMES:
        record = losslab.losses()[name]
        ours, theirs = getattr(losslab.functional, name), getattr(F, name)
        for shape in SHAPES:
            input, target, _ = batch(record, shape)
            input.requires_grad_()
            for _ in range(20):  # past the calls in which smells are looked for
                ours(input, target), theirs(input, target)
            pairs = [(fastest(ours, input, target), fastest(theirs, input, target)) for _ in range(BLOCKS)]
            mine, others = (1e6 * min(one) for one in zip(*pairs, strict=True))
            found.setdefault(name, {})[" x ".join(map(str, shape))] = [mine, others]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
