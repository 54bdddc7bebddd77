"""Kernels write into weights and optimiser state where they lie: the same training, and nobody's tensor changes."""

import copy
from dataclasses import replace

import pytest
import torch
from train_examples import assembly, fold, member, plain, with_batch_norm

from losslab.kernels.backend import backend
from losslab.kernels.library import library, status
from losslab.train.loop import advance, predict
from losslab.train.settings import Training

both_engines = pytest.mark.parametrize("engine", ["stacked", "single"])
with_kernels = pytest.mark.skipif(library() is None, reason=status())
FOLDS = [fold()]
MEMBERS = [
    member(1, "adamw", 0.01, seed=1, hyper={"beta1": 0.5, "weight_decay": 0.1}),
    member(2, "adamw", 0.03, seed=2, hyper={"beta1": 0.9, "weight_decay": 0.0}),
    member(3, "nadam", 0.02, seed=3, hyper={"momentum_decay": 0.1}, options={"decoupled_weight_decay": True}),
    member(4, "sgd", 0.05, seed=4, hyper={"momentum": 0.9}, options={"nesterov": True}),
    member(5, "sgd", 0.02, seed=5, hyper={"momentum": 0.0}, options={"nesterov": False}),
    member(6, "adafactor", 0.02, seed=6),  # stays with the rule
    member(7, "rprop", 0.01, seed=7, hyper={"etaplus": 1.1}),
]
WITH_ALL = [
    replace(one, training=Training(ema=0.6, schedule="cosine", clip_norm=0.5, l1=1e-3), epochs=4) for one in MEMBERS
]


def population(engine, members=MEMBERS, folds=FOLDS, build=with_batch_norm):
    (plan,) = assembly(folds, build, engine).plans(members)
    return plan.population()


def everything(one):
    saved = one.state_dict()
    return {"flat": saved["flat"], "clock": saved["clock"], "mean": saved["mean"], **saved["state"]}


def assert_same(found, wanted, rtol, atol):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        if value is None:
            assert found[name] is None
        else:
            torch.testing.assert_close(found[name], value, rtol=rtol, atol=atol, msg=lambda m, n=name: f"{n}: {m}")


@with_kernels
@both_engines
@pytest.mark.parametrize("members", [MEMBERS, WITH_ALL], ids=["plain", "with all"])
def test_training_ends_where_the_rules_end(engine, members):
    ours, ruled = population(engine, members), population(engine, members)
    advance(ours, FOLDS, 3)
    with backend("rule"):
        advance(ruled, FOLDS, 3)
    assert [group.prepared is not None for group in ours.update_groups].count(False) == 1
    assert all(group.prepared is None for group in ruled.update_groups)
    assert_same(everything(ours), everything(ruled), 1e-9, 1e-11)


@with_kernels
@both_engines
def test_the_choice_may_change_between_steps(engine):
    ours, ruled = population(engine), population(engine)
    for epoch in range(1, 5):
        with backend("rule" if epoch % 2 else "auto"):
            advance(ours, FOLDS, epoch)
    with backend("rule"):
        advance(ruled, FOLDS, 4)
    assert_same(everything(ours), everything(ruled), 1e-9, 1e-11)


@with_kernels
@both_engines
def test_a_step_in_float32(engine):
    folds, members = [fold(dtype=torch.float32)], [one for one in MEMBERS if one.optimizer != "rprop"]
    ours, ruled = (population(engine, members, folds, plain) for _ in range(2))
    ours.network.flat = ours.network.flat.float()
    before = ruled.network.flat.clone()
    draw = torch.Generator().manual_seed(3)
    gradient = torch.randn(before.shape, generator=draw)
    for one in (ours, ruled):
        one.clock += 4
    with torch.no_grad():
        found = ours.update(ours.network.flat, gradient)
        with backend("rule"):
            wanted = ruled.update(ruled.network.flat, gradient)
    assert ((found - wanted).abs().amax(1) <= 1e-6 * (wanted - before).abs().amax(1) + 1e-7).all()


@both_engines
@pytest.mark.parametrize("backend_name", ["auto", "rule"])
def test_what_was_given_out_stays_as_it_was(engine, backend_name):
    with backend(backend_name):
        ours = population(engine, WITH_ALL)
        advance(ours, FOLDS, 1)
        places = torch.arange(41)
        ours.look(torch.zeros(len(ours)))
        held = {
            "saved": ours.state_dict(), "outputs": predict(ours, FOLDS, places), "best": vars(ours.best),
            "modules": [ours.module(place).state_dict() for place in range(len(ours))], "mean": ours.average.mean,
        }  # fmt: skip
        resting = ours.resting([1, 4])
        held |= {"resting": resting.network.flat, "its state": resting.update_groups[0].state}
        shown = copy.deepcopy(held)
        before = ours.network.flat.clone()
        advance(ours, FOLDS, 2)
        assert not torch.isclose(ours.network.flat, before).all(1).any()
    assert same(held, shown)


def same(found, wanted):
    if isinstance(wanted, torch.Tensor):
        return torch.equal(found, wanted)
    if isinstance(wanted, dict):
        return all(same(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return all(same(one, two) for one, two in zip(found, wanted, strict=True))
    return found == wanted


@both_engines
def test_a_checkpoint_can_be_loaded_twice(engine):
    first = population(engine, WITH_ALL)
    advance(first, FOLDS, 1)
    saved = first.state_dict()
    kept = copy.deepcopy(saved)
    advance(first, FOLDS, 2)
    for _ in range(2):
        again = population(engine, WITH_ALL)
        again.load_state_dict(saved)
        assert same(again.state_dict(), kept)
        advance(again, FOLDS, 2)
        assert_same(everything(again), everything(first), 0, 0)
