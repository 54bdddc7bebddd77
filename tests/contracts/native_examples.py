"""Populations for the contract of the native engine, and the ordinary loop that each member must equal."""

import random

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from losslab.catalog import CATALOGUE
from losslab.kernels import updates
from losslab.models.codes import Codes
from losslab.models.named import named
from losslab.models.renew import drawing_from
from losslab.optim import torch_optimizer
from losslab.train.batches import Fold, batch_sizes, epoch_order
from losslab.train.member import Member
from losslab.train.objective import kernel_of_loss, objective_of
from losslab.train.population import Population
from losslab.train.schedule import factor
from losslab.train.settings import Training

COLUMNS, CLASSES, ROWS = 5, 3, 43
TORCH = {
    "mse_loss": lambda o, t, **_: F.mse_loss(o, t, reduction="none"),
    "huber_loss": lambda o, t, **p: F.huber_loss(o, t, reduction="none", **p),
    "smooth_l1_loss": lambda o, t, **p: F.smooth_l1_loss(o, t, reduction="none", **p),
    "cross_entropy": lambda o, t, **p: F.cross_entropy(o, t, reduction="none", **p),
}


class Branches(nn.Module):
    """Sums, concatenations and columns, as a person writes them."""

    def __init__(self, outputs):
        super().__init__()
        self.left, self.right = nn.Linear(COLUMNS - 1, 4), nn.Linear(2, 3)
        self.levels = nn.Embedding(4, 3)
        self.head = nn.Linear(10, outputs)

    def forward(self, x):
        left = torch.tanh(self.left(x[:, 1:]))
        left = left + F.gelu(left, approximate="tanh")
        right = F.leaky_relu(self.right(x[..., [2, 1]]), 0.2)
        return self.head(torch.cat([left, self.levels(x[:, 0].long()), right], dim=1))


def with_batch_norm(outputs):
    first = (nn.Linear(COLUMNS, 9, bias=False), nn.BatchNorm1d(9, momentum=0.3), nn.SiLU())
    return nn.Sequential(*first, nn.Linear(9, 6, bias=False), nn.BatchNorm1d(6, affine=False), nn.Linear(6, outputs))


def with_dropout(outputs):
    layers = (nn.Linear(COLUMNS, 11), nn.ReLU(), nn.Dropout(0.3), nn.Linear(11, 7), nn.Sigmoid(), nn.Dropout(0.1))
    return nn.Sequential(*layers, nn.Linear(7, outputs))


NETWORKS = {
    "mlp": named("mlp:17,6", COLUMNS),
    "resmlp": lambda outputs: named("resmlp:9,2", COLUMNS)(outputs, dropout=0.2),
    "embeddings": lambda outputs: nn.Sequential(
        Codes(COLUMNS, {0: 4}), nn.Linear(7, 6), nn.GELU(), nn.Linear(6, outputs)
    ),
    "linear of codes": named("linear", COLUMNS, {0: 4}),
    "branches": Branches,
    "batch norm": with_batch_norm,
    "dropout": with_dropout,
}  # fmt: skip

HARD = Training(schedule="cosine", warmup=0.2, clip_norm=0.8, clip_value=0.4, ema=0.7, l1=0.003, l2=0.02)
SETTINGS = (Training(), HARD, Training(clip_norm=0.5), Training(ema=0.4, schedule="step"), Training(l1=0.01))


def folds(classes, dtype=torch.float64, weighted=True):
    """Two row lists of one length, the second with repeats and a weight of 0 among others; column 0 holds codes."""
    generator = torch.Generator().manual_seed(5)
    X = torch.randn(60, COLUMNS, generator=generator, dtype=torch.float64)
    X[:, 0] = torch.randint(0, 4, (60,), generator=generator)
    noise = torch.randn(60, generator=generator, dtype=torch.float64)
    y = X[:, 1:] @ torch.tensor([1.0, -0.5, 0.3, 0.2], dtype=torch.float64) + X[:, 0] / 2 + 0.2 * noise
    target = torch.bucketize(y, torch.tensor([0.2, 1.1], dtype=torch.float64)) if classes else y.to(dtype)
    rows = torch.randperm(60, generator=generator)[:ROWS], torch.randint(10, 60, (ROWS,), generator=generator)
    weight = torch.rand(60, generator=generator).to(dtype) * (torch.arange(60) % 7 > 0) if weighted else None
    other = torch.cat([X[:, :1], 1.3 * X[:, 1:] - 0.1], dim=1)
    return [Fold(X.to(dtype), target, rows[0]), Fold(other.to(dtype), target, rows[1], weight=weight)]


def members(classes, epochs=3):
    """Seven of two losses or more, several rules, seeds, folds and settings."""
    chosen = (
        [("cross_entropy", {"label_smoothing": smooth}) for smooth in (0.0, 0.1, 0.3)]
        if classes
        else [("huber_loss", {"delta": 0.3}), ("mse_loss", {}), ("smooth_l1_loss", {"beta": 0.5})]
    )
    rules = (
        ("adam", {"lr": 0.02, "beta2": 0.9}, {}), ("sgd", {"lr": 0.05, "momentum": 0.9}, {"nesterov": True}),
        ("adamw", {"lr": 0.01, "weight_decay": 0.3}, {"amsgrad": True}), ("sgd", {"lr": 0.1}, {}),
        ("rmsprop", {"lr": 0.003, "alpha": 0.9}, {"centered": True}), ("adagrad", {"lr": 0.05}, {}),
        ("adam", {"lr": 0.005}, {}),
    )  # fmt: skip
    found = [
        Member(
            10 + n, objective_of(CATALOGUE[loss], CLASSES if classes else 1), params, rule, hyper, options, seed=n % 3,
            fold=n % 2, batch_size=8, epochs=epochs, training=SETTINGS[n % len(SETTINGS)],
        )
        for n, (rule, hyper, options) in enumerate(rules)
        for loss, params in [chosen[n % len(chosen)]]
    ]  # fmt: skip
    return sorted(found, key=lambda member: member.family)


def module(build, member, dtype):
    with drawing_from(member.seed):
        return build(member.objective.outputs).to(dtype)


def population(build, engine, some, dtype=torch.float64):
    return Population(some, engine([module(build, member, dtype) for member in some]))


def alone(build, member, fold, epochs):
    """The module and the mean of its weights after an ordinary loop."""
    model, training = module(build, member, fold.X.dtype), member.training
    optimizer = torch_optimizer(member.optimizer, model.parameters(), {**member.hyper, **member.options})
    sizes = batch_sizes(len(fold.rows), member.batch_size)
    total, done, mean = epochs * len(sizes), 0, None
    for epoch in range(epochs):
        for rows in epoch_order(fold, member.seed, member.fold, epoch).split(sizes):
            share = factor(training.schedule, training.warmup, torch.tensor(float(done)).double(), total)
            optimizer.param_groups[0]["lr"] = member.hyper["lr"] * float(share)
            output, target = model.train()(fold.X[rows]), fold.y[rows]
            output = output if target.dtype == torch.int64 else output.squeeze(-1)
            weight = torch.ones(len(rows)).double() if fold.weight is None else fold.weight[rows]
            each = TORCH[member.objective.name](output, target, **member.params)
            loss = (weight * each).sum() / weight.sum()
            matrices = [p for p in model.parameters() if p.dim() > 1]
            penalty = sum(training.l1 * p.abs().sum() + training.l2 / 2 * (p**2).sum() for p in matrices)
            optimizer.zero_grad()
            (loss + penalty).backward()
            if training.clip_norm:
                clip_grad_norm_(model.parameters(), training.clip_norm)
            if training.clip_value:
                clip_grad_value_(model.parameters(), training.clip_value)
            optimizer.step()
            done += 1
            now = nn.utils.parameters_to_vector(model.parameters()).detach().clone()
            mean = now if mean is None or not training.ema else training.ema * mean + (1 - training.ema) * now
    return model, mean


class Residual(nn.Module):
    def __init__(self, inside):
        super().__init__()
        self.inside = inside

    def forward(self, x):
        return x + self.inside(x)


class Beside(nn.Module):
    def __init__(self, left, right):
        super().__init__()
        self.left, self.right = left, right

    def forward(self, x):
        return torch.cat((self.left(x), self.right(x)), -1)


ACTIVATIONS = (
    nn.ReLU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.GELU, lambda: nn.GELU("tanh"), lambda: nn.LeakyReLU(0.1),
    nn.Identity, lambda: nn.Dropout(0.25), nn.Flatten,
)  # fmt: skip
# A gradient that is rounding alone moves weights as any other does; sparse_adam asks whether it is 0.
BY_SIGN = ("lion", "rprop", "sparse_adam")
IN_PLACE = (lambda: nn.ReLU(inplace=True), lambda: nn.LeakyReLU(0.3, inplace=True))


def random_network(draw: random.Random, columns, outputs):
    """Layers of every kind in any order that torch can train; no bias whose gradient is nothing but rounding."""
    layers, width = [], columns
    for _ in range(draw.randint(1, 4)):
        kind, new = draw.randrange(5), draw.randint(1, 9)
        if kind == 0:
            norm = nn.BatchNorm1d(new, affine=draw.random() < 0.5, momentum=draw.choice((0.1, 0.5)))
            layers += [nn.Linear(width, new, bias=False), norm]
        elif kind == 1 and width > 1:
            layers += [nn.LayerNorm(width, elementwise_affine=draw.random() < 0.5), nn.Linear(width, new)]
        elif kind == 2:
            new = width
            inside = nn.Sequential(nn.Linear(width, width + 2), draw.choice(ACTIVATIONS)(), nn.Linear(width + 2, width))
            layers.append(Residual(inside))
        elif kind == 3:
            layers.append(Beside(nn.Linear(width, new), nn.Sequential(draw.choice(ACTIVATIONS)(), nn.Linear(width, 2))))
            new += 2
        else:
            layers.append(nn.Linear(width, new, bias=draw.random() < 0.7))
        layers.append(draw.choice((*ACTIVATIONS, *IN_PLACE))())
        width = new
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def random_case(seed):
    """A network, two members and a fold of their own."""
    draw = random.Random(seed)
    generator = torch.Generator().manual_seed(seed)
    losses = [r for r in CATALOGUE.values() if r.input_domain.low == -float("inf") == -r.input_domain.high]
    losses = [r for r in losses if not r.untunable and kernel_of_loss(objective_of(r, CLASSES)) is not None]
    record, columns, count = draw.choice(losses), draw.randint(1, 6), draw.randint(9, 33)
    X = torch.randn(count, columns, generator=generator, dtype=torch.float64)
    noise = torch.rand(count, generator=generator, dtype=torch.float64)
    if record.kind == "rowwise":
        y = torch.randint(0, CLASSES, (count,), generator=generator)
    elif record.target in ("sign", "probability"):
        y = (noise > 0.4).double()
    else:
        y = (3 * noise).round() if "count" in record.tasks else 3 * noise + 0.1
    weight = torch.rand(count, generator=generator, dtype=torch.float64) if draw.random() < 0.4 else None
    fold = Fold(X, y, torch.arange(count), weight=weight)
    params = dict(record.defaults) | dict.fromkeys(record.per_class, (5.0, 9.0, 2.0))
    rules = [name for name in updates.names() if name not in BY_SIGN]
    some = []
    for number in range(2):
        training = draw.choice(SETTINGS)
        some.append(
            Member(
                number, objective_of(record, CLASSES), params, draw.choice(rules), {"lr": 0.01}, seed=seed + number,
                batch_size=draw.choice((5, 8)) if number == 0 else some[0].batch_size, epochs=2, training=training,
            )
        )  # fmt: skip
    layers = draw.randint(0, 10**9)
    return (
        lambda width: random_network(random.Random(layers), columns, width),
        sorted(some, key=lambda m: m.family),
        fold,
    )
