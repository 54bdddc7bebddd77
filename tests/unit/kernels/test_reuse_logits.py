"""reuse_logits=True: the gradient lies over the logits, and nobody who still needs them is misled."""

import pytest
import torch

import losslab
import losslab.functional as F
from losslab import nn
from losslab.catalog import CATALOGUE
from losslab.kernels.dispatch import explain
from losslab.kernels.library import library

DATA = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75], [0.0, 3.0, 1.0], [-2.0, 0.5, 0.75]])
LABELS = torch.tensor([2, 1, -100, 0])
TAKING = sorted(name for name, record in CATALOGUE.items() if record.kind == "rowwise")


def logits(dtype=torch.float32, data=DATA):
    """A leaf, and scores computed from it by an operation that does not need them afterwards."""
    leaf = data.detach().to(dtype, copy=True).requires_grad_()
    return leaf, leaf * 2


@pytest.mark.parametrize("name", TAKING)
def test_every_loss_gives_the_gradient_that_it_gives_without(name):
    more = {key: torch.tensor([5.0, 2.0, 3.0]) for key in CATALOGUE[name].per_class}
    data = DATA.log_softmax(1) / 2 if name == "nll_loss" else DATA
    data = DATA.softmax(1) / 2 if "probabilities" in name else data
    labels = LABELS.clamp(min=0)
    found = []
    for reuse in (False, True):
        leaf, scores = logits(torch.float64, data)
        form = getattr(F, name)
        loss = form(scores, labels, reuse_logits=reuse, **more)
        (0.5 * loss).backward()
        found.append((loss.detach(), leaf.grad))
    assert found[0][1].abs().max() > 1e-3
    torch.testing.assert_close(found[1], found[0], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("weight", [None, torch.tensor([0.5, 3.0, 2.0, 1.25])])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2)])
def test_the_gradient_is_right_and_lies_over_the_logits(dtype, weight, shape):
    labels = LABELS if shape == (4, 3) else LABELS.view(2, 2)
    weight = weight if weight is None else weight.view(labels.shape)
    leaf, scores = logits(dtype, DATA.view(shape))
    wanted = scores.detach().clone().requires_grad_()
    with losslab.backend("rule"):
        F.focal_loss(wanted, labels, sample_weight=weight).backward()
    seen, before = [], scores._version
    scores.register_hook(seen.append)
    loss = F.focal_loss(scores, labels, sample_weight=weight, reuse_logits=True)
    assert scores._version > before
    loss.backward()
    assert seen[0].data_ptr() == scores.data_ptr()
    torch.testing.assert_close(seen[0], wanted.grad)
    torch.testing.assert_close(leaf.grad, 2 * wanted.grad)


def test_small_cross_entropy_is_written_over_too_and_as_a_module():
    leaf, scores = logits()
    loss = nn.CrossEntropyLoss(reuse_logits=True)(scores, LABELS)
    assert not torch.equal(scores, 2 * DATA)
    loss.backward()
    wanted = (2 * DATA).requires_grad_()
    torch.nn.functional.cross_entropy(wanted, LABELS).backward()
    torch.testing.assert_close(leaf.grad, 2 * wanted.grad)


@pytest.mark.parametrize("view", [False, True])
def test_a_leaf_is_refused_and_left_as_it_is(view):
    leaf = DATA.clone().requires_grad_()
    with pytest.raises(ValueError, match="focal_loss: reuse_logits=True would write over a leaf"):
        F.focal_loss(leaf.view(4, 3) if view else leaf, LABELS, reuse_logits=True)
    assert torch.equal(leaf, DATA)


def test_who_else_saved_the_logits_raises():
    leaf = DATA.clone().requires_grad_()
    scores = leaf.exp()  # needs its result for its backward pass
    loss = F.focal_loss(scores, LABELS, reuse_logits=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_the_logits_changed_after_the_loss_raise():
    _, scores = logits()
    loss = F.focal_loss(scores, LABELS, reuse_logits=True)
    with torch.no_grad():
        scores.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_second_backward_pass_and_a_second_derivative_are_refused_in_words():
    leaf, scores = logits()
    loss = F.focal_loss(scores, LABELS, reuse_logits=True)
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(loss, leaf, create_graph=True)
    torch.autograd.grad(3 * loss, leaf, retain_graph=True)
    with pytest.raises(RuntimeError, match="first backward pass, and the logits are gone"):
        torch.autograd.grad(loss, leaf, retain_graph=True)


@pytest.mark.parametrize("weight", [None, torch.ones(4)])
def test_a_wrong_label_is_told_before_anything_is_written(weight):
    _, scores = logits()
    with losslab.checks("off"), pytest.raises((IndexError, ValueError, RuntimeError)):
        F.focal_loss(scores, torch.tensor([2, 1, 0, 7]), sample_weight=weight, reuse_logits=True)
    assert torch.equal(scores, 2 * DATA)


@pytest.mark.parametrize("options", [{"reduction": "none"}, {"input": DATA.T.contiguous().T}])
def test_where_it_cannot_be_the_logits_stay(options):
    options = dict(options)
    leaf = options.pop("input", DATA).clone().requires_grad_()
    scores = leaf * 2
    F.focal_loss(scores, LABELS, reuse_logits=True, **options).sum().backward()
    assert torch.equal(scores, 2 * DATA)


def test_a_target_in_the_same_memory_is_not_written_over():
    leaf = DATA.softmax(1).requires_grad_()
    scores = leaf * 1
    with losslab.checks("off"):  # such scores look like a mistake
        F.cross_entropy(scores, scores.detach(), reuse_logits=True).backward()
    assert torch.equal(scores, leaf)


@pytest.mark.parametrize("how", ["no_grad", "detached"])
def test_without_a_gradient_nothing_is_written(how):
    _, scores = logits()
    with torch.set_grad_enabled(how != "no_grad"):
        F.focal_loss(scores.detach() if how == "detached" else scores, LABELS, reuse_logits=True)
    assert torch.equal(scores, 2 * DATA)


@pytest.mark.without_kernels
def test_by_the_rule_it_has_no_effect():
    leaf = DATA.clone().requires_grad_()
    with losslab.backend("rule"):
        loss = F.focal_loss(leaf, LABELS, reuse_logits=True)
        (first,) = torch.autograd.grad(loss, leaf, create_graph=True)
        (wanted,) = torch.autograd.grad(F.focal_loss(leaf, LABELS), leaf)
    assert torch.equal(first, wanted)
    assert torch.equal(leaf, DATA)
    if library() is not None:
        assert explain("focal_loss", leaf * 2, LABELS, reuse_logits=True) == "the fused kernel"
