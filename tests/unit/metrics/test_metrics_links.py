"""From raw outputs, through a loss's link, to what a metric needs."""

import math

import pytest
import torch

from losslab.metrics import predictions
from losslab.metrics.links import to_label

ONE = torch.tensor([[[-2.0], [0.5], [3.0]], [[0.0], [1.0], [-0.1]]])  # (2, 3, 1)
TWO = torch.tensor([[[1.0, -1.0], [0.25, 0.75], [-1.0, 2.0]]])  # (1, 3, 2), differences -2, .5, 3
THREE = torch.tensor([[[0.1, 1.2, -0.5], [2.0, 0.0, 1.0]]])


def test_one_logit():
    assert predictions(ONE, "sigmoid", "label").tolist() == [[0, 1, 1], [0, 1, 0]]
    assert predictions(ONE, "sigmoid", "score").tolist() == ONE.squeeze(-1).double().tolist()
    p = predictions(ONE, "sigmoid", "probability")
    assert p.shape == (2, 3, 2)
    assert p[0, 1, 1].item() == pytest.approx(1 / (1 + math.exp(-0.5)))
    assert p.sum(-1).flatten().tolist() == pytest.approx([1.0] * 6)


def test_two_logits_are_their_difference():
    assert predictions(TWO, "softmax", "score").tolist() == [[-2.0, 0.5, 3.0]]
    assert predictions(TWO, "softmax", "label").tolist() == [[0, 1, 1]]
    torch.testing.assert_close(predictions(TWO, "softmax", "probability"), TWO.double().softmax(-1))


def test_a_logit_for_each_class():
    assert predictions(THREE, "softmax", "label").tolist() == [[1, 0]]
    torch.testing.assert_close(predictions(THREE, "softmax", "probability"), THREE.double().softmax(-1))
    torch.testing.assert_close(predictions(THREE, "softmax", "score"), THREE.double().log_softmax(-1))


def test_log_probabilities_and_probabilities_of_the_head():
    p = THREE.double().softmax(-1)
    for needs in ("probability", "label", "score"):
        expected = predictions(THREE, "softmax", needs)
        torch.testing.assert_close(predictions(p.log(), "exp", needs), expected)
        torch.testing.assert_close(predictions(p, "identity", needs), expected)
    one = predictions(torch.tensor([[[0.9], [0.2]]], dtype=torch.float64), "identity", "probability")
    torch.testing.assert_close(one, torch.tensor([[[0.1, 0.9], [0.8, 0.2]]], dtype=torch.float64))
    assert predictions(torch.tensor([[[0.9], [0.2]]]), "identity", "label").tolist() == [[1, 0]]


@pytest.mark.parametrize("output", [ONE, TWO, THREE])
def test_margins_have_no_probability(output):
    assert predictions(output, "arg-max", "probability") is None
    link = "sigmoid" if output is ONE else "softmax"
    for needs in ("label", "score"):
        assert torch.equal(predictions(output, "arg-max", needs), predictions(output, link, needs))


def test_values():
    assert predictions(ONE, "identity", "value").tolist() == ONE.squeeze(-1).double().tolist()
    torch.testing.assert_close(predictions(ONE, "exp", "value"), ONE.double().squeeze(-1).exp())
    torch.testing.assert_close(predictions(ONE, "sigmoid", "value"), ONE.double().squeeze(-1).sigmoid())
    assert predictions(THREE, "softmax", "value") is None
    assert predictions(ONE, "arg-max", "value") is None


def test_confident_scores_do_not_become_ties():
    output = torch.tensor([[[30.0, 0.0, 0.0], [40.0, 0.0, 0.0]]])
    score = predictions(output, "softmax", "score")[0, :, 0]
    assert score[1] > score[0]


def test_labels_of_ties_and_nan():
    assert to_label(torch.tensor([[0.0, 1e-30, math.nan]])).tolist() == [[0, 1, -1]]
    assert to_label(torch.tensor([[[1.0, 1.0, 0.0], [0.0, math.nan, 3.0]]])).tolist() == [[0, -1]]
    nan = torch.tensor([[[math.nan, 1.0]]])
    assert predictions(nan, "softmax", "label").tolist() == [[-1]]


def test_a_link_that_cannot_have_these_outputs():
    with pytest.raises(ValueError, match=r"softmax.*\(2, 3, 1\)"):
        predictions(ONE, "softmax", "label")
    with pytest.raises(ValueError, match=r"sigmoid.*\(1, 2, 3\)"):
        predictions(THREE, "sigmoid", "label")


def test_no_gradient_is_kept():
    assert not predictions(ONE.clone().requires_grad_(), "identity", "value").requires_grad
