"""The search space of each loss, the configurations that come out of it, and their units."""

import json
import math
import pickle
import random

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.samplers import RandomSampler
from optuna.study import create_study

import losslab.catalog  # noqa: F401 (declares the losses)
from losslab.optim.registry import RULES
from losslab.search.space import (
    Configuration,
    Outcome,
    at_bound,
    default_configuration,
    in_target_unit,
    space_of,
    to_configuration,
    to_values,
)
from losslab.spec.declare import CATALOGUE
from losslab.spec.interval import POSITIVE, REAL, UNIT, Interval
from losslab.spec.record import LossRecord, Parameter

ADAMW = {"adamw": RULES["adamw"]}
BOTH = {"sgd": RULES["sgd"], "adamw": RULES["adamw"]}


def a_loss(**parameters: Parameter) -> LossRecord:
    return LossRecord(
        name="wing_loss", rule=lambda input, target: input, kind="pointwise", formula="", source="",
        tasks=("regression",), outputs="one", link="identity", target="real", cases=(), parameters=parameters,
        group="wing",
    )  # fmt: skip


WING = a_loss(
    width=Parameter(POSITIVE, search=Interval(0.1, 20), log=True, unit="target", default=5.0),
    slope=Parameter(UNIT, search=Interval(0, 0.5), default=0.25),
    offset=Parameter(REAL, default=3.0),
)


def test_space_has_searched_parameters_and_prefixed_hyperparameters():
    space = space_of(WING, ADAMW)
    assert space["width"] == FloatDistribution(0.1, 20, log=True)
    assert space["slope"] == FloatDistribution(0, 0.5)
    assert space["optimizer"] == CategoricalDistribution(["adamw"])
    lr = RULES["adamw"].hyper["lr"].search
    assert space["adamw.lr"] == FloatDistribution(lr.low, lr.high, log=True)
    assert set(space) == {"width", "slope", "optimizer", "adamw.lr", "adamw.weight_decay"}


def test_sizes_are_choices_and_checked():
    space = space_of(WING, ADAMW, batch_sizes=(32, 128), epochs=[5])
    assert space["batch_size"] == CategoricalDistribution([32, 128])
    assert space["epochs"] == CategoricalDistribution([5])
    with pytest.raises(ValueError, match="batch_size: 0 is not a whole number"):
        space_of(WING, ADAMW, batch_sizes=(0, 32))
    with pytest.raises(ValueError, match="cannot be called 'epochs'"):
        space_of(a_loss(epochs=Parameter(UNIT, search=UNIT)), ADAMW)
    with pytest.raises(ValueError, match="at least one optimizer"):
        space_of(WING, {})


def test_open_and_infinite_search_ends():
    space = space_of(a_loss(q=Parameter(POSITIVE, search=Interval(0, 2, open_low=True))), ADAMW)
    assert 0 < space["q"].low < 1e-5
    assert space["q"].high == 2
    with pytest.raises(ValueError, match="finite"):
        space_of(a_loss(q=Parameter(POSITIVE, search=POSITIVE)), ADAMW)


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_every_sampled_value_is_accepted(name):
    record, draw = CATALOGUE[name], random.Random(3)
    space = space_of(record, BOTH)
    study = create_study(sampler=RandomSampler(seed=0))
    points = [study.ask(space).params for _ in range(30)]
    for side in ("low", "high"):
        points.append({n: getattr(d, side) if isinstance(d, FloatDistribution) else "sgd" for n, d in space.items()})
    for number, point in enumerate(points):
        configuration = to_configuration(point, record, number=number)
        mad = 10 ** draw.uniform(-4, 4)
        record.check_parameters(configuration.params)
        record.check_parameters(in_target_unit(configuration.params, record, mad))
        for hyper, value in configuration.hyper.items():
            assert value in RULES[configuration.optimizer].hyper[hyper].domain
    default = default_configuration(record, BOTH)
    record.check_parameters(in_target_unit(default.params, record, 0.02))


def test_a_configuration_keeps_the_chosen_optimiser_only():
    point = {"width": 2.0, "slope": 0.1, "optimizer": "sgd", "sgd.lr": 0.3, "sgd.momentum": 0.7, "adamw.lr": 0.01}
    configuration = to_configuration({**point, "batch_size": 16}, WING, number=7)
    assert configuration == Configuration(
        7, "wing_loss", {"width": 2.0, "slope": 0.1, "offset": 3.0}, "sgd", {"lr": 0.3, "momentum": 0.7}, 16, None
    )
    space = space_of(WING, BOTH, batch_sizes=(16,))
    back = to_values(configuration, space)
    assert back == {key: value for key, value in {**point, "batch_size": 16}.items() if key != "adamw.lr"}


def test_a_value_out_of_bounds_is_refused():
    with pytest.raises(ValueError, match=r"slope = 1\.5 is out of bounds"):
        to_configuration({"optimizer": "adamw", "slope": 1.5}, WING)


def test_default_is_adamw_at_one_thousandth_and_looks_like_a_proposal():
    default = default_configuration(WING, BOTH, number=4, space=space_of(WING, BOTH, batch_sizes=(64, 32)))
    assert (default.number, default.optimizer, default.hyper["lr"], default.batch_size) == (4, "adamw", 1e-3, 64)
    assert default.params == {"width": 5.0, "slope": 0.25, "offset": 3.0}
    proposal = to_configuration({"optimizer": "adamw", "adamw.lr": 0.1, "adamw.weight_decay": 0.01, "slope": 0.1}, WING)
    assert list(proposal.params) == list(default.params)
    assert list(proposal.hyper) == list(default.hyper)
    assert default_configuration(WING, {"sgd": RULES["sgd"]}).hyper["lr"] == RULES["sgd"].hyper["lr"].default


def test_target_unit():
    params = {"width": 2.0, "slope": 0.25}
    assert in_target_unit(params, WING, 0.6) == {"width": pytest.approx(1.2), "slope": 0.25}
    assert in_target_unit(params, WING, 0.6, 70.0) == {"width": pytest.approx(84.0), "slope": 0.25}


def test_at_bound_reads_the_scale_and_the_side():
    space = space_of(WING, ADAMW)
    inside = {"width": 1.0, "slope": 0.1, "adamw.lr": 1e-2, "optimizer": "adamw"}
    assert at_bound(inside, space) == []
    assert at_bound({**inside, "width": 0.1 * math.exp(0.009 * math.log(200))}, space) == ["width"]
    assert at_bound({**inside, "width": 0.3}, space) == []  # 1 % of the range, but not of its logarithm
    assert at_bound({**inside, "slope": 0.499}, space) == ["slope"]
    assert at_bound({**inside, "adamw.lr": space["adamw.lr"].high}, space) == ["adamw.lr"]


def test_at_bound_takes_a_default_of_zero_that_is_searched_by_its_logarithm():
    space = space_of(WING, {"adam": RULES["adam"]})
    decay = space["adam.weight_decay"]
    assert decay.log
    assert RULES["adam"].hyper["weight_decay"].default == 0
    assert at_bound({"adam.weight_decay": 0.0}, space) == []
    assert at_bound({"adam.weight_decay": decay.low, "adam.lr": 1e-3}, space) == ["adam.weight_decay"]


def test_at_bound_leaves_out_ends_of_the_legal_domain():
    space = space_of(WING, ADAMW)
    assert at_bound({"slope": 0.0}, space) == ["slope"]
    assert at_bound({"slope": 0.0}, space, WING) == []
    assert at_bound({"slope": 0.5}, space, WING) == ["slope"]


def test_configurations_and_outcomes_survive_json_and_pickle():
    configuration = Configuration(3, "wing_loss", {"width": 0.1 + 0.2}, "sgd", {"lr": 1 / 3}, batch_size=32)
    outcome = Outcome(configuration, "pruned", ((1, 0.5), (3, 0.625)), None, "fell behind")
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome
    assert pickle.loads(pickle.dumps(outcome)) == outcome
