"""LightGBM: its metrics of given scores, in single precision."""

from typing import Any

from .rows import Peer, Row


def names() -> dict[str, Any]:
    import lightgbm

    def metric(name: str, score: Any, target: Any, **options: Any) -> float:
        """A metric of a model whose only tree has no split, so that its scores are the rows' initial ones."""
        rows = lightgbm.Dataset(score[:, None], target, init_score=score)
        seen: dict[str, Any] = {}
        settings = {"objective": name, "metric": name, "verbosity": -1, "min_data_in_leaf": 1000, **options}
        lightgbm.train(settings, rows, 1, valid_sets=[rows], callbacks=[lightgbm.record_evaluation(seen)])
        return seen["training"][settings["metric"]][0]

    return {"metric": metric}


ROWS = (
    Row("F.l1_loss(x, y)", "metric('l1', x, y)", "real"),
    Row("F.mse_loss(x, y)", "metric('l2', x, y)", "real"),
    Row("F.huber_loss(x, y, delta=0.7)", "metric('huber', x, y, alpha=0.7)", "real"),
    Row("F.fair_loss(x, y, scale=0.7)", "metric('fair', x, y, fair_c=0.7)", "real"),
    Row("F.quantile_loss(x, y, quantile=0.8)", "metric('quantile', x, y, alpha=0.8)", "real"),
    Row("F.mape_loss(x, y)", "metric('mape', x, y)", "real", "eps is 1", "F.mape_loss(x, y, eps=1.0)"),
    Row("F.poisson_nll_loss(x, y)", "metric('poisson', x, y)", "counts"),
    Row("F.gamma_nll_loss(x, y)", "metric('gamma', x, y)", "positive"),
    Row("F.tweedie_loss(x, y)", "metric('tweedie', x, y)", "positive"),
    Row("F.binary_cross_entropy_with_logits(x, y)", "metric('binary', x, y, metric='binary_logloss')", "two_classes"),
)
PEER = Peer(
    "lightgbm",
    names,
    ROWS,
    kind="numpy",
    single=True,
    note="Metrics of a model whose only tree has no split, so that its scores are the initial ones.",
)
