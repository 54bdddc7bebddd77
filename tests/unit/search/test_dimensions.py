"""Settings, arguments of the model and rates as dimensions of a search: names, defaults, ranges, words of refusal."""

import json
from dataclasses import replace

import pytest
import torch
from optuna.distributions import CategoricalDistribution, FloatDistribution

import losslab.catalog  # noqa: F401 (declares the losses)
from losslab.optim.registry import RULES
from losslab.search.dimensions import architecture_of, choices_of, rates_of, training_of
from losslab.search.propose import Proposer
from losslab.search.space import Configuration, at_bound, default_configuration, space_of, to_configuration, to_values
from losslab.search.tune import compare, study_of, tune
from losslab.spec.declare import CATALOGUE
from losslab.train.settings import Training

ADAMW = {"adamw": RULES["adamw"]}
BOTH = {"sgd": RULES["sgd"], "adamw": RULES["adamw"]}
HUBER = CATALOGUE["huber_loss"]
X = torch.randn(120, 3, generator=torch.Generator().manual_seed(0))
DATA = (X, X[:, 0] + 0.1 * X[:, 1])


def space_and_default(optimizers=ADAMW, **given):
    settings, rates = choices_of(given), rates_of(given, optimizers)
    space = space_of(HUBER, optimizers, settings=settings, rates=rates)
    return space, default_configuration(HUBER, optimizers, space=space, rates=rates)


def test_several_values_are_a_choice_whose_default_is_the_first():
    space, default = space_and_default(schedule=["cosine", "constant"], width=[32, 16, 32], l2=0.5)
    assert space["training.schedule"] == CategoricalDistribution(["cosine", "constant"])
    assert space["model.width"] == CategoricalDistribution([32, 16])
    assert default.settings == {"schedule": "cosine", "l2": 0.5, "width": 32}
    assert training_of(default.settings) == Training(schedule="cosine", l2=0.5)
    assert architecture_of(default.settings) == {"width": 32}


def test_what_changes_nothing_is_no_dimension():
    assert choices_of({"schedule": "constant", "clip_norm": 0.0, "ema": [0.0], "depth": None}) == {}
    assert space_and_default(warmup=0.0)[0] == space_of(HUBER, ADAMW)


@pytest.mark.parametrize(
    ("asked", "distribution", "first"),
    [
        ((1e-5, 1e-4), FloatDistribution(1e-5, 1e-4, log=True), 1e-4),  # 1e-3 lies above
        ((1e-2, 1), FloatDistribution(1e-2, 1, log=True), 1e-2),
        ((0, 1), FloatDistribution(0, 1), 1e-3),
        ([0.3, 0.1], CategoricalDistribution([0.3, 0.1]), 0.3),
        (0.3, CategoricalDistribution([0.3]), 0.3),
    ],
)
def test_a_rate_is_a_range_a_choice_or_one_number(asked, distribution, first):
    space, default = space_and_default(lr=asked)
    assert space["adamw.lr"] == distribution
    assert default.hyper["lr"] == first
    assert default.hyper["weight_decay"] == RULES["adamw"].hyper["weight_decay"].default
    assert list(default.hyper) == ["lr", "weight_decay"]


def test_rates_hold_for_every_optimizer_that_has_them():
    space, default = space_and_default(BOTH, weight_decay=(1e-4, 1e-3))
    assert space["sgd.weight_decay"] == space["adamw.weight_decay"] == FloatDistribution(1e-4, 1e-3, log=True)
    assert default.hyper["weight_decay"] == 1e-3  # AdamW's own is 1e-2
    assert space["sgd.lr"] == space_of(HUBER, BOTH)["sgd.lr"]


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"scedule": "cosine"}, TypeError, ["'scedule'", "nearest: schedule"]),
        ({"width": 0}, ValueError, ["width is 0", "whole number"]),
        ({"depth": [1, 2.5]}, ValueError, ["depth is 2.5"]),
        ({"dropout": [0.1, 1.0]}, ValueError, ["dropout is 1.0", "share"]),
        ({"width": []}, ValueError, ["width is empty"]),
        ({"schedule": ["cosine", "kosine"]}, ValueError, ["kosine"]),
        ({"lr": (1e-1, 1e-3)}, ValueError, ["lr is the range (0.1, 0.001)"]),
        ({"lr": (1, 2, 3)}, ValueError, ["lr is (1, 2, 3)", "pair (low, high)"]),
        ({"lr": []}, ValueError, ["lr is empty"]),
        ({"lr": "high"}, ValueError, ["lr must be a number, found 'high'"]),
        ({"weight_decay": -1}, ValueError, ["weight_decay = -1 is out of bounds"]),
    ],
)
def test_what_cannot_be_is_said_in_words(given, kind, words):
    with pytest.raises(kind) as error:
        space_and_default(**given)
    for word in words:
        assert word in str(error.value)


def test_a_rate_that_no_optimizer_has():
    with pytest.raises(ValueError, match="weight_decay was asked for, and rprop has none"):
        rates_of({"weight_decay": 0.1}, {"rprop": RULES["rprop"]})


def test_configurations_come_back_from_values_and_from_json():
    space, _ = space_and_default(schedule=["constant", "cosine"], dropout=0.25, lr=[0.1, 0.2])
    values = {"optimizer": "adamw", "adamw.lr": 0.2, "adamw.weight_decay": 1e-3, "delta": 2.0}
    values |= {"training.schedule": "cosine", "model.dropout": 0.25}
    found = to_configuration(values, HUBER, number=4)
    assert found.settings == {"schedule": "cosine", "dropout": 0.25}
    assert to_values(found, space) == values
    assert at_bound(values, space, HUBER) == []
    written = json.loads(json.dumps(found.to_json()))
    assert Configuration.from_json(written) == found
    del written["settings"]  # as an older record has it
    assert Configuration.from_json(written) == replace(found, settings={})


def test_proposals_have_every_choice_and_look_alike():
    space, default = space_and_default(clip_norm=[0.0, 1.0], depth=2, lr=(1e-3, 1e-2), weight_decay=0.25)
    (batch,) = [Proposer(HUBER, space, "random", default=default, quota=24).next_batch()]
    assert {c.settings["clip_norm"] for c in batch} == {0.0, 1.0}
    assert {c.settings["depth"] for c in batch} == {2}
    assert all(1e-3 <= c.hyper["lr"] <= 1e-2 and c.hyper["weight_decay"] == 0.25 for c in batch)
    assert {tuple(c.hyper) for c in batch} == {("lr", "weight_decay")}
    assert {tuple(c.settings) for c in batch} == {("clip_norm", "depth")}


def test_numbers_are_proposed_as_without_the_choice():
    plain = Proposer(HUBER, *space_and_default()[:1], default=space_and_default()[1], quota=9, seed=3).next_batch()
    space, default = space_and_default(ema=[0.0, 0.9])
    found = Proposer(HUBER, space, default=default, quota=9, seed=3).next_batch()
    assert [(c.params, c.hyper) for c in found] == [(c.params, c.hyper) for c in plain]


def test_members_of_a_search_have_what_was_proposed():
    study = study_of("mlp:8", DATA, losses=["mse_loss"], trials=4, runs=2, epochs=3, width=[5, 7], l1=0.5, lr=0.125)
    stage = study._stage({})
    member = stage.member(replace(study.defaults["mse_loss"], settings={"width": 7, "l1": 0.5}))
    assert (member.architecture, member.training, member.hyper["lr"]) == ({"width": 7}, Training(l1=0.5), 0.125)
    assert member.epochs == 3
    plans = study.assembly.plans([member, replace(member, number=1, architecture={"width": 5})])
    assert [plan.population().network.module(0)[0].weight.shape for plan in plans] == [(7, 3), (5, 3)]


def test_a_tuned_architecture_stands_in_the_table():
    result = tune(
        "mlp:8", DATA, losses=["mse_loss"], trials=6, runs=2, epochs=2, batch_size=40, width=[5, 7], depth=1,
        clip_norm=1.0, lr=(1e-2, 1e-1),
    )  # fmt: skip
    (row,) = [row for row in result.table if row.role == "loss"]
    assert row.settings["width"] in (5, 7)
    assert row.settings["depth"] == 1
    assert row.settings["clip_norm"] == 1.0
    assert 1e-2 <= row.optimizer["lr"] <= 1e-1
    (untuned,) = [row for row in result.table if row.role == "untuned"]
    assert (untuned.settings["width"], untuned.optimizer["lr"]) == (5, 1e-2)
    assert result.model == "mlp 3-8-1"


def test_compare_takes_a_rate_and_a_width():
    result = compare("mlp:8", DATA, ["mse_loss"], seeds=2, epochs=1, lr=0.05, width=4)
    assert result.model == "mlp 3-4-1"
    assert result.table[0].optimizer["lr"] == 0.05
    assert result.table[0].settings == {"width": 4}


@pytest.mark.parametrize(("model", "width"), [("linear", 3), (torch.nn.Linear(3, 1), 3)])
def test_models_without_the_argument_are_refused_before_training(model, width):
    with pytest.raises(ValueError, match="width was asked for"):
        study_of(model, DATA, width=width)
