"""bfloat16 and float16 in the kernels: the numbers of all bit patterns, and one rounding to the nearest."""

import numpy as np
import pytest
import torch
from kernel_probes import BFLOAT16, FLOAT16, every_library, narrowed, widened

HALVES = [(BFLOAT16, torch.bfloat16), (FLOAT16, torch.float16)]
PATTERNS = np.arange(65536, dtype=np.uint16)
every_half = pytest.mark.parametrize(("dtype", "torchs"), HALVES, ids=["bfloat16", "float16"])


def torch_widened(torchs, halves):
    return torch.from_numpy(halves.view(np.int16)).view(torchs).float().numpy()


def torch_narrowed(torchs, floats):
    return torch.from_numpy(floats).to(torchs).view(torch.int16).numpy().view(np.uint16)


@every_library
@every_half
def test_every_bit_pattern_is_the_number_that_it_is_in_torch(path, dtype, torchs):
    found, expected = widened(path, dtype, PATTERNS), torch_widened(torchs, PATTERNS)
    nan = np.isnan(expected)
    np.testing.assert_array_equal(np.isnan(found), nan)
    np.testing.assert_array_equal(found[~nan].view(np.uint32), expected[~nan].view(np.uint32))


@every_library
@every_half
def test_floats_round_to_the_nearest_and_ties_to_even(path, dtype, torchs):
    exact = torch_widened(torchs, PATTERNS)
    exact = exact[np.isfinite(exact)].view(np.uint32)
    to_tie = [0x8000] if dtype == BFLOAT16 else [0x1000, *(1 << shift for shift in range(13, 23))]
    near_ties = [exact + np.uint32(tie + off) for tie in to_tie for off in (-1, 0, 1)]  # by size: away from zero
    random = np.random.default_rng(0).integers(0, 1 << 32, 300_000, dtype=np.uint32)
    floats = np.concatenate([exact, *near_ties, random]).view(np.float32)
    nan = np.isnan(floats)
    found = narrowed(path, dtype, floats)
    np.testing.assert_array_equal(found[~nan], torch_narrowed(torchs, floats[~nan]))
    assert np.isnan(torch_widened(torchs, found[nan])).all()


@every_library
def test_float16_rounds_as_worked_by_hand_at_its_ends(path):
    step = 2.0**-24  # the smallest number
    floats = [65504.0, 65519.99, 65520.0, 1e30, np.inf, -np.inf, step, 0.5 * step, 0.50001 * step, 1.5 * step, -0.0]
    expected = [0x7BFF, 0x7BFF, 0x7C00, 0x7C00, 0x7C00, 0xFC00, 1, 0, 1, 2, 0x8000]
    found = narrowed(path, FLOAT16, np.array(floats, np.float32))
    assert found.tolist() == expected


@every_library
def test_bfloat16_rounds_as_worked_by_hand_at_its_ends(path):
    # 1 + 2^-8 and 1 + 3 * 2^-8 are ties, to 1 and to 1 + 2^-6; the largest float is nearer to infinity
    floats = [1 + 2.0**-8, 1 + 3 * 2.0**-8, 3.4028235e38, 3.3895314e38, -np.inf, -0.0, 1e-45]
    found = narrowed(path, BFLOAT16, np.array(floats, np.float32))
    assert found.tolist() == [0x3F80, 0x3F82, 0x7F80, 0x7F7F, 0xFF80, 0x8000, 0]


@every_library
@every_half
@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 31])
def test_what_is_left_over_after_whole_vectors_is_converted_too_and_no_more(path, dtype, torchs, count):
    floats = np.linspace(-3, 70000, 40, dtype=np.float32)
    out = narrowed(path, dtype, floats[:count].copy())
    np.testing.assert_array_equal(out, torch_narrowed(torchs, floats[:count].copy()))
    np.testing.assert_array_equal(widened(path, dtype, out), torch_widened(torchs, out))
