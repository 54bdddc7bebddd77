"""exp, log and their like: at most 2 ulp off at every number, and what they give for infinities, NaN and zeros."""

import itertools
import subprocess
from functools import cache

import mpmath
import numpy as np
import pytest
import torch
from kernel_probes import elementary, every_library

from losslab.kernels import build

BOUND = 2.0  # ulp: units in the last place of the true value
DTYPES = [np.float32, np.float64]
INF, NAN = np.inf, np.nan
LOG2 = np.log(2.0)
LOWEST = {"float32": -104.0, "float64": -746.0}  # exp is nothing below
HIGHEST = {"float32": 88.72283905206835, "float64": 709.782712893384}  # and infinite above


def small_exp(x):
    return np.exp(-np.abs(x))


# For float32: in double. What is not there is compared with mpmath alone, or with torch's in double.
IN_DOUBLE = {
    "exp": np.exp,
    "exp_of_negative": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "log1p_of_share": np.log1p,
    "tanh": np.tanh,
    "sigmoid": lambda x: np.where(x < 0, small_exp(x), 1.0) / (1 + small_exp(x)),
    "softplus": lambda x: np.maximum(x, 0.0) + np.log1p(small_exp(x)),
    "log_sigmoid": lambda x: np.minimum(x, 0.0) - np.log1p(small_exp(x)),
    "erf": lambda x: torch.erf(torch.from_numpy(x)).numpy(),
}
EXACT = {
    "exp": mpmath.exp,
    "exp_of_negative": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "log1p_of_share": mpmath.log1p,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "log_sigmoid": lambda x: -mpmath.log1p(mpmath.exp(-x)),
    "erf": mpmath.erf,
}
DOMAIN = {
    "exp_of_negative": lambda x: x <= 0,
    "log": lambda x: x >= 0,
    "log1p": lambda x: x >= -1,
    "log1p_of_share": lambda x: (x >= 0) & (x <= 1),
}


def random_bits(dtype, count, generator):
    whole = np.uint32 if dtype == np.float32 else np.uint64
    return generator.integers(0, np.iinfo(whole).max, count, dtype=whole, endpoint=True).view(dtype)


@cache
def samples(name, dtype, scale):
    """Numbers of the function's domain, (N,): of every exponent, dense where it bends, and around each of its cuts."""
    generator = np.random.default_rng(3)
    finite = np.finfo(dtype)
    parts = [random_bits(dtype, 60 * scale, generator), finite.smallest_subnormal * generator.integers(1, 2**20, scale)]
    parts += [generator.uniform(-size, size, 20 * scale) for size in (0.1, 1.0, 8.0, 100.0, 1000.0)]
    parts += [sign * np.exp2(generator.uniform(-1.2 * finite.nmant, 4, 20 * scale)) for sign in (-1, 1)]
    parts += [1 + generator.uniform(-0.02, 0.02, 10 * scale), -1 + np.exp2(generator.uniform(-60, -1, 10 * scale))]
    cuts = [0.0, 0.625, 1.0, -1.0, 2**-0.5, 2**0.5, 2**0.5 - 1, 2**-0.5 - 1, 3.95, 5.96, 10.0, 20.0, float(finite.eps)]
    cuts += [n * LOG2 / 2 for n in range(-5, 6)] + [LOWEST[finite.dtype.name], HIGHEST[finite.dtype.name]]
    cuts += [float(finite.tiny), float(finite.max) * (1 - 1e-3)]
    for cut in cuts:
        parts.append(cut * (1 + finite.eps * generator.integers(-40, 41, scale)))
    with np.errstate(over="ignore"):
        x = np.concatenate([part.astype(dtype) for part in parts])
    x = x[np.isfinite(x)]
    return np.ascontiguousarray(x[DOMAIN[name](x)] if name in DOMAIN else x)


@cache
def true_value(name, scale):
    """mpmath's values for the samples in double: the double that is next and the rest, (2, N)."""
    found = []
    with mpmath.workdps(60):
        for x in samples(name, np.float64, scale):
            value = EXACT[name](mpmath.mpf(float(x))) if x != 0 or name != "log" else -mpmath.inf
            near = float(value)
            found.append((near, float(value - near) if np.isfinite(near) else 0.0))
    return np.array(found).T


def ulps(found, near, rest=0.0):
    """How far `found` is from near + rest, in units of the last place of that in the type of `found`; (N,)."""
    finite = np.finfo(found.dtype)
    _, exponent = np.frexp(near)
    unit = np.ldexp(1.0, np.maximum(exponent - 1, finite.minexp) - finite.nmant)
    with np.errstate(all="ignore"):
        rounded = (near + rest).astype(found.dtype)
        off = np.abs((found.astype(np.float64) - near) - rest) / unit
    same = (found == rounded) | (np.isnan(found) & np.isnan(rounded))
    # infinite where the largest number would do, or the other way round: a unit beyond the largest
    edge = (np.isinf(found) != np.isinf(rounded)) & (np.sign(found) == np.sign(near))
    beyond = np.where(edge & (np.abs(near) > finite.max * (1 - 2 * finite.eps)), 1.0, INF)
    return np.where(same & ~np.isfinite(rounded), 0.0, np.where(np.isfinite(off) & ~edge, off, beyond))


def assert_close(what, found, x, off):
    worst = int(np.argmax(off))
    assert off[worst] <= BOUND, f"{what}({x[worst]!r}) gave {found[worst]!r}: {off[worst]:.3f} ulp off"


@every_library
@pytest.mark.parametrize("name", list(IN_DOUBLE))
def test_float_functions_are_within_two_ulp_over_the_whole_range(path, name):
    x = samples(name, np.float32, 1000)
    with np.errstate(all="ignore"):
        near = IN_DOUBLE[name](x.astype(np.float64))
    found = elementary(path, name, x)
    assert_close(name, found, x, ulps(found, near))


@every_library
@pytest.mark.parametrize("name", list(EXACT))
def test_double_functions_are_within_two_ulp_over_the_whole_range(path, name):
    x = samples(name, np.float64, 8)
    found = elementary(path, name, x)
    assert_close(name, found, x, ulps(found, *true_value(name, 8)))


def powers(dtype, count):
    """Bases and exponents whose powers fill the whole range, and the ordinary ones of losses; (2, N)."""
    generator = np.random.default_rng(4)
    top = 104.0 if dtype == np.float32 else 746.0
    parts = [generator.uniform(0, 1, count), np.exp(generator.uniform(-8, 8, count))]
    parts += [1 + generator.uniform(-size, size, count) for size in (0.3, 1e-4)]
    parts.append(np.abs(random_bits(dtype, count, generator)))
    with np.errstate(all="ignore"):
        base = np.concatenate(parts).astype(dtype)
        exponent = generator.uniform(-1, 1, base.size) * top / np.abs(np.log(base.astype(np.float64)))
        exponent[:count] = generator.uniform(0, 5, count)
        exponent = exponent.astype(dtype)
    there = np.isfinite(base) & np.isfinite(exponent) & (base > 0)
    return np.stack([base[there], exponent[there]])


@every_library
def test_float_powers_are_within_two_ulp(path):
    x, y = powers(np.float32, 60_000)
    with np.errstate(all="ignore"):
        near = np.power(x.astype(np.float64), y.astype(np.float64))
    found = elementary(path, "pow", x, y)
    assert_close("pow", found, np.stack([x, y], 1), ulps(found, near))


@cache
def true_powers():
    x, y = powers(np.float64, 400)
    with mpmath.workdps(60):
        exact = [mpmath.power(mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(x, y, strict=True)]
        near = np.array([float(value) for value in exact])
        rest = [float(value - a) if np.isfinite(a) else 0.0 for value, a in zip(exact, map(float, near), strict=True)]
    return x, y, near, np.array(rest)


@every_library
def test_double_powers_are_within_two_ulp(path):
    x, y, near, rest = true_powers()
    found = elementary(path, "pow", x, y)
    assert_close("pow", found, np.stack([x, y], 1), ulps(found, near, rest))


TINY = {np.float32: 2.0**-149, np.float64: 5e-324}
ENDS = {
    "exp": [(INF, INF), (-INF, 0.0), (0.0, 1.0), (-0.0, 1.0), (1e30, INF), (-1e30, 0.0)],
    "exp_of_negative": [(-INF, 0.0), (0.0, 1.0), (-0.0, 1.0), (-1e30, 0.0)],
    "expm1": [(INF, INF), (-INF, -1.0), (0.0, 0.0), (-0.0, -0.0), (1e30, INF), (-1e30, -1.0), (-1e-30, -1e-30)],
    "log": [(INF, INF), (-INF, NAN), (0.0, -INF), (-0.0, -INF), (1.0, 0.0), (-1.0, NAN), (-1e-30, NAN)],
    "log1p": [(INF, INF), (-INF, NAN), (0.0, 0.0), (-0.0, -0.0), (-1.0, -INF), (-1.5, NAN), (-1e-30, -1e-30)],
    "log1p_of_share": [(0.0, 0.0), (1e-30, 1e-30)],
    "tanh": [(INF, 1.0), (-INF, -1.0), (0.0, 0.0), (-0.0, -0.0), (1e30, 1.0), (-1e-30, -1e-30)],
    "sigmoid": [(INF, 1.0), (-INF, 0.0), (0.0, 0.5), (-0.0, 0.5), (1e30, 1.0), (-1e30, 0.0)],
    "softplus": [(INF, INF), (-INF, 0.0), (1e30, 1e30), (-1e30, 0.0)],
    "log_sigmoid": [(INF, -0.0), (-INF, -INF), (-1e30, -1e30)],
    "erf": [(INF, 1.0), (-INF, -1.0), (0.0, 0.0), (-0.0, -0.0), (30.0, 1.0), (-30.0, -1.0)],
}  # fmt: skip


@every_library
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", list(ENDS))
def test_infinities_zeros_and_nan_keep_their_meaning(path, name, dtype):
    ends = [*ENDS[name], (NAN, NAN)]
    if name in ("expm1", "log1p", "log1p_of_share", "tanh"):
        ends.append((TINY[dtype], TINY[dtype]))
    x, expected = np.array(ends, dtype).T.copy()
    found = elementary(path, name, np.tile(x, 37))  # in whole vectors and in what is left over
    np.testing.assert_array_equal(found, np.tile(expected, 37))
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found[: x.size][numbers]), np.signbit(expected[numbers]))


@every_library
@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_of_zero_one_infinity_and_nan_are_those_of_c(path, dtype):
    bases = [0.0, 0.5, 0.999, 1.0, 1.001, 2.0, 1e-40, 1e30, INF, NAN]
    exponents = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.0, 1e30, -1e30, INF, -INF, NAN]
    x, y = np.array(list(itertools.product(bases, exponents)), dtype).T.copy()
    with np.errstate(all="ignore"):
        expected = np.power(x.astype(np.float64), y.astype(np.float64)).astype(dtype)
    np.testing.assert_allclose(elementary(path, "pow", x, y), expected, rtol=2 * np.finfo(dtype).eps, atol=TINY[dtype])
    below = np.array([-1.0, -2.5, -INF], dtype)
    assert np.isnan(elementary(path, "pow", below, np.full(3, 2.0, dtype))).all()


@pytest.mark.without_kernels
@pytest.mark.parametrize("isa", build.instruction_sets())
def test_every_loop_of_the_probe_becomes_vector_code(isa, tmp_path):
    compiler = build.compiler()
    if compiler is None:
        pytest.skip("no C++ compiler")
    if "g++" not in " ".join(compiler):
        pytest.skip("the report of loops is that of g++")
    flags = [
        *build.FLAGS,
        *build.instruction_sets()[isa],
        "-fopenmp-simd",
        "-fopt-info-vec-all",
        "-c",
        "-o",
        str(tmp_path / "probe.o"),
    ]
    report = subprocess.run(
        [*compiler, *flags, str(build.SOURCES / "probe.cpp")], capture_output=True, text=True, check=True
    ).stderr
    assert "missed" in report  # g++ did report
    missed = [line for line in report.splitlines() if "probe.cpp" in line and "couldn't vectorize loop" in line]
    assert not missed, missed
