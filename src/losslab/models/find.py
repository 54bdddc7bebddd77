"""A model named by where it is: `file.py:factory` or `package.module:factory`."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from losslab.data.words import nearest, some


def find(address: str) -> Any:
    """The object at the address: a factory, an nn.Module class or a module. ValueError where there is none."""
    place, _, name = address.rpartition(":")
    module = _from_file(Path(place)) if place.endswith(".py") else _from_package(place)
    if not hasattr(module, name):
        own = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise ValueError(f"{place} has no {name!r}{nearest(name, own)}; it has: {some(own) or 'nothing to call'}")
    return getattr(module, name)


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        near = nearest(path.name, [file.name for file in path.parent.glob("*.py")]) if path.parent.is_dir() else ""
        raise ValueError(f"no file {path}{near}")
    name = f"losslab_model_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look modules up there
    try:
        with _importing(str(path.parent.resolve())):
            spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ValueError(f"{path} raised {type(error).__name__} when imported: {error}") from error
    return module


def _from_package(name: str) -> ModuleType:
    try:
        with _importing(str(Path.cwd())):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise ValueError(f"no module {name!r}; for a file write {name.replace('.', '/')}.py:factory") from None
        raise ValueError(f"module {name!r} imports {error.name!r}, which is not installed") from error
    except Exception as error:
        raise ValueError(f"module {name!r} raised {type(error).__name__} when imported: {error}") from error


@contextmanager
def _importing(folder: str) -> Iterator[None]:
    """Modules beside the file can be imported, as when Python runs it."""
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
