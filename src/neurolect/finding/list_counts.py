"""Count, for every list, how many of some sentences it holds. Knows arrays only."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["count_in_lists"]

ENTRIES_PER_BLOCK = 1 << 17
"""Entries counted at a time: their numbers, widened to 8 bytes, stay in the processor's cache."""


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
    for block in _blocks(starts[first].tolist(), starts[last].tolist(), numbers):
        counts += np.bincount(block, minlength=n_lists)
    return counts


def _blocks(starts: list[int], ends: list[int], numbers: NDArray[np.generic]) -> Iterator[NDArray[np.generic]]:
    """Gather the entries of all runs in blocks of a convenient size."""
    pieces: list[NDArray[np.generic]] = []
    size = 0
    for start, end in zip(starts, ends, strict=True):
        if end - start > ENTRIES_PER_BLOCK:
            yield from (
                numbers[at : min(at + ENTRIES_PER_BLOCK, end)] for at in range(start, end, ENTRIES_PER_BLOCK)
            )
            continue
        pieces.append(numbers[start:end])
        size += end - start
        if size >= ENTRIES_PER_BLOCK:
            yield np.concatenate(pieces)
            pieces, size = [], 0
    if size:
        yield np.concatenate(pieces)
