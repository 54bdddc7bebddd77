"""Models from names, templates, factories and addresses."""

import pickle
import textwrap
from functools import partial

import pytest
import torch
from torch import nn

from losslab.models.build import build
from losslab.models.mlp import mlp


def same(first, second):
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


class Net(nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.first, self.last = nn.Linear(in_features, 5), nn.Linear(5, out_features)

    def forward(self, x):
        return self.last(self.first(x).tanh())


@pytest.mark.parametrize(
    ("model", "name", "shapes"),
    [
        ("mlp", "mlp 64-64-64-10", [(64, 64), (64, 64), (10, 64)]),
        ("mlp:128,32,8", "mlp 64-128-32-8-10", [(128, 64), (32, 128), (8, 32), (10, 8)]),
        ("linear", "linear 64-10", [(10, 64)]),
    ],
)
def test_names(model, name, shapes):
    factory = build(model, 64, 10)
    assert (factory.name, factory.out_features, factory.pretrained) == (name, None, False)
    assert [tuple(p.shape) for p in factory.make(0).parameters() if p.ndim == 2] == shapes
    assert factory.make(0, 3)(torch.zeros(2, 64)).shape == (2, 3)


def test_mlp_by_hand():
    model = mlp(3, 2, hidden=(4,))
    x = torch.randn(5, 3)
    first, last = model[0], model[2]
    wanted = torch.clamp(x @ first.weight.T + first.bias, min=0) @ last.weight.T + last.bias
    assert torch.allclose(model(x), wanted, atol=1e-6)
    assert [type(layer).__name__ for layer in mlp(3, 2)] == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]


def test_rows_with_a_shape_are_flattened():
    factory = build("mlp:7", (3, 4, 5), 2)
    assert factory.name == "mlp 60-7-2"
    assert factory.make(0)(torch.zeros(6, 3, 4, 5)).shape == (6, 2)
    assert build("linear", (8,), 2).name == "linear 8-2"


MODELS = ["mlp", "linear", Net, Net(4, 3), nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 3))]


@pytest.mark.parametrize("model", MODELS)
def test_a_seed_gives_the_same_weights_and_the_global_state_stays(model):
    torch.manual_seed(11)
    wanted = torch.rand(3)
    torch.manual_seed(11)
    factory = build(model, 4, 3)
    first, again, other = factory.make(7), factory.make(7, 3), factory.make(8)
    assert torch.equal(torch.rand(3), wanted)
    assert same(first, again)
    assert not same(first, other)
    assert all(a is not b for a, b in zip(first.parameters(), again.parameters(), strict=True))


def test_other_outputs_share_the_hidden_layers():
    factory = build("mlp:6,5", 4, 3)
    three, two = factory.make(1, 3), factory.make(1, 2)
    assert torch.equal(three[0].weight, two[0].weight)
    assert torch.equal(three[2].bias, two[2].bias)


def test_a_template_is_drawn_as_its_class_draws():
    """Building under a seed and renewing under it give the same weights: order of draws and all."""
    template = Net(4, 3)
    before = {key: value.clone() for key, value in template.state_dict().items()}
    made = build(template, 4, 3).make(5)
    torch.manual_seed(5)
    assert same(made, Net(4, 3))
    assert all(torch.equal(before[key], value) for key, value in template.state_dict().items())


def test_a_template_has_its_own_number_of_outputs():
    factory = build(Net(4, 3), 4, 7)
    assert (factory.out_features, factory.name) == (3, "Net, 43 parameters")
    assert factory.make(0)(torch.zeros(2, 4)).shape == (2, 3)
    with pytest.raises(ValueError, match="has 3 outputs and cannot have 7: pass a factory"):
        factory.make(0, 7)


def test_pretrained_weights_are_kept_and_copied():
    template = Net(4, 3)
    factory = build(template, 4, 3, pretrained=True)
    made = factory.make(5)
    assert factory.pretrained
    assert same(made, template)
    made.first.weight.data.zero_()
    assert template.first.weight.abs().sum() > 0


def flat_output(in_features):
    return nn.Sequential(nn.Linear(in_features, 1), nn.Flatten(0))


@pytest.mark.parametrize(
    ("factory", "outputs"),
    [
        (nn.Linear, None),
        (lambda a, b: nn.Sequential(nn.Linear(a, b)), None),
        (lambda out_features, width=9: nn.Linear(4, out_features), None),
        (lambda *, num_classes: nn.Linear(4, num_classes), None),
        (lambda out: nn.Linear(4, out), None),
        (lambda width=6: nn.Linear(4, width), 6),
        (lambda out_features=2, in_features=1: nn.Linear(in_features, out_features), None),
        (partial(mlp, hidden=(3,)), None),
        (flat_output, 1),
        (lambda **anything: nn.Linear(4, 5), 5),
    ],
)
def test_factories_get_what_their_signature_takes(factory, outputs):
    made = build(factory, 4, 3)
    assert made.out_features == outputs
    if outputs is None:
        assert made.make(0, 8)(torch.zeros(2, 4)).shape == (2, 8)


def test_factories_pickle():
    for model in ("mlp:5", Net, Net(4, 3)):
        factory = build(model, 4, 3)
        assert same(pickle.loads(pickle.dumps(factory)).make(2), factory.make(2))


ONE = nn.Linear(4, 3)


def broken(in_features, out_features):
    raise RuntimeError("no weights here")


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.LSTM(4, 3)

    def forward(self, x):
        return self.layer(x)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("mpl", ["no model 'mpl'", "nearest: mlp"]),
        ("mpl:64", ["no model 'mpl:64'", "nearest: mlp"]),
        ("mlp:12,x", ["mlp:12,x", "whole numbers"]),
        ("mlp:0", ["above 0"]),
        ("mlp:", ["whole numbers"]),
        ("linear:3", ["no model 'linear:3'"]),
        (3, ["of type int"]),
        (lambda a, b, c: ONE, ["needs a, b, c"]),
        (lambda in_features, depth: ONE, ["needs depth"]),
        (lambda *, depth: ONE, ["needs depth"]),
        (broken, ["broken(in_features=4, out_features=3)", "RuntimeError: no weights here"]),
        (lambda: "net", ["returned a str", "nn.Module"]),
        (lambda: ONE, ["same parameters twice"]),
        (lambda out_features: nn.Linear(4, 6), ["asked for 3 outputs", "has 6"]),
        (nn.Linear(5, 3), ["batch of shape (2, 4)", "2x4 and 5x3"]),
        (Recurrent, ["gives a tuple"]),
        (nn.Sequential(nn.Linear(4, 6), nn.Unflatten(1, (2, 3))), ["(2, 2, 3)", "(rows, outputs)"]),
    ],
)
def test_bad_models_are_named(model, words):
    with pytest.raises(ValueError, match=r".") as error:
        build(model, 4, 3)
    for word in words:
        assert word in str(error.value)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "helper_of_net.py").write_text("WIDTH = 9\n")
    path = tmp_path / "net.py"
    path.write_text(
        textwrap.dedent("""
        from __future__ import annotations
        from dataclasses import dataclass
        from torch import nn
        from helper_of_net import WIDTH

        @dataclass
        class Settings:
            width: int = WIDTH

        def small_net(in_features, out_features):
            return nn.Sequential(nn.Linear(in_features, Settings().width), nn.Linear(WIDTH, out_features))

        ready = nn.Linear(4, 3)
        """)
    )
    return path


def test_a_file(file):
    factory = build(f"{file}:small_net", 4, 3)
    assert factory.name == f"{file}:small_net, 75 parameters"
    assert factory.make(0, 2)[0].weight.shape == (9, 4)
    assert build(f"{file}:ready", 4, 3).out_features == 3


def test_a_package():
    assert build("losslab.models.mlp:mlp", 4, 3).make(0)[0].weight.shape == (64, 4)
    assert build("torch.nn:Linear", 4, 3).make(0).weight.shape == (3, 4)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("{folder}/net.py:smal_net", ["no 'smal_net'", "nearest: small_net"]),
        ("{folder}/nte.py:small_net", ["no file", "nearest: net.py"]),
        ("no_such_package.nets:net", ["no module 'no_such_package.nets'", "no_such_package/nets.py:factory"]),
        ("torch.nn:Lineer", ["torch.nn has no 'Lineer'", "nearest: Linear"]),
        ("{folder}/bad.py:net", ["bad.py raised SyntaxError"]),
    ],
)
def test_bad_addresses_are_named(file, address, words):
    (file.parent / "bad.py").write_text("def net(:\n")
    with pytest.raises(ValueError, match=r".") as error:
        build(address.format(folder=file.parent), 4, 3)
    for word in words:
        assert word in str(error.value)
