"""Every suite over every declared loss; and proof that the suites see a wrong rule."""

from dataclasses import replace

import pytest
import torch

from losslab.catalog import CATALOGUE
from losslab.spec.forms import functional
from losslab.spec.record import Case, LossRecord
from losslab.testing import losses as suites
from losslab.testing.claims import ContractError

PAIRS = [(loss, suite) for loss in CATALOGUE for suite in suites.suites_of(CATALOGUE[loss])]


@pytest.mark.parametrize(("loss", "suite"), PAIRS)
def test_contract(loss, suite):
    suites.suites_of(CATALOGUE[loss])[suite](CATALOGUE[loss])


@pytest.mark.parametrize("loss", CATALOGUE)
def test_documented_with_enough_hand_worked_cases(loss):
    suites.check_documented(CATALOGUE[loss])
    suites.check_enough_cases(CATALOGUE[loss])


def faulty(record: LossRecord, rule) -> LossRecord:
    rule.__doc__ = record.rule.__doc__
    changed = replace(record, rule=rule)
    return replace(changed, form=functional(changed))


def sign_flipped(input, target, *, delta=1.0, weight=None):
    r = input - target
    core = r.clamp(-delta, delta)
    value = core * (r + 0.5 * core)
    return value if weight is None else value * weight


def gradient_doubled(input, target, *, delta=1.0, weight=None):
    value = CATALOGUE["huber_loss"].rule(input, target, delta=delta, weight=weight)
    return 2 * value - value.detach()


def parameter_ignored(input, target, *, delta=1.0, weight=None):
    return CATALOGUE["huber_loss"].rule(input, target, delta=1.0, weight=weight)


def weight_dropped(input, target, *, delta=1.0, weight=None):
    return CATALOGUE["huber_loss"].rule(input, target, delta=delta)


def neighbours_mixed(input, target, *, delta=1.0, weight=None):
    return CATALOGUE["huber_loss"].rule(input, target.mean().expand_as(target), delta=delta, weight=weight)


def overflowing(input, target, *, scale=1.0):
    return scale * scale * torch.log(torch.cosh((input - target) / scale))


@pytest.mark.parametrize(
    ("loss", "rule", "words"),
    [
        ("huber_loss", sign_flipped, "case 1"),
        ("huber_loss", gradient_doubled, "gradient of case 2"),
        ("huber_loss", parameter_ignored, "case 2"),
        ("huber_loss", weight_dropped, "value of torch"),
        ("huber_loss", neighbours_mixed, "weights and masks"),
        ("log_cosh_loss", overflowing, "extremes"),
    ],
)
def test_a_wrong_rule_is_caught(loss, rule, words):
    with pytest.raises(ContractError, match=words):
        suites.check(faulty(CATALOGUE[loss], rule))


def test_a_doubled_gradient_is_caught_without_hand_worked_cases():
    record = replace(faulty(CATALOGUE["log_cosh_loss"], lambda x, y, *, scale=1.0: twice(x, y, scale)), cases=())
    with pytest.raises(ContractError, match="gradients"):
        suites.check(record)


def twice(input, target, scale):
    value = CATALOGUE["log_cosh_loss"].rule(input, target, scale=scale)
    return 2 * value - value.detach()


def test_a_sum_that_returns_the_mean_is_caught():
    record = CATALOGUE["mse_loss"]

    def form(input, target, *, reduction="mean", **options):
        return record.form(input, target, reduction="mean" if reduction == "sum" else reduction, **options)

    form.__doc__ = ""
    with pytest.raises(ContractError, match="reductions"):
        suites.check(replace(record, form=form))


def test_a_record_with_one_bland_case_is_refused():
    bland = replace(
        CATALOGUE["mse_loss"], cases=(Case([1.0], [0.0], 1.0), Case([2.0, 2.0], [0.0, 0.0], 8.0, {"reduction": "sum"}))
    )
    with pytest.raises(ContractError, match="0 telling"):
        suites.check_enough_cases(bland)


def test_a_parameter_without_a_case_is_refused():
    record = CATALOGUE["huber_loss"]
    with pytest.raises(ContractError, match="no hand-worked case sets delta"):
        suites.check_enough_cases(replace(record, cases=tuple(c for c in record.cases if "delta" not in c.options) * 2))


def test_the_suites_that_ran_are_named():
    assert suites.check(CATALOGUE["quantile_loss"])[:3] == ["record", "cases", "reductions"]


def test_what_is_not_declared_is_refused_in_words():
    def plain(input, target):
        return (input - target).abs()

    with pytest.raises(TypeError, match=r"declared loss, found plain: put @losslab.loss .*check_gradients"):
        suites.check(plain)


def test_what_was_not_checked_is_said_with_the_reason():
    found = suites.check(replace(CATALOGUE["mse_loss"], torch_name=None, facts=None))
    assert found.left_out["torch"] == "no loss of torch is named that it should equal"
    assert found.left_out["facts: convex"] == "nothing is said of it"
    assert not set(found) & set(found.left_out)
    text = str(found)
    assert text.startswith(f"mse_loss passes {len(found)} checks: record, cases")
    assert "\n  kinks: no kinks are declared\n" in text
    assert "Never checked: other devices" in text


def test_a_gradient_that_is_not_the_values_derivative_says_so():
    found = suites.check(CATALOGUE["ciou_loss"])
    assert "gradients" not in found
    assert found.left_out["gradients"] == CATALOGUE["ciou_loss"].lacks["finite differences"]
