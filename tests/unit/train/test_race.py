"""Which engine is found to be faster does not hang on one slow moment, and who is far behind is not asked again."""

import pytest

from losslab.train import race
from losslab.train.network import Single, Stacked


class Clocked:
    """Runs that take what a list says, one after the other."""

    seconds: dict[str, list[float]]

    def __init__(self, population, folds):
        self.name, self.asked = population, 0

    def run(self):
        self.asked += 1
        return Clocked.seconds[self.name][self.asked - 1]


@pytest.fixture
def clocked(monkeypatch):
    monkeypatch.setattr(race, "Runner", Clocked)
    monkeypatch.setattr(race, "MEASURED", 0.0)
    return Clocked


def test_a_slow_moment_does_not_decide(clocked):
    clocked.seconds = {"stacked": [9.0, 1.0, 1.5], "single": [2.0, 2.5, 2.0]}
    assert race.race({Stacked: lambda: "stacked", Single: lambda: "single"}, []) == {Stacked: 1.0, Single: 2.0}


def test_who_is_far_behind_is_not_asked_again(clocked):
    clocked.seconds = {"stacked": [1.0], "single": [30.0]}
    assert race.race({Stacked: lambda: "stacked", Single: lambda: "single"}, []) == {Stacked: 1.0, Single: 30.0}
