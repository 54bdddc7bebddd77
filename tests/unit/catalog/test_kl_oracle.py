"""The Kullback-Leibler divergence against its definition in forty digits, and what it says of odd arguments."""

import math

import mpmath
import pytest
import torch
from scipy import stats

import losslab
import losslab.functional as F
from losslab import nn
from losslab.spec import policy

INF = math.inf


@pytest.fixture(autouse=True)
def _anew():
    policy.forget()


def double(values):
    return torch.tensor(values, dtype=torch.float64)


X = double([[-0.1, -7.25, -40.0], [-3.0, -1e-9, -700.0]])
T = double([[0.2, 0.7, 0.1], [1e-300, 1 - 1e-16, 0.0]])


def divergence(x, t):
    return t * (mpmath.log(t) - x) if t else mpmath.mpf(0)


@pytest.mark.parametrize("log_target", [False, True])
def test_the_definition_in_forty_digits(log_target):
    target = T.log() if log_target else T
    found = F.kl_div(X, target, reduction="none", log_target=log_target)
    with mpmath.workdps(40):
        for x, t, one in zip(X.flatten().tolist(), target.flatten().tolist(), found.flatten().tolist(), strict=True):
            share = mpmath.exp(t) if log_target else mpmath.mpf(t)
            wanted = divergence(mpmath.mpf(x), share)
            assert one == pytest.approx(float(wanted), rel=1e-13, abs=1e-300)


@pytest.mark.parametrize("log_target", [False, True])
def test_slopes_by_input_and_target(log_target):
    x, t = X[:1].clone().requires_grad_(), (T.log() if log_target else T)[:1].clone().requires_grad_()
    F.kl_div(x, t, reduction="sum", log_target=log_target).backward()
    share = T[:1]
    torch.testing.assert_close(x.grad, -share, rtol=1e-13, atol=0)
    by_share = share.log() - X[:1] + 1
    torch.testing.assert_close(t.grad, by_share * share if log_target else by_share, rtol=1e-12, atol=0)


def test_equal_to_scipys_relative_entropy_by_batch():
    p, q = torch.rand(5, 4, dtype=torch.float64).softmax(1), torch.rand(5, 4, dtype=torch.float64).softmax(1)
    wanted = stats.entropy(p.numpy(), q.numpy(), axis=1).mean()
    assert F.kl_div(q.log(), p, reduction="batchmean").item() == pytest.approx(wanted, rel=1e-12)
    mean = losslab.losses()["kl_div"]
    with pytest.warns(policy.LossWarning, match="divided by the number of classes"):
        assert mean(q.log(), p).item() == pytest.approx(wanted / 4, rel=1e-12)


@pytest.mark.parametrize("log_target", [False, True])
def test_nothing_times_infinity_is_nothing(log_target):
    x, t = double([-INF, 0.0, -2.0]).requires_grad_(), double([0.0, 1.0, 0.0])
    t = (t.log() if log_target else t).requires_grad_()
    value = F.kl_div(x, t, reduction="none", log_target=log_target)
    assert value.tolist() == [0.0, 0.0, 0.0]
    value.sum().backward()
    assert x.grad.tolist() == [0.0, -1.0, 0.0]
    assert t.grad.tolist() == [0.0, 1.0, 0.0]


def test_an_impossible_class_that_is_wanted_costs_infinity():
    x = double([-INF, 0.0]).requires_grad_()
    value = F.kl_div(x, double([0.25, 0.75]), reduction="sum")
    value.backward()
    assert value.item() == INF
    assert x.grad.tolist() == [-0.25, -0.75]


def test_a_distribution_is_as_near_as_can_be_to_itself():
    scores = torch.randn(500, 7, generator=torch.Generator().manual_seed(1))
    log_p = scores.log_softmax(1)
    assert (F.kl_div(log_p, log_p, reduction="none", log_target=True) == 0).all()
    each = F.kl_div(log_p, scores.softmax(1), reduction="none").sum(1)
    assert each.min() > -2 * torch.finfo(torch.float32).eps  # the rounding of two inputs that sum to nearly one


def test_a_mask_leaves_rows_out_of_the_batch():
    x, t = double([[-0.5, -1.0], [math.nan, 0.0], [-0.2, -0.1]]), double([[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]])
    mask = torch.tensor([[True, False], [False, False], [True, True]])
    found = F.kl_div(x, t, mask=mask, reduction="batchmean")
    assert found.item() == pytest.approx((0.5 * (math.log(0.5) + 0.5) + 0.2) / 2, rel=1e-12)


@pytest.mark.parametrize(
    ("x", "t", "options", "words"),
    [
        ([[0.4, 0.6]], [[0.5, 0.5]], {}, "input should hold log-probabilities.*largest value is 0.6"),
        ([[-0.4, -0.6]], [[0.5, 0.1]], {}, "rows do not sum to one: one sums to 0.6"),
        ([[-0.4, -0.6]], [[0.0, 2.0]], {}, "target should hold probabilities, but the largest is 2"),
        ([[-0.4, -0.6]], [[-0.4, -0.6]], {"log_target": True}, "rows do not sum to one"),
        ([[-0.4, -0.6]], [[0.5, 0.5]], {"reduction": "mean"}, 'reduction="batchmean"'),
    ],
)
def test_smells_are_told_once_and_change_nothing(x, t, options, words):
    with pytest.warns(policy.LossWarning, match=words):
        found = F.kl_div(double(x), double(t), **{"reduction": "sum"} | options)
    theirs = torch.nn.functional.kl_div
    again = {"reduction": "sum"} | options
    if again["reduction"] == "mean":
        with pytest.warns(UserWarning, match="support size"):
            assert found == theirs(double(x), double(t), **again)
    else:
        assert found == theirs(double(x), double(t), **again)
    F.kl_div(double(x), double(t), **again)


def test_what_is_right_smells_of_nothing():
    x = torch.randn(2, 3, 4).log_softmax(1)
    F.kl_div(x, torch.randn(2, 3, 4).softmax(1), reduction="batchmean")
    F.kl_div(x, torch.randn(2, 3, 4).log_softmax(-1), reduction="batchmean", log_target=True)
    mask = torch.ones(2, 3, 4, dtype=torch.bool).tril()
    nn.KLDivLoss(reduction="sum")(x.masked_fill(~mask, 5.0), torch.full((2, 3, 4), 0.3), mask=mask)


def test_negative_targets_are_refused():
    with pytest.raises(ValueError, match=r"smallest value is -0\.25"):
        F.kl_div(double([-1.0, -1.0]), double([0.5, -0.25]), reduction="sum")
    with pytest.raises(ValueError, match="pass log_target=True"):
        F.kl_div(double([-1.0, -1.0]), double([-0.5, -0.25]), reduction="sum")
