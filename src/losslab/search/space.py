"""The search space of a loss, read from its record, and the configurations that come out of it.

Names in a space: a loss's parameters plainly ("delta"), an optimiser's hyperparameters after its name ("adamw.lr"),
where they are searched "batch_size" and "epochs", and settings of training and model as `dimensions.address` says
("training.schedule", "model.width"). With several optimisers "optimizer" chooses between them, and a
configuration keeps the hyperparameters of the chosen one only.

Units: a parameter with the target's unit (`Parameter.unit == "target"`) lives in a space in multiples of the training
targets' median absolute deviation (MAD). Its default is read in the same way: huber_loss starts at a delta of one MAD.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from losslab.optim.rule import UpdateRule
from losslab.search.dimensions import SETTINGS, address, rate, start
from losslab.spec.interval import Interval
from losslab.spec.record import LossRecord, Parameter

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Space = dict[str, "BaseDistribution"]
State = Literal["complete", "pruned", "failed"]
RESERVED = ("optimizer", "batch_size", "epochs")
DEFAULT_OPTIMIZER = "adamw"
DEFAULT_RATE = 1e-3
BOUND_SHARE = 0.01  # a value within this share of the searched range sits on its bound


@dataclass(frozen=True)
class Configuration:
    """What one trial trains with. `params` are in search units (see the module's text); `None` means: as the run says.

    `params` holds every parameter of the loss and `hyper` every searched hyperparameter of the optimiser, in the order
    of their records, so that all members of a family look alike. `settings` are those of training and model that were
    asked for, fixed or searched.
    """

    number: int
    loss: str
    params: dict[str, float] = field(default_factory=dict)
    optimizer: str = DEFAULT_OPTIMIZER
    hyper: dict[str, float] = field(default_factory=dict)
    batch_size: int | None = None
    epochs: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Configuration":
        return cls(**content)


@dataclass(frozen=True)
class Outcome:
    """How a trial ended: `curve` has (epoch, validation metric) at each rung, `value` what it is ranked by."""

    configuration: Configuration
    state: State
    curve: tuple[tuple[int, float], ...] = ()
    value: float | None = None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Outcome":
        curve = tuple((int(epoch), float(value)) for epoch, value in content["curve"])
        return cls(**{**content, "configuration": Configuration.from_json(content["configuration"]), "curve": curve})


def space_of(
    record: LossRecord,
    optimizers: Mapping[str, UpdateRule],
    *,
    batch_sizes: Sequence[int] | None = None,
    epochs: Sequence[int] | None = None,
    settings: Mapping[str, Sequence[Any]] | None = None,
    rates: Mapping[str, Any] | None = None,
) -> Space:
    """What is searched for one loss: name -> Optuna distribution. Sizes are given as choices; `None` is no search.

    settings: the values of each, from `dimensions.choices_of`; rates: from `dimensions.rates_of`.
    """
    from optuna.distributions import CategoricalDistribution

    if not optimizers:
        raise ValueError(f"{record.name}: the search needs at least one optimizer, e.g. ['adamw']")
    clash = [name for name in record.parameters if name in RESERVED]
    if clash:
        raise ValueError(f"{record.name}: a parameter cannot be called {clash[0]!r} in a search; rename it")
    space: Space = {name: searched(p) for name, p in record.parameters.items() if p.search is not None}
    space["optimizer"] = CategoricalDistribution(list(optimizers))
    for optimizer, rule in optimizers.items():
        for name, parameter in rule.hyper.items():
            if name in (rates or {}):
                space[f"{optimizer}.{name}"] = rate((rates or {})[name], log=parameter.log)
            elif parameter.search is not None:
                space[f"{optimizer}.{name}"] = searched(parameter)
    for name, choices in (("batch_size", batch_sizes), ("epochs", epochs)):
        if choices is not None:
            space[name] = CategoricalDistribution([positive(name, choice) for choice in choices])
    return space | {address(name): CategoricalDistribution(values) for name, values in (settings or {}).items()}


def searched(parameter: Parameter) -> "BaseDistribution":
    """Where the tuner looks for a parameter, as an Optuna distribution; open ends are kept out."""
    from optuna.distributions import FloatDistribution

    if parameter.search is None:
        raise ValueError("the parameter has no search range")
    low, high = closed(parameter.search)
    return FloatDistribution(low, high, log=parameter.log)


def closed(interval: Interval) -> tuple[float, float]:
    """The ends of a finite interval, moved inwards by one part in a million of its length where they are excluded."""
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        raise ValueError(f"a search range must be finite, not {interval}")
    step = 1e-6 * (interval.high - interval.low)
    return interval.low + step * interval.open_low, interval.high - step * interval.open_high


def positive(name: str, value: int) -> int:
    if isinstance(value, bool) or int(value) != value or value < 1:
        raise ValueError(f"{name}: {value!r} is not a whole number of at least 1")
    return int(value)


def default_configuration(
    record: LossRecord, optimizers: Mapping[str, UpdateRule], *, number: int = 0, space: Space | None = None,
    rates: Mapping[str, Any] | None = None,
) -> Configuration:  # fmt: skip
    """What a practitioner starts with: the loss's defaults, and AdamW (else the first optimiser) at a rate of 1e-3.

    Of choices the default is the first; a rate that lies outside of its range moves to the nearest end.
    """
    space, rates = space or {}, rates or {}
    optimizer = DEFAULT_OPTIMIZER if DEFAULT_OPTIMIZER in optimizers else next(iter(optimizers))
    rule = optimizers[optimizer]
    names = [name for name, p in rule.hyper.items() if p.search is not None or name in rates]
    hyper = {name: rule.hyper[name].default for name in names}
    if optimizer == DEFAULT_OPTIMIZER and "lr" in hyper:
        hyper["lr"] = DEFAULT_RATE
    for name in rates:
        if name in hyper:
            hyper[name] = start(space[f"{optimizer}.{name}"], hyper[name])
    first = {name: space[name].choices[0] for name in ("batch_size", "epochs") if name in space}  # type: ignore[attr-defined]
    settings = {name: space[address(name)].choices[0] for name in SETTINGS if address(name) in space}  # type: ignore[attr-defined]
    return Configuration(number, record.name, record.defaults, optimizer, hyper, settings=settings, **first)


def to_configuration(values: Mapping[str, Any], record: LossRecord, *, number: int = 0) -> Configuration:
    """The configuration that values named as in a space describe; what is not searched takes its default."""
    optimizer = values["optimizer"]
    prefix = f"{optimizer}."
    hyper = {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
    params = {name: values.get(name, default) for name, default in record.defaults.items()}
    record.check_parameters(params)
    settings = {name: values[address(name)] for name in SETTINGS if address(name) in values}
    sizes = {name: values.get(name) for name in ("batch_size", "epochs")}
    return Configuration(number, record.name, params, optimizer, hyper, settings=settings, **sizes)


def to_values(configuration: Configuration, space: Space) -> dict[str, Any]:
    """The inverse: what a configuration says about each dimension of the space that applies to it."""
    values: dict[str, Any] = {**configuration.params, "optimizer": configuration.optimizer}
    values |= {f"{configuration.optimizer}.{name}": value for name, value in configuration.hyper.items()}
    values |= {"batch_size": configuration.batch_size, "epochs": configuration.epochs}
    values |= {address(name): value for name, value in configuration.settings.items()}
    return {name: values[name] for name in space if name in values}


def in_target_unit(params: Mapping[str, float], record: LossRecord, mad: float, scale: float = 1.0) -> dict[str, float]:
    """Parameters from search units to the unit of the targets.

    `mad` is the MAD of the standardised training targets, `scale` the length of one standardised unit: leave it at 1
    for the targets that the network sees, pass `Prepared.unit` for the target's own unit.
    """
    lengths = {"target": mad * scale, "1/target": 1 / scale}
    return {name: value * lengths.get(record.parameters[name].unit, 1.0) for name, value in params.items()}


def at_bound(values: Mapping[str, Any], space: Space, record: LossRecord | None = None) -> list[str]:
    """The dimensions whose value sits on (within 1 % of the range of) a bound of the search: it may be better beyond.

    With the loss's record, a bound beyond which the parameter is not legal does not count: there is nothing to try.
    """
    from optuna.distributions import FloatDistribution

    found = []
    for name, distribution in space.items():
        if name not in values or not isinstance(distribution, FloatDistribution) or distribution.single():
            continue
        if distribution.log and values[name] <= 0:  # a default of 0: no search could try less
            continue
        turn = math.log if distribution.log else float
        low, high, value = turn(distribution.low), turn(distribution.high), turn(values[name])
        place = (value - low) / (high - low)
        beyond = -1 if place <= BOUND_SHARE else 1 if place >= 1 - BOUND_SHARE else 0
        if beyond and not (record and name in record.parameters and is_legal_end(record.parameters[name], beyond)):
            found.append(name)
    return found


def is_legal_end(parameter: Parameter, side: int) -> bool:
    """Whether the search ends where the parameter's domain does, on the low (-1) or high (+1) side."""
    if parameter.search is None:
        return False
    if side < 0:
        return parameter.search.low <= parameter.domain.low
    return parameter.search.high >= parameter.domain.high
