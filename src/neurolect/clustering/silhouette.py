"""Silhouettes of clusters in time linear in the number of points, and a null to judge them by.

Dims: N points, D dimensions, K clusters. With *squared* Euclidean distances the mean distance from a point to a
cluster follows from the cluster's mean and mean squared length, so no pair of points is ever compared. For unit
vectors the squared distance is twice one minus the cosine: these are the silhouettes by cosine distance.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray


def silhouettes(points: NDArray[np.float32], labels: NDArray[np.int16], *, n_clusters: int) -> NDArray[np.float32]:
    """Say of every point, from -1 to 1, how much nearer it is to its own cluster than to the next one.

    ``(b - a) / max(a, b)`` with the mean squared distances to the others of its cluster and to those of the nearest
    other cluster (P. Rousseeuw 1987, J. Computational and Applied Mathematics 20); 0 for a point alone in its
    cluster, and where there is no other cluster. Clusters may be empty.
    """
    values = np.zeros(len(points), np.float32)
    _fill(points, labels, n_clusters, values)
    return values


def one_cluster_like(points: NDArray[np.float32], normal: NDArray[np.float64]) -> NDArray[np.float32]:
    """Draw points, shape (M, D), from one normal cluster with the mean and the covariance of some points.

    `normal`, shape (M, D), has independent standard normal numbers. What is drawn is not of unit length: brought
    there, a cloud about the origin that is long in one direction would fall in two.
    """
    # No BLAS here: products this small are done before its threads have woken up, and many lists run at once.
    drawn = np.empty(normal.shape, np.float32)
    _draw(points, normal, drawn)
    return drawn


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _draw(points: NDArray[np.float32], normal: NDArray[np.float64], drawn: NDArray[np.float32]) -> None:
    n, n_dimensions = points.shape
    center = np.zeros(n_dimensions)
    for i in range(n):
        for d in range(n_dimensions):
            center[d] += points[i, d] / n
    root = np.zeros((n_dimensions, n_dimensions))
    away = np.empty(n_dimensions)
    for i in range(n):
        for d in range(n_dimensions):
            away[d] = points[i, d] - center[d]
        for d in range(n_dimensions):
            weight = away[d] / n
            for e in range(d + 1):
                root[d, e] += weight * away[e]
    _cholesky(root)
    for i in range(len(normal)):
        for d in range(n_dimensions):
            total = center[d]
            for e in range(d + 1):
                total += root[d, e] * normal[i, e]
            drawn[i, d] = total


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _cholesky(root: NDArray[np.float64]) -> None:
    """Turn the lower half of a covariance into that of its root; dimensions without variance stay zero."""
    for d in range(len(root)):
        for e in range(d + 1):
            total = root[d, e]
            for f in range(e):
                total -= root[d, f] * root[e, f]
            if e == d:
                root[d, d] = np.sqrt(total) if total > 1e-12 else 0.0
            else:
                root[d, e] = total / root[e, e] if root[e, e] > 0.0 else 0.0


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _fill(
    points: NDArray[np.float32], labels: NDArray[np.int16], n_clusters: int, values: NDArray[np.float32]
) -> None:
    n, n_dimensions = points.shape
    means = np.zeros((n_clusters, n_dimensions))
    squares = np.zeros(n_clusters)
    sizes = np.zeros(n_clusters, np.int64)
    own_squares = np.zeros(n)
    for i in range(n):
        sizes[labels[i]] += 1
        for d in range(n_dimensions):
            means[labels[i], d] += points[i, d]
            own_squares[i] += points[i, d] * points[i, d]
        squares[labels[i]] += own_squares[i]
    for each in range(n_clusters):
        if sizes[each] > 0:
            squares[each] /= sizes[each]
            for d in range(n_dimensions):
                means[each, d] /= sizes[each]
    for i in range(n):
        own, other = 0.0, np.inf
        for each in range(n_clusters):
            if sizes[each] == 0:
                continue
            product = 0.0
            for d in range(n_dimensions):
                product += points[i, d] * means[each, d]
            distance = max(own_squares[i] + squares[each] - 2 * product, 0.0)
            if each == labels[i]:
                own = distance * sizes[each] / max(sizes[each] - 1, 1)
            else:
                other = min(other, distance)
        largest = max(own, other)
        if sizes[labels[i]] > 1 and other < np.inf and largest > 1e-12:
            values[i] = (other - own) / largest
