"""What is refused, and in which words."""

import warnings

import pytest
import torch
from spec_standins import log_row_loss, logit_loss, probability_loss, row_loss, scores, width_loss

from losslab.spec import policy


@pytest.fixture(autouse=True)
def _anew():
    policy.forget()


def told(call):
    """The texts of the warnings that a call gives."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in seen]


@pytest.mark.parametrize(
    ("x", "y", "fix"),
    [
        ((32, 1), (32,), "1024 pairs). Use input.squeeze(1) or target.unsqueeze(1)"),
        ((32,), (32, 1), "1024 pairs). Use target.squeeze(1) or input.unsqueeze(1)"),
        ((1, 7), (7,), "Use input.squeeze(0) or target.unsqueeze(0)"),
        ((2, 6), (3, 4), "target.reshape(input.shape)"),
        ((3,), (4,), "one target for each prediction"),
        ((), (1,), "Use target.squeeze(0) or input.unsqueeze(0)"),
    ],
)
def test_shapes_must_match_exactly(x, y, fix):
    with pytest.raises(ValueError, match="width_loss: input has shape") as error:
        width_loss(torch.ones(x), torch.ones(y))
    assert str(x) in str(error.value)
    assert str(y) in str(error.value)
    assert fix in str(error.value)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (scores(6, 4), torch.ones(6), "float32. It must hold class indices (integers) of shape (6,), or probabilities"),
        (scores(6, 4), torch.ones(6), "Use target.long()"),
        (scores(6, 4), torch.ones(6, 4).long(), "Use target.argmax(1) if the rows are one-hot, or target.float()"),
        (scores(6, 4), torch.ones(6, 1).long(), "Use target.squeeze(1)"),
        (
            scores(6, 7, 4),
            torch.ones(6, 7).long(),
            "Your classes look like the last dimension: pass class_dim=-1",
        ),
        (scores(6, 4), torch.ones(5).long(), "(6, 4), so 4 classes in dimension 1; target has shape (5,)"),
        (torch.tensor(1.0), torch.tensor(0), "input has no dimension"),
    ],
)
def test_targets_over_classes_are_explained(x, y, words):
    with pytest.raises(ValueError, match="row_loss: ") as error:
        row_loss(x, y)
    assert words in str(error.value)


def test_a_label_out_of_range_is_named_with_its_place():
    y = torch.zeros(2, 3, 2, dtype=torch.int32)
    y[1, 2, 0] = 255
    with pytest.raises(ValueError, match=r"label 255 at \[1, 2, 0\] .* 4 classes, so labels run from 0 to 3; .*=255"):
        row_loss(scores(2, 4, 3, 2), y)
    assert row_loss(scores(2, 4, 3, 2), y, ignore_index=255).isfinite()
    with pytest.raises(ValueError, match=r"label 4 at \[1\] .* 4 classes, so labels run from 0 to 3"):
        row_loss(scores(2, 4), torch.tensor([3, 4]))
    with pytest.raises(ValueError, match=r"label -1 .*ignore_index=-1"):
        row_loss(scores(1, 4)[0], torch.tensor(-1))


def test_soft_targets_must_be_distributions():
    soft = torch.tensor([[0.2, 0.8], [0.5, 0.4]])
    with pytest.raises(ValueError, match=r"the row at \[1\] sums to 0.9"):
        row_loss(torch.zeros(2, 2), soft)
    with pytest.raises(ValueError, match=r"smallest value is -0.5"):
        row_loss(torch.zeros(1, 2), torch.tensor([[1.5, -0.5]]))
    with pytest.raises(ValueError, match="ignore_index = 1 has no meaning"):
        row_loss(torch.zeros(2, 2), soft.softmax(1), ignore_index=1)


def test_values_outside_the_domain_are_counted_and_placed():
    x = torch.tensor([[0.5, 1.25], [0.1, -3.0]])
    with pytest.raises(
        ValueError,
        match=r"input must lie in \[0, 1\], found values from -3 to 1.25 \(2 outside, the first is 1.25 at \[0, 1\]\)",
    ):
        probability_loss(x, torch.zeros(2, 2))
    with pytest.raises(ValueError, match=r"target must lie in \[0, 1\], found values from 0 to 2 \(1 outside"):
        logit_loss(x, torch.tensor([[0.0, 2.0], [1.0, 1.0]]))


def test_a_nan_probability_is_refused_as_torch_does():
    with pytest.raises(ValueError, match="1 outside"):
        probability_loss(torch.tensor([0.5, float("nan")]), torch.zeros(2))


def test_parameters_are_checked_as_numbers_and_tensors_are_not():
    x = torch.ones(2)
    for bad in (0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=r"width_loss: width = .* out of bounds; it must lie in \(0, inf\)"):
            width_loss(x, x, width=bad)
    for bad in ("2", True, None):
        with pytest.raises(TypeError, match="width must be a number or a tensor"):
            width_loss(x, x, width=bad)
    assert width_loss(x, -x, width=torch.tensor(-1.0)).item() == -4
    with pytest.raises(
        ValueError, match=r"width has shape \(3,\); it must have a shape that broadcasts to input \(2,\)"
    ):
        width_loss(x, x, width=torch.ones(3))
    with pytest.raises(ValueError, match=r"smoothing has shape \(1,\); it must have no dimension"):
        row_loss(scores(2), torch.tensor([0, 1]), smoothing=torch.zeros(1))


def test_arguments_are_checked_by_name():
    x, y = scores(2), torch.tensor([0, 1])
    with pytest.raises(TypeError, match="unknown argument 'wieght'; nearest: weight"):
        row_loss(x, y, wieght=None)
    with pytest.raises(TypeError, match="2 options by position, but only weight may be passed so"):
        row_loss(x, y, None, -100)
    with pytest.raises(TypeError, match="1 options by position, but none may be passed so"):
        logit_loss(x, x, "sum")
    with pytest.raises(TypeError, match="weight given both by position and by name"):
        row_loss(x, y, torch.ones(4), weight=torch.ones(4))
    assert row_loss(x, y, size_average=None, reduce=None).isfinite()
    with pytest.raises(TypeError, match='reduce is not supported; pass reduction="mean", "sum" or "none"'):
        row_loss(x, y, reduce=False)
    for name in ("reduction", "normalize", "empty"):
        with pytest.raises(ValueError, match=f"{name} = 'averaged'; it must be one of"):
            row_loss(x, y, **{name: "averaged"})


def test_weights_and_masks_must_fit():
    x, y = scores(3, 4), torch.tensor([0, 1, 2])
    with pytest.raises(
        ValueError, match=r"weight has shape \(3,\); .* shape \(4,\). For a weight per sample use sample_weight"
    ):
        row_loss(x, y, torch.ones(3))
    with pytest.raises(TypeError, match=r"weight must be a torch.Tensor, found list"):
        row_loss(x, y, [1.0, 1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match=r"weight has shape \(3,\), which does not broadcast to input \(3, 4\)"):
        logit_loss(x, torch.zeros(3, 4), weight=torch.ones(3))
    with pytest.raises(ValueError, match=r"sample_weight has shape \(3, 1\); it must be \(3,\)"):
        row_loss(x, y, sample_weight=torch.ones(3, 1))
    with pytest.raises(TypeError, match=r"mask must be of bool .* found float32"):
        row_loss(x, y, mask=torch.ones(3))


def test_inputs_must_be_floating_tensors():
    with pytest.raises(TypeError, match=r"input must be a torch.Tensor, found float; use torch.as_tensor"):
        width_loss(1.0, torch.ones(()))
    with pytest.raises(TypeError, match=r"input is bool; .* use input.float"):
        width_loss(torch.tensor([True]), torch.ones(1).long())
    with pytest.raises(TypeError, match="are input and target swapped"):
        row_loss(torch.tensor([1, 2]), scores(2))
    with pytest.raises(TypeError, match="complex64; this loss is defined for real numbers only"):
        width_loss(torch.ones(2, dtype=torch.complex64), torch.ones(2))
    with pytest.raises(TypeError, match="target is complex64 but input is float32"):
        width_loss(torch.ones(2), torch.ones(2, dtype=torch.complex64))


def test_softmax_before_a_loss_that_applies_it_is_smelled_once_and_changes_nothing():
    x, y = scores(5).softmax(1), torch.tensor([0, 1, 2, 3, 0])
    texts = told(lambda: (row_loss(x, y), row_loss(x, y)))
    assert len(texts) == 1
    assert "row_loss: the rows of input sum to one: it looks as if softmax was applied already" in texts[0]
    assert told(lambda: row_loss(scores(5), y)) == []
    assert told(lambda: row_loss(x.log(), y)) == []
    torch.testing.assert_close(row_loss(x, y), torch.nn.functional.cross_entropy(x, y))


def test_probabilities_given_for_log_probabilities_are_smelled():
    x, y = scores(5).softmax(1), torch.tensor([0, 1, 2, 3, 0])
    assert "log_row_loss: input should hold log-probabilities" in told(lambda: log_row_loss(x, y))[0]
    assert told(lambda: log_row_loss(x.log(), y)) == []


def test_a_sigmoid_before_a_loss_that_applies_it_is_smelled():
    y = torch.zeros(40)
    assert "logit_loss: all inputs lie between 0 and 1" in told(lambda: logit_loss(torch.randn(40).sigmoid(), y))[0]
    policy.forget()
    assert told(lambda: logit_loss(torch.zeros(40), y)) == []
    assert told(lambda: logit_loss(torch.randn(40), y)) == []


def test_a_warning_points_at_the_line_that_called_the_loss():
    with pytest.warns(policy.LossWarning) as seen:
        row_loss(scores(5).softmax(1), torch.zeros(5).long())
    assert seen[0].filename == __file__


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_distributions_of_half_precision_may_miss_one_by_their_rounding(kind):
    soft = torch.tensor([[0.1, 0.3, 0.6], [0.15, 0.35, 0.5]], dtype=torch.float64).to(kind)
    soft = torch.cat([soft, torch.rand(64, 3).softmax(1).to(kind)])
    assert (soft.double().sum(1) - 1).abs().max() > (1e-3 if kind == torch.bfloat16 else 0)
    assert row_loss(torch.zeros(66, 3, dtype=kind), soft).isfinite()
    with pytest.raises(ValueError, match=r"sums to 0\.9[67]"):
        row_loss(torch.zeros(1, 2, dtype=kind), torch.tensor([[0.5, 0.47]], dtype=kind))
