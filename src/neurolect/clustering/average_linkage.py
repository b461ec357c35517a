"""Correlation clustering: join the two groups whose members are most alike on average, again and again."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

_JOINS = 1024
"""Joins between two reports."""


class Merges(NamedTuple):
    """The joins of n points into one group, in ascending order of height."""

    pairs: NDArray[np.int32]
    """A member of each of the two groups that are joined, shape (n - 1, 2)."""
    heights: NDArray[np.float32]
    """Mean distance between members of the two groups, shape (n - 1,)."""


class _Chains(NamedTuple):
    """Where joining has come to."""

    sizes: NDArray[np.float64]
    """Points of each group, at its first."""
    live: NDArray[np.int32]
    """First points of the groups that there are."""
    chain: NDArray[np.int32]
    """Groups, each of which has the next as its nearest."""
    counts: NDArray[np.int64]
    """How many groups are live, and in the chain."""


def average_linkage(
    distances: NDArray[np.float32], *, n: int, advance: Callable[[float], None] | None = None
) -> Merges:
    """Join n points by average linkage; `advance` counts joins.

    `distances`, shape (n (n - 1) / 2,), row by row above the diagonal, is the only large array, and is used up:
    what it holds afterwards means nothing.

    References: R. R. Sokal, C. D. Michener (1958), University of Kansas Science Bulletin 38 (average linkage);
    F. Murtagh (1983), The Computer Journal 26 (chains of nearest neighbours, which need no search for the nearest
    pair of all). Used on 1 - absolute correlation by F. Dalvi et al. (2020), Analyzing redundancy in pretrained
    transformer models, EMNLP.
    """
    pairs = np.empty((max(n - 1, 0), 2), dtype=np.int32)
    heights = np.empty(max(n - 1, 0), dtype=np.float32)
    state = _Chains(
        np.ones(n, np.float64), np.arange(n, dtype=np.int32), np.empty(n, np.int32), np.array([n, 0], np.int64)
    )
    for first in range(0, n - 1, _JOINS):
        last = min(first + _JOINS, n - 1)
        _follow_chains(distances, n, pairs, heights, state, first, last)
        if advance is not None:
            advance(last - first)
    order = np.argsort(heights, kind="stable")
    return Merges(pairs[order], heights[order])


def groups_at(merges: Merges, *, height: float) -> NDArray[np.int32]:
    """Give each point its group when joins up to a height are made: by falling size, ties by their first point."""
    n = len(merges.heights) + 1
    parent = np.arange(n)

    def root(point: int) -> int:
        while parent[point] != point:
            parent[point] = parent[parent[point]]
            point = int(parent[point])
        return point

    for first, second in merges.pairs[: np.searchsorted(merges.heights, height, side="right")].tolist():
        one, other = sorted((root(first), root(second)))
        parent[other] = one  # the root is the group's first point
    roots = np.array([root(point) for point in range(n)])
    firsts, members, sizes = np.unique(roots, return_inverse=True, return_counts=True)
    rank = np.empty(len(firsts), dtype=np.int32)
    rank[np.lexsort((firsts, -sizes))] = np.arange(len(firsts))
    return rank[members]


@njit(cache=True, nogil=True, inline="always")
def _place(n: int, one: int, other: int) -> int:
    """Give the index of the distance of two different points."""
    if one > other:
        one, other = other, one
    return one * (2 * n - one - 1) // 2 + (other - one - 1)


@njit(cache=True, nogil=True)
def _nearest_to(
    distances: NDArray[np.float32], n: int, point: int, live: NDArray[np.int32], n_live: int, preferred: int
) -> int:
    """Find the live group nearest to one; of equals the preferred one, else the first."""
    nearest = preferred
    best = distances[_place(n, point, preferred)] if preferred >= 0 else np.float32(np.inf)
    for at in range(n_live):
        other = live[at]
        if other == point:
            continue
        found = distances[_place(n, point, other)]
        if found < best or nearest < 0:
            best, nearest = found, other
    return nearest


@njit(cache=True, nogil=True)
def _follow_chains(
    distances: NDArray[np.float32],
    n: int,
    pairs: NDArray[np.int32],
    heights: NDArray[np.float32],
    state: _Chains,
    first: int,
    last: int,
) -> None:
    """Go from a group to its nearest, on and on, until two are each other's nearest; join those.

    `distances`, shape (n (n - 1) / 2,), is overwritten; `pairs`, shape (n - 1, 2), and `heights`, shape (n - 1,),
    are written to in the order of joining, from the join `first` to before `last`.
    """
    sizes, live, chain, counts = state
    n_live, length = counts
    for merge in range(first, last):
        if length == 0:
            chain[0] = live[0]
            length = 1
        while True:
            point = chain[length - 1]
            before = chain[length - 2] if length > 1 else -1
            nearest = _nearest_to(distances, n, point, live, n_live, before)
            if nearest == before and before >= 0:
                break
            chain[length] = nearest
            length += 1
        length -= 2
        one, other = min(point, nearest), max(point, nearest)
        pairs[merge, 0], pairs[merge, 1] = one, other
        heights[merge] = distances[_place(n, one, other)]
        kept = 0
        share = sizes[one] / (sizes[one] + sizes[other])
        for at in range(n_live):
            third = live[at]
            if third == other:
                continue
            live[kept] = third
            kept += 1
            if third != one:
                place = _place(n, one, third)
                joined = share * distances[place] + (1.0 - share) * distances[_place(n, other, third)]
                distances[place] = np.float32(joined)
        n_live = kept
        sizes[one] += sizes[other]
    counts[0], counts[1] = n_live, length
