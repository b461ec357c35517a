"""Patterns as a trie: one node a pattern, its parent the pattern without the last item.

Dims: P nodes. Parents come before their children, so one pass in order sees every prefix first.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


class PatternTrie(NamedTuple):
    """Patterns as nodes; siblings have distinct items."""

    parent: NDArray[np.int32]
    """Node of the pattern without its last item, shape (P,); -1 for single items; smaller than the node."""
    item: NDArray[np.int32]
    """Code of the last item, shape (P,)."""


def pattern_items(trie: PatternTrie, nodes: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Write patterns out as flat items.

    ``nodes``: int32, shape (R,). Which of them.
    Returns: items: int32, flat. Item codes, pattern after pattern.
    Returns: offsets: int64, shape (R + 1,). Pattern ``r`` is ``items[offsets[r]:offsets[r + 1]]``.

    Examples
    --------
    >>> trie = PatternTrie(np.array([-1, 0], np.int32), np.array([7, 4], np.int32))
    >>> [each.tolist() for each in pattern_items(trie, np.array([1, 0], np.int32))]
    [[7, 4, 7], [0, 2, 3]]
    """
    steps = []
    at = np.asarray(nodes, dtype=np.int32)
    lengths = np.zeros(len(at), np.int64)
    while (at >= 0).any():
        steps.append((at, lengths.copy()))
        lengths += at >= 0
        at = np.where(at >= 0, trie.parent[at], -1).astype(np.int32)
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    items = np.empty(int(offsets[-1]), np.int32)
    for step, (at, _) in enumerate(steps):
        there = at >= 0
        items[offsets[1:][there] - 1 - step] = trie.item[at[there]]
    return items, offsets


def padded_items(trie: PatternTrie, nodes: NDArray[np.int32], *, length: int) -> NDArray[np.int32]:
    """Write patterns out as a table.

    ``nodes``: int32, shape (R,). Which of them.
    Returns: int32, shape (R, length). Item codes, -1 after the last.
    """
    items, offsets = pattern_items(trie, nodes)
    lengths = np.diff(offsets)
    table = np.full((len(lengths), length), -1, np.int32)
    table[np.arange(length) < lengths[:, None]] = items
    return table


def pruned(trie: PatternTrie, nodes: NDArray[np.int32]) -> tuple[PatternTrie, NDArray[np.int32]]:
    """Keep some patterns and their prefixes.

    ``nodes``: int32, shape (R,). Those to keep.
    Returns: nodes: int32, shape (R,). Where the kept patterns are now.
    """
    keep = np.zeros(len(trie.parent), np.bool_)
    above = nodes
    while len(above):
        keep[above] = True
        above = trie.parent[above]
        above = above[above >= 0]
    number = np.cumsum(keep, dtype=np.int32) - np.int32(1)
    parent = trie.parent[keep]
    parent[parent >= 0] = number[parent[parent >= 0]]
    return PatternTrie(parent, trie.item[keep]), number[nodes]


def pattern_hashes(trie: PatternTrie) -> NDArray[np.int64]:
    """Give every pattern a number that depends on its items only.

    Returns: int64, shape (P,). Of a million patterns, two share one with probability 3e-8.
    """
    return _hashes(trie.parent, trie.item)  # type: ignore[no-any-return]


class TrieUnion:
    """The union of many tries: every distinct pattern gets one node.

    Nodes are numbered in the order in which their patterns first come, so the same tries in the same order give
    the same union.
    """

    def __init__(self) -> None:
        self._parent = np.empty(1024, np.int32)
        self._item = np.empty(1024, np.int32)
        self._slots = np.full(4096, -1, np.int32)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def update(self, trie: PatternTrie) -> NDArray[np.int32]:
        """Add the patterns of a trie.

        Returns: int32, shape (P,). The node of each of the trie's patterns in the union.
        """
        self._reserve(self._size + len(trie.parent))
        nodes = np.empty(len(trie.parent), np.int32)
        self._size = _insert(trie.parent, trie.item, nodes, self._parent, self._item, self._slots, self._size)
        return nodes

    def trie(self) -> PatternTrie:
        """Give the union as a trie (views; the next `update` may leave them behind)."""
        return PatternTrie(self._parent[: self._size], self._item[: self._size])

    def _reserve(self, n: int) -> None:
        if n > len(self._parent):
            capacity = max(n, 2 * len(self._parent))
            self._parent = np.resize(self._parent, capacity)
            self._item = np.resize(self._item, capacity)
        if 2 * n > len(self._slots):
            self._slots = np.full(1 << (4 * n - 1).bit_length(), -1, np.int32)
            _rehash(self._parent, self._item, self._slots, self._size)


def hashed_nodes(trie: PatternTrie) -> NDArray[np.int32]:
    """Make a table in which :func:`node_slot` finds the node of a parent and an item.

    Returns: int32, shape (n_slots,). Nodes, and -1 for free slots.
    """
    slots = np.full(1 << (4 * len(trie.parent) + 4).bit_length(), -1, np.int32)
    _rehash(trie.parent, trie.item, slots, len(trie.parent))
    return slots


@njit(cache=True, nogil=True)
def node_slot(
    parents: NDArray[np.int32], items: NDArray[np.int32], slots: NDArray[np.int32], parent: int, item: int
) -> int:
    """Slot of the node (parent, item), or the free slot it would go to."""
    mask = len(slots) - 1
    # Products of two 32-bit numbers: mixed well enough, and never out of 64 bits.
    mixed = (np.int64(parent) + 1) * 2654435761 ^ np.int64(item) * 2246822519
    at = (mixed ^ (mixed >> 29)) & mask
    while slots[at] >= 0 and (parents[slots[at]] != parent or items[slots[at]] != item):
        at = (at + 1) & mask
    return int(at)


@njit(cache=True, nogil=True)
def _hashes(parent: NDArray[np.int32], item: NDArray[np.int32]) -> NDArray[np.int64]:
    hashes = np.empty(len(parent), np.uint64)
    for node in range(len(parent)):
        above = hashes[parent[node]] if parent[node] >= 0 else np.uint64(0)
        # The mixing steps of splitmix64.
        mixed = above * np.uint64(0x9E3779B97F4A7C15) + np.uint64(item[node]) + np.uint64(1)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        hashes[node] = mixed ^ (mixed >> np.uint64(31))
    return hashes.view(np.int64)


@njit(cache=True, nogil=True)
def _insert(
    new_parent: NDArray[np.int32],
    new_item: NDArray[np.int32],
    nodes: NDArray[np.int32],
    parents: NDArray[np.int32],
    items: NDArray[np.int32],
    slots: NDArray[np.int32],
    size: int,
) -> int:
    for k in range(len(new_parent)):
        parent = nodes[new_parent[k]] if new_parent[k] >= 0 else np.int32(-1)
        at = node_slot(parents, items, slots, parent, new_item[k])
        if slots[at] < 0:
            slots[at] = size
            parents[size] = parent
            items[size] = new_item[k]
            size += 1
        nodes[k] = slots[at]
    return size


@njit(cache=True, nogil=True)
def _rehash(parents: NDArray[np.int32], items: NDArray[np.int32], slots: NDArray[np.int32], size: int) -> None:
    for node in range(size):
        slots[node_slot(parents, items, slots, parents[node], items[node])] = node
