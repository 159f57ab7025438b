"""Large pages for large buffers: most of the time that a fresh buffer takes goes into its many small ones."""

from __future__ import annotations

import ctypes
import functools
import mmap
from collections.abc import Callable

from torch import Tensor

#: bytes from which on the allocator of C may ask the system anew each time
LARGE = 4 << 20


@functools.cache
def _madvise() -> Callable[[int, int, int], int] | None:
    """The function of C's library; None where there is none, or no advice of this kind."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return None
    try:
        found = ctypes.CDLL(None).madvise
    except (OSError, AttributeError):
        return None
    found.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return found  # type: ignore[no-any-return]


def in_large_pages(buffer: Tensor) -> Tensor:
    """The buffer, which nothing was written to yet; the system is asked for large pages, and may refuse."""
    size = buffer.numel() * buffer.element_size()
    advise = _madvise() if size >= LARGE and buffer.device.type == "cpu" else None
    if advise is not None:
        start = -(-buffer.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
        end = (buffer.data_ptr() + size) // mmap.PAGESIZE * mmap.PAGESIZE
        advise(start, end - start, mmap.MADV_HUGEPAGE)
    return buffer
