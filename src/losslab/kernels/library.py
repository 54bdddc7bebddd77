"""The compiled kernels, where there are any: found once, loaded through ctypes."""

import ctypes
import os
from functools import cache
from pathlib import Path

import torch

from losslab.kernels.build import library_name

CAPABILITIES = {"AVX512": ("avx512", "avx2", "portable"), "AVX2": ("avx2", "portable")}


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
    """The kernels, or None where they were not compiled: then everything runs by the rules."""
    for path in candidates():
        if path.exists():
            return ctypes.CDLL(str(path))
    return None


def threads() -> int:
    """How many threads a kernel may use: torch's own number."""
    return torch.get_num_threads()
