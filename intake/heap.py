"""Keeps the memory of one large file for the next, in processes through which many pass.

The GNU C library gives it back to the kernel each time, which then clears every page anew: a tenth of
the processor's time for mail with files.
"""

from __future__ import annotations

import ctypes

# malloc.h
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# Bytes of a process that wait for the next file; a larger one goes back at once.
KEPT, LARGEST = 64 << 20, 16 << 20


def keep_buffers() -> None:
    """For the rest of this process. Other C libraries do as they please."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, LARGEST)
        mallopt(_M_TRIM_THRESHOLD, KEPT)
