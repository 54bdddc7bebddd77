"""Proposals: real Sobol points, the default first, the same again after a reload, and cheap."""

import subprocess
import sys
import time
import warnings
from dataclasses import replace

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from scipy.stats import qmc

from losslab.optim.registry import RULES
from losslab.search.propose import SAMPLERS, Proposer, check_sampler, grid, plan
from losslab.search.space import default_configuration, space_of
from losslab.spec.interval import POSITIVE, UNIT, Interval
from losslab.spec.record import LossRecord, Parameter

OPTIMIZERS = {"adamw": RULES["adamw"]}
RECORD = LossRecord(
    name="bend_loss", rule=lambda input, target: input, kind="pointwise", formula="", source="", tasks=("regression",),
    outputs="one", link="identity", target="real", cases=(), group="bend",
    parameters={
        "gamma": Parameter(POSITIVE, search=Interval(0.5, 4), default=9.0),  # the default lies outside the search
        "alpha": Parameter(UNIT, search=Interval(0.01, 1), log=True, default=0.25),
    },
)  # fmt: skip


def proposer(sampler="quasi-random", quota=51, optimizers=OPTIMIZERS, record=RECORD, **options):
    space = space_of(record, optimizers, batch_sizes=options.pop("batch_sizes", None))
    default = default_configuration(record, optimizers, space=space)
    return Proposer(record, space, sampler, default=default, quota=quota, **{"peers": 5, **options})


def goodness(configuration):
    """A made-up validation metric with its best at gamma 3, alpha .1, lr .01."""
    params, lr = configuration.params, configuration.hyper["lr"]
    return -abs(params["gamma"] - 3) - abs(np.log10(params["alpha"] / 0.1)) - abs(np.log10(lr / 0.01))


def run(proposer, reverse=False):
    """Proposes and tells until the quota is used up; every third member is pruned, every tenth fails."""
    batches = []
    while batch := proposer.next_batch():
        batches.append(batch)
        for configuration in reversed(batch) if reverse else batch:
            value, number = goodness(configuration), configuration.number
            if number % 10 == 9:
                proposer.tell(number, [], None, "failed")
            elif number % 3 == 2:
                proposer.tell(number, [(1, value - 1)], None, "pruned")
            else:
                proposer.tell(number, [(1, value - 1), (3, value)], value, "complete")
    return batches


def unit_cube(configurations):
    columns = []
    for c in configurations:
        lr = (np.log(c.hyper["lr"]) - np.log(1e-4)) / np.log(1e3)
        decay = (np.log(c.hyper["weight_decay"]) - np.log(1e-6)) / np.log(1e4)
        columns.append([(c.params["gamma"] - 0.5) / 3.5, np.log(c.params["alpha"] / 0.01) / np.log(100), lr, decay])
    return np.array(columns)


def test_quasi_random_points_are_spread_like_sobol_points():
    spread, scattered = [], []
    for seed in range(4):
        first = proposer(quota=74, seed=seed).next_batch()
        spread.append(qmc.discrepancy(unit_cube(first[1:])))
        scattered.append(qmc.discrepancy(unit_cube(proposer("random", 66, seed=seed).next_batch()[1:])))
        assert len(first) == 65
    assert max(spread) < 0.5 * min(scattered)
    points = unit_cube(first[1:])
    for column in points.T:  # 64 Sobol points: exactly one in each 64th of every axis
        assert sorted(np.floor(column * 64).astype(int)) == list(range(64))


@pytest.mark.parametrize("sampler", [s for s in SAMPLERS if s not in ("cma-es", "gp")])
def test_every_sampler_fills_the_quota_with_legal_points_the_default_first(sampler):
    optimizers = {"sgd": RULES["sgd"], **OPTIMIZERS}
    search = proposer(sampler, 33, optimizers, batch_sizes=(32, 64), start=33, seed=5)
    found = [configuration for batch in run(search) for configuration in batch]
    assert [c.number for c in found] == list(range(33, 66))
    assert found[0] == default_configuration(RECORD, optimizers, number=33, space=search.space)
    if sampler != "nsga-ii":  # evolution may keep a parent as it is
        assert len({str(c.to_json() | {"number": 0}) for c in found}) == 33
    assert {c.optimizer for c in found} == {"sgd", "adamw"}
    assert {c.batch_size for c in found} == {32, 64}
    for c in found[1:]:
        assert 0.5 <= c.params["gamma"] <= 4
        assert set(c.hyper) == {n for n, p in RULES[c.optimizer].hyper.items() if p.search}


@pytest.mark.filterwarnings("default")  # the sampler's own imports may warn
def test_gp_fills_the_quota():
    assert [len(batch) for batch in run(proposer("gp", 12, seed=2))] == [2] * 6


@pytest.mark.parametrize("sampler", ["quasi-random", "tpe", "nsga-ii", "random", "grid"])
def test_a_reloaded_search_proposes_the_same_whatever_the_order_of_the_tells(sampler):
    first = run(proposer(sampler, 32, seed=11))
    assert run(proposer(sampler, 32, seed=11), reverse=True) == first
    other = run(proposer(sampler, 32, seed=12))
    if sampler != "grid":
        assert other[0][1:] != first[0][1:]


def test_batches_and_losses_have_random_numbers_of_their_own():
    search = proposer("tpe", 80, seed=1)
    first, second = search.next_batch(), None
    for c in first:
        search.tell(c.number, [], None, "failed")  # nothing learned: the second batch is as random as the first
    second = search.next_batch()
    assert len({round(c.params["alpha"], 12) for c in first + second}) == len(first + second)
    cousin = replace(RECORD, name="other_loss")
    assert proposer("random", record=cousin).next_batch()[1].params != proposer("random").next_batch()[1].params


@pytest.mark.parametrize("higher", [True, False])
def test_tpe_batches_learn_in_the_direction_of_the_metric(higher):
    search = proposer(quota=160, seed=3, higher_is_better=higher)
    distance, batches = [], []
    while batch := search.next_batch():
        batches.append(batch)
        for c in batch:
            value = -abs(c.params["gamma"] - 3.5) * (1 if higher else -1)
            search.tell(c.number, [(1, value)], value, "complete")
        distance.append(np.mean([abs(c.params["gamma"] - 3.5) for c in batch[1:]]))
    assert [len(batch) for batch in batches] == [140, 10, 10]
    assert max(distance[1:]) < 0.6 * distance[0]


def test_pruned_members_teach_through_their_curves():
    search = proposer(quota=96, seed=3)
    for c in search.next_batch():
        value = -abs(c.params["gamma"] - 3.5)
        state = "complete" if c.number < 2 else "pruned"
        search.tell(c.number, [(1, value)], value if state == "complete" else None, state)
    late = search.next_batch()
    assert np.mean([abs(c.params["gamma"] - 3.5) for c in late]) < 0.6
    states = [trial.state.name for trial in search._study.trials[:4]]
    assert states == ["COMPLETE", "COMPLETE", "PRUNED", "PRUNED"]
    assert search._study.trials[2].intermediate_values == {1: -abs(search._study.trials[2].params["gamma"] - 3.5)}


def test_a_value_that_is_not_finite_is_a_failure():
    search = proposer(quota=8, seed=0, peers=16)
    for c in search.next_batch():
        search.tell(c.number, [(1, float("nan"))], float("nan"), "complete")
    assert len(search.next_batch()) == 1
    assert all(trial.state.name == "FAIL" for trial in search._study.trials[:7])


def test_telling_too_much_or_too_little():
    search = proposer(quota=16)
    first = search.next_batch()
    with pytest.raises(RuntimeError, match="have no outcome yet"):
        search.next_batch()
    search.tell(first[0].number, [], 1.0, "complete")
    for number in (0, 99):
        with pytest.raises(ValueError, match=f"trial {number} is not waiting"):
            search.tell(number, [], 1.0, "complete")


def test_small_quotas_and_plans():
    assert [c.number for batch in run(proposer(quota=1, start=4)) for c in batch] == [4]
    assert len(run(proposer("grid", quota=2))[0]) == 2
    with pytest.raises(ValueError, match="quota of 0"):
        proposer(quota=0)
    assert plan("quasi-random", 51, 4, peers=5) == (45, 6)
    assert plan("quasi-random", 64, 4) == (64,)  # eight alone would take nearly as long as sixteen
    assert plan("quasi-random", 128, 4) == (112, 16)
    assert plan("quasi-random", 256, 4) == (224, 16, 16)
    assert plan("quasi-random", 7, 4) == (7,)
    assert plan("tpe", 51, 4) == (7,) * 7 + (2,)
    assert plan("cma-es", 51, 4) == (8, 8, 8, 8, 8, 8, 3)
    for sampler in SAMPLERS:
        assert all(sum(plan(sampler, quota, 3)) == quota for quota in range(1, 70))


def test_grid_has_middles_of_equal_parts():
    space = space_of(RECORD, {"sgd": RULES["sgd"], **OPTIMIZERS})
    three = {name: space[name] for name in ("gamma", "alpha", "optimizer")}
    points = grid(three, 13)  # sgd gets 7 of them: 3 x 2; adamw 6
    assert len(points) == 12
    for optimizer in ("sgd", "adamw"):
        side = [point for point in points if point["optimizer"] == optimizer]
        assert len({(point["gamma"], point["alpha"]) for point in side}) == 6
        assert sorted({point["gamma"] for point in side}) == pytest.approx([0.5 + 3.5 / 6, 2.25, 4 - 3.5 / 6])
        assert sorted({point["alpha"] for point in side}) == pytest.approx([10**-1.5, 10**-0.5])
    assert grid(three, 0) == []
    assert len(grid({"gamma": space["gamma"], "optimizer": CategoricalDistribution(["sgd"])}, 5)) == 5
    assert all("adamw.lr" not in point for point in grid(space, 40) if point["optimizer"] == "sgd")


def test_unknown_sampler_and_missing_package(monkeypatch):
    with pytest.raises(ValueError, match="no sampler 'tpee'; nearest: tpe"):
        check_sampler("tpee")
    assert check_sampler("NSGA_II") == "nsga-ii"
    monkeypatch.setattr("losslab.search.propose.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="needs the package cmaes: pip install cmaes"):
        proposer("cma-es")


def test_cma_es_fills_the_quota():
    pytest.importorskip("cmaes")
    assert sum(len(batch) for batch in run(proposer("cma-es", 24, seed=2))) == 24


def test_proposals_say_nothing_and_put_the_log_level_back(capfd):
    optuna.logging.set_verbosity(optuna.logging.INFO)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for sampler in ("quasi-random", "nsga-ii", "tpe"):
            run(proposer(sampler, 16))
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == optuna.logging.INFO


def test_bookkeeping_is_cheap():
    proposer(quota=9).next_batch()  # imports
    start = time.process_time()
    for seed in range(5):
        run(proposer(quota=51, seed=seed))
    assert time.process_time() - start < 1.0  # measured: 0.3 s


def test_optuna_is_imported_when_a_search_begins_only():
    code = "import sys, losslab.search.propose, losslab.search.quota; sys.exit('optuna' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
