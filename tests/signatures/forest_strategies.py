"""Small random forests for the subtree tests."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from neurolect.signatures.mining.trie import PatternTrie
from neurolect.signatures.trees.forest import Forest, make_forest
from tests.reference.subtrees_plain import Shape, Tree
from tests.signatures.pattern_strategies import as_tuples

N_LABELS = 3
leaves = st.integers(0, N_LABELS - 1).map(lambda label: (label, ()))
trees: st.SearchStrategy[Tree] = st.recursive(
    leaves,
    lambda below: st.tuples(st.integers(0, N_LABELS - 1), st.lists(below, max_size=4).map(tuple)),
    max_leaves=8,
)
sentences_of_trees = st.lists(st.lists(trees, max_size=2), min_size=1, max_size=8)


def forest_of(sentences: Sequence[Sequence[Tree]]) -> Forest:
    """Trees as flat arrays."""
    labels: list[int] = []
    parents: list[int] = []
    rows: list[int] = []

    def add(tree: Tree, above: int, row: int) -> None:
        labels.append(tree[0])
        parents.append(above)
        rows.append(row)
        here = len(labels) - 1
        for child in tree[1]:
            add(child, here, row)

    for row, each in enumerate(sentences):
        for tree in each:
            add(tree, -1, row)
    arrays = (np.array(values, np.int32) for values in (labels, parents, rows))
    return make_forest(*arrays, n_sentences=len(sentences))


def shapes(trie: PatternTrie, *, n_labels: int) -> list[Shape]:
    """All patterns of a trie of subtrees, as depths and labels."""
    return [tuple(divmod(item, n_labels) for item in pattern) for pattern in as_tuples(trie)]
