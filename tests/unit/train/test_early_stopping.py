"""Early stopping: when, with whose weights, alone and stacked, and what a stop and a kill leave behind."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import nn
from train_examples import SQUARE, assembly, assert_same, fold, member, plain, weights, with_batch_norm

from losslab.train.early import Best, Watch
from losslab.train.lookup import find_loss
from losslab.train.loop import Stopped
from losslab.train.objective import objective_of
from losslab.train.session import Session
from losslab.train.settings import Training

both_engines = pytest.mark.parametrize("engine", ["stacked", "single"])
FOLD = fold()
ROWS = torch.arange(30, 41)
FOLDS = [replace(FOLD, rows=torch.arange(30))]
WEIGHTED = replace(
    fold(dtype=torch.float32), rows=torch.arange(30), weight=torch.rand(41, generator=torch.Generator().manual_seed(3))
)
MEMBERS = [
    member(1, "sgd", 0.3, seed=1, training=Training(patience=1)),
    member(2, "adam", 0.1, seed=2, training=Training(patience=2, ema=0.6)),
    member(3, "adam", 0.05, seed=2),
    member(4, "sgd", 0.02, seed=4, training=Training(patience=9, schedule="cosine"), epochs=8),
    member(5, "adam", 0.2, seed=5, training=Training(patience=2)),
]


def error(outputs):
    """(K,) from outputs (K, n, 1)."""
    return ((outputs.squeeze(-1) - FOLD.y[ROWS]) ** 2).mean(1)


def session(engine="stacked", members=MEMBERS, build=with_batch_norm, higher=False, folds=FOLDS, **options):
    sign = -1 if higher else 1
    watch = Watch(ROWS, lambda members, outputs: sign * error(outputs), higher_is_better=higher)
    return Session(assembly(folds, build, engine), members, watch=watch, **options)


def states(one):
    """number -> weights and buffers that predict."""
    return {m.number: p.module(k).state_dict() for p in one.populations for k, m in enumerate(p.members)}


@cache
def by_hand(number, epochs):
    """What a member gives back: trained on without stopping, looked at after each epoch."""
    own = next(own for own in MEMBERS if own.number == number)
    patience = own.training.patience
    free = replace(own, training=replace(own.training, patience=0))
    one = Session(assembly(FOLDS, with_batch_norm, "single"), [free])
    best, kept, when, stopped = float("inf"), None, 0, None
    for epoch in range(1, epochs + 1):
        one.advance(epoch)
        ((_, outputs),) = one.predict(ROWS)
        value = error(outputs).item()
        if value < best or not patience:
            best, when, kept = value, epoch, states(one)[own.number]
        elif epoch - when >= patience:
            stopped = epoch
            break
    return kept, when, stopped


@both_engines
@pytest.mark.parametrize("higher", [False, True])
@pytest.mark.parametrize("looks", [[8], [2, 3, 8]])
def test_members_stop_when_they_would_alone_and_give_back_their_best(engine, higher, looks):
    one = session(engine, higher=higher)
    for epochs in looks:
        one.advance(epochs)
    found = states(one)
    wanted = {own.number: by_hand(own.number, 8) for own in MEMBERS}
    assert_same(found, {number: kept for number, (kept, _, _) in wanted.items()}, 1e-8)
    assert one.stopped == {number: stopped for number, (_, _, stopped) in wanted.items() if stopped}
    patient = {own.number for own in MEMBERS if own.training.patience}
    assert one.best_epochs() == {number: when for number, (_, when, _) in wanted.items() if number in patient}
    assert one.reached == 8
    assert len(one.stopped) >= 2
    assert len(set(one.stopped.values())) >= 2


def test_predictions_are_those_of_the_best_weights():
    one = session()
    one.advance(8)
    for members, outputs in one.predict(ROWS):
        for own, output in zip(members, outputs, strict=True):
            model = Session(assembly(FOLDS, with_batch_norm), [own]).assembly.maker(own)(own.seed).double()
            model.load_state_dict(states(one)[own.number])
            torch.testing.assert_close(output, model.eval()(FOLD.X[ROWS]).detach(), rtol=1e-8, atol=1e-10)


def test_looking_leaves_training_as_it_was():
    """The weights that train are neither the mean nor the best that predict."""
    watched, free = session(members=MEMBERS[3:4]), session(members=[replace(MEMBERS[3], training=Training("cosine"))])
    for one in (watched, free):
        one.advance(4)
        one.predict(ROWS)
        one.populations[0].module(0)
        one.advance(6)
    assert_same(weights(watched.populations[0]), weights(free.populations[0]))


def test_who_stopped_costs_no_more_steps():
    told = []
    one = session(on_step=told.append)
    one.advance(9)
    assert 8 in one.stopped.values()
    assert told[0] == 5
    assert told[-1] == 5 - len(one.stopped)
    assert sorted(m.number for m in one.members) == [1, 2, 3, 4, 5]
    active = [p for p in one.populations if not p.rested]
    assert sum(map(len, active)) == told[-1]


MSE = objective_of(find_loss("mse_loss", "regression"), 1)
MIXED = [
    *(replace(own, objective=MSE) for own in MEMBERS),
    member(6, "sgd", 0.05, MSE, seed=6, epochs=8, training=Training("one-cycle", l1=0.01, accumulate=2, patience=2)),
    member(7, "adam", 0.05, MSE, seed=7, epochs=8, training=Training("step", 0.2, 0.3, ema=0.8, accumulate=2)),
    member(8, "sgd", 0.05, MSE, seed=8, training=Training(clip_value=0.1, l2=0.1, autocast="bfloat16", patience=1)),
]


@both_engines
@pytest.mark.parametrize("steps", [1, 7, 12, 19, 31, 40, 53, 60])
def test_a_kill_at_any_step_loses_nothing_of_any_setting(engine, steps, tmp_path):
    """Bit by bit: means, bests, clocks and optimiser states, of three populations with weighted rows."""
    path, left = tmp_path / "a.pt", [steps]

    def stop():
        left[0] -= 1
        return left[0] < 0

    first = session(engine, MIXED, folds=[WEIGHTED], checkpoint=path, stop=stop)
    with pytest.raises(Stopped):
        first.advance(8)
    again, straight = (
        session(engine, MIXED, folds=[WEIGHTED], checkpoint=path),
        session(engine, MIXED, folds=[WEIGHTED]),
    )
    assert len(again.members) == len(MIXED)
    again.advance(8)
    straight.advance(8)
    assert again.stopped == straight.stopped
    assert again.best_epochs() == straight.best_epochs()
    assert_same(states(again), states(straight))


def test_all_may_rest_and_halving_goes_on():
    members = [replace(m, training=Training(patience=1)) for m in MEMBERS]
    one = session(members=members, build=lambda width: nn.Linear(4, width))
    one.advance(60)
    assert all(p.rested for p in one.populations)
    assert one.reached == 60
    one.keep([1, 4])
    one.advance(70)
    assert sorted(m.number for m in one.members) == [1, 4]
    assert {m.number for members, _ in one.predict(ROWS) for m in members} == {1, 4}


def test_patience_without_a_watch_is_refused():
    one = Session(assembly(FOLDS, plain), MEMBERS[:1])
    with pytest.raises(ValueError, match="patience needs a metric that is read after each epoch"):
        one.advance(2)


def test_what_is_not_a_number_is_never_better():
    members = [member(n, objective=SQUARE, training=Training(patience=2)) for n in range(3)]
    nan = float("nan")
    best = Best.first(torch.zeros(3, 1), {}, torch.tensor([nan, 1.0, nan]), 1)
    best = best.after(torch.ones(3, 1), {}, torch.tensor([0.5, nan, nan]), 2, members)
    assert best.weights.flatten().tolist() == [1, 0, 0]
    assert best.over(members) == []
    best = best.after(torch.full((3, 1), 2.0), {}, torch.tensor([0.5, 1.0, nan]), 3, members)
    assert best.weights.flatten().tolist() == [1, 0, 0]
    assert best.epoch.tolist() == [2, 1, 1]
    assert best.over(members) == [1, 2]
