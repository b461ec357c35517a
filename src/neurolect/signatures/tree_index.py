"""Subtrees of lists, from an index of the corpus: mined once, then a list is a sum over its sentences.

The same index as that of sequences (``pattern_index.py``), made by FREQT: what counts, ranks and tests patterns
does not know the difference.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.progress import NullProgress, Progress
from neurolect.signatures.forest import Forest
from neurolect.signatures.freqt import MinedSubtrees, mine_subtrees
from neurolect.signatures.indexed_lists import count_indexed_lists
from neurolect.signatures.pattern_evidence import PatternEvidence, gather_evidence
from neurolect.signatures.pattern_index import PatternIndex
from neurolect.signatures.pattern_input import compare_with
from neurolect.signatures.pattern_trie import PatternTrie
from neurolect.signatures.shorter_patterns import shorter_trees
from neurolect.signatures.skip_ngram_options import SkipNgramOptions


def mine_subtrees_of_lists(
    forest: Forest,
    *,
    lists: NDArray[np.int32],
    background_rows: NDArray[np.int64],
    lengths: NDArray[np.int32],
    options: SkipNgramOptions | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> PatternEvidence:
    """Find what subtrees every list has, and which of them it has more than the background.

    ``lists``: int32, shape (n_lists, n). Sentences of each list, distinct; -1 where a list is shorter.
    ``background_rows``: int64, shape (n_background,). Sentences of the background, distinct. Lists may overlap with
        it.
    ``lengths``: int32, shape (n_sentences,). Length of each sentence, by which the background is matched with
        lists.
    ``options``: What is mined and reported; ``max_length`` is the number of nodes.
    Returns: Subtrees of two nodes or more; items are ``depth * n_labels + label``.
    """
    options, progress = options or SkipNgramOptions(), progress or NullProgress()
    compared = compare_with(
        background_rows, lengths=lengths, lists=lists, item="subtree", options=options, workers=workers
    )
    smallest = int(np.count_nonzero(lists >= 0, axis=1).min()) if len(lists) else 0
    mined = mine_subtrees(
        forest,
        min_support=options.min_support(smallest),
        max_size=options.max_length,
        max_entries=max(1, options.max_entries),
        workers=workers,
    )
    if mined.max_size < options.max_length:
        progress.message(
            f"Sentences have more than {options.max_entries:,} subtrees of up to {options.max_length} nodes: "
            f"those of up to {mined.max_size} were mined."
        )
    index = index_subtrees(mined, forest)
    found = count_indexed_lists(index, compared, lists=lists, progress=progress)
    if found.n_truncated:
        progress.message(
            f"{found.n_truncated} of {len(lists)} lists have too many subtrees (over {options.max_patterns:,}, or "
            f"held over {options.max_list_entries:,} times): theirs are smaller than {options.max_length} nodes."
        )
    return gather_evidence(found, compared, lists=lists)


def index_subtrees(mined: MinedSubtrees, forest: Forest) -> PatternIndex:
    """Give subtrees numbers by falling support, and note which of them each sentence holds.

    Returns: Of a subtree's `parts` the first two are all but its last node in preorder, and that node alone; the
        others repeat them.
    """
    support = np.diff(mined.holder_starts)
    order = np.argsort(-support, kind="stable")
    number = np.empty(len(order) + 1, np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    number[-1] = -1
    parent = number[mined.trie.parent][order]
    size, item = mined.size[order], mined.trie.item[order]
    alone = np.full(max(forest.n_labels, 1), -1, np.int32)
    alone[item[size == 1]] = np.flatnonzero(size == 1)
    parts = np.stack([parent, alone[item % max(forest.n_labels, 1)]] * 2, axis=1)
    parts[size == 1] = -1
    trie = PatternTrie(parent, item)
    holder_starts = np.concatenate([[0], np.cumsum(support[order])])
    holders, starts = _reorder(mined.holder_starts, mined.holders, order, forest.n_sentences)
    return PatternIndex(
        trie=trie,
        length=size,
        place=order.astype(np.int32),
        parts=parts,
        starts=starts,
        numbers=_by_sentence(holder_starts, holders, starts),
        holder_starts=holder_starts,
        holders=holders,
        shorter=shorter_trees(trie, length=size, n_labels=forest.n_labels),
        max_length=mined.max_size,
    )


@njit(cache=True, nogil=True)
def _reorder(
    before: NDArray[np.int64], holders: NDArray[np.int32], order: NDArray[np.int64], n_sentences: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Sentences of each subtree in a new order of subtrees; where those of each sentence start."""
    moved = np.empty(len(holders), np.int32)
    starts = np.zeros(n_sentences + 1, np.int64)
    n = 0
    for subtree in order:
        for place in range(before[subtree], before[subtree + 1]):
            moved[n] = holders[place]
            starts[holders[place] + 1] += 1
            n += 1
    for sentence in range(n_sentences):
        starts[sentence + 1] += starts[sentence]
    return moved, starts


@njit(cache=True, nogil=True)
def _by_sentence(
    holder_starts: NDArray[np.int64], holders: NDArray[np.int32], starts: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Subtrees of each sentence, ascending."""
    numbers = np.empty(len(holders), np.int32)
    free = starts[:-1].copy()
    for subtree in range(len(holder_starts) - 1):
        for place in range(holder_starts[subtree], holder_starts[subtree + 1]):
            sentence = holders[place]
            numbers[free[sentence]] = subtree
            free[sentence] += 1
    return numbers
