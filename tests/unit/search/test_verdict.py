import math

import pytest

from losslab.search.inference import Comparison
from losslab.search.verdict import decide


def found(difference, half, p_holm, detectable=0.014, test=0.9, note=""):
    return Comparison(
        test, test - 0.02, test + 0.02, difference, difference - half, difference + half, half / 2, 0.5 * (p_holm or 2),
        p_holm, detectable, note,
    )  # fmt: skip


DEFAULT = found(0.0, 0.0, None, math.nan)
FAILED = Comparison(*[math.nan] * 7, 1.0, 1.0, math.nan, "2 of 5 retrainings gave no finite value")
NAMES = ("cross_entropy", "focal", "poly1", "multi_margin")


def accuracy(*challengers, **options):
    options = {"margin": 0.01, "points": True, "n_rows": 1360, **options}
    comparisons = (DEFAULT, *challengers)
    return decide(comparisons, NAMES[: len(comparisons)], "accuracy", True, **options)


def median_error(*challengers, **options):
    options = {"margin": 0.5, "points": False, "n_rows": 90, **options}
    return decide(
        (DEFAULT, *challengers), ("mse", "huber", "l1")[: 1 + len(challengers)], "median_ae", False, **options
    )


def test_undecided_says_what_could_be_seen():
    verdict = accuracy(found(0.002, 0.013, 1.0), found(0.009, 0.012, 0.3, 0.03), found(-0.001, 0.02, 1.0, 0.017))
    assert (verdict.kind, verdict.winner, verdict.keep_default) == ("undecided", "cross_entropy", True)
    assert verdict.detectable == 0.017
    assert verdict.sentence == (
        "Keep cross_entropy. Undecided: no loss is shown to be better. "
        "1,360 test rows can show gains of about 1.7 points or more."
    )


def test_undecided_says_where_less_is_left_to_gain():
    default = found(0.0, 0.0, None, math.nan, test=0.974)
    verdict = decide((default, found(0.0, 0.02, 1.0, 0.037)), NAMES[:2], "accuracy", True, 0.01, True, 360)
    assert verdict.sentence.endswith("about 3.7 points or more; cross_entropy leaves 2.6 points to gain.")
    low = found(0.0, 0.0, None, math.nan, test=0.02)
    verdict = decide((low, found(0.0, 0.02, 1.0, 0.037)), NAMES[:2], "ece", False, 0.01, True, 360)
    assert verdict.sentence.endswith("cross_entropy leaves 2 points to gain.")


def test_better_in_the_metrics_good_direction():
    verdict = accuracy(found(0.021, 0.015, 0.012), found(-0.05, 0.015, 0.0001))
    assert (verdict.kind, verdict.winner, verdict.keep_default) == ("better", "focal", False)
    assert (verdict.better, verdict.worse) == (("focal",), ("poly1",))
    assert verdict.sentence == (
        "Use focal instead of cross_entropy. Better: accuracy rises by 2.1 points [0.6, 3.6], p = 0.012 after Holm."
    )
    verdict = median_error(found(-7.9, 3.3, 0.0004), found(5.0, 1.0, 0.0001))
    assert verdict.winner == "huber"
    assert verdict.sentence == (
        "Use huber instead of mse. Better: median_ae falls by 7.9 [4.6, 11.2], p < 0.001 after Holm."
    )


def test_of_several_the_validation_part_chooses():
    pair = (found(0.05, 0.01, 0.0001), found(0.03, 0.01, 0.004), found(0.0, 0.01, 1.0))
    verdict = accuracy(*pair, validation=[0.90, 0.91, 0.93, 0.99])
    assert verdict.winner == "poly1"
    assert "Also shown to be better: focal." in verdict.sentence
    assert accuracy(*pair).winner == "focal"  # the smaller p
    assert accuracy(*pair, validation=[0.9, None, 0.2, 0.99]).winner == "poly1"
    assert accuracy(*pair, validation=[0.9, 0.91, 0.91, 0.99]).winner == "focal"
    lower = (found(-5.0, 1.0, 0.0001), found(-3.0, 1.0, 0.0001))
    assert median_error(*lower, validation=[40.0, 38.0, 36.0]).winner == "l1"


def test_the_line_is_5_percent_after_holm():
    assert accuracy(found(0.02, 0.015, 0.0499)).kind == "better"
    assert accuracy(found(0.02, 0.015, 0.05)).kind == "undecided"


def test_a_difference_within_the_margin_is_neither_better_nor_worse():
    verdict = accuracy(found(0.004, 0.002, 0.001))
    assert (verdict.kind, verdict.winner, verdict.better) == ("equivalent", "cross_entropy", ())
    verdict = accuracy(found(-0.004, 0.002, 0.001))
    assert (verdict.kind, verdict.worse) == ("equivalent", ())
    assert accuracy(found(0.008, 0.0021, 0.001)).kind == "better"
    verdict = accuracy(found(0.004, 0.002, 0.001), found(0.002, 0.013, 1.0))
    assert verdict.kind == "undecided"
    assert verdict.sentence.endswith("or more. focal is better, but by less than 1 point.")


def test_equivalent_needs_every_interval_inside():
    verdict = accuracy(found(0.002, 0.007, 1.0), found(-0.003, 0.006, 1.0))
    assert verdict.kind == "equivalent"
    assert verdict.sentence == "Keep cross_entropy. Equivalent: focal and poly1 differ from it by less than 1 point."
    assert accuracy(found(0.002, 0.007, 1.0), found(-0.003, 0.008, 1.0)).kind == "undecided"
    assert accuracy(found(0.004, 0.007, 1.0)).kind == "undecided"
    assert accuracy(found(0.004, 0.007, 1.0), margin=0.02).kind == "equivalent"


def test_a_loss_shown_to_be_worse_does_not_spoil_equivalence():
    verdict = accuracy(found(0.002, 0.007, 1.0), found(-0.05, 0.01, 0.001))
    assert verdict.kind == "equivalent"
    assert verdict.sentence == (
        "Keep cross_entropy. Equivalent: focal differs from it by less than 1 point. poly1 is worse."
    )


def test_all_worse_makes_the_default_the_better_one():
    verdict = accuracy(found(-0.04, 0.02, 0.01), found(-0.05, 0.01, 0.001))
    assert (verdict.kind, verdict.winner, verdict.keep_default) == ("better", "cross_entropy", True)
    assert verdict.sentence == "Keep cross_entropy. It is better than focal and poly1."
    assert (verdict.better, verdict.worse) == ((), ("focal", "poly1"))


def test_units_of_other_metrics():
    verdict = median_error(found(-0.2, 3.0, 1.0, 2.125), found(0.2, 3.0, 1.0, 2.125), unit="groups")
    assert verdict.sentence.endswith("90 groups can show gains of about 2.12 in median_ae or more.")


def test_what_failed_is_never_equivalent():
    verdict = accuracy(found(0.002, 0.005, 1.0), FAILED)
    assert verdict.kind == "undecided"
    assert verdict.sentence.endswith("poly1 could not be compared: retrainings failed.")
    assert (
        accuracy(FAILED).sentence == "Keep cross_entropy. Undecided. focal could not be compared: retrainings failed."
    )
    assert accuracy(FAILED).detectable is None


def test_only_the_family_is_judged():
    outside = found(0.3, 0.01, None)  # a baseline
    assert accuracy(found(0.0, 0.005, 1.0), outside).kind == "equivalent"
    assert accuracy().sentence == "Keep cross_entropy. Undecided: there was no other loss to compare."


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="1 comparisons for 2 names"):
        decide((DEFAULT,), NAMES[:2], "accuracy", True, 0.01, True, 10)
    with pytest.raises(ValueError, match="margin 0 must be above zero"):
        accuracy(found(0.0, 0.01, 1.0), margin=0.0)
