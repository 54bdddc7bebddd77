"""Small networks, folds and members for the tests of training."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from losslab.models.renew import drawing_from
from losslab.train.assemble import Assembly
from losslab.train.batches import Fold
from losslab.train.member import Member, Objective
from losslab.train.network import Network, Stacked
from losslab.train.population import Population

COLUMNS = 4


@dataclass(frozen=True)
class Make:
    """A factory: the module of a seed, with a head of some width."""

    build: Callable[[int], nn.Module]

    def make(self, seed: int, width: int) -> nn.Module:
        with drawing_from(seed):
            return self.build(width)


def plain(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(COLUMNS, 6), nn.ReLU(), nn.Linear(6, width))


def with_batch_norm(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(COLUMNS, 6, bias=False), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, width))


def with_dropout(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(COLUMNS, 6), nn.Dropout(0.5), nn.Tanh(), nn.Dropout(0.2), nn.Linear(6, width))


def mean_square(output, target, scale=1.0):
    return scale * ((output.squeeze(-1) - target) ** 2).mean()


SQUARE = Objective("square", mean_square, 1, "identity")


def fold(rows=None, count=41, seed=1, dtype=torch.float64):
    """Rows of noise around a plane."""
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(count, COLUMNS, generator=generator, dtype=torch.float64)
    y = X @ torch.tensor([1.0, -0.5, 0.2, 0.7], dtype=torch.float64) + 0.1 * X[:, 0] ** 2
    return Fold(X.to(dtype), y.to(dtype), torch.arange(count) if rows is None else torch.as_tensor(rows))


def member(number=0, optimizer="adam", lr=0.01, objective=SQUARE, params=None, **options):
    hyper = {"lr": lr, **options.pop("hyper", {})}
    return Member(number, objective, params or {}, optimizer, hyper, **{"batch_size": 8, **options})


def population(members, build=plain, engine: type[Network] = Stacked, dtype=torch.float64):
    return Population(members, engine([Make(build).make(m.seed, m.objective.outputs).to(dtype) for m in members]))


def assembly(folds, build=plain, engine="stacked"):
    return Assembly(Make(build), folds, engine=engine)


def weights(population):
    """member number -> its weights, buffers and frozen parameters."""
    return {m.number: population.network.module(place).state_dict() for place, m in enumerate(population.members)}


def assert_same(found, expected, tolerance=0.0):
    """State dicts by member number, equal bit by bit unless a tolerance is given."""
    assert found.keys() == expected.keys()
    for number, state in found.items():
        for name, value in state.items():
            wanted = expected[number][name]
            message = f"member {number}: {name}"
            torch.testing.assert_close(
                value, wanted, rtol=tolerance, atol=tolerance, equal_nan=True, msg=lambda m, t=message: f"{t}: {m}"
            )
