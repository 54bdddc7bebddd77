"""The memory allocator, tuned on request: fresh memory costs more than the arithmetic of a small step."""

import ctypes
import sys

TRIM_THRESHOLD, MMAP_MAX = -1, -4  # names of mallopt's parameters in malloc.h
KEPT = 2**31 - 1  # bytes that stay with the process before any go back to the system


def tune_allocator() -> bool:
    """Lets this process keep freed memory instead of giving it back after each step; returns whether that worked.

    Training many small networks is faster with it, torch's own losses on large inputs too. The process holds its peak
    memory until it ends. Works where the C library is glibc (most Linux), does nothing elsewhere. Never called on
    import: the allocator belongs to the whole process.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(MMAP_MAX, 0)) and bool(mallopt(TRIM_THRESHOLD, KEPT))
