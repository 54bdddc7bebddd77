"""Datasets and loaders: read once where their items stay the same, iterated while training where they do not."""

import random

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset
from train_examples import SQUARE, Make, member, plain, with_batch_norm

from losslab.data.dataset import Changing, from_dataset
from losslab.data.load import load
from losslab.train.assemble import Assembly
from losslab.train.batches import EpochBatches, Fold
from losslab.train.session import Session

X = torch.randn(30, 4, generator=torch.Generator().manual_seed(1))
Y = X[:, 0] - 0.5 * X[:, 2] + 0.25


class Items(Dataset):
    """Counts what is read."""

    def __init__(self, items=None):
        self.items = list(zip(X, Y, strict=True)) if items is None else items
        self.read = []

    def __len__(self):
        return len(self.items)

    def __getitem__(self, place):
        self.read.append(place)
        return self.items[place]


class Augmented(Items):
    """Its inputs are other ones each time they are read."""

    def __getitem__(self, place):
        x, y = super().__getitem__(place)
        return x + 0.01 * torch.randn(4), y


class Stream(IterableDataset):
    def __init__(self, items=None):
        self.passes = 0
        self.items = list(zip(X, Y, strict=True)) if items is None else items

    def __iter__(self):
        self.passes += 1
        return iter(self.items)


def train(table, engine="stacked", epochs=2, members=None):
    """Members on all rows of a table, as the search trains them."""
    fold = Fold(table.X, table.y, torch.arange(len(table.y)), table.changing)
    members = members or [member(n, lr=0.01 * n, seed=n) for n in (1, 2)]
    one = Session(Assembly(Make(plain), [fold], engine=engine), members)
    one.advance(epochs)
    return one


def test_a_dataset_whose_items_stay_the_same_is_read_once_and_sliced():
    data = Items()
    table = from_dataset(data)
    assert torch.equal(table.X, X)
    assert torch.equal(table.y, Y)
    assert table.task == "regression"
    assert table.name == "Items"
    assert table.changing is None
    assert table.notes[-1] == "Items: read into memory and sliced"
    reads = len(data.read)
    assert reads == 30 + 3
    train(table)
    assert len(data.read) == reads


def test_it_trains_as_the_arrays_do():
    table, arrays = from_dataset(Items()), load((X, Y))
    first, second = train(table), train(arrays)
    assert torch.equal(first.populations[0].network.flat, second.populations[0].network.flat)


def test_a_stream_is_read_once_in_its_order():
    data = Stream()
    table = from_dataset(data)
    assert data.passes == 1
    assert torch.equal(table.X, X)
    assert table.notes[-1] == "Stream: read into memory once, in the order that it gives"
    train(table)
    assert data.passes == 1


def test_a_loader_is_read_through_its_dataset_without_its_shuffling():
    data = Items()
    table = from_dataset(DataLoader(data, batch_size=7, shuffle=True))
    assert torch.equal(table.X, X)
    assert torch.equal(table.y, Y)
    assert data.read[:30] == list(range(30))
    stream = Stream()
    assert torch.equal(from_dataset(DataLoader(stream, batch_size=7)).X, X)
    assert stream.passes == 1


def test_load_takes_datasets_and_loaders():
    for data in (Items(), DataLoader(Items()), TensorDataset(X, Y)):
        assert torch.equal(load(data).X, X)
    assert load(TensorDataset(X, (Y > 0).long()), task="multiclass").task == "multiclass"


class TestAugmented:
    def test_it_is_said(self):
        table = from_dataset(Augmented())
        words = "Augmented: its items change each time they are read, so training rows are fetched one by one"
        assert table.notes[-1] == words
        assert isinstance(table.changing, Changing)
        assert len(table.changing) == 30

    def test_training_reads_each_row_in_each_epoch_and_evaluation_never(self):
        data = Augmented()
        table = from_dataset(data)
        members = [member(n, lr=0.01 * n, seed=1) for n in (1, 2)]  # one order for both
        data.read.clear()
        one = train(table, epochs=0, members=members)
        probe = len(data.read)
        one.advance(3)
        assert sorted(data.read[probe:]) == sorted(list(range(30)) * 3)
        assert data.read[probe : probe + 30] != data.read[probe + 30 : probe + 60]
        data.read.clear()
        first = one.predict(torch.arange(30))[0][1]
        assert data.read == []
        assert torch.equal(first, one.predict(torch.arange(30))[0][1])
        module = one.populations[0].network.module(0)
        torch.testing.assert_close(first[0], module(table.X).detach())

    def test_evaluation_never_reads_where_members_have_folds_of_their_own(self):
        data = Augmented()
        table = from_dataset(data)
        folds = [Fold(table.X, table.y, torch.arange(first, first + 20), table.changing) for first in (0, 10)]
        one = Session(Assembly(Make(plain), folds, engine="stacked"), [member(1), member(2, fold=1)])
        one.advance(1)
        data.read.clear()
        one.predict(torch.arange(30))
        assert data.read == []

    def test_training_inputs_are_fresh_and_targets_fixed(self):
        table = from_dataset(Augmented())
        fold = Fold(table.X, table.y, torch.arange(30), table.changing)
        members = [member(1, seed=1, batch_size=30), member(2, seed=2, batch_size=30)]
        for chosen in (members[:1], members):  # one order for all, and an order for each
            batches = EpochBatches(chosen, [fold], 0)
            (x, y), (again, same) = batches[0], batches[0]
            assert x.shape == (len(chosen), 30, 4)
            assert torch.equal(y, same)
            assert not torch.equal(x, again)
            for rows, targets in zip(x, y, strict=True):
                order = [int((table.y == target).nonzero()) for target in targets]
                assert sorted(order) == list(range(30))
                assert (rows - X[order]).abs().max() < 0.06
        assert not torch.equal(batches[0][0][0], batches[0][0][1])

    @pytest.mark.parametrize("engine", ["stacked", "single"])
    def test_it_learns(self, engine):
        table = from_dataset(Augmented())
        one = train(table, engine, epochs=30, members=[member(1, lr=0.05, seed=1), member(2, lr=0.02, seed=1)])
        for _, outputs in one.predict(torch.arange(30)):
            assert (((outputs[..., 0] - table.y) ** 2).mean(1) < 0.2 * table.y.var()).all()

    def test_all_members_of_a_seed_see_the_same_augmentation(self):
        table = from_dataset(Augmented())
        fold = Fold(table.X, table.y, torch.arange(30), table.changing)
        x, _ = EpochBatches([member(1, seed=1), member(2, "sgd", seed=1)], [fold], 0)[0]
        assert torch.equal(x[0], x[1])

    @pytest.mark.parametrize("draw", [torch.rand, lambda n: torch.tensor(np.random.rand(n)), lambda n: random.random()])
    def test_what_is_in_memory_comes_again_and_nothing_else_is_drawn(self, draw):
        class Noisy(Items):
            def __getitem__(self, place):
                x, y = super().__getitem__(place)
                return x + draw(4), y

        states, tables = [], []
        for seed in (1, 2):
            torch.manual_seed(seed), np.random.seed(seed), random.seed(seed)
            before = torch.rand(1).item(), np.random.rand(), random.random()
            torch.manual_seed(seed), np.random.seed(seed), random.seed(seed)
            tables.append(from_dataset(Noisy()))
            states.append((before, (torch.rand(1).item(), np.random.rand(), random.random())))
        assert all(before == after for before, after in states)
        assert torch.equal(tables[0].X, tables[1].X)
        assert tables[0].changing is not None
        assert tables[0].X.unique().numel() == 120


class NoLength(Dataset):
    def __getitem__(self, place):
        return X[place], Y[place]


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (Items([(X[0], Y[0]), X[1]]), ValueError, "item 1 of the dataset is a Tensor, not a pair (input, target)"),
        (Items([{"image": X[0]}] * 3), ValueError, "item 0 of the dataset is a dict, not a pair (input, target)"),
        (TensorDataset(X), ValueError, "item 0 of the dataset is a tuple of length 1, not a pair (input, target)"),
        (Items([(X[0], Y[0], 1)] * 3), ValueError, "item 0 of the dataset is a tuple of length 3, not a pair"),
        (Stream([(X[0], Y[0]), None]), ValueError, "item 1 of the dataset is a NoneType, not a pair (input, target)"),
        (Items([]), ValueError, "Items is empty"),
        (Stream([]), ValueError, "Stream is empty"),
        (NoLength(), TypeError, "NoLength has no length; give a map-style Dataset, an IterableDataset or (X, y)"),
        (
            Items([(X[0], Y[0]), (X[1, :3], Y[1])] * 4),
            ValueError,
            "the inputs of the dataset differ in shape: item 0 has (4,), item 1 has (3,)",
        ),
        (
            Items([(X[0], Y[0]), (X[1], Y[:2])] * 4),
            ValueError,
            "the targets of the dataset differ in shape: item 0 has (), item 1 has (2,)",
        ),
        (Items([("a", Y[0])] * 4), ValueError, "the input of item 0 of the dataset is a str, not numbers"),
        (Items([(X[0], "cat")] * 4), ValueError, "the target of item 0 of the dataset is a str, not numbers"),
        (Items([(X[0], None)] * 4), ValueError, "the target of item 0 of the dataset is a NoneType, not numbers"),
    ],
)
def test_wrong_items_are_named(data, kind, words):
    with pytest.raises(kind) as error:
        from_dataset(data)
    assert words in str(error.value)


@pytest.mark.parametrize(
    "items",
    [
        [(x.numpy(), float(y)) for x, y in zip(X, Y, strict=True)],
        [[x.tolist(), y] for x, y in zip(X, Y, strict=True)],
        [(x.double(), np.float64(y)) for x, y in zip(X, Y, strict=True)],
    ],
    ids=["arrays", "lists", "other types"],
)
def test_items_may_be_arrays_lists_and_numbers(items):
    table = from_dataset(Items(items))
    assert table.X.dtype == torch.float32
    torch.testing.assert_close(table.X, X)
    torch.testing.assert_close(table.y, Y)


def test_missing_numbers_are_no_augmentation():
    holes = X.clone()
    holes[1, 2] = torch.nan
    with pytest.raises(ValueError, match=r"NaN"):
        from_dataset(TensorDataset(holes, Y))


def test_images_keep_their_shape_and_are_not_scaled():
    images = torch.rand(40, 2, 5, 5) * 255
    table = from_dataset(TensorDataset(images, torch.arange(40) % 3))
    assert table.X.shape == (40, 2, 5, 5)
    assert not table.tabular
    assert (table.task, len(table.classes)) == ("multiclass", 3)


def test_one_dataset_of_each_kind_in_batch_norm(tmp_path):
    """The whole way with a checkpoint, buffers included."""
    table = from_dataset(Augmented())
    fold = Fold(table.X, table.y, torch.arange(30), table.changing)
    one = Session(Assembly(Make(with_batch_norm), [fold]), [member(1), member(2, seed=2)], checkpoint=tmp_path / "c.pt")
    assert one.advance(2) == []
    assert SQUARE.outputs == 1
