"""An ordinary torch loop with torch's own schedulers, clipping and mean: what a member of a population must equal."""

import math

import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from train_examples import Make, plain

from losslab.train.batches import batch_sizes, epoch_order

OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def scheduler(optimizer, training, total):
    """torch's schedulers for `total` steps, or None."""
    rising = round(training.warmup * total)
    rest = total - rising
    lr = optimizer.param_groups[0]["lr"]
    kinds = {
        "constant": lambda: lr_scheduler.ConstantLR(optimizer, factor=1.0),
        "step": lambda: lr_scheduler.StepLR(optimizer, math.ceil(rest / 3), gamma=0.1),
        "cosine": lambda: lr_scheduler.CosineAnnealingLR(optimizer, rest),
        "one-cycle": lambda: lr_scheduler.OneCycleLR(optimizer, lr, total_steps=rest, cycle_momentum=False),
    }
    if not rising:
        return kinds[training.schedule]()
    warm = lr_scheduler.LinearLR(optimizer, start_factor=1 / (rising + 1), total_iters=rising)
    return lr_scheduler.SequentialLR(optimizer, [warm, kinds[training.schedule]()], milestones=[rising])


def train(member, fold, epochs, build=plain):
    """The module and its mean (or None) after so many epochs; squared error, each row by its weight."""
    model = Make(build).make(member.seed, 1).to(fold.X.dtype)
    training = member.training
    sizes = batch_sizes(len(fold.rows), member.batch_size)
    steps = math.ceil(len(sizes) / training.accumulate)
    optimizer = OPTIMIZERS[member.optimizer](model.parameters(), **member.hyper)
    schedule = scheduler(optimizer, training, member.epochs * steps) if member.epochs else None
    mean = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(training.ema)) if training.ema else None
    for epoch in range(epochs):
        batches = epoch_order(fold, member.seed, member.fold, epoch).split(sizes)
        for first in range(0, len(batches), training.accumulate):
            group = batches[first : first + training.accumulate]
            weights = [torch.ones(len(b)).to(fold.X) if fold.weight is None else fold.weight[b] for b in group]
            optimizer.zero_grad()
            for rows, weight in zip(group, weights, strict=True):
                error = (model(fold.X[rows]).squeeze(-1) - fold.y[rows]) ** 2
                (weight * error).sum().div(torch.cat(weights).sum()).backward()
            matrices = [p for p in model.parameters() if p.dim() > 1]
            sum(training.l1 * p.abs().sum() + training.l2 / 2 * (p**2).sum() for p in matrices).backward()
            if training.clip_norm:
                clip_grad_norm_(model.parameters(), training.clip_norm)
            if training.clip_value:
                clip_grad_value_(model.parameters(), training.clip_value)
            optimizer.step()
            if schedule:
                schedule.step()
            if mean:
                mean.update_parameters(model)
    return model, mean
