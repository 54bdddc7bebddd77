"""lifelines, whose likelihood is inside its model: of one covariate, the risk, at slope 1."""

from typing import Any

from .rows import Peer, Row


def names() -> dict[str, Any]:
    import numpy as np
    from lifelines import CoxPHFitter
    from lifelines.fitters.coxph_fitter import SemiParametricPHFitter

    def cox(risk: Any, time: Any, event: Any) -> float:
        """Minus the mean of Efron's partial likelihood over the events: of one covariate, with slope 1."""
        order = np.argsort(time, kind="stable")
        one = np.ones(len(time))
        model = SemiParametricPHFitter()
        model._n_examples = len(time)
        *_, value = model._get_efron_values_single(
            _frame(risk[order]), _series(time[order]), _series(event[order]), _series(one), None, np.ones(1)
        )
        return -value / event.sum()

    return {"cox": cox, "CoxPHFitter": CoxPHFitter}


def _frame(values: Any) -> Any:
    import pandas as pd

    return pd.DataFrame({"risk": values})


def _series(values: Any) -> Any:
    import pandas as pd

    return pd.Series(values)


ROWS = (
    Row("F.cox_loss(x, time, event)", "cox(x, time, event)", "times"),
    Row("F.cox_loss(x, time, event)", "cox(x, time, event)", "tied_times"),
)
PEER = Peer(
    "lifelines",
    names,
    ROWS,
    kind="numpy",
    note="Minus the mean over the events of Efron's likelihood, of one covariate with slope 1.",
)
