"""Which of a list's patterns are worth reporting: the most frequent, and the most typical without repetition.

Dims: P patterns of one list, prefixes before extensions, siblings together and by item code (the order of
``prefixspan.py``); C candidates among them.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.signatures.mining.prefixspan import MinedPatterns
from neurolect.signatures.mining.trie import PatternTrie


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


@njit(cache=True, nogil=True)
def preselect(
    support: NDArray[np.int32], expected: NDArray[np.float64], n_frequent: int, n_candidates: int
) -> NDArray[np.int64]:
    """Choose the patterns whose background counts are worth finding out.

    ``support``: int32, shape (L,). Sentences of the list that hold each pattern of two items or more.
    ``expected``: float64, shape (L,). Sentences of the list that would hold it if its items were spread as in the
        background and independently.
    Returns: int64, shape (C,), ascending. All of them where there are at most `n_candidates`.
    """
    if len(support) <= n_candidates:
        return np.arange(len(support))
    surprise = (expected - support) / np.sqrt(expected + 1.0)  # least first
    surprise[np.argsort(-support, kind="mergesort")[:n_frequent]] = -np.inf
    return np.sort(np.argsort(surprise, kind="mergesort")[:n_candidates])


@njit(cache=True, nogil=True)
def by_score(
    chosen: NDArray[np.int64],
    scores: NDArray[np.float64],
    support: NDArray[np.int32],
    length: NDArray[np.int8],
    place: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Order candidates by score; ties to the greater support, then to the longer, then to the earlier.

    ``chosen``: int64, shape (n,). Candidates to order.
    ``scores``: float64, shape (C,). Higher is more typical.
    ``support``: int32, shape (C,). Sentences of the list that hold it.
    ``length``: int8, shape (C,). Items of each candidate.
    ``place``: int32, shape (C,). Where each is in the order of mining.
    Returns: int64, shape (n,). Candidates, best first.
    """
    ordered = chosen[np.argsort(-scores[chosen])]
    for at in range(1, len(ordered)):  # only ties are still to be settled
        one, before = ordered[at], at - 1
        while before >= 0 and scores[ordered[before]] == scores[one]:
            other = ordered[before]
            of_other = (-support[other], -length[other], place[other])
            if of_other <= (-support[one], -length[one], place[one]):
                break
            ordered[before + 1] = other
            before -= 1
        ordered[before + 1] = one
    return ordered


@njit(cache=True, nogil=True)
def most_frequent(
    n: int,
    scores: NDArray[np.float64],
    support: NDArray[np.int32],
    length: NDArray[np.int8],
    place: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Choose the `n` candidates of most support; ties to the higher score, then to the longer, then to the earlier.

    Returns: int64, shape (at most n,). The most frequent first.
    """
    best, n_best = np.empty(min(n, len(support)) + 1, np.int64), 0  # one more than asked for: what falls out
    for one in range(len(support)):
        if 0 < n_best == len(best) - 1 and support[one] < support[best[n_best - 1]]:
            continue
        key, at = (-support[one], -scores[one], -length[one], place[one]), n_best
        while at > 0:
            other = best[at - 1]
            if (-support[other], -scores[other], -length[other], place[other]) < key:
                break
            best[at] = other
            at -= 1
        best[at] = one
        n_best = min(n_best + 1, len(best) - 1)
    return best[:n_best].copy()


@njit(cache=True, nogil=True)
def rank_patterns(
    typical: NDArray[np.int64],
    scores: NDArray[np.float64],
    support: NDArray[np.int32],
    length: NDArray[np.int8],
    place: NDArray[np.int32],
    n_frequent: int,
) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
    """Join the typical candidates and the most frequent ones.

    ``typical``: int64, shape (T,). Candidates reported for their score, best first.
    ``scores, support, length, place``: arrays, shape (C,). As :func:`by_score` takes them.
    Returns: chosen: int64, shape (R,). The typical ones by score, then those reported for their frequency only, by
        score.
    Returns: rank_frequency: int16, shape (R,). Of each, from 1, by support; ties to the higher score.
    """
    frequent = most_frequent(n_frequent, scores, support, length, place)
    is_typical = np.zeros(len(support), np.bool_)
    is_typical[typical] = True
    only_frequent = by_score(frequent[~is_typical[frequent]], scores, support, length, place)
    chosen = np.concatenate((typical, only_frequent))
    ranks = np.empty(len(chosen), np.int16)
    ranks[most_frequent(len(chosen), scores[chosen], support[chosen], length[chosen], place[chosen])] = np.arange(
        1, len(chosen) + 1
    ).astype(np.int16)
    return chosen, ranks


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
