"""The user's choice of what computes the losses, and how its limits are told."""

import pytest
import torch

import losslab
import losslab.functional as F
from losslab.kernels.backend import chosen


def test_the_choice_holds_within_a_block_and_from_now_on():
    assert chosen() == "auto"
    with losslab.backend("rule"):
        assert chosen() == "rule"
        with losslab.backend("torch"):
            assert chosen() == "torch"
        assert chosen() == "rule"
    assert chosen() == "auto"
    losslab.backend("rule")
    assert chosen() == "rule"
    losslab.backend("auto")
    assert chosen() == "auto"


def test_another_word_is_refused():
    with pytest.raises(ValueError, match="backend: choice = 'fast'; it must be"):
        losslab.backend("fast")


@pytest.mark.parametrize(
    ("choice", "call", "why"),
    [
        ("fused", lambda x: F.mse_loss(x.to(torch.complex64), x), "input is torch.complex64"),
        ("fused", lambda x: F.kl_div(x, x.exp()), "there is only its rule"),
        ("fused", lambda x: F.mse_loss(x, x.clone().requires_grad_()), "the target requires a gradient"),
        ("fused", lambda x: torch.func.grad(lambda y: F.mse_loss(y, x))(x), "a torch.func transform"),
        ("fused", lambda x: F.mse_loss(x, x.double()), "computed in float64"),
        ("torch", lambda x: F.pseudo_huber_loss(x, x), "torch has no operator"),
        ("torch", lambda x: F.mse_loss(x, x, sample_weight=x), "torch has no operator .* with these options"),
        ("torch", lambda x: F.huber_loss(x, x, delta=float("inf")), "torch's form is not right for these tensors"),
    ],
)
def test_an_explicit_choice_says_why_it_cannot_be(choice, call, why):
    with losslab.backend(choice), pytest.raises(RuntimeError, match=f'backend\\("{choice}"\\) cannot be: .*{why}'):
        call(torch.linspace(-1, 1, 6))


@pytest.mark.parametrize("choice", ["auto", "fused", "torch", "rule"])
def test_errors_are_the_same_whatever_computes(choice):
    scores = torch.zeros(3, 4)
    with losslab.backend(choice):
        for _ in range(7):  # beyond the calls in which everything is looked at
            with pytest.raises(ValueError, match=r"cross_entropy: label 4 at \[2\] is out of range: input has"):
                F.cross_entropy(scores, torch.tensor([0, 3, 4]))
            with pytest.raises(ValueError, match=r"input has shape \(3, 4\) and target \(4,\)"):
                F.mse_loss(scores, torch.zeros(4))
            with pytest.raises(TypeError, match="unknown argument 'sizes'"):
                F.mse_loss(scores, scores, sizes=1)


def test_a_loss_of_the_users_own_is_not_taken_for_the_catalogues():
    @losslab.loss(kind="pointwise", task="regression")
    def mse_loss(input, target):
        return 7 * (input - target)

    try:
        x = torch.tensor([3.0, 5.0], requires_grad=True)
        value = mse_loss(x, torch.ones(2), reduction="sum")
        value.backward()
        assert value.item() == 42
        assert x.grad.tolist() == [7, 7]
    finally:
        from losslab.catalog import CATALOGUE, regression

        CATALOGUE.add(regression.mse_loss)
