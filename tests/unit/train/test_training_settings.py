"""Schedules, clipping, penalties, mean weights, accumulation, row weights: each as torch does it, alone and stacked."""

from dataclasses import replace

import pytest
import torch
import torch_loop
from torch import nn
from train_examples import fold, member, plain, population, weights, with_batch_norm

from losslab.train.accumulate import parts
from losslab.train.batches import EpochBatches, Fold, step_sizes
from losslab.train.clip import Clip
from losslab.train.lookup import find_loss
from losslab.train.loop import advance
from losslab.train.member import Objective
from losslab.train.network import Single, Stacked
from losslab.train.objective import objective_of
from losslab.train.penalty import Penalty
from losslab.train.schedule import factor
from losslab.train.settings import SCHEDULES, Training, training_of
from losslab.train.weighted import weighted_mean

both_engines = pytest.mark.parametrize("engine", [Stacked, Single])
MSE = objective_of(find_loss("mse_loss", "regression"), 1)
EPOCHS = 3
PLAIN = fold()
WEIGHTED = replace(PLAIN, weight=torch.rand(41, generator=torch.Generator().manual_seed(8), dtype=torch.float64) * 3)


def one(number=0, optimizer="sgd", lr=0.05, **options):
    training = Training(**{name: options.pop(name) for name in list(options) if name in Training.__annotations__})
    return member(number, optimizer, lr, objective=MSE, training=training, epochs=EPOCHS, **options)


ALIKE = [  # of one batch size and accumulation, so that they share a stack
    one(1, "adam", 0.02, seed=3, schedule="cosine", warmup=0.2, ema=0.9),
    one(2, seed=4, schedule="one-cycle", l1=0.03, clip_norm=0.4),
    one(3, seed=5, schedule="step", clip_value=0.07, l2=0.4, hyper={"momentum": 0.8}),
    one(4, seed=5, l1=0.02, l2=0.3, ema=0.7, hyper={"momentum": 0.8}),
    one(5, seed=1, warmup=0.5, clip_norm=0.3, clip_value=0.1),
    one(6, "adam", 0.01, seed=3),
]


def with_conv(width):
    return nn.Sequential(nn.Unflatten(1, (1, 4)), nn.Conv1d(1, 3, 2), nn.Tanh(), nn.Flatten(), nn.Linear(9, width))


def trained(members, folds, engine=Stacked, build=plain, epochs=EPOCHS):
    stack = population(sorted(members, key=lambda m: m.family), build, engine)
    advance(stack, folds, epochs)
    return stack


def shown(stack):
    """member number -> the weights that predict, in one row."""
    flat = stack.network.flat if stack.average is None else stack.average.mean
    return {m.number: row for m, row in zip(stack.members, flat, strict=True)}


def flat_of(model):
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


@both_engines
@pytest.mark.parametrize("rows", [PLAIN, WEIGHTED], ids=["plain", "weighted"])
def test_every_member_is_what_torch_trains(engine, rows):
    stack = trained(ALIKE, [rows], engine)
    found, raw = shown(stack), {m.number: row for m, row in zip(stack.members, stack.network.flat, strict=True)}
    for own in ALIKE:
        model, mean = torch_loop.train(own, rows, EPOCHS)
        torch.testing.assert_close(raw[own.number], flat_of(model), rtol=1e-8, atol=1e-9)
        torch.testing.assert_close(found[own.number], flat_of(mean or model), rtol=1e-8, atol=1e-9)


@both_engines
@pytest.mark.parametrize("several", [2, 3])
@pytest.mark.parametrize("rows", [PLAIN, WEIGHTED], ids=["plain", "weighted"])
def test_accumulation_is_what_torch_does_over_the_global_weight(engine, several, rows):
    members = [replace(m, training=replace(m.training, accumulate=several)) for m in ALIKE[:3]]
    found = trained(members, [rows], engine)
    for own, row in zip(found.members, found.network.flat, strict=True):
        model, _ = torch_loop.train(own, rows, EPOCHS)
        torch.testing.assert_close(row, flat_of(model), rtol=1e-8, atol=1e-9)


@both_engines
def test_accumulated_batches_equal_one_large_one(engine):
    """Of unequal sizes and weights, so that a mean of means would differ."""
    rows = replace(WEIGHTED, rows=torch.arange(37))
    small = trained([one(1, batch_size=8, accumulate=2)], [rows], engine)
    large = trained([one(1, batch_size=16)], [rows], engine)
    assert [len(EpochBatches(p.members, [rows], 0)) for p in (small, large)] == [3, 3]
    torch.testing.assert_close(small.network.flat, large.network.flat, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(small.last_loss, large.last_loss)
    torch.testing.assert_close(small.last_weight, large.last_weight)


def test_each_accumulated_batch_draws_numbers_of_its_own():
    """Of a member that runs by itself; the first batch draws what a step of that batch alone would."""
    network = Single([plain(1)])
    network.keys = [11]
    x, y = torch.zeros(1, 7, 2), torch.zeros(1, 7)
    seen = [list(network.keys) for _ in parts(network, 3, x, y, None)]
    assert seen[0] == [11] == network.keys
    assert len({one for (one,) in seen}) == 2 == len(seen)


@pytest.mark.parametrize(("count", "several", "sizes"), [(41, 2, [16, 16, 9]), (33, 2, [16, 17]), (20, 9, [20])])
def test_the_last_step_has_the_batches_that_are_left(count, several, sizes):
    assert step_sizes(count, one(batch_size=8, accumulate=several)) == sizes


@both_engines
def test_ignored_rows_count_in_no_denominator(engine):
    """`(value, weight)` of a rule: the weight of both batches divides, not the mean of two means."""

    def rule(input, target):
        keep = (target > 0).to(input.dtype)
        return (input.squeeze(-1) - target) ** 2 * keep, keep

    def mean(output, target):
        value, weight = rule(output, target)
        return value.sum() / weight.sum()

    def weighted(output, target, rows):
        return weighted_mean("ignoring", *rule(output, target), rows, len(output))

    objective = Objective("ignoring", mean, 1, "identity", weighted)
    small = trained([replace(one(1, batch_size=7, accumulate=3), objective=objective)], [PLAIN], engine)
    large = trained([replace(one(1, batch_size=21), objective=objective)], [PLAIN], engine)
    torch.testing.assert_close(small.network.flat, large.network.flat, rtol=1e-10, atol=1e-12)


@both_engines
@pytest.mark.parametrize("name", ["mse_loss", "huber_loss", "log_cosh_loss"])
def test_a_row_of_weight_zero_is_absent(engine, name):
    objective = objective_of(find_loss(name, "regression"), 1)
    weight = torch.ones(41, dtype=torch.float64)
    weight[[3, 17, 30]] = 0
    out = replace(PLAIN, rows=torch.tensor([r for r in range(41) if weight[r]]))
    spoiled = replace(PLAIN, weight=weight, y=torch.where(weight == 0, 1e3, PLAIN.y))
    first = trained([replace(one(1, batch_size=64), objective=objective)], [spoiled], engine, epochs=1)
    second = trained([replace(one(1, batch_size=64), objective=objective)], [out], engine, epochs=1)
    torch.testing.assert_close(first.network.flat, second.network.flat, rtol=1e-10, atol=1e-12)


@both_engines
def test_members_see_the_weights_of_their_own_folds(engine):
    folds = [PLAIN, WEIGHTED, replace(PLAIN, weight=WEIGHTED.weight.flip(0))]
    members = [one(n, seed=n, fold=n) for n in range(3)]
    stack = trained(members, folds, engine)
    for own, row in zip(stack.members, stack.network.flat, strict=True):
        model, _ = torch_loop.train(own, folds[own.fold], EPOCHS)
        torch.testing.assert_close(row, flat_of(model), rtol=1e-8, atol=1e-9)


def test_a_loss_of_several_columns_weighs_rows():
    value = torch.tensor([[1.0, 3.0], [2.0, 8.0]])
    mean, counted = weighted_mean("wide", value, None, torch.tensor([0.5, 2.0]), 2)
    assert mean.item() == pytest.approx((0.5 * 4 + 2 * 10) / 5)
    assert counted.item() == 5


@pytest.mark.parametrize("lift", [True, False])
def test_a_users_own_loss_may_be_weighted_by_row_but_not_when_it_reduces_itself(lift):
    def each(input, target):
        return (input - target).squeeze(-1).abs()

    engine = Stacked if lift else Single
    own = objective_of(find_loss(each, "regression"), 1)
    known = objective_of(find_loss("l1_loss", "regression"), 1)
    found = [trained([replace(one(1), objective=o)], [WEIGHTED], engine).network.flat for o in (own, known)]
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-12)
    reduced = objective_of(find_loss(nn.L1Loss(), "regression"), 1)
    with pytest.raises(ValueError, match=r'L1Loss gives a tensor of shape \(\) for 8 rows.*reduction="none"'):
        trained([replace(one(1), objective=reduced)], [WEIGHTED], engine)
    small = trained([replace(one(1, batch_size=7, accumulate=3), objective=reduced)], [PLAIN], engine)
    large = trained([replace(one(1, batch_size=21), objective=known)], [PLAIN], engine)
    torch.testing.assert_close(small.network.flat, large.network.flat, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("warmup", [0.0, 0.13, 0.5])
@pytest.mark.parametrize("total", [1, 2, 3, 10, 31])
def test_schedules_are_torchs_step_by_step(schedule, warmup, total):
    rising = round(warmup * total)
    if schedule == "one-cycle" and (rising or total == 1):
        pytest.skip("a one-cycle begins at a 25th of the rate, to which the warm-up leads: tested below")
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.4)
    if rising == total:
        pytest.skip("nothing is left after the warm-up")
    torchs = torch_loop.scheduler(optimizer, Training(schedule=schedule, warmup=warmup), total)
    wanted = []
    for _ in range(total):
        wanted.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        torchs.step()
    found = 0.4 * factor(schedule, warmup, torch.arange(total).double(), total)
    torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float64), rtol=1e-9, atol=1e-12)


def test_a_warm_up_leads_to_where_the_schedule_begins():
    found = factor("one-cycle", 0.3, torch.arange(10).double(), 10)
    torch.testing.assert_close(found[:4], torch.tensor([1, 2, 3, 4]).double() / 4 / 25)
    assert found[4:].max() > 0.9
    assert found[-1] == pytest.approx(1 / 25e4)


def test_a_schedule_follows_the_members_own_number_of_epochs():
    """Two members of one stack whose trainings have another length: each decays over its own."""
    short, long = one(1, schedule="cosine"), replace(one(2, schedule="cosine"), epochs=7)
    stack = trained([short, long], [PLAIN], epochs=2)
    for own, row in zip(stack.members, stack.network.flat, strict=True):
        model, _ = torch_loop.train(own, PLAIN, 2)
        torch.testing.assert_close(row, flat_of(model), rtol=1e-8, atol=1e-9)


def test_a_schedule_without_an_end_is_refused():
    with pytest.raises(ValueError, match=r"schedule='cosine' needs to know how many epochs"):
        trained([replace(one(1, schedule="cosine"), epochs=0)], [PLAIN])


def test_members_that_are_dropped_leave_the_others_as_they_were():
    alone = {m.number: shown(trained([m], [PLAIN]))[m.number] for m in ALIKE}
    stack = population(sorted(ALIKE, key=lambda m: m.family))
    advance(stack, [PLAIN], 1)
    stack.keep([place for place, m in enumerate(stack.members) if m.number != 3])
    advance(stack, [PLAIN], 2)
    stack.keep([place for place, m in enumerate(stack.members) if m.number in (1, 5)])
    advance(stack, [PLAIN], 3)
    for number, row in shown(stack).items():
        torch.testing.assert_close(row, alone[number], rtol=1e-8, atol=1e-9)


def test_a_penalty_has_gradient_zero_at_zero_and_leaves_biases_out():
    stack = population([one(1, l1=0.3, l2=0.2)], with_batch_norm)
    flat = torch.full_like(stack.network.flat, -2.0)
    flat[0, 0] = 0.0
    gradient = Penalty.of(stack.members, stack.network.layout, flat).gradient(flat)
    start = 0
    for size, shape in zip(stack.network.layout.sizes, stack.network.layout.shapes, strict=True):
        part = gradient[0, start : start + size]
        start += size
        wanted = torch.full_like(part, -0.3 - 0.4 if len(shape) > 1 else 0.0)
        if start == size:
            wanted[0] = 0.0
        torch.testing.assert_close(part, wanted)


def test_clipping_by_hand():
    clip = Clip.of([one(1, clip_norm=2.5), one(2, clip_value=1.5), one(3)], torch.zeros(3, 2))
    gradient = torch.tensor([[3.0, -4.0], [3.0, -4.0], [3.0, -4.0]])
    wanted = torch.tensor([[1.5, -2.0], [1.5, -1.5], [3.0, -4.0]])
    torch.testing.assert_close(clip(gradient), wanted, rtol=1e-6, atol=1e-6)


class Asks(nn.Module):
    """Notes in which type its layer computes."""

    seen: list[torch.dtype] = []  # noqa: RUF012 (copies of the module write into one list)

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, x):
        out = self.layer(x)
        Asks.seen.append(out.dtype)
        return out


@both_engines
@pytest.mark.parametrize("several", [1, 2])
def test_autocast_computes_the_forward_pass_in_bfloat16(engine, several):
    Asks.seen = []
    rows = fold(dtype=torch.float32)
    members = [one(n, seed=n, autocast="bfloat16", accumulate=several) for n in (1, 2)]
    stack = population(members, lambda width: Asks(), engine, torch.float32)
    advance(stack, [rows], EPOCHS)
    assert set(Asks.seen) == {torch.bfloat16}
    assert stack.network.flat.dtype == stack.last_loss.dtype == torch.float32
    Asks.seen = []
    exact = population(
        [replace(m, training=Training(accumulate=several)) for m in members],
        lambda width: Asks(),
        engine,
        torch.float32,
    )
    advance(exact, [rows], EPOCHS)
    assert set(Asks.seen) == {torch.float32}
    gap = (stack.network.flat - exact.network.flat).abs().max().item()
    assert 1e-6 < gap < 0.02


@both_engines
@pytest.mark.parametrize("build", [plain, with_conv])
def test_a_gradient_in_bfloat16_is_that_of_torchs_autocast(engine, build):
    """One step from the same state; a number has 8 bits, and a stack adds up in another order."""
    rows = fold(dtype=torch.float32)
    own = one(1, seed=3, autocast="bfloat16", batch_size=41)
    stack = population([own, replace(own, number=2, seed=4)], build, engine, torch.float32)
    model = stack.network.module(0)
    order = EpochBatches([own], [rows], 0).rows[0]
    with torch.autocast("cpu", torch.bfloat16):
        output = model(rows.X[order])
    ((output.float().squeeze(-1) - rows.y[order]) ** 2).mean().backward()
    wanted = torch.cat([p.detach().reshape(-1) - 0.05 * p.grad.reshape(-1) for p in model.parameters()])
    advance(stack, [rows], 1)
    step = (wanted - flat_of(model)).abs().max().item()
    torch.testing.assert_close(stack.network.flat[0], wanted, rtol=0, atol=2**-6 * step)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"schedule": "cosin"}, r"schedule must be one of 'constant', .* did you mean 'cosine'"),
        ({"autocast": "float16"}, "autocast must be one of '', 'bfloat16'; got 'float16'"),
        ({"warmup": 1.0}, r"warmup must be in \[0, 1\); got 1"),
        ({"ema": -0.1}, r"ema must be in \[0, 1\)"),
        ({"clip_norm": float("inf")}, "clip_norm must be finite and not negative; got inf"),
        ({"l1": float("nan")}, "l1 must be finite"),
        ({"patience": 2.5}, "patience must be a whole number of at least 0; got 2.5"),
        ({"accumulate": 0}, "accumulate must be a whole number of at least 1; got 0"),
        ({"l2": [0.1, 0.2]}, r"l2=\[0.1, 0.2\]: losslab.fit trains once.* losslab.tune\(..., l2=...\)"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_words(given, words):
    with pytest.raises(ValueError, match=words):
        training_of(given)
    with pytest.raises(TypeError, match=r"l1 must be a number, got '0.1'"):
        Training(l1="0.1")


def test_settings_are_told_from_other_keywords():
    training, rest = training_of({"schedule": "cosine", "momentum": 0.9, "ema": None})
    assert training == Training(schedule="cosine")
    assert rest == {"momentum": 0.9}


def test_examples_differ_in_what_they_test():
    assert len({m.training for m in ALIKE}) == len(ALIKE)
    assert isinstance(WEIGHTED, Fold)
    assert weights(trained(ALIKE[:2], [PLAIN])).keys() == {1, 2}
