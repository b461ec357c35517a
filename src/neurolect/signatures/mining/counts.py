"""In how many sentences of a set each of many given patterns occurs, by one walk over their trie.

Patterns with a common prefix share the work of finding it. The sentences are taken in blocks, which bounds the
memory and gives threads something to share.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.signatures.mining.projections import (
    ANY_GAP,
    CompactSentences,
    compact_sentences,
    count_extensions,
    project,
    project_items,
)
from neurolect.signatures.mining.trie import PatternTrie

BLOCK = 16_384
"""Sentences of a block; about 40 bytes a token and 24 bytes a pattern are in use for each worker."""


def count_patterns(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    *,
    trie: PatternTrie,
    rows: NDArray[np.int64],
    max_gap: int | None = None,
    workers: int = 1,
) -> NDArray[np.int64]:
    """Count the sentences that hold each pattern, each sentence once.

    ``codes``: int32, shape (n_tokens,). Item codes of all sentences; a negative code is a place without an item.
    ``offsets``: int64, shape (n_sentences + 1,). Sentence ``s`` is ``codes[offsets[s]:offsets[s + 1]]``.
    ``rows``: int64, shape (n_rows,). Sentences to count in, distinct, each from 0 to ``n_sentences - 1``.
    ``max_gap``: Most places skipped between two neighbouring items of a pattern; None for any number, 0 for
        contiguous.
    Returns: int64, shape (P,). Sentences that hold each pattern.

    Examples
    --------
    >>> codes, offsets = np.array([5, 6, 7, 5, 7], np.int32), np.array([0, 3, 5])
    >>> trie = PatternTrie(np.array([-1, 0], np.int32), np.array([5, 7], np.int32))
    >>> count_patterns(codes, offsets, trie=trie, rows=np.arange(2)).tolist()
    [2, 2]
    >>> count_patterns(codes, offsets, trie=trie, rows=np.arange(2), max_gap=0).tolist()
    [2, 1]
    """
    totals = np.zeros(len(trie.parent), np.int64)
    if not len(totals):
        return totals
    rows = np.ascontiguousarray(rows, dtype=np.int64)
    allowed = np.zeros(max(int(codes.max(initial=-1)), int(trie.item.max())) + 1, np.bool_)
    allowed[trie.item] = True
    children, first, last = _children(trie)
    gap = ANY_GAP if max_gap is None else max_gap

    def count_block(block: NDArray[np.int64]) -> NDArray[np.int32]:
        sentences = compact_sentences(codes, offsets, rows=block, allowed=allowed, min_support=1)
        local = np.full(len(allowed), -1, np.int32)
        local[sentences.items] = np.arange(len(sentences.items), dtype=np.int32)
        return _walk(sentences, local[trie.item], children, first, last, gap)  # type: ignore[no-any-return]

    with ThreadPoolExecutor(workers) as pool:
        for counts in pool.map(count_block, _blocks(rows)):
            totals += counts
    return totals


def _blocks(rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(rows), BLOCK):
        yield rows[start : start + BLOCK]


def _children(trie: PatternTrie) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Nodes by parent; where the children of each node begin and end, the root's at the very end."""
    children = np.argsort(trie.parent, kind="stable").astype(np.int32)
    nodes = np.append(np.arange(len(children)), -1)
    parents = trie.parent[children]
    first = np.searchsorted(parents, nodes, side="left").astype(np.int64)
    last = np.searchsorted(parents, nodes, side="right").astype(np.int64)
    return children, first, last


@njit(cache=True, nogil=True)
def _walk(
    sentences: CompactSentences,
    items: NDArray[np.int32],
    children: NDArray[np.int32],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    max_gap: int,
) -> NDArray[np.int32]:
    """Sentences of one block that hold each node's pattern. `items`: local codes, -1 where the block lacks it."""
    n_items, n_tokens = len(sentences.items), len(sentences.tokens)
    totals = np.zeros(len(items), np.int32)
    spans = np.zeros((len(items), 2), np.int32)  # entries of the nodes on the path and their siblings
    entries = np.empty(4 * n_tokens + 1, np.int32)
    counts = np.zeros((2, n_items), np.int32)  # sentences, entries
    stamps = np.zeros(n_items + 1, np.int64)
    slots = np.full(n_items, -1, np.int32)
    following = [first[-1]]
    ends = [last[-1]]
    free = [0]
    for item, previous in zip(sentences.tokens, sentences.previous):  # noqa: B905 - numba has no strict zip
        counts[0, item] += np.int32(previous == 0)
        counts[1, item] += np.int32(max_gap >= 0 or previous == 0)
    free[0] = _enter(children[first[-1] : last[-1]], items, first, last, counts, 0, totals, spans, slots)
    project_items(sentences, entries, max_gap, slots)
    _clear(children[first[-1] : last[-1]], items, slots)
    while following:
        if following[-1] == ends[-1]:
            following.pop()
            ends.pop()
            free.pop()
            continue
        node = children[following[-1]]
        following[-1] += 1
        bounds = (np.int64(spans[node, 0]), np.int64(spans[node, 1]))
        if bounds[0] == bounds[1]:
            continue
        below = children[first[node] : last[node]]
        if len(entries) < free[-1] + n_tokens:
            entries = _enlarged(entries, free[-1] + n_tokens)
        _count(sentences, entries, bounds, max_gap, below, items, counts, stamps)
        top = _enter(below, items, first, last, counts, free[-1], totals, spans, slots)
        if top > free[-1]:
            project(sentences, entries, bounds, max_gap, slots)
            following.append(first[node])
            ends.append(last[node])
            free.append(top)
        _clear(below, items, slots)
    return totals


@njit(cache=True, nogil=True)
def _count(
    sentences: CompactSentences,
    entries: NDArray[np.int32],
    bounds: tuple[int, int],
    max_gap: int,
    below: NDArray[np.int32],
    items: NDArray[np.int32],
    counts: NDArray[np.int32],
    stamps: NDArray[np.int64],
) -> None:
    """Count the extensions of a node by its children; what other items count to is never read."""
    for child in below:
        if items[child] >= 0:
            counts[0, items[child]] = 0
            counts[1, items[child]] = 0
    count_extensions(sentences, entries, bounds, max_gap, counts[0], counts[1], stamps)
    if max_gap < 0:
        for child in below:
            if items[child] >= 0:
                counts[1, items[child]] = counts[0, items[child]]


@njit(cache=True, nogil=True)
def _enter(
    below: NDArray[np.int32],
    items: NDArray[np.int32],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    counts: NDArray[np.int32],
    top: int,
    totals: NDArray[np.int32],
    spans: NDArray[np.int32],
    slots: NDArray[np.int32],
) -> int:
    """Note the children's counts, and reserve entries from `top` on for those that have children."""
    for child in below:
        item = items[child]
        spans[child, 0] = top
        if item >= 0:
            totals[child] = counts[0, item]
            if first[child] < last[child] and counts[0, item] > 0:
                slots[item] = top
                top += counts[1, item]
        spans[child, 1] = top
    return top


@njit(cache=True, nogil=True)
def _clear(below: NDArray[np.int32], items: NDArray[np.int32], slots: NDArray[np.int32]) -> None:
    for child in below:
        if items[child] >= 0:
            slots[items[child]] = -1


@njit(cache=True, nogil=True)
def _enlarged(entries: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    larger = np.empty(2 * n, np.int32)
    for k in range(len(entries)):  # quicker to compile than an assignment of slices
        larger[k] = entries[k]
    return larger
