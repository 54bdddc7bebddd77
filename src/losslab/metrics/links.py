"""From a head's raw output to a prediction, through the link of the loss that trained it."""

import torch
from torch import Tensor

from losslab.metrics.record import Needs
from losslab.spec.record import Link


def predictions(output: Tensor, link: Link, needs: Needs) -> Tensor | None:
    """What a metric needs, from raw outputs (K, N, O); None ("n/a") where the loss does not say it.

    Classes: with O = 1 the output is the logit of class 1 ("sigmoid"), its probability ("identity") or a margin
    ("arg-max"); with O = C there is a score for each class ("softmax", "arg-max"), its log-probability ("exp") or its
    probability ("identity"). Two outputs are read as one: their difference. "arg-max" has no probability.
    - "label": (K, N) int64, -1 where an output is NaN;
    - "probability": (K, N, C), binary C = 2;
    - "score": binary (K, N), the log odds of class 1 or the margin, positive for class 1; else (K, N, C) log-softmax;
    - "value": (K, N), for "identity", "sigmoid" and "exp" with O = 1.
    Float64, so that confident scores do not become ties. Raises ValueError for a link that cannot have these outputs.
    """
    if output.shape[-1] == 1 and link == "softmax":
        raise ValueError(f"link {link!r} wants an output for each class, found shape {tuple(output.shape)}")
    if output.shape[-1] > 2 and link == "sigmoid":
        raise ValueError(f"link {link!r} wants one output, found shape {tuple(output.shape)}")
    output = output.detach().to(torch.float64)
    if needs == "value":
        return _value(output.squeeze(-1), link) if output.shape[-1] == 1 else None
    score = _score(output, link)
    if needs == "score":
        return score
    if needs == "label":
        return to_label(score)
    if link == "arg-max":
        return None
    return score.exp() if score.ndim == output.ndim else torch.stack(((-score).sigmoid(), score.sigmoid()), -1)


def to_label(score: Tensor) -> Tensor:
    """The class: of a binary score (K, N) 1 above zero, of scores (K, N, C) the first largest; -1 where it is NaN."""
    if score.ndim == 3:
        return score.argmax(-1).masked_fill(score.isnan().any(-1), -1)
    return (score > 0).long().masked_fill(score.isnan(), -1)


def _value(output: Tensor, link: Link) -> Tensor | None:
    if link == "sigmoid":
        return output.sigmoid()
    if link == "exp":
        return output.exp()
    return output if link == "identity" else None


def _score(output: Tensor, link: Link) -> Tensor:
    if link == "identity":  # probabilities
        output = output.logit(1e-15) if output.shape[-1] == 1 else output.clamp_min(1e-15).log()
    elif link == "exp" and output.shape[-1] == 1:
        output = output.exp().logit(1e-15)
    if output.shape[-1] == 1:
        return output.squeeze(-1)
    if output.shape[-1] == 2:
        return output[..., 1] - output[..., 0]
    return output.log_softmax(-1)
