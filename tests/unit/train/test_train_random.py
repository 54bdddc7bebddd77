"""Random numbers: nothing changes the process's own, and what is drawn comes again."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from train_examples import COLUMNS, Make, assembly, fold, member, plain, population, with_batch_norm, with_dropout

from losslab.train.assemble import ENGINES, Assembly
from losslab.train.batches import EpochBatches, Fold
from losslab.train.dropout import Keyed
from losslab.train.loop import Stopped, advance, predict
from losslab.train.memory import bytes_per_member
from losslab.train.network import Single
from losslab.train.session import Session

on_both_engines = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")
FOLDS = [fold(), fold(rows=range(40, -1, -1), seed=2)]
MEMBERS = [member(1, "sgd", 0.01, seed=3), member(2, "adam", 0.01, seed=3, fold=1), member(3, "adam", seed=5)]


class AlwaysDraws(nn.Module):
    """Draws in evaluation too."""

    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(COLUMNS, width)

    def forward(self, x):
        return self.linear(nn.functional.dropout(x, 0.5))


@pytest.fixture
def untouched():
    """Fails where a test leaves another random state than it found."""
    random.seed(4)
    np.random.seed(4)
    torch.manual_seed(4)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    yield
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.array_equal(np.random.get_state()[1], before[2])


@pytest.mark.usefixtures("untouched")
class TestUntouched:
    @pytest.mark.parametrize("build", [plain, with_batch_norm, with_dropout, AlwaysDraws])
    @pytest.mark.parametrize("engine", ["auto", "untimed", "stacked", "single"])
    def test_by_building_probing_training_and_predicting(self, build, engine):
        one = Session(assembly(FOLDS, build, engine), MEMBERS)
        one.advance(2)
        one.predict(torch.arange(5))
        one.keep([3])
        one.advance(3)

    @on_both_engines
    def test_by_training_that_is_stopped_or_fails(self, engine):
        steps = iter(range(3))
        with pytest.raises(Stopped):
            advance(population(MEMBERS, with_dropout, engine), FOLDS, 2, stop=lambda: next(steps, None) is None)

        def fails(members):
            raise KeyError

        with pytest.raises(KeyError):
            advance(population(MEMBERS, with_dropout, engine), FOLDS, 2, on_step=fails)

    def test_by_measuring_memory_and_making_orders(self):
        bytes_per_member(Make(with_dropout).make(1, 1), torch.zeros(8, COLUMNS))
        EpochBatches(MEMBERS, FOLDS, 3)

    def test_by_reading_rows_that_change(self):
        changing = Fold(FOLDS[0].X, FOLDS[0].y, FOLDS[0].rows, Jitter(FOLDS[0].X))
        advance(population([member(1)]), [changing], 1)


class Jitter:
    """Rows with noise from torch's generator, as random augmentation has it."""

    def __init__(self, X):
        self.X, self.read = X, []

    def __getitem__(self, rows):
        self.read.append(self.X[rows] + 0.1 * torch.randn(len(rows), COLUMNS, dtype=self.X.dtype))
        return self.read[-1]


@cuda
def test_the_device_s_generators_are_left_alone_and_used():
    torch.cuda.manual_seed(4)
    before = torch.cuda.get_rng_state()
    runs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        torch.cuda.manual_seed(4)
        one = Session(Assembly(Make(with_dropout), FOLDS, engine="stacked", device="cuda"), MEMBERS)
        one.advance(2)
        runs.append(torch.cat([p.network.flat for p in one.populations]).cpu())
    assert torch.equal(torch.cuda.get_rng_state(), before)
    assert torch.equal(*runs)


@on_both_engines
@pytest.mark.parametrize("build", [with_dropout, AlwaysDraws])
def test_a_run_comes_again_whatever_was_drawn_before(engine, build):
    runs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        one = population(MEMBERS, build, engine)
        advance(one, FOLDS, 2)
        runs.append((one.network.flat, predict(one, FOLDS, torch.arange(9))))
    assert torch.equal(runs[0][0], runs[1][0])
    assert torch.equal(runs[0][1], runs[1][1])


def masks(one, epochs):
    """What the first dropout let through at each step, (K, B, 6) of ones and zeros."""
    seen = []
    dropout = Keyed.forward

    def spy(self, input):
        output = dropout(self, input)
        if self.p == 0.5 and self.training:
            seen.append((output == 0).detach())
        return output

    Keyed.forward = spy
    try:
        advance(one, [fold()], epochs)
    finally:
        Keyed.forward = dropout
    return seen


def test_masks_differ_between_steps_epochs_members_and_seeds():
    one = population([member(1, seed=3), member(2, seed=5)], with_dropout, Single)
    seen = masks(one, 2)
    assert len(seen) == 2 * 2 * 5
    full = [mask for mask in seen if mask.shape == (8, 6)]
    assert len({tuple(mask.flatten().tolist()) for mask in full}) == len(full)
    share = torch.cat([mask.flatten() for mask in seen]).double().mean()
    assert 0.42 < share < 0.58
    other = masks(population([member(1, seed=4)], with_dropout, Single), 1)
    assert not torch.equal(other[0], seen[0])
    again = masks(population([member(1, seed=3), member(2, seed=5)], with_dropout, Single), 2)
    assert all(torch.equal(a, b) for a, b in zip(seen, again, strict=True))


def test_a_member_run_by_itself_draws_the_same_whatever_its_neighbours():
    """Random numbers belong to (seed, fold, step): members of one seed share their masks, so losses meet equally."""
    alone = population([member(2, seed=3)], with_dropout, Single)
    among = population([member(1, seed=8), member(2, seed=3), member(3, seed=9)], with_dropout, Single)
    advance(alone, [fold()], 2)
    advance(among, [fold()], 1)
    among.keep([0, 1])
    advance(among, [fold()], 2)
    assert torch.equal(alone.network.flat[0], among.network.flat[1])
    assert not torch.equal(among.network.flat[0], among.network.flat[1])


@on_both_engines
def test_dropout_trains_as_much_as_alone(engine):
    """On average the masks keep what they should: the mean over many members is that without a second dropout."""
    members = [member(n, "sgd", 0.0, seed=1) for n in range(300)]
    together = population(members, with_dropout, engine)
    x = fold().X[:4].expand(300, 4, COLUMNS)
    torch.manual_seed(0)
    train = together.network.forward(together.network.parameters(), x, train=True)
    layers = together.network.module(0)
    hidden = layers[0](x[0])
    keep = torch.rand(4000, 1, 6, generator=torch.Generator().manual_seed(1)) > 0.5
    wanted = layers[4](torch.tanh(2 * hidden * keep)).mean(0)
    error = train.std(0) / 300**0.5
    assert ((train.mean(0) - wanted).abs() < 5 * error).all()
    assert (train.std(0) > 0.01).all()


def test_augmentation_comes_again_and_differs_between_epochs():
    """Fresh inputs are drawn from the step's key: the same in a second run, others in the next epoch."""
    reads = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        jitter = Jitter(fold().X)
        one = population([member(1, seed=3), member(2, "sgd", seed=3)])
        advance(one, [Fold(fold().X, fold().y, fold().rows, jitter)], 2)
        reads.append(jitter.read)
    assert len(reads[0]) == 2 * 5
    assert all(torch.equal(a, b) for a, b in zip(*reads, strict=True))
    noise = [torch.cat(reads[0][first : first + 5]) for first in (0, 5)]
    assert not torch.allclose(noise[0].sort(0).values, noise[1].sort(0).values)


def test_a_restored_session_reads_the_same_augmentation(tmp_path):
    def session(checkpoint, stop):
        folds = [Fold(fold().X, fold().y, fold().rows, Jitter(fold().X))]
        return Session(assembly(folds, with_dropout), [member(1), member(2, seed=4)], checkpoint=checkpoint, stop=stop)

    straight = session(None, lambda: False)
    straight.advance(2)
    steps = iter(range(7))
    with pytest.raises(Stopped):
        session(tmp_path / "c.pt", lambda: next(steps, None) is None).advance(2)
    again = session(tmp_path / "c.pt", lambda: False)
    again.advance(2)
    assert torch.equal(again.populations[0].network.flat, straight.populations[0].network.flat)
