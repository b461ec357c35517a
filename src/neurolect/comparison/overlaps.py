"""How many sentences two neurons' lists have in common."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.store import Run


# The loop that finds the list of another model with most sentences in common.
@njit(cache=True, nogil=True)
def most_shared(
    starts: NDArray[np.int64],
    sentences: NDArray[np.int64],
    sizes: NDArray[np.int64],
    holder_starts: NDArray[np.int64],
    holders: NDArray[np.int64],
    other_sizes: NDArray[np.int64],
    best: NDArray[np.int64],
    shares: NDArray[np.float32],
    other_best: NDArray[np.int64],
    other_shares: NDArray[np.float32],
) -> None:
    """Fill the best partner of every list of either model, and its share.

    ``starts, sentences``: int64, shape (n + 1,); int64, shape (n_entries,). One model's lists; sentences that no
        list of the other model holds are left out.
    ``sizes``: int64, shape (n,). Sentences of each list, those left out too.
    ``holder_starts, holders``: int64, shape (n_sentences + 1,); int64, shape (n_other_entries,). The other model's
        lists that hold each sentence.
    ``other_sizes``: int64, shape (n_other,). Sentences of the other model's lists.
    ``best, shares``: int64, float32, shape (n,). Written to; -1 and NaN before, and where nothing is shared. Of
        equal partners the first.
    ``other_best, other_shares``: int64, float32, shape (n_other,). The same for the other model's lists.
    """
    other_greatest = np.zeros(len(other_sizes), np.float64)
    counts = np.zeros(len(other_sizes), np.int64)
    for row in range(len(starts) - 1):
        counts[:] = 0
        for entry in range(starts[row], starts[row + 1]):
            sentence = np.uint64(sentences[entry])
            for holder in range(holder_starts[sentence], holder_starts[sentence + np.uint64(1)]):
                counts[np.uint64(holders[holder])] += 1
        greatest = 0.0
        for other in range(len(counts)):
            if counts[other] == 0:
                continue
            share = counts[other] / min(sizes[row], other_sizes[other])
            if share > greatest:
                greatest = share
                best[row] = other
                shares[row] = share
            if share > other_greatest[other]:
                other_greatest[other] = share
                other_best[other] = row
                other_shares[other] = share


class BestShared(NamedTuple):
    """For every list of one model the list of another with most sentences in common."""

    best: NDArray[np.int64]
    """Neuron of the other model, the first of equals; -1: no list shares a sentence."""

    shares: NDArray[np.float32]
    """Share of the shorter list that both have; NaN where there is none."""


def list_rows(run: Run, side: str, *, size: int) -> list[NDArray[np.int64]]:
    """Read the first ``size`` entries of every neuron's list: sentence ids of each neuron, ascending."""
    table = run.table(f"lists/{side}", columns=["neuron_id", "rank", "sentence_id"])
    neurons = table.column("neuron_id").to_numpy()
    leading = table.column("rank").to_numpy() < size
    ids = table.column("sentence_id").to_numpy()[leading]
    bounds = np.searchsorted(neurons[leading], np.arange(run.n_neurons + 1))
    return [np.sort(ids[start:end]) for start, end in pairwise(bounds.tolist())]


def shared_shares(
    first: list[NDArray[np.int64]], second: list[NDArray[np.int64]], *, partners: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Give the share of each list (of the shorter one) that the partner's list also holds; NaN without a partner.

    >>> lists = [np.array([1, 2, 3, 4])], [np.array([2, 4, 6, 8])]
    >>> shared_shares(*lists, partners=np.array([0])).tolist()
    [0.5]
    """
    found = np.full(len(first), np.nan, dtype=np.float32)
    for neuron, partner in enumerate(partners.tolist()):
        if partner < 0:
            continue
        own, other = first[neuron], second[partner]
        size = min(len(own), len(other))
        if size:
            found[neuron] = len(np.intersect1d(own, other, assume_unique=True)) / size
    return found


def best_shared(first: list[NDArray[np.int64]], second: list[NDArray[np.int64]]) -> tuple[BestShared, BestShared]:
    """Find the best partner of every list by its sentences, for the lists of ``first`` and for those of ``second``.

    The work is the sum over sentences of how many pairs of lists hold them; nothing as large as all pairs is made.

    >>> own, other = [np.array([1, 2, 3, 4])], [np.array([8]), np.array([2, 4, 6, 8])]
    >>> for found in best_shared(own, other):
    ...     found.best.tolist(), found.shares.tolist()
    ([1], [0.5])
    ([-1, 0], [nan, 0.5])
    """
    none = np.empty(0, dtype=np.int64)
    sizes, other_sizes = (np.array([len(each) for each in lists], dtype=np.int64) for lists in (first, second))
    own, other = (np.concatenate([none, *lists]) for lists in (first, second))
    known, columns = np.unique(other, return_inverse=True)
    order = np.argsort(columns, kind="stable")
    holders = np.repeat(np.arange(len(second)), other_sizes)[order]
    holder_starts = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=len(known)))]).astype(np.int64)
    place = np.minimum(np.searchsorted(known, own), max(len(known) - 1, 0))
    common = known[place] == own if len(known) else np.zeros(len(own), dtype=bool)
    rows = np.repeat(np.arange(len(first)), sizes)[common]
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(first)))]).astype(np.int64)
    found = tuple(
        BestShared(np.full(len(lists), -1, dtype=np.int64), np.full(len(lists), np.nan, dtype=np.float32))
        for lists in (first, second)
    )
    most_shared(starts, place[common], sizes, holder_starts, holders, other_sizes, *found[0], *found[1])
    return found[0], found[1]
