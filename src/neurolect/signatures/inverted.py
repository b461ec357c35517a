"""Lists and items turned round: which lists hold each sentence, and which sentences hold each item.

List by list, every sentence and every count lies somewhere else in memory. Item by item, sentences are read in
order, and the counts of a block of lists stay in the processor's cache.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

ENTRIES_PER_BLOCK, FEWEST_LISTS, MOST_LISTS, N_BLOCKS = 1 << 23, 64, 1 << 13, 4
RANK_BITS = 7
LAST_RANK = (1 << RANK_BITS) - 1


class InvertedLists(NamedTuple):
    """Some lists, by sentence."""

    first: int
    """Number of the first list."""
    n_lists: int
    starts: NDArray[np.int64]
    """Where each sentence's entries start, shape (last sentence + 2,)."""
    entries: NDArray[np.int32]
    """Lists that hold the sentence, ascending, from 0 and times 128, plus its rank there, 127 at most."""


def invert(rows: NDArray[np.int32]) -> tuple[InvertedLists, ...]:
    """Turn lists round, so many at once that their counts stay in the cache.

    ``rows``: int32, shape (n_lists, N). Sentences of each list, by rank; -1 where it has fewer.
    """
    n_lists, longest = rows.shape
    n = max(min(ENTRIES_PER_BLOCK // max(longest, 1), MOST_LISTS, -(-n_lists // N_BLOCKS)), FEWEST_LISTS)
    blocks = []
    for first in range(0, n_lists, n):
        part = rows[first : first + n]
        blocks.append(InvertedLists(first, len(part), *_inverted(part, int(part.max(initial=-1)) + 1)))
    return tuple(blocks)


@njit(nogil=True, cache=True)
def _inverted(rows: NDArray[np.int32], n_rows: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    starts = np.zeros(n_rows + 1, np.int64)
    for row in rows.ravel():
        if row >= 0:
            starts[row + 1] += 1
    starts = np.cumsum(starts)
    at, entries = starts[:-1].copy(), np.empty(starts[-1], np.int32)
    for each in range(rows.shape[0]):
        rank = 0  # among the sentences that are there
        for row in rows[each]:
            if row >= 0:
                entries[at[row]] = each << RANK_BITS | min(rank, LAST_RANK)
                at[row] += 1
                rank += 1
    return starts, entries


@njit(nogil=True, cache=True)
def postings(
    offsets: NDArray[np.int64], codes: NDArray[np.int32], weights: NDArray[np.int32], n_items: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Turn the items of sentences round.

    Returns: where each item's sentences start, shape (n_items + 1,); sentences, ascending within an item, and what
        each counts, shape (n_entries,).
    """
    starts = np.zeros(n_items + 1, np.int64)
    for code in codes:
        starts[code + 1] += 1
    starts = np.cumsum(starts)
    at, rows, of_rows = starts[:-1].copy(), np.empty(len(codes), np.int32), np.empty(len(codes), np.int32)
    for row in range(len(offsets) - 1):
        for entry in range(offsets[row], offsets[row + 1]):
            place = at[codes[entry]]
            rows[place], of_rows[place] = row, weights[entry]
            at[codes[entry]] += 1
    return starts, rows, of_rows


@njit(nogil=True, cache=True)
def count_inside(rows: NDArray[np.int32], inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count how many sentences of each list belong to a set."""
    found = np.zeros(len(rows), np.int64)
    for each in range(len(rows)):
        for row in rows[each]:
            if row >= 0:
                found[each] += inside[row]
    return found
