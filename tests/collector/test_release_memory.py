"""Memory between what is kept goes back to the system."""

import os
import platform
from pathlib import Path

import numpy as np
import pytest

from neurolect.collector.process import release_memory


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators do as they like")
def test_holes_between_what_is_kept_are_given_back() -> None:
    blocks = [np.ones(50_000, dtype=np.uint8) for _ in range(2000)]
    kept = blocks[::10]
    full = resident()
    del blocks
    release_memory()
    assert resident() < full - 40_000_000
    assert sum(int(each.sum()) for each in kept) == 10_000_000


def test_it_does_nothing_where_there_is_nothing_to_do() -> None:
    release_memory()
    release_memory()
