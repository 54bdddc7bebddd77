"""The metrics by name, and which of them fit a task."""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from losslab.metrics import multilabel
from losslab.metrics.classification import ACCURACY, BALANCED_ACCURACY, MACRO_F1
from losslab.metrics.columns import over_columns
from losslab.metrics.custom import from_callable
from losslab.metrics.deviance import GAMMA_DEVIANCE, MAPE, POISSON_DEVIANCE, RMSLE
from losslab.metrics.ordinal import QUADRATIC_KAPPA, RANK_MAE, RANKED_PROBABILITY_SCORE
from losslab.metrics.probability import BRIER, ECE, LOG_LOSS
from losslab.metrics.ranking import AVERAGE_PRECISION, ROC_AUC
from losslab.metrics.record import Metric
from losslab.metrics.regression import MAE, MEDIAN_AE, PINBALL, R2, RMSE, pinball

_ALL = (
    ACCURACY, BALANCED_ACCURACY, MACRO_F1, LOG_LOSS, BRIER, ECE, ROC_AUC, AVERAGE_PRECISION,
    MAE, RMSE, R2, MEDIAN_AE, PINBALL,
    POISSON_DEVIANCE, GAMMA_DEVIANCE, RMSLE, MAPE, RANK_MAE, QUADRATIC_KAPPA, RANKED_PROBABILITY_SCORE,
    multilabel.MICRO_F1, multilabel.HAMMING_ACCURACY, multilabel.SUBSET_ACCURACY,
)  # fmt: skip
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
# What a name means where the target has several columns, each of which has an answer of its own.
_COLUMNS: dict[str, dict[str, Metric]] = {
    "multilabel": {
        metric.name: metric
        for metric in (
            multilabel.AVERAGE_PRECISION, multilabel.ROC_AUC, multilabel.MACRO_F1, multilabel.MICRO_F1,
            multilabel.HAMMING_ACCURACY, multilabel.SUBSET_ACCURACY, multilabel.LOG_LOSS,
        )
    },
    "multioutput": {metric.name: over_columns(metric, "multioutput") for metric in (R2, RMSE, MAE, MEDIAN_AE, PINBALL)},
}  # fmt: skip
_BESIDE = {
    "binary": ("accuracy", "balanced_accuracy", "log_loss", "ece", "roc_auc", "average_precision"),
    "multiclass": ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "ece"),
    "regression": ("rmse", "mae", "median_ae", "r2"),
    "multilabel": ("average_precision", "roc_auc", "macro_f1", "micro_f1", "hamming_accuracy", "log_loss"),
    "multioutput": ("r2", "rmse", "mae"),
    "count": ("poisson_deviance", "rmse", "mae", "rmsle"),
    "positive": ("gamma_deviance", "rmse", "mae", "rmsle", "mape"),
    "ordinal": ("rank_mae", "quadratic_kappa", "accuracy", "log_loss", "ranked_probability_score"),
}
_DEFAULT = {
    "regression": "rmse", "binary": "accuracy", "multiclass": "accuracy", "multilabel": "average_precision",
    "multioutput": "r2", "count": "poisson_deviance", "positive": "gamma_deviance", "ordinal": "rank_mae",
}  # fmt: skip


def fitting(task: str) -> tuple[str, ...]:
    """The names of the metrics that fit a task: "binary", "count", ..."""
    return tuple(_COLUMNS.get(task) or (name for name, metric in METRICS.items() if task in metric.tasks))


def default_metric(task: str) -> str:
    """The metric used when none is named: accuracy for classes, rmse for values, for other tasks what suits them.

    Both order models as the `score` of a scikit-learn estimator does: accuracy is that score, and on one test part
    rmse falls exactly when R2 rises. Unlike R2, rmse comes from a mean over rows and is in the target's unit. It is
    also what the default loss (mse) aims at, so that another loss does not win by aiming at the metric alone.
    That holds for the deviances of counts and positive amounts too. Several quantities have units of their own, so
    they are judged by r2; several labels without a threshold, by the average precision; ordered classes by how many
    classes an answer is off.
    """
    return _DEFAULT[task]


def secondary(task: str) -> tuple[str, ...]:
    """The names of the metrics watched beside the chosen one (which may be among them)."""
    return _BESIDE[task]


def get(metric: str | Metric | Callable[..., Any], task: str, higher_is_better: bool | None = None) -> Metric:
    """The metric of a name ("accuracy", "pinball:0.9"), or of a function `(prediction, target) -> number`.

    `higher_is_better` is for functions: see `losslab.metrics.custom.from_callable`.
    Raises ValueError for an unknown name, with the nearest ones, and for a metric that does not fit the task, with
    those that do; TypeError for something that is neither a name nor callable.
    """
    if isinstance(metric, str):
        metric = _named(metric, task)
    if isinstance(metric, Metric):
        if task not in metric.tasks:
            raise ValueError(
                f"metric {metric.name!r} does not fit a {task} task; these fit: {', '.join(fitting(task))}"
            )
        return metric
    if not callable(metric):
        raise TypeError(f"metric: expected a name or a function (prediction, target) -> number, found {metric!r}")
    return from_callable(metric, task, higher_is_better)


def _named(name: str, task: str) -> Metric:
    several = _COLUMNS.get(task, {})
    if name in several or name in METRICS:
        return several.get(name) or METRICS[name]
    head, colon, level = name.partition(":")
    if head == "pinball" and colon:
        found = _pinball(name, level)
        return over_columns(found, task) if task == "multioutput" else found
    near = get_close_matches(name, METRICS, n=3, cutoff=0.4)
    hint = f"nearest: {', '.join(near)}" if near else f"there are: {', '.join(METRICS)}"
    raise ValueError(f"no metric {name!r}; {hint}")


def _pinball(name: str, level: str) -> Metric:
    try:
        return pinball(float(level), name=name)
    except ValueError:
        raise ValueError(
            f"metric {name!r}: the level after the colon must lie strictly between 0 and 1, as in pinball:0.9"
        ) from None
