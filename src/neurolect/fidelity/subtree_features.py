"""Which of the subtrees of signatures each sentence has."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurolect.fidelity.pattern_kernels import build_table
from neurolect.fidelity.subtree_kernels import find_subtrees
from neurolect.signatures.subtrees import LabelledForest, parse_subtree

__all__ = ["subtrees_of_sentences"]


def subtrees_of_sentences(
    subtrees: Sequence[str], trees: LabelledForest
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Find subtrees in sentences.

    Parameters
    ----------
    subtrees : sequence of str
        As signatures write them.
    trees : LabelledForest
        The trees of the sentences; their labels may be others, in another order.

    Returns
    -------
    offsets : int64, shape (n_sentences + 1,)
        Where each sentence's subtrees start.
    found : int32, shape (n,)
        Places in `subtrees`, ascending within a sentence.
    """
    number = {label: code for code, label in enumerate(trees.labels)}
    n_labels = max(trees.forest.n_labels, 1)
    parsed = [parse_subtree(text) for text in subtrees]
    items = [
        depth * n_labels + number[label] if number.get(label, n_labels) < n_labels else -1
        for nodes in parsed
        for depth, label in nodes
    ]
    starts = np.cumsum([0, *map(len, parsed)]).astype(np.int64)
    deepest = max((depth for nodes in parsed for depth, _ in nodes), default=0)
    table = build_table(np.array(items, np.int32), starts, n_items=(deepest + 2) * n_labels)
    return find_subtrees(trees.forest, table)
