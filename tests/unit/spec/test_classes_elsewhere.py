"""Classes in another dimension: what has a dimension of classes beside the scores goes with them."""

import pytest
import torch

import losslab.functional as F

OVERLAPS = [F.sigmoid_dice_loss, F.sigmoid_jaccard_loss, F.sigmoid_tversky_loss]


@pytest.mark.parametrize("loss", OVERLAPS, ids=[loss.__name__ for loss in OVERLAPS])
def test_a_mask_with_classes_goes_with_them(loss):
    x, y = torch.randn(2, 3, 4, 5), (torch.randn(2, 3, 4, 5) > 0).float()
    mask = torch.rand(2, 3, 4, 5) > 0.4
    mask[0, 1] = False
    expected = loss(x, y, mask=mask, reduction="none")
    last = [one.movedim(1, -1) for one in (x, y)]
    found = loss(*last, mask=mask.movedim(1, -1), class_dim=-1, reduction="none")
    torch.testing.assert_close(found, expected)
    assert (found != loss(x, y, reduction="none")).any()
    with pytest.raises(ValueError, match=r"mask has shape \(2, 3, 4, 5\); it must be \(2, 4, 5, 3\)"):
        loss(*last, mask=mask, class_dim=-1)


def test_an_unreduced_loss_with_classes_and_its_weights_are_as_the_caller_has_them():
    x, distance = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    weight, mask = torch.rand(2, 3, 4, 5), torch.rand(2, 4, 5) > 0.3
    given = {"sample_weight": weight, "mask": mask}
    last = [one.movedim(1, -1) for one in (x, distance)]
    moved = {**given, "sample_weight": weight.movedim(1, -1), "class_dim": -1}
    each = F.boundary_loss(x, distance, **given, reduction="none")
    found = F.boundary_loss(*last, **moved, reduction="none")
    assert found.shape == (2, 4, 5, 3)
    torch.testing.assert_close(found, each.movedim(1, -1))
    torch.testing.assert_close(F.boundary_loss(*last, **moved), F.boundary_loss(x, distance, **given))
    with pytest.raises(ValueError, match=r"sample_weight has shape \(2, 3, 4, 5\); it must be \(2, 4, 5, 3\)"):
        F.boundary_loss(*last, sample_weight=weight, class_dim=-1)
