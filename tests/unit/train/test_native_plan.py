"""What is read as a plan, what is not and why, and how long a native call is."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from train_examples import SQUARE, assembly, fold, member, population, with_batch_norm

from losslab.catalog import CATALOGUE
from losslab.models.named import named
from losslab.spec.interval import Interval
from losslab.train import probe
from losslab.train.batches import Fold
from losslab.train.native import epochs, fits
from losslab.train.native.epochs import AT_MOST, chunk
from losslab.train.native.fits import why_not
from losslab.train.native.network import Native
from losslab.train.native.plan import plan
from losslab.train.objective import kernel_of_loss, objective_of
from losslab.train.settings import Training

MSE = objective_of(CATALOGUE["mse_loss"], 1)


class Own(nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.first, self.second, self.own = nn.Linear(4, 3), nn.Linear(3, 3), forward

    def forward(self, x):
        return self.own(self, x)


def hooked():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    model[1].register_forward_hook(lambda *_: None)
    return model


def tied():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    return model


def frozen():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 1))
    model[0].bias.requires_grad_(False)
    return model


UNREADABLE = {
    "layer 1.0 (Conv1d) is unknown to the native engine": lambda: nn.Sequential(
        nn.ReLU(), nn.Sequential(nn.Conv1d(1, 1, 1))
    ),
    "layer 1 (ReLU) has a hook": hooked,
    "its parameters '0.weight' and '1.weight' are one": tied,
    "its parameter '0.bias' is frozen": frozen,
    "its parameter '0.weight' is float16": lambda: nn.Sequential(nn.Linear(4, 1)).half(),
    "(BatchNorm1d) has momentum=None": lambda: nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2, momentum=None)),
    "layer 1 (LeakyReLU) has the slope -0.2 below 0": lambda: nn.Sequential(nn.Linear(4, 2), nn.LeakyReLU(-0.2)),
    "calls leaky_relu with these arguments": lambda: Own(lambda s, x: nn.functional.leaky_relu(s.first(x), -0.2)),
    "keeps no running statistics": lambda: nn.Sequential(nn.BatchNorm1d(2, track_running_stats=False)),
    "layer 1 (Linear) takes 5 features and is given 3": lambda: nn.Sequential(nn.Linear(4, 3), nn.Linear(5, 1)),
    "cannot be traced": lambda: Own(lambda s, x: s.first(x) if x.sum() > 0 else s.first(-x)),
    "another one in training": lambda: Own(lambda s, x: s.first(x) if s.training else torch.relu(s.first(x))),
    "calls softmax, which is unknown to the native engine": lambda: Own(lambda s, x: torch.softmax(s.first(x), -1)),
    "calls mul": lambda: Own(lambda s, x: 2 * s.first(x)),
    "its parameter 'second.weight' is used twice": lambda: Own(lambda s, x: s.second(s.second(s.first(x)))),
    "uses its tensor 'first.bias'": lambda: Own(lambda s, x: s.first(x) + s.first.bias),
    "gives something else than one tensor": lambda: Own(lambda s, x: (s.first(x), x)),
}


@pytest.mark.parametrize("reason", UNREADABLE)
def test_what_cannot_be_read_is_said(reason):
    found = plan(UNREADABLE[reason]())
    assert reason in found.why_not
    assert str(found) == f"not native: {found.why_not}"
    assert found.layers == ()


def test_a_model_as_a_list():
    found = plan(named("resmlp:6,1", 5, {1: 4})(3))
    assert str(found).splitlines() == [
        "native: 5 features to 3 outputs in 14 layers", "   0  select 5 to 4", "   1  select 5 to 1",
        "   2  embedding of 4 levels in 3", "   3  concat 4 to 7", "   4  linear 7 to 6", "   5  layer norm 6",
        "   6  linear 6 to 12", "   7  relu 12", "   8  dropout 0 12", "   9  linear 12 to 6", "  10  add 6",
        "  11  layer norm 6", "  12  relu 6", "  13  linear 6 to 3",
    ]  # fmt: skip
    assert [layer.source for layer in found.layers] == [0, 0, 2, 1, 4, 5, 6, 7, 8, 9, 5, 11, 12, 13]
    assert found.layers[10].other == 10
    assert found.layers[3].other == 3


def test_a_layer_in_place_changes_what_others_see():
    found = plan(Own(lambda s, x: (lambda h: torch.relu_(h) + s.second(h))(s.first(x))))
    assert [(layer.kind, layer.source, layer.other) for layer in found.layers] == [
        ("linear", 0, -1), ("relu", 1, -1), ("linear", 2, -1), ("add", 2, 3)
    ]  # fmt: skip


def test_a_layer_that_comes_again_is_read_again():
    again = nn.ReLU()
    found = plan(nn.Sequential(nn.Linear(4, 3), again, nn.Linear(3, 3), again, nn.Linear(3, 1)))
    assert [layer.kind for layer in found.layers] == ["linear", "relu", "linear", "relu", "linear"]


def test_one_column_may_lose_its_dimension():
    assert plan(Own(lambda s, x: s.second(s.first(x))[:, 0])).column
    assert not plan(nn.Linear(4, 1)).column
    with pytest.raises(TypeError, match=r"plan: an nn\.Module is wanted; got str"):
        plan("mlp")


def reason(monkeypatch, members, folds, build=None):
    monkeypatch.setattr(fits, "why_not_here", lambda: "")
    monkeypatch.setattr(fits, "_families", lambda members: "")
    model = (build or (lambda width: nn.Linear(4, width)))(1).to(folds[0].X.dtype)
    return why_not(plan(model), members, folds, folds[0].X.dtype, "cpu")


def test_what_training_is_not_native_is_said(monkeypatch):
    one, plain = member(objective=MSE), fold()
    assert reason(monkeypatch, [one], [plain]) == ""
    several = member(objective=MSE, training=Training(accumulate=2))
    assert reason(monkeypatch, [several], [plain]) == "a step accumulates several batches"
    low = member(objective=MSE, training=Training(autocast="bfloat16"))
    assert reason(monkeypatch, [low], [plain]) == "it trains in bfloat16"
    changing = Fold(plain.X, plain.y, plain.rows, changing=plain.X)
    assert "inputs change" in reason(monkeypatch, [one], [changing])
    assert "batch norm cannot train" in reason(monkeypatch, [one], [fold(rows=[3])], with_batch_norm)
    assert "given 2 targets for 1 outputs" in reason(monkeypatch, [one], [Fold(plain.X, plain.X[:, :2], plain.rows)])
    labels = member(objective=objective_of(CATALOGUE["cross_entropy"], 3))
    assert "other targets than classes from 0 to 0" in reason(
        monkeypatch, [labels], [Fold(plain.X, plain.rows, plain.rows)]
    )


def test_losses_and_rules_without_a_kernel_are_named(monkeypatch):
    monkeypatch.setattr(fits, "why_not_here", lambda: "")
    assert fits._families([member()]) == "square has no compiled kernel"
    monkeypatch.setattr(fits, "kernel_of_loss", lambda objective: 1)
    assert fits._families([member(optimizer="muon")]) == "muon has no compiled kernel"
    assert fits.kernel_of_loss(SQUARE) == 1


def test_native_that_is_asked_for_and_cannot_be():
    with pytest.raises(ValueError, match=r"engine='native' was asked for, but it is not native: .*; use engine='auto'"):
        assembly([fold()], engine="native").plans([member()])


def test_a_network_that_is_not_native_trains_stacked():
    one = population([member(), member(1, lr=0.1)], engine=Native)
    assert epochs.Epochs.of(one, [fold()]) is None


def test_output_says_why_not():
    several = [
        probe.Choice(probe.Stacked, "probe", ratio=4.0, not_native="layer 0 (Conv2d) is unknown to the native engine")
    ] * 2
    assert probe.said(several) == (
        "stacked (probe: 4x one after the other); not native: layer 0 (Conv2d) is unknown to the native engine"
    )


def test_calls_are_short_and_grow_slowly():
    assert chunk(100, 0, 0.0) == 1
    assert chunk(100, 1, 1e-6) == 8
    assert chunk(5, 1, 1e-6) == 5
    assert chunk(10**6, 10**5, AT_MOST / 10.5) == 10
    assert chunk(10, 4, 10.0) == 1


def test_a_loss_with_other_bounds_keeps_its_kernel_and_one_with_another_rule_has_none():
    known = CATALOGUE["focal_loss"]
    bounds = {name: replace(one, search=Interval(0, 0.5)) for name, one in known.parameters.items()}
    own = replace(known, rule=lambda input, target, *, gamma=2.0: known.rule(input, target, gamma=gamma) + 1)
    assert kernel_of_loss(objective_of(replace(known, parameters=bounds), 4)) is not None
    assert kernel_of_loss(objective_of(own, 4)) is None
