"""How a model trains, as options that fit and tune share; tune searches several values with commas between them."""

from collections.abc import Mapping
from typing import Annotated, Any

from losslab.cli.options import Option
from losslab.cli.people import listed

Schedule = Annotated[
    str | None, Option(help="Of the learning rate: constant, step, cosine or one-cycle.", metavar="NAME")
]
Warmup = Annotated[str | None, Option(help="The share of the steps in which the rate rises from zero.", metavar="X")]
ClipNorm = Annotated[str | None, Option(help="The largest norm of a gradient; 0: any.", metavar="X")]
ClipValue = Annotated[str | None, Option(help="The largest size of a number in a gradient; 0: any.", metavar="X")]
Ema = Annotated[str | None, Option(help="Decay of the mean of the weights, which then predicts: 0.99.", metavar="X")]
L1 = Annotated[str | None, Option("--l1", help="l1 * sum |w| is added to the loss, over matrices.", metavar="X")]
L2 = Annotated[str | None, Option("--l2", help="l2 / 2 * sum w^2 is added to the loss.", metavar="X")]
Patience = Annotated[
    str | None, Option(help="Epochs without a better validation metric before training stops.", metavar="N")
]
Accumulate = Annotated[str | None, Option(help="Batches in one step.", metavar="N")]
Autocast = Annotated[str | None, Option(help="bfloat16: the forward pass in it.", metavar="TYPE")]
Width = Annotated[str | None, Option(help="Width of the layers, of a model that takes it.", metavar="N")]
Depth = Annotated[str | None, Option(help="How many layers, of a model that takes it.", metavar="N")]
Dropout = Annotated[str | None, Option(help="Share of dropped values, of a model that takes it.", metavar="X")]
Lr = Annotated[
    str | None, Option(help="The rate; several with commas to choose; LOW:HIGH to search between.", metavar="X")
]
WeightDecay = Annotated[str | None, Option(help="The same for the optimiser's weight decay.", metavar="X")]

WORDS, COUNTS = ("schedule", "autocast"), ("patience", "accumulate", "width", "depth")


def settings(given: Mapping[str, str | None]) -> dict[str, Any]:
    """These options as `losslab.fit` and `losslab.tune` take them: one value, or a list of several."""
    found: dict[str, Any] = {}
    for name, text in given.items():
        if text is not None:
            values = [value(name, part) for part in listed(text) or [text]]
            found[name] = values if len(values) > 1 else values[0]
    return found


def rates(given: Mapping[str, str | None]) -> dict[str, Any]:
    """Rates as `losslab.tune` takes them: one number, a list of several, or a pair (low, high) from LOW:HIGH."""
    found: dict[str, Any] = {}
    for name, text in given.items():
        if text is not None:
            low, colon, high = text.partition(":")
            pair = (value(name, low), value(name, high)) if colon else None
            found |= {name: pair} if pair else settings({name: text})
    return found


def value(name: str, text: str) -> str | float:
    """One value of a setting. Raises ValueError naming the option."""
    if name in WORDS:
        return "" if text == "none" else text
    try:
        return int(text) if name in COUNTS else float(text)
    except ValueError:
        wanted = "a whole number" if name in COUNTS else "a number"
        raise ValueError(f"--{name.replace('_', '-')} {text!r}: {wanted} is wanted") from None
