"""What losses of several tensors say of a shape that is nearly right."""

import pytest
import torch

import losslab.functional as F

SCORES = torch.zeros(2, 3, 4, 5)


@pytest.mark.parametrize(
    ("target", "options", "text"),
    [
        (torch.zeros(2, 1, 4, 5).long(), {}, r"shape \(2, 4, 5\).*Use target.squeeze\(1\)$"),
        (torch.zeros(2, 3, 4, 5).long(), {}, r"Use target.argmax\(1\) if the rows are one-hot"),
        (torch.zeros(2, 3, 4).long(), {}, r"pass class_dim=-1$"),
        (torch.zeros(2, 5, 4).long(), {}, r"so 3 classes in dimension 1; target has shape \(2, 5, 4\)"),
        (torch.zeros(2, 4, 5).long(), {"class_dim": 4}, r"class_dim = 4, but input has the dimensions 0 to 3"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["dice_loss", "tversky_loss", "lovasz_softmax_loss"])
def test_labels_of_another_shape_are_refused_with_the_shape_wanted(name, target, options, text):
    with pytest.raises(ValueError, match=f"^{name}: .*{text}"):
        getattr(F, name)(SCORES, target, **options)


@pytest.mark.parametrize(
    ("shape", "text"), [((2, 1, 4, 5), r"target.squeeze\(1\).long\(\)$"), ((2, 4, 5), r"target.long\(\) if these")]
)
def test_labels_that_are_floats_are_refused(shape, text):
    for name in ("dice_loss", "tversky_loss"):
        with pytest.raises(ValueError, match=f"dtype float32.*, or probabilities of shape .*. Use {text}"):
            getattr(F, name)(SCORES, torch.zeros(shape))
    with pytest.raises(TypeError, match=r"use target.long\(\)"):
        F.lovasz_softmax_loss(SCORES, torch.zeros(shape))


def test_labels_and_probabilities_of_the_right_shape_pass():
    labels = torch.zeros(2, 4, 5).long()
    assert F.dice_loss(SCORES, labels).ndim == 0
    assert F.dice_loss(SCORES, SCORES + 1 / 3).ndim == 0
    assert F.dice_loss(SCORES.movedim(1, -1), labels, class_dim=-1) == F.dice_loss(SCORES, labels)


def test_one_dimension_of_size_one_too_many():
    time, event = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1, 0, 1])
    with pytest.raises(ValueError, match=r"input has shape \(3, 1\); .* \(N,\). Use input.squeeze\(1\)$"):
        F.cox_loss(torch.zeros(3, 1), time, event)
    with pytest.raises(ValueError, match=r"event has shape \(1, 3\); .* \(N,\). Use event.squeeze\(0\)$"):
        F.cox_loss(torch.zeros(3), time, event[None])
    with pytest.raises(ValueError, match=r"input has shape \(3, 2\); it must have the dimensions \(N,\)$"):
        F.cox_loss(torch.zeros(3, 2), time, event)
    with pytest.raises(ValueError, match=r"input has shape \(\); it must have the dimensions \(N,\)$"):
        F.cox_loss(torch.zeros(()), time, event)
