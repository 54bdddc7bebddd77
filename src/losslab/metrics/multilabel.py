"""Metrics of several labels, each a yes or no: target (N, T) of 0 and 1.

"label" (K, N, T) is 0 or 1, -1 where the model gave no number; "probability" (K, N, T) is that of a yes.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from losslab.metrics.average import as_weight, mean_over_rows, one
from losslab.metrics.columns import pairs
from losslab.metrics.ranking import binary_average_precision, binary_roc_auc
from losslab.metrics.record import Metric

TASK = ("multilabel",)


def f1_of(counts: Tensor) -> Tensor:
    """F1 of the label from the counts (..., 2, 3) of its column; 0 where it is neither there nor predicted."""
    hits = counts[..., 1, 1]
    both = counts[..., 1, :].sum(-1) + counts[..., :, 1].sum(-1)
    return torch.where(both > 0, 2 * hits / both.clamp_min(1e-300), 0.0)


def accuracy_of_column(counts: Tensor) -> Tensor:
    return counts.diagonal(dim1=-2, dim2=-1).sum(-1) / counts.sum((-2, -1))


def _counts(prediction: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """Hits (T, ..., K), and twice what F1 divides by: labels that are there and that are predicted."""
    hits, both = [], []
    for label, true in pairs(prediction, target):
        count = as_weight(weight, label)
        hits.append((count * ((label == 1) & (true == 1))).sum(-1))
        both.append((count * (label == 1)).sum(-1) + (count * (true == 1)).sum(-1))
    return torch.stack(hits), torch.stack(both)


def macro_f1(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """The mean over labels; one that is neither in the target nor predicted counts 0, as in scikit-learn."""
    hits, both = _counts(prediction, target, weight)
    return torch.where(both > 0, 2 * hits / both.clamp_min(1e-300), 0.0).mean(0)


def micro_f1(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """F1 of all labels of all rows in one."""
    hits, both = (part.sum(0) for part in _counts(prediction, target, weight))
    return torch.where(both > 0, 2 * hits / both.clamp_min(1e-300), 0.0)


def hamming_rows(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction == target).to(torch.float64).mean(-1)


def subset_rows(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction == target).all(-1).to(torch.float64)


def log_loss_rows(prediction: Tensor, target: Tensor) -> Tensor:
    """-log of the probability given to what is true, mean over labels, clipped to the precision of the dtype."""
    true = torch.where(target == 1, prediction, 1 - prediction)
    precision = torch.finfo(prediction.dtype).eps
    return -true.clamp(precision, 1 - precision).to(torch.float64).log().mean(-1)


def _shares(target: Tensor) -> Tensor:
    return target.to(torch.float64).mean(0)


def log_loss_scale(target: Tensor) -> float:
    """The log loss of the shares of the labels."""
    shares = _shares(target)
    return float((torch.special.entr(shares) + torch.special.entr(1 - shares)).mean())


def _ranked(binary: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """The plain mean over labels; one that no row has, or all have, is left out of it."""

    def value(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        each = [binary(score, true == 1, as_weight(weight, score)) for score, true in pairs(prediction, target)]
        return torch.stack(each).nanmean(0).masked_fill(prediction.isnan().any(-1).any(-1), torch.nan)

    return value


def _of_rows(rows: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    def value(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        return mean_over_rows(rows(prediction, target), weight)

    return value


def _label_metric(name: str, value: Callable[..., Tensor], rows: Callable[[Tensor, Tensor], Tensor] | None,
                  column: Callable[[Tensor], Tensor], summary: str) -> Metric:  # fmt: skip
    return Metric(
        name=name, value=value, needs="label", tasks=TASK, higher_is_better=True, rows=rows, root=False,
        thresholded=True, scale=one, points=True, summary=summary, of_column=column,
    )  # fmt: skip


MACRO_F1 = _label_metric("macro_f1", macro_f1, None, f1_of, "mean over labels of F1 (precision and recall in one)")
MICRO_F1 = _label_metric("micro_f1", micro_f1, None, f1_of, "F1 of all labels of all rows in one")
HAMMING_ACCURACY = _label_metric(
    "hamming_accuracy", _of_rows(hamming_rows), hamming_rows, accuracy_of_column, "share of labels that are right"
)
SUBSET_ACCURACY = _label_metric(
    "subset_accuracy", _of_rows(subset_rows), subset_rows, accuracy_of_column, "share of rows that are right throughout"
)
AVERAGE_PRECISION = Metric(
    name="average_precision", value=_ranked(binary_average_precision), needs="score", tasks=TASK, higher_is_better=True,
    rows=None, root=False, thresholded=False, scale=one, points=True,
    summary="area under precision against recall (mean over labels)",
)  # fmt: skip
ROC_AUC = Metric(
    name="roc_auc", value=_ranked(binary_roc_auc), needs="score", tasks=TASK, higher_is_better=True,
    rows=None, root=False, thresholded=False, scale=one, points=True,
    summary="chance that a row with the label scores above one without it (mean over labels)",
)  # fmt: skip
LOG_LOSS = Metric(
    name="log_loss", value=_of_rows(log_loss_rows), needs="probability", tasks=TASK, higher_is_better=False,
    rows=log_loss_rows, root=False, thresholded=False, scale=log_loss_scale, points=False,
    summary="mean over labels of -log of the probability given to what is true",
)  # fmt: skip
