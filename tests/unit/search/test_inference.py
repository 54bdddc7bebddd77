import itertools
import math

import numpy as np
import pytest
from scipy import stats

from losslab.search.inference import compare_rows, hall, holm, judge, power_factor, reach
from losslab.search.spread import Coarse, Sampling, Spread, row_spread


def draw(shape, seed=0, row=1.0, run=0.5, both=0.7):
    rng = np.random.default_rng(seed)
    L, R, N = shape
    effects = row * rng.normal(size=(L, 1, N)) + run * rng.normal(size=(L, R, 1)) + both * rng.normal(size=shape)
    return effects + rng.normal(size=N)


def rights(zero, one, rows=36, runs=5):
    """Two losses: the default is wrong on the first `zero` rows, the challenger on the last `one`, in all runs."""
    values = np.ones((2, runs, rows))
    values[0, :, :zero] = 0
    values[1, :, rows - one :] = 0
    return values


def test_holm_by_hand():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, 0.9, 0.001, 0.013]) == pytest.approx([1.0, 1.0, 0.004, 0.039])
    assert holm([]) == []


def test_the_three_parts_by_plain_loops():
    values = draw((1, 3, 5), seed=4)[0]
    R, N = values.shape
    rows = [sum(values[r, n] for r in range(R)) / R for n in range(N)]
    runs = [sum(values[r, n] for n in range(N)) / N for r in range(R)]
    mean = sum(rows) / N
    left = sum((values[r, n] - rows[n] - runs[r] + mean) ** 2 for r in range(R) for n in range(N))
    spread = row_spread(values, Sampling.of(N, None, None))
    assert spread.row == pytest.approx(sum((x - mean) ** 2 for x in rows) / (N - 1) / N)
    assert spread.run == pytest.approx(sum((x - mean) ** 2 for x in runs) / (R - 1) / R)
    assert spread.both == pytest.approx(left / (R - 1) / (N - 1) / (R * N))


def test_the_parts_add_up_and_never_fall_below_the_larger_one():
    freedom = {"row_freedom": 9, "run_freedom": 4, "third": 0.0}
    assert Spread(row=0.5, run=0.3, both=0.1, **freedom).variance == pytest.approx(0.7)
    assert Spread(row=0.5, run=0.1, both=0.3, **freedom).variance == 0.5
    assert Spread(row=0.1, run=0.4, both=0.3, **freedom).variance == 0.4


def test_the_estimated_variance_is_right_on_average():
    rng = np.random.default_rng(0)
    R, N, row, run, both = 4, 12, 1.0, 0.6, 2.0
    sampling = Sampling.of(N, None, None)
    parts = []
    for _ in range(3000):
        effects = row * rng.normal(size=(1, N)) + run * rng.normal(size=(R, 1)) + both * rng.normal(size=(R, N))
        spread = row_spread(effects, sampling)
        parts.append(spread.row + spread.run - spread.both)
    assert np.mean(parts) == pytest.approx(row**2 / N + run**2 / R + both**2 / (R * N), rel=0.04)


def test_satterthwaite_between_its_ends():
    values = draw((1, 5, 40), row=3.0, run=0.0, both=0.1)[0]
    assert row_spread(values, Sampling.of(40, None, None)).freedom == pytest.approx(39, rel=0.1)
    values = draw((1, 5, 40), row=0.1, run=3.0, both=0.1)[0]
    assert row_spread(values, Sampling.of(40, None, None)).freedom == pytest.approx(4, rel=0.1)


def test_runs_that_agree_are_a_t_test_over_rows():
    d = np.concatenate([[-1.0, 2.0, 0.25, -0.5], [0.0]])
    d = np.concatenate([0.6 + d, 0.6 - d])  # no skew about its mean
    default = np.arange(10.0) ** 2
    found = compare_rows(np.stack([default, default + d])[:, None].repeat(4, 1))[1]
    oracle = stats.ttest_1samp(d, 0)
    low, high = oracle.confidence_interval(0.95)
    assert (found.difference, found.p, found.low, found.high) == pytest.approx((0.6, oracle.pvalue, low, high))


def test_a_skewed_difference_is_judged_by_the_more_careful_of_t_and_hall():
    t, skew = -2.1, 0.9
    by_hand = t + skew * t**2 / 3 + skew**2 * t**3 / 27 + skew / 6
    assert hall(t, skew) == pytest.approx(by_hand)
    p = judge(t, 1.0, 30, 36, skew)[3]
    assert p == pytest.approx(2 * stats.t.sf(abs(by_hand), 30))  # the tail is on the other side: t would say .044
    assert p > 0.2
    assert judge(-t, 1.0, 30, 36, skew)[3] == pytest.approx(2 * stats.t.sf(2.1, 30))
    down, up = reach(30, skew)
    q = stats.t.ppf(0.975, 30)
    assert down == pytest.approx(q)
    assert hall(-up, skew) == pytest.approx(-q)
    assert up > q


@pytest.mark.parametrize("kind", ["real", "right", "skewed", "root"])
def test_interval_leaves_out_zero_exactly_where_p_is_below_5_percent(kind):
    decided = set()
    for seed, shift in itertools.product(range(15), (0.0, 0.3, 0.6, 1.0)):
        values = draw((3, 4, 25), seed=seed, row=0.4)
        values[1] += shift
        values = {
            "real": values, "right": (values > 0).astype(float), "skewed": np.exp(values), "root": values**2,
        }[kind]  # fmt: skip
        for found in compare_rows(values, root=kind == "root")[1:]:
            assert (found.p < 0.05) == (found.low > 0 or found.high < 0)
            assert found.low <= found.difference <= found.high
            decided.add(found.p < 0.05)
    assert decided == {True, False}


def test_groups_of_equal_size_are_their_means():
    values = draw((2, 4, 30), seed=2, run=0.1)
    labels = np.arange(30) // 3
    values[1] += 2 * np.sin(labels * 2.0)  # an effect that the rows of a group share
    grouped = compare_rows(values, groups=labels)[1]
    means = compare_rows(values.reshape(2, 4, 10, 3).mean(3))[1]
    for name in ("difference", "low", "high", "p", "detectable"):
        assert getattr(grouped, name) == pytest.approx(getattr(means, name))
    assert grouped.standard_error > 1.15 * compare_rows(values)[1].standard_error


def test_unequal_groups_by_plain_loops():
    values = draw((1, 2, 6), seed=3)[0]
    labels = [0, 0, 0, 1, 2, 2]
    centred = values.mean(0) - values.mean()
    sums = [sum(centred[n] for n in range(6) if labels[n] == g) for g in range(3)]
    spread = row_spread(values, Sampling.of(6, labels, None))
    assert spread.row == pytest.approx(3 / 2 * sum(s**2 for s in sums) / 36)
    assert spread.row_freedom == 2


def test_strata_count_the_spread_within():
    values = draw((1, 3, 7), seed=5)[0]
    labels = [0, 0, 0, 1, 1, 2, 0]
    rows = values.mean(0)
    expected = 0.0
    for label in (0, 1):
        members = [rows[n] for n in range(7) if labels[n] == label]
        expected += len(members) * np.var(members, ddof=1)
    expected += (rows[5] - rows.mean()) ** 2  # alone in its stratum
    assert row_spread(values, Sampling.of(7, None, labels)).row == pytest.approx(expected / 49)


@pytest.mark.parametrize(("right", "p"), [(1, 1.0), (4, 0.125), (5, 0.0625), (6, 0.03125)])
def test_few_rows_are_judged_as_the_sign_test_does(right, p):
    found = compare_rows(rights(right, 0))[1]
    assert found.p == pytest.approx(p)
    assert found.p == pytest.approx(stats.binomtest(right, right).pvalue)


def test_two_rows_of_disagreement_are_added():
    found = compare_rows(rights(11, 2))[1]
    d = np.array([1.0] * 11 + [-1.0] * 2 + [0.0] * 23)
    assert found.standard_error == pytest.approx(math.sqrt(d.var(ddof=1) / 36 + 2 / 36**2))
    adjusted = np.array([1.0] * 12 + [-1.0] * 3 + [0.0] * 23)  # Bonett and Price's own table
    assert found.standard_error == pytest.approx(adjusted.std() / math.sqrt(38), rel=0.07)


def test_disagreement_in_some_runs_counts_less():
    values = np.ones((2, 4, 36))
    values[0, 0, :20] = 0  # the default is wrong on 20 rows, in one run of four
    size = (1 + 20 / 16) / (1 + 20 / 4)
    assert Coarse.of((values[1] - values[0]).mean(0), 1 / 36).variance == pytest.approx(2 * (size / 36) ** 2)


def test_equal_predictions_are_a_difference_of_zero():
    found = compare_rows(rights(0, 0))[1]
    assert (found.difference, found.p, found.p_holm) == (0.0, 1.0, 1.0)
    assert -0.1 < found.low < -0.05
    assert found.high == pytest.approx(-found.low)
    same = np.tile(np.arange(8.0) ** 2, (2, 3, 1))
    found = compare_rows(same)[1]
    assert (found.difference, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def test_a_constant_difference_has_the_smallest_p_its_rows_allow():
    values = np.tile(np.arange(9.0), (2, 3, 1))
    values[1] += 0.5
    found = compare_rows(values)[1]
    assert found.p == 2.0**-8
    assert 0 < found.low < 0.5 < found.high


def test_root_compares_roots():
    values = draw((2, 3, 200), seed=6, row=0.3) ** 2
    values[1] *= 1.3
    found = compare_rows(values, root=True)
    roots = np.sqrt(values.mean(2)).mean(1)
    assert found[0].test == pytest.approx(roots[0])
    assert found[1].difference == pytest.approx(roots[1] - roots[0])
    squares = compare_rows(values)[1]
    assert found[1].p == pytest.approx(squares.p, rel=0.3)
    assert found[1].standard_error == pytest.approx(squares.standard_error / roots.sum(), rel=0.1)
    resampled = np.random.default_rng(0).integers(200, size=(2000, 200))
    oracle = np.sqrt(values[0].mean(0)[resampled].mean(1)).std()
    half = (found[0].test_high - found[0].test_low) / 2
    assert half > 1.9 * oracle


def test_order_of_losses_and_family():
    values = draw((4, 4, 50), seed=7)
    values[2] += 0.6
    first, second = compare_rows(values), compare_rows(values[[1, 0, 2, 3]], default=1)
    assert first[1].difference == pytest.approx(second[0].difference)
    assert first[2] == second[2]
    flipped = compare_rows(values, default=2)[0]
    assert flipped.difference == pytest.approx(-first[2].difference)
    assert (first[0].difference, first[0].p_holm) == (0.0, None)
    small = compare_rows(values, family=[2])
    assert small[1].p_holm is None
    assert small[2].p_holm == first[2].p
    assert first[2].p_holm == pytest.approx(min(1, 3 * first[2].p))
    assert small[2].detectable < first[2].detectable


def test_share_interval_is_wilsons():
    values = np.zeros((2, 3, 400))
    values[:, :, :380] = 1
    oracle = stats.binomtest(380, 400).proportion_ci(method="wilson")
    found = compare_rows(values)[0]
    assert (found.test_low, found.test_high) == pytest.approx((oracle.low, oracle.high), abs=3e-4)
    full = compare_rows(np.ones((2, 3, 36)))[0]
    assert (full.test, full.test_high) == (1.0, 1.0)
    assert 0.88 < full.test_low < 0.92


def test_limits_cut_the_metrics_own_interval():
    values = np.clip(draw((2, 3, 20), seed=8), 0, None)
    assert compare_rows(values)[0].test_low < 0.2
    found = compare_rows(values, limits=(0.3, math.inf))[0]
    assert found.test_low == 0.3


def test_power_factor_against_the_noncentral_t():
    for freedom, level in ((4, 0.05), (23.5, 0.01)):
        factor = power_factor(freedom, level)
        power = 1 - stats.nct.cdf(stats.t.ppf(1 - level / 2, freedom), freedom, factor)
        assert power == pytest.approx(0.8, abs=1e-3)


def test_a_failed_retraining_is_said():
    values = draw((3, 4, 20), seed=9)
    values[2, 1, 3] = math.nan
    found = compare_rows(values)
    assert found[2].note == "1 of 4 retrainings gave no finite value"
    assert (found[2].comparable, found[2].p_holm) == (False, 1.0)
    assert found[1].comparable
    found = compare_rows(values, default=2)
    assert [c.comparable for c in found] == [False, False, False]
    assert "of the default" in found[0].note


@pytest.mark.parametrize(
    ("shape", "options", "words"),
    [
        ((2, 1, 10), {}, "two retrainings"),
        ((2, 3, 1), {}, "two test rows"),
        ((2, 10), {}, "losses, runs, rows"),
        ((2, 3, 10), {"default": 2}, "no loss 2 among 2"),
        ((2, 3, 10), {"groups": [1] * 10}, "all test rows are in one group"),
        ((2, 3, 10), {"strata": [1] * 9}, "strata: shape"),
    ],
)
def test_mistakes_are_named(shape, options, words):
    with pytest.raises(ValueError, match=words):
        compare_rows(np.zeros(shape), **options)


def test_a_huge_difference_on_many_rows_keeps_a_narrow_interval():
    """317 of 360 rows lost: 88 +- 3.6 points. The sign test's floor, made for few rows, would give 88 +- 23."""
    found = compare_rows(rights(0, 317, rows=360))[1]
    wide = (found.high - found.low) / 2
    assert wide == pytest.approx(stats.t.ppf(0.975, 359) * found.standard_error, rel=0.1)
    assert -0.92 < found.low < found.high < -0.84
    assert found.p < 1e-20
