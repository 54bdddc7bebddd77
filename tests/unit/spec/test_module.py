"""The module form: construction, state, text."""

import inspect

import pytest
import torch
from spec_standins import logit_loss, row_loss, scores, width_loss
from torch import nn

from losslab.spec.module import module

RowLoss, LogitLoss, WidthLoss = module(row_loss), module(logit_loss), module(width_loss)


def test_options_by_position_and_by_name():
    x, y, w = scores(3), torch.tensor([0, 3, -1]), torch.tensor([1.0, 2.0, 3.0, 4.0]).double()
    built = RowLoss(w, ignore_index=-1, reduction="sum")
    assert built(x, y) == row_loss(x, y, w, ignore_index=-1, reduction="sum")
    with pytest.raises(TypeError, match="RowLoss: 2 options by position, but only weight may be passed so"):
        RowLoss(w, "sum")
    assert str(inspect.signature(RowLoss)).startswith(
        "(weight=None, *, smoothing=0.0, ignore_index=-100, class_dim=1, reduction='mean'"
    )


def test_sample_weight_and_mask_belong_to_the_call():
    x, y = torch.tensor([3.0, 1.0, 5.0]), torch.zeros(3)
    keep, w = torch.tensor([True, True, False]), torch.tensor([1.0, 3.0, 9.0])
    assert WidthLoss(width=1.0)(x, y, sample_weight=w, mask=keep).item() == pytest.approx((9 + 3) / 4)
    with pytest.raises(TypeError, match="mask belongs to a batch"):
        WidthLoss(mask=keep)


def test_weights_are_buffers_and_tensors_that_learn_are_parameters():
    built = LogitLoss(weight=torch.ones(2), pos_weight=torch.tensor([2.0, 3.0]))
    assert set(dict(built.named_buffers())) == {"weight", "pos_weight"}
    assert set(RowLoss(torch.ones(4)).state_dict()) == set(nn.CrossEntropyLoss(torch.ones(4)).state_dict())
    assert RowLoss().state_dict() == {}

    learns = WidthLoss(width=nn.Parameter(torch.tensor(2.0)))
    learns(torch.tensor([3.0, 1.0]), torch.zeros(2)).backward()
    assert learns.width.grad.item() == pytest.approx(-1.25)
    assert [name for name, _ in learns.named_parameters()] == ["width"]
    assert dict(WidthLoss(width=torch.tensor(2.0)).named_buffers())["width"] == 2


def test_the_weight_moves_with_the_module():
    built = RowLoss(torch.ones(4)).to(torch.float64)
    assert built.weight.dtype == torch.float64


def test_bounds_and_names_are_checked_when_built():
    with pytest.raises(ValueError, match=r"WidthLoss: width = -1 is out of bounds; it must lie in \(0, inf\)"):
        WidthLoss(width=-1)
    with pytest.raises(TypeError, match="WidthLoss: unknown argument 'widht'; nearest: width"):
        WidthLoss(widht=1)
    with pytest.raises(ValueError, match="reduction = 'men'"):
        WidthLoss(reduction="men")
    with pytest.raises(TypeError, match="size_average is not supported"):
        WidthLoss(size_average=True)


def test_common_slips_of_the_brackets():
    with pytest.raises(TypeError, match=r"WidthLoss is called with round brackets: loss\(input, target\)"):
        WidthLoss()[torch.ones(2), torch.ones(2)]
    with pytest.raises(TypeError, match=r"construct it first, then call it: WidthLoss\(\)\(input, target\)"):
        WidthLoss(torch.ones(2), torch.ones(2))


def test_the_text_shows_what_was_chosen():
    assert repr(WidthLoss(width=0.5)) == "WidthLoss(width=0.5)"
    assert repr(WidthLoss(reduction="sum")) == "WidthLoss(width=2.0, reduction='sum')"
    assert repr(WidthLoss(width=nn.Parameter(torch.tensor(3.0)))) == "WidthLoss(width=3 (learnable))"
    assert repr(RowLoss(torch.ones(4))) == "RowLoss(smoothing=0.0, weight=tensor of shape (4,))"


def test_there_is_one_class_for_a_record():
    assert module(width_loss) is WidthLoss
    assert WidthLoss.__module__ == "losslab.nn"
