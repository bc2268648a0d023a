"""Gives memory that is no longer used back to the system.

Everybody who joins leaves holes behind: OpenSSL and XML take thousands of small pieces from the C
library's heap, which keeps their pages as long as anything beyond them is in use. What is in use
doesn't grow; the pages that are kept do, under many joins a second by some megabytes in ten
minutes. glibc gives whole pages back out of the middle of the heap when asked to, in about a
millisecond for thirty megabytes.
"""

import ctypes
from collections.abc import Callable
from functools import cache

__all__ = ["give_back"]


def give_back() -> bool:
    """Return pages that hold nothing; False where the C library can't (musl)."""
    trim = _trim()
    return trim is not None and bool(trim(0))


@cache
def _trim() -> Callable[[int], int] | None:
    try:
        found = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return None
    found.argtypes, found.restype = [ctypes.c_size_t], ctypes.c_int
    return found
