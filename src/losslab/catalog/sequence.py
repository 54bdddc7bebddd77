"""Losses of sequences whose targets are shorter, and not aligned to them. Below, x are log-probabilities."""

from collections.abc import Mapping
from math import log
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from losslab.spec.declare import loss
from losslab.spec.facts import Facts
from losslab.spec.layout import Layout, Operand
from losslab.spec.record import SetCase


def log_add(*terms: Tensor) -> Tensor:
    """log of the sum of exponentials; -inf, with slope 0, where every term is."""
    stack = torch.stack(terms)
    largest = stack.detach().amax(0)
    largest = torch.where(largest.isfinite(), largest, 0.0)
    total = (stack - largest).exp().sum(0)
    none = total == 0
    return torch.where(none, -torch.inf, torch.where(none, 1.0, total).log() + largest)


def later(row: Tensor, by: int) -> Tensor:
    """What stands `by` places before, -inf at the start."""
    return F.pad(row, (by, 0), value=-torch.inf)[..., : row.shape[-1]]


def padded(tensors: dict[str, Any]) -> dict[str, Any]:
    """Targets as rows, with nothing behind their ends: from one row after the other, and from a single sequence."""
    if not all(isinstance(one, Tensor) for one in tensors.values()) or len(tensors) < 4:
        return tensors
    x, y, ends = tensors["log_probs"], tensors["targets"], tensors["target_lengths"]
    found = {**tensors, "input_lengths": tensors["input_lengths"].to(x.device), "target_lengths": ends.to(x.device)}
    if x.ndim == 2:  # a single sequence, whose lengths may be of shape (1,)
        for key in ("input_lengths", "target_lengths"):
            found[key] = found[key].reshape(()) if found[key].shape == (1,) else found[key]
        y = y.squeeze(0) if y.ndim == 2 and y.shape[0] == 1 else y
    if x.ndim == 3 and y.ndim == 1 and ends.ndim == 1 and not ends.is_floating_point():
        sizes = ends.tolist()
        if sum(sizes) != y.shape[0] or min(sizes, default=0) < 0:
            raise ValueError(
                f"ctc_loss: targets of one dimension hold the rows one after the other, {sum(sizes)} labels by "
                f"target_lengths, but there are {y.shape[0]}"
            )
        y = torch.nn.utils.rnn.pad_sequence(y.split(sizes), batch_first=True) if sizes else y.reshape(0, 0)
    y, ends = y.to(x.device), found["target_lengths"]
    if y.ndim > 0 and y.shape[:-1] == ends.shape and not ends.is_floating_point():
        y = y.masked_fill(torch.arange(y.shape[-1], device=y.device) >= ends.unsqueeze(-1), 0)
    return {**found, "targets": y}


def repeats(targets: Tensor, ends: Tensor) -> Tensor:
    """How often a label follows an equal one, in each row: a blank must stand between the two."""
    inside = torch.arange(1, max(targets.shape[-1], 1), device=targets.device) < ends.unsqueeze(-1)
    return ((targets[..., 1:] == targets[..., :-1]) & inside).sum(-1)


def wrong_sequences(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> str | None:
    x, y = operands["log_probs"], operands["targets"]
    blank, classes = options.get("blank", 0), x.shape[-1]
    if not isinstance(blank, int) or not 0 <= blank < classes:
        return f"blank = {blank!r}; it must be one of the {classes} classes of log_probs, from 0 to {classes - 1}"
    for key, most, of in (("input_lengths", x.shape[0], "log_probs"), ("target_lengths", y.shape[-1], "targets")):
        length = operands[key]
        bad = (length < 0) | (length > most)
        if bad.any():
            where = bad.nonzero()[0].tolist()
            return f"{key}{where or ''} is {int(length[tuple(where)])}; {of} has room for lengths from 0 to {most}"
    blanks = (y == blank) & (torch.arange(y.shape[-1], device=y.device) < operands["target_lengths"].unsqueeze(-1))
    if blanks.any():
        return (
            f"targets hold the blank {blank} at {blanks.nonzero()[0].tolist()}; the blank stands between labels and is "
            "never one: shift the labels by one, or name another class as blank"
        )
    return None


def odd_sequences(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> dict[str, str]:
    x, ends, frames = operands["log_probs"], operands["target_lengths"], operands["input_lengths"]
    need, keep = ends + repeats(operands["targets"], ends), options["mask"]
    short = need > frames if keep is None else (need > frames) & keep
    found = {}
    if short.any():
        which = [one[0] if len(one) == 1 else one for one in short.nonzero().tolist()]
        first = tuple(short.nonzero()[0].tolist())
        then = "0, with a gradient of 0" if options.get("zero_infinity") else "infinite; zero_infinity=True makes it 0"
        names = ", ".join(map(str, which[:8])) + (", ..." if len(which) > 8 else "")
        blanks = int(need[first] - ends[first])
        found["infeasible"] = (
            f"{len(which)} of {short.numel()} sequences are too short for their targets (samples {names}): the first "
            f"has {int(frames[first])} frames for {int(ends[first])} labels and {blanks} blanks between equal ones. "
            f"Their loss is {then}"
        )
    step = torch.arange(x.shape[0], device=x.device).reshape(-1, *(1,) * frames.ndim)
    seen = x[(step < frames) if keep is None else (step < frames) & keep]
    if seen.numel() and seen.max() > 1e-3:
        found["log-probabilities"] = (
            f"log_probs should hold log-probabilities, which are not positive, but the largest is {seen.max():g}; "
            "apply log_softmax to the scores, over the last dimension"
        )
    return found


def sequences(generator: torch.Generator, sizes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Short targets, also none at all, with anything behind their ends."""
    shape, (frames,), (classes,) = sizes["*"], sizes["T"], sizes["C"]
    ends = torch.randint(0, 3, shape, generator=generator)
    ends.view(-1)[:1] = 2
    return {
        "targets": torch.randint(1, classes, (*shape, *sizes["S"]), generator=generator),
        "input_lengths": torch.randint(frames - 1, frames + 1, shape, generator=generator),
        "target_lengths": ends,
    }


@loss(
    kind="set",
    formula=r"-\log \sum_{a \to y} \prod_t e^{x_{t, a_t}}",
    source="Graves et al., Connectionist temporal classification, ICML 2006",
    task="sequence",
    link="softmax",
    outputs="classes",
    layout=Layout(
        {
            "log_probs": Operand("T * C", predicted=True), "targets": Operand("* S", "class"),
            "input_lengths": Operand("*", "length"), "target_lengths": Operand("*", "length"),
        },
        "*", prepare=padded, per=lambda tensors: tensors["target_lengths"].clamp(min=1), draw=sequences,
        ends={"log_probs": lambda scores: scores.log_softmax(-1)},
    ),
    refuses=wrong_sequences,
    smells=odd_sequences,
    torch_name="ctc_loss",
    module_name="CTCLoss",
    positional=("blank", "reduction", "zero_infinity"),
    module_positional=("blank", "reduction", "zero_infinity"),
    uses=(log_add, later),
    facts=Facts(smooth=True, unknown=("lipschitz",)),
    cases=(
        # three frames of three equal chances, label 1: 6 ways, of 27; the slope is minus the share of ways
        SetCase(
            {"log_probs": [[-log(3)] * 3] * 3, "targets": [1], "input_lengths": 3, "target_lengths": 1},
            log(27 / 6), {},
            {"log_probs": [[-1 / 2, -1 / 2, 0.0], [-1 / 3, -2 / 3, 0.0], [-1 / 2, -1 / 2, 0.0]]}, 1e-12,
        ),
        # labels 1, 2, of which the mean is over two labels: 5 ways
        SetCase(
            {"log_probs": [[-log(3)] * 3] * 3, "targets": [1, 2], "input_lengths": 3, "target_lengths": 2},
            log(27 / 5) / 2, {}, {"log_probs": [[-0.1, -0.4, 0.0], [-0.1, -0.2, -0.2], [-0.1, 0.0, -0.4]]}, 1e-12,
        ),
        # chances of two frames, the blank last: 1 then 1, blank, or the reverse: .2 * .5 + .2 * .4 + .7 * .5
        SetCase(
            {
                "log_probs": [[[log(0.1), log(0.2), log(0.7)]], [[log(0.1), log(0.5), log(0.4)]]], "targets": [[1]],
                "input_lengths": [2], "target_lengths": [1],
            },
            -log(0.53), {"blank": 2, "reduction": "sum"},
            {"log_probs": [[[0.0, -0.18 / 0.53, -0.35 / 0.53]], [[0.0, -0.45 / 0.53, -0.08 / 0.53]]]}, 1e-12,
        ),
        # equal labels need a blank between them: no way in two frames, one in three, of which the second is not read
        SetCase(
            {
                "log_probs": [[[-log(3)] * 3] * 2] * 3, "targets": [[1, 1], [2, 0]], "input_lengths": [2, 2],
                "target_lengths": [2, 1],
            },
            [0.0, log(3)], {"zero_infinity": True, "reduction": "none"},
            {
                "log_probs": [
                    [[0.0] * 3, [-1 / 3, 0.0, -2 / 3]], [[0.0] * 3, [-1 / 3, 0.0, -2 / 3]], [[0.0] * 3, [0.0] * 3],
                ]
            },
            1e-12,
        ),
    ),
)  # fmt: skip
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    blank: int = 0,
    zero_infinity: bool = False,
) -> Tensor:
    """Minus the log of the probability that the frames read as the target: repeated labels merge, then blanks go.

    log_probs: (T, N, C), or (T, C) for one sequence; outputs of log_softmax. targets: (N, S) with anything behind their
    ends, or the labels of all rows one after the other. Lengths: tensors, lists or tuples.
    The mean divides the loss of each sequence by the number of its labels. A sequence too short for its target has an
    infinite loss with a gradient of 0, and with `zero_infinity` the loss 0; a warning says which. The gradient is that
    with respect to `log_probs`: minus the share that each class has in the alignments at each frame. torch returns
    softmax less that share, which is right only behind a log_softmax; behind one, both give the same gradients. All
    derivatives exist. It steps through the frames in Python: slower than torch's kernel where frames are many.
    """
    ends = target_lengths.unsqueeze(-1)
    labels = torch.stack([torch.full_like(targets, blank), targets], -1).flatten(-2)
    labels = F.pad(labels, (0, 1), value=blank)
    skips = (labels != blank) & (labels != F.pad(labels, (2, 0), value=blank)[..., :-2])
    found = log_probs.gather(-1, labels.expand(*log_probs.shape[:-1], -1))
    ways = F.pad(torch.full_like(labels[..., 1:], -torch.inf, dtype=found.dtype), (1, 0))
    for step, frame in enumerate(found):
        jump = torch.where(skips, later(ways, 2), -torch.inf)
        ways = torch.where(step < input_lengths.unsqueeze(-1), log_add(ways, later(ways, 1), jump) + frame, ways)
    last = torch.where(ends > 0, ways.gather(-1, (2 * ends - 1).clamp(min=0)), -torch.inf)
    total = log_add(ways.gather(-1, 2 * ends), last).squeeze(-1)
    return torch.where(total == -torch.inf, 0.0, -total) if zero_infinity else -total
