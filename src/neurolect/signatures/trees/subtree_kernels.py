"""Find which of many subtrees each sentence holds: one walk over a trie of all subtrees.

The trie is that of ``find_in_sentences.py``; items are ``depth * n_labels + label`` in preorder. A subtree grows
at its right: by a child of its last node, or by a later sibling of a node on the way up to its root. What it may
grow by depends on its last node alone, so of all ways to place a subtree only one for each last node is followed.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.signatures.patterns.find_in_sentences import PatternTable, child_of
from neurolect.signatures.trees.forest import Forest


def find_subtrees(forest: Forest, table: PatternTable) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Find the subtrees of every sentence.

    Returns: offsets: int64, shape (n_sentences + 1,). Where each sentence's subtrees start.
    Returns: subtrees: int32, shape (n,). Ascending and distinct within a sentence.
    """
    starts = np.searchsorted(forest.sentences, np.arange(forest.n_sentences + 1)).astype(np.int64)
    ends = np.zeros(forest.n_sentences + 1, dtype=np.int64)
    stamp = np.full(len(table.patterns), -1, dtype=np.int64)
    out = np.empty(max(1024, 16 * forest.n_sentences), dtype=np.int32)
    trees = (forest.labels, forest.parents, forest.first_child, forest.next_sibling, max(forest.n_labels, 1))
    start = 0
    while True:
        start, n = _find(starts, *trees, *table, stamp, out, ends, start)
        if start == forest.n_sentences:
            return ends, out[:n].copy()
        stamp[:] = -1
        out = np.concatenate([out, np.empty_like(out)])


@njit(nogil=True, cache=True)
def _find(
    starts: NDArray[np.int64],
    labels: NDArray[np.int32],
    parents: NDArray[np.int32],
    first_child: NDArray[np.int32],
    next_sibling: NDArray[np.int32],
    n_labels: int,
    keys: NDArray[np.int64],
    children: NDArray[np.int32],
    patterns: NDArray[np.int32],
    first: NDArray[np.int32],
    n_items: int,
    stamp: NDArray[np.int64],
    out: NDArray[np.int32],
    ends: NDArray[np.int64],
    start: int,
) -> tuple[int, int]:
    """Go from a sentence on until all are done or `out` is full; give the next sentence and the entries."""
    n = ends[start]
    for sentence in range(start, len(starts) - 1):
        # placed subtrees: trie node, last tree node, its depth, the one before at that tree node (from `newest`)
        begin, size = starts[sentence], starts[sentence + 1] - starts[sentence]
        newest = np.full(size, -1, np.int64)
        held = np.empty((64, 4), np.int64)
        n_held = 0
        for tree_node in range(begin, begin + size):
            if labels[tree_node] < len(first) and first[labels[tree_node]] > 0:
                held, n_held = _hold(held, n_held, newest, begin, np.int64(first[labels[tree_node]]), tree_node, 0)
        at = 0
        while at < n_held:
            node, last, depth = held[at, 0], held[at, 1], held[at, 2]
            at += 1
            if stamp[node] != sentence:
                stamp[node] = sentence
                if patterns[node] >= 0:
                    if n == len(out):
                        return sentence, ends[sentence]
                    out[n] = patterns[node]
                    n += 1
            below, grows_by = depth + 1, np.int64(first_child[last])
            while below > 0:
                while grows_by >= 0:
                    grown = child_of(keys, children, node * n_items + below * n_labels + labels[grows_by])
                    if grown > 0:
                        held, n_held = _hold(held, n_held, newest, begin, grown, grows_by, below)
                    grows_by = np.int64(next_sibling[grows_by])
                below -= 1
                grows_by = np.int64(next_sibling[last])
                last = np.int64(parents[last])
        out[ends[sentence] : n].sort()
        ends[sentence + 1] = n
    return len(starts) - 1, n


@njit(nogil=True, cache=True)
def _hold(
    held: NDArray[np.int64],
    n_held: int,
    newest: NDArray[np.int64],
    begin: int,
    node: int | np.int64,
    tree_node: int | np.int64,
    depth: int,
) -> tuple[NDArray[np.int64], int]:
    """Note a subtree that ends at a tree node, unless it is noted."""
    before = newest[tree_node - begin]
    while before >= 0:
        if held[before, 0] == node:
            return held, n_held
        before = held[before, 3]
    if n_held == len(held):
        held = np.concatenate((held, np.empty_like(held)))
    held[n_held, 0], held[n_held, 1], held[n_held, 2] = node, tree_node, depth
    held[n_held, 3] = newest[tree_node - begin]
    newest[tree_node - begin] = n_held
    return held, n_held + 1
