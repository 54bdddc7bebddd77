"""Which parameters mattered, on searches whose answer is planted."""

import numpy as np
import pytest

import losslab.catalog  # noqa: F401 (declares the losses)
from losslab.optim import get as update_rule
from losslab.search.importance import FEWEST, explained, importance, ranked
from losslab.search.space import Configuration, Outcome, space_of
from losslab.spec.declare import CATALOGUE

RECORD = CATALOGUE["focal_loss"]
SPACE = space_of(RECORD, {"adamw": update_rule("adamw")}, batch_sizes=[16, 32, 64])


def outcomes(score, rows=60, seed=0, state="complete", epochs=lambda i: 20):
    rng = np.random.default_rng(seed)
    found = []
    for i in range(rows):
        gamma, rate, size = rng.uniform(0, 5), 10 ** rng.uniform(-4, -1), int(rng.choice([16, 32, 64]))
        one = Configuration(
            i, "focal_loss", {"gamma": gamma}, "adamw", {"lr": rate, "weight_decay": rng.random()}, size
        )
        found.append(Outcome(one, state, ((epochs(i), float(score(gamma, rate, size, rng))),)))
    return found


def of(found, **more):
    return importance(found, {"focal_loss": SPACE}, **{"higher_is_better": True, **more})["focal_loss"]


def test_the_parameter_that_decides_is_first_even_where_its_best_is_in_the_middle():
    shares = of(outcomes(lambda gamma, rate, size, rng: -((np.log10(rate) + 2.5) ** 2) + 0.02 * gamma))
    assert next(iter(shares)) == "adamw.lr"
    assert shares["adamw.lr"] > 0.75
    assert all(share < 0.15 for name, share in shares.items() if name != "adamw.lr")


def test_choices_count_too():
    shares = of(outcomes(lambda gamma, rate, size, rng: {16: 0.0, 32: 5.0, 64: 1.0}[size] + rng.random()))
    assert next(iter(shares)) == "batch_size"
    assert shares["batch_size"] > 0.8


def test_noise_explains_nothing_on_average():
    shares = [of(outcomes(lambda *_: _[-1].random(), seed=seed)) for seed in range(20)]
    assert np.mean([list(one.values()) for one in shares]) < 0.06


def test_how_far_a_trial_came_outranks_its_value():
    """Pruned at epoch 2 with 0.99 stands below complete with 0.5; equal ones share a rank."""
    one = Configuration(0, "focal_loss")
    curves = [((2, 0.99),), ((2, 0.3), (20, 0.5)), ((20, 0.7),), ((2, 0.99),), ((2, 0.1),)]
    found = [Outcome(one, "complete", curve) for curve in curves]
    assert ranked(found, True).tolist() == [1.5, 3.0, 4.0, 1.5, 0.0]
    assert ranked(found, False).tolist() == [0.5, 4.0, 3.0, 0.5, 2.0]


def test_omega_squared_by_hand():
    """Groups (0, 1, 2) and (3, 4, 5): between 13.5, within 4, noise 1: (13.5 - 1) / (17.5 + 1)."""
    groups = np.array([0, 0, 0, 1, 1, 1])
    assert explained(groups, np.arange(6.0)) == pytest.approx(12.5 / 18.5)
    assert explained(groups, np.array([0.0, 2, 1, 0, 2, 1])) == 0.0
    assert explained(groups, np.ones(6)) == 0.0


def test_few_failed_or_endless_trials_say_nothing():
    def score(gamma, *_):
        return gamma

    assert importance(outcomes(score, rows=FEWEST - 1), {"focal_loss": SPACE}, True) == {}
    assert importance(outcomes(score, state="failed"), {"focal_loss": SPACE}, True) == {}
    assert importance(outcomes(lambda *_: float("nan")), {"focal_loss": SPACE}, True) == {}
    assert set(importance(outcomes(score, rows=FEWEST), {"focal_loss": SPACE}, True)["focal_loss"]) == {
        "gamma", "adamw.lr", "adamw.weight_decay", "batch_size",
    }  # fmt: skip


def test_a_hyperparameter_of_one_optimizer_is_judged_among_its_trials():
    space = space_of(RECORD, {name: update_rule(name) for name in ("adamw", "sgd")})
    rng = np.random.default_rng(1)
    found = []
    for i in range(80):
        name, rate = ("adamw", "sgd")[i % 2], rng.uniform(1e-4, 1e-1)
        value = rate if name == "sgd" else 1 + 0.1 * rng.random()
        found.append(
            Outcome(Configuration(i, "focal_loss", {"gamma": 1.0}, name, {"lr": rate}), "complete", ((5, value),))
        )
    shares = importance(found, {"focal_loss": space}, True)["focal_loss"]
    assert shares["sgd.lr"] > 0.8
    assert shares["adamw.lr"] < 0.2
    assert shares["optimizer"] > 0.6
    assert "gamma" not in shares  # never varied
