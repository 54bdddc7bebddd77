"""scikit-learn: its metrics, and the losses of its boosted trees (`_loss`) and of SGD."""

from typing import Any

from .rows import Peer, Row


def names() -> dict[str, Any]:
    from sklearn import metrics
    from sklearn._loss import loss
    from sklearn.linear_model import _sgd_fast as sgd

    def mean(kind: Any, score: Any, target: Any) -> float:
        """The mean of a loss of SGD, which takes one number after the other."""
        return sum(kind.py_loss(s, t) for s, t in zip(score, target, strict=True)) / len(score)

    return {"metrics": metrics, "loss": loss, "sgd": sgd, "mean": mean}


ROWS = (
    Row("F.l1_loss(x, y)", "metrics.mean_absolute_error(y, x)", "real"),
    Row("F.mse_loss(x, y)", "metrics.mean_squared_error(y, x)", "real"),
    Row("F.mse_loss(x, y)", "loss.HalfSquaredError()(y, x)", "real", "half of the square", "F.mse_loss(x, y) / 2"),
    Row("F.msle_loss(x, y)", "metrics.mean_squared_log_error(y, x)", "positive"),
    Row("F.mape_loss(x, y)", "metrics.mean_absolute_percentage_error(y, x)", "real"),
    Row("F.quantile_loss(x, y, quantile=0.8)", "metrics.mean_pinball_loss(y, x, alpha=0.8)", "real"),
    Row("F.epsilon_insensitive_loss(x, y, epsilon=0.3)", "mean(sgd.EpsilonInsensitive(0.3), x, y)", "real"),
    Row(
        "F.squared_epsilon_insensitive_loss(x, y, epsilon=0.3)",
        "mean(sgd.SquaredEpsilonInsensitive(0.3), x, y)",
        "real",
    ),
    Row("F.poisson_nll_loss(x, y)", "loss.HalfPoissonLoss()(y, x)", "counts"),
    Row("F.gamma_nll_loss(x, y)", "loss.HalfGammaLoss()(y, x)", "positive"),
    Row("F.tweedie_loss(x, y)", "loss.HalfTweedieLoss()(y, x)", "positive"),
    Row("F.tweedie_loss(x, y, power=1.2)", "loss.HalfTweedieLoss(power=1.2)(y, x)", "counts"),
    Row(
        "F.tweedie_loss(x, y)",
        "metrics.mean_tweedie_deviance(y, np.exp(x), power=1.5)",
        "positive",
        "twice, with the part in y alone",
        "2 * (F.tweedie_loss(x, y) - F.tweedie_loss(y.log(), y))",
    ),
    Row("F.binary_cross_entropy(x, y)", "metrics.log_loss(y, x)", "chances"),
    Row("F.binary_cross_entropy_with_logits(x, y)", "loss.HalfBinomialLoss()(y, x)", "two_classes"),
    Row("F.sigmoid_brier_loss(x, y)", "metrics.brier_score_loss(y, 1 / (1 + np.exp(-x)))", "two_classes"),
    Row("F.exponential_loss(x, y)", "loss.ExponentialLoss()(y, x)", "two_classes"),
    Row("F.hinge_loss(x, y)", "metrics.hinge_loss(y, x)", "two_classes"),
    Row("F.hinge_loss(x, y)", "mean(sgd.Hinge(1.0), x, 2 * y - 1)", "two_classes"),
    Row("F.squared_hinge_loss(x, y)", "mean(sgd.SquaredHinge(1.0), x, 2 * y - 1)", "two_classes"),
    Row("F.modified_huber_loss(x, y)", "mean(sgd.ModifiedHuber(), x, 2 * y - 1)", "two_classes"),
    Row("F.crammer_singer_loss(x, y)", "metrics.hinge_loss(y, x)", "classes"),
    Row("F.cross_entropy(x, y)", "loss.HalfMultinomialLoss(n_classes=5)(y.astype(float), x)", "classes"),
    Row(
        "F.nll_loss(x.log_softmax(1), y)", "metrics.log_loss(y, np.exp(x) / np.exp(x).sum(1, keepdims=True))", "classes"
    ),
    Row("F.brier_loss(x, y)", "metrics.brier_score_loss(y, np.exp(x) / np.exp(x).sum(1, keepdims=True))", "classes"),
)
PEER = Peer(
    "scikit-learn",
    names,
    ROWS,
    kind="numpy",
    note="`loss` is `sklearn._loss.loss`; `mean` is over the numbers that a loss of SGD gives for each row.",
)
