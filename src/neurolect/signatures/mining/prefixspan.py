"""PrefixSpan: every frequent skip n-gram of a list of sentences, exactly.

A pattern is a sequence of items; a sentence holds it if its items come in that order, with gaps. It counts once per
sentence. Patterns grow depth first by one item at the right, each from the entries of its prefix (see
``projections.py``).
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.errors import OptionError
from neurolect.signatures.mining.projections import (
    ANY_GAP,
    CompactSentences,
    compact_sentences,
    count_extensions,
    project,
    project_items,
)
from neurolect.signatures.mining.trie import PatternTrie

MAX_LENGTH = 5
"""Longest pattern that is mined."""


class MinedPatterns(NamedTuple):
    """The frequent patterns of a list, prefixes before extensions, siblings by item code."""

    trie: PatternTrie
    """One node a pattern, P nodes."""
    length: NDArray[np.int8]
    """Items of each pattern, shape (P,)."""
    support: NDArray[np.int32]
    """Sentences that hold it, shape (P,)."""
    support_marked: NDArray[np.int32]
    """How many of these are among the first ``n_marked`` rows, shape (P,)."""
    max_length: int
    """Patterns up to this length are complete."""
    truncated: bool
    """Whether that is less than was asked for, since ``max_patterns`` or ``max_entries`` was passed."""


# Columns of the node table.
PARENT, ITEM, SUPPORT, MARKED, LENGTH, FIRST, LAST = range(7)


def mine_patterns(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    *,
    rows: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    min_support: int,
    max_length: int,
    max_gap: int | None = None,
    max_patterns: int = 200_000,
    max_entries: int = 100_000_000,
    n_marked: int = 0,
) -> MinedPatterns:
    """Find every pattern that ``min_support`` sentences of a list hold.

    ``codes``: int32, shape (n_tokens,). Item codes of all sentences; a negative code is a place without an item.
    ``offsets``: int64, shape (n_sentences + 1,). Sentence ``s`` is ``codes[offsets[s]:offsets[s + 1]]``.
    ``rows``: int64, shape (n_rows,). The list: distinct sentences, each from 0 to ``n_sentences - 1``.
    ``allowed``: bool, shape (n_codes,). Whether an item may be part of a pattern. Items left out still count in
        gaps.
    ``max_gap``: Most places skipped between two neighbouring items of a pattern; None for any number, 0 for
        contiguous.
    ``max_patterns``: Once more patterns than this are found, mining starts again with a shorter length, so that
        what is returned is complete up to its ``max_length``. Single items are returned in any case.
    ``max_entries``: The same for pairs of pattern and sentence, of which the time is made: templated text, whose
        sentences all hold the same patterns, has few patterns and yet too many of these.
    ``n_marked``: Support is also counted among the first so many rows.
    Returns: All frequent patterns up to its ``max_length``, single items included.

    Reference: J. Pei et al. (2004), Mining Sequential Patterns by Pattern-Growth: The PrefixSpan Approach, IEEE
        TKDE 16(11).
    """
    _check_bounds(min_support, max_length, max_gap, min(max_patterns, max_entries))
    rows = np.ascontiguousarray(rows, dtype=np.int64)
    sentences = compact_sentences(codes, offsets, rows=rows, allowed=allowed, min_support=min_support)
    gap = ANY_GAP if max_gap is None else max_gap
    length = max_length
    table = _grow_patterns(sentences, n_marked, min_support, length, gap, max_patterns, max_entries)
    while not len(table) and len(sentences.items) and length > 1:
        length -= 1
        table = _grow_patterns(sentences, n_marked, min_support, length, gap, max_patterns, max_entries)
    return MinedPatterns(
        PatternTrie(table[:, PARENT].copy(), sentences.items[table[:, ITEM]]),
        table[:, LENGTH].astype(np.int8),
        table[:, SUPPORT].copy(),
        table[:, MARKED].copy(),
        length,
        length < max_length,
    )


def _check_bounds(min_support: int, max_length: int, max_gap: int | None, max_patterns: int) -> None:
    if min_support < 1:
        what = f"A pattern cannot be asked to be in {min_support} sentences."
        raise OptionError(what, expected="min_support of 1 or more")
    if not 1 <= max_length <= MAX_LENGTH:
        what = f"Patterns of {max_length} items cannot be mined."
        raise OptionError(what, expected=f"max_length from 1 to {MAX_LENGTH}")
    if max_gap is not None and max_gap < 0:
        what = f"A gap cannot be limited to {max_gap} places."
        raise OptionError(what, expected="max_gap of 0 (contiguous) or more, or none for any gap")
    if max_patterns < 1:
        what = f"A list cannot be limited to {max_patterns} patterns."
        raise OptionError(what, expected="max_patterns of 1 or more")


@njit(cache=True, nogil=True)
def _grow_patterns(
    sentences: CompactSentences,
    n_marked: int,
    min_support: int,
    max_length: int,
    max_gap: int,
    max_patterns: int,
    max_entries: int,
) -> NDArray[np.int32]:
    """Node table of all patterns; empty where there are more than `max_patterns`, or sentences of them."""
    n_items = len(sentences.items)
    table = np.empty((max(1024, 4 * n_items), 7), np.int32)
    # At each depth the children of one prefix have at most one entry a token.
    entries = np.empty((max_length - 1) * len(sentences.tokens) + 1, np.int32)
    counts = np.zeros((3, n_items), np.int32)  # sentences, marked sentences, entries
    stamps = np.zeros(n_items + 1, np.int64)
    slots = np.full(n_items, -1, np.int32)
    marked_end = sentences.starts[min(n_marked, len(sentences.starts) - 1)]
    _count_items(sentences, marked_end, max_gap, counts)
    n, top = _append(table, 0, -1, 0, counts, min_support, slots, max_length > 1)
    if max_length == 1:
        return table[:n]
    project_items(sentences, entries, max_gap, slots)
    slots[:] = -1
    following = np.zeros(max_length + 1, np.int64)  # per depth: next prefix to extend, last, free arena
    last = np.zeros(max_length + 1, np.int64)
    free = np.zeros(max_length + 1, np.int64)
    depth = 1
    last[1], free[1] = n, top
    n_held = np.int64(0)
    for row in range(n):
        n_held += table[row, SUPPORT]
    while depth >= 1:
        if following[depth] == last[depth]:
            depth -= 1
            continue
        node = following[depth]
        following[depth] += 1
        _count(sentences, entries, table[node], marked_end, max_gap, counts, stamps)
        if n + n_items > len(table):
            table = _enlarged(table, n)
        deeper = depth + 1 < max_length
        first = n
        n, top = _append(table, n, node, free[depth], counts, min_support, slots, deeper)
        for row in range(first, n):
            n_held += table[row, SUPPORT]
        if n > max_patterns or n_held > max_entries:
            return table[:0]
        if deeper and n > first:
            bounds = (np.int64(table[node, FIRST]), np.int64(table[node, LAST]))
            project(sentences, entries, bounds, max_gap, slots)
            slots[:] = -1
            depth += 1
            following[depth], last[depth], free[depth] = first, n, top
    return table[:n]


@njit(cache=True, nogil=True)
def _count_items(sentences: CompactSentences, marked_end: int, max_gap: int, counts: NDArray[np.int32]) -> None:
    for j in range(len(sentences.tokens)):
        item = np.uint64(sentences.tokens[j])
        counts[0, item] += np.int32(sentences.previous[j] == 0)
        counts[1, item] += np.int32(sentences.previous[j] == 0 and j < marked_end)
        counts[2, item] += np.int32(max_gap >= 0 or sentences.previous[j] == 0)


@njit(cache=True, nogil=True)
def _count(
    sentences: CompactSentences,
    entries: NDArray[np.int32],
    node: NDArray[np.int32],
    marked_end: int,
    max_gap: int,
    counts: NDArray[np.int32],
    stamps: NDArray[np.int64],
) -> None:
    """Count the extensions of a node: in sentences, in marked sentences, in entries."""
    counts[:] = 0
    bounds = (np.int64(node[FIRST]), np.int64(node[LAST]))
    middle = _first_after(entries, bounds, marked_end)
    if middle > bounds[0]:
        count_extensions(sentences, entries, (bounds[0], middle), max_gap, counts[0], counts[2], stamps)
        _copy(counts[0], counts[1])
    count_extensions(sentences, entries, (middle, bounds[1]), max_gap, counts[0], counts[2], stamps)
    if max_gap < 0:
        _copy(counts[0], counts[2])


@njit(cache=True, nogil=True)
def _first_after(entries: NDArray[np.int32], bounds: tuple[int, int], marked_end: int) -> int:
    """Where the entries of marked rows end: they come in the order of the rows, so these come first."""
    low, high = bounds
    while low < high:
        middle = (low + high) // 2
        if entries[middle] <= marked_end:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _copy(source: NDArray[np.int32], target: NDArray[np.int32]) -> None:
    # An assignment of slices would do, but takes a second to compile, for its checks of shapes.
    for k in range(len(source)):
        target[k] = source[k]


@njit(cache=True, nogil=True)
def _append(
    table: NDArray[np.int32],
    n: int,
    parent: int,
    top: int,
    counts: NDArray[np.int32],
    min_support: int,
    slots: NDArray[np.int32],
    deeper: bool,  # noqa: FBT001 - numba passes positional arguments
) -> tuple[int, int]:
    """Append the frequent extensions of `parent`, and reserve their entries from `top` on if they grow further."""
    length = np.int32(1) if parent < 0 else table[parent, LENGTH] + np.int32(1)
    for item in range(counts.shape[1]):
        if counts[0, item] >= min_support:
            node = table[n]
            node[PARENT], node[ITEM], node[LENGTH] = parent, item, length
            node[SUPPORT], node[MARKED] = counts[0, item], counts[1, item]
            node[FIRST] = top
            if deeper:
                slots[item] = top
                top += counts[2, item]
            node[LAST] = top
            n += 1
    return n, top


@njit(cache=True, nogil=True)
def _enlarged(table: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    larger = np.empty((2 * len(table), table.shape[1]), np.int32)
    for node in range(n):
        _copy(table[node], larger[node])
    return larger
