"""Options that say what the columns of a table are for."""

import pytest

from losslab.cli.tables import columns, single, times


@pytest.mark.parametrize(
    ("given", "budget", "column"),
    [
        (None, None, None),
        (["10m"], "10m", None),
        (["1h30m", "day"], "1h30m", "day"),
        (["day", "90s"], "90s", "day"),
        (["10 minutes"], None, "10 minutes"),
        (["m"], None, "m"),
    ],
)
def test_a_duration_is_a_budget_and_anything_else_a_column(given, budget, column):
    assert times(given) == (budget, column)


@pytest.mark.parametrize(("given", "words"), [(["1m", "2m"], "two durations: 1m and 2m"), (["a", "b"], "two columns")])
def test_two_of_a_kind_are_refused(given, words):
    with pytest.raises(ValueError, match=words):
        times(given)


@pytest.mark.parametrize(
    ("given", "found"),
    [(None, None), ([], None), (["a"], "a"), (["a,b"], "a,b"), (["a", "b"], ["a", "b"]), (["a,b", "c"], list("abc"))],
)
def test_names_said_again_or_with_commas(given, found):
    assert single(given) == found


def test_the_keywords_are_those_of_load():
    import inspect

    from losslab.data.load import load

    found = columns(["y"], None, "g", None, "t", None, "b.csv", None)
    assert set(found) <= set(inspect.signature(load).parameters)
    assert (found["target"], found["drop"], found["group"], found["time_column"], found["test"]) == (
        "y", (), "g", "t", "b.csv",
    )  # fmt: skip
