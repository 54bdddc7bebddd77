"""What losses over embeddings share: lengths, cosines, pairs by label, sums in the exponent, and what looks wrong."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def length(x: Tensor) -> Tensor:
    """The Euclidean length over the last dimension; its slope at 0 is 0."""
    # Divided by its largest entry, no square overflows or vanishes.
    largest = x.detach().abs().amax(-1, keepdim=True)
    scale = torch.where(largest > 0, largest, 1.0)
    square = (x / scale).square().sum(-1)
    none = square == 0
    return torch.where(none, 0.0, torch.where(none, 1.0, square).sqrt()) * scale.squeeze(-1)


def unit(x: Tensor) -> Tensor:
    """x over its length in the last dimension; what has no direction stays 0, with slope 0."""
    largest = x.detach().abs().amax(-1, keepdim=True)
    some = largest > 0
    x = torch.where(some, x / torch.where(some, largest, 1.0), 0.0)
    return x / torch.where(some, x.square().sum(-1, keepdim=True), 1.0).sqrt()


def distances(input: Tensor) -> Tensor:
    """The distance of each row to each, from differences: products would lose the digits of near neighbours."""
    return length(input.unsqueeze(1) - input)


def cosines(input: Tensor) -> Tensor:
    """The cosine of each row with each."""
    return unit(input) @ unit(input).mT


def others(like: Tensor, mask: Tensor | None) -> Tensor:
    """Which pairs of rows are of two different rows that take part."""
    apart = ~torch.eye(like.shape[0], dtype=torch.bool, device=like.device)
    return apart if mask is None else apart & mask.unsqueeze(1) & mask


def pairs(target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Which pairs of rows have one label, and which have two."""
    same, apart = target.unsqueeze(1) == target, others(target, mask)
    return same & apart, ~same & apart


def log_sum_exp(x: Tensor, keep: Tensor, dim: int = -1) -> Tensor:
    """log of the sum of exp(x) over what is kept; -inf, with slope 0, over nothing."""
    some = keep.any(dim, keepdim=True)
    total = x.masked_fill(~keep & some, -torch.inf).masked_fill(~some, 0.0).logsumexp(dim)
    return torch.where(some.squeeze(dim), total, -torch.inf)


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)); torch's becomes linear too soon."""
    return -F.logsigmoid(-x)


def labelled(generator: torch.Generator, sizes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Labels of which some are seen twice, and after leaving every third row out one only once."""
    return {"target": torch.tensor([0, 1, 0, 1, 1, 0]).repeat(1 + sizes["N"][0] // 6)[: sizes["N"][0]]}


HOT = 5.0  # the temperature from which cosines, which differ by 2 at most, hardly tell rows apart


def hot(options: Mapping[str, Any]) -> dict[str, str]:
    """A temperature that leaves no difference, such as a scale in its place."""
    temperature = options.get("temperature", 0.0)
    if isinstance(temperature, Tensor) or temperature <= HOT:
        return {}
    text = f"cosines divided by a temperature of {temperature:g} are all nearly the same, so the loss hardly moves"
    return {"temperature": f"{text}. If it is a factor (a logit scale), pass {1 / temperature:g}"}


def collapsed(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> dict[str, str]:
    """Embeddings that are all the same, or made so: the loss stands still, and so does training."""
    mask, found = options.get("mask"), {key: x for key, x in operands.items() if key != "target"}
    kept = [x if mask is None or x.shape[:-1] != mask.shape else x[mask] for x in found.values()]
    x = torch.cat([one.reshape(-1, one.shape[-1]) for one in kept])
    if x.shape[0] < 2 or x.numel() == 0 or not (x - x[:1]).abs().max() <= 1e-4 * x.abs().max():
        return hot(options)
    names = " and ".join(found)
    text = (
        f"all {x.shape[0]} rows of {names} are (nearly) the same embedding: they have collapsed. The loss then hardly"
    )
    return {"collapse": f"{text} moves; a smaller learning rate, softer negatives or normalised embeddings may help"}


def lonely(operands: Mapping[str, Tensor], options: Mapping[str, Any]) -> dict[str, str]:
    """Labels that no two rows share, or all do; embeddings that are all the same."""
    mask, target = options.get("mask"), operands["target"]
    target = target if mask is None else target[mask]
    rows, kinds, odd = target.numel(), target.unique().numel(), collapsed(operands, options)
    if rows > 1 and kinds == rows:
        odd["positives"] = "no two rows share a label, so nothing belongs together: draw two or more rows of each label"
    elif rows > 1 and kinds == 1:
        odd["negatives"] = f"all {rows} rows have the label {int(target[0])}, so there is nothing to tell apart"
    return odd
