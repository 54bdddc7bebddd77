"""A population in losslab, by the engine that is named after the number of members."""

import sys

import torch
from population_task import BATCH, decays, gammas, member_count, rates, report, rows, smoothings, timed

import losslab
from losslab.models.build import build
from losslab.train.assemble import Assembly
from losslab.train.batches import Fold
from losslab.train.lookup import find_loss
from losslab.train.member import Member
from losslab.train.objective import objective_of
from losslab.train.session import Session

losslab.tune_allocator()  # as the command line does
K, engine = member_count(), sys.argv[2]
X, y = (torch.tensor(part) for part in rows())
objective = objective_of(find_loss("focal_loss", "multiclass"), 10)
members = [
    Member(k, objective, {"gamma": float(gammas(K)[k]), "label_smoothing": float(smoothings(K)[k])}, "adamw",
           {"lr": float(rates(K)[k]), "weight_decay": float(decays(K)[k])}, batch_size=BATCH)
    for k in range(K)
]  # fmt: skip
session = Session(Assembly(build("mlp", 64, 10), [Fold(X, y, torch.arange(len(X)))], engine=engine), members)


def epoch(_) -> None:
    session.advance(session.reached + 1, save=False)


report(timed(epoch))
