"""The pipeline of the functional form, on losses declared for these tests."""

import inspect

import pytest
import torch
from spec_standins import log_ratio_loss, logit_loss, private_loss, probability_loss, row_loss, scores, width_loss
from torch.nn import functional as F

from losslab.spec.forms import parts


def test_mean_with_class_weights_divides_by_the_weights_of_the_labels():
    x, y, w = scores(6), torch.tensor([0, 3, 1, 1, 2, 0]), torch.tensor([0.5, 2.0, 1.0, 4.0]).double()
    torch.testing.assert_close(row_loss(x, y, w), F.cross_entropy(x, y, w))
    assert row_loss(x, y, w, normalize="count").item() == pytest.approx(
        F.cross_entropy(x, y, w, reduction="sum").item() / 6
    )


@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (2, 3, 4)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_class_dimension_is_where_torch_has_it(shape, reduction):
    x = scores(*shape[:1], 3, *shape[1:]) if shape else scores(3, 1).squeeze(1)
    y = torch.randint(3, shape)
    torch.testing.assert_close(row_loss(x, y, reduction=reduction), F.cross_entropy(x, y, reduction=reduction))
    soft = x.roll(1, 0).softmax(min(len(shape), 1))
    torch.testing.assert_close(row_loss(x, soft, reduction=reduction), F.cross_entropy(x, soft, reduction=reduction))


@pytest.mark.parametrize("bad", [float("-inf"), float("nan")])
def test_an_ignored_row_changes_nothing_whatever_it_holds(bad):
    x = scores(4)
    x[1] = bad
    x.requires_grad_()
    y = torch.tensor([2, 9, 0, 1])
    loss = row_loss(x, y, ignore_index=9)
    loss.backward()
    rest = [0, 2, 3]
    torch.testing.assert_close(loss.detach(), F.cross_entropy(x.detach()[rest], y[rest]))
    assert x.grad[1].tolist() == [0, 0, 0, 0]
    assert x.grad.isfinite().all()
    assert row_loss(x, y, ignore_index=9, reduction="none")[1] == 0


def test_a_mask_that_hides_an_illegal_value_keeps_it_out_of_checks_and_gradients():
    x = torch.tensor([0.25, 7.0, 0.5], requires_grad=True)
    keep = torch.tensor([True, False, True])
    loss = probability_loss(x, torch.tensor([1.0, 3.0, 0.0]), mask=keep)
    loss.backward()
    assert loss.item() == pytest.approx((0.75**2 + 0.5**2) / 2)
    assert x.grad.tolist() == [-0.75, 0.0, 0.5]


def test_a_masked_row_may_hold_no_distribution():
    x, soft = scores(3), scores(3).softmax(1)
    spoilt = soft.clone()
    spoilt[1] = 7.0
    found = row_loss(x, spoilt, mask=torch.tensor([True, False, True]))
    torch.testing.assert_close(found, F.cross_entropy(x[[0, 2]], soft[[0, 2]]))


def test_a_masked_element_of_a_half_open_domain_gets_a_zero_gradient():
    x = torch.tensor([2.0, -1.0], requires_grad=True)
    log_ratio_loss(x, torch.tensor([1.0, 0.0]), mask=torch.tensor([True, False])).backward()
    assert x.grad[0].item() == pytest.approx(2 * torch.tensor(2.0).log().item() / 2)
    assert x.grad[1] == 0


def test_sample_weight_multiplies_class_weight():
    x, y = scores(3), torch.tensor([0, 3, 3])
    w, s = torch.tensor([2.0, 1.0, 1.0, 0.5]).double(), torch.tensor([1.0, 3.0, 4.0])
    each = F.cross_entropy(x, y, reduction="none").tolist()
    wanted = (2 * each[0] + 1.5 * each[1] + 2 * each[2]) / (2 + 1.5 + 2)
    assert row_loss(x, y, w, sample_weight=s).item() == pytest.approx(wanted)


def test_mask_and_ignore_index_and_sample_weight_together():
    x, y = scores(4), torch.tensor([0, -100, 2, 1])
    keep, s = torch.tensor([True, True, False, True]), torch.tensor([1.0, 5.0, 7.0, 3.0])
    each = F.cross_entropy(x, y, reduction="none").tolist()
    wanted = (each[0] + 3 * each[3]) / 4
    assert row_loss(x, y, mask=keep, sample_weight=s).item() == pytest.approx(wanted)
    assert row_loss(x, y, mask=keep, sample_weight=s, normalize="count").item() == pytest.approx(wanted * 2)


def test_parts_of_two_batches_make_the_mean_of_their_union():
    x, y, w = scores(5), torch.tensor([0, -100, 2, 1, 3]), torch.tensor([1.0, 2.0, 3.0, 4.0]).double()
    first, second = parts(row_loss, x[:2], y[:2], weight=w), parts(row_loss, x[2:], y[2:], weight=w)
    total = (first[0] + second[0]) / (first[1] + second[1])
    torch.testing.assert_close(total, F.cross_entropy(x, y, w))


def test_an_element_weight_of_a_binary_loss_does_not_enter_the_denominator():
    x, y = torch.tensor([0.3, -2.0]), torch.tensor([1.0, 0.0])
    w, p = torch.tensor([3.0, 0.5]), torch.tensor(4.0)
    torch.testing.assert_close(logit_loss(x, y, weight=w), F.binary_cross_entropy_with_logits(x, y, weight=w))
    found = logit_loss(x, y, weight=w, pos_weight=p)
    torch.testing.assert_close(found, F.binary_cross_entropy_with_logits(x, y, weight=w, pos_weight=p))


def test_half_precision_is_summed_in_float32():
    x = torch.full((20, 15000), 11.0, dtype=torch.float16)
    loss = width_loss(x, torch.zeros_like(x), width=1.0, reduction="sum")
    assert loss.dtype == torch.float32
    assert loss.item() == 121 * 300000


def test_dtypes_promote_and_integer_targets_are_taken():
    x, y = torch.tensor([1.0, 2.5]), torch.tensor([0, 3])
    assert width_loss(x, y).item() == pytest.approx((1 + 0.25) / 2 / 2)
    assert width_loss(x, y.double()).dtype == torch.float64
    assert logit_loss(x, torch.tensor([True, False])).item() == pytest.approx(
        logit_loss(x, torch.tensor([1.0, 0.0])).item()
    )


def test_autocast_does_not_change_the_precision():
    @private_loss(kind="pointwise", task="regression")
    def product_loss(input, target):
        return (input - target) @ torch.eye(2)  # autocast would multiply in bfloat16

    x, y = torch.tensor([[1.001, 2.003]]), torch.zeros(1, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = product_loss(x, y, reduction="none")
    assert inside.dtype == torch.float32
    assert torch.equal(inside, x)


def test_a_parameter_may_be_learnt():
    width = torch.tensor(2.0, requires_grad=True)
    width_loss(torch.tensor([3.0, 1.0]), torch.tensor([0.0, 0.0]), width=width).backward()
    assert width.grad.item() == pytest.approx(-(9 + 1) / 2 / 4)


def test_vmap_and_grad_of_the_form_under_ignored_rows():
    x, y = scores(3, 4, 5), torch.randint(5, (3, 4))
    y[1, 2] = -100
    found = torch.func.vmap(torch.func.grad(row_loss.form))(x, y)
    wanted = torch.stack([torch.func.grad(F.cross_entropy)(a, b) for a, b in zip(x, y, strict=True)])
    torch.testing.assert_close(found, wanted)


def test_nothing_kept_under_vmap_is_zero_with_zero_gradient():
    x, y = scores(2, 3, 5), torch.tensor([[1, 2, 0], [-100, -100, -100]])
    values = torch.func.vmap(row_loss.form)(x, y)
    slopes = torch.func.vmap(torch.func.grad(row_loss.form))(x, y)
    assert values[1] == 0
    assert not slopes[1].any()
    torch.testing.assert_close(values[0], F.cross_entropy(x[0], y[0]))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch's own, when forward mode is first used
def test_forward_mode_equals_reverse_mode():
    x, y, along = scores(3), torch.tensor([0, 1, 2]), scores(3)
    _, slope = torch.func.jvp(lambda a: row_loss(a, y), (x,), (along,))
    torch.testing.assert_close(slope, (torch.func.grad(row_loss.form)(x, y) * along).sum())


def test_the_signature_is_torchs_up_to_the_first_deprecated_slot():
    by_place = "(input: torch.Tensor, target: torch.Tensor, weight=None, *, "
    text = str(inspect.signature(row_loss.form))
    assert text.startswith(
        by_place + "smoothing=0.0, ignore_index=-100, class_dim=1, sample_weight=None, mask=None, reduction='mean'"
    )
    assert row_loss.form.__name__ == "row_loss"


def test_the_text_names_formula_domain_and_source():
    text = width_loss.form.__doc__
    for part in (
        "Squared error over a width.",
        "r^2 / w",
        "width (default 2.0)",
        "(0, inf)",
        "unit of the target",
        "the tests",
    ):
        assert part in text


def test_a_rule_that_reduces_is_told_so():
    @private_loss(kind="pointwise", task="regression")
    def reducing(input, target):
        return (input - target).mean()

    with pytest.raises(ValueError, match=r"reducing: the rule returned shape \(\).*\(3,\), and never reduce"):
        reducing(torch.ones(3), torch.ones(3))


def test_a_traceback_names_the_loss():
    with pytest.raises(ValueError, match="width") as caught:
        width_loss(torch.ones(2), torch.ones(2), width=-1)
    assert "width_loss" in [frame.name for frame in caught.traceback]
