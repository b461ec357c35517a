"""K-means with several numbers of clusters and several starts at once, in step.

Dims: N points, D dimensions, K clusters. A *block* is one start with one number of clusters; the centres of all
blocks lie side by side, so that one reading of a point compares it with all of them. Lloyd's rounds, k-means++
starts; what is random is drawn by the caller, so equal input gives equal output.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

MAX_ROUNDS = 12
AT_ONCE = 512
"""Points whose nearness to the centres stays in the processor's cache."""


class Clusters(NamedTuple):
    """The best of several starts."""

    labels: NDArray[np.int16]
    """Cluster of each point, shape (N,)."""
    centers: NDArray[np.float32]
    """Means of the clusters' points, shape (K, D)."""


def cluster(
    points: NDArray[np.float32],
    *,
    numbers: tuple[int, ...],
    draws: NDArray[np.float64],
    max_rounds: int = MAX_ROUNDS,
) -> list[Clusters]:
    """Cluster points into each of several numbers of clusters.

    `draws`, shape (n_starts, at least max(numbers)), from 0 to 1, is what is random in the starts: which points
    become the first centres. For each number the start with the least sum of squared distances wins, the first of
    equally good ones; a cluster may be empty where points coincide.

    References: S. Lloyd (1982), Least squares quantization in PCM, IEEE Trans. Information Theory 28(2); D. Arthur,
    S. Vassilvitskii (2007), k-means++: the advantages of careful seeding, SODA.
    """
    labels, centers, firsts = cluster_each(points, np.array(numbers), draws, max_rounds)
    return [Clusters(labels[each], centers[first:last]) for each, (first, last) in enumerate(pairwise(firsts))]


@njit(cache=True, nogil=True)
def cluster_each(
    points: NDArray[np.float32], numbers: NDArray[np.int64], draws: NDArray[np.float64], max_rounds: int
) -> tuple[NDArray[np.int16], NDArray[np.float32], NDArray[np.int64]]:
    """Cluster as :func:`cluster`; give labels of each number, all centres, and where each number's start."""
    n_starts, most = len(draws), numbers.max()
    chosen = np.empty((n_starts, most), np.int64)
    for each in range(n_starts):
        chosen[each] = _spread_out(points, most, draws[each])
    firsts = np.zeros(len(numbers) * n_starts + 1, np.int64)
    centers = np.empty((numbers.sum() * n_starts, points.shape[1]), np.float32)
    for block in range(len(firsts) - 1):
        number = numbers[block // n_starts]
        firsts[block + 1] = firsts[block] + number
        for c in range(number):
            centers[firsts[block] + c] = points[chosen[block % n_starts, c]]
    labels, spent = _rounds(points, firsts, centers, max_rounds)
    of_best, ends = np.empty((len(numbers), len(points)), np.int16), np.zeros(len(numbers) + 1, np.int64)
    kept = np.empty((numbers.sum(), points.shape[1]), np.float32)
    for place in range(len(numbers)):
        best = place * n_starts + np.argmin(spent[place * n_starts : (place + 1) * n_starts])
        ends[place + 1] = ends[place] + numbers[place]
        of_best[place], kept[ends[place] : ends[place + 1]] = labels[best], centers[firsts[best] : firsts[best + 1]]
    return of_best, kept, ends


@njit(cache=True, nogil=True)
def settle(
    points: NDArray[np.float32], centers: NDArray[np.float32], n_rounds: int
) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Let clusters found on some points settle on more points, for `n_rounds` of Lloyd's rounds at most.

    Returns: labels: int16, shape (N,); centers: float32, shape (K, D).
    """
    moved = centers.copy()
    labels, _ = _rounds(points, np.array([0, len(moved)]), moved, n_rounds)
    return labels[0], moved


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _spread_out(points: NDArray[np.float32], n_centers: int, draws: NDArray[np.float64]) -> NDArray[np.int64]:
    """Draw points far from each other: each with a chance that grows with its squared distance to those drawn."""
    n, n_dimensions = points.shape
    chosen = np.empty(n_centers, np.int64)
    nearest = np.full(n, np.inf, np.float32)
    chosen[0] = min(int(draws[0] * n), n - 1)
    for place in range(1, n_centers):
        last = points[chosen[place - 1]]
        total = 0.0
        for i in range(n):
            distance = np.float32(0)
            for d in range(n_dimensions):
                step = points[i, d] - last[d]
                distance += step * step
            nearest[i] = min(nearest[i], distance)
            total += nearest[i]
        passed, chosen[place] = 0.0, n - 1
        for i in range(n):
            passed += nearest[i]
            if passed > draws[place] * total:
                chosen[place] = i
                break
    return chosen


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _rounds(
    points: NDArray[np.float32], firsts: NDArray[np.int64], centers: NDArray[np.float32], max_rounds: int
) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """Move the centres of all blocks until no point changes its cluster; give labels and squared distances."""
    n, n_dimensions = points.shape
    n_blocks = len(firsts) - 1
    labels = np.full((n_blocks, n), -1, np.int16)
    spent = np.zeros(n_blocks)  # less the points' own squared lengths, which are the same for all
    sizes, sums = np.empty(len(centers), np.int64), np.empty_like(centers)
    turned = np.ascontiguousarray(points.T)
    near = np.empty((int(np.diff(firsts).max()), min(n, AT_ONCE)), np.float32)
    best = np.empty(near.shape[1], np.int16)
    going = np.arange(n_blocks)
    for _ in range(max_rounds):
        changed = np.zeros(len(going), np.int64)
        for place, block in enumerate(going):
            columns = slice(firsts[block], firsts[block + 1])
            sizes[columns], sums[columns], spent[block] = 0, 0.0, 0.0
            for first in range(0, n, AT_ONCE):
                last = min(first + AT_ONCE, n)
                _come_near(turned, first, last, centers[columns], near)
                spent[block] -= 2 * _nearest(near, firsts[block + 1] - firsts[block], best[: last - first])
                changed[place] += _add_up(
                    points[first:last], best, labels[block], first, sizes[columns], sums[columns]
                )
            if changed[place] > 0:
                for column in range(firsts[block], firsts[block + 1]):
                    if sizes[column] > 0:
                        for d in range(n_dimensions):
                            centers[column, d] = sums[column, d] / sizes[column]
        going = going[changed > 0]
        if len(going) == 0:
            break
    return labels, spent


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _come_near(
    turned: NDArray[np.float32], first: int, last: int, centers: NDArray[np.float32], near: NDArray[np.float32]
) -> None:
    """Fill `near` with points' products with each centre, less half its squared length: the nearest has most."""
    n_dimensions, n = len(turned), last - first
    for c in range(len(centers)):
        half = np.float32(0)
        for d in range(n_dimensions):
            half += centers[c, d] * centers[c, d] / 2
        own = near[c]
        own[:n] = -half
        for d in range(0, n_dimensions - 3, 4):  # four at once, so that `near` is read and written less often
            a, b = centers[c, d], centers[c, d + 1]
            e, f = centers[c, d + 2], centers[c, d + 3]
            of_a, of_b = turned[d, first:last], turned[d + 1, first:last]
            of_e, of_f = turned[d + 2, first:last], turned[d + 3, first:last]
            for i in range(n):
                own[i] += a * of_a[i] + b * of_b[i] + e * of_e[i] + f * of_f[i]
        for d in range(n_dimensions - n_dimensions % 4, n_dimensions):
            for i in range(n):
                own[i] += centers[c, d] * turned[d, first + i]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _nearest(near: NDArray[np.float32], n_centers: int, best: NDArray[np.int16]) -> float:
    """Say which centre is nearest to each point, the first of equally near ones; add up how near."""
    best[:] = 0
    most = near[0]
    for c in range(1, n_centers):
        other = near[c]
        for i in range(len(best)):
            closer = other[i] > most[i]
            best[i] = np.int16(c) if closer else best[i]
            most[i] = max(other[i], most[i])
    total = 0.0
    for i in range(len(best)):
        total += most[i]
    return total


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _add_up(
    points: NDArray[np.float32],
    best: NDArray[np.int16],
    labels: NDArray[np.int16],
    first: int,
    sizes: NDArray[np.int64],
    sums: NDArray[np.float32],
) -> int:
    """Add every point up at its centre; count those that have another one than before."""
    changed = 0
    for i in range(len(points)):
        changed += labels[first + i] != best[i]
        labels[first + i] = best[i]
        sizes[best[i]] += 1
        own, point = sums[best[i]], points[i]
        for d in range(len(own)):
            own[d] += point[d]
    return changed
