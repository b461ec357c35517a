"""Which patterns are those of one item less: what decides whether a pattern is closed or maximal.

A pattern of a list is *maximal* if no frequent pattern of the list is the same with one item more, and *closed* if
none of these has the same support. Both are meant among the patterns up to the length that was mined. With a limit
on gaps, "a c" is a part of "a b c" though a sentence may hold the longer one only.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.signatures.mining.trie import PatternTrie, hashed_nodes, node_slot

LONGEST = 5
ROOT, ABSENT = -1, -2
CLOSED, MAXIMAL = np.uint8(1), np.uint8(2)


def shorter_sequences(trie: PatternTrie, *, length: NDArray[np.int8]) -> NDArray[np.int32]:
    """Find every sequence with any one item left out.

    ``length``: int8, shape (P,). Items of each.
    Returns: int32, shape (P, 5). In column k the node of the pattern without its item k; negative where there is
        none.
    """
    return _of_sequences(trie.parent, trie.item, hashed_nodes(trie), length)  # type: ignore[no-any-return]


def shorter_trees(trie: PatternTrie, *, length: NDArray[np.int8], n_labels: int) -> NDArray[np.int32]:
    """Find every subtree with any one leaf, or a root of one child, left out.

    ``trie``: Frequent subtrees, P nodes; items are ``depth * n_labels + label``.
    ``length``: int8, shape (P,). Nodes of each.
    Returns: int32, shape (P, 5). In column k the number of the subtree without its node k in preorder; negative
        where that is none.
    """
    return _of_trees(trie.parent, trie.item, hashed_nodes(trie), length, n_labels)  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)
def _child(
    parents: NDArray[np.int32], items: NDArray[np.int32], slots: NDArray[np.int32], node: int, item: int
) -> int:
    """Node that extends another by an item."""
    if node == ABSENT:
        return ABSENT
    found = slots[node_slot(parents, items, slots, node, item)]
    return found if found >= 0 else ABSENT


@njit(cache=True, nogil=True)
def _of_sequences(
    parents: NDArray[np.int32], items: NDArray[np.int32], slots: NDArray[np.int32], length: NDArray[np.int8]
) -> NDArray[np.int32]:
    shorter = np.full((len(parents), LONGEST), ABSENT, np.int32)
    for node in range(len(parents)):
        n = length[node]
        for k in range(n - 1):
            shorter[node, k] = _child(parents, items, slots, shorter[parents[node], k], items[node])
        shorter[node, n - 1] = parents[node]
    return shorter


@njit(cache=True, nogil=True)
def _of_trees(
    parents: NDArray[np.int32],
    items: NDArray[np.int32],
    slots: NDArray[np.int32],
    length: NDArray[np.int8],
    n_labels: int,
) -> NDArray[np.int32]:
    shorter = np.full((len(parents), LONGEST), ABSENT, np.int32)
    for node in range(len(parents)):
        n, above, item = length[node], parents[node], items[node]
        shorter[node, n - 1] = above
        if n > 1 and (n == 2 or item >= 2 * n_labels):  # the root has one child: all move up
            shorter[node, 0] = _child(parents, items, slots, shorter[above, 0], item - n_labels)
        for k in range(1, n - 1):
            leaf_no_more = k == n - 2 and item // n_labels == items[above] // n_labels + 1
            if not leaf_no_more:
                shorter[node, k] = _child(parents, items, slots, shorter[above, k], item)
    return shorter


@njit(cache=True, nogil=True)
def closed_or_maximal(
    chosen: NDArray[np.int64], shorter: NDArray[np.int32], support: NDArray[np.int32], marks: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Say which of a list's frequent patterns are closed and which are maximal.

    ``chosen``: int64, shape (C,). The frequent patterns of the list.
    ``shorter``: int32, shape (P, 5). From :func:`shorter_sequences` or :func:`shorter_trees`.
    ``support``: int32, shape (P,). Sentences of the list that hold each pattern.
    ``marks``: uint8, shape (P,). Zeros to work with, which are zeros again afterwards.
    Returns: uint8, shape (C,). Sum of `CLOSED` and `MAXIMAL`.
    """
    for number in chosen:
        for part in shorter[number]:
            if part >= 0:
                marks[part] |= MAXIMAL
                if support[part] == support[number]:
                    marks[part] |= CLOSED
    flags = np.empty(len(chosen), np.uint8)
    for k in range(len(chosen)):
        flags[k] = (CLOSED | MAXIMAL) & ~marks[chosen[k]]
    for number in chosen:
        marks[number] = 0
        for part in shorter[number]:
            if part >= 0:
                marks[part] = 0
    return flags
