"""torch's fused kernels give what the rules give, for each member by its own numbers, and write in place."""

import pytest
import torch

from losslab.optim import get
from losslab.optim.fused import has_fused, update_in_place

K, P, STEPS = 3, 17, 6
PER_MEMBER = {"lr": torch.tensor([[0.1], [0.02], [0.3]]), "beta1": torch.tensor([[0.5], [0.9], [0.8]])}


def draws(dtype):
    draw = torch.Generator().manual_seed(0)
    return torch.randn(1 + STEPS, K, P, generator=draw, dtype=dtype)


@pytest.mark.parametrize("name", ["adam", "adamw"])
@pytest.mark.parametrize(
    "values",
    [
        {"lr": 0.05},
        {"lr": 0.1, "beta1": 0.7, "beta2": 0.95, "eps": 1e-3, "weight_decay": 0.5},
        {**PER_MEMBER, "weight_decay": 0.1, "amsgrad": True},
        {"lr": 0.05, "maximize": True},
    ],
)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_a_fused_update_is_that_of_the_rule(name, values, dtype, tolerance):
    rule, (start, *gradients) = get(name), draws(dtype)
    defaults = {**rule.defaults, **values}
    ours, fused = start.clone(), start.clone()
    state, own = rule.start(start, **defaults), rule.start(start, **defaults)
    for step, grad in enumerate(gradients, 1):
        clock = torch.full((K, 1), float(step), dtype=dtype)
        ours, state = rule.update(ours, grad, state, step=clock, **defaults)
        update_in_place(rule, fused, grad, own, step=clock, values=values)
        assert clock.eq(step).all()
    assert (fused - start).abs().min() > 1e-4
    torch.testing.assert_close(fused, ours, rtol=tolerance, atol=tolerance)
    for moment, value in state.items():
        torch.testing.assert_close(own[moment], value, rtol=tolerance, atol=tolerance)


def test_where_there_is_a_kernel():
    assert has_fused(get("adamw"), torch.zeros(2))
    assert not has_fused(get("sgd"), torch.zeros(2))
    assert not has_fused(get("adam"), torch.zeros(2, dtype=torch.bfloat16))
