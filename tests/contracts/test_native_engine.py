"""The native engine's contract: a member ends where it ends stacked, alone, and in an ordinary PyTorch loop."""

import os
from dataclasses import replace
from functools import partialmethod

import native_examples as examples
import pytest
import torch
from scipy.stats import mannwhitneyu
from sklearn.datasets import load_digits
from torch import nn

from losslab.catalog import CATALOGUE
from losslab.kernels.plan import NativePlan
from losslab.models.mlp import mlp
from losslab.models.renew import drawing_from
from losslab.train.batches import EpochBatches, Fold
from losslab.train.loop import Stopped, advance, predict
from losslab.train.member import Member
from losslab.train.native.epochs import Epochs
from losslab.train.native.network import Native
from losslab.train.native.packed import compiled
from losslab.train.native.proof import native_difference
from losslab.train.network import Single, Stacked
from losslab.train.objective import objective_of
from losslab.train.population import Population
from losslab.train.step import step

pytestmark = pytest.mark.skipif(not compiled(), reason="no compiled kernels with the interpreter of plans here")
TOLERANCE = 1e-8  # float64, of the largest entry or 1
ONE_STEP = 1e-5  # float32: share of the largest move of a member in one step
CASES = 300 if os.environ.get("NIGHTLY") else 100


def trained(build, engine, some, folds, epochs=3):
    one = examples.population(build, engine, some, folds[0].X.dtype)
    if engine is Native:
        assert Epochs.of(one, folds) is not None, str(one.network.plan)
    assert advance(one, folds, epochs) == []
    return one


def assert_near(found, wanted, what):
    size = max(wanted.double().abs().max().item(), 1) if wanted.numel() else 1
    gap = (found.double() - wanted.double()).abs().max().item() if wanted.numel() else 0
    assert gap <= TOLERANCE * size, f"{what}: {gap:.2g} of {size:.2g}"


def assert_same(native, other):
    assert_near(native.network.flat, other.network.flat, "weights")
    assert_near(native.latest, other.latest, "means of the weights")
    for name, value in other.network.constants().items():
        assert_near(native.network.constants()[name], value, name)
    assert torch.equal(native.clock, other.clock)
    assert_near(native.last_loss, other.last_loss, "losses of the last step")


@pytest.mark.parametrize("classes", [False, True], ids=["values", "classes"])
@pytest.mark.parametrize("name", examples.NETWORKS)
def test_native_equals_stacked_equals_single(name, classes):
    build, some, folds = examples.NETWORKS[name], examples.members(classes), examples.folds(classes)
    native = trained(build, Native, some, folds)
    for engine in (Stacked, Single):
        other = trained(build, engine, some, folds)
        assert_same(native, other)
        rows = torch.arange(60)
        assert_near(predict(native, folds, rows), predict(other, folds, rows), "predictions")


@pytest.mark.parametrize("classes", [False, True], ids=["values", "classes"])
@pytest.mark.parametrize("name", [name for name in examples.NETWORKS if name not in ("dropout", "resmlp")])
def test_native_equals_an_ordinary_loop(name, classes):
    build, some, folds = examples.NETWORKS[name], examples.members(classes), examples.folds(classes)
    native = trained(build, Native, some, folds)
    for place, member in enumerate(some):
        model, mean = examples.alone(build, member, folds[member.fold], 3)
        assert_near(native.network.flat[place], nn.utils.parameters_to_vector(model.parameters()), f"{member.number}")
        assert_near(native.latest[place], mean, f"mean of {member.number}")
        own = native.network.module(place).state_dict()
        for key, value in model.state_dict().items():
            assert_near(own[key], value, f"{member.number}: {key}")


@pytest.mark.parametrize("name", ["resmlp", "batch norm", "dropout"])
def test_one_step_in_float32(name):
    build, some, folds = examples.NETWORKS[name], examples.members(False), examples.folds(False, torch.float32)
    native = trained(build, Native, some, folds, 2)
    other = examples.population(build, Single, some, torch.float32)
    other.load_state_dict(native.state_dict())
    before = native.network.flat.clone()
    one = Epochs.of(native, folds)
    one.begin()
    assert one.run(1) == {}
    other.begin_epoch(len(one.batch) - 1)
    other.draw()
    step(other, *EpochBatches(some, folds, 2).step(0))
    moved = (other.network.flat - before).abs().amax(1)
    gap = (native.network.flat - other.network.flat).abs().amax(1)
    assert (gap <= ONE_STEP * moved.clamp(min=1e-2)).all(), (gap / moved).tolist()


@pytest.mark.parametrize("seed", range(CASES))
def test_random_networks(seed):
    build, some, fold = examples.random_case(seed)
    native, other = trained(build, Native, some, [fold], 2), trained(build, Single, some, [fold], 2)
    if (native.network.flat - other.network.flat).abs().max() > TOLERANCE:  # rounding, where training amplifies it?
        moved = examples.population(build, Single, some)
        noise = torch.randn(moved.network.flat.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        moved.network.flat *= 1 + 1e-14 * noise
        advance(moved, [fold], 2)
        amplified = 100 * (moved.network.flat - other.network.flat).abs().amax(1)
        gap = (native.network.flat - other.network.flat).abs().amax(1)
        assert (gap <= amplified.clamp(min=TOLERANCE)).all(), (gap, amplified)
        assert amplified.max() < 1e-4
        return
    assert_same(native, other)
    assert_near(predict(native, [fold], fold.rows), predict(other, [fold], fold.rows), "predictions")


@pytest.mark.parametrize("count", [1, 3, 4])
def test_threads_change_no_bit(count, monkeypatch):
    monkeypatch.setattr(NativePlan, "run", partialmethod(NativePlan.run, together=True))
    build, some, folds = (
        examples.NETWORKS["dropout"],
        examples.members(False)[:count],
        examples.folds(False, torch.float32),
    )
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(trained(build, Native, some, folds).network.flat)
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(found[0], other) for other in found[1:])


def test_a_member_trains_alike_whoever_is_beside_it():
    build, some, folds = examples.NETWORKS["dropout"], examples.members(False), examples.folds(False)
    together = trained(build, Native, some, folds)
    for place in (0, 3):
        by_itself = trained(build, Native, some[place : place + 1], folds)
        assert torch.equal(by_itself.network.flat[0], together.network.flat[place])


def test_rounding_is_no_difference_from_pytorch():
    X = torch.randn(36, 4, generator=torch.Generator().manual_seed(0))
    X = (X - X.mean(0)) / X.std(0)  # whose means a batch norm sees as rounding
    one = Member(0, objective_of(CATALOGUE["mse_loss"], 1), {}, "sgd", {"lr": 0.1}, batch_size=36)
    modules = [nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 1))]
    assert native_difference(modules, [one], [Fold(X, X[:, 0], torch.arange(36))]) == ""


def test_members_that_are_dropped_change_nothing_for_the_others():
    build, some, folds = examples.NETWORKS["batch norm"], examples.members(False), examples.folds(False)
    whole = trained(build, Native, some, folds)
    some = examples.population(build, Native, some)
    advance(some, folds, 1)
    some.keep([1, 2, 4])
    advance(some, folds, 3)
    for place, before in enumerate((1, 2, 4)):
        assert_near(some.network.flat[place], whole.network.flat[before], f"member at {before}")


def test_one_that_breaks_stops_alone_and_is_named_with_its_layer():
    build, folds = examples.NETWORKS["mlp"], examples.folds(False)
    some = [replace(member, fold=0) for member in examples.members(False)[:3]]
    one = examples.population(build, Native, some)
    other = examples.population(build, Native, [some[0], some[2]])
    one.network.flat[1, -1] = float("nan")
    told = []
    (broken,) = advance(one, folds, 2, on_step=told.append)
    assert (broken.number, broken.epoch, broken.step) == (some[1].number, 1, 1)
    assert "not finite in epoch 1, step 1, first in layer 4, linear 6 to 1" in str(broken)
    assert told[0] == 3
    assert set(told[1:]) == {2}
    advance(other, folds, 2)
    assert torch.equal(one.network.flat, other.network.flat)
    assert len(told) == 2 * 6


def test_losses_are_told_of_every_step_as_the_other_engines_tell_them():
    build, some, folds = examples.NETWORKS["dropout"], examples.members(False), examples.folds(False)
    told = {}
    for engine in (Native, Single):
        one, parts = examples.population(build, engine, some), []
        advance(one, folds, 2, on_losses=lambda *pair, to=parts: to.append(torch.stack(pair)))
        told[engine] = torch.cat([part.double() for part in parts], dim=2)
        assert told[engine].shape == (2, len(some), 12)
        assert len(parts) < 12 if engine is Native else len(parts) == 12
    assert_near(told[Native], told[Single], "losses and weights of each step")


def test_stopping_between_calls_keeps_the_step():
    build, some, folds = examples.NETWORKS["dropout"], examples.members(False), examples.folds(False)
    straight = trained(build, Native, some, folds, 2)
    one = examples.population(build, Native, some)
    asked = iter([False, False, True])  # a call of one step, of the others of the epoch, or fewer; then no more
    with pytest.raises(Stopped):
        advance(one, folds, 2, stop=lambda: next(asked))
    assert 0 < one.clock[0] < 12
    assert one.clock[0] == one.epoch * 6 + one.position
    again = examples.population(build, Native, some)
    again.load_state_dict(one.state_dict())
    advance(again, folds, 2)
    assert torch.equal(again.network.flat, straight.network.flat)


def accuracies(engine, seeds):
    X, y = load_digits(return_X_y=True)
    fold = Fold(torch.tensor(X / 16, dtype=torch.float32), torch.tensor(y), torch.arange(400))
    objective = objective_of(CATALOGUE["cross_entropy"], 10)
    some = [Member(s, objective, {"label_smoothing": 0.0}, "adam", {"lr": 0.01}, seed=s, batch_size=32) for s in seeds]

    def module(seed):
        with drawing_from(seed):
            return mlp(64, 10, hidden=(16,), dropout=0.1)

    population = Population(some, engine([module(seed) for seed in seeds]))
    advance(population, [fold], 6)
    test = torch.arange(800, 1600)
    return (predict(population, [fold], test).argmax(-1) == fold.y[test]).double().mean(1)


def test_final_accuracies_have_one_distribution():
    native, single = accuracies(Native, range(20)), accuracies(Single, range(100, 120))
    error = (native.var() / 20 + single.var() / 20).sqrt()
    assert mannwhitneyu(native, single).pvalue > 1e-3
    assert (native.mean() - single.mean()).abs() < 3 * error
    assert native.std() > 0.002
