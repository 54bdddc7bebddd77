"""Memory of gradients is used again only when nobody can see it: every gradient that was kept stays as it was."""

import gc
import random

import numpy as np
import pytest
import torch

import losslab
import losslab.functional as F
from losslab.kernels import pool

LARGE = (300, 300)  # above the size from which memory is kept


@pytest.fixture(autouse=True)
def _empty():
    losslab.empty_cache()
    yield
    losslab.empty_cache()


KEEPING = {
    "tensor": lambda g: g,
    "view": lambda g: g[3:5],
    "detached": lambda g: g.detach(),
    "data": lambda g: g.data,
    "array": lambda g: g.numpy(),
    "view of an array": lambda g: g.numpy().T[1:],
    "memoryview": lambda g: memoryview(g.numpy()),
    "storage": lambda g: g.untyped_storage(),
    "capsule": torch.utils.dlpack.to_dlpack,
    "array from a capsule": np.from_dlpack,
    "parameter": torch.nn.Parameter,
}


@pytest.mark.parametrize("how", KEEPING)
def test_memory_that_somebody_holds_is_not_lent_again(how):
    like = torch.empty(LARGE)
    first = pool.gradient_like(like)
    place = first.data_ptr()
    kept = KEEPING[how](first)
    del first
    assert pool.gradient_like(like).data_ptr() != place
    del kept
    gc.collect()
    again = {pool.gradient_like(like).data_ptr() for _ in range(3)}
    assert place in again


def test_memory_that_another_program_may_see_is_not_lent_again():
    like = torch.empty(LARGE)
    place = pool.gradient_like(like).share_memory_().data_ptr()
    assert pool.gradient_like(like).data_ptr() != place


def test_small_tensors_are_left_to_the_allocator():
    pool.gradient_like(torch.empty(10, 10))
    assert pool.held() == 0
    pool.gradient_like(torch.empty(LARGE))
    assert pool.held() == 300 * 300 * 4
    losslab.empty_cache()
    assert pool.held() == 0


def test_the_pool_is_bounded(monkeypatch):
    monkeypatch.setattr(pool, "MOST", 3 * 300 * 300 * 4)
    kept = [pool.gradient_like(torch.empty(LARGE)).fill_(number) for number in range(9)]
    assert pool.held() <= 3 * 300 * 300 * 4
    assert all((one == number).all() for number, one in enumerate(kept))


def test_a_training_loop_uses_its_memory_again():
    target, places = torch.rand(LARGE), set()
    for step in range(6):
        scores = torch.randn(LARGE, requires_grad=True)
        with losslab.backend("fused"):
            F.binary_cross_entropy_with_logits(scores, target).backward()
        places.add(scores.grad.data_ptr())
        expected = (torch.sigmoid(scores.detach()) - target) / target.numel()
        torch.testing.assert_close(scores.grad, expected, msg=f"step {step}")
        del scores
    assert len(places) == 1


def test_no_gradient_that_was_kept_ever_changes():
    draw = random.Random(4)
    kept: list[tuple[object, np.ndarray]] = []
    target = torch.rand(LARGE)
    labels = torch.randint(0, 300, (300,))
    with losslab.backend("fused"):
        for _ in range(60):
            scores = torch.randn(LARGE, requires_grad=True)
            loss = F.cross_entropy(scores, labels) if draw.random() < 0.5 else F.mse_loss(scores, target)
            loss = draw.choice((1, 2.5)) * loss
            way = draw.choice(("backward", "grad", "twice", "hook"))
            if way == "grad":
                (gradient,) = torch.autograd.grad(loss, scores)
            else:
                seen = []
                if way == "hook":
                    scores.register_hook(seen.append)
                loss.backward(retain_graph=way == "twice")
                gradient = seen[0] if seen else scores.grad
                if way == "twice":
                    (other,) = torch.autograd.grad(loss, scores)
                    kept.append((other, other.numpy().copy()))
            held = KEEPING[draw.choice(("tensor", "view", "detached", "array", "view of an array"))](gradient)
            kept.append((held, np.array(held if isinstance(held, np.ndarray) else held.detach().numpy(), copy=True)))
            if draw.random() < 0.4:
                kept[draw.randrange(len(kept))] = (None, None)
            del scores, loss, gradient, held
    for held, was in kept:
        if held is not None:
            now = held if isinstance(held, np.ndarray) else held.detach().numpy()
            assert np.array_equal(now, was)
