import math

import numpy as np
import pytest
from scipy import stats

from losslab.search.nested import compare_nested


def test_corrected_t_by_hand():
    d = [0.03, 0.01, 0.05, -0.01, 0.02]  # mean .02, variance .0005
    (found,) = compare_nested([d], n_train=80, n_test=20)
    error = math.sqrt(0.0005 * (1 / 5 + 20 / 80))
    assert found.difference == pytest.approx(0.02)
    assert found.standard_error == pytest.approx(error)
    assert found.standard_error == pytest.approx(0.015)
    assert found.p == pytest.approx(2 * stats.t.sf(0.02 / error, 4))
    reach = stats.t.ppf(0.975, 4) * error
    assert (found.low, found.high) == pytest.approx((0.02 - reach, 0.02 + reach))


def test_holm_over_the_challengers():
    rng = np.random.default_rng(0)
    d = rng.normal(size=(3, 8)) + np.array([[4.0], [0.0], [2.5]])
    found = compare_nested(d, 75, 25)
    p = sorted(c.p for c in found)
    assert sorted(c.p_holm for c in found) == pytest.approx([3 * p[0], 2 * p[1], p[2]])
    assert compare_nested(-d, 75, 25)[0].difference == -found[0].difference


def test_no_difference_and_no_spread():
    same, constant = compare_nested([[0.0] * 5, [0.1] * 5], 80, 20)
    assert (same.difference, same.low, same.high, same.p) == (0.0, 0.0, 0.0, 1.0)
    assert constant.p == 2.0**-4
    assert constant.low < 0 < constant.high


def test_five_splits_can_decide():
    (found,) = compare_nested([[0.05, 0.051, 0.049, 0.05, 0.052]], 80, 20)
    assert found.p < 0.001
    assert found.low > 0


@pytest.mark.parametrize(
    ("d", "rows", "words"),
    [
        ([[0.1]], (80, 20), "two splits or more"),
        ([0.1, 0.2], (80, 20), "two splits or more"),
        ([[0.1, 0.2]], (0, 20), "0 training and 20 test rows"),
        ([[0.1, math.nan]], (80, 20), "split 1 gave"),
    ],
)
def test_mistakes_are_named(d, rows, words):
    with pytest.raises(ValueError, match=words):
        compare_nested(d, *rows)


def test_redrawn_splits_are_calibrated_where_splits_share_training_rows():
    """Means of the test part, from one sample split anew: the case of the correction, against the plain t."""
    rng = np.random.default_rng(1)
    corrected, plain = 0, 0
    for _ in range(400):
        sample = rng.normal(size=50)  # a difference per row; the truth is zero
        d = [rng.permutation(sample)[:10].mean() for _ in range(15)]
        corrected += compare_nested([d], 40, 10)[0].p < 0.05
        plain += stats.ttest_1samp(d, 0).pvalue < 0.05
    assert corrected / 400 <= 0.09
    assert plain / 400 > 0.15
