"""Dropout's random numbers: a function of member, step, layer and place, the same for every engine.

kernels/cpu/random.h has the same in C++.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

ALL64, ALL32 = (1 << 64) - 1, (1 << 32) - 1
BLOCK = 1 << 16  # numbers that are drawn at once: they stay in cache


def mixed64(x: int) -> int:
    """splitmix64."""
    x = (x + 0x9E3779B97F4A7C15) & ALL64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & ALL64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & ALL64
    return x ^ (x >> 31)


def layer_key(member: int, step: int, layer: int) -> int:
    """The key of one dropout layer in one step (from 0) of one member."""
    return mixed64(mixed64((member + step) & ALL64) ^ layer)


def threshold(p: float) -> int:
    """A draw of 24 bits is kept where it is at least this: p as float32 holds it."""
    return math.ceil(float(np.float32(p)) * 2**24)


def kept(keys: Sequence[int], count: int, p: float, device: torch.device) -> Tensor:
    """For each key, which of `count` numbers are kept where the share p is dropped: (K, count), bool."""
    if device.type != "cpu":
        return _kept_on(keys, count, p, device)
    least = threshold(p)
    found = np.empty((len(keys), count), dtype=np.bool_)
    for first in range(0, count, BLOCK):
        place = np.arange(first, min(first + BLOCK, count), dtype=np.uint64).astype(np.uint32)
        draw, spare = np.empty_like(place), np.empty_like(place)
        for key, row in zip(keys, found, strict=True):
            np.bitwise_xor(place, np.uint32(key & ALL32), out=draw)
            _mix32(draw, spare)
            np.add(draw, np.uint32(key >> 32), out=draw)
            _mix32(draw, spare)
            draw >>= np.uint32(8)
            np.greater_equal(draw, np.uint32(least), out=row[first : first + len(place)])
    return torch.from_numpy(found)


def _mix32(x: np.ndarray, spare: np.ndarray) -> None:
    """In place, modulo 2^32."""
    for shift, factor in ((16, 0x21F0AAAD), (15, 0x735A2D97)):
        np.right_shift(x, np.uint32(shift), out=spare)
        x ^= spare
        x *= np.uint32(factor)
    np.right_shift(x, np.uint32(15), out=spare)
    x ^= spare


def _kept_on(keys: Sequence[int], count: int, p: float, device: torch.device) -> Tensor:
    """On another device, in the 64 bits that torch has there, of which the lower 32 count."""
    low = torch.tensor([key & ALL32 for key in keys], device=device)[:, None]
    high = torch.tensor([key >> 32 for key in keys], device=device)[:, None]
    draw = _mixed32(torch.arange(count, device=device).bitwise_and_(ALL32) ^ low)
    return _mixed32((draw + high) & ALL32) >> 8 >= threshold(p)


def _mixed32(x: Tensor) -> Tensor:
    for shift, factor in ((16, 0x21F0AAAD), (15, 0x735A2D97)):
        x = ((x ^ (x >> shift)) * factor) & ALL32
    return x ^ (x >> 15)
