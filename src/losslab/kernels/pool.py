"""Memory for gradients, used again once nobody can see it any more: fresh memory costs more than the arithmetic."""

import sys
from collections import deque

import torch
from torch import Tensor

LEAST = 256 << 10  # bytes; the allocator hands out less than this without asking the system for fresh pages
MOST = 1 << 30  # bytes that the pool may keep; beyond it, what was lent longest ago is let go


class Buffer:
    """One piece of memory, of which the pool alone has the storage object."""

    def __init__(self, like: Tensor) -> None:
        self.storage = torch.empty_like(like).untyped_storage()
        self.bytes, self.place = self.storage.nbytes(), self.storage.data_ptr()

    def free(self) -> bool:
        """Whether this object is the only owner: no tensor, view, array or capsule on it, and no other program."""
        # Every tensor, and whatever keeps one alive, is an owner of the storage; who asked a tensor for its storage
        # may have been given this very Python object. One reference is ours, one the argument's.
        return (
            torch._C._storage_Use_Count(self.storage._cdata) == 1
            and sys.getrefcount(self.storage) == 2
            and self.storage.nbytes() == self.bytes
            and self.storage.data_ptr() == self.place  # sharing it with another program moves it
            and not self.storage.is_shared()
        )

    def lend(self, like: Tensor) -> Tensor:
        return torch.empty(0, dtype=like.dtype).set_(self.storage, 0, like.shape, like.stride())


# Taking from and adding to a deque are atomic: a buffer is in one thread's hands while it is asked, so no lock is held
# that a forked process could inherit.
_LENT: deque[Buffer] = deque()


def gradient_like(input: Tensor) -> Tensor:
    """A tensor of the shape and type of a contiguous input, of any content.

    It lies in memory that was lent before only if no tensor, view, numpy array or DLPack capsule holds that any more.
    """
    if input.nbytes < LEAST:
        return torch.empty_like(input)
    buffer = _taken(input.nbytes)
    if buffer is None:
        buffer = Buffer(input)
    tensor = buffer.lend(input)
    _LENT.append(buffer)
    _trim()
    return tensor


def _taken(size: int) -> Buffer | None:
    """A free buffer of just this size, out of the pool."""
    for _ in range(len(_LENT)):
        try:
            buffer = _LENT.popleft()
        except IndexError:  # another thread took the last
            return None
        if buffer.bytes == size and buffer.free():
            return buffer
        _LENT.append(buffer)
    return None


def _trim() -> None:
    while held() > MOST:
        try:
            _LENT.popleft()
        except IndexError:
            return


def held() -> int:
    """How many bytes the pool keeps, lent or free."""
    return sum(buffer.bytes for buffer in tuple(_LENT))


def empty_cache() -> None:
    """Gives back the memory that is kept for the gradients of later losses.

    A fused loss writes its gradient into memory that an earlier gradient had, once nobody holds that any more. At most
    1 GiB is kept. A gradient that somebody holds stays as it is.
    """
    _LENT.clear()
