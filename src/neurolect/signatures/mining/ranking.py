"""Which of a list's patterns are worth reporting: the most frequent, and the most typical without repetition.

Dims: P patterns of one list, prefixes before extensions, siblings together and by item code (the order of
``prefixspan.py``); C candidates among them.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.signatures.mining.prefixspan import MinedPatterns
from neurolect.signatures.mining.trie import PatternTrie


class RankedPatterns(NamedTuple):
    """The reported candidates, typical ones first."""

    chosen: NDArray[np.int64]
    """Candidate of each row, shape (R,), by `rank_relative`."""
    rank_frequency: NDArray[np.int16]
    """From 1, by support; ties to the higher score."""
    rank_relative: NDArray[np.int16]
    """From 1: the typical ones by score, then those reported for their frequency only, by score."""


def association(mined: MinedPatterns, *, n_sentences: int) -> NDArray[np.float64]:
    """How much more often the parts of a pattern meet in the list than if they were spread independently.

    Returns: float64, shape (P,). The smaller of two ratios: support over what is expected of (all but the last
        item, last item) and of (first item, all but the first). 1 for single items.

    "united states" has 20 or more; "the united", "of the" have about 1 or less, since the order is asked for too.
    """
    suffix = suffixes(mined.trie)
    support = mined.support.astype(np.float64)
    first = np.arange(len(support))
    last = np.arange(len(support))
    deeper = mined.length > 1
    for _ in range(int(mined.length.max(initial=1)) - 1):
        first = np.where(mined.trie.parent[first] >= 0, mined.trie.parent[first], first)
        last = np.where(suffix[last] >= 0, suffix[last], last)
    ratios = np.ones(len(support))
    prefix_expected = support[mined.trie.parent[deeper]] * support[last[deeper]]
    suffix_expected = support[first[deeper]] * support[suffix[deeper]]
    ratios[deeper] = support[deeper] * n_sentences / np.maximum(prefix_expected, suffix_expected)
    return ratios


def suffixes(trie: PatternTrie) -> NDArray[np.int32]:
    """Find every pattern without its first item.

    ``trie``: All frequent patterns of some sentences, in the order of mining.
    Returns: int32, shape (P,). Its node; -1 for single items.
    """
    return _suffixes(trie.parent, trie.item)  # type: ignore[no-any-return]


def preselect(
    support: NDArray[np.int32], *, expected: NDArray[np.float64], n_frequent: int, n_candidates: int
) -> NDArray[np.intp]:
    """Choose the patterns whose background counts are worth finding out.

    ``support``: int32, shape (L,). Sentences of the list that hold each pattern of two items or more.
    ``expected``: float64, shape (L,). Sentences of the list that would hold it if its items were spread as in the
        background and independently.
    Returns: intp, shape (C,), ascending. All of them where there are at most `n_candidates`.
    """
    if len(support) <= n_candidates:
        return np.arange(len(support))
    surprise = (support - expected) / np.sqrt(expected + 1.0)
    surprise[np.argsort(-support, kind="stable")[:n_frequent]] = np.inf
    return np.sort(np.argsort(-surprise, kind="stable")[:n_candidates])


def by_score(scores: NDArray[np.float64], support: NDArray[np.int32], length: NDArray[np.int8]) -> NDArray[np.intp]:
    """Order candidates by score; ties to the greater support, then to the longer, then to the earlier.

    ``scores``: float64, shape (C,). Higher is more typical.
    ``support``: int32, shape (C,). Sentences of the list that hold it.
    ``length``: int8, shape (C,). Items of each candidate.
    Returns: intp, shape (C,). Candidates, best first.
    """
    return np.lexsort((-length, -support, -scores))


def rank_patterns(
    typical: NDArray[np.intp],
    *,
    scores: NDArray[np.float64],
    support: NDArray[np.int32],
    length: NDArray[np.int8],
    n_frequent: int,
) -> RankedPatterns:
    """Join the typical candidates and the most frequent ones.

    ``typical``: intp, shape (T,). Candidates reported for their score, best first.
    ``scores, support, length``: arrays, shape (C,). As :func:`by_score` takes them.
    """

    def by_support(candidates: NDArray[np.intp]) -> NDArray[np.intp]:
        keys = (candidates, -length[candidates], -scores[candidates], -support[candidates])
        return candidates[np.lexsort(keys)]

    leading = np.arange(len(support))
    if len(support) > n_frequent:  # sort only those that can be among the most frequent
        least = -np.partition(-support, n_frequent - 1)[n_frequent - 1]
        leading = np.flatnonzero(support >= least)
    is_frequent = np.zeros(len(support), np.bool_)
    is_frequent[by_support(leading)[:n_frequent]] = True
    is_frequent[typical] = False
    frequent = np.flatnonzero(is_frequent)
    frequent = frequent[by_score(scores[frequent], support[frequent], length[frequent])]
    chosen = np.concatenate([typical, frequent]).astype(np.int64)
    rank_frequency = np.empty(len(support), np.int16)
    rank_frequency[by_support(chosen)] = np.arange(1, len(chosen) + 1)
    return RankedPatterns(chosen, rank_frequency[chosen], np.arange(1, len(chosen) + 1, dtype=np.int16))


@njit(cache=True, nogil=True)
def _suffixes(parent: NDArray[np.int32], item: NDArray[np.int32]) -> NDArray[np.int32]:
    """Node of each pattern without its first item; -1 for single items."""
    n = len(parent)
    first = np.zeros(n + 1, np.int32)  # children of node u: first[u] .. last[u]; of the root: index n
    last = np.zeros(n + 1, np.int32)
    suffix = np.full(n, -1, np.int32)
    for node in range(n):
        above = parent[node] if parent[node] >= 0 else n
        if last[above] == 0:
            first[above] = node
        last[above] = node + 1
    for node in range(n):
        if parent[node] >= 0:
            above = suffix[parent[node]] if suffix[parent[node]] >= 0 else n
            low, high = first[above], last[above]
            # Every part of a frequent pattern is frequent, so the search always finds it.
            suffix[node] = low + np.searchsorted(item[low:high], item[node])
    return suffix
