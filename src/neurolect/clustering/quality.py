"""Silhouettes of clusters in time linear in the number of points, and a null to judge them by.

Dims: N points, D dimensions, K clusters. With *squared* Euclidean distances the mean distance from a point to a
cluster follows from the cluster's mean and mean squared length, so no pair of points is ever compared. For unit
vectors the squared distance is twice one minus the cosine: these are the silhouettes by cosine distance.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment


def silhouettes(points: NDArray[np.float32], labels: NDArray[np.int16], *, n_clusters: int) -> NDArray[np.float32]:
    """Say of every point, from -1 to 1, how much nearer it is to its own cluster than to the next one.

    ``(b - a) / max(a, b)`` with the mean squared distances to the others of its cluster and to those of the nearest
    other cluster (P. Rousseeuw 1987, J. Computational and Applied Mathematics 20); 0 for a point alone in its
    cluster, and where there is no other cluster. Clusters may be empty.
    """
    values = np.zeros(len(points), np.float32)
    fill_silhouettes(points, labels, n_clusters, values)
    return values


def one_cluster_like(points: NDArray[np.float32], normal: NDArray[np.float64]) -> NDArray[np.float32]:
    """Draw points, shape (M, D), from one normal cluster with the mean and the covariance of some points.

    `normal`, shape (M, D), has independent standard normal numbers. What is drawn is not of unit length: brought
    there, a cloud about the origin that is long in one direction would fall in two.
    """
    # No BLAS here: products this small are done before its threads have woken up, and many lists run at once.
    drawn = np.empty(normal.shape, np.float32)
    draw_one_cluster(points, normal, drawn)
    return drawn


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def draw_one_cluster(points: NDArray[np.float32], normal: NDArray[np.float64], drawn: NDArray[np.float32]) -> None:
    """Fill `drawn` as :func:`one_cluster_like`."""
    n, n_dimensions = points.shape
    away, turned = np.empty((n_dimensions, n)), np.ascontiguousarray(normal.T)  # long rows go fast
    away[:] = points.T
    root, center = np.zeros((n_dimensions, n_dimensions)), np.empty(n_dimensions)
    for d in range(n_dimensions):
        center[d] = away[d].sum() / n
        away[d] -= center[d]
        for e in range(d + 1):
            total, own, other = 0.0, away[d], away[e]
            for i in range(n):
                total += own[i] * other[i]
            root[d, e] = total / n
    _cholesky(root)
    row = np.empty(len(normal))
    for d in range(n_dimensions):
        row[:] = center[d]
        for e in range(0, d, 2):  # two at once, so that `row` is read and written less often
            first, second = root[d, e], root[d, e + 1]
            along, across = turned[e], turned[e + 1]
            for i in range(len(row)):
                row[i] += first * along[i] + second * across[i]
        if d % 2 == 0:
            for i in range(len(row)):
                row[i] += root[d, d] * turned[d, i]
        drawn[:, d] = row


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
def fill_silhouettes(
    points: NDArray[np.float32], labels: NDArray[np.int16], n_clusters: int, values: NDArray[np.float32]
) -> None:
    """Fill `values`, zeros before, as :func:`silhouettes`."""
    n, n_dimensions = points.shape
    means = np.zeros((n_clusters, n_dimensions))
    squares = np.zeros(n_clusters)
    sizes = np.zeros(n_clusters, np.int64)
    own_squares, turned = np.zeros(n), np.ascontiguousarray(points.T)  # long rows go fast
    for i in range(n):
        mean, point = means[labels[i]], points[i]
        sizes[labels[i]] += 1
        for d in range(n_dimensions):
            mean[d] += point[d]
            own_squares[i] += point[d] * point[d]
        squares[labels[i]] += own_squares[i]
    distances = np.empty((n_clusters, n))
    for each in range(n_clusters):
        if sizes[each] > 0:
            squares[each] /= sizes[each]
            means[each] /= sizes[each]
        distance = distances[each]
        for i in range(n):
            distance[i] = own_squares[i] + squares[each]
        for d in range(0, n_dimensions - 1, 2):  # two at once, so that `distance` is read and written less often
            first, second = 2 * means[each, d], 2 * means[each, d + 1]
            along, across = turned[d], turned[d + 1]
            for i in range(n):
                distance[i] -= first * along[i] + second * across[i]
        for d in range(n_dimensions - n_dimensions % 2, n_dimensions):
            for i in range(n):
                distance[i] -= 2 * means[each, d] * turned[d, i]
    for i in range(n):
        own, other = 0.0, np.inf
        for each in range(n_clusters):
            if sizes[each] == 0:
                continue
            apart = max(distances[each, i], 0.0)
            if each == labels[i]:
                own = apart * sizes[each] / max(sizes[each] - 1, 1)
            else:
                other = min(other, apart)
        largest = max(own, other)
        if sizes[labels[i]] > 1 and other < np.inf and largest > 1e-12:
            values[i] = (other - own) / largest


# How well groups found without looking agree with groups that are known: accuracy, chance, an interval.
class Accuracy(NamedTuple):
    """Agreement of a clustering with known groups."""

    accuracy: float
    """Share of points whose cluster is matched with their group, by the best one-to-one matching."""
    low: float
    """Lower end of the 95 % interval: points drawn again with replacement, matched again, less the bias of that."""
    high: float
    """Upper end."""
    chance: float
    """Mean accuracy when the groups are assigned at random; above 1/groups, since the best matching is taken."""
    chance_high: float
    """The 95th percentile of that."""
    p: float
    """Share of random dealings (and the true one) that reach the accuracy."""


def best_assignment(gains: NDArray[np.int64]) -> NDArray[np.int64]:
    """Match rows and columns one to one so that the sum of gains is greatest; -1 for rows left over."""
    columns = np.full(len(gains), -1, dtype=np.int64)
    rows, matched = linear_sum_assignment(gains, maximize=True)
    columns[rows] = matched
    return columns


def crossed(
    labels: NDArray[np.int32], groups: NDArray[np.int32], *, n_labels: int, n_groups: int
) -> NDArray[np.int64]:
    """Count the points of every cluster in every group, shape (n_labels, n_groups).

    >>> crossed(np.array([0, 0, 1], np.int32), np.array([1, 1, 0], np.int32), n_labels=2, n_groups=2).tolist()
    [[0, 2], [1, 0]]
    """
    cells = np.bincount(labels.astype(np.int64) * n_groups + groups, minlength=n_labels * n_groups)
    return cells.reshape(n_labels, n_groups).astype(np.int64)


def cluster_accuracy(
    labels: NDArray[np.int32],
    groups: NDArray[np.int32],
    *,
    n_labels: int,
    n_groups: int,
    seed: int = 0,
    n_draws: int = 500,
) -> Accuracy:
    """Measure how well clusters agree with known groups, by `n_draws` random dealings and bootstrap samples."""
    table = crossed(labels, groups, n_labels=n_labels, n_groups=n_groups)
    n = len(labels)
    accuracy = _matched_share(table)
    random = np.random.default_rng(seed)
    dealt = np.empty(n_draws)
    for draw in range(n_draws):
        mixed = random.permutation(groups)
        dealt[draw] = _matched_share(crossed(labels, mixed, n_labels=n_labels, n_groups=n_groups))
    # drawing n points with replacement is drawing their cells
    cells = random.multinomial(n, (table / n).ravel(), size=n_draws).reshape(n_draws, *table.shape)
    again = np.array([_matched_share(each) for each in cells])
    # the best matching of a sample is better than it should be, and the more so the fewer points agree
    again += accuracy - again.mean()
    low, high = np.clip(np.quantile(again, [0.025, 0.975]), 0.0, 1.0)
    reached = int(np.count_nonzero(dealt >= accuracy - 1e-12))
    return Accuracy(
        accuracy=accuracy,
        low=float(low),
        high=float(high),
        chance=float(dealt.mean()),
        chance_high=float(np.quantile(dealt, 0.95)),
        p=(reached + 1) / (n_draws + 1),
    )


def _matched_share(table: NDArray[np.int64]) -> float:
    return float(table[linear_sum_assignment(table, maximize=True)].sum() / max(table.sum(), 1))
