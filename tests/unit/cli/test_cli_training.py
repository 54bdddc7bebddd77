"""Options of training on the command line: one value, several, or a range."""

import pytest

from losslab.cli.training import rates, settings


def test_one_value_several_and_none():
    given = {"schedule": "cosine,constant", "dropout": "0,0.25", "depth": "3", "ema": None, "autocast": "none"}
    assert settings(given) == {"schedule": ["cosine", "constant"], "dropout": [0.0, 0.25], "depth": 3, "autocast": ""}


def test_rates_are_a_number_choices_or_a_range():
    assert rates({"lr": "1e-4:3e-2", "weight_decay": "0.1"}) == {"lr": (1e-4, 3e-2), "weight_decay": 0.1}
    assert rates({"lr": "0.1,0.01", "weight_decay": None}) == {"lr": [0.1, 0.01]}


def test_what_is_no_number_is_named_with_its_option():
    with pytest.raises(ValueError, match="--weight-decay 'x': a number is wanted"):
        rates({"weight_decay": "x:1"})
    with pytest.raises(ValueError, match=r"--depth '2\.5': a whole number is wanted"):
        settings({"depth": "2.5"})
