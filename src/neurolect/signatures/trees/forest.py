"""Ordered labelled trees of sentences as flat arrays: what subtrees are mined from.

A sentence may have several trees, or none. Nodes are in preorder: a node before its children, and these from left
to right.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.errors import DescribeError

BRACKETS = re.compile(r"[()]|[^\s()]+")


class Forest(NamedTuple):
    """The trees of all sentences. T nodes, S sentences."""

    labels: NDArray[np.int32]
    """Label code of each node, shape (T,)."""
    parents: NDArray[np.int32]
    """Its parent, -1 for a root, shape (T,)."""
    first_child: NDArray[np.int32]
    """Its leftmost child, -1 for a leaf, shape (T,)."""
    next_sibling: NDArray[np.int32]
    """The child of the same parent to its right, -1 for the last and for roots, shape (T,)."""
    sentences: NDArray[np.int32]
    """Its sentence, ascending, shape (T,)."""
    n_sentences: int
    n_labels: int


def make_forest(
    labels: NDArray[np.int32], parents: NDArray[np.int32], sentences: NDArray[np.int32], *, n_sentences: int
) -> Forest:
    """Link nodes in preorder.

    ``labels``: int32, shape (T,). Label codes from 0.
    ``parents``: int32, shape (T,). Parent of each node, -1 for a root.
    ``sentences``: int32, shape (T,), ascending. Sentence of each node.

    Examples
    --------
    >>> zeros = np.zeros(3, np.int32)
    >>> make_forest(zeros, np.array([-1, 0, 0], np.int32), zeros, n_sentences=1).next_sibling.tolist()
    [-1, 2, -1]
    """
    first_child, next_sibling = _link(parents)
    n_labels = int(labels.max(initial=-1)) + 1
    return Forest(labels, parents, first_child, next_sibling, sentences, n_sentences, n_labels)


def forest_of_heads(
    heads: NDArray[np.int32], labels: NDArray[np.int32], offsets: NDArray[np.int64], *, keep: NDArray[np.bool_]
) -> Forest:
    """Make trees of dependencies: the children of a word are the words that depend on it, in the order of the text.

    ``heads``: int32, shape (n_tokens,). Place of each token's head in its sentence; -1 for a root.
    ``labels``: int32, shape (n_tokens,). Label code of each token.
    ``offsets``: int64, shape (n_sentences + 1,). Where each sentence's tokens start.
    ``keep``: bool, shape (n_labels,). Labels that become nodes. What depends on a token of another label hangs on
        that token's head.
    Returns: Tokens that do not hang on a root (a cycle of heads) are left out.
    """
    longest = int(np.diff(offsets).max(initial=0))
    kept_labels, parents, sentences = _preorder(heads, labels, offsets, keep, longest)
    return make_forest(kept_labels, parents, sentences, n_sentences=len(offsets) - 1)


def forest_of_brackets(trees: Sequence[str | None]) -> tuple[Forest, list[str]]:
    """Read constituency trees in brackets, e.g. ``(S (NP (DT the) (NN dog)) (VP (VBZ barks)))``.

    ``trees``: Trees of each sentence, one after the other; None or nothing for no tree. Words are left out, a
        label's function (``NP-SBJ``) too; a bracket without a label is passed through.
    Returns: labels: list of str. Label of each code, ascending.
    """
    names: list[str] = []
    parents: list[int] = []
    sentences: list[int] = []
    for row, text in enumerate(trees):
        depth_before = len(names)
        if not _read_tree(text or "", names, parents):
            what = f"The brackets of tree {row} of {len(trees)} do not match: {str(text)[:60]!r}."
            raise DescribeError(what, expected="trees like (S (NP (DT the) (NN dog)) (VP (VBZ barks)))")
        sentences += [row] * (len(names) - depth_before)
    labels = sorted(set(names))
    number = {name: code for code, name in enumerate(labels)}
    codes = np.array([number[name] for name in names], dtype=np.int32)
    forest = make_forest(codes, np.array(parents, np.int32), np.array(sentences, np.int32), n_sentences=len(trees))
    return forest, labels


def _read_tree(text: str, names: list[str], parents: list[int]) -> bool:
    """Append the nodes of one sentence; say whether its brackets match."""
    path: list[int] = []  # open brackets: their node, or that of the bracket around where they have no label
    opened = False
    for token in BRACKETS.findall(text):
        if token == "(":
            path.append(path[-1] if path else -1)
        elif token == ")":
            if not path:
                return False
            path.pop()
        elif opened:
            parents.append(path[-1])
            path[-1] = len(names)
            names.append(token if token[0] == "-" else re.split("[-=|]", token)[0])
        opened = token == "("
    return not path


@njit(cache=True, nogil=True)
def _link(parents: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    n = len(parents)
    first_child = np.full(n, -1, np.int32)
    next_sibling = np.full(n, -1, np.int32)
    last_child = np.full(n, -1, np.int32)
    for node in range(n):
        parent = parents[node]
        if parent >= 0:
            if last_child[parent] < 0:
                first_child[parent] = node
            else:
                next_sibling[last_child[parent]] = node
            last_child[parent] = node
    return first_child, next_sibling


@njit(cache=True, nogil=True)
def _preorder(
    heads: NDArray[np.int32],
    labels: NDArray[np.int32],
    offsets: NDArray[np.int64],
    keep: NDArray[np.bool_],
    longest: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    out = np.empty((3, len(heads)), np.int32)  # labels, parents, sentences
    n = 0
    # By place in the sentence, the last row stands for the root: leftmost child, next sibling.
    child = np.empty(longest + 1, np.int32)
    sibling = np.empty(longest + 1, np.int32)
    stack = np.empty((2, longest + 1), np.int32)  # places to visit and the nodes they hang on
    for row in range(len(offsets) - 1):
        first, size = offsets[row], offsets[row + 1] - offsets[row]
        child[: size + 1] = -1
        for place in range(size - 1, -1, -1):
            if keep[labels[first + place]]:
                head = heads[first + place]
                for _ in range(size):  # up to the next token that is kept
                    if head < 0 or keep[labels[first + head]]:
                        break
                    head = heads[first + head]
                at = head if head >= 0 else size
                sibling[place] = child[at]
                child[at] = place
        top = _push(child[size], -1, sibling, stack, 0)
        while top > 0:
            top -= 1
            place, above = stack[0, top], stack[1, top]
            out[0, n], out[1, n], out[2, n] = labels[first + place], above, row
            n += 1
            top = _push(child[place], n - 1, sibling, stack, top)
    return out[0, :n].copy(), out[1, :n].copy(), out[2, :n].copy()


@njit(cache=True, nogil=True)
def _push(place: int, above: int, sibling: NDArray[np.int32], stack: NDArray[np.int32], top: int) -> int:
    """Put siblings on the stack, the leftmost on top."""
    first = top
    while place >= 0:
        stack[0, top], stack[1, top] = place, above
        top += 1
        place = sibling[place]
    for k in range((top - first) // 2):
        other = top - 1 - k
        stack[0, first + k], stack[0, other] = stack[0, other], stack[0, first + k]
    return top
