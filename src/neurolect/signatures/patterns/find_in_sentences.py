"""Find which of many patterns each sentence holds: one walk over a trie of all patterns.

The trie is a hash table from (node, item) to node; node 0 is the root.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

ANY_GAP = -1
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


class PatternTable(NamedTuple):
    """Patterns as a trie in a hash table."""

    keys: NDArray[np.int64]
    """``node * n_items + item``, or -1, shape (a power of two,)."""
    children: NDArray[np.int32]
    """Node that the key leads to."""
    patterns: NDArray[np.int32]
    """Pattern that ends at each node, or -1, shape (n_nodes,)."""
    first: NDArray[np.int32]
    """Node of each item that a pattern starts with, or 0, shape (n_items,)."""
    n_items: int
    """Number of item codes."""


def build_table(items: NDArray[np.int32], offsets: NDArray[np.int64], *, n_items: int) -> PatternTable:
    """Put patterns into a trie.

    ``items``: int32, shape (n,). Items of all patterns, flat; a pattern with a negative item (one that no sentence
        has) is left out.
    ``offsets``: int64, shape (n_patterns + 1,). Where each pattern starts.
    """
    size = 16
    while size < 2 * len(items) + 2:
        size *= 2
    keys = np.full(size, -1, dtype=np.int64)
    children = np.zeros(size, dtype=np.int32)
    patterns = np.full(len(items) + 1, -1, dtype=np.int32)
    first = np.zeros(n_items, dtype=np.int32)
    n_nodes = _insert(items, offsets, np.int64(n_items), keys, children, patterns, first)
    return PatternTable(keys, children, patterns[:n_nodes], first, n_items)


def find_patterns(
    codes: NDArray[np.int32], offsets: NDArray[np.int64], table: PatternTable, *, max_gap: int, max_length: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Find the patterns of every sentence.

    ``codes``: int32, shape (n_tokens,). Item of each token.
    ``offsets``: int64, shape (n_sentences + 1,). Where each sentence starts.
    ``max_gap``: Most places skipped between two neighbouring items; -1 for any number.
    Returns: offsets: int64, shape (n_sentences + 1,). Where each sentence's patterns start.
    Returns: patterns: int32, shape (n,). Ascending and distinct within a sentence.
    """
    stamp = np.full(len(table.patterns), -1, dtype=np.int64)
    stack = np.zeros((max_length + 1, 3), dtype=np.int64)
    out = np.empty(max(1024, 16 * (len(offsets) - 1)), dtype=np.int32)
    ends = np.zeros(len(offsets), dtype=np.int64)
    start = 0
    while True:
        start, n = _find(codes, offsets, *table, max_gap, stamp, stack, out, ends, start)
        if start == len(offsets) - 1:
            return ends, out[:n].copy()
        stamp[:] = -1
        out = np.concatenate([out, np.empty_like(out)])


@njit(nogil=True, cache=True)
def child_of(keys: NDArray[np.int64], children: NDArray[np.int32], key: int) -> np.int64:
    """Look up where ``node * n_items + item`` leads; 0 for nowhere."""
    mask = np.uint64(len(keys) - 1)
    at = (np.uint64(key) * _SPREAD >> np.uint64(20)) & mask
    while keys[at] != -1:
        if keys[at] == key:
            return np.int64(children[at])
        at = (at + np.uint64(1)) & mask
    return np.int64(0)


@njit(nogil=True, cache=True)
def _insert(
    items: NDArray[np.int32],
    offsets: NDArray[np.int64],
    n_items: int,
    keys: NDArray[np.int64],
    children: NDArray[np.int32],
    patterns: NDArray[np.int32],
    first: NDArray[np.int32],
) -> int:
    mask = np.uint64(len(keys) - 1)
    n_nodes = 1
    for pattern in range(len(offsets) - 1):
        known = True
        for place in range(offsets[pattern], offsets[pattern + 1]):
            known = known and items[place] >= 0
        if not known:
            continue
        node = np.int64(0)
        for place in range(offsets[pattern], offsets[pattern + 1]):
            key = node * n_items + items[place]
            at = (np.uint64(key) * _SPREAD >> np.uint64(20)) & mask
            while keys[at] != -1 and keys[at] != key:
                at = (at + np.uint64(1)) & mask
            if keys[at] == -1:
                keys[at] = key
                children[at] = n_nodes
                if node == 0:
                    first[items[place]] = n_nodes
                n_nodes += 1
            node = np.int64(children[at])
        patterns[node] = pattern
    return n_nodes


@njit(nogil=True, cache=True)
def _find(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    keys: NDArray[np.int64],
    children: NDArray[np.int32],
    patterns: NDArray[np.int32],
    first: NDArray[np.int32],
    n_items: int,
    max_gap: int,
    stamp: NDArray[np.int64],
    stack: NDArray[np.int64],
    out: NDArray[np.int32],
    ends: NDArray[np.int64],
    start: int,
) -> tuple[int, int]:
    """Go from a sentence on until all are done or `out` may be too small; give the next sentence and the entries.

    With any gap the first way to a node ends earliest, so later ones are not followed.
    """
    n = ends[start]
    deepest = len(stack) - 1
    for sentence in range(start, len(offsets) - 1):
        begin, end = offsets[sentence], offsets[sentence + 1]
        for position in range(begin, end):
            node = np.int64(first[codes[position]])
            if node == 0 or (max_gap < 0 and stamp[node] == sentence):
                continue
            stamp[node] = sentence
            depth = 0
            stack[0, 0], stack[0, 1] = node, position + 1
            stack[0, 2] = end if max_gap < 0 else min(end, position + 2 + max_gap)
            while depth >= 0:
                if stack[depth, 1] >= stack[depth, 2]:
                    depth -= 1
                    continue
                at = stack[depth, 1]
                stack[depth, 1] += 1
                node = child_of(keys, children, stack[depth, 0] * n_items + codes[at])
                if node == 0 or (max_gap < 0 and stamp[node] == sentence):
                    continue
                if stamp[node] != sentence:
                    stamp[node] = sentence
                    if patterns[node] >= 0:
                        if n == len(out):
                            return sentence, ends[sentence]
                        out[n] = patterns[node]
                        n += 1
                if depth + 1 < deepest:
                    depth += 1
                    stack[depth, 0], stack[depth, 1] = node, at + 1
                    stack[depth, 2] = end if max_gap < 0 else min(end, at + 2 + max_gap)
        out[ends[sentence] : n].sort()
        ends[sentence + 1] = n
    return len(offsets) - 1, n
