"""The range test of learning rates: what it suggests and why, and that everything is as it was afterwards."""

import copy
import math
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import losslab
from losslab.train.lr_find import smooth, suggest

DRAW = torch.Generator().manual_seed(0)
X = torch.randn(400, 5, generator=DRAW)
Y = (X @ torch.randn(5, 1, generator=DRAW)).sin()
MSE = nn.functional.mse_loss


def net():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(5, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))


def trained(optimizer=torch.optim.AdamW, **options):
    """A model in the middle of its training, with gradients and a frozen layer in evaluation mode."""
    model = net()
    chosen = optimizer([{"params": model[0].parameters(), "lr": 0.001}, {"params": model[4].parameters()}], **options)
    for _ in range(3):
        chosen.zero_grad()
        MSE(model(X), Y).backward()
        chosen.step()
    model[1].eval()
    return model, chosen


def everything(model, optimizer, loader=None):
    facts = {
        "weights": model.state_dict(), "optimizer": optimizer.state_dict(),
        "modes": [module.training for module in model.modules()],
        "gradients": [p.grad for p in model.parameters()], "torch": torch.get_rng_state(),
        "numpy": np.random.get_state()[1].tolist(), "python": random.getstate(),
        "loader": None if loader is None else loader.generator.get_state(),
    }  # fmt: skip
    return copy.deepcopy(facts)


def assert_equal(one, other):
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_equal(one[name], other[name])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_equal(a, b)
    else:
        assert one == other


@pytest.mark.parametrize(
    ("optimizer", "options"), [(torch.optim.AdamW, {}), (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9})]
)
def test_everything_is_as_it_was(optimizer, options):
    model, chosen = trained(optimizer, **options)
    loader = DataLoader(TensorDataset(X, Y), 32, shuffle=True, generator=torch.Generator().manual_seed(9))
    before, same = everything(model, chosen, loader), [id(p) for p in model.parameters()]
    found = losslab.lr_find(
        model, loader, loss=lambda output, target: MSE(output, target) + 0 * len(list(model.train().parameters())),
        optimizer=chosen, steps=30,
    )  # fmt: skip
    assert len(set(found.losses)) > 20
    assert_equal(everything(model, chosen, loader), before)
    assert [id(p) for p in model.parameters()] == same


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_everything_is_as_it_was_when_a_step_raises(error):
    model, chosen = trained()
    before, calls = everything(model, chosen), []

    def failing(output, target):
        calls.append(random.random() + np.random.rand())
        if len(calls) == 5:
            raise error("here")
        return MSE(output, target)

    with pytest.raises(error, match="here"):
        losslab.lr_find(model, (X, Y), loss=failing, optimizer=chosen)
    assert_equal(everything(model, chosen), before)


def test_an_optimizer_that_has_not_stepped_has_no_state_afterwards():
    model = net()
    chosen = torch.optim.Adam(model.parameters(), lr=0.5)
    losslab.lr_find(model, (X, Y), loss=MSE, optimizer=chosen, steps=5)
    assert not chosen.state
    assert chosen.param_groups[0]["lr"] == 0.5
    assert all(p.grad is None for p in model.parameters())


def test_rates_grow_by_one_factor_and_groups_keep_their_shares():
    seen = []

    class Watched(torch.optim.SGD):
        def step(self, closure=None):
            seen.append([group["lr"] for group in self.param_groups])
            return super().step(closure)

    model = net()
    chosen = Watched([{"params": model[0].parameters(), "lr": 0.02}, {"params": model[4].parameters()}], lr=0.1)
    found = losslab.lr_find(model, (X, Y), loss=MSE, optimizer=chosen, low=1e-6, high=1e-4, steps=5)
    expected = [1e-6, 10**-5.5, 1e-5, 10**-4.5, 1e-4]
    assert found.lrs == pytest.approx(expected)
    assert [pair[1] for pair in seen] == pytest.approx(expected)
    assert [pair[0] for pair in seen] == pytest.approx([lr / 5 for lr in expected])


def test_a_quadratic_diverges_beyond_its_curvature_and_the_suggestion_lies_below():
    """Gradient descent on (w - t)^2 / 2 grows beyond a rate of 2; with t of 0 and 1 in turn it never comes to rest."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 5.0)
    turns = [(torch.ones(1, 1), torch.zeros(1, 1)), (torch.ones(1, 1), torch.ones(1, 1))]
    found = losslab.lr_find(
        model, turns, loss=lambda o, t: (o - t).square().sum() / 2, optimizer=torch.optim.SGD, low=1e-4, high=100
    )
    assert len(found.losses) < 100
    assert 2 < found.lrs[-1] < 20
    assert 0.005 < found.suggestion < 0.5
    assert f"diverges at {found.lrs[-1]:.2g}" in found.reason
    assert str(found).startswith(f"learning rate {found.suggestion:.2g}: ")
    assert found.table[1] == {"lr": found.lrs[1], "loss": found.losses[1], "smoothed": found.smoothed[1]}


def test_the_same_seed_gives_the_same_test():
    one, two = (losslab.lr_find(net(), (X, Y), loss=MSE, steps=25, seed=4) for _ in range(2))
    assert one == two


RATES = [10 ** (i / 10) for i in range(-60, 0)]


def judged(losses, stopped=False):
    rates = RATES[: len(losses)]
    return suggest(rates, losses, smooth(losses), stopped=stopped)


def test_the_suggestion_is_the_middle_of_the_steepest_fall():
    losses = [1.0] * 20 + [1 - 0.1 * i for i in range(1, 11)] + [0.0] * 30
    suggestion, reason = judged([value + 0.5 for value in losses])
    assert RATES[23] <= suggestion <= RATES[26]  # the fall is from step 20 to step 30
    assert "has not diverged" in reason


@pytest.mark.parametrize(
    ("losses", "stopped", "words"),
    [
        ([1.0] * 60, False, "flat|lowest at the start"),
        ([1 - 0.0005 * i for i in range(60)], False, "flat up to"),
        ([1.0] * 5 + [9.0, math.nan], True, "diverged after 7 steps"),
        ([1.0] * 12, False, "12 steps are too few"),
        ([1 + 0.1 * i for i in range(60)], False, "lowest at the start"),
        ([1 + 0.9 * (-1) ** i - 0.002 * i for i in range(60)], False, "scatters"),
    ],
)
def test_no_suggestion_says_why(losses, stopped, words):
    suggestion, reason = judged(losses, stopped)
    assert suggestion is None
    assert any(word in reason for word in words.split("|"))


def test_smoothing_by_hand():
    losses = [float(i == 6) * 11 for i in range(13)]
    expected = [0, 11 / 7, 11 / 8, 11 / 9, 11 / 10, 1, 1, 1, 11 / 10, 11 / 9, 11 / 8, 11 / 7, 0]
    assert smooth(losses) == pytest.approx(expected)


def test_the_figure_is_saved(tmp_path):
    path = losslab.lr_find(net(), (X, Y), loss=MSE, steps=30).save(tmp_path / "lr.png")
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"model": "mlp"}, TypeError, "model is a str"),
        ({"model": nn.Flatten()}, ValueError, "no parameter"),
        ({"low": 1.0, "high": 0.1}, ValueError, "1.0 to 0.1"),
        ({"steps": 1}, ValueError, "steps is 1"),
        ({"data": 3}, TypeError, "data is a int"),
        ({"data": []}, ValueError, "no batch"),
        ({"data": [X]}, TypeError, "gives a Tensor"),
        ({"data": (X, Y[:3])}, ValueError, "400 rows of inputs and 3 targets"),
        ({"loss": lambda output, target: (output - target).square()}, TypeError, "one number"),
    ],
)
def test_what_cannot_be_is_said_in_words(given, kind, words):
    arguments = {"model": net(), "data": (X, Y), "loss": MSE, **given}
    with pytest.raises(kind, match=words):
        losslab.lr_find(arguments.pop("model"), arguments.pop("data"), **arguments)


def test_a_loss_may_be_named():
    torch.manual_seed(0)
    X, y = torch.randn(64, 3), torch.randint(3, (64,))
    model = nn.Linear(3, 3)
    named = losslab.lr_find(model, (X, y), loss="cross_entropy", steps=25)
    torchs = losslab.lr_find(model, (X, y), loss=nn.CrossEntropyLoss(), steps=25)
    assert named.losses == pytest.approx(torchs.losses, rel=1e-4)
    with pytest.raises(ValueError, match="no loss 'cross_entrpy'; nearest: cross_entropy"):
        losslab.lr_find(model, (X, y), loss="cross_entrpy")
