"""Where programs put a loss in autograd's less used parts: a kernel gives there what its rule gives."""

import copy
import pickle
import threading

import pytest
import torch
from torch.utils.checkpoint import checkpoint

import losslab
import losslab.functional as F
from losslab import nn

X = torch.randn(6, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
Y = torch.tensor([0, 4, 2, -100, 1, 3])
T = torch.rand(6, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
LOSSES = {
    "rowwise": lambda x: F.focal_loss(x, Y, gamma=1.5),
    "soft": lambda x: F.cross_entropy(x, T / T.sum(1, keepdim=True), label_smoothing=0.1),
    "pointwise": lambda x: F.pseudo_huber_loss(x, T, scale=0.3),
    "none": lambda x: F.focal_loss(x, Y, reduction="none").square().sum(),
}


def several_outputs(loss, x):
    up = [torch.tensor(2.0).double(), torch.tensor(-1.0).double()]
    return torch.autograd.grad([loss(x), loss(2 * x)], x, up)


def three_passes(loss, x):
    value = loss(x)
    value.backward(retain_graph=True)
    value.backward(retain_graph=True)
    value.backward()
    return x.grad


def third_order(loss, x):
    (first,) = torch.autograd.grad(loss(x), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), x, create_graph=True)
    return first.detach(), second.detach(), torch.autograd.grad(second.sum(), x)[0]


def after_create_graph(loss, x):
    value = loss(x)
    torch.autograd.grad(value, x, create_graph=True)
    return torch.autograd.grad(-3 * value, x)


def checkpointed(loss, x):
    inner = checkpoint(loss, x * 1.5, use_reentrant=False)
    return torch.autograd.grad(inner, x), torch.autograd.grad(checkpoint(loss, x * 2, use_reentrant=False), x)


def hooks(loss, x):
    seen = []
    x.register_hook(lambda slope: seen.append(slope.clone()) or slope * 2)
    value = loss(x)
    value.register_hook(lambda slope: slope * 3)
    value.backward()
    return x.grad, seen


def grad_taken_by_a_hook(loss, x):
    leaf, seen = torch.nn.Parameter(x.detach().clone()), []

    def take(parameter):
        seen.append(parameter.grad)
        parameter.grad = None

    leaf.register_post_accumulate_grad_hook(take)
    loss(leaf).backward()
    loss(2 * leaf).backward()
    return seen


def accumulated(loss, x):
    loss(x).backward()
    first = x.grad
    loss(3 * x).backward()
    return x.grad, first


def stepped_before_backward(loss, x):
    middle = x * 1
    value = loss(middle)
    with torch.no_grad():
        x.add_(1)  # autograd's own multiplication by 1 keeps nothing
    value.backward()
    return x.grad


def in_another_thread(loss, x):
    value = loss(x)
    threads = [threading.Thread(target=value.backward, kwargs={"retain_graph": True}) for _ in range(3)]
    for one in threads:
        one.start()
        one.join()
    return x.grad


def saved_elsewhere(loss, x):
    with torch.autograd.graph.save_on_cpu(), torch.autograd.graph.saved_tensors_hooks(torch.clone, lambda kept: kept):
        value = loss(x * 1)
    return torch.autograd.grad(value, x, retain_graph=True), torch.autograd.grad(value, x)


def functional_transforms(loss, x):
    x = x.detach()
    back = torch.func.vjp(loss, x)[1](torch.tensor(2.0).double())
    forward = torch.func.jvp(loss, (x,), (T,))
    curve = torch.func.hessian(loss)(x), torch.func.jacfwd(loss)(x), torch.func.jacrev(loss)(x)
    several = torch.func.vmap(loss)(torch.stack([x, 2 * x])), torch.func.vmap(torch.func.grad(loss))(x.expand(2, 6, 5))
    return back, forward, curve, several, torch.autograd.functional.vhp(loss, x, T)


def a_lost_upstream(loss, x):
    class Nothing(torch.autograd.Function):
        @staticmethod
        def forward(ctx, value):
            return value.clone()

        @staticmethod
        def backward(ctx, slope):
            return None

    (Nothing.apply(loss(x)) + 0 * x.sum()).backward()
    return x.grad


def changed_value(loss, x):
    value = loss(x)
    value.mul_(2)
    return torch.autograd.grad(value, x)


CORNERS = [
    several_outputs, three_passes, third_order, after_create_graph, checkpointed, hooks, grad_taken_by_a_hook,
    accumulated, stepped_before_backward, in_another_thread, saved_elsewhere, functional_transforms, a_lost_upstream,
    changed_value,
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own, in forward mode
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("corner", CORNERS, ids=lambda corner: corner.__name__)
def test_a_corner_of_autograd(corner, loss):
    found = []
    for choice in ("auto", "rule"):
        with losslab.backend(choice):
            found.append(corner(loss, X.clone().requires_grad_()))
    torch.testing.assert_close(*found, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_derivatives_are_those_of_differences(loss):
    x = X.clone().requires_grad_()
    assert torch.autograd.gradcheck(loss, x)
    assert torch.autograd.gradgradcheck(loss, x)


@pytest.mark.parametrize("up", [torch.inf, torch.nan])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_what_is_left_out_stays_so_where_a_loss_scale_overflows(up, dtype):
    x = X.to(dtype).requires_grad_()
    with losslab.backend("fused"):
        (slope,) = torch.autograd.grad(up * F.focal_loss(x, Y), x)
    assert not slope[3].any()
    assert not slope[[0, 1, 2, 4, 5]].isfinite().all()


def test_a_compiled_function_is_one_graph():
    def twice(x, y):
        return F.focal_loss(x.tanh(), y) * 2

    x = X.clone().requires_grad_()
    compiled = torch.compile(twice, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(
        torch.autograd.grad(compiled(x, Y), x), torch.autograd.grad(twice(x, Y), x), rtol=1e-12, atol=1e-15
    )


def test_modules_are_copied_and_pickled_after_use():
    module = nn.FocalLoss(gamma=0.7, reduction="sum", weight=torch.linspace(0.5, 2, 5).double())
    wanted = module(X, Y)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module)), copy.deepcopy(copy.copy(module))):
        assert torch.equal(other(X, Y), wanted)
