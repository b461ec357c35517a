"""FREQT: every frequent induced subtree of ordered labelled trees, exactly, and the sentences that hold it.

A subtree is *induced*: its edges are edges of the tree, and children keep their order from left to right; children
may be skipped. Patterns grow depth first by one node on the rightmost path. Of an occurrence only the image of the
rightmost leaf is kept: the images of the path above it are its ancestors.

A node of a pattern is written as ``depth * n_labels + label``, the root at depth 0: a pattern in preorder is then a
sequence of such items, and the patterns form a trie, as those of ``prefixspan.py``.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.errors import OptionError
from neurolect.signatures.mining.trie import PatternTrie
from neurolect.signatures.trees.forest import Forest

MAX_SIZE = 5
"""Nodes of the largest subtree that is mined."""
# Columns of the node table.
PARENT, ITEM, SIZE, SUPPORT, FIRST, LAST = range(6)


class MinedSubtrees(NamedTuple):
    """Frequent subtrees, smaller ones before those that grow from them. P patterns."""

    trie: PatternTrie
    """One node a subtree; items are ``depth * n_labels + label``."""
    size: NDArray[np.int8]
    """Nodes of each subtree, shape (P,)."""
    holder_starts: NDArray[np.int64]
    """Where the sentences of each subtree start in `holders`, shape (P + 1,)."""
    holders: NDArray[np.int32]
    """Sentences that hold each subtree, ascending."""
    max_size: int
    """Subtrees up to this size are complete: fewer nodes than asked for where there were too many."""


def mine_subtrees(
    forest: Forest, *, min_support: int, max_size: int, max_entries: int, workers: int = 1
) -> MinedSubtrees:
    """Find every subtree that `min_support` sentences hold.

    ``max_entries``: Once there are more pairs of sentence and subtree than this, mining starts again with smaller
        subtrees.
    ``workers``: Threads, which share the labels of the root. The result does not depend on it.
    Returns: Single nodes included, by root label.

    Reference: T. Asai et al. (2002), Efficient Substructure Discovery from Large Semi-structured Data, SIAM Data
        Mining; M. Zaki (2002), Efficiently Mining Frequent Trees in a Forest, KDD.
    """
    if not 1 <= max_size <= MAX_SIZE:
        what = f"Subtrees of {max_size} nodes cannot be mined."
        raise OptionError(what, expected=f"max_size from 1 to {MAX_SIZE}")
    if min_support < 1:
        what = f"A subtree cannot be asked to be in {min_support} sentences."
        raise OptionError(what, expected="min_support of 1 or more")
    for size in range(max_size, 0, -1):
        found = _mine(forest, min_support, size, max_entries, workers)
        if found is not None:
            return found
    return _joined([], max_size=0)


def _mine(forest: Forest, min_support: int, max_size: int, max_entries: int, workers: int) -> MinedSubtrees | None:
    """Mine all root labels; None where that makes too many entries."""

    def grow(label: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        grown: tuple[NDArray[np.int32], NDArray[np.int32]] = _grow_subtrees(
            forest, label, min_support, max_size, max_entries
        )
        return grown

    parts = []
    total = 0
    # The labels with most nodes take longest, so they are begun first.
    begun = np.argsort(-np.bincount(forest.labels, minlength=forest.n_labels), kind="stable").tolist()
    with ThreadPoolExecutor(workers) as pool:
        for label, (table, holders) in zip(begun, pool.map(grow, begun), strict=True):
            total += len(holders)
            if total > max_entries or (len(table) and table[0, SUPPORT] < 0):
                pool.shutdown(cancel_futures=True)
                return None
            parts.append((label, table, holders))
    parts.sort(key=lambda part: part[0])
    return _joined([part[1:] for part in parts], max_size=max_size)


def _joined(parts: list[tuple[NDArray[np.int32], NDArray[np.int32]]], *, max_size: int) -> MinedSubtrees:
    """Put the subtrees of all root labels together."""
    tables = [np.empty((0, 6), np.int32)]
    n = 0
    for table, _ in parts:
        moved = table.copy()
        moved[moved[:, PARENT] >= 0, PARENT] += n
        tables.append(moved)
        n += len(table)
    joined = np.concatenate(tables)
    starts = np.concatenate([[0], np.cumsum(joined[:, SUPPORT], dtype=np.int64)])
    holders = np.concatenate([np.empty(0, np.int32), *(each for _, each in parts)])
    trie = PatternTrie(joined[:, PARENT].copy(), joined[:, ITEM].copy())
    return MinedSubtrees(trie, joined[:, SIZE].astype(np.int8), starts, holders, max_size)


@njit(cache=True, nogil=True)
def _grow_subtrees(
    forest: Forest, label: int, min_support: int, max_size: int, max_entries: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Table of the subtrees with one label at the root, and their sentences in the order of the table.

    One row of support -1 where there are more than `max_entries` sentences.
    """
    n_labels = forest.n_labels
    table = np.empty((1024, 6), np.int32)
    entries = _nodes_of(forest, label)  # images of the rightmost leaf, by pattern on the path of the walk
    holders = np.empty(max(1024, len(entries)), np.int32)
    # Of each extension (steps up from the leaf, label): sentences, entries, latest sentence + 1, and where the next
    # sentence and the next entry go.
    counts = np.zeros((5, max_size * n_labels), np.int32)
    seen = np.zeros(len(forest.labels), np.int32)
    serial = 0
    n_held = _hold_nodes(forest, entries, holders)
    if n_held < min_support:
        return table[:0], holders[:0]
    table[0, PARENT], table[0, ITEM], table[0, SIZE], table[0, SUPPORT] = -1, label, 1, n_held
    table[0, FIRST], table[0, LAST] = 0, len(entries)
    following = np.zeros(max_size + 1, np.int64)
    last = np.zeros(max_size + 1, np.int64)
    free = np.zeros(max_size + 1, np.int64)
    n, depth = 1, 1 if max_size > 1 else 0
    last[1], free[1] = 1, len(entries)
    while depth >= 1:
        if following[depth] == last[depth]:
            depth -= 1
            continue
        node = following[depth]
        following[depth] += 1
        deeper = depth + 1 < max_size
        serial = _visit(forest, entries, table[node], counts, seen, serial, holders, False)
        if n + counts.shape[1] > len(table):
            table = _more_rows(table, n)
        first = n
        n, n_held_after, top = _append(table, n, node, n_labels, counts, min_support, n_held, free[depth], deeper)
        if n_held_after > max_entries:
            table[0, SUPPORT] = -1
            return table[:1], holders[:0]
        if n > first:
            entries, holders = _room(entries, top), _room(holders, n_held_after)
            serial = _visit(forest, entries, table[node], counts, seen, serial, holders, True)
            n_held = n_held_after
            if deeper:
                depth += 1
                following[depth], last[depth], free[depth] = first, n, top
        counts[:, : (table[node, ITEM] // n_labels + 1) * n_labels] = 0
    return table[:n].copy(), holders[:n_held].copy()


@njit(cache=True, nogil=True)
def _nodes_of(forest: Forest, label: int) -> NDArray[np.int32]:
    n = 0
    for node in range(len(forest.labels)):
        n += forest.labels[node] == label
    nodes = np.empty(n, np.int32)
    n = 0
    for node in range(len(forest.labels)):
        if forest.labels[node] == label:
            nodes[n] = node
            n += 1
    return nodes


@njit(cache=True, nogil=True)
def _hold_nodes(forest: Forest, entries: NDArray[np.int32], holders: NDArray[np.int32]) -> int:
    n = 0
    for node in entries:
        if n == 0 or holders[n - 1] != forest.sentences[node]:
            holders[n] = forest.sentences[node]
            n += 1
    return n


@njit(cache=True, nogil=True)
def _visit(
    forest: Forest,
    entries: NDArray[np.int32],
    node: NDArray[np.int32],
    counts: NDArray[np.int32],
    seen: NDArray[np.int32],
    serial: int,
    holders: NDArray[np.int32],
    write: bool,  # noqa: FBT001 - numba passes positional arguments
) -> int:
    """Go through the extensions of a pattern: count them or, with room reserved, write their entries and sentences.

    An extension by a sibling `steps` above the leaf may be reached from several entries; `seen` has the number of
    the last visit to a node. Whoever comes to a node that was seen has seen the siblings to its right.
    """
    n_labels = forest.n_labels
    for steps in range(node[ITEM] // n_labels + 1):
        serial += 1
        base = steps * n_labels
        for e in range(node[FIRST], node[LAST]):
            at = entries[np.uint64(e)]
            if steps == 0:
                at = forest.first_child[np.uint64(at)]
            else:
                for _ in range(steps - 1):
                    at = forest.parents[np.uint64(at)]
                at = forest.next_sibling[np.uint64(at)]
            while at >= 0 and seen[np.uint64(at)] != serial:
                seen[np.uint64(at)] = serial
                k = np.uint64(base + forest.labels[np.uint64(at)])
                sentence = forest.sentences[np.uint64(at)] + np.int32(1)
                if not write:
                    counts[1, k] += 1
                    counts[0, k] += np.int32(counts[2, k] != sentence)
                    counts[2, k] = sentence
                elif counts[3, k] >= 0:
                    if counts[2, k] != sentence:
                        counts[2, k] = sentence
                        holders[counts[3, k]] = sentence - np.int32(1)
                        counts[3, k] += 1
                    if counts[4, k] >= 0:
                        entries[counts[4, k]] = at
                        counts[4, k] += 1
                at = forest.next_sibling[np.uint64(at)]
    return serial


@njit(cache=True, nogil=True)
def _append(
    table: NDArray[np.int32],
    n: int,
    parent: int,
    n_labels: int,
    counts: NDArray[np.int32],
    min_support: int,
    n_held: int,
    top: int,
    deeper: bool,  # noqa: FBT001
) -> tuple[int, int, int]:
    """Append the frequent extensions of `parent`; reserve room for their sentences and, to grow on, entries."""
    level = table[parent, ITEM] // n_labels
    for k in range((level + 1) * n_labels):
        counts[2, k] = 0
        counts[3, k] = counts[4, k] = -1
        if counts[0, k] >= min_support:
            row = table[n]
            row[PARENT], row[ITEM] = parent, (level + 1 - k // n_labels) * n_labels + k % n_labels
            row[SIZE], row[SUPPORT] = table[parent, SIZE] + 1, counts[0, k]
            counts[3, k] = n_held
            n_held += counts[0, k]
            row[FIRST] = top
            if deeper:
                counts[4, k] = top
                top += counts[1, k]
            row[LAST] = top
            n += 1
    return n, n_held, top


@njit(cache=True, nogil=True)
def _more_rows(table: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    larger = np.empty((2 * n + 4096, table.shape[1]), np.int32)
    for row in range(n):
        for k in range(table.shape[1]):
            larger[row, k] = table[row, k]
    return larger


@njit(cache=True, nogil=True)
def _room(values: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    """Give the same values room for `n`."""
    if n <= len(values):
        return values
    larger = np.empty(2 * n, np.int32)
    for k in range(len(values)):
        larger[k] = values[k]
    return larger
