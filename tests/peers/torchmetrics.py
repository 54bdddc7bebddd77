"""torchmetrics, whose functions are metrics but have gradients."""

from typing import Any

from .rows import Peer, Row


def names() -> dict[str, Any]:
    import torchmetrics.functional

    return {"metrics": torchmetrics.functional}


ROWS = (
    Row("F.l1_loss(x, y)", "metrics.mean_absolute_error(x, y)", "real"),
    Row("F.mse_loss(x, y)", "metrics.mean_squared_error(x, y)", "real"),
    Row("F.log_cosh_loss(x, y)", "metrics.log_cosh_error(x, y)", "real"),
    Row("F.msle_loss(x, y)", "metrics.mean_squared_log_error(x, y)", "positive"),
    Row("F.mape_loss(x, y)", "metrics.mean_absolute_percentage_error(x, y)", "positive"),
    Row("F.smape_loss(x, y)", "metrics.symmetric_mean_absolute_percentage_error(x, y)", "positive"),
    Row(
        "F.tweedie_loss(x.log(), y)",
        "metrics.tweedie_deviance_score(x, y, power=1.5)",
        "positive",
        "twice, with the part in y alone",
        "2 * (F.tweedie_loss(x.log(), y) - F.tweedie_loss(y.log(), y))",
    ),
    Row(
        "F.gamma_nll_loss(x.log(), y)",
        "metrics.tweedie_deviance_score(x, y, power=2)",
        "positive",
        "twice, with the part in y alone",
        "2 * (F.gamma_nll_loss(x.log(), y) - F.gamma_nll_loss(y.log(), y))",
    ),
    Row(
        "F.kl_div(x.log(), y, reduction='batchmean')",
        "metrics.kl_divergence(y, x)",
        "distributions",
        "the value agrees; it divides both by their sums, which bends the gradient",
        "F.kl_div((x / x.sum(1, keepdim=True)).log(), y, reduction='batchmean')",
    ),
    Row(
        "F.crammer_singer_loss(x, y)",
        "metrics.hinge_loss(x, y, 'multiclass', num_classes=5)",
        "classes",
        "of the softmax where a score is outside 0 to 1",
        "F.crammer_singer_loss(x.softmax(1), y)",
    ),
    Row(
        "F.cosine_embedding_loss(x, y, torch.ones(8))",
        "1 - metrics.cosine_similarity(x, y, reduction='mean')",
        "views",
        single=True,
    ),
    Row(
        "F.js_divergence_loss(x.log(), y)",
        "(metrics.kl_divergence(x, (x + y) / 2) + metrics.kl_divergence(y, (x + y) / 2)) / 2",
        "distributions",
    ),
)
PEER = Peer("torchmetrics", names, ROWS)
