"""XGBoost: its metrics of given scores, in single precision."""

from typing import Any

from .rows import Peer, Row


def names() -> dict[str, Any]:
    import xgboost

    def metric(name: str, score: Any, target: Any, **options: Any) -> float:
        """A metric of a model without trees, whose scores are the rows' base margins."""
        rows = xgboost.DMatrix(score[:, None], target, base_margin=score)
        model = xgboost.train({"eval_metric": name, "verbosity": 0, **options}, rows, 0)
        return float(model.eval(rows).split(":")[-1])

    return {"metric": metric}


ROWS = (
    Row("F.l1_loss(x, y)", "metric('mae', x, y)", "real"),
    Row("F.pseudo_huber_loss(x, y, scale=0.7)", "metric('mphe', x, y, huber_slope=0.7)", "real"),
    Row("F.gamma_nll_loss(x, y)", "metric('gamma-nloglik', x, y, objective='reg:gamma')", "positive"),
    Row("F.tweedie_loss(x, y)", "metric('tweedie-nloglik@1.5', x, y, objective='reg:tweedie')", "positive"),
    Row("F.poisson_nll_loss(x, y, full=True)", "metric('poisson-nloglik', x, y, objective='count:poisson')", "counts"),
    Row(
        "F.binary_cross_entropy_with_logits(x, y)",
        "metric('logloss', x, y, objective='binary:logistic')",
        "two_classes",
    ),
    Row("F.mape_loss(x, y)", "metric('mape', x, y)", "positive"),
)
PEER = Peer(
    "xgboost",
    names,
    ROWS,
    kind="numpy",
    single=True,
    note="Metrics of a model without trees, whose scores are the rows' base margins.",
)
