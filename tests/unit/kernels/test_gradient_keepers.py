"""A program that keeps gradients in every way there is: none of them ever changes."""

import copy
import ctypes
import pickle
import threading

import numpy as np
import pytest
import torch

import losslab
import losslab.functional as F
from losslab.kernels import pool

SHAPE = (256, 300)  # above the size from which memory is kept
TARGET = torch.rand(SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def _empty():
    losslab.empty_cache()
    with losslab.backend("fused"):
        yield
    losslab.empty_cache()


def leaf():
    return torch.randn(SHAPE, requires_grad=True)


def loss(x):
    return F.pseudo_huber_loss(x, TARGET)


def gradient():
    x = leaf()
    loss(x).backward()
    return x.grad


def saved_in_a_graph(g):
    return (g * torch.ones((), requires_grad=True)).grad_fn


def in_an_optimizer(g):
    p = torch.nn.Parameter(torch.zeros(SHAPE))
    p.grad = g
    optimizer = torch.optim.SGD([p], 0.1, momentum=0.9)
    optimizer.step()
    return optimizer, p


def typed(g):
    return torch.storage.TypedStorage(wrap_storage=g.untyped_storage(), dtype=g.dtype, _internal=True)


def from_address(g):
    return (ctypes.c_float * 4).from_buffer(g.numpy())


def _with_data(g):
    other = torch.zeros(3)
    other.data = g
    return other


def _cycle(g):
    found = [g]
    found.append(found)
    return found


def _local(g):
    found = {}
    thread = threading.Thread(target=found.__setitem__, args=("g", g))
    thread.start()
    thread.join()
    return found


# What keeps memory, and how it is read.
KEEPERS = {
    "alias": (torch.ops.aten.alias, lambda k: k),
    "as strided": (lambda g: g.as_strided((4, 4), (1, 7), 11), lambda k: k),
    "bits": (lambda g: g.view(torch.int32), lambda k: k),
    "complex": (lambda g: torch.view_as_complex(g.view(-1, 2)), lambda k: k),
    "shallow copy": (copy.copy, lambda k: k),
    "lazy clone": (torch._lazy_clone, lambda k: k),
    "subclass": (lambda g: torch.Tensor._make_subclass(torch.nn.Parameter, g), lambda k: k.detach()),
    "other tensor's data": (_with_data, lambda k: k),
    "set": (lambda g: torch.empty(0).set_(g), lambda k: k),
    "storage": (torch.Tensor.untyped_storage, lambda k: torch.empty(0).set_(k, 0, SHAPE)),
    "typed storage": (typed, lambda k: torch.empty(0).set_(k._untyped_storage, 0, SHAPE)),
    "tensor on its storage": (lambda g: torch.empty(0).set_(g.untyped_storage(), 4, (5, 5)), lambda k: k),
    "array and back": (lambda g: torch.from_numpy(g.numpy()[::2]), lambda k: k),
    "bytes": (lambda g: memoryview(g.numpy()).cast("B"), lambda k: torch.frombuffer(k, dtype=torch.float32)),
    "buffer": (lambda g: torch.frombuffer(g.numpy(), dtype=torch.float32), lambda k: k),
    "ctypes": (from_address, lambda k: torch.tensor(list(k))),
    "dlpack": (torch.from_dlpack, lambda k: k),
    "dlpack of an array": (np.from_dlpack, torch.from_numpy),
    "graph": (saved_in_a_graph, lambda k: k._saved_self),
    "optimizer": (in_an_optimizer, lambda k: k[0].state[k[1]]["momentum_buffer"]),
    "shared memory": (torch.Tensor.share_memory_, lambda k: k),
    "pickled view": (lambda g: pickle.loads(pickle.dumps(g[:2])), lambda k: k),
    "closure": (lambda g: lambda: g, lambda k: k()),
    "cycle": (_cycle, lambda k: k[0]),
    "other thread": (_local, lambda k: k["g"]),
}


@pytest.mark.parametrize("how", KEEPERS)
def test_what_is_kept_never_changes(how):
    keep, read = KEEPERS[how]
    kept = [keep(gradient()) for _ in range(2)]
    was = [read(one).detach().clone() for one in kept]
    for _ in range(6):
        gradient()
    assert pool.held() > 0
    for one, before in zip(kept, was, strict=True):
        assert torch.equal(read(one).detach(), before)


def test_gradients_between_forward_and_backward_are_not_shared():
    leaves = [leaf() for _ in range(4)]
    losses = [loss(x) for x in leaves]
    for value in reversed(losses):
        value.backward()
    for x in leaves:
        r = x.detach() - TARGET
        torch.testing.assert_close(x.grad, r / (1 + r * r).sqrt() / r.numel())


def test_a_gradient_that_a_hook_kept_and_one_that_was_added_to():
    x, seen = leaf(), []
    x.register_hook(seen.append)
    loss(x).backward()
    first = seen[0].clone()
    for _ in range(4):
        loss(x).backward()
    assert len({g.data_ptr() for g in seen}) == len(seen)
    torch.testing.assert_close(seen[1], first)
    torch.testing.assert_close(x.grad, sum(seen[1:], seen[1] * 0) + first)


def test_memory_that_was_resized_is_not_lent_again():
    g = gradient()
    g.untyped_storage().resize_(16)
    del g
    assert gradient().untyped_storage().nbytes() == 256 * 300 * 4


def test_a_backward_pass_under_another_default_device():
    x = leaf()
    value = loss(x)
    (first,) = torch.autograd.grad(value, x, retain_graph=True)
    with torch.device("meta"):
        (second,) = torch.autograd.grad(value, x)
    assert torch.equal(first, second)


def test_several_threads_keep_their_gradients():
    wrong = []

    def work():
        kept = []
        for _ in range(12):
            g = gradient()
            kept.append((g, g.clone()))
            if len(kept) > 3:
                del kept[0]
            wrong.extend(one for one, before in kept if not torch.equal(one, before))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong
