"""What a result was made with."""

import platform
from importlib.metadata import version


def versions() -> dict[str, str]:
    """Versions of losslab and of what its numbers depend on."""
    packages = ("losslab", "torch", "optuna", "numpy", "scikit-learn")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
