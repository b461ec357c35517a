"""How many sentences two neurons' lists have in common."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.comparison.overlap_kernels import most_shared
from neurolect.store import Run


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
