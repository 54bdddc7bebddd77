"""Overlap losses where regions are empty, missed, ignored or large, and what they say of a wrong input."""

import math

import pytest
import torch

import losslab.functional as L
from losslab.catalog import CATALOGUE
from losslab.spec import policy

SOFTMAX = ["dice_loss", "jaccard_loss", "tversky_loss", "log_cosh_dice_loss", "focal_tversky_loss"]
SOFTMAX += ["generalized_dice_loss", "lovasz_softmax_loss"]
SIGMOID = ["sigmoid_dice_loss", "sigmoid_jaccard_loss", "sigmoid_tversky_loss"]


@pytest.mark.parametrize("name", SIGMOID)
@pytest.mark.parametrize("smooth", [0.0, 1e-5, 1.0])
def test_nothing_predicted_where_nothing_is_costs_nothing(name, smooth):
    for dtype in (torch.float32, torch.float64):
        x = torch.zeros(2, 1, 4, dtype=dtype, requires_grad=True)
        value = getattr(L, name)(x, torch.zeros_like(x), smooth=smooth, from_logits=False, reduction="none")
        assert value.tolist() == [[0.0], [0.0]]
        assert torch.autograd.grad(value.sum(), x)[0].isfinite().all()
        far = torch.full((2, 1, 4), -1e4, dtype=dtype, requires_grad=True)
        value = getattr(L, name)(far, torch.zeros_like(far), smooth=smooth, reduction="none")
        assert value.tolist() == [[0.0], [0.0]]
        assert not torch.autograd.grad(value.sum(), far)[0].any()


def test_an_empty_target_with_something_predicted():
    p = torch.full((1, 1, 200), 0.5, dtype=torch.float64, requires_grad=True)  # a sum of 100
    none = torch.zeros_like(p)
    value = L.sigmoid_dice_loss(p, none, smooth=0.0, from_logits=False)
    assert value.item() == 1
    assert torch.autograd.grad(value, p)[0].abs().max() < 1e-16
    value = L.sigmoid_dice_loss(p, none, smooth=1.0, from_logits=False)
    assert value.item() == pytest.approx(0.99009900990099, rel=1e-13)
    assert torch.autograd.grad(value, p)[0].flatten().tolist() == pytest.approx([1 / 101**2] * 200, rel=1e-12)


def test_a_perfect_prediction_costs_nothing_and_its_opposite_one():
    y = torch.tensor([[0, 2, 1, 1], [2, 2, 2, 2]])
    sure = 200 * torch.nn.functional.one_hot(y, 3).movedim(-1, 1).double()
    for name in SOFTMAX:
        x = sure.clone().requires_grad_()
        value = getattr(L, name)(x, y)
        assert value.item() == pytest.approx(0, abs=1e-80 if name != "focal_tversky_loss" else 1e-60)
        assert torch.autograd.grad(value, x)[0].isfinite().all()
        opposite = getattr(L, name)(-sure[:1], y[:1])
        most = math.log(math.cosh(1)) if name == "log_cosh_dice_loss" else 1.0
        assert opposite.item() == pytest.approx(most, abs=1e-4)


@pytest.mark.parametrize("name", SOFTMAX)
def test_a_fully_ignored_image_is_as_if_it_were_not_there(name):
    x = torch.randn(2, 3, 5, dtype=torch.float64).requires_grad_()
    y = torch.tensor([[0, 1, 1, 2, 0], [0, 0, 0, 1, 2]])
    y[1] = -100
    value = getattr(L, name)(x, y)
    slope = torch.autograd.grad(value, x)[0]
    assert value.item() == getattr(L, name)(x[:1], y[:1]).item()
    assert not slope[1].any()
    policy.forget()
    with pytest.warns(policy.EmptyLossWarning, match=f"{name}: nothing to average"):
        value = getattr(L, name)(x, torch.full_like(y, -100))
    assert value.item() == 0
    assert not torch.autograd.grad(value, x)[0].any()


def test_generalized_dice_does_not_vanish_on_large_images():
    """With weights as they stand in the paper, a smoothing of 1e-5 is larger than all that it is added to."""
    x = torch.zeros(1, 2, 1 << 21)
    y = (torch.arange(1 << 21) % 2)[None]
    assert L.generalized_dice_loss(x, y).item() == pytest.approx(0.5, rel=1e-5)


def test_log_cosh_keeps_the_digits_of_a_small_loss():
    x = torch.tensor([[[18.0, -18.0], [0.0, 0.0]]])
    small = L.dice_loss(x, torch.tensor([[0, 1]]), smooth=0.0, reduction="none")
    found = L.log_cosh_dice_loss(x, torch.tensor([[0, 1]]), smooth=0.0, reduction="none")
    assert small.max() < 1e-7
    torch.testing.assert_close(found, small**2 / 2, rtol=1e-5, atol=0)


def test_what_looks_wrong_is_said():
    y = torch.tensor([[0, 1, 1, 0]])
    p = torch.tensor([[[0.7, 0.2, 0.4, 0.9], [0.3, 0.8, 0.6, 0.1]]])
    for name in SOFTMAX:
        policy.forget()
        with pytest.warns(policy.LossWarning, match=f"{name}: input sums to one .* softmax was applied already"):
            getattr(L, name)(p, y)
        policy.forget()
        with pytest.warns(policy.LossWarning, match="one class, and the softmax of one score is 1"):
            getattr(L, name)(p[:, :1], torch.zeros_like(y))
        with pytest.raises(ValueError, match=f"{name}: from_logits=False wants .* values from -3 to 1"):
            getattr(L, name)(p.new_tensor([[[-3.0, 0, 0, 0], [1, 1, 1, 1]]]), y, from_logits=False)
    for name in SIGMOID:
        policy.forget()
        with pytest.warns(policy.LossWarning, match=f"{name}: all inputs lie between 0 and 1: a sigmoid"):
            getattr(L, name)(torch.full((2, 1, 16), 0.5), torch.ones(2, 1, 16))
        with pytest.raises(ValueError, match="from_logits=False wants"):
            getattr(L, name)(torch.full((2, 1, 16), 1.5), torch.ones(2, 1, 16), from_logits=False)
    policy.forget()
    with pytest.warns(policy.LossWarning, match="distance is nowhere negative"):
        L.boundary_loss(torch.zeros(1, 2, 4), torch.ones(1, 2, 4))
    with pytest.raises(ValueError, match="lovasz_hinge_loss: target must hold 0 and 1"):
        L.lovasz_hinge_loss(torch.zeros(1, 4), torch.tensor([[0, 1, 255, 1]]))


def test_all_are_for_segmentation():
    ours = [*SOFTMAX, *SIGMOID, "lovasz_hinge_loss", "boundary_loss"]
    assert {CATALOGUE[name].tasks for name in ours} == {("segmentation",)}


def test_a_million_pixels_keep_their_ranks_in_single_precision():
    n = 1 << 20
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, n, generator=generator)
    y = (torch.rand(1, n, generator=generator) < 0.3).float()
    wide = x.double().requires_grad_()
    (expected,) = torch.autograd.grad(L.lovasz_hinge_loss(wide, y.double()), wide)
    narrow = x.requires_grad_()
    (found,) = torch.autograd.grad(L.lovasz_hinge_loss(narrow, y), narrow)
    # single precision ranks near ties otherwise, and a rank moves a slope by no more than the next one's
    assert (found.double() - expected).abs().max() < 1e-4 * expected.abs().max()
