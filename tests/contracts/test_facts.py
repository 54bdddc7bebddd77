"""The declared facts, on draws that hypothesis makes from the declared domains; what is denied, by a counterexample."""

from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from losslab.catalog import CATALOGUE
from losslab.spec.facts import CONSTANTS, Facts
from losslab.spec.interval import Interval
from losslab.spec.record import LossRecord
from losslab.testing import facts as suites
from losslab.testing.claims import ContractError
from losslab.testing.fact_draws import Draw, batch, drawn, each, inputs_at, lengths, slopes, targets_at

STATED = [name for name, record in CATALOGUE.items() if suites.stated(record)]
CHECKS = [
    suites.check_values,
    suites.check_attained,
    suites.check_convex,
    suites.check_lipschitz,
    suites.check_symmetric,
    suites.check_best_constant,
    suites.check_proper,
]
FEW = settings(derandomize=True, max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def numbers(domain: Interval) -> st.SearchStrategy[float]:
    """Values of a parameter: in its domain, not so near the ends that float64 cannot follow the formula."""
    low, high = max(domain.low, -6.0), min(domain.high, 6.0)
    steps = st.integers(0, 24).map(lambda step: low + (high - low) * step / 24)
    return steps.filter(lambda value: value in domain and (value == 0 or abs(value) > 0.05))


@st.composite
def draws(draw, record: LossRecord) -> Draw:
    """Nine rows at parameters of their own; coordinates as `place` takes them."""
    params = {name: draw(numbers(p.domain)) for name, p in record.parameters.items()}
    size = draw(st.integers(2, 6)) if record.kind == "rowwise" else 1
    near = st.floats(-4, 4, width=32)
    rows = draw(st.lists(st.lists(near, min_size=size + 1, max_size=size + 1), min_size=9, max_size=9))
    values = torch.tensor(rows, dtype=torch.float64)
    inputs = values[:, 1:] if record.kind == "rowwise" else values[:, 1]
    return Draw(params, inputs_at(record, inputs), targets_at(record, values[:, 0], size))


@pytest.mark.parametrize("loss", STATED)
def test_the_facts_hold_on_any_draw(loss):
    record = CATALOGUE[loss]

    @FEW
    @given(draws(record))
    def holds(draw):
        for check in CHECKS:
            check(record, [draw])

    holds()


def denied(fact: str) -> list[str]:
    """The losses that say no to a fact at their defaults."""
    found = []
    for name in STATED:
        value = getattr(CATALOGUE[name].facts.at(classes=5, **CATALOGUE[name].defaults), fact)
        said = fact not in CATALOGUE[name].facts.unknown and not CATALOGUE[name].per_class
        if value is False or (fact == "lipschitz" and value is None and said):
            found.append(name)
    return found


def at_defaults(record: LossRecord) -> list[Draw]:
    size = 5 if record.kind == "rowwise" else 1
    return [batch(record, record.defaults, size, reach, seed=7) for reach in (0.3, 1.0, 3.0, 6.0)]


@pytest.mark.parametrize("loss", denied("convex"))
def test_what_is_not_convex_lies_above_a_chord(loss):
    record = CATALOGUE[loss]
    assert max(suites.above_chord(record, draw).max().item() for draw in at_defaults(record)) > 1e-9


@pytest.mark.parametrize("loss", denied("smooth"))
def test_what_is_not_smooth_has_a_jump_in_its_gradient(loss):
    record = CATALOGUE[loss]
    assert any(suites.jumps(record, draw).any() for draw in at_defaults(record))


@pytest.mark.parametrize("loss", denied("lipschitz"))
def test_what_has_no_constant_is_steeper_than_any_or_jumps(loss):
    record = CATALOGUE[loss]
    assert max(steepness(record, draw) for draw in at_defaults(record)) > 1e3


def steepness(record: LossRecord, draw: Draw) -> float:
    """The longest gradient, or the steepest chord that halving finds between two rows' inputs."""
    low, high = draw.input, draw.input.roll(1, 0)
    for _ in range(30):
        middle = 0.5 * (low + high)
        rise = [each(record, draw, one) for one in (low, middle, high)]
        left = (rise[1] - rise[0]).abs() > (rise[2] - rise[1]).abs()
        left = left[:, None] if record.kind == "rowwise" else left
        low, high = torch.where(left, low, middle), torch.where(left, middle, high)
    chord = (rise[2] - rise[0]).abs() / lengths(record, high - low).clamp(min=1e-12)
    return max(lengths(record, slopes(record, draw)).max().item(), chord.nan_to_num(0.0).max().item())


@pytest.mark.parametrize("loss", denied("proper"))
def test_what_is_not_proper_is_won_by_others_than_the_true_probabilities(loss):
    record = CATALOGUE[loss]
    assert max(suites.gains(record, draw).max().item() for draw in at_defaults(record)) > 1e-9


@pytest.mark.parametrize("loss", denied("symmetric"))
def test_what_is_not_symmetric_changes_when_swapped(loss):
    record = CATALOGUE[loss]
    assert max(suites.swapped(record, draw).nan_to_num(0.0).max().item() for draw in at_defaults(record)) > 1e-3


@pytest.mark.parametrize(
    ("loss", "check", "wrong", "words"),
    [
        ("l1_loss", "values", {"values": Interval(0.1)}, r"is not in \[0.1, inf\)"),
        ("l1_loss", "values", {"values": Interval(-1)}, "no value comes near the end -1"),
        ("welsch_loss", "values", {"values": lambda scale: Interval(0, scale**2)}, "no value comes near the end 1"),
        ("quantile_loss", "attained", {"attained": lambda target: target + 0.01}, "is less than"),
        ("cauchy_loss", "convex", {"convex": True}, "above its chord"),
        ("quantile_loss", "smooth", {"smooth": True}, "the gradient jumps"),
        ("crammer_singer_loss", "smooth", {"smooth": True}, "the gradient jumps"),
        ("sample_dependent_focal_loss", "smooth", {"smooth": True}, "the gradient jumps"),
        ("huber_loss", "lipschitz", {"lipschitz": lambda delta: 0.9 * delta}, "is longer than 0.9"),
        ("huber_loss", "lipschitz", {"lipschitz": lambda delta: 2.1 * delta}, "the longest gradient is 1"),
        ("mse_loss", "best_constant", {"best_constant": "median"}, "is better than the median"),
        ("l1_loss", "best_constant", {"best_constant": "mean"}, "is better than the mean"),
        ("focal_loss", "best_constant", {"best_constant": "log prior"}, "is better than the log prior"),
        ("hinge_loss", "best_constant", {"best_constant": "mean sign"}, "is better than the mean sign"),
        ("focal_loss", "proper", {"proper": True}, "others than the true probabilities win"),
        ("binary_cross_entropy_with_logits", "proper", {"proper": True}, "others than the true probabilities win"),
        ("mape_loss", "symmetric", {"symmetric": True}, "do not swap"),
    ],
)
def test_a_false_fact_is_caught(loss, check, wrong, words):
    record = CATALOGUE[loss]
    with pytest.raises(ContractError, match=words):
        getattr(suites, f"check_{check}")(replace(record, facts=replace(record.facts, **wrong)))


def at_the_median(input, target, *, quantile, **rest):
    return CATALOGUE["quantile_loss"](input, target, quantile=0.5, **rest)


def test_a_quantile_at_the_wrong_level_is_caught():
    record = CATALOGUE["quantile_loss"]
    draws = [replace(draw, params={"quantile": 0.2}) for draw in drawn(record)]
    suites.check_best_constant(record, draws)
    with pytest.raises(ContractError, match="is better than the quantile"):
        suites.check_best_constant(replace(record, form=at_the_median), draws)


def test_every_word_for_a_constant_has_a_meaning_and_a_formula():
    assert set(CONSTANTS) == set(suites.CONSTANT)


def test_facts_of_parameters_are_asked_with_those_that_they_name():
    facts = Facts(lambda scale: Interval(0, scale), lipschitz=lambda p, classes: p / classes, convex=lambda: True)
    found = facts.at(classes=4, p=2.0, scale=3.0, other=1.0)
    assert (found.values, found.lipschitz, found.convex) == (Interval(0, 3), 0.5, True)
    assert Facts(lipschitz=lambda delta: delta).at(delta=float("inf")).lipschitz is None
