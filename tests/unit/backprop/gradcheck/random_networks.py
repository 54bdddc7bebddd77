"""Random networks and losses whose gradients are right: a check that calls one of them wrong is at fault."""

import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from losslab.catalog import CATALOGUE
from losslab.testing.samples import draw

ACTIVATIONS = (
    nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Hardswish, nn.Hardtanh,
    nn.Mish, nn.SELU, nn.PReLU, nn.Softsign,
)  # fmt: skip
LOSSES = tuple(name for name, record in CATALOGUE.items() if record.layout is None and not record.per_class)


def network(seed: int) -> tuple[nn.Module, Tensor, Tensor, Any]:
    """A float32 model in train mode, an input, a target and a loss that fits them."""
    choose = random.Random(seed)
    torch.manual_seed(seed)
    body, input, width = choose.choice((dense, dense, convolutional, recurrent, attentive, embedded))(choose)
    loss, outputs, target = task(choose, len(input))
    model = nn.Sequential(*body, nn.Linear(width, outputs))
    if choose.random() < 0.3:  # weights of another size than the default's
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(choose.choice((0.1, 3.0)))
    return model, input, target, loss


def dense(choose: random.Random) -> tuple[list[nn.Module], Tensor, int]:
    rows, width = choose.randint(2, 12), choose.randint(1, 6)
    input = torch.randn(rows, width) * choose.choice((0.01, 1.0, 1.0, 100.0))
    layers: list[nn.Module] = []
    for _ in range(choose.randint(0, 3)):
        hidden = choose.randint(1, 8)
        layers.append(nn.Linear(width, hidden, bias=choose.random() < 0.8))
        norms = [nn.BatchNorm1d(hidden), nn.LayerNorm(hidden), nn.Identity()]
        layers += [choose.choice(norms), choose.choice(ACTIVATIONS)()]
        layers += [nn.Dropout(0.3)] * (choose.random() < 0.4)
        width = hidden
    return layers, input, width


def convolutional(choose: random.Random) -> tuple[list[nn.Module], Tensor, int]:
    pool = choose.choice((nn.MaxPool2d(2), nn.AvgPool2d(2), nn.AdaptiveMaxPool2d(3)))
    layers = [nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), choose.choice(ACTIVATIONS)(), pool, nn.Flatten()]
    return layers, torch.randn(choose.randint(2, 4), 2, 6, 6), 27


class Last(nn.Module):
    """A recurrent network's output at the last step."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)[0][:, -1]


def recurrent(choose: random.Random) -> tuple[list[nn.Module], Tensor, int]:
    kind: Callable[..., nn.Module] = choose.choice((nn.LSTM, nn.GRU, nn.RNN))
    inner = kind(3, 4, num_layers=2, dropout=0.2, bidirectional=choose.random() < 0.3, batch_first=True)
    return [Last(inner)], torch.randn(choose.randint(2, 5), 4, 3), 8 if inner.bidirectional else 4


def attentive(choose: random.Random) -> tuple[list[nn.Module], Tensor, int]:
    layer = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.2, batch_first=True, norm_first=choose.random() < 0.5)
    return [nn.TransformerEncoder(layer, 1, enable_nested_tensor=False), nn.Flatten()], torch.randn(3, 3, 4), 12


def embedded(choose: random.Random) -> tuple[list[nn.Module], Tensor, int]:
    embedding = nn.Embedding(30, 3, padding_idx=0 if choose.random() < 0.5 else None)
    return [embedding, nn.Flatten(), nn.Linear(12, 5), nn.ReLU()], torch.randint(30, (choose.randint(2, 6), 4)), 5


def task(choose: random.Random, rows: int) -> tuple[Any, int, Tensor]:
    """A loss, the number of outputs it wants, and a target."""
    kind = choose.choice(("regression", "multiclass", "binary"))
    outputs = choose.randint(1, 3)
    if kind == "regression":
        own = [lambda p, t: (p - t).abs().pow(1.5), lambda p, t: ((p - t) ** 2).sum(), nn.MSELoss(reduction="none")]
        names = ["mse_loss", "l1_loss", "huber_loss", "log_cosh_loss", "quantile_loss", nn.SmoothL1Loss(), *own]
        return choose.choice(names), outputs, torch.randn(rows, outputs) * choose.choice((0.1, 1.0, 10.0))
    if kind == "binary":
        names = ["binary_cross_entropy_with_logits", "sigmoid_focal_loss", "asymmetric_loss", nn.SoftMarginLoss()]
        loss = choose.choice(names)
        target = (torch.rand(rows, outputs) > 0.5).float()
        return loss, outputs, 2 * target - 1 if isinstance(loss, nn.SoftMarginLoss) else target
    names = ["cross_entropy", "focal_loss", "poly1_cross_entropy", "generalized_cross_entropy", "multi_margin_loss"]
    outputs += 2
    return choose.choice([*names, nn.CrossEntropyLoss(label_smoothing=0.1)]), outputs, torch.randint(outputs, (rows,))


def loss_alone(seed: int) -> tuple[Any, Tensor, Tensor]:
    """A loss of the catalogue with a legal batch, away from kinks."""
    choose = random.Random(seed)
    name = choose.choice(LOSSES)
    shape = (choose.randint(1, 7),) if choose.random() < 0.5 else (choose.randint(1, 4), choose.randint(1, 4))
    return (name, *draw(CATALOGUE[name], seed=seed, shape=shape))
