"""losslab: which loss function is best for your model on your data, and is the difference real?"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from losslab.spec import plug as _plug

if TYPE_CHECKING:
    from losslab.backprop.gradcheck.check import check_gradients
    from losslab.backprop.gradcheck.findings import GradientCheck
    from losslab.backprop.trace import Trace, trace
    from losslab.catalog import losses
    from losslab.kernels.backend import backend
    from losslab.kernels.pool import empty_cache
    from losslab.landscape.paths import Paths, descents, paths
    from losslab.landscape.slice import Slice
    from losslab.optim.averages import ema
    from losslab.report.curves import Curves, curves
    from losslab.search.advice import Proposal, propose
    from losslab.search.estimators import LossTunedClassifier, LossTunedRegressor
    from losslab.search.suggest import suggest_loss, suggest_optimizer
    from losslab.search.tune import TuneResult, compare, tune
    from losslab.spec.declare import loss
    from losslab.spec.facts import Facts
    from losslab.spec.interval import Interval
    from losslab.spec.policy import checks, empty_batches, torch_compatible
    from losslab.spec.record import Case, LossRecord, Parameter
    from losslab.testing.losses import check
    from losslab.train.allocator import tune_allocator
    from losslab.train.fit import FitResult, fit
    from losslab.train.lr_find import LRFind, lr_find
    from losslab.train.native.plan import Plan, plan
    from losslab.train.saved import SavedModel, load_model

# Every name is fetched on first use: a script that wants a loss does not pay for the tuner, and the command line can
# settle how torch's threads wait before torch is imported.
_HOMES = {
    "Case": "losslab.spec.record",
    "Curves": "losslab.report.curves",
    "Facts": "losslab.spec.facts",
    "FitResult": "losslab.train.fit",
    "GradientCheck": "losslab.backprop.gradcheck.findings",
    "Interval": "losslab.spec.interval",
    "LRFind": "losslab.train.lr_find",
    "LossRecord": "losslab.spec.record",
    "LossTunedClassifier": "losslab.search.estimators",
    "LossTunedRegressor": "losslab.search.estimators",
    "Parameter": "losslab.spec.record",
    "Paths": "losslab.landscape.paths",
    "Plan": "losslab.train.native.plan",
    "SavedModel": "losslab.train.saved",
    "Slice": "losslab.landscape.slice",
    "Proposal": "losslab.search.advice",
    "Trace": "losslab.backprop.trace",
    "TuneResult": "losslab.search.tune",
    "backend": "losslab.kernels.backend",
    "check": "losslab.testing.losses",
    "check_gradients": "losslab.backprop.gradcheck.check",
    "checks": "losslab.spec.policy",
    "compare": "losslab.search.tune",
    "curves": "losslab.report.curves",
    "descents": "losslab.landscape.paths",
    "ema": "losslab.optim.averages",
    "empty_batches": "losslab.spec.policy",
    "empty_cache": "losslab.kernels.pool",
    "fit": "losslab.train.fit",
    "load_model": "losslab.train.saved",
    "loss": "losslab.spec.declare",
    "losses": "losslab.catalog",
    "lr_find": "losslab.train.lr_find",
    "paths": "losslab.landscape.paths",
    "plan": "losslab.train.native.plan",
    "propose": "losslab.search.advice",
    "suggest_loss": "losslab.search.suggest",
    "suggest_optimizer": "losslab.search.suggest",
    "torch_compatible": "losslab.spec.policy",
    "trace": "losslab.backprop.trace",
    "tune": "losslab.search.tune",
    "tune_allocator": "losslab.train.allocator",
}

__all__ = [
    "Case",
    "Curves",
    "Facts",
    "FitResult",
    "GradientCheck",
    "Interval",
    "LRFind",
    "LossRecord",
    "LossTunedClassifier",
    "LossTunedRegressor",
    "Parameter",
    "Paths",
    "Plan",
    "Proposal",
    "SavedModel",
    "Slice",
    "Trace",
    "TuneResult",
    "backend",
    "check",
    "check_gradients",
    "checks",
    "compare",
    "curves",
    "descents",
    "ema",
    "empty_batches",
    "empty_cache",
    "fit",
    "load_model",
    "loss",
    "losses",
    "lr_find",
    "paths",
    "plan",
    "propose",
    "suggest_loss",
    "suggest_optimizer",
    "torch_compatible",
    "trace",
    "tune",
    "tune_allocator",
]


def _fused(record: "LossRecord") -> Any:
    """What plugs into the functional form of each loss when it is first asked for."""
    from losslab.kernels.dispatch import way

    return way(record)


_plug.fill(_fused)
_MODULES = ("functional", "nn", "optim")  # as torch.nn is there after `import torch`


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"losslab.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'losslab' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
