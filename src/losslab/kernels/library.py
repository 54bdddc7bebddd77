"""The compiled kernels, where there are any: found once, loaded through ctypes."""

import ctypes
import os
import struct
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import torch

from losslab.kernels.build import library_name

INTERFACE = 1  # raised with every change of cpu/losslab.h and cpu/plan.h, as in cpu/interface.cpp
CAPABILITIES = {"AVX512": ("avx512", "avx2", "portable"), "AVX2": ("avx2", "portable")}
BY_THE_RULES = "everything runs by the rules"


def candidates() -> list[Path]:
    """The libraries that this machine can run, best first. $LOSSLAB_KERNELS names another folder, or is "off";
    $LOSSLAB_ISA names one instruction set."""
    folder = os.environ.get("LOSSLAB_KERNELS", "")
    if folder == "off":
        return []
    asked = os.environ.get("LOSSLAB_ISA", "")
    names = (asked,) if asked else CAPABILITIES.get(torch.backends.cpu.get_cpu_capability(), ("portable",))
    return [Path(folder or Path(__file__).parent) / library_name(name) for name in names]


@cache
def library() -> ctypes.CDLL | None:
    """The kernels, or None where they were not compiled: then everything runs by the rules.

    A library that cannot be used (damaged, of another machine, of another version of losslab) counts as none and is
    warned of once.
    """
    for path in candidates():
        if path.exists():
            try:
                return _load(path)
            except OSError as error:
                warnings.warn(f"losslab: the fused kernels in {path} are left alone: {error}", stacklevel=2)
    return None


def status() -> str:
    """Which kernels run here, in words."""
    loaded = library()
    if loaded is not None:
        isa = Path(loaded._name).stem.removeprefix("_cpu_")
        return f"fused kernels: {isa}" + ("" if loaded.losslab_openmp() else ", on one thread each")
    if os.environ.get("LOSSLAB_KERNELS") == "off":
        return f"no fused kernels: LOSSLAB_KERNELS is off; {BY_THE_RULES}"
    found = [path for path in candidates() if path.exists()]
    why = f"{found[0]} cannot be used" if found else "not compiled"
    return f"no fused kernels: {why}; {BY_THE_RULES}"


def _load(path: Path) -> ctypes.CDLL:
    """Raises OSError that says what is wrong with the library."""
    _check_whole(path)
    for runtime in openmp():
        ctypes.CDLL(str(runtime), ctypes.RTLD_GLOBAL)  # our library names none: the first one loaded so is its own
    loaded = ctypes.CDLL(str(path))
    version = loaded.losslab_version() if hasattr(loaded, "losslab_version") else 0
    if version != INTERFACE:
        raise OSError(
            f"they have interface {version}, and this losslab needs {INTERFACE}; "
            "compile them again with `make kernels`, or install losslab again"
        )
    return loaded


def _check_whole(path: Path) -> None:
    """A shortened file would not fail to load but end the process. An ELF file ends with its table of sections."""
    with path.open("rb") as file:
        head = file.read(64)
    if head[:6] != b"\x7fELF\x02\x01":
        return  # another format; the loader looks at it
    if len(head) == 64:
        (start,) = struct.unpack_from("<Q", head, 40)
        size, count = struct.unpack_from("<HH", head, 58)
    if len(head) < 64 or path.stat().st_size < start + size * count:
        raise OSError("the file is damaged: its end is missing; compile them again with `make kernels`")


def openmp() -> Iterator[Path]:
    """Torch's own OpenMP runtime: another one beside it (scikit-learn brings one) would have threads of its own."""
    lib = Path(torch.__file__).parent / "lib"
    for folder in (lib, lib.parents[1] / "torch.libs"):
        for name in ("libgomp*.so*", "libiomp5.*", "libomp.*"):
            found = sorted(folder.glob(name))
            if found:
                yield found[0]
                return


class _Process:
    forked = False


def _in_a_child() -> None:
    _Process.forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_a_child)


def threads() -> int:
    """How many threads a kernel may use: torch's own number. A forked process has one: the threads of its parent's pool
    did not come along, and OpenMP would wait for them for ever."""
    return 1 if _Process.forked else torch.get_num_threads()
