"""Which of a list's patterns are worth reporting: the most frequent, and the most typical without repetition.

Dims: P patterns of one list, prefixes before extensions, siblings together and by item code (the order of
``prefixspan.py``); C candidates among them.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.signatures.prefixspan import MinedPatterns

__all__ = ["RankedPatterns", "association", "by_score", "preselect", "rank_patterns"]


class RankedPatterns(NamedTuple):
    """The reported candidates, typical ones first."""

    chosen: NDArray[np.int64]
    """Candidate of each row, shape (R,), by `rank_relative`."""
    rank_frequency: NDArray[np.int16]
    """From 1, by support; ties to the higher score."""
    rank_relative: NDArray[np.int16]
    """From 1: the typical ones by score, then those reported for their frequency only, by score."""


def association(mined: MinedPatterns, *, n_sentences: int) -> NDArray[np.float64]:
    """How much oftener the parts of a pattern meet in the list than if they were spread independently.

    Parameters
    ----------
    mined : MinedPatterns
        Patterns of one list.
    n_sentences : int
        Sentences of the list.

    Returns
    -------
    float64, shape (P,)
        The smaller of two ratios: support over what is expected of (all but the last item, last item) and of
        (first item, all but the first). 1 for single items.

    Notes
    -----
    "united states" has 20 or more; "the united", "of the" have about 1 or less, since the order is asked for too.
    """
    suffix = _suffixes(mined.trie.parent, mined.trie.item)
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


def preselect(
    mined: MinedPatterns,
    *,
    expected: NDArray[np.float64],
    n_frequent: int,
    n_candidates: int,
) -> NDArray[np.int64]:
    """Choose the patterns whose background counts are worth finding out.

    Parameters
    ----------
    mined : MinedPatterns
        Patterns of one list.
    expected : float64, shape (P,)
        Sentences of the list that would hold each pattern if its items were spread as in the background and
        independently.
    n_frequent, n_candidates : int
        The `n_frequent` best by support are among the `n_candidates` chosen.

    Returns
    -------
    int64, shape (C,), ascending
        Patterns of two items or more: all of them where there are at most `n_candidates`.
    """
    long = np.flatnonzero(mined.length > 1)
    if len(long) <= n_candidates:
        return long
    support = mined.support[long]
    surprise = (support - expected[long]) / np.sqrt(expected[long] + 1.0)
    surprise[np.argsort(-support, kind="stable")[:n_frequent]] = np.inf
    return np.sort(long[np.argsort(-surprise, kind="stable")[:n_candidates]])


def by_score(
    scores: NDArray[np.float64], support: NDArray[np.int32], items: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Order candidates by score; ties to the greater support, then to the longer, then to the earlier.

    Parameters
    ----------
    scores : float64, shape (C,)
        Higher is more typical.
    support : int32, shape (C,)
        Sentences of the list that hold it.
    items : int32, shape (C, length)
        Items of each candidate, padded with -1.

    Returns
    -------
    int64, shape (C,)
        Candidates, best first.
    """
    length = (items >= 0).sum(axis=1)
    return np.lexsort((np.arange(len(scores)), -length, -support, -scores))


def rank_patterns(
    order: NDArray[np.int64],
    *,
    typical: NDArray[np.int64],
    support: NDArray[np.int32],
    n_frequent: int,
) -> RankedPatterns:
    """Join the typical candidates and the most frequent ones.

    Parameters
    ----------
    order : int64, shape (C,)
        All candidates by score.
    typical : int64, shape (T,)
        Those reported for their score, in the same order.
    support : int32, shape (C,)
        Sentences of the list that hold each candidate.
    n_frequent : int
        How many are reported for their frequency, at most.

    Returns
    -------
    RankedPatterns
        The union of both.
    """
    score_place = np.empty(len(order), np.int64)
    score_place[order] = np.arange(len(order))
    by_support = np.lexsort((score_place, -support))
    reported = np.zeros(len(order), np.bool_)
    reported[by_support[:n_frequent]] = True
    reported[typical] = False
    chosen = np.concatenate([typical, order[reported[order]]])
    reported[typical] = True
    place = np.empty(len(order), np.int64)
    place[by_support[reported[by_support]]] = np.arange(1, len(chosen) + 1)
    ranks = np.arange(1, len(chosen) + 1, dtype=np.int16)
    return RankedPatterns(chosen, place[chosen].astype(np.int16), ranks)


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
