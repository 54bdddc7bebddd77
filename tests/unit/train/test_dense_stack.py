"""Plain dense networks run without vmap, and give what it gives."""

import pytest
import torch
from torch import nn

from losslab.train.dense import Dense
from losslab.train.network import Stacked


def network(seed):
    torch.manual_seed(seed)
    again = nn.Tanh()
    return nn.Sequential(
        nn.Sequential(nn.Linear(5, 7), again, nn.Linear(7, 3, bias=False), again), nn.LeakyReLU(0.3), nn.Linear(3, 4)
    ).double()


@pytest.mark.parametrize("shared", [True, False])
def test_outputs_and_gradients_are_those_of_each_module(shared):
    modules = [network(seed) for seed in range(3)]
    stack = Stacked(modules)
    assert stack.dense is not None
    x = torch.randn(1 if shared else 3, 6, 5, dtype=torch.float64).expand(3, 6, 5)
    upstream = torch.randn(3, 6, 4, dtype=torch.float64)
    parameters = stack.parameters()
    output = stack.forward(parameters, x, train=True)
    gradients = torch.autograd.grad(output, parameters, upstream)
    for member, module in enumerate(modules):
        alone = module(x[member])
        torch.testing.assert_close(output[member], alone)
        alone.backward(upstream[member])
        row = torch.cat([one.grad.reshape(-1) for one in module.parameters()])
        torch.testing.assert_close(stack.gradient(gradients)[member], row)


def test_the_memory_of_gradients_is_used_again_only_on_request():
    stack = Stacked([network(0)] * 2)
    ones, twos = ([torch.full_like(one, value) for one in stack.parameters()] for value in (1.0, 2.0))
    kept, first = stack.gradient(ones), stack.gradient(ones, reuse=True)
    second = stack.gradient(twos, reuse=True)
    assert first.data_ptr() == second.data_ptr() != kept.data_ptr()
    assert kept.eq(1).all()
    stack.keep(torch.tensor([1]))
    assert stack.gradient([one[1:] for one in twos], reuse=True).eq(2).all()


def frozen(module):
    module[2].weight.requires_grad_(False)


def hooked(module):
    module[1].register_forward_hook(lambda layer, given, output: output + 1)


def shared(module):
    module[2].weight = module[0][2].weight


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


def other(module):
    module[2] = Doubled(3, 4)


@pytest.mark.parametrize(
    "change", [frozen, hooked, shared, other, lambda module: module.append(nn.Dropout(0.5)),
               lambda module: module.insert(1, nn.ReLU(inplace=True))],
)  # fmt: skip
def test_whatever_is_not_plain_is_left_to_vmap(change):
    module = network(0)
    names = [name for name, _ in module.named_parameters()]
    assert Dense.of(module, names) is not None
    change(module)
    assert Dense.of(module, [name for name, one in module.named_parameters() if one.requires_grad]) is None


def test_rows_with_a_shape_and_lowered_ones_are_left_to_vmap():
    stack = Stacked([network(0).float()] * 2)
    x = torch.randn(2, 3, 6, 5)
    assert stack.forward(stack.parameters(), x, train=True).shape == (2, 3, 6, 4)
    assert stack.dense.takes(x[:, 0])
    with torch.autocast("cpu", torch.bfloat16):
        assert not stack.dense.takes(x[:, 0])
