"""Give back to the system the memory that allocators keep for later.

The many short-lived arrays of a pass leave holes between what is kept; allocators hold on to them, and the resident
size of a process grows although nothing in it does.
"""

import ctypes
import sys
from collections.abc import Callable
from functools import cache

import pyarrow as pa


def release_memory() -> None:
    """Ask the C library, where it is GNU's, and Arrow for what they do not use; it takes some 10 ms."""
    _trim()(0)
    pa.default_memory_pool().release_unused()


@cache
def _trim() -> Callable[[int], int]:
    """Find the function; one that does nothing where the C library has none."""
    if sys.platform != "linux":
        return _nothing
    found = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if found is None:
        return _nothing
    found.argtypes, found.restype = [ctypes.c_size_t], ctypes.c_int
    trim: Callable[[int], int] = found
    return trim


def _nothing(_kept: int) -> int:
    return 0
