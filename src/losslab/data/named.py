"""Data sets that come with scikit-learn; nothing is downloaded."""

import numpy as np

from losslab.data.raw import Raw

NAMES = ("digits", "breast_cancer", "wine", "iris", "diabetes")


def from_name(name: str) -> Raw:
    """One of `NAMES`. Diabetes comes in its own units, unscaled."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")(**({"scaled": False} if name == "diabetes" else {}))
    classes = tuple(str(label) for label in bunch.target_names) if "target_names" in bunch else ()
    return Raw(name, bunch.data.astype(np.float32), bunch.target, tuple(map(str, bunch.feature_names)), classes)
