"""From a head's raw output to a prediction, through the link of the loss that trained it."""

import torch
from torch import Tensor

from losslab.metrics.record import Needs
from losslab.spec.record import Link


def predictions(output: Tensor, link: Link, needs: Needs, columns: bool = False) -> Tensor | None:
    """What a metric needs, from raw outputs (K, N, O); None ("n/a") where the loss does not say it.

    columns: each output is an answer of its own (multilabel, multioutput), read as a single output is: (K, N, T), and
    probabilities (K, N, T) those of a yes.

    Classes: with O = 1 the output is the logit of class 1 ("sigmoid"), its probability ("identity") or a margin
    ("arg-max"); with O = C there is a score for each class ("softmax", "arg-max"), its log-probability ("exp") or its
    probability ("identity"). Two outputs are read as one: their difference. "arg-max" has no probability.
    "cumulative": C - 1 outputs, the log odds to lie above each threshold; where they cross, they are put in order, so
    that every class has a probability. The label is the most probable class.
    - "label": (K, N) int64, -1 where an output is NaN;
    - "probability": (K, N, C), binary C = 2;
    - "score": binary (K, N), the log odds of class 1 or the margin, positive for class 1; else (K, N, C) log-softmax;
    - "value": (K, N), for "identity", "sigmoid" and "exp" with O = 1.
    Float64, so that confident scores do not become ties. Raises ValueError for a link that cannot have these outputs.
    """
    if columns:
        return _by_column(output, link, needs)
    if link == "cumulative":
        return _between_thresholds(output.detach().to(torch.float64), needs)
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


def _by_column(output: Tensor, link: Link, needs: Needs) -> Tensor | None:
    """(K, N, T) from outputs (K, N, T), each an answer of its own."""
    found = predictions(output.flatten(1).unsqueeze(-1), link, needs)
    if found is None:
        return None
    return (found[..., 1] if needs == "probability" else found).unflatten(1, output.shape[1:])


def _between_thresholds(output: Tensor, needs: Needs) -> Tensor | None:
    """(K, N, C) from the log odds (K, N, C - 1) to lie above each of the thresholds between the classes."""
    if needs == "value":
        return None
    above = output.sort(-1, descending=True).values
    ends = torch.full_like(above[..., :1], torch.inf)
    above = torch.cat((ends, above, -ends), -1)
    low, high = above[..., :-1], above[..., 1:]
    # sigmoid(low) - sigmoid(high), of which the difference of two numbers near 1 keeps little
    probability = torch.where(low > 0, high.neg().sigmoid() - low.neg().sigmoid(), low.sigmoid() - high.sigmoid())
    if needs == "probability":
        return probability
    score = probability.clamp_min(1e-300).log()
    return to_label(score) if needs == "label" else score


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
