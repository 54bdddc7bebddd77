"""The declared losses, one family per file. Every file in this folder is imported, so that its losses register."""

from importlib import import_module
from pkgutil import iter_modules

from losslab.spec.declare import CATALOGUE, Catalogue

for _family in iter_modules(__path__):
    import_module(f"{__name__}.{_family.name}")

__all__ = ["CATALOGUE", "losses"]


def losses() -> Catalogue:
    """The catalogue of losses: `losses()["huber_loss"]`, `losses().filter(task="multiclass")`."""
    return CATALOGUE
