"""What every side of the search benchmark shares: data, budget, search space, and the training of what was chosen."""

import json
import os
import sys
import time
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

BATCH = 64
SPACE = {
    "lr": (1e-4, 1e-1, True),
    "gamma": (0.0, 5.0, False),
    "label_smoothing": (0.0, 0.3, False),
    "weight_decay": (1e-6, 1e-2, True),
}


class Task:
    """Arguments of a side: FILE.npz TRIALS EPOCHS SEED HALVING; the file holds scaled training and validation parts."""

    def __init__(self) -> None:
        path, trials, epochs, seed, halving = sys.argv[1:6]
        parts = np.load(path)
        self.x, self.x_val = (torch.from_numpy(parts[name]) for name in ("x_train", "x_validation"))
        self.y, self.y_val = (torch.from_numpy(parts[name]) for name in ("y_train", "y_validation"))
        self.trials, self.epochs, self.seed, self.halving = int(trials), int(epochs), int(seed), halving == "halving"
        self.classes = int(self.y.max()) + 1
        self.start = time.perf_counter()

    def chosen(self, params: dict[str, float], accuracy: float) -> None:
        """Reports the configuration that the search chose, and when, counted from the start of the process."""
        report: dict[str, Any] = {
            "search_seconds": time.perf_counter() - self.start,
            "until_choice": time.time() - float(os.environ["STARTED"]),
            "chosen": params,
            "validation": accuracy,
            "threads": torch.get_num_threads(),
        }
        print(json.dumps(report), flush=True)


def network(columns: int, classes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(columns, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, classes))


def focal(logits: Tensor, target: Tensor, gamma: float, label_smoothing: float, least: float = 0.0) -> Tensor:
    """As people write it: with gamma below 1 the gradient is not finite where p is 1, unless 1 - p has a least size."""
    ce = F.cross_entropy(logits, target, label_smoothing=label_smoothing, reduction="none")
    p = F.log_softmax(logits, -1).gather(1, target[:, None]).squeeze(1).exp()
    return ((1 - p).clamp_min(least) ** gamma * ce).mean()


def train(x: Tensor, y: Tensor, classes: int, epochs: int, seed: int, params: dict[str, float]) -> nn.Module:
    """One training with sliced tensors: how a chosen configuration is trained afresh, for every side, safely."""
    torch.manual_seed(seed)
    model = network(x.shape[1], classes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=params["lr"], weight_decay=params["weight_decay"], fused=True)
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for rows in order.split(BATCH):
            optimizer.zero_grad()
            focal(model(x[rows]), y[rows], params["gamma"], params["label_smoothing"], least=1e-6).backward()
            optimizer.step()
    return model
