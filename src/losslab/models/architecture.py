"""Width, depth and dropout: what may be asked of a model beside its outputs."""

from collections.abc import Mapping, Sequence
from typing import Any

ARCHITECTURE = ("width", "depth", "dropout")


def check_architecture(architecture: Mapping[str, Any]) -> None:
    """Raises ValueError for a name or a value that no model can have."""
    for name, value in architecture.items():
        if name not in ARCHITECTURE:
            raise ValueError(f"no setting {name!r} of a model; known: {', '.join(ARCHITECTURE)}")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if name == "dropout" and not (number and 0 <= value < 1):
            raise ValueError(f"dropout is {value!r}; a share from 0 up to, but not, 1 is wanted")
        if name != "dropout" and not (number and value == int(value) and value >= 1):
            raise ValueError(f"{name} is {value!r}; a whole number of at least 1 is wanted")


def check_takes(label: str, takes: Sequence[str], architecture: Mapping[str, Any], hint: str) -> None:
    """Raises ValueError where a model is asked for what it does not take."""
    for name in architecture:
        if name not in takes:
            known = f"it takes {', '.join(takes)}" if takes else "it takes none of " + ", ".join(ARCHITECTURE)
            raise ValueError(f"{name} was asked for, and model {label} does not take it: {known}{hint}")
