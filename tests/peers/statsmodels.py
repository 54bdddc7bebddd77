"""statsmodels: norms of robust regression, and likelihoods at given parameters."""

from contextlib import redirect_stdout
from io import StringIO
from typing import Any

from .rows import Peer, Row


def names() -> dict[str, Any]:
    import numpy as np
    import statsmodels.api as sm
    from statsmodels.miscmodels.tmodel import TLinearModel
    from statsmodels.robust import norms

    def negative_binomial(x: Any, y: Any, dispersion: float) -> Any:
        """Minus the mean log-likelihood of NB2 with x as log mean; it takes the logarithm of the dispersion."""
        model = sm.NegativeBinomial(y, x[:, None])
        return -model.loglikeobs(np.array([1.0, np.log(dispersion)])).mean()

    def student_t(x: Any, y: Any, df: float, scale: float) -> Any:
        with redirect_stdout(StringIO()):  # it prints when it is made
            model = TLinearModel(y, x[:, None])
        return model.nloglikeobs(np.array([1.0, df, scale])).mean()

    return {"norms": norms, "negative_binomial": negative_binomial, "student_t": student_t}


ROWS = (
    Row("F.huber_loss(x, y, delta=1.345)", "norms.HuberT().rho(x - y).mean()", "real"),
    Row("F.tukey_biweight_loss(x, y)", "norms.TukeyBiweight().rho(x - y).mean()", "real"),
    Row("F.tukey_biweight_loss(x, y, scale=2.0)", "norms.TukeyBiweight(2.0).rho(x - y).mean()", "real"),
    Row("F.negative_binomial_nll_loss(x, y, dispersion=0.7)", "negative_binomial(x, y, 0.7)", "counts"),
    Row(
        "F.student_t_nll_loss(x, y, scale=2.3849)",
        "norms.StudentT().rho(x - y).mean()",
        "real",
        "0 at an error of 0, and times c^2 df / (df + 1)",
        "(F.student_t_nll_loss(x, y, scale=2.3849) - F.student_t_nll_loss(y, y, scale=2.3849)) * 2.3849**2 * 4 / 5",
    ),
    Row("F.student_t_nll_loss(x, y, df=3.0, scale=0.7)", "student_t(x, y, 3.0, 0.7)", "real"),
)
PEER = Peer(
    "statsmodels",
    names,
    ROWS,
    kind="numpy",
    note="Likelihoods are minus the means of those of `NegativeBinomial` (NB2) and `TLinearModel`.",
)
