"""Memory that a training step frees is kept for the next step instead of being handed back to the system.

A step makes and frees the same tensors of tens of megabytes again and again. By default the C library of
Linux maps each anew, and the system clears its pages: a quarter of the time of a stack of ninety models.
"""

from __future__ import annotations

import ctypes
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3)."""


def keep_freed_memory() -> bool:
    """Ask the C library to keep blocks of up to 1 GiB, for the whole process; whether it does.

    Only glibc knows how; elsewhere nothing is changed.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(MMAP_THRESHOLD, 2**30)) and bool(mallopt(TRIM_THRESHOLD, 2**31 - 1))
