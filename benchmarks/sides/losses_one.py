"""One side of the loss benchmark: seconds of forward and backward of each loss, as it computes them.

losses_one.py SIDE SECONDS [LOSS ...]     SIDE: eager, tuned, compiled, losslab, rule
"""

import json
import sys
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor

import losslab
from losslab.spec.record import LossRecord
from losslab.testing.samples import draw, into

ELEMENTS, CLASSES = 4_000_000, 1000
EXTRA = {  # further shapes of one loss
    "cross_entropy 4096 x 4000": ("cross_entropy", (4096, 4000)),
    "cross_entropy 1024 x 32000": ("cross_entropy", (1024, 32000)),
    "cross_entropy 65536 x 10": ("cross_entropy", (65536, 10)),
}


def batch(record: LossRecord, shape: tuple[int, ...]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """A legal float32 batch: (N,) of a pointwise loss, (N, C) of one over classes; and what it needs by name."""
    if record.kind == "pointwise":
        input, target = draw(record, record.defaults, shape=shape, dtype=torch.float32)
        return input, target, {}
    scores = 2 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    input = scores.log_softmax(1) if record.input_domain.high == 0 else into(record.input_domain, scores)
    counts = {name: torch.arange(1.0, shape[1] + 1) for name in record.per_class}
    return input, torch.randint(shape[1], shape[:1]), counts


def of_torch(record: LossRecord, counts: dict[str, Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss as torch users have it: torch's own, else the formula in torch's operators, without checks."""
    if record.torch_name:
        return getattr(torch.nn.functional, record.torch_name)

    def loss(input: Tensor, target: Tensor) -> Tensor:
        result = record.rule(input, target, **record.defaults, **counts)
        value, weight = result if isinstance(result, tuple) else (result, None)
        return value.mean() if weight is None else value.sum() / weight.sum()

    return loss


def side_of(side: str, record: LossRecord, counts: dict[str, Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    if side in ("losslab", "rule"):
        return lambda input, target: record(input, target, **counts)
    loss = of_torch(record, counts)
    return torch.compile(loss) if side == "compiled" else loss


def seconds(loss: Callable[[Tensor, Tensor], Tensor], input: Tensor, target: Tensor, least: float) -> float:
    """The median of forward and backward, each with a gradient that is dropped before the next."""
    input.requires_grad_()
    times: list[float] = []
    for number in range(1000):
        input.grad = None
        start = time.perf_counter()
        loss(input, target).backward()
        if number > 2:
            times.append(time.perf_counter() - start)
        if len(times) >= 5 and sum(times) > least:
            break
    return sorted(times)[len(times) // 2]


def traffic(input: Tensor, target: Tensor) -> float:
    """Seconds of reading input and target once and writing something of the input's size: what no loss can beat."""
    out, whole = torch.empty_like(input), [input.detach()] + [target] * (target.dtype == input.dtype)
    add = (lambda: torch.add(*whole, out=out)) if len(whole) > 1 else lambda: torch.neg(whole[0], out=out)
    times = []
    for _ in range(15):
        start = time.perf_counter()
        add()
        times.append(time.perf_counter() - start)
    return sorted(times[3:])[6]


def main() -> None:
    side, least, only = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    if side == "tuned":
        losslab.tune_allocator()
    if side == "rule":
        losslab.backend("rule")
    records = losslab.losses()
    rows = {name: (name, (ELEMENTS,) if records[name].kind == "pointwise" else (ELEMENTS // CLASSES, CLASSES))
            for name in records if records[name].kind != "set"}  # fmt: skip
    found = {}
    for row, (name, shape) in {**rows, **EXTRA}.items():
        if only and row not in only:
            continue
        input, target, counts = batch(records[name], shape)
        try:
            found[row] = {"seconds": seconds(side_of(side, records[name], counts), input, target, least)}
        except Exception as error:  # a loss that torch.compile cannot take
            found[row] = {"failed": f"{type(error).__name__}: {str(error)[:200]}"}
        if side == "losslab":
            found[row]["traffic"] = traffic(input, target)
    print(json.dumps({"threads": torch.get_num_threads(), "losses": found}))


if __name__ == "__main__":
    main()
