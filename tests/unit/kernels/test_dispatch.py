"""A fused loss behaves in autograd as its rule does, and what a kernel cannot do runs by the rule."""

import copy
import gc
import threading
import weakref

import pytest
import torch

import losslab
import losslab.functional as F
from losslab import nn
from losslab.kernels import function
from losslab.kernels.dispatch import explain

SCORES = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75], [0.0, 3.0, 1.0], [-2.0, 0.5, 0.75]])
LABELS = torch.tensor([2, 1, -100, 0])


def both(call, *leaves, dtype=torch.float64):
    """What the kernel and the rule give for `call(*leaves)`."""
    found = []
    for choice in ("fused", "rule"):
        with losslab.backend(choice):
            found.append(call(*(one.to(dtype).requires_grad_() for one in leaves)))
    return found


def focal(x, **options):
    return F.focal_loss(x, LABELS, gamma=1.5, **options)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("scale", [1.0, -0.3])
def test_value_and_gradient(reduction, scale):
    weight, up = torch.tensor([0.5, 3.0, 2.0, 1.25]), torch.tensor([1.0, -2.0, 3.0, 0.25])

    def call(x):
        loss = focal(x, reduction=reduction, sample_weight=weight, weight=torch.tensor([2.0, 0.5, 1.0]))
        loss = (loss * up).sum() if reduction == "none" else loss
        return loss.detach(), torch.autograd.grad(scale * loss, x)[0]

    torch.testing.assert_close(*both(call, SCORES), rtol=1e-12, atol=1e-14)


def test_second_derivatives_have_the_values_of_the_rule():
    def call(x):
        loss = F.pseudo_huber_loss(x, torch.ones_like(x.detach()), scale=0.7)
        (slope,) = torch.autograd.grad(loss, x, create_graph=True)
        (second,) = torch.autograd.grad(slope.square().sum(), x)
        return slope.detach(), second

    fused, rule = both(call, SCORES)
    assert rule[1].abs().max() > 1e-3
    torch.testing.assert_close(fused, rule, rtol=1e-12, atol=0)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own, in forward mode
def test_forward_mode_and_transforms_have_the_values_of_the_rule():
    x, v = SCORES.double(), torch.linspace(-1, 2, 12, dtype=torch.float64).view(4, 3)
    found = []
    for choice in ("auto", "rule"):
        with losslab.backend(choice):
            with torch.autograd.forward_ad.dual_level():
                dual = focal(torch.autograd.forward_ad.make_dual(x, v))
                along = torch.autograd.forward_ad.unpack_dual(dual).tangent
            _, along_too = torch.func.jvp(focal, (x,), (v,))
            per_row = torch.func.vmap(torch.func.grad(lambda row: F.pseudo_huber_loss(row, row.detach() * 0)))(x)
            hessian = torch.func.hessian(focal)(x)
            leaf = x.clone().requires_grad_()
            loss = focal(leaf, reduction="none")
            several = torch.autograd.grad(loss, leaf, torch.eye(4).double(), is_grads_batched=True)[0]
        found.append((along, along_too, per_row, hessian, several))
    torch.testing.assert_close(*found, rtol=1e-11, atol=1e-14)
    assert found[0][0] == found[0][1] != 0


def test_a_second_backward_pass_has_memory_of_its_own():
    x = SCORES.clone().requires_grad_()
    with losslab.backend("fused"):
        loss = focal(x)
    (first,) = torch.autograd.grad(loss, x, retain_graph=True)
    (second,) = torch.autograd.grad(loss, x, retain_graph=True)
    (third,) = torch.autograd.grad(3 * loss, x)
    assert torch.equal(first, second)
    assert first.data_ptr() != second.data_ptr()
    torch.testing.assert_close(third, 3 * first)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        loss.backward()


@pytest.mark.parametrize("which", ["input", "target", "weight"])
def test_a_tensor_changed_in_place_does_not_change_the_gradient(which):
    """What was computed with the value is right still; what would have to be computed anew is refused."""
    leaf = SCORES.clone().requires_grad_()
    tensors = {"input": leaf * 1, "target": torch.ones(4, 3), "weight": torch.ones(4, 3)}

    def loss():
        return F.pseudo_huber_loss(tensors["input"], tensors["target"], sample_weight=tensors["weight"])

    (right,) = torch.autograd.grad(loss(), leaf, retain_graph=True)
    with losslab.backend("fused"):
        changed = loss()
    with torch.no_grad():
        tensors[which].add_(1)
    (found,) = torch.autograd.grad(changed, leaf, retain_graph=True)
    assert torch.equal(found, right)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        changed.backward()


def test_the_graph_lets_its_tensors_go():
    input = SCORES.clone().requires_grad_() * 1
    gone = weakref.ref(input)
    with losslab.backend("fused"):
        loss = focal(input)
    loss.backward()
    del input
    assert gone() is None
    value = weakref.ref(loss)
    del loss
    gc.disable()
    assert value() is None, "a value is freed without the garbage collector"
    gc.enable()


def test_classes_in_any_dimension_and_any_layout():
    x = torch.randn(2, 5, 3, 4, dtype=torch.float64)
    labels = torch.randint(0, 5, (2, 3, 4))
    wanted = both(lambda x: torch.autograd.grad(F.focal_loss(x, labels), x)[0], x)[1]
    for strange in (x.to(memory_format=torch.channels_last), x.transpose(2, 3).contiguous().transpose(2, 3)):
        for found in both(lambda x: torch.autograd.grad(2 * F.focal_loss(x, labels), x)[0], strange):
            torch.testing.assert_close(found, 2 * wanted)
    last = x.movedim(1, -1).contiguous()
    found = both(lambda x: torch.autograd.grad(F.focal_loss(x, labels, class_dim=-1), x)[0], last)[0]
    torch.testing.assert_close(found, wanted.movedim(1, -1))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precisions_round_the_scaled_gradient_once(dtype):
    x = (SCORES * 20).to(dtype)
    fused, rule = both(lambda x: torch.autograd.grad(65536 * focal(x) / 3, x)[0], x, dtype=dtype)
    assert fused.dtype == dtype
    torch.testing.assert_close(fused, rule, rtol=2 * torch.finfo(dtype).eps, atol=1e-7)
    with torch.autocast("cpu", dtype=torch.bfloat16), losslab.backend("fused"):
        assert focal(SCORES.to(dtype)).dtype == torch.float32


def test_a_subclass_and_a_mode_see_the_rule():
    class Named(torch.Tensor):
        pass

    class Counts(torch.overrides.TorchFunctionMode):
        calls = 0

        def __torch_function__(self, func, types, args=(), kwargs=None):
            self.calls += 1
            return func(*args, **(kwargs or {}))

    assert isinstance(F.pseudo_huber_loss(SCORES.as_subclass(Named), SCORES * 0), Named)
    with Counts() as mode:
        F.pseudo_huber_loss(SCORES, SCORES * 0)
    assert mode.calls > 3


def test_gradients_of_target_and_parameters_come_from_the_rule():
    target = torch.zeros(4, 3, requires_grad=True)
    scale = torch.tensor(0.5, requires_grad=True)
    F.pseudo_huber_loss(SCORES, target, scale=scale).backward()
    assert target.grad.abs().sum() > 0
    assert scale.grad != 0


def test_several_threads_at_once():
    x, y = torch.randn(64, 10), torch.randint(0, 10, (64,))
    with losslab.backend("rule"):
        wanted = F.focal_loss(x, y, gamma=2.0)
    wrong = []

    def work(gamma):
        for _ in range(100):
            value = F.focal_loss(x, y, gamma=gamma)
            if gamma == 2.0 and not torch.isclose(value, wanted):
                wrong.append(value)

    threads = [threading.Thread(target=work, args=(gamma,)) for gamma in (2.0, 0.5, 2.0, 5.0)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong


def test_modules_follow_their_options():
    x = SCORES.clone().requires_grad_()
    module = nn.FocalLoss(gamma=0.5)
    for changed in (module, copy.deepcopy(module)):
        torch.testing.assert_close(changed(x, LABELS), F.focal_loss(x, LABELS, gamma=0.5))
        changed.reduction, changed.gamma = "sum", 3.0
        torch.testing.assert_close(changed(x, LABELS), F.focal_loss(x, LABELS, gamma=3.0, reduction="sum"))


def test_nothing_to_average_is_zero_with_a_warning():
    losslab.spec.policy.forget()
    x = SCORES.clone().requires_grad_()
    with losslab.backend("fused"), pytest.warns(UserWarning, match="focal_loss: nothing to average"):
        loss = F.focal_loss(x, torch.full((4,), -100))
    loss.backward()
    assert loss == 0
    assert not x.grad.any()


def test_what_runs_is_said_and_so(monkeypatch):
    runs = []
    whole = function.Job.run
    monkeypatch.setattr(function.Job, "run", lambda *args: runs.append(1) or whole(*args))
    big = torch.zeros(300, 300)
    assert explain("pseudo_huber_loss", big, big) == "the fused kernel"
    assert explain("mse_loss", SCORES, SCORES) == "torch's own operator"
    assert explain("mse_loss", SCORES, SCORES.double()).startswith("the rule: input is torch.float32")
    assert explain("kl_div", SCORES, SCORES).startswith("the rule: there is only its rule")
    runs.clear()
    F.pseudo_huber_loss(big, big)
    assert runs == [1]
    F.mse_loss(SCORES, SCORES)
    assert runs == [1]
