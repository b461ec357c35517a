"""Count, for every list, how many of some sentences it holds. Knows arrays only."""

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ENTRIES_PER_BLOCK = 1 << 17
"""Entries counted at a time: their numbers, widened to 8 bytes, stay in the processor's cache."""
SOON = 1 << 21
"""So many entries are counted in less time than it takes to compare sets."""
BYTES_COMPARED = 2_048
"""Of every set, for choosing one."""
THREADS = min(os.cpu_count() or 1, 4)


class CommonSets(NamedTuple):
    """Sets of sentences that have been counted beforehand."""

    members: NDArray[np.uint8]
    """Bit s of a row is sentence s, lowest bit first, shape (n_sets, n_bytes)."""
    counts: NDArray[np.generic]
    """Sentences of each list in each set, shape (n_sets, n_lists)."""


def count_in_lists(
    rows: NDArray[np.int64],
    *,
    starts: NDArray[np.int64],
    numbers: NDArray[np.generic],
    sizes: NDArray[np.int64],
    common: CommonSets | None = None,
) -> NDArray[np.int64]:
    """Count the sentences of a set in every list.

    ``rows``: int64, shape (n,), ascending, distinct. Numbers of sentences.
    ``starts``: int64, shape (n_sentences + 1,). Where each sentence's lists start in `numbers`.
    ``numbers``: unsigned integer, shape (n_entries,). Numbers of the lists that each sentence is in.
    ``sizes``: int64, shape (n_lists,). Sentences of each list.
    Returns: int64, shape (n_lists,). How many of the sentences each list holds.

    Of a set that is more like a common one, or like all sentences, than like none, the sentences in which the two
    differ are counted instead.

    Examples
    --------
    >>> starts, numbers = np.array([0, 2, 3]), np.array([0, 1, 1], np.uint16)
    >>> count_in_lists(np.array([0]), starts=starts, numbers=numbers, sizes=np.array([1, 2])).tolist()
    [1, 1]
    """
    n_sentences, n_lists = len(starts) - 1, len(sizes)

    def count(some: NDArray[np.int64]) -> NDArray[np.int64]:
        first, last = _runs(some)
        return _count_runs(first, last, starts=starts, numbers=numbers, n_lists=n_lists)

    if len(rows) * (len(numbers) / max(n_sentences, 1)) < SOON:
        return count(rows)
    wanted = np.zeros(n_sentences, dtype=np.bool_)
    wanted[rows] = True
    number = -1 if common is None else _most_like(wanted, common.members)
    if number < 0 or common is None:
        return count(rows) if 2 * len(rows) <= n_sentences else sizes - count(np.flatnonzero(~wanted))
    within = np.unpackbits(common.members[number], count=n_sentences, bitorder="little").view(np.bool_)
    more, fewer = np.flatnonzero(wanted & ~within), np.flatnonzero(within & ~wanted)
    return np.asarray(common.counts[number].astype(np.int64) + count(more) - count(fewer), dtype=np.int64)


def _most_like(wanted: NDArray[np.bool_], members: NDArray[np.uint8]) -> int:
    """Give the set that differs least, by some sentences of all; -1 where no sentences or all differ less."""
    step = max(1, members.shape[1] // BYTES_COMPARED)
    mine = np.packbits(wanted, bitorder="little")
    some = np.arange(0, len(mine), step)
    n_different = np.unpackbits(members[:, some] ^ mine[some], axis=1).sum(axis=1, dtype=np.int64)
    n_wanted = int(np.unpackbits(mine[some]).sum(dtype=np.int64))
    best = int(np.argmin(n_different)) if len(members) else -1
    return best if best >= 0 and n_different[best] < min(n_wanted, 8 * len(some) - n_wanted) else -1


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
