"""One order of rows for each (seed, fold, epoch), the same for every loss and whoever else trains."""

import pytest
import torch
from train_examples import SQUARE, fold, mean_square, member, population

from losslab.train.batches import EpochBatches, epoch_order
from losslab.train.loop import advance
from losslab.train.member import Member, Objective, key

FOLDS = [fold(rows=range(30)), fold(rows=range(10, 40))]


def rows_of(members, epoch=0):
    """(K, n): the row that each member sees, place by place, read back from the inputs."""
    batches = EpochBatches(members, FOLDS, epoch)
    seen = torch.cat([batches[i][0] for i in range(len(batches))], dim=1)
    return torch.stack([(own[:, None] == FOLDS[0].X[None]).all(-1).int().argmax(1) for own in seen])


def test_an_order_is_a_permutation_of_the_folds_rows():
    order = epoch_order(FOLDS[1], 3, 1, 0)
    assert order.tolist() != FOLDS[1].rows.tolist()
    assert sorted(order.tolist()) == FOLDS[1].rows.tolist()


def test_orders_are_the_same_for_all_losses_optimisers_and_rates():
    other = Objective("other", lambda output, target: 3 * mean_square(output, target), 1, "identity")
    members = [member(1, seed=4), member(2, "sgd", 0.1, objective=other, seed=4), member(8, seed=5), member(9, seed=4)]
    rows = rows_of(members)
    assert torch.equal(rows[0], rows[1])
    assert torch.equal(rows[0], rows[3])
    assert not torch.equal(rows[0], rows[2])


@pytest.mark.parametrize(("seed", "number"), [(5, 0), (4, 1)])
def test_orders_differ_between_seeds_and_folds(seed, number):
    assert not torch.equal(epoch_order(FOLDS[0], 4, 0, 0), epoch_order(FOLDS[0], seed, number, 0))
    rows = rows_of([member(1, seed=4), member(2, seed=seed, fold=number)])
    assert not torch.equal(rows[0], rows[1])


def test_orders_differ_between_epochs_and_come_again():
    orders = [epoch_order(FOLDS[0], 4, 0, epoch).tolist() for epoch in range(20)]
    assert len({tuple(order) for order in orders}) == 20
    assert orders == [epoch_order(FOLDS[0], 4, 0, epoch).tolist() for epoch in range(20)]
    assert rows_of([member(seed=4)], epoch=7)[0].tolist() == orders[7]


def test_orders_do_not_depend_on_who_trains_beside():
    others = [member(2, seed=9), member(3, seed=4, fold=1), member(4, seed=1)]
    alone = rows_of([member(1, seed=4)])[0]
    assert torch.equal(rows_of([member(1, seed=4), *others])[0], alone)
    assert torch.equal(rows_of([*others, member(1, seed=4)])[3], alone)


def test_orders_do_not_depend_on_the_process_s_random_numbers():
    torch.manual_seed(1)
    first = epoch_order(FOLDS[0], 4, 0, 0)
    torch.manual_seed(2)
    assert torch.equal(first, epoch_order(FOLDS[0], 4, 0, 0))


def test_an_order_is_pinned():
    """A change of the order changes every result that was written down: it must not come unseen."""
    assert epoch_order(fold(count=10), 0, 0, 0).tolist() == [8, 6, 0, 5, 9, 4, 7, 2, 1, 3]
    assert key("order", 0, 0, 0) != key("order", 0, 0, 1)


def test_training_uses_a_new_order_in_each_epoch():
    seen = []

    def watched(output, target):
        seen.append(target.tolist())
        return mean_square(output, target)

    one = population([member(seed=4, batch_size=30, objective=Objective("watched", watched, 1, "identity"))])
    one.lift_losses = False
    advance(one, FOLDS, 3)
    wanted = [FOLDS[0].y[epoch_order(FOLDS[0], 4, 0, epoch)].tolist() for epoch in range(3)]
    assert seen == wanted


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("a", 1), ("a", 1), True),
        (("a", 1), ("a", 11), False),
        (("a", 1, 12), ("a", 11, 2), False),
        (("a", 1), ("b", 1), False),
        ((1, 2), (2, 1), False),
        ((1,), ("1",), False),
    ],
)
def test_a_key_depends_on_every_part(one, other, same):
    assert (key(*one) == key(*other)) is same
    assert 0 <= key(*one) < 2**63


def test_a_family_joins_what_can_be_computed_in_one_call():
    one = Member(1, SQUARE, {"a": 1.0}, "adam", {"lr": 0.1}, {"amsgrad": True}, seed=3)
    assert one.family == Member(2, SQUARE, {"a": 2.0}, "adam", {"lr": 0.2}, {"amsgrad": True}, seed=4, fold=1).family
    for other in (
        Member(2, SQUARE, {}, "adam", {"lr": 0.1}, {"amsgrad": True}),
        Member(2, SQUARE, {"a": 1.0}, "adamw", {"lr": 0.1}, {"amsgrad": True}),
        Member(2, SQUARE, {"a": 1.0}, "adam", {"beta1": 0.1}, {"amsgrad": True}),
        Member(2, SQUARE, {"a": 1.0}, "adam", {"lr": 0.1}),
        Member(2, Objective("x", mean_square, 1, "identity"), {"a": 1.0}, "adam", {"lr": 0.1}, {"amsgrad": True}),
    ):
        assert other.family != one.family
