"""Every declared loss as a module. Other names are torch.nn's, so `from losslab import nn` serves a whole script."""

import warnings as _warnings
from difflib import get_close_matches as _near
from typing import Any

import torch.nn as _torch

from losslab.catalog import CATALOGUE as _CATALOGUE
from losslab.catalog.adaptive import AdaptiveLogSoftmaxWithLoss
from losslab.spec.module import module as _module

__all__ = [_record.module_name for _record in _CATALOGUE.values()]
__all__ += ["AdaptiveLogSoftmaxWithLoss", "NLLLoss2d"]


class NLLLoss2d(_module(_CATALOGUE["nll_loss"])):  # type: ignore[misc]
    """The older name of `NLLLoss`, which takes pictures too; it warns, as in torch."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _warnings.warn("NLLLoss2d is deprecated: use NLLLoss, which is the same", FutureWarning, stacklevel=2)


def __getattr__(name: str) -> Any:
    if name == "functional":
        from losslab import functional

        return functional
    for record in _CATALOGUE.values():
        if record.module_name == name:
            return _module(record)
    if name.startswith("__") or not hasattr(_torch, name):
        near = _near(name, __dir__(), n=1, cutoff=0.7)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise AttributeError(f"neither losslab.nn nor torch.nn has {name!r}{hint}")
    return getattr(_torch, name)


def __dir__() -> list[str]:
    losses = {record.module_name for record in _CATALOGUE.values()}
    return sorted(losses | {name for name in dir(_torch) if not name.startswith("_")})
