"""Products and transposes of small matrices against numpy in float64, in odd shapes and with odd strides."""

import ctypes

import numpy as np
import pytest

DTYPES = {np.float32: (0, 2e-6), np.float64: (1, 1e-14)}
VECTOR = 16  # numbers in the longest vector
SHAPES = [(1, 1, 1), (7, 16, 5), (6, 64, 64), (13, 37, 9), (64, 64, 10), (10, 65, 64), (17, 130, 3), (5, 31, 100)]


def padded(rows: int, columns: int, dtype: type, value: float = np.nan) -> np.ndarray:
    """A matrix whose rows are followed by poison up to whole vectors and one vector more."""
    return np.full((rows, -(-columns // VECTOR) * VECTOR + VECTOR), value, dtype)


def product(library, A, a_strides, B, C, *, n, add=False, bias=None, finish=0, output=None):
    m, k = C.shape[0], B.shape[0]
    sizes = np.array([m, n, k, *a_strides, B.shape[1], C.shape[1], add], np.int64)
    pointers = [None if x is None else ctypes.c_void_p(x.ctypes.data) for x in (A, B, C, bias)]
    last = None if output is None else ctypes.c_void_p(output.ctypes.data)
    library.losslab_probe_product(DTYPES[A.dtype.type][0], ctypes.c_void_p(sizes.ctypes.data), *pointers, finish, last)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("m", "n", "k"), SHAPES)
def test_products_are_those_of_numpy_and_write_nothing_else(kernels, m, n, k, transposed, dtype):
    random = np.random.default_rng(m * 1000 + n * 10 + k)
    A = random.normal(size=(k, m + 3) if transposed else (m, k + 3)).astype(dtype)
    B, C, bias = padded(k, n, dtype, 7), padded(m, n, dtype), random.normal(size=m).astype(dtype)
    B[:, :n] = random.normal(size=(k, n))
    left = (A[:, :m].T if transposed else A[:, :k]).astype(np.float64)
    strides = (1, m + 3) if transposed else (k + 3, 1)
    truth = left @ B[:, :n].astype(np.float64)
    bound = DTYPES[dtype][1] * max(k, 4)

    product(kernels, A, strides, B, C, n=n, bias=bias)
    np.testing.assert_allclose(C[:, :n], truth + bias[:, None], rtol=bound, atol=bound)
    assert np.isnan(C[:, n:]).all()
    before = C[:, :n].astype(np.float64)
    product(kernels, A, strides, B, C, n=n, add=True)
    np.testing.assert_allclose(C[:, :n], before + truth, rtol=bound, atol=bound)


def test_a_product_can_end_in_a_relu_or_in_its_derivative(kernels):
    random = np.random.default_rng(0)
    A, B = random.normal(size=(5, 4)), padded(4, 32, np.float64, 0)
    B[:, :32] = random.normal(size=(4, 32))
    A[2] = np.nan
    plain, relu, back = (padded(5, 32, np.float64) for _ in range(3))
    product(kernels, A, (4, 1), B, plain, n=32)
    product(kernels, A, (4, 1), B, relu, n=32, finish=1)
    np.testing.assert_array_equal(relu[:, :32], np.where(plain[:, :32] < 0, 0, plain[:, :32]))  # NaN stays
    product(kernels, A, (4, 1), B, back, n=32, finish=2, output=relu)
    np.testing.assert_array_equal(back[[0, 1, 3, 4], :32], relu[[0, 1, 3, 4], :32])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (16, 16), (17, 3), (3, 33), (64, 50), (40, 64)])
def test_transposes_fill_the_rest_of_a_vector_with_zeros(kernels, rows, columns, dtype):
    source, out = padded(rows, columns, dtype), padded(columns, rows, dtype)
    source[:, :columns] = np.arange(rows * columns).reshape(rows, columns)
    kernels.losslab_probe_transpose.argtypes = [
        ctypes.c_int32, *[ctypes.c_int64] * 2, *[ctypes.c_void_p, ctypes.c_int64] * 2,
    ]  # fmt: skip
    kernels.losslab_probe_transpose(
        DTYPES[dtype][0], rows, columns, source.ctypes.data, source.shape[1], out.ctypes.data, out.shape[1]
    )
    np.testing.assert_array_equal(out[:, :rows], source[:, :columns].T)
    kept = {4: 16, 8: 8}[np.dtype(dtype).itemsize]
    filled = out[:, rows : -(-rows // kept) * kept]
    assert ((filled == 0) | np.isnan(filled)).all()  # a narrower instruction set has fewer to fill
