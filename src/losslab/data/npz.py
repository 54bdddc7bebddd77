"""A .npz file of arrays: X and y, or what its arrays can be taken for."""

import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from losslab.data.arrays import raw_arrays
from losslab.data.csv import check_there
from losslab.data.memory import PER_CELL, check_need
from losslab.data.raw import Raw
from losslab.data.roles import Roles, role_values
from losslab.data.words import count, nearest, some

PAIRS = (("X", "y"), ("x", "y"), ("data", "target"), ("features", "target"), ("features", "labels"), ("data", "labels"))
DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, ValueError, NotImplementedError, RuntimeError,
    OverflowError, MemoryError,
)  # fmt: skip


def read_npz(path: Path) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """All arrays by their names, and notes. Nothing is unpickled; sums of check are compared."""
    check_there(path)
    try:
        with zipfile.ZipFile(path) as archive:
            wrong = archive.testzip()
            if wrong is not None:
                raise zipfile.BadZipFile(f"{wrong} does not have the contents that were written")
            numbers = sum(one.file_size for one in archive.infolist()) // 8
            told = check_need(path.name, count(numbers, "number"), numbers * PER_CELL)
        with np.load(path, allow_pickle=False) as file:
            names = list(file.files)
            arrays = {name: _array(path, file, name) for name in names}
    except DAMAGE as error:
        if str(error).startswith((str(path), path.name)):
            raise
        said = " ".join(str(error).split()) or type(error).__name__
        said = "its index does not fit its contents" if isinstance(error, OSError) else said
        raise ValueError(f"{path} cannot be read as a .npz file; damaged, cut off or another kind: {said}") from None
    if not arrays:
        raise ValueError(f"{path} holds no arrays")
    return arrays, told


def raw_npz(path: Path, roles: Roles) -> Raw:
    """X and y of a file; `target`, `group`, `weight`, `time` and `split` name other arrays in it."""
    arrays, told = read_npz(path)
    shapes = some([f"{name} {array.shape}" for name, array in arrays.items()], 12)
    if roles.drop:
        raise ValueError(f"{path}: drop= names columns; the arrays of a .npz file have none")
    for option, name in roles.given().items():
        if option == "target" and not isinstance(name, str):
            raise ValueError(f"{path}: target= names one array of a .npz file, which may have several columns")
        if isinstance(name, str) and name not in arrays:
            raise ValueError(f"{path}: no array {name!r}{nearest(name, arrays)}; arrays: {shapes}")
    others = [value for value in (roles.group, roles.weight, roles.time, roles.split) if isinstance(value, str)]
    features, target, notes = choose(path, {n: a for n, a in arrays.items() if n not in others}, roles.target)
    try:
        raw = raw_arrays(arrays[features], arrays[target])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    found = role_values(roles, arrays, len(raw.y), path.name)
    label = target if target != "y" else "target"
    return replace(raw, name=path.name, target=label, notes=(*told, *notes), **found)


def _array(path: Path, file: Any, name: str) -> np.ndarray:
    try:
        found = file[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise ValueError(
            f"{path}: the array {name!r} holds Python objects, which would be unpickled and could run code: save it as "
            "numbers or text (array.astype(str))"
        ) from None
    if not isinstance(found, np.ndarray):
        raise ValueError(f"{path}: {name!r} is no array")
    return found


def choose(path: Path, arrays: dict[str, np.ndarray], target: Any) -> tuple[str, str, list[str]]:
    """The names of the features and of the target, and a note where they were chosen."""
    shapes = some([f"{name} {array.shape}" for name, array in arrays.items()], 12)
    if target is not None:
        rows = arrays[target].shape[:1]
        fits = [name for name, array in arrays.items() if name != target and array.ndim > 1 and array.shape[:1] == rows]
        fits = ["X"] if "X" in fits else fits
    else:
        for features, label in PAIRS:
            if features in arrays and label in arrays:
                taken = [] if (features, label) == PAIRS[0] else [_taken(features, label)]
                return features, label, taken
        fits = [name for name, array in arrays.items() if array.ndim > 1]
        rows = arrays[fits[0]].shape[:1] if len(fits) == 1 else ()
        flat = [name for name, array in arrays.items() if array.ndim == 1 and array.shape == rows]
        target = flat[0] if len(flat) == 1 else None
    if len(fits) != 1 or target is None:
        raise ValueError(
            f"{path}: arrays X (rows first) and y are wanted; there are: {shapes}. Save them so, or name the target's "
            "array by target= (--target)"
        )
    return fits[0], target, [_taken(fits[0], target)]


def _taken(features: str, target: str) -> str:
    return f"the array {features!r} is taken for X and {target!r} for y"
