"""Go down a ranking of patterns and keep those that say something new about a list.

"came to pass", "it came to" and "it to pass" are found by nearly the same sentences: one of them is enough on a
card. A pattern is left out if its sentences and those of one kept before it overlap too much (Jaccard index).
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.signatures.mining.projections import ANY_GAP, CompactSentences


def distinct_patterns(
    sentences: CompactSentences,
    *,
    items: NDArray[np.int32],
    support: NDArray[np.int32],
    max_gap: int | None,
    n_keep: int,
    max_overlap: float,
) -> NDArray[np.int64]:
    """Keep the first patterns of a ranking that overlap little with each other.

    ``items``: int32, shape (C, length). Item codes of each pattern, best first, padded with -1; all of them are
        items of `sentences`.
    ``support``: int32, shape (C,). Sentences that hold each pattern.
    ``max_gap``: Most places skipped between two neighbouring items; None for any number.
    ``max_overlap``: Sentences that hold both patterns over those that hold any of the two: what is above is left
        out.
    Returns: int64, shape (at most n_keep,), ascending. The kept patterns.
    """
    local = np.where(items >= 0, np.searchsorted(sentences.items, items), -1).astype(np.int32)
    gap = ANY_GAP if max_gap is None else max_gap
    starts, rows = _postings(sentences)
    return _keep(sentences, starts, rows, local, support, gap, n_keep, max_overlap)  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)
def _postings(sentences: CompactSentences) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Rows that hold each item, ascending: ``rows[starts[item]:starts[item + 1]]``."""
    starts = np.zeros(len(sentences.items) + 1, np.int64)
    for item in range(len(sentences.items)):
        starts[item + 1] = starts[item] + sentences.support[item]
    rows = np.empty(starts[-1], np.int32)
    free = starts[:-1].copy()
    for row in range(len(sentences.starts) - 1):
        for j in range(sentences.starts[row], sentences.starts[row + 1]):
            if sentences.previous[j] == 0:
                item = sentences.tokens[j]
                rows[free[item]] = row
                free[item] += 1
    return starts, rows


@njit(cache=True, nogil=True)
def sentences_with(
    sentences: CompactSentences,
    pattern: NDArray[np.int32],
    max_gap: int,
    candidates: NDArray[np.int32],
    found: NDArray[np.int32],
) -> int:
    """Write the rows among `candidates` that hold a pattern (local codes) to `found`; return how many."""
    n = 0
    length = 0
    while length < len(pattern) and pattern[length] >= 0:
        length += 1
    # The latest place where the first k items end: what comes later is nearest to it.
    latest = np.empty(length + 1, np.int64)
    starts, tokens, positions = sentences.starts, sentences.tokens, sentences.positions
    for row in candidates:
        latest[:] = -1
        for j in range(np.uint64(starts[row]), np.uint64(starts[row + 1])):
            token = np.int32(tokens[j])
            for k in range(length - 1, -1, -1):
                if token == pattern[np.uint64(k)]:
                    before = latest[np.uint64(k)]
                    if k == 0 or (before >= 0 and (max_gap < 0 or positions[j] - before - 1 <= max_gap)):
                        latest[np.uint64(k + 1)] = positions[j]
            if latest[length] >= 0:
                found[n] = row
                n += 1
                break
    return n


@njit(cache=True, nogil=True)
def _keep(
    sentences: CompactSentences,
    starts: NDArray[np.int64],
    rows: NDArray[np.int32],
    patterns: NDArray[np.int32],
    support: NDArray[np.int32],
    max_gap: int,
    n_keep: int,
    max_overlap: float,
) -> NDArray[np.int64]:
    kept = np.empty(min(n_keep, len(patterns)), np.int64)
    # Rows of the kept patterns and, last, of the candidate; found when they are first compared.
    holders = np.empty((len(kept) + 1, len(sentences.starts)), np.int32)
    known = np.zeros(len(kept) + 1, np.bool_)
    n = 0
    for candidate in range(len(patterns)):
        if n == len(kept):
            break
        size = support[candidate]
        known[n] = False
        new = True
        for k in range(n):
            other = support[kept[k]]
            if min(size, other) <= max_overlap * max(size, other):
                continue  # sizes this different cannot overlap so much
            for place, pattern in ((k, kept[k]), (n, candidate)):
                if not known[place]:
                    few = _rarest(patterns[pattern], starts, rows)
                    sentences_with(sentences, patterns[pattern], max_gap, few, holders[place])
                    known[place] = True
            both = _n_common(holders[n, :size], holders[k, :other])
            if both > max_overlap * (size + other - both):
                new = False
                break
        if new:
            kept[n] = candidate
            n += 1
    return kept[:n]


@njit(cache=True, nogil=True)
def _rarest(pattern: NDArray[np.int32], starts: NDArray[np.int64], rows: NDArray[np.int32]) -> NDArray[np.int32]:
    """Rows that hold the pattern's rarest item."""
    rarest = pattern[0]
    for item in pattern:
        if item >= 0 and starts[item + 1] - starts[item] < starts[rarest + 1] - starts[rarest]:
            rarest = item
    return rows[starts[rarest] : starts[rarest + 1]]


@njit(cache=True, nogil=True)
def _n_common(one: NDArray[np.int32], other: NDArray[np.int32]) -> int:
    """Numbers in both ascending arrays."""
    n = i = j = 0
    while i < len(one) and j < len(other):
        n += one[i] == other[j]
        step = one[i] <= other[j]
        j += one[i] >= other[j]
        i += step
    return n
