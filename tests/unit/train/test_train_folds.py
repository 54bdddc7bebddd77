"""Folds are lists of rows: each member sees its own rows, through its own preprocessing, and nothing else."""

import pytest
import torch
from train_examples import COLUMNS, assert_same, fold, member, population, weights, with_batch_norm

from losslab.data.prepare import prepare
from losslab.data.table import Table
from losslab.train.assemble import ENGINES
from losslab.train.batches import EpochBatches, Fold, FoldView, batch_sizes, on_device
from losslab.train.loop import ROWS_AT_ONCE, advance, predict

on_both_engines = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
PARTS = [list(range(25)), list(range(15, 40)), [3, 3, 3, *range(8, 30)]]


def prepared_folds():
    """Each fold scaled by its own rows. Rows of no fold are far away, and a missing number is filled by each."""
    generator = torch.Generator().manual_seed(3)
    X = torch.randn(45, COLUMNS, generator=generator) * 3 + 5
    X[40:] *= 1000
    X[20, 1] = torch.nan
    y = X[:, 0] - X[:, 2]
    table = Table("t", X, y, "regression", "")
    found = [prepare(table, torch.tensor(rows)) for rows in PARTS]
    return [Fold(p.X.double(), p.y.double(), torch.tensor(rows)) for p, rows in zip(found, PARTS, strict=True)]


def wide(width):
    layers = with_batch_norm(width)
    layers[0] = torch.nn.Linear(COLUMNS + 1, 6, bias=False)  # the mark of the missing number
    return layers


@on_both_engines
def test_members_of_different_folds_are_as_if_alone(engine):
    folds = prepared_folds()
    assert not torch.allclose(folds[0].X, folds[1].X)
    members = [member(n, lr=0.02, seed=1, fold=n) for n in range(3)]
    together = population(members, wide, engine)
    advance(together, folds, 3)
    assert not any(torch.isnan(value).any() for value in together.network.constants().values())
    for one in members:
        alone = population([one], wide, engine)
        unseen = torch.ones(45, dtype=torch.bool)
        unseen[PARTS[one.fold]] = False
        own = folds[one.fold]
        X, y = own.X.clone(), own.y.clone()
        X[unseen], y[unseen] = torch.nan, torch.nan  # whoever reads a row of others has NaN for weights
        other = Fold(torch.full_like(X, torch.nan), y, own.rows)
        advance(alone, [Fold(X, y, own.rows) if n == one.fold else other for n in range(3)], 3)
        state = weights(alone)
        assert state[one.number]["1.num_batches_tracked"] == 3 * 3
        assert_same({one.number: weights(together)[one.number]}, state, 1e-10)


@on_both_engines
def test_running_statistics_are_those_of_the_own_rows(engine):
    """By hand: with momentum 0.1, the running mean is a weighted mean of the batches' means of x @ weight."""
    folds = [Fold(f.X, f.y, f.rows) for f in prepared_folds()]
    members = [member(n, "sgd", 0.0, seed=1, fold=n, batch_size=10) for n in (2, 0)]
    together = population(members, wide, engine)
    advance(together, folds, 1)
    batches = EpochBatches(members, folds, 0)
    for place, one in enumerate(members):
        weight = together.network.module(place)[0].weight.detach()
        running = torch.zeros(6, dtype=torch.float64)
        for i in range(3):
            running = 0.9 * running + 0.1 * (batches[i][0][place] @ weight.T).mean(0)
        found = together.network.module(place)[1].running_mean
        torch.testing.assert_close(found, running, rtol=1e-10, atol=1e-10, msg=str(one))


def test_batches_hold_the_folds_rows_with_their_repeats():
    folds = prepared_folds()
    members = [member(n, seed=n + 5, fold=n, batch_size=7) for n in (2, 0)]
    batches = EpochBatches(members, folds, 3)
    assert [x.shape for x, _ in (batches[i] for i in range(len(batches)))] == [(2, 7, 5)] * 3 + [(2, 4, 5)]
    for place, one in enumerate(members):
        seen = torch.cat([batches[i][0][place] for i in range(len(batches))])
        targets = torch.cat([batches[i][1][place] for i in range(len(batches))])
        wanted = folds[one.fold].X[PARTS[one.fold]]
        assert torch.equal(seen[seen[:, 0].argsort()], wanted[wanted[:, 0].argsort()])
        assert sorted(targets.tolist()) == sorted(folds[one.fold].y[PARTS[one.fold]].tolist())
        for x, y in zip(seen, targets, strict=True):
            row = (x == folds[one.fold].X).all(1).nonzero()[0]
            assert folds[one.fold].y[row] == y


def test_a_resample_with_one_row_only():
    folds = [fold(rows=[6] * 20)]
    one = population([member(batch_size=6)])
    advance(one, folds, 1)
    x, y = EpochBatches(one.members, folds, 0)[0]
    assert torch.equal(x[0], folds[0].X[6].expand(6, -1))
    assert torch.equal(y[0], folds[0].y[6].expand(6))


@on_both_engines
def test_predictions_go_through_each_members_preprocessing(engine):
    folds = prepared_folds()
    members = [member(n, seed=n, fold=fold) for n, fold in enumerate((1, 0, 1, 2))]
    together = population(members, wide, engine)
    advance(together, folds, 1)
    rows = torch.tensor([44, 2, 2, 20])
    outputs = predict(together, folds, rows)
    assert outputs.shape == (4, 4, 1)
    assert not outputs.requires_grad
    for place, one in enumerate(members):
        module = together.network.module(place).eval()
        torch.testing.assert_close(outputs[place], module(folds[one.fold].X[rows]).detach(), rtol=1e-10, atol=1e-10)


def test_predicting_changes_nothing():
    folds = [fold()]
    one = population([member(1, seed=1), member(2, seed=2)], with_batch_norm)
    advance(one, folds, 1)
    before = {n: {k: v.clone() for k, v in state.items()} for n, state in weights(one).items()}
    predict(one, folds, torch.arange(41))
    assert_same(weights(one), before)


def test_many_rows_are_predicted_in_parts():
    count = ROWS_AT_ONCE + 3
    folds, sizes = [fold(count=count)], []
    one = population([member(1, seed=1), member(2, seed=2)])
    forward = one.network.forward
    one.network.forward = lambda parameters, x, train: sizes.append(x.shape[1]) or forward(parameters, x, train=train)
    outputs = predict(one, folds, torch.arange(count))
    assert sizes == [ROWS_AT_ONCE, 3]
    torch.testing.assert_close(outputs[1], one.network.module(1)(folds[0].X).detach(), rtol=1e-10, atol=1e-10)


def test_only_folds_in_use_are_stacked():
    folds = [fold(seed=n) for n in range(5)]
    view = FoldView(folds, [3, 1, 3])
    assert view.X.shape[0] == 2
    x, y = view.gather(torch.tensor([[0, 7], [7, 0], [4, 4]]))
    assert torch.equal(x[0], folds[3].X[[0, 7]])
    assert torch.equal(x[1], folds[1].X[[7, 0]])
    assert torch.equal(y[2], folds[3].y[[4, 4]])


def test_what_folds_share_is_not_copied():
    """Images are not scaled by fold, and labels are the same: one tensor for all."""
    first, second = fold(seed=1), fold(seed=2)
    folds = [
        Fold(first.X, y, torch.arange(start, start + 20)) for y, start in ((first.y, 0), (second.y, 9), (first.y, 20))
    ]
    view = FoldView(folds, [2, 0, 1, 0])
    assert view.X.data_ptr() == first.X.data_ptr()
    assert view.y.shape[0] == 2
    rows = torch.tensor([[1, 2], [3, 4], [5, 6], [0, 0]])
    x, y = view.gather(rows)
    assert torch.equal(x, first.X[rows])
    assert torch.equal(y, torch.stack([first.y[[1, 2]], first.y[[3, 4]], second.y[[5, 6]], first.y[[0, 0]]]))


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_what_folds_share_is_moved_once(device):
    first, second = fold(seed=1), fold(seed=2)
    changing = object()
    folds = [Fold(first.X, first.y, first.rows, changing), Fold(first.X, second.y, second.rows)]
    one, other = on_device(folds, torch.device(device))
    assert one.X is other.X
    assert one.y is not other.y
    assert {t.device.type for f in (one, other) for t in (f.X, f.y, f.rows)} == {device}
    assert one.changing is changing
    assert other.changing is None


@pytest.mark.parametrize(
    ("rows", "size", "sizes"),
    [
        (41, 8, [8, 8, 8, 8, 9]),
        (40, 8, [8] * 5),
        (42, 8, [8] * 5 + [2]),
        (5, 8, [5]),
        (1, 8, [1]),
        (9, 8, [9]),
        (3, 1, [1, 1, 1]),
    ],
)
def test_sizes_of_batches(rows, size, sizes):
    assert batch_sizes(rows, size) == sizes


@on_both_engines
def test_batch_norm_trains_where_one_row_is_left_over(engine):
    one = population([member(n, batch_size=8, seed=n) for n in (1, 2)], with_batch_norm, engine)
    assert not advance(one, [fold(count=33)], 2)
    assert weights(one)[1]["1.num_batches_tracked"] == 8
