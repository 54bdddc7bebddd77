"""Inputs by name. The first of each is what gradients are taken by."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

Inputs = dict[str, Tensor]


def normal(seed: Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=seed, dtype=torch.float64)


def chance(seed: Generator, *shape: int) -> Tensor:
    return 0.05 + 0.9 * torch.rand(shape, generator=seed, dtype=torch.float64)


def whole(seed: Generator, below: int, *shape: int) -> Tensor:
    return torch.randint(below, shape, generator=seed)


def coin(seed: Generator, *shape: int) -> Tensor:
    return whole(seed, 2, *shape).double()


def real(seed: Generator) -> Inputs:
    return {"x": 2 * normal(seed, 12), "y": normal(seed, 12)}


def positive(seed: Generator) -> Inputs:
    return {"x": 3 * chance(seed, 12), "y": 3 * chance(seed, 12)}


def counts(seed: Generator) -> Inputs:
    return {"x": normal(seed, 12), "y": whole(seed, 7, 12).double()}


def two_classes(seed: Generator) -> Inputs:
    """Scores and labels 0 and 1, both of which are there."""
    return {"x": 2 * normal(seed, 12), "y": torch.cat((coin(seed, 10), torch.tensor([0.0, 1.0])))}


def chances(seed: Generator) -> Inputs:
    return {"x": chance(seed, 12), "y": torch.cat((coin(seed, 10), torch.tensor([0.0, 1.0])))}


def classes(seed: Generator) -> Inputs:
    """Scores of five classes, each of which is there; also as rows of 0 and 1."""
    y = torch.cat((whole(seed, 5, 3), torch.arange(5)))
    return {"x": 2 * normal(seed, 8, 5), "y": y, "rows": one_hot(y, 5).double()}


def labels(seed: Generator) -> Inputs:
    """Scores and several labels for each row."""
    return {"x": 2 * normal(seed, 8, 5), "y": coin(seed, 8, 5)}


def distributions(seed: Generator) -> Inputs:
    return {"x": normal(seed, 8, 5).softmax(1), "y": normal(seed, 8, 5).softmax(1)}


def masks(seed: Generator) -> Inputs:
    """Scores of three classes for each pixel of two images; the classes also as channels of 0 and 1."""
    y = whole(seed, 3, 2, 4, 5)
    y[:, 0, :3] = torch.arange(3)
    return {"x": 2 * normal(seed, 2, 3, 4, 5), "y": y, "channels": one_hot(y, 3).movedim(-1, 1).double()}


def region(seed: Generator) -> Inputs:
    """Scores of one region in two images, (N, 1, H, W)."""
    y = coin(seed, 2, 1, 4, 5)
    y[:, :, 0, 0] = 1
    return {"x": 2 * normal(seed, 2, 1, 4, 5), "y": y}


def boxes(seed: Generator) -> Inputs:
    corners = [torch.cat((low, low + chance(seed, 8, 2)), 1) for low in (chance(seed, 8, 2), chance(seed, 8, 2))]
    return {"x": corners[0], "y": corners[1]}


def embeddings(seed: Generator) -> Inputs:
    """Rows of four labels, each of which comes twice or more, and a centre for each label."""
    y = torch.cat((torch.arange(4), torch.arange(4), whole(seed, 4, 2)))
    return {"x": normal(seed, 10, 6), "y": y, "weight": normal(seed, 4, 6), "centres": normal(seed, 4, 3, 6)}


def views(seed: Generator) -> Inputs:
    return {"x": normal(seed, 8, 6), "y": normal(seed, 8, 6), "z": normal(seed, 8, 6)}


def signs(seed: Generator) -> Inputs:
    return {"x": normal(seed, 12), "y": normal(seed, 12), "sign": 2 * coin(seed, 12) - 1}


def lists(seed: Generator) -> Inputs:
    """Scores and relevance of six items in each of four lists."""
    return {"x": normal(seed, 4, 6), "y": whole(seed, 4, 4, 6).double()}


def times(seed: Generator) -> Inputs:
    """Risks, times that all differ, and whether the event was seen."""
    time = torch.randperm(12, generator=seed).double() + 1
    event = torch.cat((whole(seed, 2, 10), torch.tensor([1, 1]))).bool()
    return {"x": normal(seed, 12), "time": time, "event": event, "scale": 0.3 * normal(seed, 12)}


def tied_times(seed: Generator) -> Inputs:
    return times(seed) | {"time": whole(seed, 4, 12).double() + 1}


def intervals(seed: Generator) -> Inputs:
    return {"x": normal(seed, 8, 5), "interval": whole(seed, 5, 8), "event": whole(seed, 2, 8).bool()}


def samples(seed: Generator) -> Inputs:
    return {"x": normal(seed, 7, 1), "y": 1 + normal(seed, 9, 1)}


def sequences(seed: Generator) -> Inputs:
    """Scores (N, T, C) of two sequences with room for their labels."""
    return {"x": normal(seed, 2, 9, 4), "y": 1 + whole(seed, 3, 2, 3)}


DRAWS: dict[str, Callable[[Generator], Inputs]] = {
    draw.__name__: draw
    for draw in (
        real,
        positive,
        counts,
        two_classes,
        chances,
        classes,
        labels,
        distributions,
        masks,
        region,
        boxes,
        embeddings,
        views,
        signs,
        lists,
        times,
        tied_times,
        intervals,
        samples,
        sequences,
    )
}
