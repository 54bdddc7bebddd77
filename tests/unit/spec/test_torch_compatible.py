"""Torch's own policy, for a block or from now on."""

import math
import warnings

import pytest
import torch
from spec_standins import probability_loss

import losslab
import losslab.functional as F
from losslab import nn
from losslab.spec import policy

NOTHING = torch.zeros(0)


@pytest.fixture(autouse=True)
def _anew():
    policy.forget()
    yield
    losslab.torch_compatible(False)


def test_the_mean_of_nothing_is_nan_unless_asked_for():
    with losslab.torch_compatible():
        assert math.isnan(F.mse_loss(NOTHING, NOTHING))
        assert math.isnan(nn.MSELoss()(NOTHING, NOTHING))
        with pytest.warns(policy.EmptyLossWarning):
            assert F.mse_loss(NOTHING, NOTHING, empty="zero") == 0
        assert nn.MSELoss(empty="zero")(NOTHING, NOTHING) == 0
        with pytest.raises(ValueError, match="nothing to average"):
            F.mse_loss(NOTHING, NOTHING, empty="raise")
        later = nn.MSELoss()
        later.empty = "raise"
        with pytest.raises(ValueError, match="nothing to average"):
            later(NOTHING, NOTHING)


def test_a_module_built_inside_is_itself_outside():
    with losslab.torch_compatible():
        inside = nn.MSELoss()
    assert repr(inside) == "MSELoss()"
    with pytest.warns(policy.EmptyLossWarning):
        assert inside(NOTHING, NOTHING) == 0


def test_half_precisions_come_back_in_their_type_but_are_summed_in_float32():
    ones = torch.ones(70000, dtype=torch.float16)
    with losslab.torch_compatible():
        mean = F.mse_loss(2 * ones, ones)
        assert (mean.dtype, mean.item()) == (torch.float16, 1.0)
        assert F.mse_loss(ones, ones.float()).dtype == torch.float32
        assert F.mse_loss(ones.to(torch.bfloat16), ones).dtype == torch.float32
        assert F.cross_entropy(torch.zeros(2, 3).half(), torch.tensor([0, 2])).dtype == torch.float16
        assert F.mse_loss(torch.tensor([1 + 2j]), torch.tensor([0j])).dtype == torch.float32
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert F.mse_loss(ones, ones).dtype == torch.float32
    assert F.mse_loss(2 * ones, ones).dtype == torch.float32


def test_shapes_are_stretched_where_torch_does_and_nowhere_else():
    column, row = torch.tensor([[1.0], [2.0]]), torch.tensor([1.0, 3.0])
    with losslab.torch_compatible():
        with pytest.warns(UserWarning, match="This will likely lead to incorrect results") as seen:
            assert F.mse_loss(column, row, reduction="none").tolist() == [[0.0, 4.0], [1.0, 1.0]]
        assert seen[0].filename == __file__
        for name in ("binary_cross_entropy", "log_cosh_loss", "soft_margin_loss"):
            with pytest.raises(ValueError, match="must be the same"):
                getattr(F, name)(column, row)
        with pytest.raises(ValueError, match="must be the same"):
            F.mse_loss(torch.ones(2), torch.ones(3))
    with pytest.raises(ValueError, match="must be the same"):
        F.mse_loss(column, row)


def test_labels_and_probabilities_are_looked_at_still():
    with losslab.torch_compatible():
        with pytest.raises(ValueError, match="label 3 at"):
            F.cross_entropy(torch.zeros(1, 3), torch.tensor([3]))
        with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
            F.binary_cross_entropy(torch.tensor([0.5]), torch.tensor([2.0]))
        with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
            probability_loss(torch.tensor([1.5]), torch.tensor([1.0]))
        assert F.cross_entropy(torch.zeros(1, 2), torch.ones(1, 2)) == pytest.approx(2 * math.log(2))


def test_nothing_is_said_of_smells():
    with losslab.torch_compatible(), warnings.catch_warnings():
        warnings.simplefilter("error")
        F.cross_entropy(torch.tensor([[0.25, 0.75]]), torch.tensor([1]))
    with pytest.warns(policy.LossWarning, match="softmax"):
        F.cross_entropy(torch.tensor([[0.25, 0.75]]), torch.tensor([1]))


def test_it_holds_from_now_on_and_a_block_gives_the_earlier_state_back():
    losslab.torch_compatible()
    with pytest.raises(RuntimeError), losslab.torch_compatible(False):
        raise RuntimeError
    assert policy.compatible()
    with losslab.torch_compatible(False):
        assert not policy.compatible()
    assert policy.compatible()
    losslab.torch_compatible(False)
    assert not policy.compatible()


def test_a_compiled_loss_follows_the_switch():
    compiled = torch.compile(F.cross_entropy, backend="aot_eager", fullgraph=True)
    scores, ignored = torch.zeros(2, 3), torch.tensor([-100, -100])
    assert compiled(scores, ignored) == 0
    with losslab.torch_compatible():
        assert math.isnan(compiled(scores, ignored))
    assert compiled(scores, ignored) == 0


def test_anything_but_yes_or_no_is_refused():
    with pytest.raises(TypeError, match="True or False"):
        losslab.torch_compatible("off")
