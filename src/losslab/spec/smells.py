"""Legal values that look like a mistake: looked for in the first calls of a loss, and warned of once."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor

from losslab.spec.checks import first, wrong_signs
from losslab.spec.interval import REAL, UNIT
from losslab.spec.policy import warn_once
from losslab.spec.record import LossRecord

NOT_A_NUMBER = (
    "{} holds NaN ({} of {} numbers{}), which makes the loss NaN. Leave such rows out with mask, or look for {}"
)
WHENCE = {True: "what made the model give it: a learning rate too high, a logarithm or a square root at 0",
          False: "what put it into the data"}  # fmt: skip


def check_smells(record: LossRecord, input: Tensor, target: Tensor) -> None:
    """Warns of what a loss of two tensors was given."""
    if record.target == "sign" and record.torch_name is not None and (wrong := wrong_signs(target)):
        warn_once(record.name, "sign", f"{wrong}. torch computes something for it, and so does this loss")
    for topic, seen, text in smells(record, input):
        if seen:
            warn_once(record.name, topic, text())
    if target.is_floating_point():
        check_nan(record.name, "target", target, False)
    if record.input_domain == UNIT and swapped(input, target):
        warn_once(
            record.name, "swapped", "every input is 0 or 1 and the targets lie between: are input and target swapped?"
        )


def smells(record: LossRecord, input: Tensor, *, where: bool = True) -> Iterator[tuple[str, Tensor, Callable[[], str]]]:
    """Topic, whether it is so (on the input's device), and words, of what a model's outputs may betray.

    where: the words may look into the input for the place; else they keep no more than single numbers of it alive.
    """
    if input.is_complex() or input.numel() == 0:
        return
    low, high = input.aminmax()
    classes = input.shape[-1] if input.ndim else 1
    again = "it looks as if {} was applied already. This loss applies it itself; pass the scores before {}"
    somewhere = f"input holds NaN, which makes the loss NaN. Look for {WHENCE[True]}"
    yield "nan", high.isnan(), (lambda: nan_in_words("input", input, True)) if where else (lambda: somewhere)
    if record.link == "softmax" and record.kind == "rowwise":
        endless = "input holds an infinite score, and the softmax of its row is NaN. Keep scores finite; -inf is legal"
        yield "infinite", high.isposinf(), lambda: endless
    if record.kind == "rowwise" and record.input_domain.high == 0:
        text = "input should hold log-probabilities, which are not positive, but its largest value is {:g}; apply "
        text += "log_softmax to the scores, or use cross_entropy"
        yield "log-probabilities", high > 1e-3, lambda: text.format(high.item())
    if record.input_domain != REAL:
        return
    if record.kind == "rowwise" and classes > 1:
        sums = ((input.sum(-1) - 1).abs() < 1e-3).all()
        least = f". A log loss then cannot go below {math.log(math.e + classes - 1) - 1:.4f} for {classes} classes"
        told = f"the rows of input sum to one: {again.format('softmax', 'softmax')}{least}"
        yield "softmax", (low >= 0) & (high <= 1) & sums, lambda: told
    if record.link == "sigmoid" and record.kind == "pointwise" and input.numel() >= 32:
        sure = ". A log loss then cannot go below 0.3133 for a yes and 0.6931 for a no"
        words = f"all inputs lie between 0 and 1: {again.format('a sigmoid', 'the sigmoid')}{sure}"
        yield "sigmoid", (low > 0) & (low < high) & (high < 1), lambda: words


def check_nan(name: str, key: str, tensor: Tensor, predicted: bool) -> None:
    if tensor.numel() and tensor.sum().isnan() and tensor.isnan().any():
        warn_once(name, "nan" if predicted else f"nan in {key}", nan_in_words(key, tensor, predicted))


def nan_in_words(key: str, tensor: Tensor, predicted: bool) -> str:
    bad = tensor.isnan()
    _, where = first(tensor, bad)
    return NOT_A_NUMBER.format(key, int(bad.sum()), tensor.numel(), where and f", the first{where}", WHENCE[predicted])


def swapped(input: Tensor, target: Tensor) -> bool:
    """Whether what should be probabilities are answers, and the answers probabilities."""
    return input.numel() > 0 and bool(((input == 0) | (input == 1)).all() and ((target > 0) & (target < 1)).all())


def check_weights(name: str, weights: Mapping[str, Any]) -> None:
    """Weights below 0 turn a loss upside down; NaN spoils it."""
    for key, one in weights.items():
        if not isinstance(one, Tensor) or one.numel() == 0 or one.min() >= 0:
            continue
        found = "NaN" if one.isnan().any() else f"{one.min():g}"
        warn_once(
            name, key, f"{key} holds {found}: a weight below 0 rewards errors. To leave something out, give it weight 0"
        )
