"""How far one distribution is from another."""

from collections.abc import Mapping
from math import exp, log
from typing import Any

import torch
from torch import Tensor

from losslab.spec.declare import loss
from losslab.spec.facts import Facts
from losslab.spec.interval import Interval
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import SetCase

ROUNDING = 1e-3  # of probabilities that should sum to one, and of their logarithms


def negative_target(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    target = operands["target"]
    if options.get("log_target") or not (target < 0).any():
        return None
    hint = "; if these are log-probabilities, pass log_target=True" if (target <= 0).all() else ""
    return f"target holds probabilities, but its smallest value is {target.min():g}{hint}"


def kl_smells(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> dict[str, str]:
    input, target, mask = operands["input"], operands["target"], options["mask"]
    share = target.exp() if options.get("log_target") else target
    found = {}
    if options["reduction"] == "mean" and input.ndim > 0:
        found["mean"] = (
            'reduction="mean", which is torch\'s default, divides by the number of elements, so the value is the '
            'divergence divided by the number of classes; reduction="batchmean" averages the divergence over the batch'
        )
    if mask is not None:
        input, share = input[mask], share[mask]
    if input.numel() and input.max() > ROUNDING:
        found["input"] = (
            f"input should hold log-probabilities, which are not positive, but its largest value is {input.max():g}; "
            "apply log_softmax to scores, log to probabilities. The target holds probabilities (or their logarithms, "
            "with log_target=True): are the two swapped?"
        )
    if share.numel() and share.max() > 1 + ROUNDING:
        found["target"] = f"target should hold probabilities, but the largest is {share.max():g}"
    elif share.numel() and mask is None and not sums_to_one(share, options.get("off", ROUNDING)):
        total = share.sum(-1).max()
        found["sum"] = f"target should hold distributions, but its rows do not sum to one: one sums to {total:g}"
    return found


def sums_to_one(share: Tensor, off: float) -> bool:
    """Over dimension 1 or the last; a single number need not."""
    dims = {1 % share.ndim, share.ndim - 1} if share.ndim else ()
    return not dims or any(((share.sum(dim) - 1).abs() <= off).all() for dim in dims)


def kl_batch(generator: torch.Generator, sizes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    scores = torch.randn((2, *sizes["*"]), generator=generator, dtype=torch.float64)
    return {"input": scores[0].log_softmax(-1), "target": scores[1].softmax(-1)}


@loss(
    kind="set",
    formula=r"t\,(\log t - x)",
    source="Kullback and Leibler, On information and sufficiency, Annals of Mathematical Statistics 1951",
    task="distribution",
    layout=Layout({"input": Operand("*", predicted=True), "target": Operand("*")}, "*", draw=kl_batch),
    more_reductions=("batchmean",),
    refuses=negative_target,
    smells=kl_smells,
    torch_name="kl_div",
    module_name="KLDivLoss",
    facts=Facts(Interval(-exp(-1)), convex=True, smooth=True, unknown=("lipschitz",)),
    cases=(
        # rows (1/2, 1/2) and (1/4, 3/4) against (1/4, 3/4) and (1, 0): log(3/2) 3/4 - log(2) / 4 and log 4
        SetCase(
            {"input": [[log(0.5), log(0.5)], [log(0.25), log(0.75)]], "target": [[0.25, 0.75], [1.0, 0.0]]},
            (0.75 * log(1.5) - 0.25 * log(2) + log(4)) / 2, {"reduction": "batchmean"},
            {"input": [[-0.125, -0.375], [-0.5, 0.0]]}, 1e-12,
        ),
        # the same rows, by element, from logarithms
        SetCase(
            {"input": [[log(0.5), log(0.5)]], "target": [[log(0.25), log(0.75)]]},
            [[-0.25 * log(2), 0.75 * log(1.5)]], {"log_target": True, "reduction": "none"},
            {"input": [[-0.25, -0.75]]}, 1e-12,
        ),
        # 0 log 0 is 0, also where the input gives it no chance
        SetCase(
            {"input": [float("-inf"), log(0.75)], "target": [0.0, 1.0]}, log(4 / 3), {"reduction": "sum"},
            {"input": [0.0, -1.0]}, 1e-12,
        ),
        SetCase(
            {"input": [float("-inf"), log(0.75)], "target": [float("-inf"), 0.0]}, log(4 / 3) / 2, {"log_target": True},
            {"input": [0.0, -0.5]}, 1e-12,
        ),
    ),
)  # fmt: skip
def kl_div(input: Tensor, target: Tensor, *, log_target: bool = False) -> Tensor:
    """Kullback-Leibler divergence KL(target || input): the input is log-probabilities, the target probabilities.

    For targets that are distributions: a teacher's, a smoothed label, a prior. With a fixed target it teaches what
    cross-entropy with soft targets teaches, and lacks only the target's entropy. `reduction="batchmean"` averages the
    divergence over the batch; "mean", torch's default, divides by the number of classes too, and warns once. Elements
    may be negative; a row is not, beyond the rounding of inputs that do not sum to one. A target of 0 costs nothing
    and gets no gradient, whatever the input (the slope by the target is infinite there); NaN in torch. Negative targets
    are refused. Keras's kl_divergence takes probabilities for both and has the target first.
    """
    if log_target:
        none = target == -torch.inf
        share, gap = target.exp(), target.masked_fill(none, 0.0) - input.masked_fill(none, 0.0)
    else:
        none = target == 0
        share, gap = target, target.masked_fill(none, 1.0).log() - input.masked_fill(none, 0.0)
    return share.masked_fill(none, 0.0) * gap
