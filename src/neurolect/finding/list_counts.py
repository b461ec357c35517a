"""Count, for every list, how many of some sentences it holds. Knows arrays only."""

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["count_in_lists"]

ENTRIES_PER_BLOCK = 1 << 17
"""Entries counted at a time: their numbers, widened to 8 bytes, stay in the processor's cache."""
THREADS = min(os.cpu_count() or 1, 4)


def count_in_lists(
    rows: NDArray[np.int64],
    *,
    starts: NDArray[np.int64],
    numbers: NDArray[np.generic],
    sizes: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Count the sentences of a set in every list.

    Parameters
    ----------
    rows : int64, shape (n,), ascending, distinct
        Numbers of sentences.
    starts : int64, shape (n_sentences + 1,)
        Where each sentence's lists start in `numbers`.
    numbers : unsigned integer, shape (n_entries,)
        Numbers of the lists that each sentence is in.
    sizes : int64, shape (n_lists,)
        Sentences of each list.

    Returns
    -------
    int64, shape (n_lists,)
        How many of the sentences each list holds.

    Notes
    -----
    Of a set that is more than half of all entries the sentences that do not belong to it are counted instead.

    Examples
    --------
    >>> starts, numbers = np.array([0, 2, 3]), np.array([0, 1, 1], np.uint16)
    >>> count_in_lists(np.array([0]), starts=starts, numbers=numbers, sizes=np.array([1, 2])).tolist()
    [1, 1]
    """
    n_sentences = len(starts) - 1
    first, last = _runs(rows)
    n_entries = int((starts[last] - starts[first]).sum())
    if 2 * n_entries > len(numbers):
        others = np.ones(n_sentences, dtype=np.bool_)
        others[rows] = False
        first, last = _runs(np.flatnonzero(others))
        return sizes - _count_runs(first, last, starts=starts, numbers=numbers, n_lists=len(sizes))
    return _count_runs(first, last, starts=starts, numbers=numbers, n_lists=len(sizes))


def _runs(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Join neighbouring sentences: their lists lie side by side. First of each run, and the one after its last."""
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    if not len(rows):
        return rows, rows
    return rows[np.append(0, breaks)], rows[np.append(breaks, len(rows)) - 1] + 1


def _count_runs(
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    *,
    starts: NDArray[np.int64],
    numbers: NDArray[np.generic],
    n_lists: int,
) -> NDArray[np.int64]:
    counts = np.zeros(n_lists, dtype=np.int64)
    begins, ends = _pieces(starts[first], starts[last])
    total = np.cumsum(ends - begins)
    if not len(total):
        return counts
    cuts = np.searchsorted(total, np.arange(ENTRIES_PER_BLOCK, int(total[-1]) + 1, ENTRIES_PER_BLOCK))
    cuts = np.unique(np.concatenate([[0], cuts, [len(total)]]))
    with ThreadPoolExecutor(THREADS) as pool:  # NumPy counts without the interpreter's lock: gathering goes on
        waiting: deque[Future[NDArray[np.intp]]] = deque()
        for low, high in pairwise(cuts.tolist()):
            pieces = zip(begins[low:high].tolist(), ends[low:high].tolist(), strict=True)
            block = np.concatenate([numbers[begin:end] for begin, end in pieces])
            waiting.append(pool.submit(np.bincount, block, minlength=n_lists))
            if len(waiting) > 2 * THREADS:
                counts += waiting.popleft().result()
        for each in waiting:
            counts += each.result()
    return counts


def _pieces(begins: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut runs of entries that are longer than a block."""
    n_pieces = -(-(ends - begins) // ENTRIES_PER_BLOCK)
    number = np.arange(int(n_pieces.sum())) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
    begins = np.repeat(begins, n_pieces) + ENTRIES_PER_BLOCK * number
    return begins, np.minimum(begins + ENTRIES_PER_BLOCK, np.repeat(ends, n_pieces))
