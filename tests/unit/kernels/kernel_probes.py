"""The C++ building blocks from Python, through cpu/probe.cpp: every library that this machine can run."""

import ctypes

import numpy as np
import pytest

from losslab.kernels import library

ELEMENTARY = (
    "exp", "exp_of_negative", "expm1", "log", "log1p", "log1p_of_share", "tanh", "sigmoid", "softplus", "log_sigmoid",
    "erf", "pow",
)  # fmt: skip
BFLOAT16, FLOAT16 = 2, 3  # enum losslab_dtype

PATHS = [path for path in library.candidates() if path.exists()]
every_library = pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])


def _start(array):
    assert array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data)


def elementary(path, name, x, y=None):
    """The function of every number of `x` (N,), and of `y` for pow; float32 or float64."""
    out = np.full_like(x, np.nan)
    other = x if y is None else y
    assert (x.shape, x.dtype) == (other.shape, other.dtype)
    dtype = {"float32": 0, "float64": 1}[x.dtype.name]
    count = ctypes.c_int64(x.size)
    probe = library._load(path).losslab_probe
    assert probe(ELEMENTARY.index(name), dtype, count, _start(x), _start(other), _start(out)) == 0
    return out


def widened(path, dtype, halves):
    """The floats of these bit patterns (N,), uint16."""
    out = np.full(halves.shape, np.nan, np.float32)
    probe = library._load(path).losslab_probe_half
    assert probe(dtype, 0, ctypes.c_int64(halves.size), _start(halves), _start(out)) == 0
    return out


def narrowed(path, dtype, floats):
    """The bit patterns, uint16, of these floats (N,)."""
    out = np.full(floats.shape, 0x1234, np.uint16)
    probe = library._load(path).losslab_probe_half
    assert probe(dtype, 1, ctypes.c_int64(floats.size), _start(floats), _start(out)) == 0
    return out


def kept(path, member, step, layer, p, count):
    """Which of the places 0 .. count - 1 dropout keeps, bool."""
    out = np.full(count, 7, np.uint8)
    probe = library._load(path).losslab_probe_kept
    probe.argtypes = [ctypes.c_uint64] * 3 + [ctypes.c_double, ctypes.c_int64, ctypes.c_void_p]
    probe.restype = None
    probe(member, step, layer, p, count, out.ctypes.data)
    assert out.max(initial=0) <= 1
    return out.astype(bool)
