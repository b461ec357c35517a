"""A compact sentence database and the projections of it that pattern growth walks over.

Mining (``prefixspan.py``) and counting (``pattern_counts.py``) share these kernels. An *entry* is one place where a
prefix of a pattern ends: the index, in the compact database, right after its last matched item. With any gap
allowed the earliest entry of a sentence stands for all of them; under a gap limit every entry counts, since a
later one may reach an item that the earliest does not.

Subscripts are unsigned on purpose: a signed subscript costs numba a wrap-around test, 1.7 times on these loops.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

ANY_GAP = -1
"""How the kernels write "no gap limit"."""


class CompactSentences(NamedTuple):
    """Sentences of one list without the items that no pattern can hold.

    Local codes number the remaining items in ascending order of their code: both orders are the same.
    """

    items: NDArray[np.int32]
    """Code of each local code, shape (n_items,), ascending."""
    support: NDArray[np.int32]
    """Sentences that hold each item, shape (n_items,)."""
    tokens: NDArray[np.uint32]
    """Local codes, sentence after sentence, shape (n_tokens,)."""
    positions: NDArray[np.int32]
    """Position of each token in its raw sentence: gaps count the items left out too."""
    previous: NDArray[np.uint32]
    """1 + index of the previous token with the same item in the same sentence; 0 where there is none."""
    ends: NDArray[np.int32]
    """Index after the last token of the token's sentence, shape (n_tokens,)."""
    starts: NDArray[np.int32]
    """Index of the first token of each sentence, and the total, shape (n_rows + 1,)."""


def compact_sentences(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    *,
    rows: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    min_support: int,
) -> CompactSentences:
    """Keep the allowed items that ``min_support`` of the sentences hold.

    ``codes``: int32, shape (n_tokens,). Item codes of all sentences; a negative code is a place without an item.
    ``offsets``: int64, shape (n_sentences + 1,). Sentence ``s`` is ``codes[offsets[s]:offsets[s + 1]]``.
    ``rows``: int64, shape (n_rows,). Sentences to take, distinct, each from 0 to ``n_sentences - 1``.
    ``allowed``: bool, shape (n_codes,). Whether an item may be part of a pattern.
    """
    if len(rows) and (rows.min() < 0 or rows.max() >= len(offsets) - 1):
        what = f"Rows {rows.min()} to {rows.max()} were asked of {len(offsets) - 1} sentences."
        raise ValueError(what)
    n_tokens, highest = _count_tokens(codes, offsets, rows)
    if highest >= len(allowed):
        what = f"Item code {highest} has no place in the mask of {len(allowed)} allowed items."
        raise ValueError(what)
    items, support, local = _frequent_items(codes, offsets, rows, allowed, min_support)
    return CompactSentences(items, support, *_fill(codes, offsets, rows, local, len(items), n_tokens))


@njit(cache=True, nogil=True)
def _count_tokens(codes: NDArray[np.int32], offsets: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[int, int]:
    n_tokens = 0
    highest = -1
    for row in rows:
        n_tokens += offsets[row + 1] - offsets[row]
        for j in range(offsets[row], offsets[row + 1]):
            highest = max(highest, codes[j])
    return n_tokens, highest


@njit(cache=True, nogil=True)
def _frequent_items(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    rows: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    min_support: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Items and their support, and the local code of every code (-1: left out)."""
    counts = np.zeros(len(allowed), np.int32)
    last_row = np.full(len(allowed), -1, np.int32)
    for k in range(len(rows)):
        for j in range(offsets[rows[k]], offsets[rows[k] + 1]):
            code = codes[j]
            if code >= 0 and last_row[code] != k:
                last_row[code] = k
                counts[code] += 1
    local = last_row
    n_items = 0
    for code in range(len(allowed)):
        local[code] = -1
        if counts[code] >= min_support and allowed[code]:
            local[code] = n_items
            n_items += 1
    items = np.empty(n_items, np.int32)
    support = np.empty(n_items, np.int32)
    for code in range(len(allowed)):
        if local[code] >= 0:
            items[local[code]] = code
            support[local[code]] = counts[code]
    return items, support, local


@njit(cache=True, nogil=True)
def _fill(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    rows: NDArray[np.int64],
    local: NDArray[np.int32],
    n_items: int,
    n_raw: int,
) -> tuple[NDArray[np.uint32], NDArray[np.int32], NDArray[np.uint32], NDArray[np.int32], NDArray[np.int32]]:
    tokens = np.empty(n_raw, np.uint32)
    positions = np.empty(n_raw, np.int32)
    previous = np.empty(n_raw, np.uint32)
    ends = np.empty(n_raw, np.int32)
    starts = np.zeros(len(rows) + 1, np.int32)
    seen = np.zeros(n_items, np.int32)  # 1 + index of the item's latest token
    n = 0
    for k in range(len(rows)):
        first = offsets[rows[k]]
        for j in range(first, offsets[rows[k] + 1]):
            item = local[codes[j]] if codes[j] >= 0 else -1
            if item >= 0:
                tokens[n] = item
                positions[n] = j - first
                previous[n] = seen[item] if seen[item] > starts[k] else 0
                n += 1
                seen[item] = n
        ends[starts[k] : n] = n
        starts[k + 1] = n
    return tokens[:n].copy(), positions[:n].copy(), previous[:n].copy(), ends[:n].copy(), starts


@njit(cache=True, nogil=True)
def count_extensions(
    sentences: CompactSentences,
    entries: NDArray[np.int32],
    bounds: tuple[int, int],
    max_gap: int,
    counts: NDArray[np.int32],
    occurrences: NDArray[np.int32],
    stamps: NDArray[np.int64],
) -> None:
    """Add to `counts` the sentences in which each item can follow, to `occurrences` its entries.

    With any gap allowed the two are one number, and only `counts` is written.
    """
    tokens, previous, ends = sentences.tokens, sentences.previous, sentences.ends
    if max_gap >= 0:
        _count_near(sentences, entries, bounds, max_gap, counts, occurrences, stamps)
        return
    for e in range(np.uint64(bounds[0]), np.uint64(bounds[1])):
        start = np.uint64(entries[e])
        for j in range(start, np.uint64(ends[start - np.uint64(1)])):
            # The first of its kind after the entry, or not: added without a branch.
            counts[np.uint64(tokens[j])] += np.int32(np.uint64(previous[j]) <= start)


@njit(cache=True, nogil=True)
def _count_near(
    sentences: CompactSentences,
    entries: NDArray[np.int32],
    bounds: tuple[int, int],
    max_gap: int,
    counts: NDArray[np.int32],
    occurrences: NDArray[np.int32],
    stamps: NDArray[np.int64],
) -> None:
    tokens, positions, ends = sentences.tokens, sentences.positions, sentences.ends
    serial = stamps[-1]  # numbers the visits to a sentence over all calls; never repeats
    end = np.uint64(0)
    j = np.uint64(0)
    for e in range(np.uint64(bounds[0]), np.uint64(bounds[1])):
        start = np.uint64(entries[e])
        last = start - np.uint64(1)
        if np.uint64(ends[last]) != end:
            end = np.uint64(ends[last])
            serial += 1
        j = max(j, start)  # windows of one sentence overlap: no token is looked at twice
        limit = positions[last] + 1 + max_gap
        while j < end and positions[j] <= limit:
            item = np.uint64(tokens[j])
            occurrences[item] += 1
            counts[item] += np.int32(stamps[item] != serial)
            stamps[item] = serial
            j += np.uint64(1)
    stamps[-1] = serial


@njit(cache=True, nogil=True)
def project(
    sentences: CompactSentences,
    entries: NDArray[np.int32],
    bounds: tuple[int, int],
    max_gap: int,
    slots: NDArray[np.int32],
) -> None:
    """Write the entries of the extended prefixes to `slots` (next free place of each item; -1: none)."""
    tokens, previous, ends = sentences.tokens, sentences.previous, sentences.ends
    if max_gap >= 0:
        _project_near(sentences, entries, bounds, max_gap, slots)
        return
    for e in range(np.uint64(bounds[0]), np.uint64(bounds[1])):
        start = np.uint64(entries[e])
        for j in range(start, np.uint64(ends[start - np.uint64(1)])):
            item = np.uint64(tokens[j])
            slot = slots[item]
            if slot >= 0 and np.uint64(previous[j]) <= start:
                entries[np.uint64(slot)] = np.int32(j) + np.int32(1)
                slots[item] = slot + np.int32(1)


@njit(cache=True, nogil=True)
def _project_near(
    sentences: CompactSentences,
    entries: NDArray[np.int32],
    bounds: tuple[int, int],
    max_gap: int,
    slots: NDArray[np.int32],
) -> None:
    tokens, positions, ends = sentences.tokens, sentences.positions, sentences.ends
    j = np.uint64(0)
    for e in range(np.uint64(bounds[0]), np.uint64(bounds[1])):
        start = np.uint64(entries[e])
        last = start - np.uint64(1)
        end = np.uint64(ends[last])
        j = max(j, start)
        limit = positions[last] + 1 + max_gap
        while j < end and positions[j] <= limit:
            item = np.uint64(tokens[j])
            slot = slots[item]
            if slot >= 0:
                entries[np.uint64(slot)] = np.int32(j) + np.int32(1)
                slots[item] = slot + np.int32(1)
            j += np.uint64(1)


@njit(cache=True, nogil=True)
def project_items(
    sentences: CompactSentences, entries: NDArray[np.int32], max_gap: int, slots: NDArray[np.int32]
) -> None:
    """Write the entries of the single items to `slots`: the first of a sentence, under a gap limit all."""
    tokens, previous = sentences.tokens, sentences.previous
    for j in range(len(tokens)):
        item = np.uint64(tokens[j])
        if slots[item] >= 0 and (max_gap >= 0 or previous[j] == 0):
            entries[slots[item]] = j + 1
            slots[item] += 1
