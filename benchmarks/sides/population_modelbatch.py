"""A population in ModelBatch: vmap over modules, an optimiser with a group for each, one loss that all share."""

import torch
import torch.nn.functional as F
from modelbatch import ModelBatch, OptimizerFactory
from population_task import BATCH, member_count, rates, report, rows, timed
from torch import nn

K = member_count()
X, y = (torch.tensor(part) for part in rows())


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


batch = ModelBatch([network() for _ in range(K)], shared_input=True)
optimizer = OptimizerFactory(torch.optim.AdamW).create_optimizer(batch, [{"lr": float(rate)} for rate in rates(K)])


def epoch(order) -> None:
    for chosen in torch.tensor(order).split(BATCH):
        optimizer.zero_grad()
        batch.compute_loss(batch(X[chosen]), y[chosen], F.cross_entropy).backward()
        optimizer.step()


report(timed(epoch))
