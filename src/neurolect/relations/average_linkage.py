"""Correlation clustering: join the two groups whose members are most alike on average, again and again."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.relations.linkage_kernels import follow_chains

__all__ = ["Merges", "average_linkage", "groups_at"]


class Merges(NamedTuple):
    """The joins of n points into one group, in ascending order of height."""

    pairs: NDArray[np.int32]
    """A member of each of the two groups that are joined, shape (n - 1, 2)."""
    heights: NDArray[np.float32]
    """Mean distance between members of the two groups, shape (n - 1,)."""


def average_linkage(distances: NDArray[np.float32], *, n: int) -> Merges:
    """Join points by average linkage.

    Parameters
    ----------
    distances : float32, shape (n (n - 1) / 2,)
        Of all pairs, row by row above the diagonal. It is the only large array, and is used up: what it holds
        afterwards means nothing.
    n : int, >= 1
        Points.

    Returns
    -------
    Merges
        n - 1 joins.

    References
    ----------
    R. R. Sokal, C. D. Michener (1958), University of Kansas Science Bulletin 38 (average linkage);
    F. Murtagh (1983), The Computer Journal 26 (chains of nearest neighbours, which need no search for the nearest
    pair of all). Used on 1 - absolute correlation by F. Dalvi et al. (2020), Analyzing redundancy in pretrained
    transformer models, EMNLP.
    """
    pairs = np.empty((max(n - 1, 0), 2), dtype=np.int32)
    heights = np.empty(max(n - 1, 0), dtype=np.float32)
    follow_chains(distances, n, pairs, heights)
    order = np.argsort(heights, kind="stable")
    return Merges(pairs[order], heights[order])


def groups_at(merges: Merges, *, height: float) -> NDArray[np.int32]:
    """Cut the joins off at a height.

    Parameters
    ----------
    merges : Merges
        From :func:`average_linkage`.
    height : float
        Joins up to this are made.

    Returns
    -------
    int32, shape (n,)
        Group of each point, numbered by falling size, ties by their first point.
    """
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
