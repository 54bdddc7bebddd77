"""The losses of members in one stack by the kernels: equal to the rule's, member by member."""

import pytest
import torch

import losslab
from losslab.catalog import CATALOGUE
from losslab.kernels.backend import backend
from losslab.kernels.library import library, status
from losslab.train.batches import Fold
from losslab.train.groups import LossGroup
from losslab.train.lookup import find_loss
from losslab.train.loop import advance
from losslab.train.member import Member
from losslab.train.network import Single, Stacked
from losslab.train.objective import kernel_of_loss, objective_of
from losslab.train.population import Population
from losslab.train.settings import Training
from losslab.train.step import step

K, B, C = 3, 5, 4
FUSED = [name for name, record in CATALOGUE.items() if record.kind in ("pointwise", "rowwise") and not record.untunable]


@pytest.fixture(autouse=True)
def kernels():
    if library() is None:
        pytest.skip(status())


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


def params_of(record, dtype):
    """Others for each member, within their bounds and off their defaults."""
    found = {}
    for name, one in record.parameters.items():
        low, high = (one.search.low, one.search.high) if one.search else (one.default, one.default)
        found[name] = torch.linspace(low + 0.2 * (high - low), high - 0.3 * (high - low), K, dtype=dtype)
    for name in record.per_class:
        found[name] = torch.tensor([[5.0, 1, 2, 9], [1, 1, 30, 2], [7, 3, 1, 1]], dtype=dtype)
    return found


def rows_of(record, dtype, *, shared=False):
    """Outputs (K, B, C) or (K, B, 2) and targets; `shared`: the same rows for every member, expanded."""
    members = 1 if shared else K
    if record.kind == "rowwise":
        output = torch.randn(K, B, C, generator=drawn(), dtype=dtype)
        return output, torch.randint(C, (members, B), generator=drawn(1)).expand(K, B)
    output = 0.2 + 0.7 * torch.rand(K, B, 2, generator=drawn(), dtype=dtype)
    signs = record.target in ("sign", "probability")
    target = torch.rand(members, B, 2, generator=drawn(1), dtype=dtype)
    return output, ((target > 0.4).long() if signs else 0.3 + target).expand(K, B, 2)


def both(group, output, y, weight=None, *, up=(1.0, 1.0, 1.0), lift=True, plain=False):
    """Value, counted weight and gradient by the kernel, and by the rule; upstream gradients `up`."""
    found = []
    for choice in ("fused", "rule"):
        leaf = output.clone(memory_format=torch.preserve_format).requires_grad_()
        assert leaf.stride() == output.stride()
        with backend(choice):
            mean, counted = (group(leaf, y, lift=lift), None) if plain else group.weighted(leaf, y, weight, lift=lift)
        (mean * mean.new_tensor(up)).sum().backward()
        found.append((mean.detach(), counted, leaf.grad, type(mean.grad_fn).__name__))
    assert found[0][3] == "MeanLossesBackward" != found[1][3]
    return found[0][:3], found[1][:3]


@pytest.mark.parametrize("name", FUSED)
def test_each_loss_is_that_of_its_rule_with_parameters_of_each_member(name):
    record = CATALOGUE[name]
    objective = objective_of(record, C, 2)
    if kernel_of_loss(objective) is None:
        pytest.skip(f"{name} has no kernel")
    output, y = rows_of(record, torch.float64, shared=name < "h")
    group = LossGroup(slice(0, K), objective, params_of(record, torch.float64))
    weight = torch.tensor([[1.0, 0, 2, 0.5, 3], [0.1, 4, 1, 1, 0], [2, 2, 0, 0, 1]], dtype=torch.float64)
    torch.testing.assert_close(*both(group, output, y, weight, up=(0.5, 1.0, -3.0)), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(*both(group, output, y), rtol=1e-9, atol=1e-12)
    across = output.transpose(1, 2).contiguous().transpose(1, 2)  # as a dense network leaves them
    torch.testing.assert_close(*both(group, across, y, weight, lift=False), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(*both(group, output, y, lift=False, plain=True), rtol=1e-9, atol=1e-12)


def test_a_value_worked_by_hand():
    output = torch.tensor([[[1.0], [4.0]], [[0.0], [-2.0]]], requires_grad=True)
    group = LossGroup(slice(0, 2), objective_of(CATALOGUE["huber_loss"], 1), {"delta": torch.tensor([1.0, 3.0])})
    mean, counted = group.weighted(output, torch.zeros(2, 2), torch.tensor([[3.0, 1.0], [2.0, 2.0]]), lift=True)
    mean.sum().backward()
    assert mean.tolist() == [(3 * 0.5 + 3.5) / 4, (2 * 2.0) / 4]
    assert counted.tolist() == [4.0, 4.0]
    assert output.grad.flatten().tolist() == [0.75, 0.25, 0.0, -1.0]


def test_numbers_that_are_not_finite_stay_with_their_member():
    output = torch.randn(K, B, C, generator=drawn())
    output[1, 2, 0] = torch.nan
    output.requires_grad_()
    group = LossGroup(slice(0, K), objective_of(CATALOGUE["focal_loss"], C), {"gamma": torch.tensor([0.5, 1, 2])})
    mean = group(output, torch.tensor([0, 1, 2, 3, 0]).expand(K, B), lift=True)
    mean.sum().backward()
    assert mean.isfinite().tolist() == [True, False, True]
    assert output.grad.isfinite().all(2).all(1).tolist() == [True, False, True]


def test_what_a_kernel_cannot_say_the_rule_says():
    output = torch.randn(2, B, C, generator=drawn())
    group = LossGroup(slice(0, 2), objective_of(CATALOGUE["cross_entropy"], C), {})
    with pytest.raises((IndexError, RuntimeError), match="out of bounds"):
        group(output, torch.tensor([0, 1, 2, 3, C]).expand(2, B), lift=False)
    weight = torch.tensor([[0.0] * B, [1.0] * B])
    y = torch.tensor([0, 1, 2, 3, 0]).expand(2, B)
    mean, counted = group.weighted(output, y, weight, lift=True)
    assert mean[0] == 0 < mean[1]
    assert counted.tolist() == [0, B]


def test_a_loss_of_ones_own_and_other_choices_take_the_rule():
    own = find_loss(lambda output, target: ((output - target) ** 2).mean(), "regression")
    output, y = torch.ones(1, 2, 1, requires_grad=True), torch.zeros(1, 2)
    assert kernel_of_loss(objective_of(own, 1)) is None
    for objective, choice in ((objective_of(own, 1), "auto"), (objective_of(CATALOGUE["mse_loss"], 1), "torch")):
        with backend(choice):
            mean = LossGroup(slice(0, 1), objective, {})(output, y, lift=False)
        assert type(mean.grad_fn).__name__ != "MeanLossesBackward"
        assert mean.tolist() == [1.0]


def members_of(**training):
    made = []
    for name, params in (
        ("focal_loss", {"gamma": 0.7, "label_smoothing": 0.1}),
        ("focal_loss", {"gamma": 3.0, "label_smoothing": 0.0}),
        ("generalized_cross_entropy", {"q": 0.4}),
        ("logit_adjusted_loss", {"tau": 1.5, "class_counts": (9.0, 2, 5, 1)}),
    ):  # fmt: skip
        objective = objective_of(CATALOGUE[name], C)
        made.append(
            Member(len(made), objective, params, "sgd", {"lr": 0.1}, batch_size=4, training=Training(**training))
        )
    return sorted(made, key=lambda member: member.family)


@pytest.mark.parametrize("engine", [Stacked, Single])
@pytest.mark.parametrize("training", [{}, {"accumulate": 2}, {"autocast": "bfloat16"}], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_mixed_families_train_as_by_the_rules(engine, training, weighted):
    members = members_of(**training)
    dtype = torch.float32 if "autocast" in training else torch.float64
    X = torch.randn(18, 6, generator=drawn(), dtype=dtype)
    weight = torch.arange(18, dtype=dtype) if weighted else None
    fold = Fold(X, torch.randint(C, (18,), generator=drawn(1)), torch.arange(18), weight=weight)
    flats = []
    for choice in ("auto", "rule"):
        torch.manual_seed(0)
        module = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, C)).to(dtype)
        population = Population(members, engine([module] * len(members)))
        with backend(choice):
            assert not advance(population, [fold], 3)
        flats.append((population.network.flat, population.last_loss, torch.as_tensor(population.last_weight)))
    tight = 1e-9 if dtype == torch.float64 else 2e-3
    torch.testing.assert_close(*flats, rtol=tight, atol=tight)
    assert len(population.loss_groups) == 3


def test_one_call_computes_each_family(monkeypatch):
    members, calls = members_of(), []
    module = torch.nn.Linear(6, C)
    population = Population(members, Stacked([module] * len(members)))
    run = losslab.kernels.rowwise.run
    monkeypatch.setattr(losslab.kernels.rowwise, "run", lambda *a, **k: calls.append(len(a[1])) or run(*a, **k))
    x, y = torch.randn(4, B, 6, generator=drawn()), torch.tensor([0, 1, 2, 3, 0]).expand(4, B)
    assert step(population, x, y).tolist() == [True] * 4
    assert sorted(calls) == [1, 1, 2]
