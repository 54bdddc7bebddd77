"""Survival losses by loops over rows at risk, scipy's distributions, identities, and corners."""

import itertools
import math

import pytest
import torch
from scipy import stats

import losslab.functional as L
from losslab.testing.claims import quiet


def double(values):
    return torch.tensor(values, dtype=torch.float64)


TIME = [3.0, 1.0, 3.0, 2.0, 5.0, 3.0, 2.0, 7.0, 1.0]
EVENT = [1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0]


def risks():
    return torch.randn(9, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def cox_total(x, time, event, ties):
    """The sum over distinct event times, as the textbooks write it."""
    total = 0.0
    for moment in {t for t, e in zip(time, event, strict=True) if e}:
        at_risk = math.fsum(math.exp(s) for s, t in zip(x, time, strict=True) if t >= moment)
        tied = [s for s, t, e in zip(x, time, event, strict=True) if t == moment and e]
        for place, score in enumerate(tied):
            gone = place / len(tied) * math.fsum(map(math.exp, tied)) if ties == "efron" else 0.0
            total += math.log(at_risk - gone) - score
    return total


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_cox_by_a_loop_over_event_times(ties):
    x = risks().requires_grad_()
    found = L.cox_loss(x, double(TIME), double(EVENT), ties=ties, reduction="sum")
    assert found.item() == pytest.approx(cox_total(x.tolist(), TIME, EVENT, ties), rel=1e-12)
    mean = L.cox_loss(x, double(TIME), double(EVENT), ties=ties)
    assert mean.item() == pytest.approx(found.item() / sum(EVENT), rel=1e-12)
    (slope,) = torch.autograd.grad(found, x)
    for row in range(9):
        ends = []
        for step in (1e-6, -1e-6):
            scores = x.tolist()
            scores[row] += step
            ends.append(cox_total(scores, TIME, EVENT, ties))
        assert slope[row].item() == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_cox_knows_only_the_order_of_times_and_no_order_of_rows(ties):
    x, time, event = risks(), double(TIME), double(EVENT)
    each = L.cox_loss(x, time, event, ties=ties, reduction="none")
    turned = torch.tensor([4, 2, 8, 0, 6, 1, 7, 5, 3])
    again = L.cox_loss(x[turned], time[turned], event[turned].bool(), ties=ties, reduction="none")
    torch.testing.assert_close(again, each[turned])
    torch.testing.assert_close(L.cox_loss(x + 40, time.log(), event, ties=ties, reduction="none"), each)
    assert not each[event == 0].any()


def test_efron_lies_between_breslow_and_the_mean_over_all_orders():
    """Efron comes near the likelihood in which tied events are one after the other in an unknown order."""
    x = double([0.3, -0.5, 0.1, 0.7])
    time, event = double([1.0, 1.0, 1.0, 2.0]), double([1.0, 1.0, 1.0, 0.0])
    chance = 0.0
    for order in itertools.permutations(range(3)):
        left, part = set(range(4)), 1.0
        for row in order:
            part *= math.exp(x[row]) / math.fsum(math.exp(x[j]) for j in left)
            left.remove(row)
        chance += part
    exact = -math.log(chance / 6)
    efron, breslow = (L.cox_loss(x, time, event, ties=ties, reduction="sum").item() for ties in ("efron", "breslow"))
    assert abs(efron - exact) < 0.05 * abs(breslow - exact)


def test_cox_without_ties_is_the_same_for_both_and_listmle_when_all_is_seen():
    x, time = risks(), torch.arange(9.0) + 1
    event = torch.ones(9)
    efron, breslow = (L.cox_loss(x, time, event, ties=ties, reduction="sum") for ties in ("efron", "breslow"))
    torch.testing.assert_close(efron, breslow)
    torch.testing.assert_close(efron, L.listmle_loss(x[None], 20 - time[None].double(), reduction="sum"))


def test_cox_without_events_and_far_risks():
    x = torch.tensor([900.0, -900.0, 0.0], requires_grad=True)
    time = torch.tensor([1.0, 1.0, 1.0])
    nothing = quiet(L.cox_loss, x, time, torch.zeros(3))
    assert nothing.item() == 0
    assert not torch.autograd.grad(nothing, x)[0].any()
    value = L.cox_loss(x, time, torch.ones(3), reduction="sum")
    (slope,) = torch.autograd.grad(value, x)
    expected = 3 * 900 + math.log(1 - 1 / 3) + math.log(1 - 2 / 3)
    assert value.item() == pytest.approx(expected, rel=1e-6)
    torch.testing.assert_close(slope, torch.tensor([2.0, -1.0, -1.0]))


def aft_batch():
    location = torch.tensor([0.3, -1.0, 2.0, 0.0, 1.2], dtype=torch.float64)
    log_scale = torch.tensor([0.5, -0.7, 0.0, -1.5, 1.0], dtype=torch.float64)
    return location, log_scale, double([1.3, 0.2, 15.0, 0.9, 6.0]), double([1.0, 0.0, 1.0, 0.0, 1.0])


LAWS = {
    "weibull_aft_loss": lambda m, s: stats.weibull_min(math.exp(-s), scale=math.exp(m)),
    "log_normal_aft_loss": lambda m, s: stats.lognorm(math.exp(s), scale=math.exp(m)),
}


@pytest.mark.parametrize("name", LAWS)
def test_times_by_scipy(name):
    batch = aft_batch()

    def one(m, s, t, e):
        law = LAWS[name](m, s)
        return -(law.logpdf(t) if e else law.logsf(t))

    rows = list(zip(*(part.tolist() for part in batch), strict=True))
    location, log_scale = (part.requires_grad_() for part in batch[:2])
    found = getattr(L, name)(location, log_scale, *batch[2:], reduction="none")
    torch.testing.assert_close(found, double([one(*row) for row in rows]), rtol=1e-10, atol=1e-12)
    slopes = torch.autograd.grad(found.sum(), (location, log_scale))
    for row, (m, s, t, e) in enumerate(rows):
        step = 1e-6
        assert slopes[0][row].item() == pytest.approx(
            (one(m + step, s, t, e) - one(m - step, s, t, e)) / 2e-6, abs=1e-5
        )
        assert slopes[1][row].item() == pytest.approx(
            (one(m, s + step, t, e) - one(m, s - step, t, e)) / 2e-6, abs=1e-5
        )


@pytest.mark.parametrize("z", [-40.0, -6.0, 0.0, 6.0, 40.0, 1e4])
def test_normal_tails_in_both_directions(z):
    location = torch.tensor([-z], dtype=torch.float64, requires_grad=True)
    lost = L.log_normal_aft_loss(location, torch.zeros(1), torch.ones(1), torch.zeros(1))
    assert lost.item() == pytest.approx(-stats.norm.logsf(z), rel=1e-12)
    (slope,) = torch.autograd.grad(lost, location)
    hazard = math.exp(stats.norm.logpdf(z) - stats.norm.logsf(z))
    assert slope.item() == pytest.approx(-hazard, rel=1e-6)


def test_log_normal_is_the_gaussian_of_log_time_when_all_is_seen():
    location, log_scale, time, _ = aft_batch()
    found = L.log_normal_aft_loss(location, log_scale, time, torch.ones(5), reduction="none")
    plain = L.gaussian_nll_loss(location, time.log(), (2 * log_scale).exp(), full=True, reduction="none")
    torch.testing.assert_close(found - time.log(), plain)


def test_weibull_of_scale_one_is_the_exponential_law():
    location, _, time, event = aft_batch()
    found = L.weibull_aft_loss(location, torch.zeros(5, dtype=torch.float64), time, event, reduction="none")
    torch.testing.assert_close(found, time * (-location).exp() + event * location)


def test_far_beyond_the_expected_time_weibull_goes_on_as_a_line():
    location = torch.tensor([-60.0, -70.0], requires_grad=True)
    value = L.weibull_aft_loss(location, torch.zeros(2), torch.ones(2), torch.zeros(2), reduction="none")
    torch.testing.assert_close(value, math.exp(50) * torch.tensor([11.0, 21.0]))
    (slope,) = torch.autograd.grad(value.sum(), location)
    torch.testing.assert_close(slope, torch.full((2,), -math.exp(50)))


def test_logistic_hazard_by_a_loop():
    x = torch.randn((5, 4), generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    interval, event = [0, 3, 2, 1, 3], [1.0, 1.0, 0.0, 1.0, 0.0]
    expected = []
    for row, last, seen in zip(x.sigmoid().tolist(), interval, event, strict=True):
        chance = math.prod(1 - h for h in row[:last]) * (row[last] if seen else 1 - row[last])
        expected.append(-math.log(chance))
    x.requires_grad_()
    found = L.logistic_hazard_loss(x, torch.tensor(interval), double(event), reduction="none")
    torch.testing.assert_close(found, double(expected))
    (slope,) = torch.autograd.grad(found.sum(), x)
    for row, (last, seen) in enumerate(zip(interval, event, strict=True)):
        wanted = x[row].detach().sigmoid() - (torch.arange(4) == last) * seen
        torch.testing.assert_close(slope[row], wanted * (torch.arange(4) <= last))


def test_chances_of_all_ends_sum_to_one():
    x = torch.randn(4, generator=torch.Generator().manual_seed(7), dtype=torch.float64).expand(5, 4)
    interval, event = torch.tensor([0, 1, 2, 3, 3]), double([1, 1, 1, 1, 0])
    chances = (-L.logistic_hazard_loss(x, interval, event, reduction="none")).exp()
    assert chances.sum().item() == pytest.approx(1)


def test_what_is_wrong_is_said():
    x = torch.zeros(3)
    with pytest.raises(ValueError, match=r"cox_loss: event must hold 0 and 1.*0.5 at \[1\]"):
        L.cox_loss(x, x, torch.tensor([0.0, 0.5, 1.0]))
    with pytest.raises(ValueError, match=r"cox_loss: ties = 'exact'.*'efron', 'breslow'"):
        L.cox_loss(x, x, x, ties="exact")
    with pytest.raises(ValueError, match=r"weibull_aft_loss: time must lie in \(0, inf\)"):
        L.weibull_aft_loss(x, x, x, x)
    with pytest.raises(ValueError, match=r"logistic_hazard_loss: interval 4 at \[2\]"):
        L.logistic_hazard_loss(torch.zeros(3, 4), torch.tensor([0, 1, 4]), x)
