"""Finding losses by their facts."""

import pytest

from losslab.catalog import CATALOGUE
from losslab.spec.declare import Catalogue
from losslab.spec.describe import facts_in_words

ONES = Catalogue({name: CATALOGUE[name] for name in (
    "mse_loss", "l1_loss", "huber_loss", "quantile_loss", "mape_loss", "cross_entropy", "focal_loss", "hinge_loss",
    "cauchy_loss", "brier_loss",
)})  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"task": "multiclass", "convex": True, "smooth": True, "proper": True}, ["cross_entropy"]),
        ({"task": "multiclass", "convex": False}, ["focal_loss", "brier_loss"]),
        ({"task": "regression", "lipschitz": True, "smooth": True}, ["huber_loss", "cauchy_loss"]),
        ({"task": "regression", "lipschitz": False}, ["mse_loss"]),
        ({"best_constant": "median"}, ["l1_loss"]),
        ({"symmetric": False}, ["mape_loss"]),
        ({"symmetric": True, "smooth": False}, ["l1_loss", "quantile_loss"]),  # at a quantile of one half
        ({"proper": False}, ["focal_loss"]),  # not those that give no probability
        ({"task": "regression", "tunable": False}, ["mape_loss"]),
        ({"tunable": False}, []),  # as a count it is
        ({"task": "count", "symmetric": False}, ["mape_loss"]),
        ({"task": "positive", "tunable": True, "best_constant": "mean"}, ["mse_loss"]),
        ({"task": "multilabel", "kind": "pointwise"}, ["hinge_loss"]),
        ({"task": "ordinal", "proper": True}, ["cross_entropy", "brier_loss"]),
        ({"task": "ordinal", "by_default": True}, []),  # the order of the classes is not seen
        ({"task": "binary", "kind": "pointwise"}, ["hinge_loss"]),
        ({"convex": None, "best_constant": "mean"}, ["mse_loss"]),
    ],
)
def test_losses_are_found_by_their_facts(wanted, found):
    assert list(ONES.filter(**wanted)) == found


@pytest.mark.parametrize(
    ("wanted", "error", "words"),
    [
        ({"convx": True}, TypeError, "unknown keyword 'convx', did you mean convex"),
        ({"colour": True}, TypeError, "unknown keyword 'colour'.*There are: task, kind, convex"),
        ({"convex": "yes"}, TypeError, "convex must be True or False, found 'yes'"),
        ({"best_constant": "average"}, ValueError, "no best_constant 'average'; there are: mean, median"),
    ],
)
def test_a_wrong_filter_is_refused_in_words(wanted, error, words):
    with pytest.raises(error, match=words):
        CATALOGUE.filter(**wanted)


def test_facts_are_told_in_words_at_the_parameters_that_they_depend_on():
    assert facts_in_words(CATALOGUE["huber_loss"]) == [
        "values in [0, inf), least where input and target agree",
        "convex",
        "smooth",
        "gradient no longer than 1",
        "symmetric in input and target",
        "(at delta = 1)",
    ]
    told = facts_in_words(CATALOGUE["multi_margin_loss"])
    assert told[-1] == "(at p = 1, margin = 1, 10 classes)"
    assert "gradient no longer than 0.9487" in told
    assert "Facts:\n    values in [0, inf)" in CATALOGUE["mse_loss"].form.__doc__
