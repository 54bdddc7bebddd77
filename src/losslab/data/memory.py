"""Memory: what is free, what a table needs, and words about it before it is read."""

import os

from losslab.data.words import count

PER_CELL = 40  # bytes at the peak: read as float64, encoded, filled and scaled, with the copies between
PER_TEXT = 120  # bytes of a cell of text
TOLD = 10**9  # bytes from which a note says what a table needs


def free_memory() -> int:
    """Main memory that is free now, in bytes; a limit of the container counts."""
    try:
        with open("/proc/meminfo") as lines:
            found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")]
        limits = [int(text) for text in _cgroup_limits() if text.isdigit()]
        return min([*found, *limits])
    except (OSError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _cgroup_limits() -> list[str]:
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        if os.path.exists(path):
            with open(path) as file:
                return [file.read().strip()]
    return []


def check_memory(name: str, rows: int, columns: int, text: int = 0) -> tuple[str, ...]:
    """Raises ValueError where a table cannot fit; a note where it is large. text: bytes of text beside the numbers."""
    return check_need(name, f"{count(rows, 'row')} of {count(columns, 'column')}", rows * columns * PER_CELL + text)


def check_need(name: str, what: str, needed: int) -> tuple[str, ...]:
    """The same for anything, from the bytes that it needs."""
    free, size = free_memory(), f"{name}: about {what} need {gigabytes(needed)} of memory"
    if needed > free:
        raise ValueError(
            f"{size}; {gigabytes(free)} are free. Take a sample of the rows, leave out columns, or use a machine with "
            "more memory"
        )
    return (f"{size} ({gigabytes(free)} are free)",) if needed > TOLD else ()


def gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
