"""Embeddings of codes, the residual MLP, dropout, and the widths and depths that may be asked for."""

import pytest
import torch
from torch import nn

from losslab.models.build import build
from losslab.models.codes import Codes, LinearOfCodes, embedding_width
from losslab.models.mlp import mlp
from losslab.models.resmlp import ResidualBlock, resmlp
from losslab.train.batches import Fold
from losslab.train.lookup import find_loss
from losslab.train.member import Member
from losslab.train.network import Single, Stacked
from losslab.train.objective import objective_of
from losslab.train.population import Population
from losslab.train.probe import choose
from losslab.train.step import step

LEVELS = {1: 30, 3: 4}


def coded(rows: int, seed: int = 0) -> torch.Tensor:
    """(rows, 4): columns 1 and 3 hold codes."""
    draw = torch.Generator().manual_seed(seed)
    X = torch.randn(rows, 4, generator=draw)
    for column, count in LEVELS.items():
        X[:, column] = torch.randint(count, (rows,), generator=draw).float()
    return X


@pytest.mark.parametrize(("levels", "width"), [(1, 2), (4, 3), (30, 11), (100, 21), (1000, 50)])
def test_the_rule_of_widths(levels, width):
    assert embedding_width(levels) == width


def test_plain_columns_come_first_then_each_embedding():
    codes = Codes(4, LEVELS)
    x = torch.tensor([[0.5, 29.0, -2.0, 1.0], [1.5, 0.0, 3.0, 0.0]])
    out = codes(x)
    assert out.shape == (2, 2 + 11 + 3) == (2, codes.out_features)
    torch.testing.assert_close(out[:, :2], x[:, [0, 2]], rtol=0, atol=0)
    torch.testing.assert_close(out[0, 2:13], codes.tables[0].weight[29], rtol=0, atol=0)
    torch.testing.assert_close(out[0, 13:], codes.tables[1].weight[1], rtol=0, atol=0)
    assert (out[1, 2:] == 0).all()  # of what training never saw
    assert 0 < codes.tables[0].weight[1:].abs().max() <= 11**-0.5


def test_a_linear_model_of_codes_is_that_of_one_hot_columns():
    model, X = LinearOfCodes(4, 2, LEVELS), coded(9)
    torch.testing.assert_close(model(X), model.linear(X[:, [0, 2]]))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter))
    one_hot = [nn.functional.one_hot(X[:, c].long(), count).float() for c, count in LEVELS.items()]
    weight = torch.cat([model.linear.weight.T, *(table.weight for table in model.tables)])
    torch.testing.assert_close(model(X), torch.cat([X[:, [0, 2]], *one_hot], 1) @ weight + model.linear.bias)


def test_a_linear_model_of_codes_alone():
    model = LinearOfCodes(1, 3, {0: 5})
    assert [tuple(p.shape) for p in model.parameters()] == [(5, 3)]
    assert (model(torch.tensor([[4.0]])) == 0).all()


@pytest.mark.parametrize("levels", [{4: 3}, {-1: 3}, {0: 0}])
def test_levels_of_columns_that_are_not_there(levels):
    with pytest.raises(ValueError, match="levels: column"):
        Codes(4, levels)


def test_a_residual_block_by_hand():
    block = ResidualBlock(2, dropout=0.0)
    with torch.no_grad():
        block.expand.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [0.0, 3.0]]))
        block.expand.bias.copy_(torch.tensor([0.0, 0.0, 0.5, 1.0]))
        block.contract.weight.copy_(torch.tensor([[1.0, 10.0, 100.0, 0.0], [0.0, 0.0, 1.0, -1.0]]))
        block.contract.bias.copy_(torch.tensor([0.25, 0.0]))
    # (3, 1) normed is (1, -1); expanded (1, -1, 2.5, -2), with ReLU (1, 0, 2.5, 0); contracted (251.25, 2.5)
    expected = torch.tensor([[3 + 251.25, 1 + 2.5]])
    torch.testing.assert_close(block(torch.tensor([[3.0, 1.0]])), expected, rtol=1e-4, atol=1e-4)


def test_the_parts_of_a_residual_mlp():
    model = resmlp(5, 3, 8, 2, dropout=0.25, levels={2: 4})
    kinds = [type(part).__name__ for part in model]
    assert kinds == ["Codes", "Linear", "ResidualBlock", "ResidualBlock", "LayerNorm", "ReLU", "Linear"]
    assert model[1].in_features == 4 + 3
    assert [block.dropout.p for block in model[2:4]] == [0.25, 0.25]
    assert model.train()(torch.zeros(1, 5)).shape == (1, 3)


def test_dropout_of_an_mlp_stands_after_each_relu():
    kinds = [type(part).__name__ for part in mlp(4, 2, (6, 5), dropout=0.5)]
    assert kinds == ["Linear", "ReLU", "Dropout", "Linear", "ReLU", "Dropout", "Linear"]


@pytest.mark.parametrize(
    ("model", "architecture", "name", "shapes"),
    [
        ("mlp", {}, "mlp 4-64-64-2", [(64, 4), (64, 64), (2, 64)]),
        ("mlp", {"width": 8}, "mlp 4-8-8-2", [(8, 4), (8, 8), (2, 8)]),
        ("mlp:9,7", {"depth": 3}, "mlp 4-9-9-9-2", [(9, 4), (9, 9), (9, 9), (2, 9)]),
        ("mlp:9,7", {"dropout": 0.5}, "mlp 4-9-7-2, dropout 0.5", [(9, 4), (7, 9), (2, 7)]),
        ("mlp", {"width": 8.0, "depth": 1}, "mlp 4-8-2", [(8, 4), (2, 8)]),
        ("resmlp", {}, "resmlp 4-64x2-2", [(64, 4), (128, 64), (64, 128), (128, 64), (64, 128), (2, 64)]),
        ("resmlp:6", {"depth": 1}, "resmlp 4-6x1-2", [(6, 4), (12, 6), (6, 12), (2, 6)]),
        ("resmlp:6,1", {"width": 3}, "resmlp 4-3x1-2", [(3, 4), (6, 3), (3, 6), (2, 3)]),
    ],
)
def test_what_is_asked_of_a_named_model(model, architecture, name, shapes):
    factory = build(model, 4, 2)
    made = factory.make(0, **architecture)
    assert [tuple(p.shape) for p in made.parameters() if p.ndim == 2] == shapes
    assert factory.named(architecture) == name


def test_named_models_embed_codes():
    for model, name in (("linear", "linear 4-2"), ("mlp:5", "mlp 4-5-2"), ("resmlp:5,1", "resmlp 4-5x1-2")):
        factory = build(model, 4, 2, levels=LEVELS)
        assert factory.name == f"{name}, 2 embedded"
        assert factory.make(0)(coded(7)).shape == (7, 2)
        assert {table.num_embeddings for table in factory.make(0).modules() if isinstance(table, nn.Embedding)} == {
            30,
            4,
        }


def an_own_net(in_features, out_features, *, width=3, dropout=0.0):
    return nn.Sequential(nn.Linear(in_features, width), nn.Dropout(dropout), nn.Linear(width, out_features))


def test_an_own_factory_gets_what_it_names():
    factory = build(an_own_net, 4, 2)
    assert factory.takes == ("width", "dropout")
    assert factory.make(0, width=6)[0].weight.shape == (6, 4)
    assert factory.make(0, dropout=0.5)[1].p == 0.5
    assert factory.named({"width": 6}).endswith("parameters, width 6")


@pytest.mark.parametrize(
    ("model", "architecture", "words"),
    [
        ("linear", {"width": 4}, ["width was asked for", "model linear 4-2 does not take it"]),
        (an_own_net, {"depth": 2}, ["depth was asked for", "it takes width, dropout", "an argument of that name"]),
        (nn.Linear(4, 2), {"dropout": 0.1}, ["dropout was asked for", "none of width, depth, dropout"]),
        ("mlp", {"width": 2.5}, ["width is 2.5", "whole number"]),
        ("mlp", {"depth": 0}, ["depth is 0", "at least 1"]),
        ("mlp", {"width": True}, ["width is True"]),
        ("mlp", {"dropout": 1.0}, ["dropout is 1.0"]),
        ("mlp", {"dropout": "much"}, ["dropout is 'much'"]),
    ],
)
def test_what_cannot_be_asked_of_a_model(model, architecture, words):
    with pytest.raises(ValueError, match=r".") as error:
        build(model, 4, 2).make(0, **architecture)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("resmpl", ["no model 'resmpl'", "nearest: resmlp"]),
        ("resmlp:4,2,2", ["width and number of residual blocks"]),
        ("resmlp:4,0", ["above 0"]),
        ("resmlp:", ["resmlp:128,3"]),
    ],
)
def test_bad_names(model, words):
    with pytest.raises(ValueError, match=r".") as error:
        build(model, 4, 2)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("model", ["linear", "mlp:5", "resmlp:6,2"])
def test_a_stack_of_embedded_models_trains_as_each_alone(model):
    factory, record = build(model, 4, 1, levels=LEVELS), find_loss("huber_loss", "regression")
    X = coded(24)
    y = X[:, 0] + (X[:, 1] % 3)
    fold = Fold(X.double(), y.double(), torch.arange(24))
    objective = objective_of(record, 1)
    members = [
        Member(k, objective, {"delta": 1.0 + k}, "adamw", {"lr": 0.01 * (k + 1)}, seed=k, batch_size=8)
        for k in range(3)
    ]
    modules = [factory.make(k).double() for k in range(3)]
    assert choose(modules, members, [fold], asked="stacked").engine is Stacked
    together = Population(members, Stacked(modules))
    for start in (0, 8, 16):
        rows = slice(start, start + 8)
        step(together, fold.X[rows].expand(3, -1, -1), fold.y[rows].expand(3, -1))
    for k in range(3):
        alone = Population([members[k]], Single([modules[k]]))
        for start in (0, 8, 16):
            rows = slice(start, start + 8)
            step(alone, fold.X[None, rows], fold.y[None, rows])
        torch.testing.assert_close(together.network.flat[k], alone.network.flat[0], rtol=1e-9, atol=1e-12)
        assert not torch.equal(alone.network.flat[0], Single([modules[k]]).flat[0])
