"""The loops behind average linkage."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["follow_chains"]


@njit(cache=True, nogil=True, inline="always")
def _place(n: int, one: int, other: int) -> int:
    """Say where the distance of two different points stands."""
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
def follow_chains(
    distances: NDArray[np.float32], n: int, pairs: NDArray[np.int32], heights: NDArray[np.float32]
) -> None:
    """Go from a group to its nearest, on and on, until two are each other's nearest; join those.

    Parameters
    ----------
    distances : float32, shape (n (n - 1) / 2,)
        Of all pairs; overwritten.
    n : int
        Points.
    pairs, heights : int32, shape (n - 1, 2); float32, shape (n - 1,)
        Written to, in the order of joining.
    """
    sizes = np.ones(n, np.float64)
    live = np.arange(n).astype(np.int32)
    n_live = n
    chain = np.empty(n, np.int32)
    length = 0
    for merge in range(n - 1):
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
