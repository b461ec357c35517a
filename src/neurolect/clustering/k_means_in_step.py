"""K-means with several numbers of clusters and several starts at once, in step.

Dims: N points, D dimensions, K clusters. A *block* is one start with one number of clusters; the centres of all
blocks lie side by side, so that one reading of a point compares it with all of them. Lloyd's rounds, k-means++
starts; what is random is drawn by the caller, so equal input gives equal output.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

MAX_ROUNDS = 12
LANES = 8


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
    starts = [_spread_out(points, max(numbers), each) for each in draws]
    firsts = np.concatenate([[0], np.cumsum([number for number in numbers for _ in starts])])
    centers = np.concatenate([points[start[:number]] for number in numbers for start in starts])
    labels, spent = _rounds(points, firsts, centers, max_rounds)
    found = []
    for place in range(len(numbers)):
        best = place * len(starts) + int(np.argmin(spent[place * len(starts) : (place + 1) * len(starts)]))
        found.append(Clusters(labels[best], centers[firsts[best] : firsts[best + 1]]))
    return found


def assign(points: NDArray[np.float32], centers: NDArray[np.float32], *, n_rounds: int) -> Clusters:
    """Let clusters found on some points settle on more points, for `n_rounds` of Lloyd's rounds at most."""
    moved = centers.copy()
    labels, _ = _rounds(points, np.array([0, len(moved)]), moved, n_rounds)
    return Clusters(labels[0], moved)


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
    going = np.arange(n_blocks)
    for _ in range(max_rounds):
        if len(going) == 0:
            break
        columns = np.empty(len(centers), np.int64)
        bounds = np.zeros(len(going) + 1, np.int64)
        n_columns = 0
        for place, block in enumerate(going):
            for column in range(firsts[block], firsts[block + 1]):
                columns[n_columns] = column
                n_columns += 1
            bounds[place + 1] = n_columns
            spent[block] = 0.0
        # whole vector registers: columns of zeros that no block looks at fill the last one
        turned = np.zeros((n_dimensions, -(-n_columns // LANES) * LANES), np.float32)
        halves = np.zeros(turned.shape[1], np.float32)
        for c in range(n_columns):
            sizes[columns[c]] = 0
            sums[columns[c]] = 0.0
            for d in range(n_dimensions):
                turned[d, c] = centers[columns[c], d]
                halves[c] += turned[d, c] * turned[d, c] / 2
        changed = _compare(points, turned, halves, (bounds, columns, going), labels, spent, sizes, sums)
        for place in range(len(going)):
            for c in range(bounds[place], bounds[place + 1]):
                column = columns[c]
                if sizes[column] > 0 and changed[place] > 0:
                    for d in range(n_dimensions):
                        centers[column, d] = sums[column, d] / sizes[column]
        going = going[changed > 0]
    return labels, spent


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _compare(
    points: NDArray[np.float32],
    turned: NDArray[np.float32],
    halves: NDArray[np.float32],
    layout: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    labels: NDArray[np.int16],
    spent: NDArray[np.float64],
    sizes: NDArray[np.int64],
    sums: NDArray[np.float32],
) -> NDArray[np.int64]:
    """Give every point to its nearest centre in each block, and add it up there; count the changes."""
    bounds, columns, going = layout
    changed = np.zeros(len(going), np.int64)
    near = np.empty(len(halves), np.float32)
    for i in range(len(points)):
        for c in range(len(halves)):
            near[c] = -halves[c]
        for d in range(points.shape[1]):
            value = points[i, d]
            for c in range(len(halves)):
                near[c] += value * turned[d, c]
        for place in range(len(going)):
            best = bounds[place]
            for c in range(best + 1, bounds[place + 1]):
                if near[c] > near[best]:
                    best = c
            block, label = going[place], best - bounds[place]
            if labels[block, i] != label:
                labels[block, i] = label
                changed[place] += 1
            spent[block] -= 2 * near[best]
            column = columns[best]
            sizes[column] += 1
            for d in range(points.shape[1]):
                sums[column, d] += points[i, d]
    return changed
