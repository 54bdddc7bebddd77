"""Sessions: rungs, and going on after a stop, a kill, a damaged file or a full disk as if nothing had happened."""

import errno
import math

import pytest
import torch
from train_examples import (
    SQUARE,
    Make,
    assembly,
    assert_same,
    fold,
    mean_square,
    member,
    plain,
    weights,
    with_batch_norm,
    with_dropout,
)

from losslab.train import session as module
from losslab.train.assemble import Assembly
from losslab.train.loop import Broken, Stopped
from losslab.train.member import Objective
from losslab.train.session import Session

on_both_engines = pytest.mark.parametrize("engine", ["stacked", "single"])
FOLDS = [fold(dtype=torch.float32), fold(rows=[*range(20, 41), *range(20)], seed=2, dtype=torch.float32)]
WIDE = Objective("wide", lambda output, target: mean_square(output.mean(1), target), 2, "identity")
MEMBERS = [
    member(3, "sgd", 0.02, seed=5, hyper={"momentum": 0.9}),
    member(8, "adam", 0.02, seed=1, fold=1),
    member(1, "rmsprop", 0.005, seed=2, fold=1, batch_size=12),
    member(6, "adam", 0.01, seed=2, objective=WIDE),
    member(4, "adam", 0.01, seed=1, objective=WIDE, options={"amsgrad": True}),
]


class After:
    """Asks to stop once, after some steps."""

    def __init__(self, steps=None):
        self.left = steps

    def __call__(self):
        if self.left is None:
            return False
        self.left -= 1
        return self.left < 0


def session(engine="stacked", build=with_batch_norm, checkpoint=None, steps=None, members=MEMBERS):
    return Session(assembly(FOLDS, build, engine), members, checkpoint=checkpoint, stop=After(steps))


def of_session(one):
    return {number: state for population in one.populations for number, state in weights(population).items()}


def everything(one):
    """Weights, buffers, optimiser states and clocks, all that going on depends on."""
    states = {}
    for population in one.populations:
        whole = population.state_dict()
        for place, number in enumerate(whole["numbers"]):
            parts = {f"state {name}": value[place] for name, value in whole["state"].items()}
            states[number] = {"flat": whole["flat"][place], "clock": whole["clock"][place], **parts}
    return states


def test_members_of_other_heads_and_batch_sizes_train_apart():
    one = session()
    sizes = [(p.members[0].objective.outputs, p.members[0].batch_size, len(p)) for p in one.populations]
    assert sorted(sizes) == [(1, 8, 2), (1, 12, 1), (2, 8, 2)]
    assert sorted(m.number for m in one.members) == [1, 3, 4, 6, 8]
    assert one.reached == 0


@on_both_engines
@pytest.mark.parametrize("build", [with_batch_norm, with_dropout])
def test_a_checkpoint_at_a_rung_is_as_good_as_going_on(engine, build, tmp_path):
    """Bit by bit, also after members were dropped, the first of them among others."""
    path = tmp_path / "batch.pt"
    straight, first = session(engine, build), session(engine, build, path)
    for one in (straight, first):
        one.advance(1)
        one.keep([8, 1, 4])
        one.advance(2)
    again = session(engine, build, path)
    assert again.reached == 2
    assert sorted(m.number for m in again.members) == [1, 4, 8]
    assert_same(everything(again), everything(first))
    straight.advance(4)
    again.advance(4)
    assert_same(everything(again), everything(straight))
    assert_same(of_session(again), of_session(straight))


@on_both_engines
@pytest.mark.parametrize("build", [with_batch_norm, with_dropout])
@pytest.mark.parametrize("steps", [0, 3, 5, 9, 14, 20])
def test_a_stop_between_two_steps_loses_nothing(engine, build, steps, tmp_path):
    path = tmp_path / "batch.pt"
    straight, stopped = session(engine, build), session(engine, build, path, steps)
    with pytest.raises(Stopped):
        stopped.advance(2)
    again = session(engine, build, path)
    assert sum(int(p.clock[0, 0]) for p in again.populations) == steps
    again.advance(2)
    straight.advance(2)
    assert_same(everything(again), everything(straight))
    assert_same(of_session(again), of_session(straight))


def test_stopping_twice_is_no_different(tmp_path):
    path = tmp_path / "batch.pt"
    for steps in (4, 5, 6):
        with pytest.raises(Stopped):
            session(checkpoint=path, steps=steps).advance(3)
    again, straight = session(checkpoint=path), session()
    again.advance(3)
    straight.advance(3)
    assert_same(everything(again), everything(straight))


def test_the_number_of_steps_is_told_with_their_members():
    told = []
    one = Session(assembly(FOLDS), MEMBERS[:2], on_step=told.append)
    one.advance(1)
    one.keep([8])
    one.advance(2)
    assert told == [2] * 5 + [1] * 5


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_checkpoint_starts_over(share, tmp_path):
    path = tmp_path / "batch.pt"
    first = session(checkpoint=path)
    first.advance(2)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    again = session(checkpoint=path)
    assert again.reached == 0
    again.advance(2)
    assert_same(everything(again), everything(first))


def test_a_file_that_is_no_checkpoint_starts_over(tmp_path):
    path = tmp_path / "batch.pt"
    path.write_text("something else")
    assert session(checkpoint=path).reached == 0


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "batch.pt"
    one = session(checkpoint=path)
    one.advance(1)
    before = path.read_bytes()

    def full(path, content):
        path.write_text("half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"could not write .*batch\.pt: No space .*; everything written before is kept"):
        one.advance(2)
    monkeypatch.undo()
    assert [file.name for file in tmp_path.iterdir()] == ["batch.pt"]
    assert path.read_bytes() == before
    again, straight = session(checkpoint=path), session()
    assert again.reached == 1
    again.advance(2)
    straight.advance(2)
    assert_same(everything(again), everything(straight))


def test_a_folder_that_is_gone_is_said(tmp_path):
    one = session(checkpoint=tmp_path / "gone" / "batch.pt")
    with pytest.raises(OSError, match=r"could not write .*: No such file or directory"):
        one.advance(1)


def test_finish_takes_the_checkpoint_away(tmp_path):
    path = tmp_path / "batch.pt"
    one = session(checkpoint=path)
    one.finish()
    one.advance(1)
    assert path.exists()
    one.finish()
    assert list(tmp_path.iterdir()) == []


class Counts:
    """A loss that is infinite at one call, and counts its calls over all sessions."""

    def __init__(self, at):
        self.at, self.calls = at, 0

    def __call__(self, output, target):
        self.calls += 1
        return mean_square(output, target) * (math.inf if self.calls == self.at else 1.0)


@pytest.mark.parametrize("also", [[], [member(20, batch_size=12)]], ids=["alone", "another population follows"])
def test_who_broke_before_a_stop_is_not_forgotten(also, tmp_path):
    """Neither when others of the stack go on, nor when none of it is left."""
    path = tmp_path / "batch.pt"
    breaks = Objective("breaks", Counts(3), 1, "identity")
    members = [member(5, objective=breaks), *also, *([] if also else [member(6)])]
    one = Session(assembly(FOLDS, plain, "single"), members, checkpoint=path, stop=After(8))
    with pytest.raises(Stopped):
        one.advance(3)
    assert one.broken == [Broken(5, "breaks", 1, 3)]
    again = Session(assembly(FOLDS, plain, "single"), members, checkpoint=path)
    assert again.broken == one.broken
    assert [m.number for m in again.members] == [20 if also else 6]
    assert again.advance(3) == []
    assert again.reached == 3


def test_broken_members_are_returned_once():
    breaks = Objective("breaks", Counts(7), 1, "identity")
    one = Session(assembly(FOLDS, plain, "single"), [member(5, objective=breaks), member(6)])
    assert one.advance(1) == []
    assert one.advance(2) == [Broken(5, "breaks", 2, 2)]
    assert one.advance(3) == []
    assert len(one.broken) == 1


def test_training_that_is_past_an_epoch_does_not_lead_to_it(tmp_path):
    """What was looked at after one epoch cannot be looked at again from a later step, or without those halted there."""
    numbers = [one.number for one in MEMBERS]
    one = session()
    one.advance(1)
    assert one.leads_to(1, numbers)
    assert one.leads_to(2, numbers)
    assert not one.leads_to(0, numbers)
    assert not one.leads_to(2, [*numbers, 999])
    stopped = session(checkpoint=tmp_path / "a.pt", steps=1)
    with pytest.raises(Stopped):
        stopped.advance(2)
    assert stopped.reached == 0
    assert not stopped.leads_to(0, numbers)  # one step into the first epoch
    assert stopped.leads_to(1, numbers)
    one.keep(numbers[1:])
    assert not one.leads_to(2, numbers)
    one.broken.append(Broken(numbers[0], "square", 1, 1))
    assert one.leads_to(2, numbers)
    one.start(MEMBERS)
    assert one.leads_to(0, numbers)
    assert one.broken == []


def test_predictions_come_with_their_members():
    one = session()
    one.advance(1)
    rows = torch.tensor([3, 40, 3])
    found = {}
    for members, outputs in one.predict(rows):
        assert outputs.shape == (len(members), 3, members[0].objective.outputs)
        found |= {m.number: out for m, out in zip(members, outputs, strict=True)}
    for population in one.populations:
        for place, m in enumerate(population.members):
            module = population.network.module(place).eval()
            wanted = module(FOLDS[m.fold].X[rows]).detach()
            torch.testing.assert_close(found[m.number], wanted, rtol=1e-5, atol=1e-6)


def test_what_is_kept_is_kept_and_the_rest_is_gone():
    one = session()
    one.keep([4, 77])
    assert [m.number for m in one.members] == [4]
    one.keep([])
    assert one.members == []
    assert one.reached == 0
    assert one.advance(2) == []


def test_an_engine_is_stored_with_the_checkpoint(tmp_path):
    """What was probed before goes on after: bit for bit holds for one engine only."""
    path = tmp_path / "batch.pt"
    session("single", checkpoint=path).advance(1)
    again = Session(Assembly(Make(with_batch_norm), FOLDS, engine="stacked"), MEMBERS, checkpoint=path)
    assert {p.network.engine for p in again.populations} == {"single"}
    straight = session("single")
    again.advance(2)
    straight.advance(2)
    assert_same(everything(again), everything(straight))


def test_example_is_not_too_easy():
    """Members of one population share neither seed nor optimiser, or a mixed-up checkpoint could pass."""
    for population in session().populations:
        if len(population) > 1:
            assert len({m.seed for m in population.members}) == len({m.family for m in population.members}) == 2
    assert SQUARE.outputs != WIDE.outputs
