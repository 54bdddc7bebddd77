"""Right gradients pass: losses of the catalogue, networks of many kinds, randomness and state replayed."""

import copy
import json
import random
from functools import partial

import numpy as np
import pytest
import torch
from random_networks import loss_alone, network
from torch import nn

import losslab.functional as F
import losslab.nn as losses
from losslab import check_gradients
from losslab.catalog import CATALOGUE
from losslab.testing.samples import draw

NAMES = tuple(name for name, record in CATALOGUE.items() if record.layout is None and not record.per_class)
CLASS_WEIGHT = torch.tensor([1.0, 3.0, 0.5])
HEAD = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_every_loss_of_the_catalogue(name, reduction):
    input, target = draw(CATALOGUE[name], seed=3, shape=(4,))
    found = check_gradients(lambda x, t: CATALOGUE[name](x, t, reduction=reduction), input, target)
    assert found.ok, found
    assert found.tensors[0].relative_error < 1e-6
    assert found.tensors[0].kinks == found.tensors[0].undecided == 0


def test_a_loss_is_meant_by_name_by_record_as_a_module_and_as_any_callable():
    input, target = torch.tensor([[1.0, 2.0], [0.5, 4.0]]), torch.tensor([[1.5, 0.0], [3.0, 3.0]])
    ways = ["huber", CATALOGUE["huber_loss"], nn.HuberLoss(), nn.functional.huber_loss, F.huber_loss]
    for way in ways:
        found = check_gradients(way, input, target)
        assert found
        assert found.value == pytest.approx((0.125 + 1.5 + 2.0 + 0.5) / 4)
        assert [row.name for row in found.tensors] == ["input"]


def test_a_learnable_parameter_of_a_loss_is_checked_too():
    loss = losses.HuberLoss(delta=torch.tensor(0.7, requires_grad=True))
    found = check_gradients(loss, torch.randn(4, 2), torch.randn(4, 2))
    assert found.ok
    assert [row.name for row in found.tensors] == ["input", "delta"]
    assert found.tensors[1].gradient != 0
    with_model = check_gradients(nn.Linear(3, 2), torch.randn(4, 3), torch.randn(4, 2), loss=loss)
    assert [row.name for row in with_model.tensors] == ["weight", "bias", "loss.delta"]


@pytest.mark.parametrize("seed", range(40))
def test_no_false_alarm_on_random_networks_and_losses(seed):
    model, input, target, loss = network(seed)
    found = check_gradients(model, input, target, loss=loss, entries=6)
    assert found.ok, found
    alone = check_gradients(*loss_alone(seed), entries=20)
    assert alone.ok, alone


class Tied(nn.Module):
    """An autoencoder whose decoder is the encoder's transpose."""

    def __init__(self):
        super().__init__()
        self.encode = nn.Linear(4, 2)
        self.decode = nn.Linear(2, 2)
        self.decode.weight = nn.Parameter(torch.randn(2, 2))
        self.again = nn.Linear(2, 2)
        self.again.weight = self.decode.weight

    def forward(self, x):
        hidden = self.again(self.decode(self.encode(x)).tanh())
        return hidden @ self.encode.weight


def test_tied_weights_are_one_tensor():
    input = torch.randn(3, 4)
    found = check_gradients(Tied(), input, input, loss="mse_loss")
    assert found.ok
    assert "again.weight" not in [row.name for row in found.tensors]


class Keeps(nn.Module):
    """Keeps things between calls: a count, a list, the hidden state, a buffer that it binds anew."""

    def __init__(self):
        super().__init__()
        self.cell = nn.Linear(5, 2)
        self.count = 0
        self.seen = []
        self.hidden = torch.zeros(1, 2)
        self.register_buffer("steps", torch.zeros(()))
        self.register_buffer("total", torch.zeros(()))

    def forward(self, x):
        self.count += 1
        self.seen.append(self.count)
        self.steps = self.steps + 1
        self.total += 1
        self.hidden = self.cell(torch.cat([x, self.hidden.expand(len(x), 2).detach()], 1)).tanh()[:1]
        return self.hidden * self.count * len(self.seen) + self.steps * self.total


def test_state_between_calls_and_randomness_of_every_kind_are_replayed():
    model = Keeps()
    assert check_gradients(model, torch.randn(3, 3), torch.randn(1, 2), loss="mse_loss").ok
    assert model.count == 0
    assert model.seen == []

    def noisy(x):
        return (x * torch.rand(3) * np.random.rand() * random.random()).sin().sum()

    assert check_gradients(noisy, torch.randn(2, 3)).ok


def test_the_callers_model_gradients_buffers_and_random_states_are_left_bit_for_bit():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    input, target = torch.randn(6, 3, requires_grad=True), torch.randn(6, 2)
    nn.functional.mse_loss(model(input), target).backward()
    grads = {name: (p, p.grad, p.grad.clone()) for name, p in model.named_parameters()}
    own = input.grad.clone()
    state = copy.deepcopy(model.state_dict())
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)
    before = (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy(), torch.get_default_dtype())

    found = check_gradients(model, input, target, loss=lambda o, t: ((o - t) ** 2).mean() * (1 + np.random.rand()))

    assert found.ok
    assert {"input"} <= {row.name for row in found.tensors}
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert (np.random.get_state()[1] == before[2]).all()
    assert torch.get_default_dtype() == before[3]
    assert torch.is_grad_enabled()
    for name, (parameter, grad, numbers) in grads.items():
        assert model.get_parameter(name) is parameter
        assert parameter.grad is grad
        assert torch.equal(grad, numbers)
        assert parameter.dtype == torch.float32
    assert torch.equal(input.grad, own)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, state[name])


def test_a_loss_that_reads_the_model_reads_the_copy():
    model, input = nn.Linear(3, 2), torch.randn(4, 3)
    weight = torch.tensor([1.0, 3.0])

    def penalised(output, target):
        return (weight * (output - target) ** 2).mean() + 0.1 * sum(p.abs().pow(3).sum() for p in model.parameters())

    found = check_gradients(model, input, torch.zeros(4, 2), loss=penalised)
    assert found.ok
    parameter = model.weight.detach().double()
    slope = 2 * weight.double() * (input.double() @ parameter.T + model.bias.detach().double()) / 8
    expected = slope.T @ input.double() + 0.3 * parameter.abs() * parameter
    row = found.tensors[0]
    assert row.difference == pytest.approx(float(expected[row.index]), rel=1e-6)
    assert model.weight.grad is None


def through_head(x, t):
    return nn.functional.cross_entropy(HEAD(x), t, weight=CLASS_WEIGHT)


def test_tensors_and_modules_that_a_function_finds_by_name_are_copied():
    before = copy.deepcopy(HEAD.state_dict())
    assert check_gradients(through_head, torch.randn(5, 3), torch.tensor([0, 2, 1, 1, 2])).ok
    assert check_gradients(
        partial(nn.functional.cross_entropy, weight=CLASS_WEIGHT), torch.randn(2, 3), torch.ones(2).long()
    )
    for name, tensor in HEAD.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert HEAD[0].weight.grad is None


def test_what_works_under_no_grad_and_inference_mode_and_with_a_left_over_output():
    model = nn.Linear(3, 2)
    model.last = model(torch.randn(1, 3))  # a tensor with a graph, which deepcopy refuses
    with torch.no_grad():
        assert check_gradients(model, torch.randn(4, 3), torch.randn(4, 2), loss="mse_loss").ok
    with torch.inference_mode():
        assert check_gradients("mse_loss", torch.randn(4, 2), torch.randn(4, 2)).ok


def test_several_inputs_by_place_and_by_name():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix = nn.Bilinear(2, 3, 1)

        def forward(self, left, right):
            return self.mix(left, right)

    left, right, target = torch.randn(4, 2, requires_grad=True), torch.randn(4, 3), torch.randn(4, 1)
    placed = check_gradients(Two(), (left, right), target, loss="mse_loss")
    named = check_gradients(Two(), {"right": right, "left": left}, target, loss="mse_loss")
    assert placed.ok
    assert named.ok
    assert [row.name for row in placed.tensors] == ["input[0]", "mix.weight", "mix.bias"]
    assert named.tensors[0].name == "input['left']"


def test_padding_of_an_embedding_is_left_out_and_said():
    model = nn.Sequential(nn.Embedding(5, 2, padding_idx=1), nn.Flatten(), nn.Linear(6, 1))
    found = check_gradients(model, torch.tensor([[0, 1, 1], [1, 3, 4]]), torch.randn(2, 1), loss="mse_loss")
    assert found.ok
    assert found.tensors[0].checked == 8
    assert "padding_idx" in found.findings[0].text


def test_float32_inside_is_noise_and_not_an_error():
    found = check_gradients(lambda x: torch.sin(x.float()).double().mean(), torch.randn(4, 3))
    assert found.ok, found


def test_steep_and_flat_places_at_once():
    """Entries from 1e-9 to 1e6: the step is that of the entry."""
    found = check_gradients(
        lambda p: (p.log() * torch.arange(1.0, 6.0)).sum(), torch.tensor([1e-9, 1e-5, 1.0, 1e3, 1e6])
    )
    assert found.ok, found
    assert check_gradients(lambda x: (1e4 * x).sin().sum(), torch.tensor([0.3, 1.0, -2.0])).ok


def test_the_end_of_a_domain_is_looked_at_from_one_side():
    found = check_gradients(lambda p: (p**2.5 + 3 * p).sum(), torch.tensor([0.0, 1.0]))
    assert found.ok, found
    assert found.tensors[0].undecided == 0
    wrong = check_gradients(lambda p: (p**2.5 + 3 * p).sum(), torch.zeros(1), gradient=torch.tensor([3.1]))
    assert [finding.kind for finding in wrong.findings] == ["factor"]


def test_many_kinks_at_once_are_no_error_along_a_direction():
    for seed in range(4):
        found = check_gradients(lambda x: (x[::2].relu() - x[1::2].relu()).sum(), torch.zeros(60), entries=8, seed=seed)
        assert found.ok, found
        assert found.tensors[0].kinks >= 8


def test_what_a_check_says_of_itself():
    found = check_gradients(nn.Linear(3, 2), torch.randn(4, 3), torch.randn(4, 2), loss="mse_loss", entries=4)
    assert [(row.checked, row.entries) for row in found.tensors] == [(4, 6), (2, 2)]
    assert "Linear with mse_loss: ok" in str(found)
    assert "4 of 6" in str(found)
    parsed = json.loads(found.to_json())
    assert parsed["ok"] is True
    assert parsed["tensors"][1]["gradient"] == found.tensors[1].gradient
    assert parsed["evaluations"] == found.evaluations > 4 * 6


def test_the_same_seed_looks_at_the_same_entries():
    def rows(seed):
        found = check_gradients(lambda x: x.exp().sum(), torch.linspace(-1, 1, 500), entries=5, seed=seed)
        return found.tensors

    assert rows(1) == rows(1)
    assert rows(1) != rows(2)
