"""Dropping members: the survivors never notice, and a member that breaks is named."""

import math

import pytest
import torch
from torch import nn
from train_examples import SQUARE, assert_same, fold, mean_square, member, population, weights, with_batch_norm

from losslab.train.assemble import ENGINES
from losslab.train.loop import Broken, advance
from losslab.train.member import Objective

on_both_engines = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)

MEMBERS = [
    member(4, "sgd", 0.05, seed=1, hyper={"momentum": 0.9}),
    member(2, "sgd", 0.02, seed=2, hyper={"momentum": 0.0}),
    member(9, "adam", 0.03, seed=1, options={"amsgrad": True}),
    member(3, "adam", 0.01, seed=3),
    member(7, "adagrad", 0.1, seed=2, hyper={"initial_accumulator_value": 0.3}),
    member(5, "sgd", 0.01, seed=3, hyper={"momentum": 0.5}),
]


@on_both_engines
@pytest.mark.parametrize(
    "stays", [[0], [5], [1, 5], [0, 1, 5], [2, 3], [4], [3, 1], [0, 1, 2, 3, 4, 5]], ids=lambda s: "-".join(map(str, s))
)
def test_survivors_go_on_as_if_alone(engine, stays):
    """Also where a gap closes and two groups of one optimiser become one."""
    folds = [fold()]
    together = population(MEMBERS, with_batch_norm, engine)
    advance(together, folds, 2)
    together.keep(stays)
    advance(together, folds, 4)
    assert [m.number for m in together.members] == [MEMBERS[place].number for place in sorted(stays)]
    alone = {}
    for place in stays:
        one = population([MEMBERS[place]], with_batch_norm, engine)
        advance(one, folds, 4)
        alone |= weights(one)
    assert_same(weights(together), alone, 1e-10)


def test_each_member_has_its_own_clock():
    """Members of different age in one stack: bias corrections and first steps follow each member's clock."""
    old, young = member(1, "adam", 0.05, seed=1), member(2, "adam", 0.02, seed=2)
    folds = [fold()]
    first = population([old])
    advance(first, folds, 2)
    both = population([old, young])
    both.network.flat = torch.cat([first.network.flat, both.network.flat[1:]])
    both.clock = torch.cat([first.clock, both.clock[1:]])
    state = {name: torch.stack([value[0], torch.zeros_like(value[0])]) for name, value in first._state().items()}
    both._group(state)
    both.epoch = 2
    advance(both, folds, 3)
    advance(first, folds, 3)
    expected = population([young])
    expected.epoch = 2
    advance(expected, folds, 3)
    assert both.clock[:, 0].tolist() == [3 * 5, 5]
    assert_same(weights(both), weights(first) | weights(expected), 1e-10)
    both.keep([1])
    assert both.clock.tolist() == [[5]]


def explodes(output, target, limit=1.0):
    """Mean square, infinite with an infinite gradient once the error is below a limit."""
    error = mean_square(output, target)
    return error * torch.where(error < limit, math.inf, 1.0)


@on_both_engines
def test_a_member_that_breaks_is_dropped_and_named(engine):
    broken = Objective("explodes", explodes, 1, "identity")
    going = [member(1, "sgd", 0.05, seed=1, hyper={"momentum": 0.9}), member(2, "adam", seed=2)]
    breaking = [
        member(10, "adam", 0.05, objective=broken, params={"limit": 0.9}, seed=1),
        member(11, "adam", 0.02, objective=broken, params={"limit": 99.0}, seed=4),
    ]
    folds = [fold()]
    population_ = population([*breaking, *going], with_batch_norm, engine)
    found = advance(population_, folds, 3)
    without = population(going, with_batch_norm, engine)
    advance(without, folds, 3)
    assert [m.number for m in population_.members] == [1, 2]
    assert_same(weights(population_), weights(without), 1e-10)
    late, first = sorted(found, key=lambda one: one.number)
    assert first == Broken(11, "explodes", epoch=1, step=1)
    assert late.number == 10
    assert (late.epoch, late.step) > (1, 1)
    assert str(first) == "explodes (trial 11): its gradient was not finite in epoch 1, step 1"


@pytest.mark.parametrize("spoil", [math.nan, math.inf, -math.inf])
def test_one_bad_number_in_one_gradient_is_enough(spoil):
    class Spoil(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x):
            return x.clone()

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def backward(ctx, grad):
            bad = grad.clone()
            bad[0, 0] = spoil
            return bad

    def one_number(output, target):
        return mean_square(Spoil.apply(output), target)

    members = [member(1), member(2, objective=Objective("t", one_number, 1, "identity"))]
    together = population(members)
    assert advance(together, [fold()], 1) == [Broken(2, "t", epoch=1, step=1)]
    assert torch.isfinite(together.network.flat).all()


@on_both_engines
def test_the_last_member_may_break_too(engine):
    always = Objective("explodes", explodes, 1, "identity")
    everyone = population([member(n, objective=always, params={"limit": 1e9}) for n in (1, 2)], engine=engine)
    assert [b.number for b in advance(everyone, [fold()], 2)] == [1, 2]
    assert len(everyone) == 0
    assert advance(everyone, [fold()], 2) == []


def test_a_member_breaks_in_the_step_that_is_named():
    """The loss counts its calls: NaN in the second batch of the second epoch, step 7 of 5 a epoch."""
    calls = []

    def breaks(output, target):
        calls.append(1)
        return mean_square(output, target) * (math.nan if len(calls) == 7 else 1.0)

    one = population([member(6, objective=Objective("breaks", breaks, 1, "identity"))])
    assert advance(one, [fold()], 3) == [Broken(6, "breaks", epoch=2, step=2)]


def test_frozen_and_tied_weights_survive_keeping():
    class Tied(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.first, self.second, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, width)
            self.second.weight = self.first.weight
            self.first.bias.requires_grad_(False)

        def forward(self, x):
            return self.head(self.second(self.first(x).tanh()).tanh())

    folds = [fold()]
    members = [member(n, lr=0.01 * n, seed=n) for n in (1, 2, 3)]
    together = population(members, Tied)
    start = weights(together)
    advance(together, folds, 1)
    together.keep([0, 2])
    advance(together, folds, 2)
    for place, number in enumerate((1, 3)):
        module = together.network.module(place)
        assert module.first.weight is module.second.weight
        assert torch.equal(module.first.bias, start[number]["first.bias"])
        assert not torch.equal(module.second.bias, start[number]["second.bias"])
        alone = population([members[number - 1]], Tied)
        advance(alone, folds, 2)
        assert_same({number: module.state_dict()}, weights(alone), 1e-10)


def test_square_objective_is_what_the_tests_think():
    value = SQUARE.mean_loss(torch.tensor([[1.0], [3.0]]), torch.tensor([0.0, 1.0]), scale=2.0)
    assert value == 5.0
