"""The facts of a record as sentences; what a record does not say is left out."""

import inspect
import math
from typing import Any

import torch

from losslab.spec.describe import ends
from losslab.spec.facts import CLASSES, CONSTANTS, Facts, same
from losslab.spec.interval import Interval
from losslab.spec.record import LossRecord

YES_OR_NO = {
    "convex": ("Convex in the {first}", "Not convex in the {first}"),
    "smooth": ("Its gradient is continuous", "Its gradient jumps"),
    "proper": (
        "Proper: the true probabilities have the least expected loss",
        "Not proper: other probabilities than the true ones may have less expected loss",
    ),
    "symmetric": ("Swapping {first} and {second} changes nothing", "Swapping {first} and {second} changes the loss"),
}


def facts_in_words(record: LossRecord) -> list[str]:
    """A sentence for each fact that the record states; one that depends on parameters is told at their defaults."""
    stated = record.facts
    if stated is None:
        return []
    facts = stated.at(**record.defaults)
    first, second = ends(record)
    least = f"; it is least where {first} and {second} are equal" if stated.attained is same else ""
    found = [f"Each element is {between(facts.values)}{least}{settings(stated.values)}."]
    for name, words in YES_OR_NO.items():
        if (value := getattr(facts, name)) is not None:
            found.append(f"{words[not value].format(first=first, second=second)}{settings(getattr(stated, name))}.")
    of = "" if first == "input" else f" by the {first}"
    if facts.lipschitz is not None:
        found.append(f"No gradient{of} is longer than {facts.lipschitz:.4g}{settings(stated.lipschitz)}.")
    elif "lipschitz" not in facts.unknown:
        found.append(f"Its gradient{of} is not bounded{settings(stated.lipschitz)}.")
    if facts.best_constant is not None:
        best = CONSTANTS[facts.best_constant]
        found.append(f"The input that is best for all rows at once is {best}{settings(stated.best_constant)}.")
    return found + least_examples(record, stated)


def least_examples(record: LossRecord, facts: Facts) -> list[str]:
    """Where the least value is reached, at two targets of a loss on one output."""
    if record.kind != "pointwise" or facts.attained is None or facts.attained is same:
        return []
    targets = [-1.0, 1.0] if record.target == "sign" else [0.0, 1.0]
    targets = [target for target in targets if target in record.target_domain]
    own = {name: record.defaults[name] for name in names(facts.attained) if name in record.defaults}
    places = facts.attained(torch.tensor(targets, dtype=torch.float64), **own).tolist()
    told = [f"{place:.4g} for the target {target:g}" for place, target in zip(places, targets, strict=True)]
    return [f"It is least at the input {' and '.join(told)}{settings(facts.attained)}."] if told else []


def kinks_in_words(record: LossRecord) -> list[str]:
    """Where the slope, or the slope of that, jumps."""
    places = record.kinks(**record.defaults) if record.kinks else ()
    told = [f"{place:.4g}" for place in places if math.isfinite(place)]
    axis = "input - target" if record.target == "real" else "input"
    return (
        [f"Its slope, or the slope of that, jumps at {axis} = {', '.join(told)}{settings(record.kinks)}."]
        if told
        else []
    )


def settings(fact: Any) -> str:
    """The end of a sentence whose fact is a function: of parameters, of the number of classes."""
    parameters = [f"`{name}`" for name in names(fact) if name not in ("classes", "target")]
    ends = [f"at the default {' and '.join(parameters)}"] if parameters else []
    ends += [f"for {CLASSES} classes"] if "classes" in names(fact) else []
    return f" ({', '.join(ends)})" if ends else ""


def names(fact: Any) -> list[str]:
    """The arguments of a fact that is a function of losslab's; torch's own are functions of the target alone."""
    return list(inspect.signature(fact).parameters) if inspect.isfunction(fact) else []


def between(values: Interval) -> str:
    low = f"{'above' if values.open_low else 'at least'} {values.low:.4g}" if math.isfinite(values.low) else ""
    high = f"{'below' if values.open_high else 'at most'} {values.high:.4g}" if math.isfinite(values.high) else ""
    if low and high:
        return f"{low} and {high}"
    return f"{low or high}, with no {'upper' if low else 'lower'} bound" if low or high else "any number, negative too"
