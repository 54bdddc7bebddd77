"""losslab: which loss function is best for your model on your data, and is the difference real?"""

from typing import TYPE_CHECKING

import losslab.catalog as _catalog
from losslab.spec.declare import Catalogue, loss
from losslab.spec.interval import Interval
from losslab.spec.policy import checks
from losslab.spec.record import Case, LossRecord, Parameter

if TYPE_CHECKING:
    from losslab.search.suggest import suggest_loss
    from losslab.search.tune import TuneResult, compare, tune
    from losslab.testing.losses import check
    from losslab.train.allocator import tune_allocator
    from losslab.train.fit import FitResult, fit

# Fetched on first use: a script that wants a loss does not pay for the tuner.
_LATER = {
    "FitResult": "losslab.train.fit",
    "TuneResult": "losslab.search.tune",
    "check": "losslab.testing.losses",
    "compare": "losslab.search.tune",
    "fit": "losslab.train.fit",
    "suggest_loss": "losslab.search.suggest",
    "tune": "losslab.search.tune",
    "tune_allocator": "losslab.train.allocator",
}

__all__ = [
    "Case",
    "FitResult",
    "Interval",
    "LossRecord",
    "Parameter",
    "TuneResult",
    "check",
    "checks",
    "compare",
    "fit",
    "loss",
    "losses",
    "suggest_loss",
    "tune",
    "tune_allocator",
]


def losses() -> Catalogue:
    """The catalogue of losses: `losses()["huber_loss"]`, `losses().filter(task="multiclass")`."""
    return _catalog.CATALOGUE


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'losslab' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATER[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
