"""How many members train at once, and that a population that does not fit is cut, not lost."""

import pytest
import torch
from torch import nn
from train_examples import SQUARE, assembly, assert_same, fold, mean_square, member, plain, weights, with_batch_norm

from losslab.data import memory as reading
from losslab.train import memory
from losslab.train.lookup import find_loss
from losslab.train.loop import advance
from losslab.train.member import Objective
from losslab.train.memory import bytes_per_member, free_bytes, members_at_once, native_bytes_per_member
from losslab.train.native.packed import compiled
from losslab.train.objective import objective_of
from losslab.train.session import Session

FOLDS = [fold(), fold(rows=range(20), seed=2), fold(seed=3)]
GIGABYTE = 2**30


@pytest.fixture
def limited(monkeypatch):
    """Makes so many bytes free."""
    return lambda free: monkeypatch.setattr(memory, "free_bytes", lambda device: free)


def linear(columns, outputs=1):
    return nn.Linear(columns, outputs, bias=False)


def test_what_a_member_needs_by_hand():
    """Ten copies of the weights, and twice what the graph holds: for a linear layer its input and its weights."""
    x = torch.zeros(16, 100)
    kept = 16 * 100 + 100  # input and weights are saved for the gradient
    output = 16
    expected = 4 * (memory.COPIES * 100 + 2 * (kept + output))
    assert bytes_per_member(linear(100), x.requires_grad_()) == expected


def test_a_member_needs_more_with_weights_rows_and_precision():
    small = bytes_per_member(linear(100), torch.zeros(16, 100))
    assert bytes_per_member(linear(200), torch.zeros(16, 200)) > 1.9 * small
    assert bytes_per_member(linear(100), torch.zeros(1600, 100)) > 50 * (small - 4 * 10 * 100) > 0
    assert bytes_per_member(linear(100).double(), torch.zeros(16, 100).double()) == 2 * small


def test_fewer_members_fit_the_larger_they_are(limited):
    limited(GIGABYTE)
    x = torch.zeros(32, 4)
    fits = [
        members_at_once(nn.Sequential(nn.Linear(4, w), nn.ReLU(), nn.Linear(w, 1)), x) for w in (10, 100, 1000, 10**6)
    ]
    assert fits == sorted(fits, reverse=True)
    assert fits[0] > 5 * fits[1] > 25 * fits[2]
    assert fits[-1] == 1


def test_more_members_fit_into_more_memory(limited):
    x, module = torch.zeros(32, 4), linear(4)
    limited(GIGABYTE)
    one = members_at_once(module, x)
    limited(8 * GIGABYTE)
    assert members_at_once(module, x) == pytest.approx(8 * one, rel=1e-3)
    assert one * bytes_per_member(module, x) <= memory.SHARE * GIGABYTE < (one + 1) * bytes_per_member(module, x)


def test_one_member_always_fits(limited):
    limited(0)
    assert members_at_once(linear(4), torch.zeros(2, 4)) == 1


def test_this_machine_has_memory():
    assert 2**20 < free_bytes(torch.device("cpu")) < 2**50


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")
def test_the_device_has_memory():
    free = free_bytes(torch.device("cuda"))
    assert 2**20 < free <= torch.cuda.get_device_properties(0).total_memory


def test_the_tighter_limit_counts(monkeypatch):
    monkeypatch.setattr(reading, "_cgroup_limits", lambda: ["1000000"])
    assert free_bytes(torch.device("cpu")) == 10**6
    monkeypatch.setattr(reading, "_cgroup_limits", lambda: ["max"])
    unlimited = free_bytes(torch.device("cpu"))
    assert unlimited > 10**6
    monkeypatch.setattr(reading, "_cgroup_limits", list)
    assert free_bytes(torch.device("cpu")) == pytest.approx(unlimited, rel=0.2)


def test_a_system_that_does_not_say_what_is_free(monkeypatch):
    monkeypatch.setattr(reading, "open", lambda path: (_ for _ in ()).throw(FileNotFoundError(path)), raising=False)
    assert 2**20 < free_bytes(torch.device("cpu")) < 2**50


def mixed(count):
    """Members of two heads, two batch sizes, folds of two lengths, in no order."""
    wide = Objective("wide", lambda output, target: mean_square(output.mean(1), target), 2, "identity")
    return [
        member(
            n, ("adam", "sgd")[n % 2], 0.01, objective=(SQUARE, wide)[n % 3 == 0], seed=n % 4, fold=n % 3,
            batch_size=(8, 12)[n % 5 == 0],
        )
        for n in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("room", [1, 2, 3, 100])
def test_plans_hold_every_member_once(room, monkeypatch):
    members = mixed(23)
    one = assembly(FOLDS, plain)
    monkeypatch.setattr(one, "_room", lambda make, group: room)
    plans = one.plans(members)
    assert sorted(m.number for plan in plans for m in plan.members) == list(range(23))
    assert {m.number: m for plan in plans for m in plan.members} == {m.number: m for m in members}
    for plan in plans:
        assert len(plan.members) <= room
        kinds = {(m.objective.outputs, m.batch_size, len(FOLDS[m.fold].rows)) for m in plan.members}
        assert len(kinds) == 1
        assert plan.members == sorted(plan.members, key=lambda m: m.family)
    groups = {(m.objective.outputs, m.batch_size, len(FOLDS[m.fold].rows)) for m in members}
    if room == 100:
        assert len(plans) == len(groups)


def test_a_population_that_does_not_fit_is_trained_in_parts(limited):
    members = [member(n, lr=0.01 * n, seed=n) for n in range(1, 8)]
    x = torch.zeros(8, 4, dtype=torch.float64)
    limited(int(3.5 * bytes_per_member(with_batch_norm(1).double(), x) / memory.SHARE))
    parts = Session(assembly(FOLDS, with_batch_norm), members)
    assert [len(p) for p in parts.populations] == [3, 3, 1]
    parts.advance(2)
    limited(GIGABYTE)
    whole = Session(assembly(FOLDS, with_batch_norm), members)
    assert [len(p) for p in whole.populations] == [7]
    whole.advance(2)
    found = {number: state for p in parts.populations for number, state in weights(p).items()}
    assert_same(found, weights(whole.populations[0]), 1e-10)


@pytest.mark.parametrize("engine", ["auto", "stacked", "single"])
def test_a_population_of_one(engine):
    one = Session(assembly(FOLDS, with_batch_norm, engine), [member(3, seed=2)])
    assert [len(p) for p in one.populations] == [1]
    assert one.advance(2) == []
    ((members, outputs),) = one.predict(torch.arange(41))
    assert [m.number for m in members] == [3]
    assert outputs.shape == (1, 41, 1)
    error = ((outputs[0, :, 0] - FOLDS[0].y) ** 2).mean()
    assert error < FOLDS[0].y.var()


def test_nobody_is_no_plan():
    assert assembly(FOLDS).plans([]) == []


def test_sorting_a_population_joins_equal_losses_and_optimisers():
    """Contiguous slices: as many groups as there are families, however the members were given."""
    members = [member(n, ("adam", "sgd", "adamw")[n % 3], 0.01, seed=n) for n in range(9)]
    (plan,) = assembly(FOLDS[:1]).plans(members)
    population = plan.population()
    assert len(population.loss_groups) == 1
    assert [group.rule.name for group in population.update_groups] == ["adam", "adamw", "sgd"]
    assert [group.rows for group in population.update_groups] == [slice(0, 3), slice(3, 6), slice(6, 9)]
    assert not advance(population, FOLDS, 1)


def test_a_native_member_needs_its_weights_and_state_only(limited):
    """Five weights, twice, and adam's two moments of each."""
    module, adam = nn.Sequential(nn.Linear(4, 1)), member(0, optimizer="adam")
    assert native_bytes_per_member(module, adam) == 4 * 4 * 5
    limited(1000)  # of which half is used
    assert members_at_once(module, torch.zeros(64, 4), adam) == 500 // 80
    assert members_at_once(module, torch.zeros(64, 4)) == 1


@pytest.mark.skipif(not compiled(), reason="no compiled kernels with the interpreter of plans here")
def test_more_members_fit_where_training_is_native(limited):
    limited(20_000)
    members = [
        member(number, objective=objective_of(find_loss("mse_loss", "regression"), 1), optimizer="adam")
        for number in range(60)
    ]
    sizes = {e: [len(p.members) for p in assembly([FOLDS[0]], plain, e).plans(members)] for e in ("native", "stacked")}
    fits = 10_000 // native_bytes_per_member(plain(1).to(FOLDS[0].X.dtype), members[0])
    assert 1 < fits < 60
    assert sizes["native"][0] == fits > sizes["stacked"][0]
    assert sum(sizes["native"]) == 60
