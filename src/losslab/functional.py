"""Every declared loss as a function. Other names are torch.nn.functional's, so `as F` serves a whole script."""

from difflib import get_close_matches as _near
from typing import Any

import torch.nn.functional as _torch

from losslab.catalog import CATALOGUE as _CATALOGUE

__all__ = list(_CATALOGUE)


def __getattr__(name: str) -> Any:
    if name in iter(_CATALOGUE):  # not `in _CATALOGUE`, which accepts short spellings
        return _CATALOGUE[name].form
    if name.startswith("__") or not hasattr(_torch, name):
        near = _near(name, __dir__(), n=1, cutoff=0.7)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise AttributeError(f"neither losslab.functional nor torch.nn.functional has {name!r}{hint}")
    return getattr(_torch, name)


def __dir__() -> list[str]:
    return sorted({*_CATALOGUE, *(name for name in dir(_torch) if not name.startswith("_"))})
