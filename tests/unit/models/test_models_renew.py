"""Weights of a template drawn anew: all of them, tied ones together, or an error that names what cannot be."""

import pytest
import torch
from torch import nn

from losslab.models.renew import check_renewable, drawing_from, renewed


def drawn(build, seed):
    with drawing_from(seed):
        return build()


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.Sequential(nn.Conv2d(1, 3, 2), nn.BatchNorm2d(3), nn.PReLU(), nn.Linear(4, 2)),
        lambda: nn.Sequential(nn.Embedding(7, 4, padding_idx=2), nn.LSTM(4, 3, num_layers=2), nn.LayerNorm(3)),
        lambda: nn.MultiheadAttention(8, 2),
        lambda: nn.Bilinear(3, 4, 2),
    ],
)
def test_equals_a_module_built_under_the_seed(build):
    template = drawn(build, 1)
    check_renewable(template)
    ours, fresh = drawn(lambda: renewed(template), 9), drawn(build, 9)
    for key, value in fresh.state_dict().items():
        assert torch.equal(ours.state_dict()[key], value), key


def test_running_statistics_start_again():
    template = nn.BatchNorm1d(3)
    template(torch.randn(50, 3) + 8)
    assert template.running_mean.min() > 0.5
    assert renewed(template).running_mean.tolist() == [0, 0, 0]


def test_tied_weights_stay_tied():
    template = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    template[1].weight = template[0].weight
    copy = renewed(template)
    assert copy[0].weight is copy[1].weight
    assert copy[0].weight is not template[0].weight


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.ones(3))


class Forgetful(nn.Linear):
    def __init__(self):
        super().__init__(3, 2)
        self.slope = nn.Parameter(torch.ones(2))


def frozen():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].bias.requires_grad_(False)
    return model


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Scale(), ["class Scale", "'factor'", "reset_parameters", "pretrained=True"]),
        (nn.Sequential(nn.Linear(3, 3), nn.Sequential(Scale())), ["module '1.0' (Scale)", "'factor'"]),
        (nn.Sequential(Forgetful()), ["'0.slope'", "left as it is"]),
        (frozen(), ["'0.bias'", "frozen", "factory"]),
        (nn.LazyLinear(3), ["'weight'", "lazy"]),
        (nn.utils.parametrizations.spectral_norm(nn.Linear(3, 3)), ["ParametrizationList", "'original'"]),
    ],
)
def test_what_cannot_be_drawn_anew_is_named(model, words):
    with pytest.raises(ValueError, match=r".") as error:
        check_renewable(model)
    for word in words:
        assert word in str(error.value)


def test_the_check_leaves_the_template_alone():
    template = nn.Linear(3, 2)
    before = template.weight.clone()
    check_renewable(template)
    assert torch.equal(before, template.weight)


def test_random_numbers_go_on_outside():
    torch.manual_seed(3)
    wanted = torch.rand(4)
    torch.manual_seed(3)
    first = torch.rand(2)
    with drawing_from(8):
        inside = torch.rand(1)
    torch.manual_seed(8)
    assert torch.equal(inside, torch.rand(1))
    torch.manual_seed(3)
    assert torch.equal(wanted[:2], first)


def fail_inside():
    with drawing_from(8):
        torch.rand(1)
        raise KeyError


def test_the_state_is_given_back_after_an_error():
    state = torch.random.get_rng_state()
    with pytest.raises(KeyError):
        fail_inside()
    assert torch.equal(state, torch.random.get_rng_state())
