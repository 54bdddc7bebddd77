"""Settings of the training, arguments of the model and rates of the optimiser as dimensions of a search.

Names in a space: "training.schedule", "model.width", "adamw.lr". A setting given as one value is fixed, one given as
several is a choice, with the first as its default. A rate given as a pair (low, high) is a range, as a list a choice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from losslab.data.words import nearest
from losslab.models.architecture import ARCHITECTURE, check_architecture
from losslab.optim.registry import check
from losslab.optim.rule import UpdateRule
from losslab.train.settings import Training

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

TRAINING = tuple(one.name for one in fields(Training))
RATES = ("lr", "weight_decay")
SETTINGS = (*TRAINING, *ARCHITECTURE, *RATES)


def address(setting: str) -> str:
    """A setting's name in a space: training.schedule, model.width."""
    return f"{'model' if setting in ARCHITECTURE else 'training'}.{setting}"


def choices_of(settings: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """The values of each setting, the default first; rates are left out, and so is what changes nothing.

    Raises TypeError for a name that is no setting, ValueError or TypeError for a value that it cannot have, in words.
    """
    found: dict[str, tuple[Any, ...]] = {}
    for name, given in settings.items():
        if name not in SETTINGS:
            hint = nearest(name, SETTINGS) or f"; there are: {', '.join(SETTINGS)}"
            raise TypeError(f"no option and no setting {name!r}{hint}")
        if name in RATES or given is None:
            continue
        several = isinstance(given, Sequence) and not isinstance(given, str)
        values = tuple(dict.fromkeys(given)) if several else (given,)
        if not values:
            raise ValueError(f"{name} is empty; one value is wanted, or several to search")
        for value in values:
            check_setting(name, value)
        if values != (getattr(Training, name, None),):
            found[name] = values
    return found


def check_setting(name: str, value: Any) -> None:
    """Raises ValueError or TypeError where a member cannot train so."""
    if name in ARCHITECTURE:
        check_architecture({name: value})
    else:
        Training(**{name: value})


def rates_of(settings: Mapping[str, Any], rules: Mapping[str, UpdateRule]) -> dict[str, Any]:
    """The learning rate and weight decay that were asked for: a number, a pair (low, high), or a list of choices.

    Raises ValueError for what no optimiser of the search has, or what is no such thing.
    """
    found = {name: settings[name] for name in RATES if settings.get(name) is not None}
    for name, asked in found.items():
        if not any(name in rule.hyper for rule in rules.values()):
            raise ValueError(f"{name} was asked for, and {', '.join(rules)} has none")
        several = isinstance(asked, Sequence) and not isinstance(asked, str)
        if isinstance(asked, tuple) and len(asked) != 2:
            raise ValueError(f"{name} is {asked!r}; a pair (low, high), a list of choices or one number is wanted")
        if several and not asked:
            raise ValueError(f"{name} is empty; a pair (low, high), a list of choices or one number is wanted")
        for value in asked if several else [asked]:
            for rule in (rule for rule in rules.values() if name in rule.hyper):
                check(rule, {name: value})
        if isinstance(asked, tuple) and asked[0] >= asked[1]:
            raise ValueError(f"{name} is the range {asked!r}, whose low end is not below its high end")
    return found


def rate(asked: Any, *, log: bool) -> "BaseDistribution":
    """A number, a pair or a list of `rates_of` as a distribution; a range from zero is searched without a logarithm."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if isinstance(asked, tuple):
        return FloatDistribution(float(asked[0]), float(asked[1]), log=log and asked[0] > 0)
    return CategoricalDistribution([float(one) for one in asked] if isinstance(asked, list) else [float(asked)])


def start(distribution: Any, usual: float) -> float:
    """Where the search of a rate starts: the usual value moved into a range, or the first choice."""
    if hasattr(distribution, "choices"):
        return float(distribution.choices[0])
    return min(max(usual, distribution.low), distribution.high)


def training_of(settings: Mapping[str, Any]) -> Training:
    """The part of a configuration's settings that is about training."""
    return Training(**{name: value for name, value in settings.items() if name in TRAINING})


def architecture_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a configuration's settings that is about the model."""
    return {name: value for name, value in settings.items() if name in ARCHITECTURE}
